/** What compiled code must notice: bytes and mappings that change beneath it. In each mode, because the interpreter must too. */
import { describe, expect, test, vi } from "vitest";
import { assemble, codeAddress, Machine } from "../../../test/x86/machine.ts";
import { engines, jitMode } from "../../../test/x86/mode.ts";
import { exit, pte } from "../types.ts";

const [rax, rcx, rsi] = [0, 1, 6];
const everything = pte.read | pte.write | pte.execute;

describe.each(engines)("code that changes, %s", (engine) => {
  function start(source: string, address = codeAddress): Machine {
    const machine = new Machine(undefined, jitMode(engine));
    machine.load(assemble(source, address), address);
    return machine;
  }

  /** From the start again, to the next SYSCALL. */
  function again(machine: Machine, address = codeAddress): bigint {
    const { cpu } = machine;
    cpu.rip = address;
    for (;;) {
      const code = cpu.run(1e9);
      if (code === exit.budget) continue;
      expect(code).toBe(exit.syscall);
      return cpu.register(rax);
    }
  }

  // Runs on into the next page: nothing has been decoded there when the region is compiled.
  const acrossPages = `
    mov ecx, 20000000
  1: sub ecx, 1
    jnz 1b
    jmp 2f
    .org 0xffc
  2: add eax, 1
    add eax, 2
    add eax, 4
    syscall`;

  test("a store to a page that a region only runs into", () => {
    const machine = start(acrossPages);
    machine.cpu.setRegister(rax, 0n);
    expect(again(machine)).toBe(7n);
    machine.cpu.setRegister(rax, 0n);
    expect(again(machine)).toBe(7n);
    // Changes "add eax, 4" from a third page.
    const writer = 0x500000;
    machine.map(writer, 4096, everything);
    machine.write(writer, assemble("mov byte ptr [rsi], 0x40\n syscall", writer));
    machine.cpu.setRegisterNumber(rsi, codeAddress + 0x1004);
    again(machine, writer);
    machine.cpu.setRegister(rax, 0n);
    expect(again(machine)).toBe(0x43n);
  });

  test("a page that a region runs into is mapped to other code", () => {
    const machine = start(acrossPages);
    machine.cpu.setRegister(rax, 0n);
    expect(again(machine)).toBe(7n);
    const other = machine.frame();
    const code = machine.read(codeAddress + 0x1000, 64);
    code[4] = 0x20;
    machine.cpu.bytes.set(code, other);
    machine.set(codeAddress + 0x1000, other | everything);
    machine.cpu.setRegister(rax, 0n);
    expect(again(machine)).toBe(0x23n);
  });

  if (engine !== "interp")
    test("a page that is only not mapped yet does not keep compiled code from running", () => {
      // A loop that runs into the next page all the time.
      const machine = start(`
      mov ecx, 8000000
      jmp 1f
      .org 0xffc
    1: add eax, 1
      add eax, 2
      sub ecx, 1
      jnz 1b
      syscall`);
      const { cpu } = machine;
      again(machine);
      const second = cpu.words[machine.leaf(codeAddress + 4096) >> 2]!;
      const asked: number[] = [];
      cpu.pager = (address) => {
        asked.push(address);
        machine.set(address, second);
      };
      machine.set(codeAddress + 4096, 0);
      const before = cpu.counters.compiledRun;
      cpu.setRegister(rax, 0n);
      expect(again(machine)).toBe(24_000_000n);
      expect(cpu.counters.compiledRun - before).toBeGreaterThan(24_000_000);
      expect(asked).toEqual([codeAddress + 4096]);
    });

  test("all code is dropped because the arena is full; then bytes and mappings change", () => {
    const machine = start(acrossPages);
    const { cpu } = machine;
    cpu.setRegister(rax, 0n);
    expect(again(machine)).toBe(7n);
    // Blocks of two bytes without end.
    const filler = 0x10000000;
    const bytes = 4 << 20;
    machine.map(filler, bytes, everything);
    const line = new Uint8Array(4096);
    for (let i = 0; i < 4096; i += 2) line.set([0xeb, 0x00], i);
    for (let at = 0; at < bytes; at += 4096) machine.write(filler + at, line);
    machine.write(filler + bytes - 2, Uint8Array.of(0x0f, 0x05));
    if (engine !== "jit") again(machine, filler);
    const writer = 0x500000;
    machine.map(writer, 4096, everything);
    machine.write(writer, assemble("mov byte ptr [rsi], 0x40\n syscall", writer));
    cpu.setRegisterNumber(rsi, codeAddress + 0x1004);
    again(machine, writer);
    cpu.setRegister(rax, 0n);
    expect(again(machine)).toBe(0x43n);
  });

  test("stores near code leave it alone", () => {
    const machine = start(`
      mov ecx, 5000000
      lea rsi, [rip + data]
    1: add dword ptr [rsi], 1
      add qword ptr [rsi + 56], 2
      sub ecx, 1
      jnz 1b
      mov eax, [rsi]
      add rax, [rsi + 56]
      syscall
      # When everything is compiled, so is what would come next.
    9: jmp 9b
      .org 0x200
    data: .fill 128, 1, 0
      .org 0x300
    code: mov eax, 5
      syscall
    9: jmp 9b`);
    const before = machine.cpu.counters.codeInvalidations;
    expect(again(machine)).toBe(15_000_000n);
    expect(again(machine, codeAddress + 0x300)).toBe(5n);
    machine.write(codeAddress + 0x200, new Uint8Array(128));
    expect(again(machine)).toBe(15_000_000n);
    expect(machine.cpu.counters.codeInvalidations).toBe(before);
  });

  test("code that rewrites an instruction of its own loop", () => {
    const machine = start(`
      mov ecx, 100
      xor eax, eax
      lea rsi, [rip + patch + 1]
    1: mov [rsi], ecx
    patch: mov edx, 0
      add rax, rdx
      sub ecx, 1
      jnz 1b
      syscall`);
    expect(again(machine)).toBe(5050n);
    expect(again(machine)).toBe(5050n);
  });

  test("an instruction across two pages, of which the second half is written", () => {
    const machine = start(`
      mov ecx, 100
      xor eax, eax
      lea rsi, [rip + patch + 4]
      jmp patch
      .org 0xffd
    patch: add eax, 0x01020304
      add byte ptr [rsi], 1
      sub ecx, 1
      jnz patch
      syscall`);
    let expected = 0;
    let value = 0x01020304;
    for (let i = 0; i < 100; i++) {
      expected = (expected + value) >>> 0;
      // The last byte of the instruction, without carry into nothing.
      value = ((value & 0xffffff) | ((((value >>> 24) + 1) & 0xff) << 24)) >>> 0;
    }
    expect(again(machine)).toBe(BigInt(expected));
  });

  test("the same frames at two addresses, with data relative to the code", () => {
    const machine = start(`
      mov ecx, 4000000
      xor eax, eax
    1: add eax, [rip + number]
      call 2f
      sub ecx, 1
      jnz 1b
      syscall
    2: sub eax, 1
      ret
      .org 0x1000
    number: .long 3`);
    const second = 0x7000_0000_0000;
    machine.set(second, machine.cpu.words[machine.leaf(codeAddress) >> 2]!);
    const data = machine.frame();
    machine.cpu.view.setUint32(data, 11, true);
    machine.set(second + 4096, data | pte.read);
    for (let i = 0; i < 3; i++) {
      expect(again(machine)).toBe(8_000_000n);
      expect(again(machine, second)).toBe(40_000_000n);
    }
    expect(machine.cpu.register(rcx)).toBe(BigInt(second + 25));
  });
});

