/**
 * The processor as the kernel holds it (types.ts): the generated module, its memory, and the decoder, tied together.
 *
 *     const cpu = createCpu({ memoryBytesMax: limits.memoryBytesDefault, module });
 *
 * `module` is the compiled interpreter; without it one is generated and compiled on the spot, which a worker may do but
 * a page's main thread may not (browsers limit synchronous compilation there).
 */
import { limits } from "../../src/base/limits.ts";
import { BlockDecoder } from "./decoder.ts";
import { arithmeticMask, rflags } from "./flags.ts";
import { special } from "./forms.ts";
import { hostHelpers } from "./helpers.ts";
import { buildInterpreter } from "./interpreter.ts";
import { Tier, type TierMode } from "./jit/tier.ts";
import { arena, frameBase, pageMarks, record, tlb } from "./layout.ts";
import { tlbSlotOf } from "./mmu.ts";
import { nameInstruction } from "./names.ts";
import { rehearsalBytes, rehearse, type RehearsalCpu } from "./rehearsal/rehearsal.ts";
import {
  contextBytes,
  contextStart,
  countedInstructions,
  countedMax,
  defaultMxcsr,
  exactness,
  keepsFlags,
  mxcsrModes,
  settledMxcsr,
  state,
} from "./state.ts";
import {
  access,
  exit,
  xcr0All,
  xsaveLayout,
  type Access,
  type Cpu,
  type CpuCounters,
  type CpuLevel,
  type Exit,
  type JitMode,
  type IllegalInstruction,
  type TranslationStore,
} from "./types.ts";

export interface CpuOptions {
  /** Guest RAM the memory may grow to. */
  readonly memoryBytesMax?: number;
  /** Guest RAM there is from the start. */
  readonly memoryBytesInitial?: number;
  /** The compiled interpreter. */
  readonly module?: WebAssembly.Module;
  /** Whether hot code is compiled; `on` unless given. */
  readonly jit?: JitMode | undefined;
  /** What CPUID offers; x86-64-v2 unless given. */
  readonly level?: CpuLevel | undefined;
}

interface Exports {
  run(): number;
  walk(address: bigint, access: number): number;
  arithmeticFlags(): number;
}

const wasmPageBytes = 65536;
/**
 * Engines do not replace a running function by its optimised version: the first entries are kept short so that it is
 * there soon, later ones are long.
 */
const coldSlice = 100_000;
const warmSlice = 4_000_000;
const warmAfter = 20_000_000;
/** Where the time of a run is limited, the clock is looked at after so many instructions, or so many milliseconds. */
const pieceMin = 2000;
const pieceMax = 100_000;
/** What it counts for in a piece when the guest changes code, which is then decoded again. */
const invalidationCost = 10_000;
const pieceMs = { least: 0.3, most: 1 } as const;
/**
 * So often, and for so many instructions, compiled code keeps all flags of MXCSR (state.ts, `exactness`), so that what is
 * raised again and again is found. That costs a hundredth of the time; until inexact is set each operation takes far longer.
 */
const samples = { every: 50_000_000, instructions: 500_000, watched: 20_000 } as const;
const space = { idBits: 12, idMax: 4094 } as const;

let compiled: WebAssembly.Module | undefined;

/** The interpreter for this process or worker, generated and compiled once. */
export function interpreterModule(): WebAssembly.Module {
  compiled ??= new WebAssembly.Module(buildInterpreter());
  return compiled;
}

let prepared: { readonly cpu: Processor; readonly module: WebAssembly.Module } | null = null;

/**
 * Makes a processor ahead of its use, with the usual amount of memory: tables are built, the engine compiles the
 * interpreter's code at its first call (which here ends at once: nothing is mapped). What it returns is whether it still
 * waits to be used.
 */
export function prepareCpu(module: WebAssembly.Module): () => boolean {
  const cpu = new Processor({
    module,
    memoryBytesMax: limits.memoryBytesDefault,
    memoryBytesInitial: limits.memoryBytesPrepared,
  });
  cpu.run(1);
  cpu.resetContext();
  prepared = { cpu, module };
  return () => prepared?.cpu === cpu;
}

/**
 * Touches memory of the processor made ahead, where programs that start will: hosts give a page when it is first used,
 * which takes as long as thousands of instructions. Each step is a piece; it ends when the processor is used.
 */
