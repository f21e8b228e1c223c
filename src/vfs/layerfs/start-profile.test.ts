import { expect, test } from "vitest";
import { ArrayPagePool } from "../array-page-pool.ts";
import { createLayerTree } from "./layerfs.ts";
import { StartProfile } from "./start-profile.ts";
import { TestPacks, makeLayers } from "./test-layers.ts";

const content = new Uint8Array(50_000).map((_, i) => (i >> 3) % 251);
const { layers, packs } = makeLayers([[{ path: "f", content }], [{ path: "g", content: "short" }]]);
const named = layers.map(({ diffId, tarBytes }) => ({ digest: diffId, bytes: tarBytes }));

/** Reads whole files as a container would, with what an earlier run left. */
async function run(names: readonly string[], earlier: Uint8Array | null, of = named) {
  const source = new TestPacks(packs, false);
  const profile = new StartProfile(source, of);
  if (earlier !== null) profile.replay(earlier);
  const pool = new ArrayPagePool();
  const { root } = createLayerTree(layers, profile, pool);
  const read: number[][] = [];
  for (const name of names) {
    const file = root.children!.get(name)!;
    const bytes: number[] = [];
    for (let index = 0; index * 4096 < file.size; index++) {
      const page = await file.content!.page(index);
      bytes.push(...pool.bytes(page).subarray(0, Math.min(4096, file.size - index * 4096)));
    }
    read.push(bytes);
  }
  return { source, profile, read };
}

test("the next run finds what this one read, without a look at the layers", async () => {
  const first = await run(["f", "g"], null);
  expect(first.profile.isNews).toBe(true);
  const kept = first.profile.encode();
  const second = await run(["f", "g"], kept);
  expect(second.source.reads).toBe(0);
  expect(second.read).toEqual([[...content], [...new TextEncoder().encode("short")]]);
  expect(second.profile.isNews).toBe(false);
  expect(second.profile.encode()).toEqual(kept);
});

test("what was not foreseen is read, and is news when it is much", async () => {
  const kept = (await run(["g"], null)).profile.encode();
  const { profile, source, read } = await run(["g", "f"], kept);
  expect(source.reads).toBeGreaterThan(0);
  expect(read[1]).toEqual([...content]);
  expect(profile.isNews).toBe(true);
});

test("a start of other layers, a damaged one or nonsense is not used", async () => {
  const kept = (await run(["f"], null)).profile.encode();
  const other = named.map((pack) => ({ ...pack, digest: pack.digest.replace("sha256:0", "sha256:1") }));
  expect((await run(["f"], kept, other)).source.reads).toBeGreaterThan(0);
  const damaged = kept.slice();
  damaged[damaged.length - 10]! ^= 1;
  const { source, read } = await run(["f"], damaged);
  expect(source.reads).toBeGreaterThan(0);
  expect(read[0]).toEqual([...content]);
  for (const bytes of [new Uint8Array(3), new Uint8Array(64), kept.subarray(0, 400)])
    expect((await run(["f"], bytes)).source.reads).toBeGreaterThan(0);
});

test("once it is forgotten, nothing is kept and reads go to the layers", async () => {
  const kept = (await run(["f"], null)).profile.encode();
  const source = new TestPacks(packs, false);
  const profile = new StartProfile(source, named);
  profile.replay(kept);
  profile.forget();
  const { root } = createLayerTree(layers, profile, new ArrayPagePool());
  expect(await root.children!.get("f")!.content!.page(0)).toBeGreaterThan(0);
  expect(source.reads).toBe(1);
  expect(profile.isNews).toBe(false);
});
