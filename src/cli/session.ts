/**
 * Joins the command's own streams to an attached process: input with the detach keys, output, window size, signals.
 * Resolves when the process ends, or when the user detaches.
 */
import type { AttachedProcess } from "../container/types.ts";
import type { Context, Output } from "./command.ts";
import { DetachKeys } from "./detach-keys.ts";

export interface SessionOptions {
  readonly tty: boolean;
  /** Pass standard input on. */
  readonly input: boolean;
  /** Pass signals on to the process (docker's --sig-proxy). */
  readonly signals: boolean;
  /** Called once everything is joined, before waiting: the moment to start the container. */
  readonly start?: () => Promise<void>;
}

export type SessionEnd = { readonly kind: "exited"; readonly code: number } | { readonly kind: "detached" };

export async function runSession(
  context: Context,
  process: AttachedProcess,
  options: SessionOptions,
): Promise<SessionEnd> {
  const undo: (() => void)[] = [];
  const outputs = Promise.all([pump(process.stdout, context.stdout), pump(process.stderr, context.stderr)]);
  // A start that fails breaks the streams too; the start's own error is the one to tell.
  outputs.catch(() => {});
  try {
    // The terminal is ready before the program is: nothing typed early is echoed, nothing printed early is changed.
    if (options.tty) {
      const resize = (): void => {
        const { columns, rows } = context.size();
        process.resize(columns, rows).catch(() => {});
      };
      if (context.stdout.isTerminal) {
        undo.push(context.onResize(resize));
        resize();
      }
      if (options.input && context.stdin.isTerminal) {
        context.stdin.setRaw(true);
        undo.push(() => context.stdin.setRaw(false));
      }
    }
    if (options.signals)
      undo.push(
        context.onSignal((name) => {
          process.signal(name).catch(() => {});
        }),
      );
    await options.start?.();
    const detached = options.input ? feed(context, process, options.tty, undo) : new Promise<never>(() => {});
    const ended = process.exited.then(async (status): Promise<SessionEnd> => {
      await outputs;
      return { kind: "exited", code: status.code };
    });
    const end = await Promise.race([ended, detached.then((): SessionEnd => ({ kind: "detached" }))]);
    if (end.kind === "detached") {
      ended.catch(() => {});
      await process.detach();
    }
    return end;
  } finally {
    for (const step of undo.toReversed()) step();
  }
}

/** Resolves when the detach keys were typed; never otherwise. */
function feed(context: Context, process: AttachedProcess, tty: boolean, undo: (() => void)[]): Promise<void> {
  return new Promise((resolve) => {
    const reader = context.stdin.open().getReader();
    const writer = process.stdin.getWriter();
    writer.closed.catch(() => {});
    undo.push(() => void reader.cancel().catch(() => {}));
    const keys = tty ? new DetachKeys() : null;
    void (async () => {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        const { pass, detached } = keys === null ? { pass: value, detached: false } : keys.push(value);
        if (pass.length > 0) await writer.write(pass);
        if (detached) return resolve();
      }
      await writer.close();
    })().catch(() => {
      // The process takes no more input: it has ended, or will be seen to.
    });
  });
}

/** When nobody reads our output any more, the process's output is given up too. */
async function pump(source: ReadableStream<Uint8Array>, target: Output): Promise<void> {
  const reader = source.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    try {
      await target.write(value);
    } catch {
      await reader.cancel();
      return;
    }
  }
}
