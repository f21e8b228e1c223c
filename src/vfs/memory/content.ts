/**
 * The content of a regular file of a writable tree: pages of its own over those of a lower file. A write copies up the
 * pages it touches and no others, so appending a line to a large file of an image costs a page.
 *
 *     pages      | - | own | - | hole | - |        own wins; 0 marks a hole punched over lower content
 *     base       | lower . . . . |  (to `#baseBytes`)
 */
import { errno } from "../../abi/errno.ts";
import { FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE, FALLOC_FL_ZERO_RANGE } from "../../abi/fcntl.ts";
import { limits } from "../../base/limits.ts";
import type { Maybe } from "../../base/maybe.ts";
import type { FileContent } from "../types.ts";
import type { TreeFileSystem } from "./filesystem.ts";
import type { TreeInode } from "./inode.ts";
import type { LowerContent } from "./lower.ts";

const pageBytes = limits.pageBytes;
const hole = 0;

export class TreeContent implements FileContent {
  readonly #inode: TreeInode;
  readonly #fs: TreeFileSystem;
  readonly #base: LowerContent | null;
  /** Bytes of the base that still show. */
  #baseBytes: number;
  readonly #pages = new Map<number, number>();
  /** Own pages that are not holes. */
  #ownPages = 0;
  #size: number;

  constructor(inode: TreeInode, base: LowerContent | null) {
    this.#inode = inode;
    this.#fs = inode.fs;
    this.#base = base;
    this.#baseBytes = base === null ? 0 : base.size;
    this.#size = this.#baseBytes;
  }

  get size(): number {
    return this.#size;
  }

  get baseBytes(): number {
    return this.#baseBytes;
  }