export function* touchPrepared(): Generator<undefined, void> {
  const made = prepared;
  const ends = [arena.base + limits.arenaBytesTouched, frameBase + limits.frameBytesTouched];
  for (const [i, base] of [arena.base, frameBase].entries())
    for (let at = base; at < ends[i]!; at += limits.pageBytes * limits.pagesTouchedAtOnce) {
      if (made === null || prepared !== made) return;
      const { bytes } = made.cpu;
      const end = Math.min(ends[i]!, at + limits.pageBytes * limits.pagesTouchedAtOnce);
      for (let page = at; page < end; page += limits.pageBytes) bytes[page] = 0;
      yield;
    }
}

/** The rehearsal of a worker that waits: each step a piece of it. `made` is told of the processor, which is thrown away. */
export function rehearseCpu(
  module: WebAssembly.Module,
  made: (cpu: RehearsalCpu) => void = () => {},
): Generator<undefined, void> {
  return rehearse(() => {
    const sizes = { memoryBytesMax: rehearsalBytes, memoryBytesInitial: rehearsalBytes };
    const cpu = new Processor({ module, ...sizes }, "rehearsal");
    made(cpu);
    return cpu;
  });
}

export function createCpu(options: CpuOptions = {}): Cpu {
  const ready = prepared;
  prepared = null;
  if (
    ready !== null &&
    ready.module === options.module &&
    options.memoryBytesMax === limits.memoryBytesDefault &&
    options.memoryBytesInitial === undefined &&
    (options.jit ?? "on") === "on" &&
    (options.level ?? "x86-64-v2") === "x86-64-v2"
  )
    return ready.cpu;
  return new Processor(options);
}

/** One that was not made ahead, even if one was. */
export function newCpu(options: CpuOptions): Cpu {
  return new Processor(options);
}

class Processor implements RehearsalCpu {
  readonly memory: WebAssembly.Memory;
  readonly frameBase = frameBase;
  readonly contextBytes = contextBytes;
  readonly level: CpuLevel;
  pager: ((address: number) => void) | null = null;
  compileFailed: ((error: unknown) => void) | null = null;
  readonly #exports: Exports;
  readonly #decoder: BlockDecoder;
  /** Null: interpreted only. */
  readonly #tier: Tier | null;
  // Growth detaches them, which leaves a length of zero: cheaper to ask than the memory for its buffer.
  #bytes = new Uint8Array(0);
  #words!: Uint32Array;
  #view!: DataView;
  #interrupted = false;
  #instructions = 0;
  #nextSample: number = samples.every;
  /** Instructions between two looks at the clock, and the times of the last look and of the first in this run. */
  #piece = pieceMax;
  #pieceEnded = 0;
  #runStarted = 0;
  /** What was taken from the budget for work that is no instruction. */
  #charged = 0;
  /** Address space ids as the kernel has them, to the twelve bits of a TLB tag. */
  #spaces = new Map<number, number>();

