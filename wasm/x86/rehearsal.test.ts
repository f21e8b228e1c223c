import { expect, test } from "vitest";
import { limits } from "../../src/base/limits.ts";
import { createCpu, interpreterModule, prepareCpu } from "./cpu.ts";
import { arena, codeHeads } from "./layout.ts";

test("a rehearsed processor is as good as new", () => {
  const module = interpreterModule();
  const rehearse = prepareCpu(module);
  for (let i = 0; i < 3; i++) expect(rehearse()).toBe(true);
  const cpu = createCpu({ module, memoryBytesMax: limits.memoryBytesDefault });
  expect(cpu.memory.buffer.byteLength).toBe(cpu.frameBase + limits.memoryBytesPrepared);
  expect(rehearse()).toBe(false);
  const { instructionsDecoded, blocksDecoded, codeInvalidations } = cpu.counters;
  expect({ instructionsDecoded, blocksDecoded, codeInvalidations }).toEqual({
    instructionsDecoded: 0,
    blocksDecoded: 0,
    codeInvalidations: 0,
  });
  expect(cpu.words[(codeHeads.base >> 2) + (cpu.frameBase >>> 12)]).toBe(0);
  expect(cpu.words[arena.base >> 2]).not.toBe(0);
  expect(cpu.bytes.subarray(cpu.frameBase).every((byte) => byte === 0)).toBe(true);
});
