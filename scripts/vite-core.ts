/**
 * A vite plugin: `import address from "virtual:interpreter-core"` is the address of the interpreter's WebAssembly module,
 * which is generated from the instruction table when the bundle is built. In tests it is a data: address.
 */
import type { Plugin } from "vite";
import { buildInterpreter } from "../wasm/x86/interpreter.ts";

const name = "virtual:interpreter-core";
const resolved = `\0${name}`;

export function interpreterCore(): Plugin {
  let building = false;
  let bytes: Uint8Array | undefined;
  return {
    name: "wherry-interpreter-core",
    configResolved(config) {
      building = config.command === "build";
    },
    resolveId: (id) => (id === name ? resolved : undefined),
    load(id) {
      if (id !== resolved) return undefined;
      bytes ??= buildInterpreter();
      if (!building) {
        const base64 = Buffer.from(bytes).toString("base64");
        return `export default "data:application/wasm;base64,${base64}";`;
      }
      const reference = this.emitFile({ type: "asset", name: "interpreter.wasm", source: bytes });
      return `export default import.meta.ROLLUP_FILE_URL_${reference};`;
    },
  };
}
