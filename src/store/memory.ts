/** A store that lives and dies with its process: for tests, and for pages whose browser refuses IndexedDB. */
import { cacheVictims, checkCacheEntry } from "./cache.ts";
import { checkPackRange, noSuchPack, storageFull, writerClosed } from "./errors.ts";
import type { CacheEntry, PackWriter, Store } from "./types.ts";

/** Pieces of a pack, in order, with where each starts. */
interface Pack {
  readonly pieces: readonly Uint8Array[];
  readonly starts: readonly number[];
  readonly sizeBytes: number;
}

export class MemoryStore implements Store {
  readonly #quotaBytes: number | null;
  readonly #packs = new Map<string, Pack>();
  readonly #documents = new Map<string, Map<string, unknown>>();
  readonly #cache = new Map<string, CacheEntry & { readonly bytes: Uint8Array }>();
  readonly #journals = new Map<string, Uint8Array[]>();
  /** Bytes of packs, of packs being written and of journals; documents are small and not counted. */
  #usedBytes = 0;

  /** With a quota, writes past it fail as they do on a full disk. */
  constructor(options: { readonly quotaBytes?: number } = {}) {
    this.#quotaBytes = options.quotaBytes ?? null;
  }

  #use(bytes: number): void {
    if (this.#quotaBytes !== null && bytes > 0 && this.#usedBytes + bytes > this.#quotaBytes) throw storageFull();
    this.#usedBytes += bytes;
  }

  async createPack(): Promise<PackWriter> {
    const pieces: Uint8Array[] = [];
    const starts: number[] = [];
    let sizeBytes = 0;
    let open = true;
    const close = () => {
      if (!open) throw writerClosed();
      open = false;
    };
    return {
      write: async (bytes) => {
        if (!open) throw writerClosed();
        if (bytes.length === 0) return;
        this.#use(bytes.length);
        pieces.push(bytes.slice());
        starts.push(sizeBytes);
        sizeBytes += bytes.length;
      },
      commit: async (digest) => {
        close();
        if (this.#packs.has(digest)) this.#use(-sizeBytes);
        else this.#packs.set(digest, { pieces, starts, sizeBytes });
      },
      abort: async () => {
        if (!open) return;
        close();
        this.#use(-sizeBytes);
      },
    };
  }

  async packSize(digest: string): Promise<number | null> {
    return this.#packs.get(digest)?.sizeBytes ?? null;
  }

  readonly readPackSync = (digest: string, offset: number, length: number): Uint8Array => {
    const pack = this.#packs.get(digest);
    if (!pack) throw noSuchPack(digest);
    checkPackRange(digest, offset, length, pack.sizeBytes);
    const target = new Uint8Array(length);
    let piece = lastAtOrBefore(pack.starts, offset);
    for (let at = 0; at < length; piece++) {
      const from = offset + at - pack.starts[piece]!;
      const part = pack.pieces[piece]!.subarray(from, from + length - at);
      target.set(part, at);
      at += part.length;
    }
    return target;
  };

  async readPack(digest: string, offset: number, length: number): Promise<Uint8Array> {
    return this.readPackSync(digest, offset, length);
  }

  async deletePack(digest: string): Promise<void> {
    const pack = this.#packs.get(digest);
    if (!pack) return;
    this.#packs.delete(digest);
    this.#use(-pack.sizeBytes);
  }

  async listPacks(): Promise<readonly string[]> {
    return [...this.#packs.keys()].toSorted();
  }

  async getDocument(kind: string, key: string): Promise<unknown> {
    return structuredClone(this.#documents.get(kind)?.get(key));
  }

  async putDocument(kind: string, key: string, value: unknown): Promise<void> {
    await this.transact([{ kind, key, value }]);
  }

  async deleteDocument(kind: string, key: string): Promise<void> {
    this.#documents.get(kind)?.delete(key);
  }

  async listDocuments(kind: string): Promise<readonly string[]> {
    return [...(this.#documents.get(kind)?.keys() ?? [])].toSorted();
  }

  async transact(changes: readonly { kind: string; key: string; value: unknown }[]): Promise<void> {
    // Clone everything first: a value that cannot be cloned must fail the whole transaction.
    const cloned = changes.map((change) => ({ ...change, value: structuredClone(change.value) }));
    for (const { kind, key, value } of cloned) {
      let table = this.#documents.get(kind);
      if (!table) this.#documents.set(kind, (table = new Map()));
      if (value === undefined) table.delete(key);
      else table.set(key, value);
    }
  }

  async appendJournal(name: string, record: Uint8Array): Promise<void> {
    this.#use(record.length);
    const records = this.#journals.get(name);
    if (records) records.push(record.slice());
    else this.#journals.set(name, [record.slice()]);
  }

  async *readJournal(name: string): AsyncIterable<Uint8Array> {
    for (const record of this.#journals.get(name)?.slice() ?? []) yield record.slice();
  }

  async replaceJournal(name: string, records: readonly Uint8Array[]): Promise<void> {
    this.#use(totalBytes(records) - totalBytes(this.#journals.get(name) ?? []));
    this.#journals.set(
      name,
      records.map((record) => record.slice()),
    );
  }

  async deleteJournal(name: string): Promise<void> {
    this.#use(-totalBytes(this.#journals.get(name) ?? []));
    this.#journals.delete(name);
  }

  async listCache(): Promise<readonly CacheEntry[]> {
    return [...this.#cache.values()].map(({ key, sizeBytes, usedMs, label }) => ({
      key,
      sizeBytes,
      usedMs,
      label: label.slice(),
    }));
  }

  async readCache(key: string): Promise<Uint8Array | null> {
    const entry = this.#cache.get(key);
    if (entry === undefined) return null;
    this.#cache.set(key, { ...entry, usedMs: Date.now() });
    return entry.bytes.slice();
  }

  async writeCache(key: string, bytes: Uint8Array, label: Uint8Array): Promise<void> {
    checkCacheEntry(bytes, label);
    this.#cache.delete(key);
    for (const victim of cacheVictims([...this.#cache.values()], bytes.length)) this.#cache.delete(victim);
    const sizeBytes = bytes.length;
    this.#cache.set(key, { key, sizeBytes, usedMs: Date.now(), label: label.slice(), bytes: bytes.slice() });
  }

  async deleteCache(key: string): Promise<void> {
    this.#cache.delete(key);
  }

  async usage(): Promise<{ usedBytes: number; quotaBytes: number | null }> {
    return { usedBytes: this.#usedBytes, quotaBytes: this.#quotaBytes };
  }

  async close(): Promise<void> {}
}

function totalBytes(records: readonly Uint8Array[]): number {
  return records.reduce((sum, record) => sum + record.length, 0);
}

/** Index of the last start that is at or before `offset`. */
function lastAtOrBefore(starts: readonly number[], offset: number): number {
  let low = 0;
  let high = starts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (starts[middle]! <= offset) low = middle;
    else high = middle - 1;
  }
  return low;
}
