/**
 * `import { openEngine } from "./wherry.js"`: the engine for scripts and other pages. It runs in a worker; the files
 * beside wherry.js are part of it. The page uses the same, as `window.wherry`.
 */
import { openRemote } from "./engine/remote.ts";
import type { Engine } from "./engine/types.ts";

export { WherryError } from "./base/errors.ts";
export type * from "./engine/types.ts";

export interface OpenEngineOptions {
  /** Name of the store of images and containers in this origin: the page's own unless said otherwise. */
  readonly store?: string;
}

/** Starts the engine's worker. Containers end with the page; images and stopped containers stay. */
export async function openEngine(options: OpenEngineOptions = {}): Promise<Engine> {
  const worker = new Worker(new URL("../workers/engine.ts", import.meta.url), {
    type: "module",
    name: "wherry-engine",
  });
  return openRemote(worker, options.store ?? "wherry");
}
