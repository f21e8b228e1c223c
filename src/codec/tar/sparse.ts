/**
 * Sparse files, in the four ways GNU tar has written them ("Storing Sparse Files" in its manual): its old header with
 * 12-byte numbers, PAX 0.0 (repeated keys), 0.1 (one list) and 1.0 (the map stands before the content).
 */
import { decodeName } from "../../base/bytes.ts";
import { limits } from "../../base/limits.ts";
import { badHeader, number } from "./header.ts";
import { paxInteger, type PaxRecord } from "./pax.ts";

export type SparseMap = (readonly [number, number])[];

/** `count` pairs of the old format at `at` in a header block; a pair of empty fields ends the list. */
export function oldPairs(block: Uint8Array, at: number, count: number): SparseMap {
  const map: SparseMap = [];
  for (let i = 0; i < count; i++, at += 24) {
    if (block[at] === 0) break;
    map.push([
      number(block.subarray(at, at + 12), "sparse map"),
      number(block.subarray(at + 12, at + 24), "sparse map"),
    ]);
  }
  return map;
}

export const oldHeader = { pairsAt: 386, pairs: 4, moreAt: 482, realSizeAt: 483 };
export const oldExtension = { pairsAt: 0, pairs: 21, moreAt: 504 };

/** The map of formats 0.0 and 0.1 from a header's records; null when it has none. */
export function paxMap(records: readonly PaxRecord[]): SparseMap | null {
  const list = records.findLast((record) => record.key === "GNU.sparse.map");
  if (list) {
    const text = decodeName(list.value);
    return text === "" ? [] : pairUp(text.split(","));
  }
  const numbers = records.filter(({ key }) => key === "GNU.sparse.offset" || key === "GNU.sparse.numbytes");
  if (numbers.length === 0) return null;
  const map: SparseMap = [];
  for (let i = 0; i < numbers.length; i += 2) {
    const [offset, length] = [numbers[i]!, numbers[i + 1]];
    if (offset.key !== "GNU.sparse.offset" || length?.key !== "GNU.sparse.numbytes")
      throw badHeader("its sparse map is not well formed");
    map.push([paxInteger(offset.value, offset.key), paxInteger(length.value, length.key)]);
  }
  return map;
}

/** The map of format 1.0 from the blocks read so far; null when it goes on. */
export function contentMap(blocks: Uint8Array): SparseMap | null {
  const lines = decodeName(blocks).split("\n");
  const count = lines.length > 1 ? integer(lines[0]!) : null;
  if (count === null) {
    if (blocks.length > 512) throw badHeader("its sparse map is not well formed");
    return null;
  }
  if (count * 4 > limits.tarHeaderBytesMax) throw badHeader("its sparse map is too long");
  if (lines.length < 2 + 2 * count) return null;
  return pairUp(lines.slice(1, 1 + 2 * count));
}

/** Pieces must be in order, apart, inside the file and add up to what is stored. */
export function checkMap(map: SparseMap, sizeBytes: number, storedBytes: number): SparseMap {
  let end = 0;
  let total = 0;
  for (const [offset, length] of map) {
    if (offset < end || offset + length > sizeBytes) throw badHeader("its sparse map leaves the file");
    end = offset + length;
    total += length;
  }
  if (total !== storedBytes) throw badHeader("its sparse map does not fit its content");
  // GNU tar ends the map with an empty piece at the end of the file, which says nothing.
  return map.filter(([, length]) => length > 0);
}

function pairUp(numbers: readonly string[]): SparseMap {
  if (numbers.length % 2 !== 0) throw badHeader("its sparse map is not well formed");
  const map: SparseMap = [];
  for (let i = 0; i < numbers.length; i += 2) map.push([integer(numbers[i]!), integer(numbers[i + 1]!)]);
  return map;
}

function integer(digits: string): number {
  const value = /^[0-9]+$/.test(digits) ? Number(digits) : Number.NaN;
  if (!Number.isSafeInteger(value)) throw badHeader("its sparse map is not well formed");
  return value;
}
