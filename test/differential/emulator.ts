/** Runs cases on the emulated processor, with the same memory map as native.c. */
import { createCpu } from "../../wasm/x86/cpu.ts";
import { jitMode, type EngineMode } from "../x86/mode.ts";
import { exactness, state } from "../../wasm/x86/state.ts";
import { exit, pte, type Cpu, type Exit } from "../../wasm/x86/types.ts";
import {
  codeBase,
  codeBytes,
  dataBase,
  dataBytes,
  gsBase,
  highBytes,
  readOnlyBase,
  windowBase,
  windowBytes,
} from "./layout.ts";
import type { Case, Result } from "./layout.ts";

/** x86 vectors of the processor's exits. */
const vectors: Partial<Record<Exit, number>> = {
  [exit.divideError]: 0,
  [exit.singleStep]: 1,
  [exit.debug]: 1,
  [exit.breakpoint]: 3,
  [exit.overflow]: 4,
  [exit.invalidOpcode]: 6,
  [exit.generalProtection]: 13,
  [exit.pageFault]: 14,
  [exit.x87Error]: 16,
  [exit.simdError]: 19,
};

const pageBytes = 4096;
const sliceInstructions = 10_000;

export class Emulator {
  readonly cpu: Cpu;
  #nextFrame: number;
  readonly #root: number;
  readonly #code: number[] = [];
  readonly #data: number[] = [];

  private constructor(cpu: Cpu) {
    this.cpu = cpu;
    this.#nextFrame = cpu.frameBase;
    this.#root = this.#frame();
    const map = (address: number, bytes: number, bits: number, frames: number[]): void => {
      for (let at = 0; at < bytes; at += pageBytes) frames.push(this.#map(address + at, bits));
    };
    map(codeBase, codeBytes, pte.read | pte.write | pte.execute, this.#code);
    map(dataBase, dataBytes, pte.read | pte.write, this.#data);
    map(readOnlyBase, pageBytes, pte.read, []);
    cpu.setAddressSpace(this.#root, 1);
  }

  static create(engine?: EngineMode): Emulator {
    return new Emulator(createCpu({ memoryBytesInitial: 1 << 20, jit: jitMode(engine), level: "x86-64-v3" }));
  }

  #frame(): number {
    const frame = this.#nextFrame;
    this.#nextFrame += pageBytes;
    return frame;
  }

  #map(address: number, bits: number): number {
    const { words } = this.cpu;
    const page = address / pageBytes;
    let table = this.#root;
    for (const index of [
      Math.floor(page / 2 ** 30),
      Math.floor(page / 2 ** 20) & 1023,
      Math.floor(page / 2 ** 10) & 1023,
    ]) {
      const at = table / 4 + index;
      if (words[at] === 0) words[at] = this.#frame();
      table = words[at] ?? 0;
    }
    const frame = this.#frame();
    words[table / 4 + (page & 1023)] = frame | bits;
    return frame;
  }

  /** A piece of guest memory, which lies in two frames that follow each other. */
  #piece(frames: readonly number[], offset: number, bytes: number): Uint8Array {
    const start = (frames[0] ?? 0) + offset;
    return this.cpu.bytes.subarray(start, start + bytes);
  }

  /** At most about so many instructions of it, in slices. */
  run(test: Case, instructionsMax = 1_000_000): Result {
    const { cpu } = this;
    cpu.resetContext();
    this.#piece(this.#code, 0, codeBytes).fill(0xcc);
    this.#piece(this.#code, test.codeOffset, test.code.length).set(test.code);
    for (const frame of this.#code) cpu.invalidateCode(frame);
    this.#piece(this.#data, 0, dataBytes).fill(0);
    this.#piece(this.#data, windowBase - dataBase, windowBytes).set(test.window);
    for (let i = 0; i < 16; i++) cpu.setRegister(i, test.registers[i] ?? 0n);
    cpu.rip = codeBase + test.codeOffset;
    cpu.flags = test.flags | 0x202;
    cpu.gsBase = gsBase;
    const { view } = cpu;
    const kept = test.exactness ?? exactness.counted;
    view.setUint16(state.sseExact, exactness.watched | kept, true);
    cpu.loadFx(test.fx);
    cpu.bytes.set(test.high ?? new Uint8Array(highBytes), state.ymmHigh);
    let reason: Exit = exit.budget;
    for (let done = 0; done < instructionsMax && reason === exit.budget; done += sliceInstructions)
      reason = cpu.run(sliceInstructions);
    const registers = new BigUint64Array(16);
    for (let i = 0; i < 16; i++) registers[i] = cpu.register(i);
    const fx = new Uint8Array(512);
    cpu.saveFx(fx);
    return {
      registers,
      rip: cpu.rip,
      flags: cpu.flags,
      address: reason === exit.pageFault ? cpu.faultAddress : 0,
      vector: vectors[reason] ?? 1000 + reason,
      fx,
      high: cpu.bytes.slice(state.ymmHigh, state.ymmHigh + highBytes),
      window: this.#piece(this.#data, windowBase - dataBase, windowBytes).slice(),
    };
  }
}
