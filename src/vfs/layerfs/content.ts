/** The content of one file of a layer: pages filled from the archive as they are asked for, and given up when memory is short. */
import { errno } from "../../abi/errno.ts";
import { limits } from "../../base/limits.ts";
import type { Maybe } from "../../base/maybe.ts";
import type { LayerEntry } from "../../oci/layer-index.ts";
import type { LowerContent } from "../memory/lower.ts";
import type { CachedFile, PageCache } from "../page-cache.ts";
import type { PieceCache } from "./piece-cache.ts";

const pageBytes = limits.pageBytes;
const pieceBytes = limits.packPieceBytes;

/** A run of bytes: where in the file, how long, and where in the archive. */
interface Run {
  readonly start: number;
  readonly length: number;
  readonly archiveOffset: number;
}

export class LayerContent implements LowerContent, CachedFile {
  readonly size: number;
  readonly dataBytes: number;
  recentlyUsed = false;
  readonly #layer: number;
  readonly #offset: number;
  /** Sparse files only. */
  readonly #runs: readonly Run[] | null;
  readonly #cache: PageCache;
  readonly #pieces: PieceCache;
  readonly #pages: (number | undefined)[] = [];
  #lastMiss = -1;
  /** How often a page had to be waited for. */
  #waits = 0;

  constructor(layer: number, entry: LayerEntry, cache: PageCache, pieces: PieceCache) {
    this.#layer = layer;
    this.#offset = entry.offset;
    this.#cache = cache;
    this.#pieces = pieces;
    this.size = entry.size;
    this.#runs = entry.sparse === undefined ? null : runsOf(entry.sparse, entry.offset, entry.size);
    this.dataBytes = this.#runs === null ? entry.size : this.#runs.reduce((sum, run) => sum + run.length, 0);
  }

  page(index: number): Maybe<number> {
    const page = this.#pages[index];
    if (page !== undefined) {
      this.recentlyUsed = true;
      return page;
    }
    if (index < 0 || index * pageBytes >= this.size) return -errno.ENXIO;
    return this.#fill(index);
  }

  isHole(index: number): boolean {
    if (this.#runs === null) return false;
    const start = index * pageBytes;
    return !this.#runs.some((run) => run.start < start + pageBytes && run.start + run.length > start);
  }

  cachedPage(index: number): number | undefined {
    return this.#pages[index];
  }

  dropPage(index: number): void {
    this.#pages[index] = undefined;
  }

  #fill(index: number): Maybe<number> {
    let wait: Promise<void> | null;
    try {
      wait = this.#read(index);
    } catch {
      return -errno.EIO;
    }
    if (wait !== null) {
      this.#readAhead(index);
      return wait.then(
        () => this.page(index),
        () => -errno.EIO,
      );
    }
    this.#lastMiss = index;
    // Only now: whoever needs the memory may push cached pages out, which must not be this one.
    const pool = this.#cache.pool;
    const page = pool.allocateRaw();
    if (page < 0) return page;
    pool.bytes(page).set(scratch);
    pool.changed(page);
    this.#pages[index] = page;
    this.#cache.add(this, index);
    // Adding may have evicted: never what was just added unless the cache holds nothing else.
    return this.#pages[index] ?? -errno.ENOMEM;
  }

  /**
   * Has more ready when it is wanted, because pieces that are asked for together come in a fraction of the time: the next
   * one of what is read in order, and of programs and libraries, which are read all over, twice as many at each wait.
   */
  #readAhead(index: number): void {
    const isInOrder = index === 0 || index === this.#lastMiss + 1;
    const isProgram = this.#runs === null && this.size <= limits.readAheadFileBytesMax;
    const pieces = isProgram ? Math.min(limits.readAheadPiecesMax, 2 ** this.#waits++) : isInOrder ? 1 : 0;
    const at = this.#offset + index * pageBytes;
    const end = this.#offset + this.size;
    for (let next = at + pieceBytes; next <= at + pieces * pieceBytes; next += pieceBytes) {
      // From its end, on from its beginning; what lies behind a small file is likely to be wanted next.
      const beyond =
        next < end || (pieces === 1 && isInOrder) ? 0 : Math.ceil((next - end + 1) / this.size) * this.size;
      this.#pieces.prefetch(this.#layer, next - beyond);
    }
  }

  /** The page's bytes into `scratch`, or a promise after which to try again. */
  #read(index: number): Promise<void> | null {
    const start = index * pageBytes;
    const length = Math.min(pageBytes, this.size - start);
    if (this.#runs === null) {
      const wait = this.#pieces.read(this.#layer, this.#offset + start, scratch.subarray(0, length));
      if (wait === null && length < pageBytes) scratch.fill(0, length);
      return wait;
    }
    scratch.fill(0);
    for (const run of this.#runs) {
      const from = Math.max(start, run.start);
      const to = Math.min(start + length, run.start + run.length);
      if (from >= to) continue;
      const target = scratch.subarray(from - start, to - start);
      const wait = this.#pieces.read(this.#layer, run.archiveOffset + from - run.start, target);
      if (wait !== null) return wait;
    }
    return null;
  }
}

/** Filled without interruption and copied at once, so one is enough. */
const scratch = new Uint8Array(pageBytes);

function runsOf(sparse: readonly (readonly [number, number])[], offset: number, size: number): Run[] {
  const runs: Run[] = [];
  let archiveOffset = offset;
  for (const [start, length] of sparse) {
    if (length > 0 && start < size) runs.push({ start, length: Math.min(length, size - start), archiveOffset });
    archiveOffset += length;
  }
  return runs;
}
