/**
 * What the kernel sees of the processor: user-mode x86-64 on one linear memory that is the container's physical RAM.
 *
 *     linear memory   | processor state, TLBs, block cache, code arena (fixed) | frames of 4 KiB, from `frameBase` up |
 *
 * One context (one thread's registers) is current at a time. The kernel switches contexts with `saveContext` and
 * `loadContext`, points the processor at page tables with `setAddressSpace`, and calls `run`, which comes back with
 * a reason. At every exit all registers are architectural: rip, flags and memory are exactly those of a real
 * processor that stopped before the instruction (faults) or after it (traps, system calls).
 *
 * Guest addresses are JavaScript numbers (the 47-bit user half is exact in a double). Register values are BigInt where
 * all 64 bits matter and pairs of 32-bit halves where speed does.
 */

/**
 * Page tables live in frames and are walked by the wasm core itself. Four levels over the 35 page-number bits of a
 * 47-bit address: 5 + 10 + 10 + 10 bits; each table is one frame of 1024 little-endian u32 (the root uses 32 of them).
 * A directory entry is the next table's frame address, or 0. A leaf is a frame address | the bits below.
 */
export const pte = {
  /** Readable. x86 has no write-only or execute-only pages without protection keys: W and X imply R. */
  read: 1,
  write: 2,
  execute: 4,
  /** Software bits: the processor ignores them. */
  copyOnWrite: 8,
  shared: 16,
  /** Set by the walker on a write; cleared by the kernel when the page is written back. */
  dirty: 32,
  software1: 64,
  software2: 128,
  frameMask: 0xfffff000,
} as const;

/** Why `run` came back. */
export const exit = {
  /** The instruction budget is used up, or `interrupt` was called. */
  budget: 0,
  /** SYSCALL: rip is after it, rcx and r11 are set as the instruction does. */
  syscall: 1,
  /** No translation, or not for this access: `faultAddress`, `faultAccess`. rip is at the instruction; nothing changed. */
  pageFault: 2,
  /** #GP: a non-canonical address, a misaligned SSE operand, a privileged instruction. */
  generalProtection: 3,
  /** #DE. */
  divideError: 4,
  /** INT3: rip is after it (a trap). */
  breakpoint: 5,
  /** #UD, or an instruction Wherry does not have: `describeIllegal` names it. */
  invalidOpcode: 6,
  /** #MF, an unmasked x87 exception. */
  x87Error: 7,
  /** #XM, an unmasked SSE exception. */
  simdError: 8,
  /** INT 0x80 (32-bit system call): the kernel answers SIGSEGV, as Linux without IA32 emulation does. */
  interrupt80: 9,
  /** Single step (TF) trap. */
  singleStep: 10,
  /** INT1: rip is after it. */
  debug: 11,
  /** INT 4, #OF: rip is after it. */
  overflow: 12,
} as const;
export type Exit = (typeof exit)[keyof typeof exit];

export const access = { read: 0, write: 1, execute: 2 } as const;
export type Access = (typeof access)[keyof typeof access];

/** Register numbers as the instruction encoding has them. */
export const reg = {
  rax: 0,
  rcx: 1,
  rdx: 2,
  rbx: 3,
  rsp: 4,
  rbp: 5,
  rsi: 6,
  rdi: 7,
  r8: 8,
  r9: 9,
  r10: 10,
  r11: 11,
  r12: 12,
  r13: 13,
  r14: 14,
  r15: 15,
} as const;

/** `off`: interpreted only. `on`: hot code is compiled. `force`: everything is compiled before it first runs, for tests. */
export type JitMode = "off" | "on" | "force";

/** The instructions CPUID offers: the levels of the x86-64 psABI. v3 adds AVX, AVX2, BMI, F16C, FMA, LZCNT, MOVBE. */
export type CpuLevel = "x86-64-v2" | "x86-64-v3";

/** The components of XCR0 at x86-64-v3: x87, SSE and AVX. */
export const xcr0All = 7;
/**
 * An XSAVE image (Intel SDM vol. 1, 13.4): the 512 bytes of FXSAVE, a header, the upper halves of the YMM registers.
 * These lie where they lie in the compacted form, too.
 */
export const xsaveLayout = { header: 512, avx: 576, avxBytes: 256, bytes: 576 + 256 } as const;

/** Several translations, as the engine wrote them (jit/pack.ts). */
export interface TranslationPack {
  readonly key: string;
  /** Where its translations may be entered: for `TranslationStore.read` to be called when one is met. */
  readonly entries: Uint32Array;
  /** Of this very program: worth reading before any of them is met. */
  readonly likely: boolean;
}

/**
 * Keeps compiled code between containers, page loads and processes. It is a cache: everything may be missing. Holds only
 * what this version of the engine wrote.
 */
