/**
 * Byte streams inside Wherry are async iterables of chunks: no queue of their own, so what reads slowly is fed slowly.
 * Chunks belong to the receiver and are never changed after they were handed over.
 */
import { WherryError } from "../base/errors.ts";
import { concat } from "../base/bytes.ts";

export type ByteStream = AsyncIterable<Uint8Array>;

/** Not every browser can iterate a ReadableStream. Leaving the loop early cancels the stream. */
export async function* fromReadable(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = stream.getReader();
  let finished = false;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) {
        finished = true;
        return;
      }
      yield value;
    }
  } finally {
    if (!finished) await reader.cancel().catch(() => {});
    reader.releaseLock();
  }
}

export function toReadable(source: ByteStream): ReadableStream<Uint8Array> {
  const iterator = source[Symbol.asyncIterator]();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await iterator.next();
        if (done) controller.close();
        else controller.enqueue(value);
      },
      async cancel() {
        await iterator.return?.();
      },
    },
    { highWaterMark: 0 },
  );
}

/** A whole small stream; more than `bytesMax` is an error. */
export async function collect(source: ByteStream, bytesMax: number, what: string): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of source) {
    length += part.length;
    if (length > bytesMax)
      throw new WherryError("limit-exceeded", `${what} is larger than the limit of ${bytesMax} bytes`);
    parts.push(part);
  }
  return concat(parts);
}

/** The same stream, with every chunk shown to `see` on its way. */
export async function* tap(source: ByteStream, see: (chunk: Uint8Array) => void): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) {
    see(chunk);
    yield chunk;
  }
}

/** The same bytes in chunks of at most `bytesMax`. */
export async function* inChunks(source: ByteStream, bytesMax: number): AsyncGenerator<Uint8Array> {
  for await (const chunk of source)
    for (let at = 0; at < chunk.length; at += bytesMax) yield chunk.subarray(at, at + bytesMax);
}

/** Ends a stream with a "cancelled" error as soon as the signal asks for it. */
export async function* cancellable(source: ByteStream, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) {
    throwIfCancelled(signal);
    yield chunk;
  }
  throwIfCancelled(signal);
}

export function throwIfCancelled(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new WherryError("cancelled", "cancelled");
}

/** Looks at the first bytes of a stream and gives them back: a prefix of up to `length` bytes and the whole stream. */
export async function peek(source: ByteStream, length: number): Promise<{ prefix: Uint8Array; stream: ByteStream }> {
  const iterator = source[Symbol.asyncIterator]();
  const parts: Uint8Array[] = [];
  let seen = 0;
  while (seen < length) {
    const { done, value } = await iterator.next();
    if (done) break;
    parts.push(value);
    seen += value.length;
  }
  const prefix = concat(parts).subarray(0, length);
  async function* rejoined(): AsyncGenerator<Uint8Array> {
    try {
      yield* parts;
      for (;;) {
        const { done, value } = await iterator.next();
        if (done) return;
        yield value;
      }
    } finally {
      await iterator.return?.();
    }
  }
  return { prefix, stream: rejoined() };
}

/** Takes exact numbers of bytes from a stream. */
export class ByteReader {
  readonly #iterator: AsyncIterator<Uint8Array>;
  #chunk: Uint8Array = new Uint8Array(0);
  #ended = false;

  constructor(source: ByteStream) {
    this.#iterator = source[Symbol.asyncIterator]();
  }

  async #more(): Promise<boolean> {
    while (this.#chunk.length === 0 && !this.#ended) {
      const { done, value } = await this.#iterator.next();
      if (done) this.#ended = true;
      else this.#chunk = value;
    }
    return this.#chunk.length > 0;
  }

  async atEnd(): Promise<boolean> {
    return !(await this.#more());
  }

  /** Between 1 and `lengthMax` bytes; empty only at the end. */
  async readSome(lengthMax: number): Promise<Uint8Array> {
    await this.#more();
    const part = this.#chunk.subarray(0, lengthMax);
    this.#chunk = this.#chunk.subarray(part.length);
    return part;
  }

  /** Exactly `length` bytes, or an error that the stream is cut short. */
  async read(length: number): Promise<Uint8Array> {
    if (this.#chunk.length >= length) return this.readSome(length);
    const bytes = new Uint8Array(length);
    for (let at = 0; at < length;) {
      const part = await this.readSome(length - at);
      if (part.length === 0) throw truncated();
      bytes.set(part, at);
      at += part.length;
    }
    return bytes;
  }

  async close(): Promise<void> {
    await this.#iterator.return?.();
  }
}

export function truncated(): WherryError {
  return new WherryError("invalid-archive", "the data ends too early: the archive is truncated");
}
