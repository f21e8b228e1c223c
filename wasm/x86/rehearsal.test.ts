import { expect, test } from "vitest";
import { limits } from "../../src/base/limits.ts";
import { createCpu, interpreterModule, prepareCpu } from "./cpu.ts";
import { arena, codeHeads } from "./layout.ts";

test("a rehearsed processor is as good as new", () => {
  const module = interpreterModule();
  prepareCpu(module);
  const cpu = createCpu({ module, memoryBytesMax: limits.memoryBytesDefault });
  expect(cpu.memory.buffer.byteLength).toBe(cpu.frameBase + limits.memoryBytesPrepared);
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
