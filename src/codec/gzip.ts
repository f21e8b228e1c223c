/**
 * gzip (RFC 1952) to plain bytes. A gzip file may have several members one after the other, and real layers do; the
 * platform's DecompressionStream refuses all but the first. It is the quicker one and works in a thread of its own, so
 * it goes first where the data can be opened a second time: when it stops, our own decoder starts over and skips what
 * was already given out. Data that comes only once goes to our own at once.
 */
import { concat } from "../base/bytes.ts";
import { WherryError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import { Inflater } from "./inflate.ts";
import { type ByteStream, fromReadable, inChunks, toReadable } from "./stream.ts";

/** Deflate's ratio is 1032 at most, so this bounds what one step puts out to 16 MiB. */
const inputChunkBytes = 16 * 1024;
/** CRC-32 and length. */
const trailerBytes = 8;

export async function* gunzip(source: ByteStream): AsyncGenerator<Uint8Array> {
  const decoder = new GzipDecoder();
  for await (const chunk of inChunks(source, inputChunkBytes)) yield* decoder.push(chunk, false);
  yield* decoder.push(new Uint8Array(0), true);
}

/** Members one after the other: header, DEFLATE data, trailer. */
class GzipDecoder {
  #output: Uint8Array[] = [];
  readonly #inflater = new Inflater((bytes) => this.#output.push(bytes));
  #state: "header" | "data" | "trailer" | "zeros" = "header";
  #isFirst = true;
  #rest: Uint8Array = new Uint8Array(0);

  push(chunk: Uint8Array, isLast: boolean): Uint8Array[] {
    this.#output = [];
    let input = this.#rest.length === 0 ? chunk : concat([this.#rest, chunk]);
    for (;;) {
      const taken = this.#step(input, isLast);
      if (taken === null) break;
      input = input.subarray(taken);
    }
    // A copy: the chunk is the caller's, and may be a small part of something large.
    this.#rest = input.slice();
    if (isLast && (this.#state !== "header" || this.#isFirst) && this.#state !== "zeros") throw truncated();
    if (isLast && input.length > 0) throw truncated();
    return this.#output;
  }

  /** Bytes of input done with, or null when more is needed first. */
  #step(input: Uint8Array, isLast: boolean): number | null {
    switch (this.#state) {
      case "header": {
        if (input.length === 0) return null;
        // Some writers fill up their last block with zeros.
        if (!this.#isFirst && input[0] === 0) {
          this.#state = "zeros";
          return 0;
        }
        const length = headerLength(input);
        if (length === null) return null;
        this.#isFirst = false;
        this.#inflater.reset();
        this.#state = "data";
        return length;
      }
      case "data": {
        const taken = this.#inflater.push(input, isLast);
        if (this.#inflater.isDone) {
          this.#inflater.flush();
          this.#state = "trailer";
          return taken;
        }
        this.#rest = input.subarray(taken);
        return taken === 0 ? null : taken;
      }
      case "trailer": {
        if (input.length < trailerBytes) return null;
        const length = new DataView(input.buffer, input.byteOffset + 4, 4).getUint32(0, true);
        if (length !== this.#inflater.totalBytes % 2 ** 32) throw damaged("a member's length is wrong");
        this.#state = "header";
        return trailerBytes;
      }
      case "zeros":
        if (input.some((byte) => byte !== 0)) throw damaged("something follows it that is not gzip");
        return input.length === 0 ? null : input.length;
    }
  }
}

/** RFC 1952, 2.3; null when the header goes on past the input. */
function headerLength(input: Uint8Array): number | null {
  if (input[0] !== 0x1f || (input.length > 1 && input[1] !== 0x8b) || (input.length > 2 && input[2] !== 8))
    throw damaged("a member does not start with the magic number");
  if (input.length < 10) return null;
  const flags = input[3]!;
  let length = 10;
  if (flags & 4) {
    if (input.length < 12) return null;
    length += 2 + input[10]! + input[11]! * 256;
  }
  // A name, then a comment, each up to a NUL.
  for (const flag of [8, 16]) {
    if (!(flags & flag)) continue;
    const end = input.indexOf(0, length);
    if (end < 0 || length > input.length) {
      if (input.length > limits.tarHeaderBytesMax) throw damaged("a header is too long");
      return null;
    }
    length = end + 1;
  }
  if (flags & 2) length += 2;
  return length <= input.length ? length : null;
}

/** The same for data that can be opened again from its beginning. */
export async function* gunzipReopenable(open: () => ByteStream): AsyncGenerator<Uint8Array> {
  let givenOut = 0;
  if (typeof DecompressionStream === "function") {
    try {
      for await (const chunk of gunzipNative(open())) {
        givenOut += chunk.length;
        yield chunk;
      }
      return;
    } catch (error) {
      // Ours, or the source's own trouble: a second reading would not help.
      if (!(error instanceof NativeGunzipError)) throw error;
    }
  }
  let toSkip = givenOut;
  for await (const chunk of gunzip(open())) {
    if (toSkip < chunk.length) yield chunk.subarray(toSkip);
    toSkip = Math.max(0, toSkip - chunk.length);
  }
}

class NativeGunzipError extends Error {}

async function* gunzipNative(source: ByteStream): AsyncGenerator<Uint8Array> {
  let sourceError: { readonly error: unknown } | null = null;
  async function* watched(): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    try {
      for await (const chunk of source) yield chunk as Uint8Array<ArrayBuffer>;
    } catch (error) {
      sourceError = { error };
      throw error;
    }
  }
  const input = toReadable(watched()) as ReadableStream<Uint8Array<ArrayBuffer>>;
  const output = input.pipeThrough(new DecompressionStream("gzip"));
  try {
    yield* fromReadable(output);
  } catch (error) {
    const failure = sourceError as { readonly error: unknown } | null;
    throw failure ? failure.error : new NativeGunzipError("native gunzip refused the data", { cause: error });
  }
}

function truncated(): WherryError {
  return new WherryError("invalid-archive", "the gzip data ends too early: the archive is truncated");
}

function damaged(reason: string): WherryError {
  return new WherryError("invalid-archive", `the gzip data is damaged: ${reason}`);
}
