/**
 * A byte stream over one MessagePort, with back-pressure by credits: between the page and its workers, and between
 * Node's worker threads. Browsers that cannot transfer streams (Safari) can transfer ports, so this works everywhere.
 *
 *     writableToPort(port) ~~chunk~~>  readableFromPort(port)
 *                          <~credit~~  as the reader takes chunks
 *                          <~cancel~~  when the reader gives up
 *
 * The writer may be `portWindowBytes` ahead of the reader. Chunks are byte arrays, or plain objects that hold some.
 */
import { WherryError } from "./errors.ts";
import type { PlainError } from "./errors.ts";
import { limits } from "./limits.ts";

type Message =
  | { readonly type: "chunk"; readonly chunk: unknown }
  | { readonly type: "end" }
  | { readonly type: "error"; readonly error: PlainError }
  | { readonly type: "credit"; readonly bytes: number }
  | { readonly type: "cancel"; readonly error: PlainError };

/** What a chunk costs against the window. A chunk that is not bytes counts what it visibly holds. */
function chunkBytes(chunk: unknown): number {
  if (chunk instanceof Uint8Array) return chunk.byteLength;
  if (typeof chunk !== "object" || chunk === null) return 64;
  let bytes = 64;
  for (const value of Object.values(chunk)) if (value instanceof Uint8Array) bytes += value.byteLength;
  return bytes;
}

/**
 * Structured clone copies the whole buffer under a view, so a small view of a large buffer is cut out first; the copy
 * is then transferred rather than copied again.
 */
function post(port: MessagePort, chunk: unknown): void {
  if (chunk instanceof Uint8Array) {
    // Not slice(): a Node Buffer's is a view, whose memory would be taken away from its owner.
    const own = new Uint8Array(chunk);
    port.postMessage({ type: "chunk", chunk: own } satisfies Message, [own.buffer]);
  } else {
    port.postMessage({ type: "chunk", chunk } satisfies Message);
  }
}

/** The sending end. Closing it ends the far stream; aborting it errors the far stream. */
export function writableToPort<T = Uint8Array>(port: MessagePort): WritableStream<T> {
  let credit: number = limits.portWindowBytes;
  let wake: (() => void) | null = null;
  let failure: WherryError | null = null;
  return new WritableStream<T>({
    start(controller) {
      port.onmessage = (event: MessageEvent) => {
        const message = event.data as Message;
        if (message.type === "credit") {
          credit += message.bytes;
          if (credit > 0) wake?.();
        } else if (message.type === "cancel") {
          failure = WherryError.from(message.error);
          controller.error(failure);
          port.close();
          wake?.();
        }
      };
    },
    async write(chunk) {
      while (credit <= 0 && failure === null) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
        wake = null;
      }
      if (failure !== null) throw failure;
      credit -= chunkBytes(chunk);
      post(port, chunk);
    },
    close() {
      port.postMessage({ type: "end" } satisfies Message);
    },
    abort(reason) {
      port.postMessage({ type: "error", error: WherryError.from(reason).toPlain() } satisfies Message);
    },
  });
}

/** The receiving end. Cancelling it errors the far writer. */
export function readableFromPort<T = Uint8Array>(port: MessagePort): ReadableStream<T> {
  let taken = 0;
  let cancelled = false;
  return new ReadableStream<T>(
    {
      start(controller) {
        port.onmessage = (event: MessageEvent) => {
          const message = event.data as Message;
          if (cancelled) return;
          if (message.type === "chunk") {
            taken += chunkBytes(message.chunk);
            controller.enqueue(message.chunk as T);
          } else if (message.type === "end") {
            port.close();
            controller.close();
          } else if (message.type === "error") {
            port.close();
            controller.error(WherryError.from(message.error));
          }
        };
      },
      // Called when the reader has room again; while the queue is full it is not called, so no credit goes back.
      pull() {
        if (taken === 0) return;
        port.postMessage({ type: "credit", bytes: taken } satisfies Message);
        taken = 0;
      },
      cancel(reason) {
        cancelled = true;
        const error = WherryError.from(reason ?? new WherryError("cancelled", "The reader went away."));
        port.postMessage({ type: "cancel", error: error.toPlain() } satisfies Message);
      },
    },
    { highWaterMark: limits.portWindowBytes / 2, size: chunkBytes },
  );
}
