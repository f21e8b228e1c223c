/**
 * Keeps the writable layer of a container: notes what changed, writes it down about once a second and when asked to
 * (fsync, sync, stop), all in one batch that counts whole or not at all. Changes of one second to one page, name or
 * inode cost one record.
 */
import { errno } from "../../abi/errno.ts";
import { WherryError } from "../../base/errors.ts";
import { limits } from "../../base/limits.ts";
import type { TreeFileSystem } from "../memory/filesystem.ts";
import type { TreeInode } from "../memory/inode.ts";
import type { ChangeObserver } from "../memory/observer.ts";
import { pageHash } from "../page-hash.ts";
import { ByteWriter } from "./byte-stream.ts";
import {
  recordFlag,
  writeDropped,
  writeHeader,
  writeInode,
  writeName,
  writePage,
  writeRemoved,
} from "./journal-format.ts";
import type { Replayed } from "./replay.ts";

/** What the journal needs of a `Store`. */
export interface JournalStore {
  appendJournal(name: string, record: Uint8Array): Promise<void>;
  readJournal(name: string): AsyncIterable<Uint8Array>;
  replaceJournal(name: string, records: readonly Uint8Array[]): Promise<void>;
}

export class Journal implements ChangeObserver {
  readonly #fs: TreeFileSystem;
  readonly #store: JournalStore;
  readonly #name: string;
  readonly #layers: readonly string[];
  /** Upper inodes the journal knows: only their removal needs writing down. */
  readonly #known: Set<number>;
  #bytes: number;
  /** What is stored no longer leads to what is here: the next commit writes everything. */
  #rewrite: boolean;
  #full = false;
  #closed = false;

  #inodes = new Set<TreeInode>();
  #names = new Map<TreeInode, Map<string, number>>();
  #pages = new Map<TreeInode, Set<number>>();
  #dropped = new Map<TreeInode, number>();
  #removed = new Set<number>();
  /** Pages that may change through a mapping, with a hash of what was written down last. */
  readonly #mapped = new Map<TreeInode, Map<number, number>>();

  #timer: ReturnType<typeof setTimeout> | null = null;
  #running: Promise<number> | null = null;
  #next: Promise<number> | null = null;

  constructor(fs: TreeFileSystem, store: JournalStore, name: string, layers: readonly string[], replayed: Replayed) {
    this.#fs = fs;
    this.#store = store;
    this.#name = name;
    this.#layers = layers;
    this.#known = new Set(replayed.inodes);
    this.#bytes = replayed.bytes;
    this.#rewrite = replayed.damaged;
  }

  get full(): boolean {
    return this.#full;
  }

  /** Bytes of the journal as stored. */
  get storedBytes(): number {
    return this.#bytes;
  }

  // ---- what changed ------------------------------------------------------------------------------------------------

