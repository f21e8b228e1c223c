/** SHA-256 over streams. `crypto.subtle` hashes only whole buffers, hence hash-wasm (WebAssembly, about 250 MB/s). */
import { createSHA256 } from "hash-wasm";
import type { Hasher } from "../base/hasher.ts";

export async function createSha256(): Promise<Hasher> {
  const state = await createSHA256();
  state.init();
  return {
    update: (bytes) => void state.update(bytes),
    digest: () => `sha256:${state.digest("hex")}`,
  };
}

export async function sha256(bytes: Uint8Array, create = createSha256): Promise<string> {
  const hasher = await create();
  hasher.update(bytes);
  return hasher.digest();
}
