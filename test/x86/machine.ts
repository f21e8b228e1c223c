/** A machine for tests: a processor, page tables made by hand, and code from the assembler. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createCpu } from "../../wasm/x86/cpu.ts";
import { pte, type Cpu, type JitMode } from "../../wasm/x86/types.ts";
import { jitMode } from "./mode.ts";

export const codeAddress = 0x400000;
export const stackTop = 0x7ffff0000000;

export class Machine {
  readonly cpu: Cpu;
  #nextFrame: number;
  readonly root: number;

  constructor(memoryBytes = 64 << 20, jit: JitMode = jitMode()) {
    this.cpu = createCpu({ memoryBytesInitial: memoryBytes, memoryBytesMax: memoryBytes, jit });
    this.#nextFrame = this.cpu.frameBase;
    this.root = this.frame();
    this.cpu.setAddressSpace(this.root, 1);
    this.map(stackTop - 0x100000, 0x100000, pte.read | pte.write);
    this.cpu.setRegisterNumber(4, stackTop - 0x1000);
  }

  frame(): number {
    const frame = this.#nextFrame;
    this.#nextFrame += 4096;
    return frame;
  }

  /** The address of the leaf of a page, tables made as needed. */
  leaf(address: number, root = this.root): number {
    const page = Math.floor(address / 4096);
    let table = root;
    for (const index of [Math.floor(page / 2 ** 30) & 31, Math.floor(page / 2 ** 20) & 1023, (page >>> 10) & 1023]) {
      const at = (table + 4 * index) >> 2;
      if (this.cpu.words[at] === 0) this.cpu.words[at] = this.frame();
      table = this.cpu.words[at]!;
    }
    return table + 4 * (page & 1023);
  }

  set(address: number, entry: number, root = this.root): void {
    this.cpu.words[this.leaf(address, root) >> 2] = entry;
    this.cpu.invalidatePage(address);
  }

  map(address: number, bytes: number, flags: number): void {
    for (let at = address; at < address + bytes; at += 4096) this.set(at, this.frame() | flags);
  }

  host(address: number): number {
    return (this.cpu.words[this.leaf(address) >> 2]! & pte.frameMask) + (address % 4096);
  }

  write(address: number, bytes: Uint8Array): void {
    bytes.forEach((byte, i) => {
      this.cpu.bytes[this.host(address + i)] = byte;
    });
  }

  read(address: number, bytes: number): Uint8Array {
    return Uint8Array.from({ length: bytes }, (_, i) => this.cpu.bytes[this.host(address + i)]!);
  }

  read64(address: number): bigint {
    return new DataView(this.read(address, 8).buffer).getBigUint64(0, true);
  }

  /** Maps and loads code, and points rip at it. */
  load(code: Uint8Array, address = codeAddress): void {
    this.map(Math.floor(address / 4096) * 4096, code.length + 4096, pte.read | pte.write | pte.execute);
    this.write(address, code);
    this.cpu.rip = address;
  }
}

/** Assembles GNU syntax (Intel operands) to flat bytes. */
export function assemble(source: string, origin = codeAddress): Uint8Array {
  const folder = mkdtempSync(join(tmpdir(), "wherry-as-"));
  try {
    writeFileSync(join(folder, "a.s"), `.intel_syntax noprefix\n.text\n.globl _start\n_start:\n${source}\n`);
    execFileSync("as", ["-o", join(folder, "a.o"), join(folder, "a.s")]);
    execFileSync("ld", [
      "-Ttext",
      `0x${origin.toString(16)}`,
      "--oformat",
      "binary",
      "-o",
      join(folder, "a.bin"),
      join(folder, "a.o"),
    ]);
    return new Uint8Array(readFileSync(join(folder, "a.bin")));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** A machine that has run the code up to its first exit. */
export function runCode(source: string, prepare?: (machine: Machine) => void): { machine: Machine; code: number } {
  const machine = new Machine();
  machine.load(assemble(source));
  prepare?.(machine);
  return { machine, code: machine.cpu.run(1e9) };
}