  inodeChanged(inode: TreeInode): void {
    if (this.#inodes.has(inode)) return;
    this.#inodes.add(inode);
    this.#schedule();
  }

  entryChanged(directory: TreeInode, name: string, child: TreeInode | null): void {
    let names = this.#names.get(directory);
    if (names === undefined) {
      names = new Map();
      this.#names.set(directory, names);
    }
    names.set(name, child === null ? 0 : child.ino);
    this.#schedule();
  }

  pageChanged(inode: TreeInode, index: number): void {
    let pages = this.#pages.get(inode);
    if (pages === undefined) {
      pages = new Set();
      this.#pages.set(inode, pages);
      this.#schedule();
    }
    pages.add(index);
  }

  pageMapped(inode: TreeInode, index: number): void {
    let pages = this.#mapped.get(inode);
    if (pages === undefined) {
      pages = new Map();
      this.#mapped.set(inode, pages);
    }
    if (!pages.has(index)) pages.set(index, 0);
    this.#schedule();
  }

  pagesDropped(inode: TreeInode, firstIndex: number): void {
    const before = this.#dropped.get(inode);
    this.#dropped.set(inode, before === undefined ? firstIndex : Math.min(before, firstIndex));
    for (const pages of [this.#pages.get(inode), this.#mapped.get(inode)])
      for (const index of pages?.keys() ?? []) if (index >= firstIndex) pages!.delete(index);
    this.#schedule();
  }

  inodeRemoved(inode: TreeInode): void {
    this.#inodes.delete(inode);
    this.#names.delete(inode);
    this.#pages.delete(inode);
    this.#dropped.delete(inode);
    this.#mapped.delete(inode);
    if (this.#known.delete(inode.ino) || inode.lower !== null) this.#removed.add(inode.ino);
    this.#schedule();
  }

  // ---- writing it down ---------------------------------------------------------------------------------------------

  #schedule(): void {
    if (this.#timer !== null || this.#closed) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      void this.sync();
    }, limits.journalCommitMs);
    // Under Node a pending commit alone must not keep the process: stopping a container commits anyway.
    (this.#timer as { unref?: () => void }).unref?.();
  }

  get #dirty(): boolean {
    return (
      this.#rewrite ||
      this.#inodes.size > 0 ||
      this.#names.size > 0 ||
      this.#pages.size > 0 ||
      this.#dropped.size > 0 ||
      this.#removed.size > 0 ||
      this.#mapped.size > 0
    );
  }

  /** Everything noted so far is durable when it resolves with 0; -ENOSPC or -EIO otherwise. */
  sync(): Promise<number> {
    if (this.#running !== null) {
      // What was noted since that commit began waits for the next, and everyone who asks meanwhile for the same.
      this.#next ??= this.#running.then(() => {
        this.#next = null;
        return this.#start();
      });
      return this.#next;
    }
    return this.#start();
  }

