/**
 * Open file descriptions of regular files, directories and O_PATH descriptors, the same for every file system that
 * keeps content as pages.
 */
import { errno } from "../abi/errno.ts";
import {
  O_ACCMODE,
  O_APPEND,
  O_RDONLY,
  O_WRONLY,
  SEEK_CUR,
  SEEK_DATA,
  SEEK_END,
  SEEK_HOLE,
  SEEK_SET,
} from "../abi/fcntl.ts";
import { IN } from "../abi/inotify.ts";
import { S_IFDIR } from "../abi/stat.ts";
import type { Maybe } from "../base/maybe.ts";
import { crossMounts } from "./dentry.ts";
import type { PathDentry } from "./dentry.ts";
import { notifyFile } from "./notify.ts";
import { modeAfterWrite } from "./permission.ts";
import { SpecialFile } from "./special-file.ts";
import type {
  Credentials,
  Dentry,
  DirectoryEntry,
  FileContent,
  Inode,
  IoctlCaller,
  OpenContext,
  UserMemory,
} from "./types.ts";
import { poll } from "./types.ts";

/** Linux's MAX_LFS_FILESIZE is 2^63 - 1; a JavaScript number is exact to 2^53 - 1. */
export const fileBytesMax = Number.MAX_SAFE_INTEGER;

const FIONREAD = 0x541b;

/** An inode that counts its open files, so that removed content goes when the last one closes. */
export interface OpenCounter {
  opened(): void;
  closed(): void;
}

export class RegularFile extends SpecialFile {
  #position = 0;
  readonly #content: FileContent;
  readonly #credentials: Credentials;
  readonly #counter: OpenCounter | null;

  constructor(inode: Inode, content: FileContent, flags: number, context: OpenContext, counter: OpenCounter | null) {
    super(inode, flags, context.dentry);
    this.#content = content;
    this.#credentials = context.credentials;
    this.#counter = counter;
    counter?.opened();
  }

