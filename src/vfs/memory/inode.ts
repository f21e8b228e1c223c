/**
 * An inode of a writable tree in memory. Over a lower tree it starts as what is below and records only what differs:
 * attributes are taken over at once (they are few), content page by page, and a directory keeps a map of the names that
 * changed. The inode number stays through copy-up and rename, also of directories, so nothing ever answers EXDEV as
 * Linux's overlayfs may.
 */
import { errno } from "../../abi/errno.ts";
import { RENAME_EXCHANGE, RENAME_NOREPLACE, XATTR_CREATE, XATTR_REPLACE } from "../../abi/fcntl.ts";
import { S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFMT, S_IFREG, S_IFSOCK } from "../../abi/stat.ts";
import { encodeName } from "../../base/bytes.ts";
import type { Maybe } from "../../base/maybe.ts";
import { DirectoryFile, RegularFile } from "../file.ts";
import type { OpenCounter } from "../file.ts";
import type { Attributes, Credentials, DirectoryEntry, Inode, OpenContext, OpenFile } from "../types.ts";
import { TreeContent } from "./content.ts";
import type { TreeFileSystem } from "./filesystem.ts";
import type { LowerNode } from "./lower.ts";

/** ext4's and tmpfs's own bound differ; this is ext4's. */
const linksMax = 65000;
const dayNs = 86_400_000_000_000n;

export class TreeInode implements Inode, OpenCounter {
  readonly fs: TreeFileSystem;
  readonly ino: number;
  readonly lower: LowerNode | null;
  mode: number;
  uid: number;
  gid: number;
  readonly rdev: number;
  atimeNs: bigint;
  mtimeNs: bigint;
  ctimeNs: bigint;
  /** Symbolic links. */
  readonly target: string;
  /** Something differs from the lower node, or there is none. */
  upper: boolean;
  /** Files: names that lead here. */
  links: number;
  /** Directories: rmdir took the name away. */
  removed = false;
  readonly cacheable = true;
  /** Directories: names that differ from the lower directory; null is a whiteout. */
  #entries: Map<string, TreeInode | null> | null = null;
  #subdirectories = -1;
  #content: TreeContent | null = null;
  #xattrs: Map<string, Uint8Array> | null = null;
  #openFiles = 0;

  constructor(
    fs: TreeFileSystem,
    ino: number,
    lower: LowerNode | null,
    mode: number,
    owner: { readonly uid: number; readonly gid: number },
    rdev: number,
    target: string,
    timeNs: bigint,
  ) {
    this.fs = fs;
    this.ino = ino;
    this.lower = lower;
    this.mode = mode;
    this.uid = owner.uid;
    this.gid = owner.gid;
    this.rdev = rdev;
    this.target = target;
    this.atimeNs = this.mtimeNs = this.ctimeNs = timeNs;
    this.upper = lower === null;
    this.links = lower === null ? 0 : lower.nlink;
  }

