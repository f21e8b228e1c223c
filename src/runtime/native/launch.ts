/**
 * Starts one command of the OCI runtime (`run` or `exec`) in the foreground, joined to a RuntimeIo, and says how it
 * went: a process that runs, or a typed error when it never did. The runtime's word that the process is there is its
 * pid file; until then output is held back, because the runtime's own complaints come on the same stream.
 */
import { spawn } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { ExitStatus, ProcessSpec, RuntimeIo, RuntimeProcess } from "../types.ts";
import { makePipes } from "./pipes.ts";
import { startError } from "./start-error.ts";
import { openTerminal } from "./terminal.ts";

export interface LaunchOptions {
  /** Whole command line; `pidFile` and `logFile` are among its arguments. */
  readonly command: readonly string[];
  readonly process: ProcessSpec;
  readonly io: RuntimeIo;
  readonly folder: string;
  /** Begins the names of the files made in `folder`. */
  readonly name: string;
  readonly pidFile: string;
  readonly logFile: string;
  /** Where the script that mounts the root file system leaves its complaints. */
  readonly mountLog?: string;
}

export interface LaunchedProcess extends RuntimeProcess {
  readonly pid: number;
  kill(): void;
}

/** The runtime's own environment: nothing else of the user's shell leaks into it. */
function environment(): Record<string, string> {
  const kept: Record<string, string> = {
    PATH: `${process.env["PATH"] ?? ""}:/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin`,
  };
  for (const name of ["XDG_RUNTIME_DIR", "WHERRY_OVERLAY"]) {
    const value = process.env[name];
    if (value !== undefined) kept[name] = value;
  }
  return kept;
}

export async function launch(options: LaunchOptions): Promise<LaunchedProcess> {
  for (const path of [options.pidFile, options.logFile]) rmSync(path, { force: true });
  return options.process.tty ? launchOnTerminal(options) : launchOnPipes(options);
}

function readPid(path: string): number | null {
  try {
    const pid = Number.parseInt(readFileSync(path, "utf8"), 10);
    return pid > 0 ? pid : null;
  } catch {
    return null;
  }
}

/** Between two looks for the pid file; a container takes some 20 ms to start. */
const pollMs = 2;

/** The process id, or null when the runtime ended without starting one. */
async function started(pidFile: string, over: () => boolean): Promise<number | null> {
  for (;;) {
    const ended = over();
    const pid = readPid(pidFile);
    if (pid !== null || ended) return pid;
    await sleep(pollMs);
  }
}