export interface TranslationStore {
  /** Used last, first. */
  list(): Promise<readonly TranslationPack[]>;
  read(key: string): Promise<Uint8Array | null>;
  /** Returns the new pack's key. */
  write(pack: Uint8Array, entries: Uint32Array): Promise<string>;
  /** Packs that are damaged, or whose content is in another one now. */
  remove(key: string): Promise<void>;
}

/** What the engine counts; shown by `wherry info` and the page. */
export interface CpuCounters {
  instructions: number;
  blocksDecoded: number;
  instructionsDecoded: number;
  tlbMisses: number;
  codeInvalidations: number;
  /** Of the instructions, those done by compiled code; times compiled code was entered. */
  compiledRun: number;
  regionEntries: number;
  /** Compiled regions and their modules, guest instructions in them, time it took (ms), regions dropped. */
  regions: number;
  modules: number;
  compiledInstructions: number;
  compileMs: number;
  invalidatedRegions: number;
  /** Regions that came from the translation store, and those that had to be compiled although there is one. */
  cacheHits: number;
  cacheMisses: number;
}

export interface IllegalInstruction {
  /** The bytes at rip, at most 15. */
  readonly bytes: Uint8Array;
  /** The mnemonic if the decoder knows it but no row implements it; null for bytes that encode nothing. */
  readonly name: string | null;
}

export interface Cpu {
  readonly level: CpuLevel;
  readonly memory: WebAssembly.Memory;
  /** First byte of linear memory that is a frame; below is the processor's own. Page-aligned. */
  readonly frameBase: number;
  /** Fresh views; replaced when memory grows, so read the property each time. */
  readonly bytes: Uint8Array;
  readonly words: Uint32Array;
  readonly view: DataView;

  /**
   * Runs the current context for at most about `budget` instructions (checked at block ends), and not much longer than
   * `msMax` milliseconds: the exit is then `budget` too.
   */
  run(budget: number, msMax?: number): Exit;

  /** Size of a saved context in bytes; it may live anywhere in linear memory, or in an array of the kernel's. */
  readonly contextBytes: number;
  saveContext(target: Uint8Array): void;
  loadContext(source: Uint8Array): void;
  /** Sets the registers execve(2) starts with: all zero, x87 and MXCSR at their defaults, flags 0x202. */
  resetContext(): void;

  rip: number;
  /** RFLAGS, canonical. */
  flags: number;
  fsBase: number;
  gsBase: number;
  register(index: number): bigint;
  setRegister(index: number, value: bigint): void;
  /** The low half as a signed, the unsigned low half, and the whole as an unsigned number (exact below 2^53). */
  registerInt(index: number): number;
  registerNumber(index: number): number;
  setRegisterNumber(index: number, value: number): void;
  /** The 512-byte FXSAVE image of x87, MXCSR and XMM state (Intel SDM vol. 1, 10.5.1), as in a signal frame. */
  saveFx(target: Uint8Array): void;
  /** Restores it; reserved bits of MXCSR are masked off. */
  loadFx(source: Uint8Array): void;
  /** The upper halves of the 16 YMM registers, 256 bytes, as in an XSAVE image. Zero at levels without AVX. */
  saveUpper(target: Uint8Array): void;
  loadUpper(source: Uint8Array): void;

  readonly faultAddress: number;
  readonly faultAccess: Access;
  describeIllegal(): IllegalInstruction;

  /**
   * Page tables to translate with. `id` distinguishes address spaces in the TLBs (1…65535): switching needs no flush.
   */
  setAddressSpace(root: number, id: number): void;
  /**
   * Called before compiled code runs over a page that is not mapped: maps it for execution if that needs no waiting.
   * Without it, such code waits until the guest itself has touched all of its pages.
   */
  pager: ((address: number) => void) | null;
  /** Called with an error of the compiler itself. What could not be compiled is interpreted. */
  compileFailed: ((error: unknown) => void) | null;
  /** After a leaf of the current space was changed or removed: drops what the TLBs know of that page. */
  invalidatePage(address: number): void;
  /** After many changes, or when `id` is reused: drops everything known of all spaces. */
  invalidateAll(): void;
  /** After bytes in a frame changed other than by guest stores: drops code decoded from it. Cheap when there is none. */
  invalidateCode(frame: number): void;
  /** May be called inside an import or before `run`: the current or next `run` ends soon, with `budget`. */
  interrupt(): void;

  readonly counters: CpuCounters;

  /** Takes compiled code from a store, and keeps there what is compiled. Resolves when it is known what there is. */
  useTranslations(store: TranslationStore): Promise<void>;
  /** Writes what has been compiled since the last time. */
  keepTranslations(): Promise<void>;
}
