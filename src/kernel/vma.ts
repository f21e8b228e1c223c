/**
 * The areas of an address space (Linux: struct vm_area_struct): sorted, never overlapping, page-aligned. An area says
 * what its pages are; which of them are there already is the page table's business.
 */
import type { OpenFile, PageMapping } from "../vfs/types.ts";

/** What pages come from: a file, or anonymous memory shared between processes. Reference-counted. */
export interface Backing {
  readonly mapping: PageMapping;
  /** Null for shared anonymous memory. */
  readonly file: OpenFile | null;
  retain(): void;
  release(): void;
}

export interface Vma {
  start: number;
  end: number;
  /** PROT_ bits. */
  protection: number;
  shared: boolean;
  /** Null: private anonymous memory. */
  backing: Backing | null;
  /** Byte offset in `backing` of `start`. */
  offset: number;
  growsDown: boolean;
  /** "[heap]", "[stack]"; null otherwise. */
  name: string | null;
  dontFork: boolean;
  wipeOnFork: boolean;
  /** A shared file opened without write access may never become writable by mprotect(2). */
  mayWrite: boolean;
}

export class VmaList {
  #areas: Vma[] = [];

  get all(): readonly Vma[] {
    return this.#areas;
  }

  /** Index of the first area that ends after `address`. */
  indexFrom(address: number): number {
    let low = 0;
    let high = this.#areas.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#areas[middle]!.end <= address) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The area that holds `address`, or null. */
  find(address: number): Vma | null {
    const area = this.#areas[this.indexFrom(address)];
    return area !== undefined && area.start <= address ? area : null;
  }

  at(index: number): Vma | undefined {
    return this.#areas[index];
  }

  /** Areas that overlap [start, end). */
  overlapping(start: number, end: number): Vma[] {
    const found: Vma[] = [];
    for (let i = this.indexFrom(start); i < this.#areas.length && this.#areas[i]!.start < end; i++) {
      found.push(this.#areas[i]!);
    }
    return found;
  }

  overlaps(start: number, end: number): boolean {
    const area = this.#areas[this.indexFrom(start)];
    return area !== undefined && area.start < end;
  }

  insert(area: Vma): void {
    this.#areas.splice(this.indexFrom(area.start), 0, area);
  }

  remove(area: Vma): void {
    const index = this.indexFrom(area.start);
    if (this.#areas[index] === area) this.#areas.splice(index, 1);
  }

  clear(): void {
    this.#areas = [];
  }

  /** Makes `address` a boundary: an area across it becomes two. */
  splitAt(address: number): void {
    const area = this.find(address);
    if (area === null || area.start === address) return;
    const upper: Vma = { ...area, start: address, offset: area.offset + (address - area.start) };
    upper.backing?.retain();
    area.end = address;
    this.insert(upper);
  }

  /** Joins areas that meet within [start, end] and differ in nothing. */
  mergeAround(start: number, end: number): void {
    let index = Math.max(0, this.indexFrom(start) - 1);
    while (index + 1 < this.#areas.length && this.#areas[index]!.end <= end) {
      const lower = this.#areas[index]!;
      const upper = this.#areas[index + 1]!;
      if (canMerge(lower, upper)) {
        lower.end = upper.end;
        upper.backing?.release();
        this.#areas.splice(index + 1, 1);
      } else index++;
    }
  }
}

function canMerge(lower: Vma, upper: Vma): boolean {
  return (
    lower.end === upper.start &&
    lower.protection === upper.protection &&
    lower.shared === upper.shared &&
    lower.backing === upper.backing &&
    (lower.backing === null || lower.offset + (lower.end - lower.start) === upper.offset) &&
    lower.growsDown === upper.growsDown &&
    lower.name === upper.name &&
    lower.dontFork === upper.dontFork &&
    lower.wipeOnFork === upper.wipeOnFork &&
    lower.mayWrite === upper.mayWrite
  );
}
