/**
 * Clean pages of files that never change, kept while there is room. Order of eviction: first in, first out, with a
 * second chance for files read since (the "clock" of operating system textbooks). A page that someone has mapped is
 * passed over: dropping it would free nothing and cost a second copy.
 */
import { limits } from "../base/limits.ts";
import type { PagePool } from "./types.ts";

/** A file whose cached pages can be dropped. */
export interface CachedFile {
  /** Set by every access; cleared when eviction passes. */
  recentlyUsed: boolean;
  /** The cached page, or undefined. */
  cachedPage(index: number): number | undefined;
  /** Forgets the page; the cache releases it. */
  dropPage(index: number): void;
}

export class PageCache {
  readonly pool: PagePool;
  readonly #pagesMax: number;
  #files: (CachedFile | null)[] = [];
  #indexes: number[] = [];
  #head = 0;
  #count = 0;

  constructor(pool: PagePool, bytesMax: number = limits.pageCacheBytesMax) {
    this.pool = pool;
    this.#pagesMax = Math.max(1, Math.floor(bytesMax / limits.pageBytes));
    pool.registerShrinker((pages) => this.shrink(pages));
  }

  get pages(): number {
    return this.#count;
  }

  /** Takes over the caller's reference to a freshly filled page. */
  add(file: CachedFile, index: number): void {
    this.#files.push(file);
    this.#indexes.push(index);
    this.#count++;
    if (this.#count > this.#pagesMax) this.shrink(Math.max(1, this.#pagesMax >> 4));
  }

  /** Releases up to `pages` pages; how many it were. */
  shrink(pages: number): number {
    let released = 0;
    // Each page is looked at twice at most: once to take its file's second chance, once to go.
    for (let looks = this.#count * 2; looks > 0 && released < pages && this.#count > 0; looks--) {
      const file = this.#files[this.#head]!;
      const index = this.#indexes[this.#head]!;
      this.#files[this.#head] = null;
      this.#head++;
      const page = file.cachedPage(index);
      if (page === undefined) {
        this.#count--;
        continue;
      }
      if (file.recentlyUsed || this.pool.references(page) > 1) {
        file.recentlyUsed = false;
        this.#files.push(file);
        this.#indexes.push(index);
        continue;
      }
      file.dropPage(index);
      this.pool.release(page);
      this.#count--;
      released++;
    }
    if (this.#head > 4096 && this.#head * 2 > this.#files.length) {
      this.#files = this.#files.slice(this.#head);
      this.#indexes = this.#indexes.slice(this.#head);
      this.#head = 0;
    }
    return released;
  }
}
