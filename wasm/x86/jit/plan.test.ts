/** Accesses that share a TLB check: each must still go where its own address says. */
import { describe, expect, test } from "vitest";
import { assemble, Machine } from "../../../test/x86/machine.ts";
import { engines, jitMode } from "../../../test/x86/mode.ts";
import { access, exit, pte } from "../types.ts";

const [rax, rcx, rbx] = [0, 1, 3];
const data = 0x10000000;

describe.each(engines)("shared checks, %s", (engine) => {
  function run(source: string, prepare?: (machine: Machine) => void): { machine: Machine; code: number } {
    const machine = new Machine(undefined, jitMode(engine));
    machine.load(assemble(`${source}\n syscall\n 9: jmp 9b\n .org 0x1400`));
    prepare?.(machine);
    return { machine, code: machine.cpu.run(1e9) };
  }

  test("places relative to RIP, with and without a segment's base", () => {
    const { machine, code } = run(
      `
      # The first round fills the TLB.
      mov ecx, 3
    2: mov eax, [rip + 1f]
      add eax, fs:[rip + 1f]
      add eax, [rip + 1f + 4]
      add eax, fs:[rip + 1f + 4]
      sub ecx, 1
      jnz 2b
      syscall
    8: jmp 8b
      .org 0x200
    1: .long 1, 2
      .org 0x1200
      .long 0x10, 0x20`,
      (m) => (m.cpu.fsBase = 0x1000),
    );
    expect(code).toBe(exit.syscall);
    expect(machine.cpu.register(rax)).toBe(0x33n);
  });

  test("a base that moves between accesses, up and down and by a copy", () => {
    const { machine, code } = run(
      `
      mov rbx, ${data + 64}
      mov dword ptr [rbx], 1
      add rbx, 8
      mov dword ptr [rbx], 2
      sub rbx, 120
      mov dword ptr [rbx + 200], 3
      lea rdx, [rbx + 16]
      mov dword ptr [rdx], 4
      mov rcx, rdx
      mov dword ptr [rcx + 4], 5
      mov ebx, ebx
      mov dword ptr [rbx - 4], 6
      mov eax, [${data} + 64]`,
      (m) => m.map(data - 4096, 8192, pte.read | pte.write),
    );
    expect(code).toBe(exit.syscall);
    expect(machine.cpu.register(rbx)).toBe(BigInt(data - 48));
    const words = (at: number): bigint => machine.read64(data + at) & 0xffffffffn;
    expect([64, 72, 152, -32, -28, -52].map(words)).toEqual([1n, 2n, 3n, 4n, 5n, 6n]);
  });

  test("a group across two pages, of which the second is not there", () => {
    const { machine, code } = run(
      `
      mov rbx, ${data + 4096 - 32}
      xor eax, eax
      stc
      mov [rbx], rbx
      mov [rbx + 16], rbx
      inc eax
      mov [rbx + 28], rbx
      inc eax`,
      (m) => m.map(data, 4096, pte.read | pte.write),
    );
    expect(code).toBe(exit.pageFault);
    expect([machine.cpu.faultAddress, machine.cpu.faultAccess]).toEqual([data + 4096, access.write]);
    expect(machine.cpu.register(rax)).toBe(1n);
    expect(machine.cpu.flags & 0x8d5).toBe(1);
    expect(machine.read64(data + 4096 - 16)).toBe(BigInt(data + 4096 - 32));
    machine.map(data + 4096, 4096, pte.read | pte.write);
    expect(machine.cpu.run(1000)).toBe(exit.syscall);
    expect(machine.cpu.register(rax)).toBe(2n);
    expect(machine.read64(data + 4096 - 4)).toBe(BigInt(data + 4096 - 32));
  });

  test("reads of a read-only page, then a write to it in the same block", () => {
    const { machine, code } = run(
      `
      mov rbx, ${data}
      mov eax, [rbx]
      mov ecx, [rbx + 8]
      mov [rbx + 16], ecx`,
      (m) => m.map(data, 4096, pte.read),
    );
    expect(code).toBe(exit.pageFault);
    expect([machine.cpu.faultAddress, machine.cpu.faultAccess]).toEqual([data + 16, access.write]);
    expect(machine.cpu.register(rcx)).toBe(0n);
    machine.set(data, (machine.cpu.words[machine.leaf(data) >> 2]! & pte.frameMask) | pte.read | pte.write);
    expect(machine.cpu.run(1000)).toBe(exit.syscall);
    expect(machine.cpu.words[machine.leaf(data) >> 2]! & pte.dirty).toBe(pte.dirty);
  });

  test("loops over several pages, with accesses across them, until one is not there", () => {
    const pages = 3;
    const { machine, code } = run(
      `
      mov r8d, 2500
    1: mov rbx, ${data}
      mov rsi, ${data}
      xor ecx, ecx
    2: mov [rbx + 2], rcx
      add rax, [rsi + rcx*4]
      add byte ptr [rbx + 13], 1
      add rbx, 12
      add rcx, 1
      cmp ecx, ${(pages * 4096) / 12 - 2}
      jne 2b
      sub r8d, 1
      jnz 1b
      stc
    3: mov [rbx + 2], rcx
      lea rbx, [rbx + 12]
      jmp 3b`,
      (m) => {
        // Frames in another order than the pages.
        for (let page = pages - 1; page >= 0; page--) m.map(data + page * 4096, 4096, pte.read | pte.write);
      },
    );
    expect(code).toBe(exit.pageFault);
    expect([machine.cpu.faultAddress, machine.cpu.faultAccess]).toEqual([data + pages * 4096 + 2, access.write]);
    expect(machine.cpu.flags & 1).toBe(1);
    // The same in JavaScript.
    const bytes = new DataView(new ArrayBuffer(pages * 4096 + 16));
    const turns = BigInt((pages * 4096) / 12 - 2);
    let sum = 0n;
    for (let round = 0; round < 2500; round++)
      for (let turn = 0n; turn < turns; turn++) {
        const at = Number(turn) * 12;
        bytes.setBigUint64(at + 2, turn, true);
        sum = BigInt.asUintN(64, sum + bytes.getBigUint64(Number(turn) * 4, true));
        bytes.setUint8(at + 13, bytes.getUint8(at + 13) + 1);
      }
    expect(machine.cpu.register(rax)).toBe(sum);
    const end = Number(turns) * 12;
    for (let at = 0; at < end; at += 8) expect(machine.read64(data + at)).toBe(bytes.getBigUint64(at, true));
  });
});
