/**
 * The page's engine: records and images in IndexedDB, and a worker for each container and each load.
 *
 *     page ── comlink ──> engine ──> unpack     one a load
 *                               └──> container  one a container
 */
import { LocalContainer } from "../src/container/hosted.ts";
import type { ContainerRecord } from "../src/container/record.ts";
import { createEngine } from "../src/engine/engine.ts";
import { StoredImages } from "../src/engine/images.ts";
import { loadInWorker } from "../src/engine/load-in-worker.ts";
import { exposeEngine, opened } from "../src/engine/remote.ts";
import { shareEvents } from "../src/engine/tab-events.ts";
import { TabSupervision } from "../src/engine/tab-supervision.ts";
import type { Engine } from "../src/engine/types.ts";
import { webWorkerRuntimes } from "../src/runtime/emulator/web-workers.ts";
import { openIndexedDb } from "../src/store/open-indexeddb.ts";

/** From package.json; the build puts it in. */
declare const __WHERRY_VERSION__: string;

async function open(name: string): Promise<Engine> {
  const locator = { kind: "indexeddb", name } as const;
  const opening = openIndexedDb(locator);
  // At once: the code of a container's worker takes longer to load than the store to open.
  const runtimes = webWorkerRuntimes({
    spawn: () => new Worker(new URL("./container.ts", import.meta.url), { type: "module", name: "wherry-container" }),
    locator,
    openStore: () => opening,
  });
  const store = await opening;
  const images = new StoredImages(store);
  const unpack = () => new Worker(new URL("./unpack.ts", import.meta.url), { type: "module", name: "wherry-unpack" });
  const make = (record: ContainerRecord) =>
    new LocalContainer({
      store,
      locator,
      record,
      runtime: runtimes.find(({ name: each }) => each === record.runtime)!,
    });
  const engine = createEngine({
    version: __WHERRY_VERSION__,
    host: "page",
    store,
    locator,
    images: loadInWorker(images, unpack, name),
    runtimes,
    supervision: new TabSupervision({ store, scope: name, locks: navigator.locks, make }),
  });
  return shareEvents(engine, new BroadcastChannel(`${name}-events`));
}

exposeEngine(opened(open), self);
