/**
 * Compiled code of containers in the store's cache: translations/<engine>/<cpu>/<program>/<random>. Each pack is an entry of
 * its own, so containers that run at the same time do not get in each other's way.
 *
 * `engine` is a digest of the sources that decide what compiled code looks like. `program` is a hint which packs will be
 * needed, and never what makes them fit: the processor compares the code itself.
 */
import { randomId } from "../../base/random.ts";
import type { Store } from "../../store/types.ts";
import type { TranslationStore } from "../../../wasm/x86/types.ts";
import type { ContainerSpec } from "../types.ts";

const folder = "translations";

export function translationCache(store: Store, engine: string, spec: ContainerSpec): TranslationStore {
  const prefix = `${folder}/${engine}/${spec.cpu ?? "x86-64-v2"}/`;
  const own = `${prefix}${programOf(spec)}/`;
  return {
    async list() {
      const entries = await store.listCache();
      return entries
        .filter(({ key }) => key.startsWith(prefix))
        .toSorted((a, b) => b.usedMs - a.usedMs)
        .map(({ key, label }) => ({ key, entries: fromLabel(label), likely: key.startsWith(own) }));
    },
    read: (key) => store.readCache(key),
    async write(pack, entries) {
      const key = `${own}${randomId().slice(0, 16)}`;
      await store.writeCache(key, pack, toLabel(entries));
      return key;
    },
    remove: (key) => store.deleteCache(key),
  };
}

/** The same program of the same base image, most likely. */
function programOf({ layers, process }: ContainerSpec): string {
  const text = `${layers[0] ?? ""} ${process.arguments[0]!.split("/").at(-1)}`;
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return (hash >>> 0).toString(16);
}

function toLabel(entries: Uint32Array): Uint8Array {
  const label = new Uint8Array(4 * entries.length);
  const view = new DataView(label.buffer);
  entries.forEach((entry, i) => view.setUint32(4 * i, entry, true));
  return label;
}

function fromLabel(label: Uint8Array): Uint32Array {
  const entries = new Uint32Array(label.length >> 2);
  const view = new DataView(label.buffer, label.byteOffset, label.length);
  for (let i = 0; i < entries.length; i++) entries[i] = view.getUint32(4 * i, true);
  return entries;
}
