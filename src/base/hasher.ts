/** A running SHA-256, whoever computes it: hash-wasm everywhere, Node's own where the host hands it in. */
export interface Hasher {
  update(bytes: Uint8Array): void;
  /** "sha256:<hex>". Ends the computation. */
  digest(): string;
}

export type CreateHasher = () => Promise<Hasher>;
