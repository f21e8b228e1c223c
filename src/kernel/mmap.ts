/**
 * Changing an address space: what mmap, munmap, mprotect, mremap, madvise, brk and msync do to its areas. Addresses
 * and lengths are whole pages here; the system call layer has checked and rounded them. Results are addresses or
 * -errno.
 */
import { errno } from "../abi/errno.ts";
import { prot } from "../abi/mman.ts";
import { limits } from "../base/limits.ts";
import type { Maybe } from "../base/maybe.ts";
import { pte } from "../../wasm/x86/types.ts";
import { stackGuardBytes } from "./address-space.ts";
import type { AddressSpace } from "./address-space.ts";
import { userEnd } from "./user-memory.ts";
import type { Backing } from "./vma.ts";

const pageBytes = limits.pageBytes;
/** vm.mmap_min_addr. */
const lowestAddress = 65536;
/** vm.max_map_count. */
const areasMax = 65530;
/** MAP_32BIT maps below 2 GiB, from 1 GiB up. */
const low32Start = 0x40000000;
const low32End = 0x80000000;

export interface Mapping {
  readonly length: number;
  /** PROT_ bits. */
  readonly protection: number;
  readonly shared: boolean;
  /** Its reference is taken over, also on failure. */
  readonly backing: Backing | null;
  /** Byte offset in `backing`. */
  readonly offset: number;
  readonly growsDown?: boolean;
  readonly name?: string | null;
  readonly mayWrite?: boolean;
}

export type Placement =
  | { readonly kind: "hint"; readonly address: number }
  | { readonly kind: "fixed"; readonly address: number }
  | { readonly kind: "noreplace"; readonly address: number }
  | { readonly kind: "low" };

/** Adds an area; the address, or -errno. */
export function mapArea(
  space: AddressSpace,
  mapping: Mapping,
  placement: Placement,
  addressSpaceLimit = Infinity,
): number {
  const result = placeAndInsert(space, mapping, placement, addressSpaceLimit);
  if (result < 0) mapping.backing?.release();
  return result;
}

function placeAndInsert(
  space: AddressSpace,
  mapping: Mapping,
  placement: Placement,
  addressSpaceLimit: number,
): number {
  const { length } = mapping;
  if (length > userEnd) return -errno.ENOMEM;
  if (space.areas.all.length >= areasMax) return -errno.ENOMEM;
  if (addressSpaceLimit !== Infinity && space.virtualBytes + length > addressSpaceLimit) return -errno.ENOMEM;
  let start: number;
  if (placement.kind === "fixed" || placement.kind === "noreplace") {
    start = placement.address;
    if (start + length > userEnd) return -errno.ENOMEM;
    if (start < lowestAddress) return -errno.EPERM;
    if (placement.kind === "noreplace") {
      if (space.areas.overlaps(start, start + length)) return -errno.EEXIST;
    } else unmapArea(space, start, length);
  } else {
    const hint = placement.kind === "hint" ? placement.address : 0;
    if (hint >= lowestAddress && hint + length <= userEnd && !space.areas.overlaps(hint, hint + length)) start = hint;
    else {
      const found =
        placement.kind === "low"
          ? findGap(space, length, low32Start, low32End)
          : findGap(space, length, lowestAddress, space.mmapBase);
      if (found < 0) return found;
      start = found;
    }
  }
  space.areas.insert({
    start,
    end: start + length,
    protection: mapping.protection,
    shared: mapping.shared,
    backing: mapping.backing,
    offset: mapping.offset,
    growsDown: mapping.growsDown ?? false,
    name: mapping.name ?? null,
    dontFork: false,
    wipeOnFork: false,
    mayWrite: mapping.mayWrite ?? true,
  });
  space.areas.mergeAround(start, start + length);
  return start;
}

