import fc from "fast-check";
import { expect, test } from "vitest";
import { assemble, Machine } from "../../test/x86/machine.ts";
import { exit, pte } from "./types.ts";
import { firstMultiplier, MissWatch, nextMultiplier, tlbSlotOf } from "./tlb.ts";

const multipliers = Array.from({ length: 100 }).reduce<number[]>(
  (list) => [...list, nextMultiplier(list.at(-1)!)],
  [firstMultiplier],
);

test("two pages that follow each other never have one place", () => {
  expect(new Set(multipliers).size).toBe(multipliers.length);
  fc.assert(
    fc.property(fc.nat({ max: 2 ** 35 - 2 }), fc.constantFrom(...multipliers), (page, multiplier) => {
      expect(tlbSlotOf(page * 4096, multiplier)).not.toBe(tlbSlotOf((page + 1) * 4096, multiplier));
    }),
  );
});

test.each(["off", "on", "force"] as const)("two pages that share a place are taken apart, %s", (jit) => {
  const first = 0x10000000;
  let second = first + 4096;
  while (tlbSlotOf(second, firstMultiplier) !== tlbSlotOf(first, firstMultiplier)) second += 4096;
  const machine = new Machine(undefined, jit);
  machine.map(first, 4096, pte.read | pte.write);
  machine.map(second, 4096, pte.read | pte.write);
  const rounds = 3_000_000;
  machine.load(
    assemble(`
    mov ecx, ${rounds}
  1: inc qword ptr [${first}]
    inc qword ptr [rdx]
    dec ecx
    jnz 1b
    syscall`),
  );
  machine.cpu.setRegisterNumber(2, second);
  while (machine.cpu.run(1_000_000) === exit.budget);
  expect(machine.read64(first)).toBe(BigInt(rounds));
  expect(machine.read64(second)).toBe(BigInt(rounds));
  // Two for each round without another multiplier.
  expect(machine.cpu.counters.tlbMisses).toBeLessThan(rounds);
});

test("where misses go on, another multiplier is tried ever more rarely", () => {
  const watch = new MissWatch();
  let changes = 0;
  for (let instructions = 0; instructions < 4e9; instructions += 1e5)
    if (watch.thrashes(instructions, instructions / 10)) changes++;
  expect(changes).toBeGreaterThan(8);
  expect(changes).toBeLessThan(16);
  expect(new MissWatch().thrashes(1e9, 1e5)).toBe(false);
});
