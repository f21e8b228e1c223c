/**
 * A processor for unit tests of the kernel: memory, registers and contexts are real, instructions are not. `run` calls
 * the function a test gave it.
 */
import { reg } from "../../wasm/x86/types.ts";
import type { Access, Cpu, CpuCounters, Exit, IllegalInstruction } from "../../wasm/x86/types.ts";

const registers = 20;
const frameBase = 65536;

export class FakeCpu implements Cpu {
  readonly memory = new WebAssembly.Memory({ initial: 2 });
  readonly frameBase = frameBase;
  readonly level = "x86-64-v2";
  readonly contextBytes = registers * 8;
  readonly counters: CpuCounters = {
    instructions: 0,
    blocksDecoded: 0,
    instructionsDecoded: 0,
    tlbMisses: 0,
    codeInvalidations: 0,
    compiledRun: 0,
    regionEntries: 0,
    regions: 0,
    modules: 0,
    compiledInstructions: 0,
    compileMs: 0,
    invalidatedRegions: 0,
    cacheHits: 0,
    cacheMisses: 0,
  };
  /** What `run` does; returns why it stopped. */
  program: (cpu: FakeCpu) => Exit = () => {
    throw new Error("this test runs no instructions");
  };
  pager = null;
  compileFailed = null;
  faultAddress = 0;
  faultAccess: Access = 0;
  space = 0;
  invalidations = 0;
  #state = new BigUint64Array(registers);

  get bytes(): Uint8Array {
    return new Uint8Array(this.memory.buffer);
  }
  get words(): Uint32Array {
    return new Uint32Array(this.memory.buffer);
  }
  get view(): DataView {
    return new DataView(this.memory.buffer);
  }

  run(): Exit {
    return this.program(this);
  }
  saveContext(target: Uint8Array): void {
    target.set(new Uint8Array(this.#state.buffer));
  }
  loadContext(source: Uint8Array): void {
    new Uint8Array(this.#state.buffer).set(source);
  }
  async useTranslations(): Promise<void> {}
  async keepTranslations(): Promise<void> {}
  resetContext(): void {
    this.#state.fill(0n);
  }

  get rip(): number {
    return Number(this.#state[16]!);
  }
  set rip(value: number) {
    this.#state[16] = BigInt(value);
  }
  get flags(): number {
    return Number(this.#state[17]!);
  }
  set flags(value: number) {
    this.#state[17] = BigInt(value);
  }
  get fsBase(): number {
    return Number(this.#state[18]!);
  }
  set fsBase(value: number) {
    this.#state[18] = BigInt(value);
  }
  get gsBase(): number {
    return Number(this.#state[19]!);
  }
  set gsBase(value: number) {
    this.#state[19] = BigInt(value);
  }
  register(index: number): bigint {
    return this.#state[index]!;
  }
  setRegister(index: number, value: bigint): void {
    this.#state[index] = BigInt.asUintN(64, value);
  }
  registerInt(index: number): number {
    return Number(BigInt.asIntN(32, this.#state[index]!));
  }
  registerNumber(index: number): number {
    return Number(this.#state[index]!);
  }
  setRegisterNumber(index: number, value: number): void {
    this.#state[index] = BigInt(value);
  }
  saveFx(target: Uint8Array): void {
    target.fill(0);
  }
  loadFx(_source: Uint8Array): void {}
  saveUpper(): void {}
  loadUpper(): void {}
  describeIllegal(): IllegalInstruction {
    return { bytes: new Uint8Array([0x0f, 0x0b]), name: null };
  }
  setAddressSpace(_root: number, id: number): void {
    this.space = id;
  }
  invalidatePage(): void {
    this.invalidations++;
  }
  invalidateAll(): void {
    this.invalidations++;
  }
  invalidateCode(): void {}
  interrupt(): void {}

  /** Sets the registers of a SYSCALL. */
  call(number: number, ...values: readonly (number | bigint)[]): void {
    const order = [reg.rdi, reg.rsi, reg.rdx, reg.r10, reg.r8, reg.r9];
    this.setRegister(reg.rax, BigInt(number));
    for (const [index, value] of values.entries()) this.setRegister(order[index]!, BigInt(value));
  }
}
