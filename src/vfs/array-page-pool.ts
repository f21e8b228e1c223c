/**
 * Pages as slices of ordinary arrays: for file systems outside the emulator (tests, WASI, copying to and from a stopped
 * container). Pages come from slabs of 256, because one allocation a page would cost more than its content.
 */
import { errno } from "../abi/errno.ts";
import { assert } from "../base/assert.ts";
import { limits } from "../base/limits.ts";
import type { PagePool } from "./types.ts";

const pageBytes = limits.pageBytes;
const pagesPerSlab = 256;

export class ArrayPagePool implements PagePool {
  readonly #pages: Uint8Array[] = [];
  readonly #counts: number[] = [];
  readonly #free: number[] = [];
  readonly #limit: number;
  readonly #shrinkers = new Set<(pages: number) => number>();
  #inUse = 0;

  /** `pagesMax` bounds the pool: past it clean pages are given back, then `allocate` fails. */
  constructor(pagesMax = limits.memoryBytesDefault / pageBytes) {
    this.#limit = pagesMax;
  }

  get pagesInUse(): number {
    return this.#inUse;
  }

  allocate(): number {
    const page = this.allocateRaw();
    if (page > 0) this.#pages[page - 1]!.fill(0);
    return page;
  }

  allocateRaw(): number {
    if (this.#inUse >= this.#limit) {
      for (const shrink of this.#shrinkers) {
        shrink(64);
        if (this.#inUse < this.#limit) break;
      }
      if (this.#inUse >= this.#limit) return -errno.ENOMEM;
    }
    if (this.#free.length === 0) this.#addSlab();
    const page = this.#free.pop()!;
    this.#counts[page - 1] = 1;
    this.#inUse++;
    return page;
  }

  retain(page: number): void {
    this.#counts[page - 1]!++;
  }

  release(page: number): void {
    const count = --this.#counts[page - 1]!;
    assert(count >= 0, "a page is released once for each reference");
    if (count > 0) return;
    this.#inUse--;
    this.#free.push(page);
  }

  references(page: number): number {
    return this.#counts[page - 1]!;
  }

  bytes(page: number): Uint8Array {
    return this.#pages[page - 1]!;
  }

  changed(_page: number): void {
    // Nothing is translated from these pages.
  }

  registerShrinker(shrink: (pages: number) => number): () => void {
    this.#shrinkers.add(shrink);
    return () => this.#shrinkers.delete(shrink);
  }

  #addSlab(): void {
    const count = Math.min(pagesPerSlab, this.#limit - this.#pages.length);
    const slab = new Uint8Array(count * pageBytes);
    const first = this.#pages.length;
    for (let i = 0; i < count; i++) {
      this.#pages.push(slab.subarray(i * pageBytes, (i + 1) * pageBytes));
      this.#counts.push(0);
    }
    for (let i = count; i > 0; i--) this.#free.push(first + i);
  }
}
