import { expect, test } from "vitest";
import { MemoryStore } from "../../store/memory.ts";
import type { CpuLevel } from "../../../wasm/x86/types.ts";
import type { ContainerSpec } from "../types.ts";
import { translationCache } from "./translation-cache.ts";

const spec = (program: string, cpu: CpuLevel = "x86-64-v2") =>
  ({ layers: ["sha256:1"], process: { arguments: [program] }, cpu }) as unknown as ContainerSpec;

test("packs come back with their entries, and are likely for the program that made them", async () => {
  const store = new MemoryStore();
  const entries = Uint32Array.of(1, 0xffffffff);
  const key = await translationCache(store, "e1", spec("/usr/bin/perl")).write(Uint8Array.of(5), entries);
  const same = translationCache(store, "e1", spec("perl"));
  expect(await same.list()).toEqual([{ key, entries, likely: true }]);
  expect(await same.read(key)).toEqual(Uint8Array.of(5));
  expect(await translationCache(store, "e1", spec("bash")).list()).toEqual([{ key, entries, likely: false }]);
  await same.remove(key);
  expect(await same.list()).toEqual([]);
  expect(await same.read(key)).toBeNull();
});

test("another version of the engine, or another processor, has its own", async () => {
  const store = new MemoryStore();
  await translationCache(store, "e1", spec("perl")).write(Uint8Array.of(5), Uint32Array.of(1));
  expect(await translationCache(store, "e2", spec("perl")).list()).toEqual([]);
  expect(await translationCache(store, "e1", spec("perl", "x86-64-v3")).list()).toEqual([]);
  expect(await translationCache(store, "e1", spec("perl", "x86-64-v2")).list()).toHaveLength(1);
});
