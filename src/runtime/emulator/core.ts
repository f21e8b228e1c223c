/// <reference path="../../core.d.ts" />
/** The interpreter's compiled module: compiled once for each page or process and handed to every container's worker. */
import address from "virtual:interpreter-core";

let compiled: Promise<WebAssembly.Module> | null = null;

/** `read` gets the bytes where `fetch` cannot (Node's file: addresses). */
export function interpreterCore(
  read?: (address: string) => Promise<Uint8Array<ArrayBuffer>>,
): Promise<WebAssembly.Module> {
  return (compiled ??= compile(read));
}

async function compile(read?: (address: string) => Promise<Uint8Array<ArrayBuffer>>): Promise<WebAssembly.Module> {
  if (read !== undefined) return WebAssembly.compile(await read(address));
  const response = fetch(address);
  try {
    return await WebAssembly.compileStreaming(response);
  } catch {
    // A host that serves .wasm with another type: compile the bytes as they are.
    const again = await fetch(address);
    return WebAssembly.compile(await again.arrayBuffer());
  }
}