function signalProcess(pid: number, over: () => boolean, signal: number): void {
  if (over()) return;
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

async function launchOnPipes(options: LaunchOptions): Promise<LaunchedProcess> {
  const pipes = await makePipes(options.folder, options.name, options.process.interactive);
  const { paths } = pipes;
  const child = spawn(
    "/bin/sh",
    [
      "-c",
      // Opened by the child, never by us: our end of a pipe must not be among the container's.
      'exec <"$1" >"$2" 2>"$3"; shift 3; exec "$@"',
      "sh",
      paths.stdin ?? "/dev/null",
      paths.stdout,
      paths.stderr,
      ...options.command,
    ],
    { cwd: options.folder, env: environment(), stdio: "ignore", detached: true },
  );
  let over = false;
  const exit = new Promise<number>((resolve) => {
    child.once("exit", (code, signal) => resolve(code ?? (signal === null ? 255 : 137)));
    child.once("error", () => resolve(255));
  });
  void exit.then(() => {
    over = true;
  });
  const pid = await started(options.pidFile, () => over);
  if (pid === null) {
    const code = await exit;
    pipes.ended();
    const words = await readAll(pipes.stderr);
    pipes.destroy();
    throw startError(options, code, words);
  }
  pipes.opened();
  if (pipes.stdin !== null) feed(options.io.stdin, pipes.stdin);
  const outputs = Promise.all([pump(pipes.stdout, options.io.stdout), pump(pipes.stderr, options.io.stderr)]);
  const exited = exit.then(async (code): Promise<ExitStatus> => {
    pipes.ended();
    await outputs;
    return { code };
  });
  return {
    pid,
    exited,
    signal: async (signal) => signalProcess(pid, () => over, signal),
    resize: async () => {},
    kill: () => signalProcess(pid, () => over, 9),
  };
}

async function launchOnTerminal(options: LaunchOptions): Promise<LaunchedProcess> {
  const { io } = options;
  const terminal = await openTerminal({
    command: options.command,
    folder: options.folder,
    environment: environment(),
    columns: options.process.columns,
    rows: options.process.rows,
    scratch: `${options.folder}/${options.name}.tty`,
  });
  let over = false;
  const early: Uint8Array[] = [];
  let deliver = (bytes: Uint8Array): void => void early.push(bytes.slice());
  terminal.onData((bytes) => deliver(bytes));
  const exit = new Promise<number>((resolve) => terminal.onExit(resolve));
  void exit.then(() => {
    over = true;
  });
  const pid = await started(options.pidFile, () => over);
  if (pid === null) {
    const code = await exit;
    throw startError(options, code, Buffer.concat(early).toString());
  }
  const writer = io.stdout.getWriter();
  writer.closed.catch(() => {});
  let writing: Promise<unknown> = Promise.resolve();
  let behind = 0;
  deliver = (bytes) => {
    behind++;
    if (behind > 16) terminal.pause();
    const copy = bytes.slice();
    writing = writing
      .then(() => writer.write(copy))
      .catch(() => {})
      .then(() => {
        if (--behind === 8) terminal.resume();
      });
  };
  for (const bytes of early) deliver(bytes);
  void feedTerminal(io.stdin, terminal, options.process.interactive);
  void io.stderr.close().catch(() => {});
  const exited = exit.then(async (code): Promise<ExitStatus> => {
    await writing;
    await writer.close().catch(() => {});
    return { code };
  });
  return {
    pid,
    exited,
    signal: async (signal) => signalProcess(pid, () => over, signal),
    resize: async (columns, rows) => {
      if (!over) terminal.resize(columns, rows);
    },
    kill: () => signalProcess(pid, () => over, 9),
  };
}

async function readAll(source: AsyncIterable<Buffer>): Promise<string> {
  const parts: Buffer[] = [];
  try {
    for await (const part of source) parts.push(part);
  } catch {
    // Whatever came before is all there is.
  }
  return Buffer.concat(parts).toString();
}

/** From a pipe to a stream. When nobody reads the stream any more, the pipe breaks for the process too. */
async function pump(
  source: AsyncIterable<Buffer> & { destroy(): unknown },
  target: WritableStream<Uint8Array>,
): Promise<void> {
  const writer = target.getWriter();
  writer.closed.catch(() => {});
  try {
    for await (const bytes of source) await writer.write(bytes);
    await writer.close();
  } catch {
    source.destroy();
    await writer.abort().catch(() => {});
  }
}

function feed(source: ReadableStream<Uint8Array>, target: NodeJS.WritableStream & { destroy(): unknown }): void {
  void (async () => {
    const reader = source.getReader();
    let gone = false;
    target.once("close", () => {
      gone = true;
      reader.cancel().catch(() => {});
    });
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done || gone) break;
        if (!target.write(value))
          await new Promise<void>((resolve) => {
            target.once("drain", resolve);
            target.once("close", resolve);
          });
      }
      target.end();
    } catch {
      target.destroy();
    }
  })();
}

async function feedTerminal(
  source: ReadableStream<Uint8Array>,
  terminal: { write(bytes: Uint8Array): void },
  interactive: boolean,
): Promise<void> {
  if (!interactive) return;
  try {
    const reader = source.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      // A terminal has no end of input: whoever typed goes away, the container stays.
      if (done) return;
      terminal.write(value);
    }
  } catch {
    // The caller's end broke: as above.
  }
}
