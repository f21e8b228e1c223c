/**
 * Zstandard (RFC 8878) to plain bytes, by fzstd. The walk over frames and blocks is ours: it skips skippable frames,
 * takes several frames one after the other, notices data that ends too early, and refuses a frame that asks for a
 * window larger than the reference decoder's default before any memory is taken for it.
 */
import { Decompress } from "fzstd";
import { WherryError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import { concat } from "../base/bytes.ts";
import { ByteReader, type ByteStream } from "./stream.ts";

const frameMagic = 0xfd2fb528;
const skippableMagic = 0x184d2a50;

export async function* unzstd(source: ByteStream): AsyncGenerator<Uint8Array> {
  const reader = new ByteReader(source);
  try {
    while (!(await reader.atEnd())) {
      const start = await reader.read(4);
      const magic = uint(start);
      if (magic >>> 4 === skippableMagic >>> 4) await skip(reader, uint(await reader.read(4)));
      else if (magic === frameMagic) yield* frame(reader, start);
      else throw damaged("a frame does not start with the magic number");
    }
  } finally {
    await reader.close();
  }
}

async function* frame(reader: ByteReader, magic: Uint8Array): AsyncGenerator<Uint8Array> {
  // RFC 8878, 3.1.1.1: descriptor, window descriptor, dictionary id, content size.
  const descriptor = await reader.read(1);
  const flags = descriptor[0]!;
  const isSingleSegment = (flags & 0x20) !== 0;
  const dictionaryBytes = [0, 1, 2, 4][flags & 3]!;
  const sizeBytes = [isSingleSegment ? 1 : 0, 2, 4, 8][flags >> 6]!;
  const rest = await reader.read((isSingleSegment ? 0 : 1) + dictionaryBytes + sizeBytes);
  if (dictionaryBytes > 0 && uint(rest.subarray(isSingleSegment ? 0 : 1).subarray(0, dictionaryBytes)) !== 0)
    throw damaged("it needs a dictionary");
  if (windowBytes(isSingleSegment, rest, sizeBytes) > limits.zstdWindowBytesMax)
    throw new WherryError(
      "limit-exceeded",
      `the zstd data needs a window of more than ${limits.zstdWindowBytesMax} bytes`,
    );

  let output: Uint8Array[] = [];
  const decoder = new Decompress((chunk) => {
    if (chunk.length > 0) output.push(chunk);
  });
  const push = (bytes: Uint8Array, isLast: boolean): Uint8Array[] => {
    output = [];
    try {
      decoder.push(bytes, isLast);
    } catch (error) {
      throw damaged(error instanceof Error ? error.message : String(error), error);
    }
    return output;
  };

  let pending = concat([magic, descriptor, rest]);
  for (;;) {
    const header = await reader.read(3);
    const blockHeader = uint(header);
    const isLast = (blockHeader & 1) !== 0;
    // A run-length block (type 1) stores one byte, whatever its size.
    const block = await reader.read(((blockHeader >> 1) & 3) === 1 ? 1 : blockHeader >> 3);
    if (blockHeader >> 3 > limits.zstdBlockBytesMax) throw damaged("a block is larger than the format allows");
    yield* push(concat([pending, header, block]), false);
    pending = new Uint8Array(0);
    if (isLast) break;
  }
  if (flags & 4) await reader.read(4);
}

function windowBytes(isSingleSegment: boolean, header: Uint8Array, sizeBytes: number): number {
  if (isSingleSegment) {
    let size = 0;
    for (let i = header.length - 1; i >= header.length - sizeBytes; i--) size = size * 256 + header[i]!;
    return size;
  }
  const base = 2 ** (10 + (header[0]! >> 3));
  return base + (base / 8) * (header[0]! & 7);
}

async function skip(reader: ByteReader, length: number): Promise<void> {
  for (let left = length; left > 0;) {
    const part = await reader.readSome(left);
    if (part.length === 0) throw damaged("it ends within a skippable frame");
    left -= part.length;
  }
}

/** Little-endian, at most four bytes. */
function uint(bytes: Uint8Array): number {
  let value = 0;
  for (let i = bytes.length - 1; i >= 0; i--) value = value * 256 + bytes[i]!;
  return value;
}

function damaged(reason: string, cause?: unknown): WherryError {
  return new WherryError("invalid-archive", `the zstd data is damaged: ${reason}`, { cause });
}
