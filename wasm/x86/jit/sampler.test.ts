/** What is compiled when, by what the processor counts. */
import { expect, test } from "vitest";
import { assemble, codeAddress, Machine } from "../../../test/x86/machine.ts";
import { exit, pte } from "../types.ts";

const [rcx, rsi, rdi] = [1, 6, 7];

function start(source: string): Machine {
  const machine = new Machine(undefined, "on");
  machine.load(assemble(source, codeAddress), codeAddress);
  return machine;
}

/** Runs to the next SYSCALL with `turns` in RCX; what was counted meanwhile. */
function run(machine: Machine, turns: number): Record<"all" | "compiled" | "entries" | "regions" | "modules", number> {
  const { cpu } = machine;
  const before = cpu.counters;
  cpu.rip = codeAddress;
  cpu.setRegisterNumber(rcx, turns);
  let code;
  do code = cpu.run(1e9);
  while (code === exit.budget);
  expect(code).toBe(exit.syscall);
  const after = cpu.counters;
  return {
    all: after.instructions - before.instructions,
    compiled: after.compiledRun - before.compiledRun,
    entries: after.regionEntries - before.regionEntries,
    regions: after.regions - before.regions,
    modules: after.modules - before.modules,
  };
}

/** 64 functions of some 40 instructions, called in turn through a table: more than one region holds. */
const functions = (mask: string): string => `
    lea rbx, [rip + table]
  1: mov eax, ecx
    and eax, ${mask}
    call [rbx + rax * 8]
    sub ecx, 1
    jnz 1b
    syscall
  ${Array.from(
    { length: 64 },
    (_, i) => `f${i}: mov edx, ${i}
    .rept 12
    add edx, ecx
    test edx, ${1 << (i % 8)}
    jz 2f
    xor edx, ${i}
  2:
    .endr
    ret`,
  ).join("\n  ")}
    .p2align 3
  table: ${Array.from({ length: 64 }, (_, i) => `.quad f${i}`).join("\n  ")}`;
const manyFunctions = functions("63");

test("a loop over more code than a region holds is compiled to few regions, and then no more", () => {
  const machine = start(manyFunctions);
  run(machine, 10_000_000);
  const settled = run(machine, 2_000_000);
  expect(settled.compiled / settled.all).toBeGreaterThan(0.9);
  expect(settled.regions).toBeLessThanOrEqual(8);
  // All of it is about 3000 instructions, some of which several regions need.
  expect(machine.cpu.counters.compiledInstructions).toBeLessThan(15_000);
});

test("what a program did before, and does no more, is not compiled with what it does now", () => {
  const machine = start(functions("edi"));
  machine.cpu.setRegisterNumber(rdi, 15);
  expect(run(machine, 100_000).regions).toBe(0);
  machine.cpu.setRegisterNumber(rdi, 1);
  const settled = run(machine, 2_000_000);
  expect(settled.compiled / settled.all).toBeGreaterThan(0.5);
  // Two functions and the loop are about a hundred.
  expect(machine.cpu.counters.compiledInstructions).toBeLessThan(300);
});

test("straight code longer than a region is compiled soon, each piece once, and entered by going straight on", () => {
  const machine = start(`
  1: ${"add eax, ecx\n xor edx, eax\n".repeat(1000)}
    sub ecx, 1
    jnz 1b
    syscall`);
  const first = run(machine, 30_000);
  expect(first.compiled / first.all).toBeGreaterThan(0.5);
  run(machine, 30_000);
  const settled = run(machine, 10_000);
  expect(settled.compiled / settled.all).toBeGreaterThan(0.99);
  expect(settled.regions).toBe(0);
  expect(machine.cpu.counters.compiledInstructions).toBeLessThan(2600);
});

test("what runs a few thousand times is not compiled", () => {
  const counted = run(start(manyFunctions), 20_000);
  expect(counted.regions).toBe(0);
});

test("accesses that always miss the TLB are resolved inside the region in the end", () => {
  const data = 0x10_0000_0000;
  const machine = start(`
    xor edi, edi
  1: add rdx, [rsi + rdi]
    add edi, 4096
    and edi, ${2 ** 25 - 1}
    add edx, 1
    sub ecx, 1
    jnz 1b
    syscall`);
  // One frame at each of 8192 pages: twice as many as the TLB has entries.
  const frame = machine.frame();
  for (let i = 0; i < 8192; i++) machine.set(data + i * 4096, frame | pte.read);
  machine.cpu.setRegisterNumber(rsi, data);
  run(machine, 5_000_000);
  const settled = run(machine, 1_000_000);
  expect(settled.compiled / settled.all).toBeGreaterThan(0.98);
  expect(settled.entries).toBeLessThan(1000);
});
