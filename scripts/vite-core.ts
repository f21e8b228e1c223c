/**
 * A vite plugin: `import address from "virtual:interpreter-core"` is the address of the interpreter's WebAssembly module,
 * which is generated from the instruction table when the bundle is built. In tests it is a data: address.
 */
import { join } from "node:path";
import { runnerImport } from "vite";
import type { Plugin } from "vite";
// @ts-expect-error a script without types
import { generate } from "./lib/generate.mjs";

const name = "virtual:interpreter-core";
const resolved = `\0${name}`;

/** The table is loaded only when it is needed, because a part of it is itself generated first. */
async function buildCore(): Promise<Uint8Array> {
  const { module } = await runnerImport<{ buildInterpreter(): Uint8Array }>(
    join(import.meta.dirname, "../wasm/x86/interpreter.ts"),
  );
  return module.buildInterpreter();
}

export function interpreterCore(): Plugin {
  let building = false;
  let bytes: Promise<Uint8Array> | undefined;
  return {
    name: "wherry-interpreter-core",
    config: () => generate() as Promise<void>,
    configResolved(config) {
      building = config.command === "build";
    },
    resolveId: (id) => (id === name ? resolved : undefined),
    async load(id) {
      if (id !== resolved) return undefined;
      bytes ??= buildCore();
      if (!building) {
        const base64 = Buffer.from(await bytes).toString("base64");
        return `export default "data:application/wasm;base64,${base64}";`;
      }
      const reference = this.emitFile({ type: "asset", name: "interpreter.wasm", source: await bytes });
      return `export default import.meta.ROLLUP_FILE_URL_${reference};`;
    },
  };
}
