/** The native side alone: what the machine itself does with a few instructions everybody knows. */
import { expect, test } from "vitest";
import { codeBase, codeBytes, windowBase, windowBytes } from "./layout.ts";
import type { Case } from "./layout.ts";
import { nativeUnavailable, runNative } from "./native.ts";
import { startFx } from "./operands.ts";

function makeCase(code: number[]): Case {
  const registers = new BigUint64Array(16);
  registers[0] = 0x8000_0000_0000_0001n;
  registers[3] = BigInt(windowBase + 0xfc);
  registers[4] = BigInt(windowBase + 0x100);
  return {
    name: "known",
    code: Uint8Array.from(code),
    codeOffset: 0x800,
    registers,
    flags: 0,
    fx: startFx(),
    window: new Uint8Array(windowBytes).fill(0x11),
  };
}

test.skipIf(nativeUnavailable() !== null)("the machine runs cases and faults are recorded", () => {
  const [add, load, fault, divide, branch, float] = runNative([
    makeCase([0x48, 0x01, 0xc0]),
    makeCase([0x48, 0x8b, 0x03]),
    makeCase([0x8b, 0x04, 0x25, 0, 0, 0, 0]),
    makeCase([0x48, 0xf7, 0xf1]),
    makeCase([0xeb, 0x10]),
    makeCase([0xd9, 0xe8]),
  ]);
  expect(add).toMatchObject({ vector: 3, rip: codeBase + 0x804 });
  expect(add?.registers[0]).toBe(2n);
  expect((add?.flags ?? 0) & 0x801).toBe(0x801);
  expect(load?.registers[0]).toBe(0x1111_1111_1111_1111n);
  expect(fault).toMatchObject({ vector: 14, address: 0, rip: codeBase + 0x800 });
  expect(divide).toMatchObject({ vector: 0 });
  expect(branch?.rip).toBe(codeBase + 0x813);
  expect(float?.fx.subarray(32, 42)).toEqual(Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0x80, 0xff, 0x3f));
  expect(codeBytes).toBeGreaterThan(0x1000);
});
