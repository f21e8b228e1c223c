import { expect, test } from "vitest";
import { interpreterModule, prepareCpu } from "../../../../wasm/x86/cpu.ts";
import { containerRehearsal } from "./rehearsal.ts";

test("a container is rehearsed to its end, several times, and leaves the processor made ahead", async () => {
  const module = interpreterModule();
  const waits = prepareCpu(module);
  const rehearse = await containerRehearsal(module);
  for (let i = 0; i < 3; i++) expect(await rehearse(() => true)).toBe(0);
  expect(waits()).toBe(true);
});

test("it ends when a real container comes", async () => {
  const rehearse = await containerRehearsal(interpreterModule());
  expect(await rehearse(() => false)).toBe(137);
});
