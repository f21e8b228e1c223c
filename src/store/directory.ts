/**
 * Node's store: a directory that several processes may use at once.
 *
 *     packs/sha256/<hex>           one file a pack
 *     documents/<kind>/<key>.json  one file a document
 *     cache/<key>                  one file an entry: lengths of key and label, both, the content; used when modified
 *     journals/<name>              records, each after a header of length and CRC-32
 *     temporary/<pid>-<random>     what is being written; renamed into place when whole
 *     transactions/<pid>-<random>  changes decided but perhaps not all applied
 *     lock                         the process that applies a transaction
 *
 * Whatever has its final name is whole and on disk: written under a temporary name, fsync, rename, fsync of the folder.
 * A transaction of several documents is written down first; should its process die half-way, the next one to open the
 * store completes it. A journal has one writer at a time, the process that runs its container.
 */
import { createHash, randomBytes } from "node:crypto";
import {
  closeSync,
  constants,
  fstatSync,
  linkSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import {
  type FileHandle,
  mkdir,
  open,
  readFile,
  readdir,
  rename,
  rm,
  stat,
  statfs,
  unlink,
  utimes,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { WherryError } from "../base/errors.ts";
import { concat, decodeName, encodeName } from "../base/bytes.ts";
import { limits } from "../base/limits.ts";
import { cacheVictims, checkCacheEntry, isUseNoted } from "./cache.ts";
import { checkPackRange, noSuchPack, storageFull, writerClosed } from "./errors.ts";
import { fromPlainJson, toPlainJson } from "./plain-json.ts";
import type { CacheEntry, PackWriter, Store } from "./types.ts";

interface Change {
  readonly kind: string;
  readonly key: string;
  readonly value: unknown;
}

/** Bytes gathered before one write of a pack. */
const writeBytes = 1 << 20;
/** Files of packs kept open for reading: a container reads from each of its layers all the time. */
const openPacksMax = 128;
const journalHeaderBytes = 8;
const cacheHeaderBytes = 8;
/** Key and label are read together with this much of an entry. */
const cacheHeadBytes = 2 * limits.cacheLabelBytesMax;

export class DirectoryStore implements Store {
  readonly #root: string;
  readonly #writers = new Set<PackWriter>();
  readonly #openPacks = new Map<string, { readonly descriptor: number; readonly sizeBytes: number }>();
  readonly #journals = new Map<string, JournalWriter>();

  private constructor(root: string) {
    this.#root = root;
  }

  static async open(root: string): Promise<DirectoryStore> {
    const store = new DirectoryStore(root);
    await guarded(async () => {
      for (const folder of ["packs/sha256", "documents", "journals", "temporary", "transactions"])
        await mkdir(join(root, folder), { recursive: true, mode: 0o700 });
    });
    await store.#removeAbandoned();
    await store.#completeTransactions();
    return store;
  }

  async #removeAbandoned(): Promise<void> {
    const folder = join(this.#root, "temporary");
    for (const name of await readdir(folder))
      if (!isAlive(Number.parseInt(name, 10))) await rm(join(folder, name), { force: true });
  }

  #temporary(): string {
    return join(this.#root, "temporary", uniqueName());
  }

  /** Makes `bytes` the whole content of `path`, at once and durably. */
  async #replaceFile(path: string, parts: readonly Uint8Array[]): Promise<void> {
    const temporary = this.#temporary();
    try {
      const file = await open(temporary, "wx", 0o600);
      try {
        for (const part of parts) await writeFully(file, part);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(temporary, path);
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
    await syncFolder(join(path, ".."));
  }

  // Packs

  #packPath(digest: string): string {
    // Checked because it becomes a file name: a digest comes from an image's author.
    const match = /^(sha256|sha512):([0-9a-f]{64,128})$/.exec(digest);
    if (!match) throw new WherryError("internal", `not a digest: ${digest}`);
    return join(this.#root, "packs", match[1]!, match[2]!);
  }

  async createPack(): Promise<PackWriter> {
    const temporary = this.#temporary();
    const file = await guarded(() => open(temporary, "wx", 0o600));
    const buffer = new Uint8Array(writeBytes);
    let filled = 0;
    let isOpen = true;
    const flush = async () => {
      await writeFully(file, buffer.subarray(0, filled));
      filled = 0;
    };
    const writer: PackWriter = {
      write: (bytes) =>
        guarded(async () => {
          if (!isOpen) throw writerClosed();
          if (filled + bytes.length > buffer.length) await flush();
          if (bytes.length >= buffer.length) await writeFully(file, bytes);
          else {
            buffer.set(bytes, filled);
            filled += bytes.length;
          }
        }),
      commit: (digest) =>
        guarded(async () => {
          if (!isOpen) throw writerClosed();
          const path = this.#packPath(digest);
          await flush();
          await file.sync();
          await mkdir(join(path, ".."), { recursive: true, mode: 0o700 });
          await rename(temporary, path);
          isOpen = false;
          this.#writers.delete(writer);
          await file.close();
          await syncFolder(join(path, ".."));
        }),
      abort: async () => {
        if (!isOpen) return;
        isOpen = false;
        this.#writers.delete(writer);
        await file.close();
        await rm(temporary, { force: true });
      },
    };
    this.#writers.add(writer);
    return writer;
  }

  async packSize(digest: string): Promise<number | null> {
    try {
      return (await stat(this.#packPath(digest))).size;
    } catch (error) {
      if (isMissing(error)) return null;
      throw error;
    }
  }

  #openPack(digest: string): { readonly descriptor: number; readonly sizeBytes: number } {
    const known = this.#openPacks.get(digest);
    if (known) return known;
    let descriptor: number;
    try {
      descriptor = openSync(this.#packPath(digest), constants.O_RDONLY);
    } catch (error) {
      if (isMissing(error)) throw noSuchPack(digest);
      throw error;
    }
    const pack = { descriptor, sizeBytes: fstatSync(descriptor).size };
    this.#openPacks.set(digest, pack);
    for (const [oldest, { descriptor: old }] of this.#openPacks) {
      if (this.#openPacks.size <= openPacksMax) break;
      this.#openPacks.delete(oldest);
      closeSync(old);
    }
    return pack;
  }

  /** Synchronous on purpose: a page fault of a guest must not wait for the event loop, and the file is usually cached. */
  readonly readPackSync = (digest: string, offset: number, length: number): Uint8Array => {
    const { descriptor, sizeBytes } = this.#openPack(digest);
    checkPackRange(digest, offset, length, sizeBytes);
    const target = new Uint8Array(length);
    for (let at = 0; at < length;) {
      const count = readSync(descriptor, target, at, length - at, offset + at);
      if (count === 0) throw new WherryError("internal", `pack ${digest} was cut short`);
      at += count;
    }
    return target;
  };

  async readPack(digest: string, offset: number, length: number): Promise<Uint8Array> {
    return this.readPackSync(digest, offset, length);
  }

  async deletePack(digest: string): Promise<void> {
    const known = this.#openPacks.get(digest);
    if (known) {
      this.#openPacks.delete(digest);
      closeSync(known.descriptor);
    }
    await rm(this.#packPath(digest), { force: true });
  }

  async listPacks(): Promise<readonly string[]> {
    const digests: string[] = [];
    const folder = join(this.#root, "packs");
    for (const algorithm of await readdir(folder))
      for (const hex of await readdir(join(folder, algorithm))) digests.push(`${algorithm}:${hex}`);
    return digests.toSorted();
  }

  // Documents

  #documentPath(kind: string, key: string): string {
    return join(this.#root, "documents", fileName(kind), `${fileName(key)}.json`);
  }

  async getDocument(kind: string, key: string): Promise<unknown> {
    const text = await readText(this.#documentPath(kind, key));
    return text === null ? undefined : (fromPlainJson(text) as { value: unknown }).value;
  }

  async putDocument(kind: string, key: string, value: unknown): Promise<void> {
    await this.transact([{ kind, key, value }]);
  }

  async deleteDocument(kind: string, key: string): Promise<void> {
    await this.transact([{ kind, key, value: undefined }]);
  }

  async listDocuments(kind: string): Promise<readonly string[]> {
    const folder = join(this.#root, "documents", fileName(kind));
    const keys: string[] = [];
    for (const name of await listFolder(folder)) {
      if (!name.endsWith(".json")) continue;
      const key = keyOfFileName(name.slice(0, -".json".length));
      if (key !== null) keys.push(key);
      else {
        // A long key: its file name holds only a hash of it.
        const text = await readText(join(folder, name));
        if (text !== null) keys.push((fromPlainJson(text) as { key: string }).key);
      }
    }
    return keys.toSorted();
  }

  async transact(changes: readonly Change[]): Promise<void> {
    // All are encoded before any is stored: one that cannot be stored fails the whole transaction.
    const encoded = changes.map(({ kind, key, value }) => ({
      kind,
      key,
      text: value === undefined ? null : toPlainJson({ key, value }),
    }));
    await guarded(async () => {
      for (const kind of new Set(changes.map((change) => change.kind)))
        await mkdir(join(this.#root, "documents", fileName(kind)), { recursive: true, mode: 0o700 });
      if (encoded.length === 1) return this.#applyChanges(encoded);
      const path = join(this.#root, "transactions", uniqueName());
      const unlock = await lock(join(this.#root, "lock"));
      try {
        await this.#replaceFile(path, [encodeName(JSON.stringify(encoded))]);
        await this.#applyChanges(encoded);
        await unlink(path);
      } finally {
        await unlock();
      }
    });
  }

  async #applyChanges(changes: readonly { kind: string; key: string; text: string | null }[]): Promise<void> {
    for (const { kind, key, text } of changes) {
      const path = this.#documentPath(kind, key);
      if (text === null) await rm(path, { force: true });
      else await this.#replaceFile(path, [encodeName(text)]);
    }
  }

  /** Finishes what a process that died had decided. */
  async #completeTransactions(): Promise<void> {
    const folder = join(this.#root, "transactions");
    const left = await readdir(folder);
    if (left.every((name) => isAlive(Number.parseInt(name, 10)))) return;
    await guarded(async () => {
      const unlock = await lock(join(this.#root, "lock"));
      try {
        for (const name of left) {
          if (isAlive(Number.parseInt(name, 10))) continue;
          const text = await readText(join(folder, name));
          if (text === null) continue;
          await this.#applyChanges(JSON.parse(text) as { kind: string; key: string; text: string | null }[]);
          await unlink(join(folder, name));
        }
      } finally {
        await unlock();
      }
    });
  }

  // Journals

  #journalPath(name: string): string {
    return join(this.#root, "journals", fileName(name));
  }

  #journal(name: string): JournalWriter {
    let journal = this.#journals.get(name);
    if (!journal) this.#journals.set(name, (journal = new JournalWriter(this.#journalPath(name))));
    return journal;
  }

  async appendJournal(name: string, record: Uint8Array): Promise<void> {
    await guarded(() => this.#journal(name).append(record));
  }

  async *readJournal(name: string): AsyncIterable<Uint8Array> {
    let file: FileHandle;
    try {
      file = await open(this.#journalPath(name), "r");
    } catch (error) {
      if (isMissing(error)) return;
      throw error;
    }
    try {
      for await (const { record } of readRecords(file)) yield record;
    } finally {
      await file.close();
    }
  }

  async replaceJournal(name: string, records: readonly Uint8Array[]): Promise<void> {
    await guarded(() =>
      this.#journal(name).exclusively(() =>
        this.#replaceFile(
          this.#journalPath(name),
          records.flatMap((record) => [journalHeader(record), record]),
        ),
      ),
    );
  }

  async deleteJournal(name: string): Promise<void> {
    await this.#journal(name).exclusively(() => rm(this.#journalPath(name), { force: true }));
    this.#journals.delete(name);
  }

  // Cache

  #cachePath(key: string): string {
    return join(this.#root, "cache", fileName(key));
  }

  async listCache(): Promise<readonly CacheEntry[]> {
    const folder = join(this.#root, "cache");
    const entries: CacheEntry[] = [];
    for (const name of await listFolder(folder)) {
      // Another process may remove it meanwhile.
      const entry = await readCacheEntry(join(folder, name)).catch(() => undefined);
      if (entry === null) await rm(join(folder, name), { force: true });
      else if (entry !== undefined) entries.push(entry);
    }
    return entries;
  }

  async readCache(key: string): Promise<Uint8Array | null> {
    const path = this.#cachePath(key);
    try {
      const all = await readFile(path);
      const head = cacheHead(all);
      if (head === null || head.key !== key) return null;
      const nowMs = Date.now();
      if (isUseNoted((await stat(path)).mtimeMs, nowMs)) await utimes(path, nowMs / 1000, nowMs / 1000);
      return new Uint8Array(all.subarray(head.end));
    } catch (error) {
      if (isMissing(error)) return null;
      throw error;
    }
  }

  async writeCache(key: string, bytes: Uint8Array, label: Uint8Array): Promise<void> {
    checkCacheEntry(bytes, label);
    const name = encodeName(key);
    const lengths = new DataView(new ArrayBuffer(cacheHeaderBytes));
    lengths.setUint32(0, name.length, true);
    lengths.setUint32(4, label.length, true);
    const others = (await this.listCache()).filter((entry) => entry.key !== key);
    for (const victim of cacheVictims(others, bytes.length)) await this.deleteCache(victim);
    await guarded(async () => {
      await mkdir(join(this.#root, "cache"), { recursive: true, mode: 0o700 });
      // Whole for other processes, though perhaps not after a power cut: not worth waiting for the disk.
      const temporary = this.#temporary();
      try {
        const content = concat([new Uint8Array(lengths.buffer), name, label, bytes]);
        await writeFile(temporary, content, { flag: "wx", mode: 0o600 });
        await rename(temporary, this.#cachePath(key));
      } catch (error) {
        await rm(temporary, { force: true });
        throw error;
      }
    });
  }

  async deleteCache(key: string): Promise<void> {
    await rm(this.#cachePath(key), { force: true });
  }

  async usage(): Promise<{ usedBytes: number; quotaBytes: number | null }> {
    let usedBytes = 0;
    for (const { sizeBytes } of await this.listCache()) usedBytes += sizeBytes;
    for (const digest of await this.listPacks()) usedBytes += (await this.packSize(digest)) ?? 0;
    for (const name of await readdir(join(this.#root, "journals")))
      usedBytes += (await stat(join(this.#root, "journals", name))).size;
    const disk = await statfs(this.#root);
    return { usedBytes, quotaBytes: usedBytes + disk.bavail * disk.bsize };
  }

  async close(): Promise<void> {
    await Promise.allSettled([...this.#writers].map((writer) => writer.abort()));
    await Promise.allSettled([...this.#journals.values()].map((journal) => journal.exclusively(async () => {})));
    for (const { descriptor } of this.#openPacks.values()) closeSync(descriptor);
    this.#openPacks.clear();
  }
}

/** Null if it is damaged. */
async function readCacheEntry(path: string): Promise<CacheEntry | null> {
  const file = await open(path, "r");
  try {
    const { size, mtimeMs } = await file.stat();
    const bytes = new Uint8Array(Math.min(size, cacheHeadBytes));
    const head = (await readFully(file, bytes, 0)) ? cacheHead(bytes) : null;
    if (head === null) return null;
    return { key: head.key, label: head.label, sizeBytes: size - head.end, usedMs: mtimeMs };
  } finally {
    await file.close();
  }
}

/** Key and label at the beginning of a cache file, and where they end; null if it is damaged. */
function cacheHead(bytes: Uint8Array): { key: string; label: Uint8Array; end: number } | null {
  if (bytes.length < cacheHeaderBytes) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const labelAt = cacheHeaderBytes + view.getUint32(0, true);
  const end = labelAt + view.getUint32(4, true);
  if (end > bytes.length) return null;
  return { key: decodeName(bytes.subarray(cacheHeaderBytes, labelAt)), label: bytes.slice(labelAt, end), end };
}

/** Appends to one journal. Records that come while the disk is busy with earlier ones share the next flush. */
class JournalWriter {
  readonly #path: string;
  #waiting: Uint8Array[] = [];
  /** The flush that will take what is waiting now. */
  #next: Promise<void> | null = null;
  /** Everything begun so far. */
  #last: Promise<unknown> = Promise.resolve();
  #tailChecked = false;

  constructor(path: string) {
    this.#path = path;
  }

  append(record: Uint8Array): Promise<void> {
    this.#waiting.push(journalHeader(record), record.slice());
    this.#next ??= this.exclusively(async () => {
      const parts = this.#waiting;
      this.#waiting = [];
      this.#next = null;
      await this.#write(parts);
    });
    return this.#next;
  }

  /** Runs `action` after everything begun before it. */
  exclusively<T>(action: () => Promise<T>): Promise<T> {
    const result = this.#last.then(action, action);
    this.#last = result.catch(() => {});
    return result;
  }

  async #write(parts: readonly Uint8Array[]): Promise<void> {
    const file = await open(this.#path, constants.O_RDWR | constants.O_APPEND | constants.O_CREAT, 0o600);
    try {
      if (!this.#tailChecked) {
        // A writer that died may have left half a record, which would hide all that follow it.
        let end = 0;
        for await (const record of readRecords(file)) end = record.end;
        if (end < (await file.stat()).size) await file.truncate(end);
        this.#tailChecked = true;
      }
      const { size } = await file.stat();
      try {
        await writeFully(file, concat(parts));
        await file.datasync();
      } catch (error) {
        await file.truncate(size);
        throw error;
      }
      // The file's name must be durable too the first time.
      if (size === 0) await syncFolder(join(this.#path, ".."));
    } finally {
      await file.close();
    }
  }
}

function journalHeader(record: Uint8Array): Uint8Array {
  const header = new Uint8Array(journalHeaderBytes);
  const view = new DataView(header.buffer);
  view.setUint32(0, record.length, true);
  view.setUint32(4, crc32(record), true);
  return header;
}

/** The whole records of a journal and where each ends; stops at the first that is cut short or damaged. */
async function* readRecords(file: FileHandle): AsyncGenerator<{ record: Uint8Array; end: number }> {
  const { size } = await file.stat();
  const header = new Uint8Array(journalHeaderBytes);
  const view = new DataView(header.buffer);
  for (let at = 0; at + journalHeaderBytes <= size;) {
    if (!(await readFully(file, header, at))) return;
    const length = view.getUint32(0, true);
    at += journalHeaderBytes;
    if (at + length > size) return;
    const record = new Uint8Array(length);
    if (!(await readFully(file, record, at)) || crc32(record) !== view.getUint32(4, true)) return;
    at += length;
    yield { record, end: at };
  }
}

async function readFully(file: FileHandle, target: Uint8Array, position: number): Promise<boolean> {
  for (let at = 0; at < target.length;) {
    const { bytesRead } = await file.read(target, at, target.length - at, position + at);
    if (bytesRead === 0) return false;
    at += bytesRead;
  }
  return true;
}

async function writeFully(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += (await file.write(bytes, at)).bytesWritten;
}

/** A rename is durable only once the folder that holds the name is (man 2 fsync). */
async function syncFolder(path: string): Promise<void> {
  if (process.platform === "win32") return;
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

async function readText(path: string): Promise<string | null> {
  try {
    return decodeName(await readFile(path));
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

async function listFolder(path: string): Promise<readonly string[]> {
  try {
    return await readdir(path);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

/**
 * A key as a file name that every file system takes: anything but lower-case letters, digits, `-`, `_` and inner dots
 * is percent-encoded, also capitals, because some file systems do not tell them apart. A name that would be too long
 * is cut and gets a hash.
 */
function fileName(key: string): string {
  let name = "";
  for (const byte of encodeName(key)) {
    const char = String.fromCharCode(byte);
    const plain = /[a-z0-9_-]/.test(char) || (char === "." && name !== "");
    name += plain ? char : `%${byte.toString(16).padStart(2, "0")}`;
  }
  if (name === "") return "%";
  if (name.length <= 180) return name;
  return `${name.slice(0, 100)}%%${createHash("sha256").update(encodeName(key)).digest("hex")}`;
}

/** The reverse; null for a name that was cut. */
function keyOfFileName(name: string): string | null {
  if (name === "%") return "";
  if (name.includes("%%")) return null;
  const bytes: number[] = [];
  for (let i = 0; i < name.length; i++) {
    if (name[i] === "%") {
      bytes.push(Number.parseInt(name.slice(i + 1, i + 3), 16));
      i += 2;
    } else bytes.push(name.charCodeAt(i));
  }
  return decodeName(Uint8Array.from(bytes));
}

function uniqueName(): string {
  return `${process.pid}-${randomBytes(8).toString("hex")}`;
}

function isAlive(pid: number): boolean {
  if (!(pid > 0)) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it lives, and belongs to another user.
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** The queue for each lock file within this thread. */
const ownLocks = new Map<string, Promise<void>>();

/** Takes the lock file, first among ourselves, then among processes. Returns how to give it back. */
async function lock(path: string): Promise<() => Promise<void>> {
  const before = ownLocks.get(path) ?? Promise.resolve();
  let done!: () => void;
  const mine = new Promise<void>((resolve) => (done = resolve));
  ownLocks.set(
    path,
    before.then(() => mine),
  );
  await before;
  try {
    const startMs = Date.now();
    for (let waitMs = 1; !tryLock(path); waitMs = Math.min(50, waitMs * 2)) {
      if (Date.now() - startMs > limits.storeLockMs)
        throw new WherryError("conflict", `another process holds ${path} for too long; remove it if none is running`);
      await new Promise((resolve) => setTimeout(resolve, waitMs));
    }
  } catch (error) {
    done();
    throw error;
  }
  return async () => {
    await rm(path, { force: true });
    done();
  };
}

function tryLock(path: string): boolean {
  // Created under another name and linked, so that the lock file is never seen without its owner's name.
  const mine = `${path}.${uniqueName()}`;
  writeFileSync(mine, String(process.pid), { mode: 0o600 });
  try {
    linkSync(mine, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  } finally {
    unlinkSync(mine);
  }
  try {
    const owner = Number.parseInt(readFileSync(path, "utf8"), 10);
    // Our own number may be another thread of this process, or a namesake long dead: then only its age tells.
    const isStale =
      owner === process.pid ? Date.now() - statSync(path).mtimeMs > limits.storeLockMs / 2 : !isAlive(owner);
    if (isStale) takeStale(path, owner);
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
  return false;
}

/** Removes a dead owner's lock. Of several who try, all but one find it gone, or find a new owner's and put it back. */
function takeStale(path: string, owner: number): void {
  const aside = `${path}.${uniqueName()}`;
  try {
    renameSync(path, aside);
    // Between reading and renaming another process may have cleaned up and taken the lock: give it back.
    if (Number.parseInt(readFileSync(aside, "utf8"), 10) !== owner) linkSync(aside, path);
    unlinkSync(aside);
  } catch {
    // Another process was first.
  }
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === "ENOENT";
}

/** Gives a full disk its one clear error. */
async function guarded<T>(action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOSPC" || code === "EDQUOT") throw storageFull(error);
    throw error;
  }
}