  /** 512-byte blocks, as st_blocks. */
  get blocks(): number {
    const perPage = pageBytes / 512;
    if (this.#baseBytes === 0) return this.#ownPages * perPage;
    if (this.#pages.size === 0 && this.#baseBytes === this.#base!.size)
      return Math.ceil(this.#base!.dataBytes / pageBytes) * perPage;
    let pages = this.#ownPages;
    const basePages = Math.ceil(this.#baseBytes / pageBytes);
    for (let i = 0; i < basePages; i++) if (!this.#pages.has(i) && !this.#base!.isHole(i)) pages++;
    return pages * perPage;
  }

  // ---- pages -------------------------------------------------------------------------------------------------------

  page(index: number): Maybe<number> {
    const own = this.#pages.get(index);
    if (own !== undefined && own !== hole) return own;
    if (index < 0 || index * pageBytes >= this.#size) return -errno.ENXIO;
    if (own === undefined && index * pageBytes < this.#baseBytes) return this.#base!.page(index);
    // A mapping of a hole must see what is written there later: give it the page that will be written.
    return this.#newPage(index, true);
  }

  writablePage(index: number): Maybe<number> {
    if (index < 0 || index * pageBytes >= this.#size) return -errno.ENXIO;
    this.#touch();
    const page = this.#ownPage(index);
    // From now on its bytes may change without a call.
    this.#fs.observer?.pageMapped(this.#inode, index);
    return page;
  }

  /** The page at `index` as this file's own, marked dirty; allocated or copied up as needed. */
  #ownPage(index: number): Maybe<number> {
    const own = this.#pages.get(index);
    if (own !== undefined && own !== hole) {
      this.#fs.observer?.pageChanged(this.#inode, index);
      return own;
    }
    if (own === undefined && index * pageBytes < this.#baseBytes) {
      const lower = this.#base!.page(index);
      return typeof lower === "number" ? this.#copyUp(index, lower) : lower.then((page) => this.#copyUp(index, page));
    }
    return this.#newPage(index, true);
  }

  #copyUp(index: number, lower: number): number {
    if (lower < 0) return lower;
    // Someone else may have copied it up, or cut the file, while the lower page was read.
    const own = this.#pages.get(index);
    if (own !== undefined && own !== hole) return own;
    if (index * pageBytes >= this.#baseBytes) return this.#newPage(index, true);
    const pool = this.#fs.pool;
    // Making room may evict the lower page: hold it.
    pool.retain(lower);
    const page = this.#newPage(index, false);
    if (page > 0) {
      pool.bytes(page).set(pool.bytes(lower));
      pool.changed(page);
    }
    pool.release(lower);
    return page;
  }

  #newPage(index: number, zeroed: boolean): number {
    const fs = this.#fs;
    if (fs.observer !== null && fs.observer.full) return -errno.ENOSPC;
    if (!fs.takePage()) return -errno.ENOSPC;
    const page = zeroed ? fs.pool.allocate() : fs.pool.allocateRaw();
    if (page < 0) {
      fs.returnPages(1);
      return -errno.ENOSPC;
    }
    this.#pages.set(index, page);
    this.#ownPages++;
    fs.observer?.pageChanged(this.#inode, index);
    return page;
  }

  #dropPage(index: number, page: number): void {
    this.#pages.delete(index);
    if (page === hole) return;
    this.#ownPages--;
    this.#fs.returnPages(1);
    this.#fs.pool.release(page);
  }

  // ---- bytes -------------------------------------------------------------------------------------------------------

  read(target: Uint8Array, position: number): Maybe<number> {
    const length = Math.min(target.length, this.#size - position);
    if (length <= 0) return 0;
    this.#inode.accessed();
    return this.#readFrom(target, position, length, 0);
  }

  #readFrom(target: Uint8Array, position: number, length: number, from: number): Maybe<number> {
    const pool = this.#fs.pool;
    let done = from;
    while (done < length) {
      const at = position + done;
      const index = Math.floor(at / pageBytes);
      const offset = at - index * pageBytes;
      const count = Math.min(pageBytes - offset, length - done);
      let page = this.#pages.get(index);
      if (page === undefined) {
        page = hole;
        if (index * pageBytes < this.#baseBytes) {
          const lower = this.#base!.page(index);
          if (typeof lower !== "number") {
            const sofar = done;
            return lower.then((got) =>
              got < 0 ? (sofar > 0 ? sofar : got) : this.#readFrom(target, position, length, sofar),
            );
          }
          if (lower < 0) return done > 0 ? done : lower;
          page = lower;
        }
      }
      if (page === hole) target.fill(0, done, done + count);
      else {
        const bytes = pool.bytes(page);
        target.set(count === pageBytes ? bytes : bytes.subarray(offset, offset + count), done);
      }
      done += count;
    }
    return done;
  }

  write(source: Uint8Array, position: number): Maybe<number> {
    if (source.length === 0) return 0;
    return this.#writeFrom(source, position, 0);
  }

  #writeFrom(source: Uint8Array, position: number, from: number): Maybe<number> {
    const pool = this.#fs.pool;
    let done = from;
    while (done < source.length) {
      const at = position + done;
      const index = Math.floor(at / pageBytes);
      const offset = at - index * pageBytes;
      const count = Math.min(pageBytes - offset, source.length - done);
      let page: Maybe<number>;
      const own = this.#pages.get(index);
      if (count === pageBytes && (own === undefined || own === hole)) page = this.#newPage(index, false);
      else page = this.#ownPage(index);
      if (typeof page !== "number") {
        const sofar = done;
        return page.then((got) =>
          got < 0 ? this.#wrote(position, sofar, got) : this.#writeFrom(source, position, sofar),
        );
      }
      if (page < 0) return this.#wrote(position, done, page);
      pool.bytes(page).set(count === source.length ? source : source.subarray(done, done + count), offset);
      pool.changed(page);
      done += count;
    }
    return this.#wrote(position, done, 0);
  }

  #wrote(position: number, done: number, failed: number): number {
    if (done === 0) return failed;
    if (position + done > this.#size) this.#size = position + done;
    this.#touch();
    return done;
  }

  #touch(): void {
    this.#inode.modified();
  }

  /** Sets the size; what is cut off is gone, what is added reads as zeros. */
  truncate(size: number): Maybe<number> {
    if (size >= this.#size) {
      // No room is needed for a hole.
      this.#size = size;
      this.#touch();
      return 0;
    }
    const offset = size % pageBytes;
    const last = (size - offset) / pageBytes;
    if (offset !== 0 && this.#isData(last)) {
      // The rest of the last page must read as zeros if the file grows again.
      const page = this.#ownPage(last);
      if (typeof page !== "number") return page.then((got) => (got < 0 ? got : this.#cut(size)));
      if (page < 0) return page;
    }
    return this.#cut(size);
  }

  #cut(size: number): number {
    const offset = size % pageBytes;
    const first = Math.ceil(size / pageBytes);
    if (offset !== 0) {
      const page = this.#pages.get(first - 1);
      if (page !== undefined && page !== hole) {
        this.#fs.pool.bytes(page).fill(0, offset);
        this.#fs.pool.changed(page);
      }
    }
    for (const [index, page] of this.#pages) if (index >= first) this.#dropPage(index, page);
    if (this.#baseBytes > first * pageBytes) this.#baseBytes = first * pageBytes;
    this.#size = size;
    this.#fs.observer?.pagesDropped(this.#inode, first);
    this.#touch();
    return 0;
  }

  #isData(index: number): boolean {
    const own = this.#pages.get(index);
    if (own !== undefined) return own !== hole;
    return index * pageBytes < this.#baseBytes && !this.#base!.isHole(index);
  }

  // ---- holes -------------------------------------------------------------------------------------------------------

  nextData(position: number): number {
    if (position >= this.#size) return -errno.ENXIO;
    const first = Math.floor(position / pageBytes);
    const basePages = Math.ceil(this.#baseBytes / pageBytes);
    let found = Infinity;
    for (let i = first; i < basePages; i++)
      if (this.#isData(i)) {
        found = i;
        break;
      }
    if (found === Infinity)
      for (const [index, page] of this.#pages) if (page !== hole && index >= first && index < found) found = index;
    if (found * pageBytes >= this.#size) return -errno.ENXIO;
    return Math.max(position, found * pageBytes);
  }

  nextHole(position: number): number {
    if (position >= this.#size) return -errno.ENXIO;
    let index = Math.floor(position / pageBytes);
    if (!this.#isData(index)) return position;
    while (index * pageBytes < this.#size && this.#isData(index)) index++;
    return Math.min(index * pageBytes, this.#size);
  }

  allocate(mode: number, position: number, length: number): Maybe<number> {
    const end = position + length;
    switch (mode) {
      case 0:
      case FALLOC_FL_KEEP_SIZE: {
        const failed = this.#reserve(position, end);
        if (failed < 0) return failed;
        if (mode === 0 && end > this.#size) this.#size = end;
        this.#touch();
        return 0;
      }
      case FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE:
        return this.#zero(position, Math.min(end, this.#size));
      case FALLOC_FL_ZERO_RANGE:
      case FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE: {
        const zeroed = this.#zero(position, Math.min(end, this.#size));
        if (typeof zeroed !== "number" || zeroed < 0) return zeroed;
        if (mode === FALLOC_FL_ZERO_RANGE && end > this.#size) this.#size = end;
        return 0;
      }
      default:
        return -errno.EOPNOTSUPP;
    }
  }

  /** Later writes to the range must not run out of room: pages are taken now, as far as they are missing. */
  #reserve(position: number, end: number): number {
    const first = Math.floor(position / pageBytes);
    const last = Math.ceil(end / pageBytes);
    if (last - first > this.#fs.pagesFree) return -errno.ENOSPC;
    for (let i = first; i < last; i++) {
      if (this.#isData(i)) continue;
      const page = this.#newPage(i, true);
      if (page < 0) return page;
    }
    return 0;
  }

  #zero(position: number, end: number): Maybe<number> {
    if (end <= position) return 0;
    const first = Math.ceil(position / pageBytes);
    const last = Math.floor(end / pageBytes);
    // Whole pages become holes; the ragged ends are written as zeros.
    for (let i = first; i < last; i++) {
      const own = this.#pages.get(i);
      if (own === hole) continue;
      if (own !== undefined) this.#dropPage(i, own);
      else if (i * pageBytes >= this.#baseBytes) continue;
      this.#pages.set(i, hole);
      this.#fs.observer?.pageChanged(this.#inode, i);
    }
    this.#touch();
    const ends: [number, number][] =
      first > last
        ? [[position, end]]
        : [
            [position, first * pageBytes],
            [last * pageBytes, end],
          ];
    return this.#zeroRanges(ends.filter(([from, to]) => to > from && this.#isData(Math.floor(from / pageBytes))));
  }

  #zeroRanges(ranges: readonly [number, number][]): Maybe<number> {
    for (let i = 0; i < ranges.length; i++) {
      const [from, to] = ranges[i]!;
      const index = Math.floor(from / pageBytes);
      const page = this.#ownPage(index);
      if (typeof page !== "number") return page.then((got) => (got < 0 ? got : this.#zeroRanges(ranges.slice(i))));
      if (page < 0) return page;
      this.#fs.pool.bytes(page).fill(0, from - index * pageBytes, to - index * pageBytes);
      this.#fs.pool.changed(page);
    }
    return 0;
  }

  sync(): Maybe<number> {
    return this.#fs.sync();
  }

  // ---- for the journal ---------------------------------------------------------------------------------------------

  /** The own page at `index`: undefined when the base shows through, 0 for a hole. */
  ownPageAt(index: number): number | undefined {
    return this.#pages.get(index);
  }

  ownPageIndexes(): Iterable<number> {
    return this.#pages.keys();
  }

  /** Replay: the size and how much of the base shows. */
  restore(size: number, baseBytes: number): void {
    this.#size = size;
    this.#baseBytes = Math.min(baseBytes, this.#base?.size ?? 0);
  }

  /** Replay: pages from `firstIndex` on are gone. */
  restoreDropped(firstIndex: number): void {
    for (const [index, page] of this.#pages) if (index >= firstIndex) this.#dropPage(index, page);
  }

  /** Replay: a page, trailing zeros left out; nothing at all is a hole. */
  restorePage(index: number, bytes: Uint8Array): number {
    const own = this.#pages.get(index);
    if (bytes.length === 0) {
      if (own !== undefined) this.#dropPage(index, own);
      this.#pages.set(index, hole);
      return 0;
    }
    let page = own;
    if (page === undefined || page === hole) {
      if (!this.#fs.takePage()) return -errno.ENOSPC;
      page = this.#fs.pool.allocate();
      if (page < 0) {
        this.#fs.returnPages(1);
        return -errno.ENOSPC;
      }
      this.#pages.set(index, page);
      this.#ownPages++;
    }
    const target = this.#fs.pool.bytes(page);
    target.set(bytes);
    target.fill(0, bytes.length);
    this.#fs.pool.changed(page);
    return 0;
  }

  /** Gives all own pages back: the file has no name and is not open. */
  free(): void {
    for (const [index, page] of this.#pages) this.#dropPage(index, page);
    this.#baseBytes = 0;
    this.#size = 0;
  }
}
