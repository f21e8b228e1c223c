/** The soft module agrees with the processor's layout. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { state } from "./state.ts";

test("assembly/state.ts has the addresses of state.ts", () => {
  const source = readFileSync(join(import.meta.dirname, "assembly/state.ts"), "utf8");
  const at = (name: string): number => Number(new RegExp(`const ${name}: usize = (\\d+);`).exec(source)?.[1]);
  expect(at("mxcsrAt")).toBe(state.mxcsr);
  expect(at("controlAt")).toBe(state.x87Control);
  expect(at("statusAt")).toBe(state.x87Status);
  expect(at("topAt")).toBe(state.x87Top);
  expect(at("tagsAt")).toBe(state.x87Tag);
  expect(at("exactAt")).toBe(state.sseExact);
  expect(at("countedAt")).toBe(state.sseCounted);
  expect(at("faultAt")).toBe(state.sseFault);
  expect(at("registersAt")).toBe(state.x87);
  expect(at("scratchAt")).toBe(state.soft);
});
