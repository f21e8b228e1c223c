/** Loads images away from the engine, so that unpacking one never holds up a terminal. One worker a load. */
import { StoredImages } from "../src/engine/images.ts";
import type { ImagesHost } from "../src/engine/images.ts";
import { spoolToBlob } from "../src/engine/images/spool.ts";
import { atCappedRate } from "../src/engine/progress.ts";
import { exposeEngine, opened } from "../src/engine/remote.ts";
import type { Engine, Images } from "../src/engine/types.ts";
import { openIndexedDb } from "../src/store/open-indexeddb.ts";

async function open(name: string): Promise<Engine> {
  const store = await openIndexedDb({ kind: "indexeddb", name });
  const load: Images["load"] = (source, options = {}) => {
    const onProgress = atCappedRate(options.onProgress ?? (() => {}));
    const told = { layer: 0, layers: 1, phase: "reading", digest: "" } as const;
    const host: ImagesHost = {
      spool: (stream, totalBytes) => spoolToBlob(stream, (doneBytes) => onProgress({ ...told, doneBytes, totalBytes })),
    };
    return new StoredImages(store, host).load(source, { ...options, onProgress });
  };
  // Loading is all it is ever asked for.
  return { images: { load } } as unknown as Engine;
}

exposeEngine(opened(open), self);