/** The highest free place of `length` bytes that ends at or below `high`. */
function findGap(space: AddressSpace, length: number, low: number, high: number): number {
  const areas = space.areas;
  let end = high;
  for (let index = areas.indexFrom(high - 1); ; index--) {
    const area = areas.at(index);
    if (area !== undefined && area.start < end) {
      if (end - area.end >= length) return end - length;
      end = Math.min(end, area.growsDown ? area.start - stackGuardBytes : area.start);
    }
    if (index <= 0) break;
  }
  return end - length >= low ? end - length : -errno.ENOMEM;
}

/** Removes what is mapped in the range; holes are fine. 0 or -errno. */
export function unmapArea(space: AddressSpace, start: number, length: number): number {
  const end = start + length;
  if (!space.areas.overlaps(start, end)) return 0;
  markDirty(space, start, end);
  space.areas.splitAt(start);
  space.areas.splitAt(end);
  for (const area of space.areas.overlapping(start, end)) {
    space.clearLeaves(area.start, area.end);
    space.areas.remove(area);
    area.backing?.release();
  }
  return 0;
}

/** mprotect(2): -ENOMEM at the first hole, after what lies before it was changed (as Linux does). */
export function protectArea(space: AddressSpace, start: number, length: number, protection: number): number {
  let end = start + length;
  let low = start;
  if ((protection & prot.GROWSDOWN) !== 0) {
    const area = space.areas.find(start);
    if (area === null || !area.growsDown) return -errno.EINVAL;
    low = area.start;
  }
  const wanted = protection & (prot.READ | prot.WRITE | prot.EXEC);
  let result = 0;
  let at = low;
  for (const area of space.areas.overlapping(low, end)) {
    if (area.start > at) break;
    if ((wanted & prot.WRITE) !== 0 && area.shared && !area.mayWrite) {
      result = -errno.EACCES;
      break;
    }
    at = area.end;
  }
  if (at < end) {
    if (result === 0) result = -errno.ENOMEM;
    end = at;
  }
  if (end <= low) return result;
  space.areas.splitAt(low);
  space.areas.splitAt(end);
  for (const area of space.areas.overlapping(low, end)) area.protection = wanted;
  space.refreshLeaves(low, end);
  space.areas.mergeAround(low, end);
  return result;
}

export interface RemapRequest {
  readonly oldStart: number;
  readonly oldLength: number;
  readonly newLength: number;
  readonly mayMove: boolean;
  readonly fixedAt: number | null;
  readonly dontUnmap: boolean;
}

/** mremap(2). */
export function remapArea(space: AddressSpace, request: RemapRequest): number {
  const { oldStart, newLength } = request;
  let { oldLength } = request;
  const area = space.areas.find(oldStart);
  if (area === null) return -errno.EFAULT;
  if (oldLength === 0) {
    // A second mapping of the same shared pages; private ones cannot be doubled.
    if (!area.shared) return -errno.EINVAL;
    area.backing?.retain();
    return mapArea(
      space,
      {
        length: newLength,
        protection: area.protection,
        shared: true,
        backing: area.backing,
        offset: area.offset + (oldStart - area.start),
        mayWrite: area.mayWrite,
      },
      request.fixedAt === null ? { kind: "hint", address: 0 } : { kind: "fixed", address: request.fixedAt },
    );
  }
  if (request.fixedAt === null && !request.dontUnmap) {
    if (newLength < oldLength) {
      unmapArea(space, oldStart + newLength, oldLength - newLength);
      return oldStart;
    }
    if (oldStart + oldLength > area.end) return -errno.EFAULT;
    if (newLength === oldLength) return oldStart;
    const end = oldStart + oldLength;
    if (end === area.end && oldStart + newLength <= userEnd && !space.areas.overlaps(end, oldStart + newLength)) {
      area.end = oldStart + newLength;
      space.areas.mergeAround(area.start, area.end);
      return oldStart;
    }
    if (!request.mayMove) return -errno.ENOMEM;
  } else {
    if (request.fixedAt !== null) {
      const target = request.fixedAt;
      if (target + newLength > oldStart && oldStart + oldLength > target) return -errno.EINVAL;
      if (target + newLength > userEnd) return -errno.EINVAL;
    }
    if (newLength < oldLength) {
      unmapArea(space, oldStart + newLength, oldLength - newLength);
      oldLength = newLength;
    }
    if (oldStart + oldLength > (space.areas.find(oldStart)?.end ?? 0)) return -errno.EFAULT;
  }
  const from = space.areas.find(oldStart)!;
  from.backing?.retain();
  const moved = mapArea(
    space,
    {
      length: newLength,
      protection: from.protection,
      shared: from.shared,
      backing: from.backing,
      offset: from.offset + (oldStart - from.start),
      name: from.name,
      mayWrite: from.mayWrite,
    },
    request.fixedAt === null ? { kind: "hint", address: 0 } : { kind: "fixed", address: request.fixedAt },
  );
  if (moved < 0) return moved;
  space.moveLeaves(oldStart, moved, Math.min(oldLength, newLength));
  if (!request.dontUnmap) unmapArea(space, oldStart, oldLength);
  return moved;
}