  get #isDirectory(): boolean {
    return (this.mode & S_IFMT) === S_IFDIR;
  }

  get #isRegular(): boolean {
    return (this.mode & S_IFMT) === S_IFREG;
  }

  get content(): TreeContent | null {
    if (this.#content !== null || !this.#isRegular) return this.#content;
    this.#content = new TreeContent(this, this.lower?.content ?? null);
    return this.#content;
  }

  get mapping(): TreeContent | null {
    return this.content;
  }

  get size(): number {
    switch (this.mode & S_IFMT) {
      case S_IFREG:
        return this.#content === null ? (this.lower?.size ?? 0) : this.#content.size;
      case S_IFLNK:
        return encodeName(this.target).length;
      case S_IFDIR:
        return this.fs.directoryBytes(this.#entries?.size ?? 0);
      default:
        return 0;
    }
  }

  get blocks(): number {
    if (this.#isRegular) return this.content!.blocks;
    return this.#isDirectory ? this.fs.directoryBlocks : 0;
  }

  /**
   * A directory over a lower one that changed, or that several layers list, answers 1 as Linux's overlayfs does: the
   * sign for "not counted".
   */
  get nlink(): number {
    if (!this.#isDirectory) return this.links;
    if (this.removed) return 0;
    if (this.lower !== null && (this.lower.merged || this.upper)) return 1;
    return 2 + this.subdirectories;
  }

  get subdirectories(): number {
    if (this.#subdirectories < 0) {
      let count = 0;
      for (const [name, child] of this.lower?.children ?? [])
        if ((child.mode & S_IFMT) === S_IFDIR && this.#entries?.has(name) !== true) count++;
      for (const child of this.#entries?.values() ?? []) if (child !== null && child.#isDirectory) count++;
      this.#subdirectories = count;
    }
    return this.#subdirectories;
  }

  /** What differs from the lower directory, for the journal and for `changes`. */
  get entries(): ReadonlyMap<string, TreeInode | null> | null {
    return this.#entries;
  }

  // ---- directories -------------------------------------------------------------------------------------------------

  lookup(name: string): TreeInode | number {
    const changed = this.#entries?.get(name);
    if (changed !== undefined) return changed ?? -errno.ENOENT;
    if (this.lower === null) return this.#isDirectory ? -errno.ENOENT : -errno.ENOTDIR;
    if (this.lower.children === null) return -errno.ENOTDIR;
    const below = this.lower.children.get(name);
    return below === undefined ? -errno.ENOENT : this.fs.instance(below);
  }

  readdir(): readonly DirectoryEntry[] | number {
    if (!this.#isDirectory) return -errno.ENOTDIR;
    const list: DirectoryEntry[] = [];
    for (const [name, child] of this.lower?.children ?? [])
      if (this.#entries?.has(name) !== true) list.push({ name, ino: child.ino, type: child.mode & S_IFMT });
    for (const [name, child] of this.#entries ?? [])
      if (child !== null) list.push({ name, ino: child.ino, type: child.mode & S_IFMT });
    return list;
  }

  #isEmpty(): boolean {
    for (const name of this.lower?.children?.keys() ?? []) if (this.#entries?.has(name) !== true) return false;
    for (const child of this.#entries?.values() ?? []) if (child !== null) return false;
    return true;
  }

  create(name: string, mode: number, owner: Credentials): TreeInode | number {
    return this.#make(name, S_IFREG | (mode & 0o7777), owner, 0, "");
  }

  mkdir(name: string, mode: number, owner: Credentials): TreeInode | number {
    return this.#make(name, S_IFDIR | (mode & 0o7777), owner, 0, "");
  }

  mknod(name: string, mode: number, rdev: number, owner: Credentials): TreeInode | number {
    return this.#make(name, mode, owner, rdev, "");
  }

  symlink(name: string, target: string, owner: Credentials): TreeInode | number {
    return this.#make(name, S_IFLNK | 0o777, owner, 0, target);
  }

  createUnnamed(mode: number, owner: Credentials): TreeInode | number {
    if (!this.#isDirectory) return -errno.ENOTDIR;
    if (!this.fs.hasRoom()) return -errno.ENOSPC;
    return this.fs.newInode(S_IFREG | (mode & 0o7777), owner, 0, "");
  }

  #make(name: string, mode: number, owner: Credentials, rdev: number, target: string): TreeInode | number {
    const found = this.lookup(name);
    if (typeof found !== "number") return -errno.EEXIST;
    if (found !== -errno.ENOENT) return found;
    if (this.removed) return -errno.ENOENT;
    if (!this.fs.hasRoom()) return -errno.ENOSPC;
    const made = this.fs.newInode(mode, owner, rdev, target);
    if ((mode & S_IFMT) !== S_IFDIR) made.links = 1;
    this.fs.observer?.inodeChanged(made);
    this.#attach(name, made);
    this.modified();
    return made;
  }

  link(name: string, target: Inode): number {
    if (!(target instanceof TreeInode) || target.fs !== this.fs) return -errno.EXDEV;
    const found = this.lookup(name);
    if (typeof found !== "number") return -errno.EEXIST;
    if (found !== -errno.ENOENT) return found;
    if (this.removed || (target.links === 0 && !target.#neverNamed)) return -errno.ENOENT;
    if (target.links >= linksMax) return -errno.EMLINK;
    if (!this.fs.hasRoom()) return -errno.ENOSPC;
    const wasUnnamed = target.links === 0;
    target.links++;
    target.#changed();
    // An O_TMPFILE file was nobody's business so far: now all of it is to be kept.
    if (wasUnnamed && target.#content !== null)
      for (const index of target.#content.ownPageIndexes()) this.fs.observer?.pageChanged(target, index);
    this.#attach(name, target);
    this.modified();
    return 0;
  }

  /** O_TMPFILE: without a name because it never had one. */
  get #neverNamed(): boolean {
    return this.lower === null && !this.#hadName;
  }
  #hadName = false;

  unlink(name: string): number {
    const child = this.lookup(name);
    if (typeof child === "number") return child;
    if (child.#isDirectory) return -errno.EISDIR;
    this.#detach(name, child);
    this.modified();
    child.#lostName();
    return 0;
  }

  rmdir(name: string): number {
    const child = this.lookup(name);
    if (typeof child === "number") return child;
    if (!child.#isDirectory) return -errno.ENOTDIR;
    if (!child.#isEmpty()) return -errno.ENOTEMPTY;
    this.#detach(name, child);
    this.modified();
    child.#lostName();
    return 0;
  }

  rename(sourceName: string, targetDirectory: Inode, targetName: string, flags: number): number {
    if (!(targetDirectory instanceof TreeInode) || targetDirectory.fs !== this.fs) return -errno.EXDEV;
    const source = this.lookup(sourceName);
    if (typeof source === "number") return source;
    const found = targetDirectory.lookup(targetName);
    if (typeof found === "number" && found !== -errno.ENOENT) return found;
    if (targetDirectory.removed) return -errno.ENOENT;
    const replaced = typeof found === "number" ? null : found;
    if (replaced !== null && (flags & RENAME_NOREPLACE) !== 0) return -errno.EEXIST;
    if (replaced === source) return 0;
    if ((flags & RENAME_EXCHANGE) !== 0) {
      if (replaced === null) return -errno.ENOENT;
      this.#detach(sourceName, source);
      targetDirectory.#detach(targetName, replaced);
      this.#attach(sourceName, replaced);
      targetDirectory.#attach(targetName, source);
      replaced.#changed();
    } else {
      if (replaced !== null) {
        if (replaced.#isDirectory) {
          if (!source.#isDirectory) return -errno.EISDIR;
          if (!replaced.#isEmpty()) return -errno.ENOTEMPTY;
        } else if (source.#isDirectory) return -errno.ENOTDIR;
        targetDirectory.#detach(targetName, replaced);
      }
      this.#detach(sourceName, source);
      targetDirectory.#attach(targetName, source);
      if (replaced !== null) replaced.#lostName();
    }
    source.#changed();
    this.modified();
    if (targetDirectory !== this) targetDirectory.modified();
    return 0;
  }

  #attach(name: string, child: TreeInode): void {
    const below = this.lower?.children?.get(name);
    // Back at its own place: nothing differs any more.
    if (below !== undefined && child.lower === below) this.#entries?.delete(name);
    else (this.#entries ??= new Map()).set(name, child);
    child.#hadName = true;
    if (child.#isDirectory && this.#subdirectories >= 0) this.#subdirectories++;
    this.fs.observer?.entryChanged(this, name, child);
  }

  #detach(name: string, child: TreeInode): void {
    if (this.lower?.children?.has(name) === true) (this.#entries ??= new Map()).set(name, null);
    else this.#entries!.delete(name);
    if (child.#isDirectory && this.#subdirectories >= 0) this.#subdirectories--;
    this.fs.observer?.entryChanged(this, name, null);
  }

  #lostName(): void {
    if (this.#isDirectory) {
      this.removed = true;
      this.fs.observer?.inodeRemoved(this);
      this.fs.inodeGone();
      return;
    }
    this.links--;
    if (this.links > 0) {
      this.#changed();
      return;
    }
    this.ctimeNs = this.fs.clock.realtimeNs();
    this.fs.observer?.inodeRemoved(this);
    this.fs.inodeGone();
    if (this.#openFiles === 0) this.#content?.free();
  }

  /** Replay: puts an entry as the journal has it. */
  restoreEntry(name: string, child: TreeInode | null): void {
    this.#subdirectories = -1;
    const below = this.lower?.children?.get(name);
    if (child === null) {
      if (below === undefined) this.#entries?.delete(name);
      else (this.#entries ??= new Map()).set(name, null);
      return;
    }
    child.#hadName = true;
    if (below !== undefined && child.lower === below) this.#entries?.delete(name);
    else (this.#entries ??= new Map()).set(name, child);
  }

  /** Replay: attributes as the journal has them. */
  restore(state: {
    readonly mode: number;
    readonly uid: number;
    readonly gid: number;
    readonly links: number;
    readonly size: number;
    readonly baseBytes: number;
    readonly atimeNs: bigint;
    readonly mtimeNs: bigint;
    readonly ctimeNs: bigint;
    readonly xattrs: Map<string, Uint8Array> | null;
  }): void {
    this.upper = true;
    this.mode = state.mode;
    this.uid = state.uid;
    this.gid = state.gid;
    this.links = state.links;
    this.atimeNs = state.atimeNs;
    this.mtimeNs = state.mtimeNs;
    this.ctimeNs = state.ctimeNs;
    if (state.xattrs !== null) this.#xattrs = state.xattrs;
    this.content?.restore(state.size, state.baseBytes);
  }

  // ---- attributes --------------------------------------------------------------------------------------------------

  readlink(): string | number {
    return (this.mode & S_IFMT) === S_IFLNK ? this.target : -errno.EINVAL;
  }

  setAttributes(changes: Attributes): Maybe<number> {
    if (changes.size === undefined) return this.#setMetadata(changes);
    const content = this.content;
    if (content === null) return this.#isDirectory ? -errno.EISDIR : -errno.EINVAL;
    if (changes.size > this.fs.fileBytesMax) return -errno.EFBIG;
    const cut = content.truncate(changes.size);
    if (typeof cut !== "number") return cut.then((failed) => (failed < 0 ? failed : this.#setMetadata(changes)));
    return cut < 0 ? cut : this.#setMetadata(changes);
  }

  #setMetadata(changes: Attributes): number {
    if (changes.mode !== undefined) this.mode = (this.mode & S_IFMT) | (changes.mode & 0o7777);
    if (changes.uid !== undefined) this.uid = changes.uid;
    if (changes.gid !== undefined) this.gid = changes.gid;
    if (changes.atimeNs !== undefined) this.atimeNs = changes.atimeNs;
    if (changes.mtimeNs !== undefined) this.mtimeNs = changes.mtimeNs;
    this.ctimeNs = changes.ctimeNs ?? this.fs.clock.realtimeNs();
    this.#noteChange();
    return 0;
  }

  /** Content or entries changed: mtime and ctime. */
  modified(): void {
    this.mtimeNs = this.ctimeNs = this.fs.clock.realtimeNs();
    this.#noteChange();
  }

  #changed(): void {
    this.ctimeNs = this.fs.clock.realtimeNs();
    this.#noteChange();
  }

  #noteChange(): void {
    this.upper = true;
    this.fs.observer?.inodeChanged(this);
  }

  /** relatime (mount(8)): the time of reading is kept where it says something new, and never below. */
  accessed(): void {
    if (!this.upper) return;
    if (this.atimeNs > this.mtimeNs && this.atimeNs > this.ctimeNs) {
      const now = this.fs.clock.realtimeNs();
      if (now - this.atimeNs < dayNs) return;
      this.atimeNs = now;
    } else this.atimeNs = this.fs.clock.realtimeNs();
  }

  // ---- extended attributes -----------------------------------------------------------------------------------------

  #readXattrs(): ReadonlyMap<string, Uint8Array> | null {
    return this.#xattrs ?? this.lower?.xattrs ?? null;
  }

  get xattrs(): ReadonlyMap<string, Uint8Array> | null {
    return this.#readXattrs();
  }

  /** Whether the extended attributes differ from the lower node's. */
  get xattrsChanged(): boolean {
    return this.#xattrs !== null;
  }

  getXattr(name: string): Uint8Array | number {
    return this.#readXattrs()?.get(name) ?? -errno.ENODATA;
  }

  setXattr(name: string, value: Uint8Array, flags: number): number {
    const had = this.#readXattrs()?.has(name) === true;
    if (had && (flags & XATTR_CREATE) !== 0) return -errno.EEXIST;
    if (!had && (flags & XATTR_REPLACE) !== 0) return -errno.ENODATA;
    if (!this.fs.hasRoom()) return -errno.ENOSPC;
    this.#ownXattrs().set(name, value.slice());
    this.#changed();
    return 0;
  }

  listXattr(): readonly string[] {
    return [...(this.#readXattrs()?.keys() ?? [])];
  }

  removeXattr(name: string): number {
    if (this.#readXattrs()?.has(name) !== true) return -errno.ENODATA;
    this.#ownXattrs().delete(name);
    this.#changed();
    return 0;
  }

  #ownXattrs(): Map<string, Uint8Array> {
    this.#xattrs ??= new Map(this.lower?.xattrs ?? []);
    return this.#xattrs;
  }

  // ---- opening -----------------------------------------------------------------------------------------------------

  open(flags: number, context: OpenContext): Maybe<OpenFile | number> {
    switch (this.mode & S_IFMT) {
      case S_IFREG:
        return new RegularFile(this, this.content!, flags, context, this);
      case S_IFDIR:
        return new DirectoryFile(this, flags, context.dentry);
      case S_IFCHR:
      case S_IFBLK:
      case S_IFIFO:
        return context.openSpecial(this, flags, context);
      case S_IFSOCK:
        return -errno.ENXIO;
      default:
        return -errno.ELOOP;
    }
  }

  opened(): void {
    this.#openFiles++;
  }

  closed(): void {
    this.#openFiles--;
    if (this.#openFiles === 0 && this.links === 0) this.#content?.free();
  }
}