  override read(target: Uint8Array, position: number | null): Maybe<number> {
    if ((this.flags & O_ACCMODE) === O_WRONLY) return -errno.EBADF;
    if (position !== null) return position < 0 ? -errno.EINVAL : this.#content.read(target, position);
    const done = this.#content.read(target, this.#position);
    if (typeof done !== "number") return done.then((count) => this.#advance(count));
    return this.#advance(done);
  }

  override write(source: Uint8Array, position: number | null): Maybe<number> {
    if ((this.flags & O_ACCMODE) === O_RDONLY) return -errno.EBADF;
    if (position !== null && position < 0) return -errno.EINVAL;
    if (source.length === 0) return 0;
    const appends = (this.flags & O_APPEND) !== 0;
    if (appends) this.inode.refresh?.();
    // With O_APPEND even pwrite goes to the end (man 2 pwrite, BUGS).
    const at = appends ? this.inode.size : (position ?? this.#position);
    if (at >= fileBytesMax) return -errno.EFBIG;
    const room = fileBytesMax - at;
    const part = source.length > room ? source.subarray(0, room) : source;
    const kept = modeAfterWrite(this.#credentials, this.inode);
    if (kept !== this.inode.mode) {
      const failed = this.inode.setAttributes({ mode: kept & 0o7777 });
      if (typeof failed === "number" && failed < 0) return failed;
    }
    const done = this.#content.write(part, at);
    notifyFile(this.dentry!, IN.MODIFY);
    if (position !== null) return done;
    const move = (count: number) => {
      if (count > 0) this.#position = at + count;
      return count;
    };
    return typeof done === "number" ? move(done) : done.then(move);
  }

  #advance(count: number): number {
    if (count > 0) this.#position += count;
    return count;
  }

  override seek(offset: number, whence: number): Maybe<number> {
    let to: number;
    switch (whence) {
      case SEEK_SET:
        to = offset;
        break;
      case SEEK_CUR:
        to = this.#position + offset;
        break;
      case SEEK_END:
        this.inode.refresh?.();
        to = this.inode.size + offset;
        break;
      case SEEK_DATA:
      case SEEK_HOLE:
        this.inode.refresh?.();
        if (offset < 0 || offset >= this.inode.size) return -errno.ENXIO;
        to = whence === SEEK_DATA ? this.#content.nextData(offset) : this.#content.nextHole(offset);
        break;
      default:
        return -errno.EINVAL;
    }
    if (to < 0) return whence === SEEK_DATA ? to : -errno.EINVAL;
    if (to > fileBytesMax) return -errno.EINVAL;
    this.#position = to;
    return to;
  }

  override truncate(size: number): Maybe<number> {
    if ((this.flags & O_ACCMODE) === O_RDONLY || size < 0) return -errno.EINVAL;
    if (size > fileBytesMax) return -errno.EFBIG;
    notifyFile(this.dentry!, IN.MODIFY);
    const kept = modeAfterWrite(this.#credentials, this.inode);
    return this.inode.setAttributes(kept === this.inode.mode ? { size } : { size, mode: kept & 0o7777 });
  }

  allocate(mode: number, position: number, length: number): Maybe<number> {
    if ((this.flags & O_ACCMODE) === O_RDONLY) return -errno.EBADF;
    if (position < 0 || length <= 0) return -errno.EINVAL;
    if (position + length > fileBytesMax) return -errno.EFBIG;
    return this.#content.allocate(mode, position, length);
  }

  override ioctl(request: number, argument: number, memory: UserMemory, _caller: IoctlCaller): Maybe<number> {
    if (request !== FIONREAD) return -errno.ENOTTY;
    const left = Math.max(-0x80000000, Math.min(0x7fffffff, this.inode.size - this.#position));
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setInt32(0, left, true);
    memory.write(argument, bytes);
    return 0;
  }

  override sync(): Maybe<number> {
    return this.#content.sync();
  }

  protected override closed(): void {
    const writes = (this.flags & O_ACCMODE) !== O_RDONLY;
    notifyFile(this.dentry!, writes ? IN.CLOSE_WRITE : IN.CLOSE_NOWRITE);
    this.#counter?.closed();
  }
}

/** Entries handed out by one call at most: enough for the largest usual getdents buffer. */
const entriesPerCall = 2048;

/**
 * An open directory. The entries are those of the moment the reading began, so that names which stay are seen exactly
 * once whatever else changes; rewinding looks again. A cookie is an index into them.
 */
export class DirectoryFile extends SpecialFile {
  #position = 0;
  #entries: readonly (DirectoryEntry & { readonly position: number })[] | null = null;

  // The directory itself answers, whatever dentry it was reached by.
  override read(_target: Uint8Array, _position: number | null): number {
    return -errno.EISDIR;
  }
  override write(_source: Uint8Array, _position: number | null): number {
    return -errno.EBADF;
  }

  override seek(offset: number, whence: number): number {
    const to = whence === SEEK_SET ? offset : whence === SEEK_CUR ? this.#position + offset : -1;
    if (to < 0) return -errno.EINVAL;
    if (to === 0 && this.#position !== 0) this.#entries = null;
    this.#position = to;
    return to;
  }

  override readdir(): readonly (DirectoryEntry & { readonly position: number })[] | number {
    if (this.#entries === null) {
      if (this.inode.nlink === 0) return -errno.ENOENT;
      const found = this.inode.readdir();
      if (typeof found === "number") return found;
      const all = [
        { name: ".", ino: this.inode.ino, type: S_IFDIR, position: 1 },
        { name: "..", ino: this.#parentIno(), type: S_IFDIR, position: 2 },
      ];
      for (const entry of found) {
        if (entry.name === "." || entry.name === "..") continue;
        all.push({ name: entry.name, ino: entry.ino, type: entry.type, position: all.length + 1 });
      }
      this.#entries = all;
    }
    if (this.#position >= this.#entries.length) return [];
    return this.#entries.slice(this.#position, this.#position + entriesPerCall);
  }

  override sync(): Maybe<number> {
    return this.inode.fs.sync();
  }

  protected override closed(): void {
    notifyFile(this.dentry!, IN.CLOSE_NOWRITE);
  }

  #parentIno(): number {
    let at: Dentry = this.dentry!;
    while (at.parent === null) {
      if (at.mount.at === null) return this.inode.ino;
      at = at.mount.at;
    }
    return crossMounts(at.parent as PathDentry).inode.ino;
  }
}

/** An O_PATH descriptor: a place, and nothing to read or write (open(2)). */
export class PathFile extends SpecialFile {
  constructor(dentry: Dentry, flags: number) {
    super(dentry.inode, flags, dentry);
  }
  override read(_target: Uint8Array, _position: number | null): number {
    return -errno.EBADF;
  }
  override write(_source: Uint8Array, _position: number | null): number {
    return -errno.EBADF;
  }
  override seek(_offset: number, _whence: number): number {
    return -errno.EBADF;
  }
  override readdir(): number {
    return -errno.EBADF;
  }
  override ioctl(_request: number, _argument: number, _memory: UserMemory, _caller: IoctlCaller): number {
    return -errno.EBADF;
  }
  override truncate(_size: number): number {
    return -errno.EBADF;
  }
  override sync(): number {
    return -errno.EBADF;
  }
  override poll(): number {
    return poll.invalid;
  }
}