  #start(): Promise<number> {
    if (!this.#dirty) return Promise.resolve(0);
    const running = this.#commit().finally(() => {
      this.#running = null;
    });
    this.#running = running;
    return running;
  }

  /** Commits, rewrites the journal if that is worth it, and stops. */
  async close(): Promise<number> {
    const result = await this.sync();
    this.#closed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    return result;
  }

  async #commit(): Promise<number> {
    try {
      if (this.#rewrite || this.#bytes > 2 * this.#liveBytes() + limits.journalSlackBytes) await this.#writeAll();
      else await this.#append();
      this.#full = false;
      return 0;
    } catch (error) {
      // The store may hold part of a batch now, and what was noted is no longer noted: say everything next time.
      this.#rewrite = true;
      const full = error instanceof WherryError && error.code === "storage-full";
      if (full) this.#full = true;
      // Room may come back by itself: another container goes, the guest deletes files.
      this.#schedule();
      return full ? -errno.ENOSPC : -errno.EIO;
    }
  }

  #liveBytes(): number {
    return this.#fs.bytesUsed + this.#known.size * 160;
  }

  async #append(): Promise<void> {
    const chunks = new Chunks(async (record) => {
      await this.#store.appendJournal(this.#name, record);
      this.#bytes += record.length;
    });
    if (this.#bytes === 0) await chunks.header(this.#fs.lower?.inoMax ?? 0, this.#layers);
    const inodes = this.#inodes;
    const names = this.#names;
    const pages = this.#pages;
    const dropped = this.#dropped;
    const removed = this.#removed;
    this.#inodes = new Set();
    this.#names = new Map();
    this.#pages = new Map();
    this.#dropped = new Map();
    this.#removed = new Set();
    this.#collectMapped(pages);

    const { writer } = chunks;
    // No wait from here until names and inodes are encoded: they are of one moment.
    for (const inode of inodes) if (isNamed(inode)) this.#writeInode(writer, inode);
    for (const [inode, first] of dropped) if (isNamed(inode)) writeDropped(writer, inode.ino, first);
    for (const [directory, changed] of names)
      for (const [name, child] of changed) {
        // A file that came and went with this batch has no inode item: its name is gone too, or was gone already.
        writeName(writer, directory.ino, name, child);
      }
    for (const ino of removed) writeRemoved(writer, ino);
    for (const [inode, indexes] of pages) {
      for (const index of indexes) {
        if (!isNamed(inode)) break;
        this.#writePage(writer, inode, index);
        if (writer.length >= limits.journalRecordBytesMax) await chunks.flush(false);
      }
    }
    await chunks.flush(true);
  }

  /** The whole upper layer, in place of the journal so far. */
  async #writeAll(): Promise<void> {
    const records: Uint8Array[] = [];
    const chunks = new Chunks((record) => {
      records.push(record);
    });
    this.#inodes.clear();
    this.#names.clear();
    this.#pages.clear();
    this.#dropped.clear();
    this.#removed.clear();
    this.#known.clear();
    void chunks.header(this.#fs.lower?.inoMax ?? 0, this.#layers);
    const { writer } = chunks;
    const all = allChanged(this.#fs);
    for (const inode of all) this.#writeInode(writer, inode);
    for (const directory of all)
      for (const [name, child] of directory.entries ?? [])
        writeName(writer, directory.ino, name, child === null ? 0 : child.ino);
    for (const inode of all) {
      const { content } = inode;
      if (content === null) continue;
      for (const index of content.ownPageIndexes()) {
        this.#writePage(writer, inode, index);
        if (writer.length >= limits.journalRecordBytesMax) void chunks.flush(false);
      }
    }
    void chunks.flush(true);
    await this.#store.replaceJournal(this.#name, records);
    this.#bytes = records.reduce((sum, record) => sum + record.length, 0);
    this.#rewrite = false;
  }

  #writeInode(writer: ByteWriter, inode: TreeInode): void {
    if (inode.lower === null) this.#known.add(inode.ino);
    writeInode(writer, inode);
  }

  #writePage(writer: ByteWriter, inode: TreeInode, index: number): void {
    const page = inode.content?.ownPageAt(index);
    if (page === undefined) return;
    writePage(writer, inode.ino, index, page === 0 ? nothing : this.#fs.pool.bytes(page));
  }

  /** Adds pages that changed through a mapping; forgets those that nobody maps any more. */
  #collectMapped(pages: Map<TreeInode, Set<number>>): void {
    const { pool } = this.#fs;
    for (const [inode, indexes] of this.#mapped) {
      let dirty = pages.get(inode);
      for (const [index, before] of indexes) {
        const page = inode.content?.ownPageAt(index);
        if (page === undefined || page === 0) {
          indexes.delete(index);
          continue;
        }
        const now = pageHash(pool.bytes(page));
        if (now !== before) {
          if (dirty === undefined) {
            dirty = new Set();
            pages.set(inode, dirty);
          }
          dirty.add(index);
        }
        if (pool.references(page) > 1) indexes.set(index, now);
        else indexes.delete(index);
      }
      if (indexes.size === 0) this.#mapped.delete(inode);
    }
    // Someone can still store into them: look again.
    if (this.#mapped.size > 0) this.#schedule();
  }
}

const nothing = new Uint8Array(0);

function isNamed(inode: TreeInode): boolean {
  return inode.nlink > 0;
}

/** Every inode of the upper layer and every lower one that differs, once. */
function allChanged(fs: TreeFileSystem): Set<TreeInode> {
  const all = new Set<TreeInode>();
  const visit = (inode: TreeInode) => {
    if (all.has(inode) || !inode.upper || !isNamed(inode)) return;
    all.add(inode);
    for (const child of inode.entries?.values() ?? []) if (child !== null) visit(child);
  };
  visit(fs.root);
  for (const inode of fs.changedInstances()) visit(inode);
  return all;
}

/** Splits a batch into records and marks the first and the last. */
class Chunks {
  readonly writer = new ByteWriter(65536);
  readonly #put: (record: Uint8Array) => Promise<void> | void;
  #first = true;

  constructor(put: (record: Uint8Array) => Promise<void> | void) {
    this.#put = put;
    this.writer.u8(0);
  }

  header(inoMax: number, layers: readonly string[]): Promise<void> | void {
    const writer = new ByteWriter();
    writeHeader(writer, inoMax, layers);
    return this.#put(writer.take());
  }

  flush(last: boolean): Promise<void> | void {
    const record = this.writer.take();
    record[0] = (this.#first ? recordFlag.first : 0) | (last ? recordFlag.last : 0);
    this.#first = false;
    this.writer.u8(0);
    return this.#put(record);
  }
}
