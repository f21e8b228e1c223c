/**
 * gzip (RFC 1952) to plain bytes. A gzip file may have several members one after the other, and real layers do; the
 * platform's DecompressionStream refuses all but the first. It is the quicker one, so it goes first where the data can
 * be opened a second time: when it stops, fflate starts over and skips what was already given out. Data that comes
 * only once goes to fflate at once.
 */
import { Gunzip } from "fflate";
import { concat } from "../base/bytes.ts";
import { WherryError } from "../base/errors.ts";
import { type ByteStream, fromReadable, inChunks, toReadable } from "./stream.ts";

/** fflate's output of one push is not bounded, but for deflate's ratio of 1032: 16 MiB at the worst. */
const inputChunkBytes = 16 * 1024;
const lengthFieldBytes = 4;

export async function* gunzip(source: ByteStream): AsyncGenerator<Uint8Array> {
  let output: Uint8Array[] = [];
  /** Plain bytes of the member under way. */
  let memberBytes = 0;
  /** The last bytes seen. */
  let tail = new Uint8Array(0);
  const decoder = new Gunzip((chunk) => {
    memberBytes += chunk.length;
    if (chunk.length > 0) output.push(chunk);
  });
  decoder.onmember = () => (memberBytes = 0);
  const push = (chunk: Uint8Array, isLast: boolean): Uint8Array[] => {
    output = [];
    try {
      decoder.push(chunk, isLast);
    } catch (error) {
      throw damaged(error);
    }
    return output;
  };
  for await (const chunk of inChunks(source, inputChunkBytes)) {
    tail = concat([tail, chunk]).slice(-lengthFieldBytes);
    yield* push(chunk, false);
  }
  yield* push(new Uint8Array(0), true);
  // fflate does not mind data that ends between two of its steps: a member ends with its length modulo 2^32.
  if (tail.length < lengthFieldBytes || new DataView(tail.buffer).getUint32(0, true) !== memberBytes % 2 ** 32)
    throw new WherryError("invalid-archive", "the gzip data ends too early: the archive is truncated");
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

function damaged(cause: unknown): WherryError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return reason.includes("unexpected EOF")
    ? new WherryError("invalid-archive", "the gzip data ends too early: the archive is truncated", { cause })
    : new WherryError("invalid-archive", `the gzip data is damaged: ${reason}`, { cause });
}
