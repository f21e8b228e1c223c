/** One process's page tables, in the format of `wasm/x86/types.ts` (`pte`): a root and two levels above the leaves. */
import { limits } from "../base/limits.ts";
import type { Cpu } from "../../wasm/x86/types.ts";
import type { FrameAllocator } from "./frames.ts";

/** Bytes that one leaf table, and one middle table, translate. */
const leafSpan = 2 ** 22;
const middleSpan = 2 ** 32;
const upperSpan = 2 ** 42;

export class PageTable {
  readonly #cpu: Cpu;
  readonly #frames: FrameAllocator;
  readonly root: number;
  /** Frames the tables themselves take. */
  #tables: number[] = [];

  /** Throws a number (-ENOMEM) when there is no memory for the root. */
  constructor(cpu: Cpu, frames: FrameAllocator) {
    this.#cpu = cpu;
    this.#frames = frames;
    const root = frames.allocate();
    if (root < 0) throw root;
    this.root = root;
    this.#tables.push(root);
  }

  get tableCount(): number {
    return this.#tables.length;
  }

  /** The leaf for the page at `address`, or 0. */
  get(address: number): number {
    const words = this.#cpu.words;
    const upper = words[(this.root >>> 2) + Math.floor(address / upperSpan)]!;
    if (upper === 0) return 0;
    const middle = words[(upper >>> 2) + (Math.floor(address / middleSpan) & 1023)]!;
    if (middle === 0) return 0;
    const low = address % middleSpan;
    const leaf = words[(middle >>> 2) + (low >>> 22)]!;
    if (leaf === 0) return 0;
    return words[(leaf >>> 2) + ((low >>> 12) & 1023)]!;
  }

  /** 0 or -ENOMEM. Does not touch the frames' reference counts. */
  set(address: number, entry: number): number {
    const table = this.#leafTable(address);
    if (table < 0) return table;
    this.#cpu.words[(table >>> 2) + (((address % middleSpan) >>> 12) & 1023)] = entry;
    return 0;
  }

  /**
   * Calls `visit` for each non-zero leaf of [start, end) with the page's address and entry; what it returns is stored.
   * Absent tables are skipped whole, so that a huge empty reservation costs nothing.
   */
  update(start: number, end: number, visit: (address: number, entry: number) => number): void {
    for (let at = start; at < end;) {
      const words = this.#cpu.words;
      const upper = words[(this.root >>> 2) + Math.floor(at / upperSpan)]!;
      if (upper === 0) {
        at = (Math.floor(at / upperSpan) + 1) * upperSpan;
        continue;
      }
      const middle = words[(upper >>> 2) + (Math.floor(at / middleSpan) & 1023)]!;
      if (middle === 0) {
        at = (Math.floor(at / middleSpan) + 1) * middleSpan;
        continue;
      }
      const leaf = words[(middle >>> 2) + ((at % middleSpan) >>> 22)]!;
      const stop = Math.min(end, (Math.floor(at / leafSpan) + 1) * leafSpan);
      if (leaf === 0) {
        at = stop;
        continue;
      }
      for (let index = (leaf >>> 2) + (((at % middleSpan) >>> 12) & 1023); at < stop; at += limits.pageBytes, index++) {
        const entry = this.#cpu.words[index]!;
        if (entry === 0) continue;
        const changed = visit(at, entry);
        if (changed !== entry) this.#cpu.words[index] = changed;
      }
    }
  }

  /** Gives the tables back; the leaves' frames must have been released before. */
  destroy(): void {
    for (const table of this.#tables) this.#frames.release(table);
    this.#tables = [];
  }

  #leafTable(address: number): number {
    let table = this.root;
    const low = address % middleSpan;
    const indexes = [Math.floor(address / upperSpan), Math.floor(address / middleSpan) & 1023, low >>> 22];
    for (const index of indexes) {
      const slot = (table >>> 2) + index;
      let next = this.#cpu.words[slot]!;
      if (next === 0) {
        const frame = this.#frames.allocate();
        if (frame < 0) return frame;
        this.#tables.push(frame);
        this.#cpu.words[slot] = frame;
        next = frame;
      }
      table = next;
    }
    return table;
  }
}
