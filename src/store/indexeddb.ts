/**
 * The page's store, on IndexedDB. A pack is cut into records of `packRecordBytes`: small enough that a page fault in a
 * container reads one quickly, large enough that writing runs at the disk's speed.
 *
 *     packs      digest                  -> { id, sizeBytes }
 *     records    [pack id, number]       -> bytes
 *     writing    pack id                 -> when its writer last gave a sign of life, in ms
 *     documents  [kind, key]             -> value
 *     journals   [name, sequence number] -> bytes
 *     cached     key                     -> what is known of a cache entry
 *     cache      key                     -> its bytes
 *
 * A pack becomes visible by the one `packs` entry its commit writes. Records of a writer that died are removed when a
 * store is opened and the writer's lease has run out.
 */
import { openDB, type DBSchema, type IDBPDatabase } from "idb";
import { WherryError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import { cacheVictims, checkCacheEntry, isUseNoted } from "./cache.ts";
import { checkPackRange, noSuchPack, storageFull, writerClosed } from "./errors.ts";
import { RecordCache } from "./record-cache.ts";
import type { CacheEntry, PackWriter, Store } from "./types.ts";

interface PackRow {
  readonly id: number;
  readonly sizeBytes: number;
}

interface Schema extends DBSchema {
  packs: { key: string; value: PackRow };
  records: { key: [number, number]; value: Uint8Array };
  writing: { key: number; value: number };
  documents: { key: [string, string]; value: unknown };
  journals: { key: [string, number]; value: Uint8Array };
  cached: { key: string; value: CacheEntry };
  cache: { key: string; value: Uint8Array };
}

const recordBytes = limits.packRecordBytes;

/** Journal records fetched at a time while reading one. */
const journalBatch = 64;

export class IndexedDbStore implements Store {
  readonly #db: IDBPDatabase<Schema>;
  readonly #packs = new Map<string, PackRow>();
  readonly #looking = new Map<string, Promise<PackRow | undefined>>();
  readonly #cache = new RecordCache(limits.packCacheBytes);
  readonly #writers = new Set<PackWriter>();
  readonly readPackSync = null;

  private constructor(db: IDBPDatabase<Schema>) {
    this.#db = db;
  }

  static async open(name: string): Promise<IndexedDbStore> {
    const opening = openDB<Schema>(name, 2, {
      upgrade(created, version) {
        if (version < 1) {
          for (const table of ["packs", "records", "documents", "journals"] as const) created.createObjectStore(table);
          created.createObjectStore("writing", { autoIncrement: true });
        }
        for (const table of ["cached", "cache"] as const) created.createObjectStore(table);
      },
      // A newer Wherry in another tab wants to change the tables: make way; this store's next call fails clearly.
      blocking: (_current, _blocked, event) => (event.target as IDBDatabase).close(),
    });
    const db = await guarded(() => opening).catch((error: unknown) => {
      if (error instanceof WherryError) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      throw new WherryError("unsupported", `this browser does not let the page keep data (IndexedDB): ${reason}`, {
        cause: error,
      });
    });
    const store = new IndexedDbStore(db);
    await store.#removeAbandoned();
    return store;
  }

  async #removeAbandoned(): Promise<void> {
    const transaction = this.#db.transaction(["writing", "records"], "readwrite");
    const writing = transaction.objectStore("writing");
    for (const id of await writing.getAllKeys()) {
      const aliveMs = await writing.get(id);
      if (aliveMs === undefined || Date.now() - aliveMs < limits.packLeaseMs) continue;
      void transaction.objectStore("records").delete(packRange(id));
      void writing.delete(id);
    }
    await transaction.done;
  }

  async createPack(): Promise<PackWriter> {
    const id = await guarded(() => this.#db.add("writing", Date.now()));
    const writer = new IndexedDbPackWriter(this.#db, id, () => this.#writers.delete(writer));
    this.#writers.add(writer);
    return writer;
  }

  async #pack(digest: string): Promise<PackRow | undefined> {
    const known = this.#packs.get(digest);
    if (known) return known;
    // Reads that come meanwhile wait for the same row.
    let looking = this.#looking.get(digest);
    if (looking === undefined) {
      looking = this.#db.get("packs", digest).finally(() => this.#looking.delete(digest));
      this.#looking.set(digest, looking);
    }
    const row = await looking;
    if (row) this.#packs.set(digest, row);
    return row;
  }

  async packSize(digest: string): Promise<number | null> {
    // Asked anew each time: another worker may have removed the pack.
    const row = await this.#db.get("packs", digest);
    if (!row) this.#packs.delete(digest);
    return row?.sizeBytes ?? null;
  }

  async readPack(digest: string, offset: number, length: number): Promise<Uint8Array> {
    const pack = await this.#pack(digest);
    if (!pack) throw noSuchPack(digest);
    checkPackRange(digest, offset, length, pack.sizeBytes);
    if (length === 0) return new Uint8Array();
    const first = Math.floor(offset / recordBytes);
    const last = Math.floor((offset + length - 1) / recordBytes);
    // Mostly a part of one record. Its memory is shared: new memory costs more than to fill it.
    if (first === last) {
      const start = offset - first * recordBytes;
      return (await this.#record(digest, pack.id, first)).subarray(start, start + length);
    }
    const target = new Uint8Array(length);
    const pieces: (Uint8Array | Promise<Uint8Array>)[] = [];
    for (let number = first; number <= last; number++) pieces.push(this.#record(digest, pack.id, number));
    for (const [i, piece] of pieces.entries()) {
      const start = (first + i) * recordBytes;
      const bytes = (await piece).subarray(Math.max(0, offset - start), offset + length - start);
      target.set(bytes, Math.max(0, start - offset));
    }
    return target;
  }

  #record(digest: string, id: number, number: number): Uint8Array | Promise<Uint8Array> {
    return this.#cache.get(`${id}/${number}`, async () => {
      const record = await this.#db.get("records", [id, number]);
      if (record) return record;
      this.#packs.delete(digest);
      throw noSuchPack(digest);
    });
  }

  async deletePack(digest: string): Promise<void> {
    const transaction = this.#db.transaction(["packs", "records"], "readwrite");
    const row = await transaction.objectStore("packs").get(digest);
    if (row) {
      void transaction.objectStore("packs").delete(digest);
      void transaction.objectStore("records").delete(packRange(row.id));
    }
    await transaction.done;
    this.#packs.delete(digest);
  }

  async listPacks(): Promise<readonly string[]> {
    return this.#db.getAllKeys("packs");
  }

  async getDocument(kind: string, key: string): Promise<unknown> {
    return this.#db.get("documents", [kind, key]);
  }

  async putDocument(kind: string, key: string, value: unknown): Promise<void> {
    await this.transact([{ kind, key, value }]);
  }

  async deleteDocument(kind: string, key: string): Promise<void> {
    await this.#db.delete("documents", [kind, key]);
  }

  async listDocuments(kind: string): Promise<readonly string[]> {
    const keys = await this.#db.getAllKeys("documents", IDBKeyRange.bound([kind], [kind, []] as unknown as [string]));
    return keys.map(([, key]) => key);
  }

  async transact(changes: readonly { kind: string; key: string; value: unknown }[]): Promise<void> {
    await guarded(async () => {
      // Relaxed, as for journals: what documents name is in packs, whose commit is strict, and a container's start
      // writes three documents on its way.
      const transaction = this.#db.transaction("documents", "readwrite", { durability: "relaxed" });
      const requests: Promise<unknown>[] = [];
      try {
        for (const { kind, key, value } of changes)
          requests.push(
            value === undefined ? transaction.store.delete([kind, key]) : transaction.store.put(value, [kind, key]),
          );
      } catch (error) {
        // A value that cannot be cloned: what came before it must go too.
        transaction.abort();
        await Promise.allSettled([...requests, transaction.done]);
        throw error;
      }
      await settle(requests, transaction.done);
    });
  }

  async appendJournal(name: string, record: Uint8Array): Promise<void> {
    await guarded(async () => {
      // Relaxed durability outlives the tab and the browser process, which is what a page can lose; a flush to the
      // platter for each record would make every write of a container wait for the disk.
      const transaction = this.#db.transaction("journals", "readwrite", { durability: "relaxed" });
      const last = await transaction.store.openKeyCursor(journalRange(name), "prev");
      await settle([transaction.store.put(record.slice(), [name, last ? last.key[1] + 1 : 0])], transaction.done);
    });
  }

  async *readJournal(name: string): AsyncIterable<Uint8Array> {
    let range = journalRange(name);
    for (;;) {
      const transaction = this.#db.transaction("journals");
      const [keys, records] = await Promise.all([
        transaction.store.getAllKeys(range, journalBatch),
        transaction.store.getAll(range, journalBatch),
      ]);
      yield* records;
      const last = keys.at(-1);
      if (!last || keys.length < journalBatch) return;
      range = journalRange(name, last[1] + 1);
    }
  }

  async replaceJournal(name: string, records: readonly Uint8Array[]): Promise<void> {
    await guarded(async () => {
      const transaction = this.#db.transaction("journals", "readwrite", { durability: "strict" });
      const requests: Promise<unknown>[] = [transaction.store.delete(journalRange(name))];
      for (const [i, record] of records.entries()) requests.push(transaction.store.put(record.slice(), [name, i]));
      await settle(requests, transaction.done);
    });
  }

  async deleteJournal(name: string): Promise<void> {
    await this.#db.delete("journals", journalRange(name));
  }

  async listCache(): Promise<readonly CacheEntry[]> {
    return this.#db.getAll("cached");
  }

  async readCache(key: string): Promise<Uint8Array | null> {
    const bytes = (await this.#db.get("cache", key)) ?? null;
    if (bytes !== null) void this.#noteUse(key).catch(() => {});
    return bytes;
  }

  async #noteUse(key: string): Promise<void> {
    const entry = await this.#db.get("cached", key);
    if (entry === undefined || !isUseNoted(entry.usedMs, Date.now())) return;
    const transaction = this.#db.transaction("cached", "readwrite", { durability: "relaxed" });
    // Not if it has been removed meanwhile.
    const present = await transaction.store.get(key);
    if (present !== undefined) void transaction.store.put({ ...present, usedMs: Date.now() }, key);
    await transaction.done;
  }

  async writeCache(key: string, bytes: Uint8Array, label: Uint8Array): Promise<void> {
    checkCacheEntry(bytes, label);
    await guarded(async () => {
      const transaction = this.#db.transaction(["cached", "cache"], "readwrite", { durability: "relaxed" });
      const [cached, cache] = [transaction.objectStore("cached"), transaction.objectStore("cache")];
      const others = (await cached.getAll()).filter((entry) => entry.key !== key);
      const requests: Promise<unknown>[] = [];
      for (const victim of cacheVictims(others, bytes.length))
        requests.push(cached.delete(victim), cache.delete(victim));
      const entry = { key, sizeBytes: bytes.length, usedMs: Date.now(), label: label.slice() };
      requests.push(cached.put(entry, key), cache.put(bytes.slice(), key));
      await settle(requests, transaction.done);
    });
  }

  async deleteCache(key: string): Promise<void> {
    const transaction = this.#db.transaction(["cached", "cache"], "readwrite", { durability: "relaxed" });
    void transaction.objectStore("cached").delete(key);
    void transaction.objectStore("cache").delete(key);
    await transaction.done;
  }

  async usage(): Promise<{ usedBytes: number; quotaBytes: number | null }> {
    const estimate = await globalThis.navigator?.storage?.estimate?.();
    if (estimate?.usage !== undefined) return { usedBytes: estimate.usage, quotaBytes: estimate.quota ?? null };
    const packs = await this.#db.getAll("packs");
    return { usedBytes: packs.reduce((sum, pack) => sum + pack.sizeBytes, 0), quotaBytes: null };
  }

  async close(): Promise<void> {
    await Promise.allSettled([...this.#writers].map((writer) => writer.abort()));
    this.#db.close();
  }
}

/** Fills one record at a time and keeps a few transactions under way, so that the disk never waits for us. */
class IndexedDbPackWriter implements PackWriter {
  readonly #db: IDBPDatabase<Schema>;
  readonly #id: number;
  readonly #onClose: () => void;
  readonly #heartbeat: ReturnType<typeof setInterval>;
  readonly #underWay = new Set<Promise<void>>();
  #record = new Uint8Array(recordBytes);
  #filled = 0;
  #records = 0;
  #sizeBytes = 0;
  #failure: unknown;
  #open = true;

  constructor(db: IDBPDatabase<Schema>, id: number, onClose: () => void) {
    this.#db = db;
    this.#id = id;
    this.#onClose = onClose;
    this.#heartbeat = setInterval(() => void this.#renew(), limits.packLeaseMs / 8);
  }

  async #renew(): Promise<void> {
    try {
      const transaction = this.#db.transaction("writing", "readwrite");
      // Never put back what another worker has taken for dead: the records are gone, and commit must see that.
      if ((await transaction.store.get(this.#id)) !== undefined) void transaction.store.put(Date.now(), this.#id);
      await transaction.done;
    } catch {
      // The next write or the commit meets the same trouble and reports it.
    }
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (!this.#open) throw writerClosed();
    for (let at = 0; at < bytes.length;) {
      const part = bytes.subarray(at, at + recordBytes - this.#filled);
      this.#record.set(part, this.#filled);
      this.#filled += part.length;
      at += part.length;
      if (this.#filled === recordBytes) await this.#flush();
    }
    this.#sizeBytes += bytes.length;
    if (this.#failure !== undefined) throw this.#failure;
  }

  async #flush(): Promise<void> {
    const record = this.#record.subarray(0, this.#filled);
    const number = this.#records++;
    this.#record = new Uint8Array(recordBytes);
    this.#filled = 0;
    const stored: Promise<void> = guarded(async () => {
      const transaction = this.#db.transaction("records", "readwrite", { durability: "relaxed" });
      // A view of part of a buffer would be cloned with the whole buffer: the last record is cut to size.
      const exact = record.length === recordBytes ? record : record.slice();
      await settle([transaction.store.put(exact, [this.#id, number])], transaction.done);
    })
      .catch((error: unknown) => {
        this.#failure ??= error;
      })
      .finally(() => this.#underWay.delete(stored));
    this.#underWay.add(stored);
    while (this.#underWay.size >= limits.packRecordsUnderWayMax) await Promise.race(this.#underWay);
  }

  async commit(digest: string): Promise<void> {
    if (!this.#open) throw writerClosed();
    if (this.#filled > 0) await this.#flush();
    await Promise.all(this.#underWay);
    if (this.#failure !== undefined) throw this.#failure;
    const id = this.#id;
    await guarded(async () => {
      const transaction = this.#db.transaction(["packs", "records", "writing"], "readwrite", { durability: "strict" });
      const alive = await transaction.objectStore("writing").get(id);
      if (alive === undefined) {
        await transaction.done;
        throw new WherryError("cancelled", "the page slept too long while an image was loaded; load it again");
      }
      const requests: Promise<unknown>[] = [transaction.objectStore("writing").delete(id)];
      if (await transaction.objectStore("packs").get(digest))
        requests.push(transaction.objectStore("records").delete(packRange(id)));
      else requests.push(transaction.objectStore("packs").put({ id, sizeBytes: this.#sizeBytes }, digest));
      await settle(requests, transaction.done);
    });
    this.#close();
  }

  async abort(): Promise<void> {
    if (!this.#open) return;
    this.#close();
    await Promise.all(this.#underWay);
    const transaction = this.#db.transaction(["records", "writing"], "readwrite");
    void transaction.objectStore("records").delete(packRange(this.#id));
    void transaction.objectStore("writing").delete(this.#id);
    await transaction.done;
  }

  #close(): void {
    this.#open = false;
    clearInterval(this.#heartbeat);
    this.#onClose();
  }
}

/** Arrays sort after numbers in IndexedDB, so `[id, []]` is past every record of `id`. */
function packRange(id: number): IDBKeyRange {
  return IDBKeyRange.bound([id], [id, []]);
}

function journalRange(name: string, from = 0): IDBKeyRange {
  return IDBKeyRange.bound([name, from], [name, []]);
}

/** Waits for a transaction; its requests' own rejections are covered by that of the transaction. */
async function settle(requests: readonly Promise<unknown>[], done: Promise<void>): Promise<void> {
  const [outcome] = await Promise.allSettled([done, ...requests]);
  if (outcome.status === "rejected") throw outcome.reason;
}

/** Gives a full disk its one clear error. */
async function guarded<T>(action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    if (error instanceof Error && error.name === "QuotaExceededError") throw storageFull(error);
    throw error;
  }
}
