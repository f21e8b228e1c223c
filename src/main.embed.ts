/**
 * `import { openEngine } from "./wherry.js"`: the engine for scripts and other pages. It runs in a worker; the files
 * beside wherry.js are part of it. The page uses the same, as `window.wherry`.
 */
import { openRemote } from "./engine/remote.ts";
import type { Engine } from "./engine/types.ts";

export { WherryError } from "./base/errors.ts";
export type * from "./engine/types.ts";

export interface OpenOptions {
  /** Images and containers are kept under this name, apart from those of other names. */
  readonly name?: string;
}

/** Starts the engine's worker. Calls may follow at once. */
export function openEngine(options: OpenOptions = {}): Engine {
  const worker = new Worker(new URL("../workers/engine.ts", import.meta.url), {
    type: "module",
    name: "wherry-engine",
  });
  return openRemote(worker, options.name ?? "wherry");
}
