/**
 * The one door to @wasmer/wasi (1.2): it gives the imports of a WASI program; we put our own calls over those that
 * touch files, time and the end of the program, because its own file system is in memory only, its stdin is preset and
 * its output is read after the run. What stays its own: arguments, environment and random numbers.
 */
import { WASI, init } from "@wasmer/wasi";
import type { WasiFunction } from "./preview1.ts";

let ready: Promise<void> | null = null;

export interface WasmerImports {
  /** By module name ("wasi_snapshot_preview1", "wasi_unstable"), then by function. */
  readonly imports: Record<string, Record<string, WasiFunction>>;
  /** Hands the instance over, so that its calls find the memory. Before the first call. */
  attach(instance: WebAssembly.Instance): void;
}

/** The library decodes its own module with Node's Buffer; a browser has none, so for that one call it gets this much. */
function initialise(): Promise<void> {
  const host = globalThis as { Buffer?: unknown };
  if (host.Buffer !== undefined) return init();
  host.Buffer = {
    from: (base64: string) => Uint8Array.from(atob(base64), (character) => character.charCodeAt(0)),
  };
  try {
    return init();
  } finally {
    delete host.Buffer;
  }
}

export async function wasmerImports(
  module: WebAssembly.Module,
  programArguments: readonly string[],
  environment: readonly string[],
): Promise<WasmerImports> {
  await (ready ??= initialise());
  const env: Record<string, string> = {};
  for (const entry of environment) {
    const at = entry.indexOf("=");
    if (at > 0) env[entry.slice(0, at)] = entry.slice(at + 1);
  }
  const wasi = new WASI({ args: [...programArguments], env });
  const imports = wasi.getImports(module) as Record<string, Record<string, WasiFunction>>;
  return { imports, attach: (instance) => void wasi.instantiate(instance) };
}
