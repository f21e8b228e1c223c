import { expect, test } from "vitest";
import { systemClock } from "../../base/clock.ts";
import type { LayerIndex } from "../../oci/layer-index.ts";
import { MemoryStore } from "../../store/memory.ts";
import type { Store } from "../../store/types.ts";
import { ArrayPagePool } from "../../vfs/array-page-pool.ts";
import { makeLayers } from "../../vfs/layerfs/test-layers.ts";
import { lookup } from "../../vfs/operations.ts";
import type { ContainerSpec } from "../types.ts";
import { openImageTree } from "./rootfs.ts";

const spec = { id: "c1", layers: [] as string[], process: { arguments: ["sh"] } } as unknown as ContainerSpec;

/** A store whose reads take time, as IndexedDB's do, that counts the layers read from it. */
class SlowStore extends MemoryStore {
  override readonly readPackSync = null as unknown as MemoryStore["readPackSync"];
  layersRead = 0;

  override async getDocument(kind: string, key: string): Promise<unknown> {
    if (kind === "layer-index") this.layersRead++;
    return super.getDocument(kind, key);
  }
}

async function storeWith(layers: readonly LayerIndex[], packs: ReadonlyMap<string, Uint8Array>): Promise<SlowStore> {
  const store = new SlowStore();
  for (const [digest, bytes] of packs) {
    const writer = await store.createPack();
    await writer.write(bytes);
    await writer.commit(digest);
  }
  for (const layer of layers) await store.putDocument("layer-index", layer.diffId, layer);
  return store;
}

const open = (store: Store, layers: readonly LayerIndex[]) =>
  openImageTree(
    {
      spec: { ...spec, layers: layers.map(({ diffId }) => diffId) },
      store,
      pool: new ArrayPagePool(),
      clock: systemClock,
    },
    false,
  );

test("the layers used last are not read again, and each container has a tree of its own", async () => {
  const { layers, packs } = makeLayers([[{ path: "a", content: "one" }], [{ path: "b", content: "two" }]]);
  const store = await storeWith(layers, packs);
  const first = await open(store, layers);
  const second = await open(store, layers);
  expect(store.layersRead).toBe(2);
  for (const { namespace } of [first, second]) {
    expect(typeof lookup(namespace.caller(), namespace.root, "/a")).toBe("object");
    expect(typeof lookup(namespace.caller(), namespace.root, "/b")).toBe("object");
  }
  await open(store, layers.slice(0, 1));
  expect(store.layersRead).toBe(3);
});

test("layers that were removed meanwhile are missed", async () => {
  const { layers, packs } = makeLayers([[{ path: "a", content: "one" }]]);
  const store = await storeWith(layers, packs);
  await open(store, layers);
  await store.deletePack(layers[0]!.diffId);
  await store.deleteDocument("layer-index", layers[0]!.diffId);
  await expect(open(store, layers)).rejects.toThrow("load the image again");
});
