/**
 * Page caches: an access in a loop keeps, in locals, the page it last went to. As long as it stays there, a subtraction
 * and a compare find its place, where the TLB takes a dozen instructions. That is worth while for accesses whose base
 * hardly moves from one turn of the loop to the next; what it holds is checked at each access, so a wrong guess only
 * costs time.
 */
import type { Group } from "./plan.ts";
import type { BasicBlock } from "./region.ts";
import { derived, registersWritten, rsp, type Operation } from "./operation.ts";

export interface PageCache {
  readonly write: boolean;
  /** Of the largest access. */
  bytes: number;
}

/** An access whose address has a base. */
export interface BasedAccess {
  readonly group: Group;
  /** -1: a constant. */
  readonly register: number;
  /** What is added to it, without the index. */
  readonly offset: number;
}

/** Larger loops have too many bases for locals. */
const loopBlocksMax = 40;
/** A base that moves by more bytes at once is soon in another page. */
const strideMax = 256;

/** Accesses off the same base, at most a page apart, share a cache. */
export function cachePages(
  loop: ReadonlySet<BasicBlock>,
  based: ReadonlyMap<BasicBlock, readonly BasedAccess[]>,
  implicitWrites: (operation: Operation) => number,
): void {
  if (loop.size > loopBlocksMax) return;
  const steady = steadyRegisters(loop, implicitWrites);
  const caches = new Map<string, PageCache>();
  for (const block of loop)
    for (const { group, register, offset } of based.get(block)!) {
      if (group.lasting || group.cache !== null || (register >= 0 && (steady & (1 << register)) === 0)) continue;
      const key = `${group.write} ${register} ${Math.round(offset / 4096)}`;
      let cache = caches.get(key);
      if (cache === undefined) caches.set(key, (cache = { write: group.write, bytes: 0 }));
      cache.bytes = Math.max(cache.bytes, group.bytes);
      group.cache = cache;
    }
}

/** General registers that a loop changes by small constants only, or sets to others of that kind; as bits. */
function steadyRegisters(loop: ReadonlySet<BasicBlock>, implicitWrites: (operation: Operation) => number): number {
  let steady = 0xffff;
  for (let before = 0; before !== steady;) {
    before = steady;
    for (const { operations } of loop)
      for (const operation of operations) {
        const from = derived(operation);
        let written = registersWritten(operation) | (implicitWrites(operation) & ~(1 << rsp));
        if (from !== null && Math.abs(from.by) <= strideMax && (steady & (1 << from.from)) !== 0)
          written &= ~(1 << from.to);
        steady &= ~written;
      }
  }
  return steady;
}