  constructor(options: CpuOptions, mode: TierMode = options.jit ?? "on") {
    const most = Math.min(limits.memoryBytesMax, frameBase + (options.memoryBytesMax ?? limits.memoryBytesDefault));
    const pages = (bytes: number): number => Math.ceil(bytes / wasmPageBytes);
    this.memory = new WebAssembly.Memory({
      initial: pages(frameBase + Math.min(options.memoryBytesInitial ?? 0, most - frameBase)),
      maximum: pages(most),
    });
    const module = options.module ?? interpreterModule();
    const regions = new WebAssembly.Table({ element: "anyfunc", initial: 0 });
    const host: Record<string, WebAssembly.ImportValue> = {};
    for (const { name, make } of hostHelpers.values()) host[name] = make(this.memory) as WebAssembly.ImportValue;
    const instance = new WebAssembly.Instance(module, {
      cpu: {
        memory: this.memory,
        regions,
        decode: (physical: number, low: number, high: number): number => {
          const rip = (high >>> 0) * 2 ** 32 + (low >>> 0);
          const record = this.#decoder.decode(physical >>> 0, rip);
          if (mode === "force" && record !== 0) this.#tier!.force(rip);
          return record;
        },
        verify: (descriptor: number, origin: bigint): number =>
          this.#tier!.live.verify(descriptor >>> 0, Number(origin)) ? 1 : 0,
        invalidate: (physical: number, bytes: number): void => {
          const before = this.#decoder.invalidations;
          this.#decoder.invalidate(physical >>> 0, bytes, true);
          if (this.#decoder.invalidations === before) return;
          this.#charged += invalidationCost;
          this.view.setInt32(state.owed, this.view.getInt32(state.owed, true) + invalidationCost, true);
        },
      },
      host,
    });
    this.#exports = instance.exports as unknown as Exports;
    const level = options.level ?? "x86-64-v2";
    this.level = level;
    this.#decoder = new BlockDecoder(
      {
        memory: () => ({ bytes: this.bytes, words: this.words }),
        walkExecute: (address) => this.#exports.walk(BigInt(address), access.execute) >>> 0,
      },
      level,
    );
    this.#tier =
      mode === "off"
        ? null
        : new Tier(
            mode,
            {
              level,
              memory: () => ({ bytes: this.bytes, words: this.words, view: this.view }),
              frameOf: (address) => this.#frameOf(address),
              bringIn: (address) => this.#bringIn(address),
              failed: (error) => this.compileFailed?.(error),
            },
            this.#decoder,
            regions,
            (name) => host[name] ?? (instance.exports[`region.${name}`] as WebAssembly.ImportValue),
            this.memory,
          );
    this.view.setUint16(state.startRecord + record.op, special.redispatch, true);
    if (level === "x86-64-v3") this.view.setUint32(state.xcr0, xcr0All, true);
    this.resetContext();
  }

  forgetCode(frame: number): void {
    this.#decoder.forget(frame);
    this.#forgetMappings();
  }

  compileSeen(which: number, instructionsMax: number, whole: boolean): number {
    return this.#tier!.compileSeen(which, instructionsMax, whole);
  }

  /** Frame of a guest page mapped for execution, or 0. A fault the guest has just made stays as it is recorded. */
  #frameOf(address: number): number {
    if (address < 0) return 0;
    const { view } = this;
    const code = view.getUint32(state.exitCode, true);
    const at = view.getBigUint64(state.faultAddress, true);
    const kind = view.getUint32(state.faultAccess, true);
    const frame = (this.#exports.walk(BigInt(address), access.execute) & -4096) >>> 0;
    view.setUint32(state.exitCode, code, true);
    view.setBigUint64(state.faultAddress, at, true);
    view.setUint32(state.faultAccess, kind, true);
    return frame;
  }

