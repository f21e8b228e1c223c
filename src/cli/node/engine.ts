/** The engine on Node: a directory for a store, native containers first, a supervising process for each. */
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { createEngine } from "../../engine/engine.ts";
import { StoredImages } from "../../engine/images.ts";
import type { Engine } from "../../engine/types.ts";
import { createNativeRuntime } from "../../runtime/native/native.ts";
import type { Runtime } from "../../runtime/types.ts";
import { createThreadRuntime } from "./thread-runtime.ts";
import { DirectoryStore } from "../../store/directory.ts";
import type { Store } from "../../store/types.ts";
import { version } from "../version.ts";
import { nodeImagesHost } from "./images-host.ts";
import { ProcessSupervision } from "./supervision.ts";

export interface NodeHostOptions {
  readonly storePath: string;
  /** How to run this program again: Node and the bundle. */
  readonly self: readonly string[];
}

export interface NodeHost {
  readonly store: Store;
  readonly supervision: ProcessSupervision;
  readonly engine: Engine;
}

export async function openNodeHost(options: NodeHostOptions): Promise<NodeHost> {
  const { storePath, self } = options;
  const store = await DirectoryStore.open(storePath);
  const worker = pathToFileURL(join(dirname(self[1]!), "container.js"));
  const runtimes: readonly Runtime[] = [
    createNativeRuntime({ store, storePath, self }),
    createThreadRuntime("emulator", worker, store),
    createThreadRuntime("wasi", worker, store),
  ];
  const supervision = new ProcessSupervision({ store, storePath, runtimes, self });
  const engine = createEngine({
    version,
    host: "node",
    store,
    locator: { kind: "directory", path: storePath },
    images: new StoredImages(store, nodeImagesHost),
    runtimes,
    supervision,
  });
  return { store, supervision, engine };
}
