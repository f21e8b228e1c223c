/**
 * The soft module: 80-bit x87 arithmetic, SSE with all modes, string comparison. Its functions are helpers named
 * `soft.…`; each memory has one instance.
 */
import { hostHelper } from "./helpers.ts";
import { softBase64, softSignatures } from "./soft.wasm.ts";

let module: WebAssembly.Module | undefined;
const instances = new WeakMap<WebAssembly.Memory, WebAssembly.Instance>();

function instance(memory: WebAssembly.Memory): WebAssembly.Instance {
  const known = instances.get(memory);
  if (known !== undefined) return known;
  module ??= new WebAssembly.Module(Uint8Array.from(atob(softBase64), (character) => character.charCodeAt(0)));
  const made = new WebAssembly.Instance(module, { env: { memory } });
  instances.set(memory, made);
  return made;
}

for (const [name, [params, results]] of Object.entries(softSignatures))
  hostHelper(`soft.${name}`, params, results, (memory) => instance(memory).exports[name] as () => unknown);
