/** What `import { … } from "wherry"` gives in Node. The types of the API are in `engine/types.ts`. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { openNodeHost } from "./cli/node/engine.ts";
import { storeFolder } from "./cli/node/store-folder.ts";
import type { Engine } from "./engine/types.ts";

export { WherryError } from "./base/errors.ts";
export type * from "./engine/types.ts";

export interface OpenEngineOptions {
  /** Folder of images and containers; the command line's own unless said otherwise. */
  readonly store?: string;
}

/** Opens the engine over a store. Close it when done: containers in the foreground end with it. */
export async function openEngine(options: OpenEngineOptions = {}): Promise<Engine> {
  const program = fileURLToPath(new URL("./wherry.js", import.meta.url));
  // From the sources (tests) there is no program beside this file: the built one is used.
  const built = existsSync(program) ? program : fileURLToPath(new URL("../dist/node/wherry.js", import.meta.url));
  const { engine } = await openNodeHost({
    storePath: options.store ?? storeFolder(process.env),
    self: [process.execPath, built],
  });
  return engine;
}
