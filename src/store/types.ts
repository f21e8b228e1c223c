/**
 * Where images and containers are kept. Three adapters implement this one interface and share one conformance suite:
 * memory (tests), IndexedDB (page) and a directory (Node).
 *
 *     packs      large immutable byte strings, named by digest: uncompressed layer tars, verbatim
 *     documents  small named values: manifests, configs, layer indexes, references, container records
 *     cache      what can be made again, bounded: the entries used longest ago go first
 *     journals   append-only byte logs, one per container: its writable layer and its log output
 *
 * Nothing half-written is ever visible: a pack appears when its writer commits, a journal read stops at the last whole
 * record. Full storage is a WherryError "storage-full".
 */
export interface PackWriter {
  /** Bytes are taken in order; resolves when there is room for more (back-pressure). */
  write(bytes: Uint8Array): Promise<void>;
  /** Makes the pack visible under `digest` ("sha256:…"), whose hash the caller has verified. */
  commit(digest: string): Promise<void>;
  /** Drops what was written. */
  abort(): Promise<void>;
}

/** One entry of the cache. */
export interface CacheEntry {
  readonly key: string;
  readonly sizeBytes: number;
  /** When it was last used, to about `limits.cacheUseMs`. */
  readonly usedMs: number;
  /** What its writer wants to know without reading it. */
  readonly label: Uint8Array;
}

export interface Store {
  createPack(): Promise<PackWriter>;
  /** Size in bytes, or null when there is no such pack. */
  packSize(digest: string): Promise<number | null>;
  /** Exactly `length` bytes at `offset`, which others may share: not to be changed. Reading past the end is an error. */
  readPack(digest: string, offset: number, length: number): Promise<Uint8Array>;
  /** The same at once where the host can (Node's directory, memory); null in IndexedDB. */
  readonly readPackSync: ((digest: string, offset: number, length: number) => Uint8Array) | null;
  deletePack(digest: string): Promise<void>;
  listPacks(): Promise<readonly string[]>;

  /** Documents are structured-clonable plain data, or bytes; `kind` is a table name: "image", "reference", "container"… */
  getDocument(kind: string, key: string): Promise<unknown>;
  putDocument(kind: string, key: string, value: unknown): Promise<void>;
  deleteDocument(kind: string, key: string): Promise<void>;
  listDocuments(kind: string): Promise<readonly string[]>;
  /** Several puts and deletes at once, all or nothing. `value` undefined deletes. */
  transact(changes: readonly { kind: string; key: string; value: unknown }[]): Promise<void>;

  /** Appends one record; durable when it resolves. */
  appendJournal(name: string, record: Uint8Array): Promise<void>;
  readJournal(name: string): AsyncIterable<Uint8Array>;
  /** Replaces the whole journal by these records, atomically (compaction). */
  replaceJournal(name: string, records: readonly Uint8Array[]): Promise<void>;
  deleteJournal(name: string): Promise<void>;

  /**
   * The cache may lose anything at any time, and what a crash leaves of an entry may be damaged: its reader checks.
   * Several workers or processes may use it at once; the last writer of a key wins.
   */
  listCache(): Promise<readonly CacheEntry[]>;
  /** Null when it is not there, or no longer. */
  readCache(key: string): Promise<Uint8Array | null>;
  /** Removes what was used longest ago if there is no room. More than `limits.cache…BytesMax` is an error. */
  writeCache(key: string, bytes: Uint8Array, label: Uint8Array): Promise<void>;
  deleteCache(key: string): Promise<void>;

  /** Bytes used and the quota, as far as the host tells. */
  usage(): Promise<{ usedBytes: number; quotaBytes: number | null }>;
  close(): Promise<void>;
}

/** How another worker or process opens the same store: plain data that survives a message port. */
export type StoreLocator =
  | { readonly kind: "memory"; readonly name: string }
  | { readonly kind: "indexeddb"; readonly name: string }
  | { readonly kind: "directory"; readonly path: string };