  #bringIn(address: number): number {
    const frame = this.#frameOf(address);
    if (frame !== 0 || this.pager === null) return frame;
    this.pager(address);
    return this.#frameOf(address);
  }

  #refresh(): void {
    const { buffer } = this.memory;
    this.#bytes = new Uint8Array(buffer);
    this.#words = new Uint32Array(buffer);
    this.#view = new DataView(buffer);
  }

  get bytes(): Uint8Array {
    if (this.#bytes.length === 0) this.#refresh();
    return this.#bytes;
  }

  get words(): Uint32Array {
    if (this.#bytes.length === 0) this.#refresh();
    return this.#words;
  }

  get view(): DataView {
    if (this.#bytes.length === 0) this.#refresh();
    return this.#view;
  }

  run(budget: number, msMax = Infinity): Exit {
    let left = budget;
    this.#pieceEnded = 0;
    for (;;) {
      if (this.#interrupted) {
        this.#interrupted = false;
        return exit.budget;
      }
      if (this.#traps) return this.#step();
      const tier = this.#tier;
      const most = this.#instructions < warmAfter ? coldSlice : warmSlice;
      const sample = tier === null ? 0 : this.#beginSample();
      const longest = sample > 0 ? sample : most;
      const slice = Math.min(left, tier === null ? longest : Math.min(longest, tier.sliceMax));
      let used = 0;
      let code: Exit;
      let isLate = false;
      do {
        const piece = msMax === Infinity ? slice : Math.min(this.#piece, slice - used);
        this.view.setInt32(state.budget, piece, true);
        code = this.#exports.run() as Exit;
        // An instruction that must leave at once takes more than there is.
        const done = piece - this.view.getInt32(state.budget, true) - this.#charged;
        used += Math.max(0, Math.min(2 * piece, done));
        this.#charged = 0;
        if (code !== exit.budget || msMax === Infinity || this.#traps) break;
        isLate = this.#look(piece, msMax);
      } while (used < slice && !isLate);
      if (tier !== null) this.#countFlags(sample > 0 ? Infinity : used);
      this.#instructions += used;
      left -= used;
      tier?.ran(used);
      if (code !== exit.budget || left <= 0 || isLate) return code;
    }
  }

  /** If a sample is due, how many instructions it takes, or 0. */
  #beginSample(): number {
    if (this.#instructions < this.#nextSample) return 0;
    this.#nextSample = this.#instructions + samples.every;
    const { view } = this;
    const now = view.getUint16(state.sseExact, true);
    if ((now & keepsFlags) !== 0) return 0;
    view.setUint16(state.sseExact, now | exactness.counted, true);
    view.setUint32(state.sseCounted, samples.instructions, true);
    return (now & exactness.watched) === 0 ? samples.instructions : samples.watched;
  }

  /** After so many instructions: compiled code may no longer have to keep all flags. Operations count themselves. */
  #countFlags(instructions: number): void {
    const { view } = this;
    const now = view.getUint16(state.sseExact, true);
    if ((now & exactness.counted) === 0 || ((now & exactness.watched) !== 0 && instructions !== Infinity)) return;
    const left = view.getUint32(state.sseCounted, true) - Math.ceil(instructions / countedInstructions);
    view.setUint32(state.sseCounted, Math.max(0, left), true);
    if (left <= 0) view.setUint16(state.sseExact, now & ~exactness.counted, true);
  }

  /** Whether there is to be a trap after the next instruction. */
  get #traps(): boolean {
    return (this.view.getUint32(state.flagsOther, true) & rflags.trap) !== 0;
  }

  /**
   * Looks at the clock after a piece: whether the time for a run is over. Some instructions take a thousand times as
   * long as others, so that what was measured of one loop says little of the next.
   */
  #look(piece: number, msMax: number): boolean {
    const now = performance.now();
    if (this.#pieceEnded === 0) this.#runStarted = now;
    else {
      const took = now - this.#pieceEnded;
      if (took > pieceMs.most) this.#piece = Math.max(pieceMin, Math.floor((piece * pieceMs.least) / took));
      else if (took < pieceMs.least && this.#piece < pieceMax) this.#piece = Math.min(pieceMax, this.#piece * 2);
    }
    this.#pieceEnded = now;
    return now - this.#runStarted >= msMax;
  }

  /** One instruction with the trap flag set, and the trap after it (Intel SDM vol. 3, 17.3.1.4). */
  #step(): Exit {
    const failed = (): Exit => this.view.getUint32(state.exitCode, true) as Exit;
    for (;;) {
      const { rip } = this;
      const physical = this.#exports.walk(BigInt(rip), access.execute) >>> 0;
      if (physical === 0) return failed();
      const first = this.#decoder.single(physical, rip);
      if (first === 0) return failed();
      // Without budget the core stops at the first boundary.
      this.view.setInt32(state.budget, 0, true);
      this.view.setUint16(state.startRecord + record.op, special.continue, true);
      this.view.setUint32(state.startRecord + record.link, first, true);
      const code = this.#exports.run() as Exit;
      this.view.setUint16(state.startRecord + record.op, special.redispatch, true);
      this.#instructions++;
      // The trap comes before a fault of the instruction jumped to.
      const isFetch = (code === exit.pageFault || code === exit.generalProtection) && this.rip !== rip;
      if (code !== exit.budget && !isFetch) return code;
      if (!this.#decoder.singleDelaysTrap) return exit.singleStep;
    }
  }

  interrupt(): void {
    this.#interrupted = true;
  }

  saveContext(target: Uint8Array): void {
    target.set(this.bytes.subarray(contextStart, contextStart + contextBytes));
  }

  loadContext(source: Uint8Array): void {
    this.bytes.set(source.subarray(0, contextBytes), contextStart);
  }

  resetContext(): void {
    this.bytes.fill(0, contextStart, contextStart + contextBytes);
    this.view.setUint32(state.mxcsr, defaultMxcsr, true);
    this.view.setUint16(state.sseExact, exactness.watched | exactness.counted, true);
    this.view.setUint32(state.sseCounted, countedMax, true);
    this.view.setUint32(state.x87Control, 0x37f, true);
    // CS and SS (arch/x86/include/asm/segment.h); the others are null.
    this.view.setUint16(state.selectors + 2, 0x33, true);
    this.view.setUint16(state.selectors + 4, 0x2b, true);
  }

  get rip(): number {
    return Number(this.view.getBigUint64(state.rip, true));
  }

  set rip(value: number) {
    this.view.setBigUint64(state.rip, BigInt(value), true);
  }

  get flags(): number {
    return (
      this.#exports.arithmeticFlags() | this.view.getUint32(state.flagsOther, true) | rflags.one | rflags.interrupt
    );
  }

  set flags(value: number) {
    this.view.setUint32(state.flagsKind, 0, true);
    this.view.setUint32(state.flagsA, value & arithmeticMask, true);
    this.view.setUint32(state.flagsOther, value & rflags.userOther, true);
  }

  get fsBase(): number {
    return Number(this.view.getBigUint64(state.fsBase, true));
  }

  set fsBase(value: number) {
    this.view.setBigUint64(state.fsBase, BigInt(value), true);
  }

  get gsBase(): number {
    return Number(this.view.getBigUint64(state.gsBase, true));
  }

  set gsBase(value: number) {
    this.view.setBigUint64(state.gsBase, BigInt(value), true);
  }

  register(index: number): bigint {
    return this.view.getBigUint64(state.gpr + 8 * index, true);
  }

  setRegister(index: number, value: bigint): void {
    this.view.setBigUint64(state.gpr + 8 * index, BigInt.asUintN(64, value), true);
  }

  registerInt(index: number): number {
    return this.view.getInt32(state.gpr + 8 * index, true);
  }

  registerNumber(index: number): number {
    const at = state.gpr + 8 * index;
    return this.view.getUint32(at + 4, true) * 2 ** 32 + this.view.getUint32(at, true);
  }

  setRegisterNumber(index: number, value: number): void {
    const at = state.gpr + 8 * index;
    this.view.setUint32(at, value, true);
    this.view.setInt32(at + 4, Math.floor(value / 2 ** 32), true);
  }

  saveFx(target: Uint8Array): void {
    const from = this.view;
    const to = new DataView(target.buffer, target.byteOffset, 512);
    target.fill(0, 0, 512);
    const top = from.getUint32(state.x87Top, true) & 7;
    to.setUint16(0, from.getUint32(state.x87Control, true), true);
    to.setUint16(2, (from.getUint32(state.x87Status, true) & ~0x3800) | (top << 11), true);
    to.setUint8(4, from.getUint32(state.x87Tag, true));
    to.setUint16(6, from.getUint16(state.x87Opcode, true), true);
    to.setBigUint64(8, from.getBigUint64(state.x87Ip, true), true);
    to.setBigUint64(16, from.getBigUint64(state.x87Dp, true), true);
    to.setUint32(24, from.getUint32(state.mxcsr, true), true);
    to.setUint32(28, mxcsrMask, true);
    for (let i = 0; i < 8; i++) {
      const at = state.x87 + 16 * ((top + i) & 7);
      target.set(this.bytes.subarray(at, at + 10), 32 + 16 * i);
    }
    target.set(this.bytes.subarray(state.xmm, state.xmm + 256), 160);
  }

  loadFx(source: Uint8Array): void {
    const from = new DataView(source.buffer, source.byteOffset, 512);
    const to = this.view;
    const status = from.getUint16(2, true);
    const top = (status >> 11) & 7;
    const control = from.getUint16(0, true);
    to.setUint32(state.x87Control, (control & 0x1f3f) | 0x40, true);
    // The summary bits follow from the flags and the masks.
    const summary = (status & ~control & 0x3f) === 0 ? 0 : 0x8080;
    to.setUint32(state.x87Status, (status & 0x477f) | summary, true);
    to.setUint32(state.x87Top, top, true);
    to.setUint32(state.x87Tag, from.getUint8(4), true);
    to.setUint16(state.x87Opcode, from.getUint16(6, true), true);
    to.setBigUint64(state.x87Ip, from.getBigUint64(8, true), true);
    to.setBigUint64(state.x87Dp, from.getBigUint64(16, true), true);
    const mxcsr = from.getUint32(24, true) & mxcsrMask;
    to.setUint32(state.mxcsr, mxcsr, true);
    // As the helper restoreMxcsr (rows/sse-state.ts).
    const isSettled = (mxcsr & settledMxcsr.mask) === settledMxcsr.value;
    const isOther = (mxcsr & mxcsrModes) !== defaultMxcsr;
    const known = isOther ? exactness.loaded : to.getUint16(state.sseExact, true) & keepsFlags;
    to.setUint16(state.sseExact, known | (isSettled ? 0 : exactness.watched), true);
    for (let i = 0; i < 8; i++) {
      const at = state.x87 + 16 * ((top + i) & 7);
      this.bytes.fill(0, at, at + 16);
      this.bytes.set(source.subarray(32 + 16 * i, 32 + 16 * i + 10), at);
    }
    this.bytes.set(source.subarray(160, 416), state.xmm);
  }

  saveUpper(target: Uint8Array): void {
    target.set(this.bytes.subarray(state.ymmHigh, state.ymmHigh + xsaveLayout.avxBytes));
  }

  loadUpper(source: Uint8Array): void {
    this.bytes.set(source.subarray(0, xsaveLayout.avxBytes), state.ymmHigh);
  }

  get faultAddress(): number {
    return Number(this.view.getBigUint64(state.faultAddress, true));
  }

  get faultAccess(): Access {
    return this.view.getUint32(state.faultAccess, true) as Access;
  }

  describeIllegal(): IllegalInstruction {
    const bytes: number[] = [];
    for (let i = 0; i < 15; i++) {
      const host = this.#exports.walk(this.view.getBigUint64(state.rip, true) + BigInt(i), access.execute) >>> 0;
      if (host === 0) break;
      bytes.push(this.bytes[host]!);
    }
    const all = Uint8Array.from(bytes);
    return { bytes: all, name: nameInstruction(all) };
  }

  setAddressSpace(root: number, id: number): void {
    let short = this.#spaces.get(id);
    if (short === undefined) {
      if (this.#spaces.size >= space.idMax) {
        this.invalidateAll();
        this.#spaces.clear();
      }
      short = this.#spaces.size + 1;
      this.#spaces.set(id, short);
    }
    this.view.setBigUint64(state.spaceTag, BigInt(short), true);
    this.view.setUint32(state.root, root, true);
  }

  invalidatePage(address: number): void {
    const { words } = this;
    const slot = tlbSlotOf(address);
    words.fill(0, (tlb.base + slot) >> 2, (tlb.base + slot + 16) >> 2);
    if (this.bytes[pageMarks.base + (Math.floor(address / 4096) & (pageMarks.entries - 1))] !== 0)
      this.#forgetMappings();
  }

  #forgetMappings(): void {
    this.#decoder.flushJumps();
    this.#tier?.live.forgetMappings();
  }

  invalidateAll(): void {
    this.words.fill(0, tlb.base >> 2, (tlb.base + tlb.entries * tlb.entryBytes) >> 2);
    this.#forgetMappings();
  }

  invalidateCode(frame: number): void {
    this.#decoder.invalidate((frame & -4096) >>> 0, 4096, false);
  }

  get counters(): CpuCounters {
    return {
      instructions: this.#instructions,
      blocksDecoded: this.#decoder.blocks,
      instructionsDecoded: this.#decoder.instructions,
      tlbMisses: this.view.getUint32(state.counterTlbMisses, true),
      codeInvalidations: this.#decoder.invalidations,
      compiledRun: Number(this.view.getBigUint64(state.compiledInstructions, true)),
      regionEntries: Number(this.view.getBigUint64(state.regionEntries, true)),
      regions: this.#tier?.regions ?? 0,
      modules: this.#tier?.modules ?? 0,
      compiledInstructions: this.#tier?.compiledInstructions ?? 0,
      compileMs: this.#tier?.compileMs ?? 0,
      invalidatedRegions: this.#tier?.live.invalidated ?? 0,
      cacheHits: this.#tier?.live.translations.hits ?? 0,
      cacheMisses: this.#tier?.live.translations.misses ?? 0,
    };
  }

  async useTranslations(store: TranslationStore): Promise<void> {
    await this.#tier?.live.translations.use(store);
  }

  async keepTranslations(): Promise<void> {
    await this.#tier?.live.translations.keep();
  }
}

/** Bits of MXCSR there are: DAZ is one. */
const mxcsrMask = 0xffff;
