/**
 * The content of a regular file of the host. Reads and writes go to the host at once; pages exist only for mappings,
 * are checked against the host's file when asked for, and written back on sync, on reads and when the file is closed.
 */
import * as fs from "node:fs";
import { errno } from "../../abi/errno.ts";
import { FALLOC_FL_KEEP_SIZE } from "../../abi/fcntl.ts";
import { limits } from "../../base/limits.ts";
import { pageHash } from "../page-hash.ts";
import type { FileContent, PagePool } from "../types.ts";
import { attempt } from "./errors.ts";
import type { HostInode } from "./inode.ts";

const pageBytes = limits.pageBytes;

export class HostContent implements FileContent {
  readonly #inode: HostInode;
  readonly #pool: PagePool;
  readonly #pages = new Map<number, number>();
  /** Pages that may be written through a mapping, with the hash of what the host has. */
  readonly #writable = new Map<number, number>();
  /** What the file was like when the pages were read. */
  #seenMtimeNs = 0n;
  #seenSize = 0;

  constructor(inode: HostInode, pool: PagePool) {
    this.#inode = inode;
    this.#pool = pool;
  }

  read(target: Uint8Array, position: number): number {
    const failed = this.#writeBack();
    if (failed < 0) return failed;
    return attempt(() => {
      let done = 0;
      while (done < target.length) {
        const count = fs.readSync(this.#inode.readDescriptor(), target, done, target.length - done, position + done);
        if (count === 0) break;
        done += count;
      }
      return done;
    });
  }

  write(source: Uint8Array, position: number): number {
    const failed = this.#writeBack();
    if (failed < 0) return failed;
    return attempt(() => {
      const count = fs.writeSync(this.#inode.writeDescriptor(), source, 0, source.length, position);
      this.#inode.refresh();
      this.#intoPages(source.subarray(0, count), position);
      return count;
    });
  }

  /** Mapped pages show what was written at once. */
  #intoPages(source: Uint8Array, position: number): void {
    for (const [index, page] of this.#pages) {
      const start = Math.max(position, index * pageBytes);
      const end = Math.min(position + source.length, (index + 1) * pageBytes);
      if (start >= end) continue;
      this.#pool.bytes(page).set(source.subarray(start - position, end - position), start - index * pageBytes);
      this.#pool.changed(page);
      if (this.#writable.has(index)) this.#writable.set(index, pageHash(this.#pool.bytes(page)));
    }
    this.#remember();
  }

  // ---- pages -------------------------------------------------------------------------------------------------------

  page(index: number): number {
    this.#inode.refresh();
    if (index < 0 || index * pageBytes >= this.#inode.size) return -errno.ENXIO;
    const fresh = this.#checkFresh();
    if (fresh < 0) return fresh;
    return this.#pages.get(index) ?? this.#load(index);
  }

  writablePage(index: number): number {
    const page = this.page(index);
    if (page > 0 && !this.#writable.has(index)) this.#writable.set(index, pageHash(this.#pool.bytes(page)));
    return page;
  }

  #load(index: number): number {
    const page = this.#pool.allocate();
    if (page < 0) return page;
    const failed = this.#fill(index, page);
    if (failed < 0) {
      this.#pool.release(page);
      return failed;
    }
    this.#pages.set(index, page);
    this.#remember();
    return page;
  }

  #fill(index: number, page: number): number {
    return attempt(() => {
      let done = 0;
      const bytes = this.#pool.bytes(page);
      while (done < pageBytes) {
        const at = index * pageBytes + done;
        const count = fs.readSync(this.#inode.readDescriptor(), bytes, done, pageBytes - done, at);
        if (count === 0) break;
        done += count;
      }
      bytes.fill(0, done);
      this.#pool.changed(page);
      return 0;
    });
  }

  #remember(): void {
    this.#seenMtimeNs = this.#inode.mtimeNs;
    this.#seenSize = this.#inode.size;
  }

  /** When the host changed the file, pages no one maps are dropped and the others read again. */
  #checkFresh(): number {
    if (this.#pages.size === 0 || (this.#seenMtimeNs === this.#inode.mtimeNs && this.#seenSize === this.#inode.size))
      return 0;
    const failed = this.#writeBack();
    if (failed < 0) return failed;
    for (const [index, page] of this.#pages) {
      if (this.#pool.references(page) > 1) {
        this.#fill(index, page);
        if (this.#writable.has(index)) this.#writable.set(index, pageHash(this.#pool.bytes(page)));
        continue;
      }
      this.#pages.delete(index);
      this.#writable.delete(index);
      this.#pool.release(page);
    }
    this.#remember();
    return 0;
  }

  /** Stores of mappings go to the host. 0 or -errno. */
  #writeBack(): number {
    if (this.#writable.size === 0) return 0;
    const done = attempt(() => {
      this.#inode.refresh();
      const size = this.#inode.size;
      for (const [index, before] of this.#writable) {
        const page = this.#pages.get(index)!;
        const bytes = this.#pool.bytes(page);
        const now = pageHash(bytes);
        const length = Math.min(pageBytes, size - index * pageBytes);
        if (now !== before && length > 0)
          fs.writeSync(this.#inode.writeDescriptor(), bytes, 0, length, index * pageBytes);
        if (this.#pool.references(page) > 1) this.#writable.set(index, now);
        else this.#writable.delete(index);
      }
      this.#inode.refresh();
      this.#remember();
      return 0;
    });
    return done;
  }

  // ---- size --------------------------------------------------------------------------------------------------------

  truncate(size: number): number {
    const failed = this.#writeBack();
    if (failed < 0) return failed;
    return attempt(() => {
      this.#inode.withWriteDescriptor((descriptor) => fs.ftruncateSync(descriptor, size));
      this.#inode.refresh();
      for (const [index, page] of this.#pages) {
        const kept = size - index * pageBytes;
        if (kept >= pageBytes) continue;
        this.#pool.bytes(page).fill(0, Math.max(0, kept));
        this.#pool.changed(page);
        if (kept > 0) continue;
        this.#pages.delete(index);
        this.#writable.delete(index);
        this.#pool.release(page);
      }
      this.#remember();
      return 0;
    });
  }

  /** node:fs has no SEEK_DATA: all is data, as a file system without holes may answer (man 2 lseek). */
  nextData(position: number): number {
    return position >= this.#inode.size ? -errno.ENXIO : position;
  }

  nextHole(position: number): number {
    return position >= this.#inode.size ? -errno.ENXIO : this.#inode.size;
  }

  allocate(mode: number, position: number, length: number): number {
    if (mode === FALLOC_FL_KEEP_SIZE) return 0;
    if (mode !== 0) return -errno.EOPNOTSUPP;
    this.#inode.refresh();
    return position + length > this.#inode.size ? this.truncate(position + length) : 0;
  }

  sync(): number {
    const failed = this.#writeBack();
    if (failed < 0) return failed;
    return attempt(() => {
      fs.fsyncSync(this.#inode.anyDescriptor());
      return 0;
    });
  }

  /** The last open file went away: nothing is mapped any more. */
  close(): void {
    this.#writeBack();
    for (const page of this.#pages.values()) this.#pool.release(page);
    this.#pages.clear();
    this.#writable.clear();
  }
}
