import { expect, test } from "vitest";
import { limits } from "../../../src/base/limits.ts";
import { createCpu, interpreterModule, prepareCpu, rehearseCpu, touchPrepared } from "../cpu.ts";
import { arena, codeHeads } from "../layout.ts";
import { exit } from "../types.ts";
import type { RehearsalCpu } from "./rehearsal.ts";

test("the program runs on and on, is decoded again and again, and all of it is compiled", () => {
  const module = interpreterModule();
  let cpu!: RehearsalCpu;
  const codes = new Set<number>();
  const sizes: number[] = [];
  const real = rehearseCpu(module, (one) => {
    cpu = one;
    const [run, compileSeen] = [one.run.bind(one), one.compileSeen.bind(one)];
    one.run = (budget, msMax) => {
      const code = run(budget, msMax);
      codes.add(code);
      return code;
    };
    one.compileSeen = (...args) => {
      const size = compileSeen(...args);
      sizes.push(size);
      return size;
    };
  });
  let pieces = 0;
  while (real.next().done !== true) pieces++;
  expect(pieces).toBeGreaterThan(100);
  // Never a fault, never the end.
  expect([...codes]).toEqual([exit.budget]);
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeGreaterThan(500);
  expect(sizes.filter((size) => size === 0)).toEqual([]);
  const { instructions, compiledRun, regions } = cpu.counters;
  expect({ compiledRun, regions }).toEqual({ compiledRun: 0, regions: 0 });
  expect(instructions).toBeGreaterThan(10_000_000);
});

test("nothing is left of it in the processor a container gets, whenever that comes", () => {
  const module = interpreterModule();
  for (const steps of [0, 5, 200]) {
    const waits = prepareCpu(module);
    const touching = touchPrepared();
    const rehearsal = rehearseCpu(module);
    for (let i = 0; i < steps; i++) {
      touching.next();
      rehearsal.next();
    }
    expect(waits()).toBe(true);
    const cpu = createCpu({ module, memoryBytesMax: limits.memoryBytesDefault });
    expect(waits()).toBe(false);
    expect(cpu.memory.buffer.byteLength).toBe(cpu.frameBase + limits.memoryBytesPrepared);
    const { instructions, instructionsDecoded, blocksDecoded, codeInvalidations } = cpu.counters;
    expect({ instructions, instructionsDecoded, blocksDecoded, codeInvalidations }).toEqual({
      instructions: 0,
      instructionsDecoded: 0,
      blocksDecoded: 0,
      codeInvalidations: 0,
    });
    expect(cpu.words[(codeHeads.base >> 2) + (cpu.frameBase >>> 12)]).toBe(0);
    expect(cpu.words[arena.base >> 2]).toBe(0);
    expect(cpu.bytes.subarray(cpu.frameBase).every((byte) => byte === 0)).toBe(true);
  }
});

test("memory is touched until the processor is used", () => {
  const module = interpreterModule();
  prepareCpu(module);
  const touching = touchPrepared();
  expect(touching.next().done).toBe(false);
  createCpu({ module, memoryBytesMax: limits.memoryBytesDefault });
  expect(touching.next().done).toBe(true);
  prepareCpu(module);
  const pieces = [...touchPrepared()].length;
  const bytes = limits.arenaBytesTouched + limits.frameBytesTouched;
  expect(pieces).toBe(bytes / limits.pageBytes / limits.pagesTouchedAtOnce);
});

test("a worker does not wait any more when its container makes a processor of another kind", () => {
  const module = interpreterModule();
  const waits = prepareCpu(module);
  createCpu({ module, jit: "off" });
  expect(waits()).toBe(false);
});
