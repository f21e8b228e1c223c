/**
 * Where a page's entry in the TLB is: the upper bits of its number times a multiplier (multiplicative hashing, Knuth vol. 3,
 * 6.4). Each page has one place only, so two that a program uses all the time and that share one make every access miss.
 * Then another multiplier takes them apart.
 */
import type { Expression } from "../encode/expression.ts";
import { i32, i64 } from "../encode/numeric.ts";
import { tlb } from "./layout.ts";
import { state } from "./state.ts";

/** From 32 bits to the offset of an entry. */
const shift = 32 - Math.log2(tlb.entries * tlb.entryBytes);
const mask = (tlb.entries - 1) * tlb.entryBytes;

/** Offset of the TLB entry of an address. */
export function tlbSlot(address: Expression): Expression {
  const page = i32.wrapI64(i64.shrU(address, i64.const(12)));
  const product = i32.mul(page, i32.load(i32.const(0), state.tlbMultiplier));
  return i32.and(i32.shrU(product, i32.const(shift)), i32.const(mask));
}

/** The same in JavaScript. */
export function tlbSlotOf(address: number, multiplier: number): number {
  return (Math.imul(Math.floor(address / 4096), multiplier) >>> shift) & mask;
}

/** 2^32 over the golden ratio. */
export const firstMultiplier = 0x9e3779b1;

/**
 * Odd, by a linear congruential step. Two pages that follow each other must not have one place: an access that straddles
 * them looks only at the place of the first, for the tag of the second. Their places differ by the upper bits of the
 * multiplier, or by one more.
 */
export function nextMultiplier(multiplier: number): number {
  let next = multiplier;
  do next = (Math.imul(next, 1664525) + 1013904223) | 1;
  while (next >>> 24 === 0 || next >>> 24 === 0xff);
  return next >>> 0;
}

/** With a miss for each so many instructions, misses are a large part of the time. */
const instructionsPerMiss = 500;
/** Instructions after which misses are looked at, and the most after several changes that did not help. */
const windowLeast = 2_000_000;
const windowMost = 512_000_000;

/** Watches how often accesses miss: more pages than the TLB has room for is no reason to change it again and again. */
export class MissWatch {
  #window = windowLeast;
  #instructions = 0;
  #misses = 0;

  /** What has been done since the processor began, in all. Whether another multiplier should be tried. */
  thrashes(instructions: number, misses: number): boolean {
    const done = instructions - this.#instructions;
    if (done < this.#window) return false;
    const isOften = (misses - this.#misses) * instructionsPerMiss > done;
    this.#window = isOften ? Math.min(windowMost, 2 * this.#window) : windowLeast;
    this.#instructions = instructions;
    this.#misses = misses;
    return isOften;
  }
}
