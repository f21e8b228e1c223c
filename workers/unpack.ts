/** Loads images away from the engine, so that unpacking one never holds up a terminal. One worker a load. */
import { StoredImages } from "../src/engine/images.ts";
import { exposeEngine, opened } from "../src/engine/remote.ts";
import type { Engine } from "../src/engine/types.ts";
import { openIndexedDb } from "../src/store/open-indexeddb.ts";

async function open(name: string): Promise<Engine> {
  const images = new StoredImages(await openIndexedDb({ kind: "indexeddb", name }));
  // Only its images are ever asked for.
  return { images } as unknown as Engine;
}

exposeEngine(opened(open), self);
