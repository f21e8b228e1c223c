/**
 * The host's end of a process's standard streams: Web streams on one side, the container's own pipes on the other, so
 * that a program sees what it would see under docker (a pipe) and back-pressure reaches from end to end.
 */
import { errno } from "../abi/errno.ts";
import { isPromise } from "../base/maybe.ts";
import type { OpenFile } from "../vfs/types.ts";

/** A pipe's buffer: nothing is gained by moving more at once. */
const chunkBytes = 65536;

/** Writes all of a stream into a pipe and closes it; stops early when nobody reads any more. Takes over the reference. */
export async function feedPipe(source: ReadableStream<Uint8Array>, pipe: OpenFile): Promise<void> {
  const reader = source.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      for (let at = 0; at < value.length;) {
        const result = pipe.write(value.subarray(at), null);
        const written = isPromise(result) ? await result : result;
        if (written > 0) at += written;
        else if (written === -errno.EAGAIN) await woken(pipe);
        else return;
      }
    }
  } catch {
    // The host's side was cut off: the program sees the end of its input.
  } finally {
    reader.cancel().catch(() => {});
    pipe.release();
  }
}

/** Reads a pipe to its end into a stream and closes both. A stream that fails is the reader's choice: the rest is lost. */
export async function drainPipe(pipe: OpenFile, target: WritableStream<Uint8Array>): Promise<void> {
  const writer = target.getWriter();
  const buffer = new Uint8Array(chunkBytes);
  try {
    for (;;) {
      const result = pipe.read(buffer, null);
      const count = isPromise(result) ? await result : result;
      if (count > 0) await writer.write(buffer.slice(0, count));
      else if (count === -errno.EAGAIN) await woken(pipe);
      else break;
    }
    await writer.close();
  } catch {
    // Nobody takes the output: the program gets EPIPE at its next write.
  } finally {
    pipe.release();
  }
}

/** Resolves when the file may be ready again. */
export function woken(file: OpenFile): Promise<void> {
  return new Promise((resolve) => {
    const leave = file.waiters!.add(() => {
      leave();
      resolve();
    });
  });
}
