/**
 * Where the processor keeps things in linear memory. Everything here is below 64 KiB, so that a record can name a
 * register with 16 bits. Rows reach general and vector registers through the emitter only (a compiled region may keep
 * them in locals); x87, MMX and MXCSR state is always in memory and rows may load and store it directly.
 *
 *     1024  | the context: what `saveContext` saves (contextBytes) |
 *     4096  | the processor's own: fault, exit, scratch |
 */
const context = 1024;

export const state = {
  /** The 16 general registers, 8 bytes each. High bytes (AH…BH) are at +1. */
  gpr: context,
  /** Then: always zero; the segment bases, as registers an address may be based on. */
  zero: context + 128,
  fsBase: context + 136,
  gsBase: context + 144,
  rip: context + 152,
  /** Lazy flags: kind (u32), and the two operands (u64) it is computed from. See flags.ts. */
  flagsKind: context + 160,
  /** RFLAGS bits that are not lazy: DF, TF, AC, ID. */
  flagsOther: context + 164,
  flagsA: context + 168,
  flagsB: context + 176,
  mxcsr: context + 184,
  /** x87 control word, status word without TOP, TOP, and the abridged tag word (bit i: physical register i in use). */
  x87Control: context + 188,
  x87Status: context + 192,
  x87Top: context + 196,
  x87Tag: context + 200,
  /** Last x87 opcode, instruction and data pointers (u16, u64, u64). */
  x87Opcode: context + 204,
  /** u16: bits of `exactness`. */
  sseExact: context + 206,
  x87Ip: context + 208,
  x87Dp: context + 216,
  /** Physical x87 registers, 16 bytes each, 10 used: 64-bit significand, then sign and exponent. MMi is at 16 * i. */
  x87: context + 224,
  /** XMM0…XMM15. */
  xmm: context + 352,
  /** u16 each, by ModRM.reg: ES CS SS DS FS GS. */
  selectors: context + 608,
  /** The upper halves of YMM0…YMM15: always in memory, also in compiled code. */
  ymmHigh: context + 624,
  /** u32: how much more is `counted`, in operations of the soft module. */
  sseCounted: context + 880,
  contextEnd: context + 888,

  /** Virtual address of the page the current block is in: RIP-relative operands are based on it. */
  pageBase: 4096,
  /** Result of an address micro-record, a base register for the record after it. */
  effective: 4104,
  /** Address space id shifted and ready for TLB tags. */
  spaceTag: 4112,
  root: 4120,
  exitCode: 4124,
  faultAddress: 4128,
  faultAccess: 4136,
  budget: 4144,
  /** i64 the cold arms hand the next rip over in. */
  jumpTarget: 4152,
  counterTlbMisses: 4320,
  /** The leaf the last walk found. */
  leaf: 4168,
  /** State components XSAVE knows (Intel SDM vol. 1, 13.3), 0 where it is not offered. */
  xcr0: 4416,
  /** u32: the SSE operation just done raised an unmasked exception. */
  sseFault: 4420,
  /** Changes when all decoded code is dropped: links found before it are void. */
  generation: 4172,
  /** Instructions a long-running helper is worth, and those not yet taken from the budget. */
  extraCost: 4160,
  owed: 4164,
  /** Three writes that go through a scratch area: target, bytes in it, second target, bytes in all (u32 each). */
  pending: 4176,
  /** 16-byte scratch for rows' helpers (128-bit results and the like). */
  helper: 4224,
  /** Counters (u64): guest instructions done by compiled code, times it was entered. */
  compiledInstructions: 4336,
  regionEntries: 4344,
  /** 1: compiled regions are passed by, so that the interpreter traces everything. */
  bypass: 4400,
  /** Descriptor of the compiled region that runs, or ran last (u32). */
  region: 4392,
  /** Where the next entry goes in the trace (layout.ts), in bytes. */
  traceNext: 4328,
  /** Intermediate results of the soft floating point (assembly/), up to 1 KiB. */
  soft: 4608,
  /** A record whose arm looks up the current rip: where `run` begins. */
  startRecord: 4352,
  /** Three scratch areas for accesses that straddle pages or write to code, each with room for a page of a string instruction. */
  scratch: 8192,
  scratchBytes: 4096,
} as const;

/**
 * Bits of `sseExact`: what native arithmetic leaves to be done for MXCSR. A process starts with `watched` and `counted`.
 * Where none is set, inexact is set and all else is at its default.
 */
export const exactness = {
  /** Inexact is not set, or modes are not the default ones: each operation may have to tell, or be done, otherwise. */
  watched: 1,
  /** The program has loaded MXCSR, so that a flag may have been cleared: compiled code keeps all of them from then on. */
  loaded: 2,
  /** Compiled code keeps them anyway, in the first part of a process's life and now and then (cpu.ts). */
  counted: 4,
} as const;
/** Where none of these is set, what compiled code keeps is what results tell at once: invalid and division by zero. */
export const keepsFlags = exactness.loaded | exactness.counted;
/** What ends the first part: so many operations of the soft module, or instructions once operations need it no longer. */
export const countedMax = 1_000_000;
export const countedInstructions = 64;

/** MXCSR as a process starts with it; these bits of it are modes and masks. */
export const defaultMxcsr = 0x1f80;
export const mxcsrModes = 0xffc0;
/** MXCSR & mask is this value where modes are the default ones and inexact is set. */
export const settledMxcsr = { mask: 0xffe0, value: 0x1fa0 } as const;

export const contextStart = context;
export const contextBytes = state.contextEnd - context;