test("what cannot be compiled is interpreted, and said", () => {
  const machine = new Machine(undefined, "force");
  machine.load(assemble("mov ecx, 1000\n xor eax, eax\n1: add eax, ecx\n dec ecx\n jnz 1b\n syscall"));
  const errors: unknown[] = [];
  machine.cpu.compileFailed = (error) => errors.push(error);
  const broken = vi.spyOn(WebAssembly, "Module").mockImplementation(function refuse() {
    throw new WebAssembly.CompileError("refused");
  });
  try {
    expect(machine.cpu.run(1e6)).toBe(exit.syscall);
  } finally {
    broken.mockRestore();
  }
  expect(machine.cpu.register(rax)).toBe(500_500n);
  expect(machine.cpu.counters.modules).toBe(0);
  expect(errors[0]).toBeInstanceOf(WebAssembly.CompileError);
  // Each place once.
  expect(errors.length).toBeLessThan(10);
});

test("a loop of few instructions is compiled sooner than much code that is as hot together", () => {
  const compiledAfter = (source: string): number => {
    const machine = new Machine(undefined, "on");
    machine.load(assemble(source));
    while (machine.cpu.counters.regions === 0 && machine.cpu.counters.instructions < 60_000_000) {
      machine.cpu.setRegisterNumber(rcx, 1_000_000);
      machine.cpu.run(200_000);
    }
    return machine.cpu.counters.instructions / 1e6;
  };
  const small = compiledAfter("1: add eax, ecx\n dec ecx\n jnz 1b\n jmp 1b");
  // Two thousand instructions, each as often as the others.
  const blocks = Array.from({ length: 500 }, () => "test eax, eax\n jns 2f\n inc eax\n 2: add eax, 3").join("\n");
  const large = compiledAfter(`1: ${blocks}\n jmp 1b`);
  expect(small).toBeGreaterThan(4);
  expect(small).toBeLessThan(10);
  expect(large).toBeGreaterThan(15);
  expect(large).toBeLessThan(60);
});
