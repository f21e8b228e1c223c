/**
 * The smallest of kernels, for tests and benches of the processor alone: loads a static ELF program compiled without a C
 * library, and answers write and exit.
 */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { exit, pte } from "../../wasm/x86/types.ts";
import { Machine, stackTop } from "./machine.ts";

/** Compiles C for it: `_start` calls `kernel(rounds)` and leaves its result in RAX at the exit system call. */
export function compileKernel(source: string, output: string, flags: readonly string[] = ["-O2"]): void {
  const start = `
    .globl _start
    _start: call kernel
      mov %rax, %rbx
      mov $60, %eax
      syscall
      hlt
    .section .note.GNU-stack,"",@progbits`;
  const options = ["-static", "-nostdlib", "-nostartfiles", "-ffreestanding", "-fno-math-errno", "-fno-tree-vectorize"];
  execFileSync("sh", [
    "-c",
    `printf '%s\\n' "$1" | gcc ${flags.join(" ")} ${options.join(" ")} -fno-stack-protector -x assembler - -x c "$2" "$3" -o "$4"`,
    "sh",
    start,
    source,
    new URL("./memory.c", import.meta.url).pathname,
    output,
  ]);
}

export class Program {
  readonly machine: Machine;
  readonly entry: number;

  constructor(path: string, memoryBytes = 64 << 20) {
    this.machine = new Machine(memoryBytes);
    const file = new Uint8Array(readFileSync(path));
    const view = new DataView(file.buffer);
    this.entry = Number(view.getBigUint64(24, true));
    const headers = Number(view.getBigUint64(32, true));
    const count = view.getUint16(56, true);
    for (let i = 0; i < count; i++) {
      const at = headers + 56 * i;
      if (view.getUint32(at, true) !== 1) continue;
      const offset = Number(view.getBigUint64(at + 8, true));
      const address = Number(view.getBigUint64(at + 16, true));
      const fileBytes = Number(view.getBigUint64(at + 32, true));
      const memBytes = Number(view.getBigUint64(at + 40, true));
      const flags = view.getUint32(at + 4, true);
      const first = Math.floor(address / 4096) * 4096;
      const access = pte.read | ((flags & 2) !== 0 ? pte.write : 0) | ((flags & 1) !== 0 ? pte.execute : 0);
      this.machine.map(first, address + memBytes - first, access);
      this.machine.write(address, file.subarray(offset, offset + fileBytes));
    }
  }

  /** Runs `kernel(rounds)`; returns its result. */
  run(rounds: number): bigint {
    const { cpu } = this.machine;
    cpu.rip = this.entry;
    cpu.setRegisterNumber(4, stackTop - 0x1000);
    cpu.setRegisterNumber(7, rounds);
    for (;;) {
      const code = cpu.run(1e9);
      if (code === exit.budget) continue;
      if (code === exit.syscall) return cpu.register(3);
      const { name, bytes } = cpu.describeIllegal();
      throw new Error(
        `exit ${code} at 0x${cpu.rip.toString(16)}: ${name ?? ""} ${Buffer.from(bytes).toString("hex")} fault 0x${cpu.faultAddress.toString(16)}`,
      );
    }
  }
}