/** Where the heap ends after brk(2) asked for `end`: the old end if that cannot be. */
export function setHeapEnd(space: AddressSpace, end: number, dataLimit: number): number {
  const current = space.heapEnd;
  if (end < space.heapStart || end - space.heapStart > dataLimit || end > userEnd) return current;
  const oldPage = roundUp(current);
  const newPage = roundUp(end);
  if (newPage < oldPage) unmapArea(space, newPage, oldPage - newPage);
  else if (newPage > oldPage) {
    if (space.areas.overlaps(oldPage, newPage + stackGuardBytes)) return current;
    const mapped = mapArea(
      space,
      {
        length: newPage - oldPage,
        protection: prot.READ | prot.WRITE,
        shared: false,
        backing: null,
        offset: 0,
        name: "[heap]",
      },
      { kind: "fixed", address: oldPage },
    );
    if (mapped < 0) return current;
  }
  space.heapEnd = end;
  return end;
}

/** MADV_DONTNEED: private anonymous pages read as zero again, file pages come from the file again. */
export function discardPages(space: AddressSpace, start: number, end: number): void {
  markDirty(space, start, end);
  space.clearLeaves(start, end);
}

/**
 * Tells files which of their pages were written through shared mappings in the range: the page table knows, the page
 * cache has to, before the leaves go or the file is written back.
 */
export function markDirty(space: AddressSpace, start: number, end: number): void {
  for (const area of space.areas.overlapping(start, end)) {
    if (!area.shared || area.backing === null || area.backing.file === null) continue;
    const { mapping } = area.backing;
    const written: number[] = [];
    space.table.update(Math.max(start, area.start), Math.min(end, area.end), (address, entry) => {
      if ((entry & pte.dirty) !== 0) written.push((area.offset + (address - area.start)) / pageBytes);
      return entry;
    });
    for (const index of written) {
      // The page is cached and was made writable when it was first written: this answers at once.
      void mapping.writablePage(index);
    }
  }
}

/** msync(2) with MS_SYNC: every file mapped shared in the range is durable afterwards. */
export function syncArea(space: AddressSpace, start: number, end: number): Maybe<number> {
  markDirty(space, start, end);
  const pending: Promise<number>[] = [];
  for (const area of space.areas.overlapping(start, end)) {
    if (!area.shared || area.backing?.file == null) continue;
    const result = area.backing.file.sync();
    if (result instanceof Promise) pending.push(result);
    else if (result < 0) return result;
  }
  if (pending.length === 0) return 0;
  return Promise.all(pending).then((results) => results.find((result) => result < 0) ?? 0);
}

/** Whether every page of the range belongs to some area. */
export function isMapped(space: AddressSpace, start: number, end: number): boolean {
  let at = start;
  for (const area of space.areas.overlapping(start, end)) {
    if (area.start > at) return false;
    at = area.end;
  }
  return at >= end;
}

export function roundUp(bytes: number): number {
  return Math.ceil(bytes / pageBytes) * pageBytes;
}

export function roundDown(bytes: number): number {
  return bytes - (bytes % pageBytes);
}
