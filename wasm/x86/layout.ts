/**
 * The processor's part of linear memory, in order. Most of it is reserved rather than used: pages never touched cost the
 * host nothing.
 *
 *     state (state.ts) | TLB | jump cache | block hash | marks | code heads | code lines | code arena | frames of the guest…
 */
import { limits } from "../../src/base/limits.ts";

export const tlb = {
  base: 0xe0000,
  entries: limits.tlbEntries,
  /** Read tag (u64), write tag (u64), addend (u32) that makes a host address of the low half of a guest one. */
  entryBytes: 32,
  readTag: 0,
  writeTag: 8,
  addend: 16,
} as const;

/**
 * Compiled regions (jit/). A descriptor: place in the table of compiled functions (u32); the address space tag (u32) and
 * the virtual address of the region's origin (u64) it was last found valid for.
 */
export const regionTable = {
  base: 0x18000,
  entries: limits.regionsMax,
  entryBytes: 16,
  place: 0,
  space: 4,
  origin: 8,
} as const;

/** By place in the table (u32): how often the region there was left because an access missed the TLB. */
export const regionMisses = { base: 0xc8000, entries: limits.regionsMax } as const;

/**
 * The last jumps, a ring of guest addresses (u64): what a computed jump led to; with bit 62, a direct jump that was taken
 * (of a compare and branch done as one, the compare). What was executed between two of them follows from the code: the
 * compiler learns from it what is hot and where control goes.
 */
export const trace = { base: 0x38000, entries: 4096 } as const;
export const traceMask = trace.entries * 8 - 1;
export const traceDirect = 2n ** 62n;

/** From (rip, address space) to a record: rip (u64), space (u32), record (u32). */
export const jumpCache = {
  base: 0x40000,
  entries: limits.jumpCacheEntries,
  entryBytes: 16,
} as const;

/** Heads (u32) of chains of blocks, by a hash of the physical address. */
export const blockHash = { base: 0x80000, buckets: 65536 } as const;

/** One byte for each hash of a page number: set if the jump cache may hold an address on such a page. */
export const pageMarks = { base: 0xc0000, entries: 4096 } as const;

/** By frame number (u32): the first block decoded from the frame. */
export const codeHeads = { base: 0x100000, entries: 1 << 20 } as const;

/**
 * By frame number (u64): a bit for each line of 64 bytes that code was decoded or compiled from. Writes to a frame with
 * any take the slow path; only a write to such a line drops code.
 */
export const codeLines = { base: 0x500000, entryBytes: 8, lineBytes: 64, linesPerFrame: 64 } as const;

const arenaBase = codeLines.base + codeHeads.entries * codeLines.entryBytes;
export const arena = { base: arenaBase, end: arenaBase + limits.codeArenaBytes } as const;

export const frameBase = arena.end;

/** A block's header precedes its records. */
export const blockHeader = {
  bytes: 48,
  /** Physical address of the first instruction; the next block of the hash chain; of the frame's list. */
  physical: 0,
  hashNext: 4,
  frameNext: 8,
  /** End of its records. */
  end: 12,
  /** Frame of the second page, if the block's one instruction crosses pages; else 0. */
  secondFrame: 16,
  /** For the second entry a crossing block has in the second frame's list: the block itself; else 0. */
  alias: 20,
  /**
   * If a compiled region is entered here: the op its first record had (u16), which entry of the region (u16), the
   * region's descriptor (u32), how far this page is behind the region's origin (i64, bytes), and a copy of the first
   * record that goes on in the block (u32), for when the region cannot be entered.
   */
  originalOp: 24,
  entry: 26,
  region: 28,
  delta: 32,
  interpreted: 40,
  /** Offset in the page behind the last guest byte it depends on (u32): past 4096 if its one instruction crosses pages. */
  guestEnd: 44,
} as const;

/** A predecoded instruction. */
export const record = {
  bytes: 32,
  /** u16: which arm. */
  op: 0,
  /** u16 each: address of the register of ModRM.reg; of ModRM.rm, or the base; of the index. */
  r: 2,
  m: 4,
  x: 6,
  /** i32 displacement. */
  disp: 8,
  /** i32: start of the instruction relative to the page base. */
  off: 12,
  /** i64 immediate; a second immediate takes the place of the link. */
  imm: 16,
  /** u32: record to continue at when a branch is taken. */
  link: 24,
  /** u16: instructions from the start of the block to this one, which ends it or may. */
  count: 28,
  /** u8 length of the instruction, u8 scale of the index as a shift. */
  len: 30,
  scale: 31,
} as const;
