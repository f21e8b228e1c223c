/** The kinds of files procfs and sysfs are made of: text made as it is read, links, and directories. */
import { errno } from "../../abi/errno.ts";
import { O_ACCMODE, O_RDONLY, O_WRONLY, SEEK_CUR, SEEK_END, SEEK_SET } from "../../abi/fcntl.ts";
import { S_IFDIR, S_IFLNK, S_IFMT, S_IFREG } from "../../abi/stat.ts";
import { decodeName, encodeName } from "../../base/bytes.ts";
import { DirectoryFile } from "../file.ts";
import { SpecialFile, SpecialInode } from "../special-file.ts";
import type { Dentry, DirectoryEntry, FileSystem, Inode, OpenContext, OpenFile } from "../types.ts";

/** A file system of such nodes: hands out inode numbers and the time they show. */
export interface GeneratedFileSystem extends FileSystem {
  nextIno(): number;
  nowNs(): bigint;
}

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}
export const rootOwner: Owner = { uid: 0, gid: 0 };

export type TextSource = () => string | Uint8Array | number;

/** A file whose content `read` makes; with `write`, what is written is given to it in one piece. */
export class TextInode extends SpecialInode {
  readonly #read: TextSource;
  readonly #write: ((text: string) => number) | null;

  constructor(
    fs: GeneratedFileSystem,
    mode: number,
    owner: Owner,
    read: TextSource,
    write: ((text: string) => number) | null = null,
  ) {
    super(fs, fs.nextIno(), S_IFREG | mode, owner, fs.nowNs());
    this.#read = read;
    this.#write = write;
  }

  override open(flags: number, context: OpenContext): OpenFile | number {
    if ((flags & O_ACCMODE) !== O_RDONLY && this.#write === null) return -errno.EACCES;
    return new TextFile(this, flags, context.dentry, this.#read, this.#write);
  }
}

/** The text is made when a read starts at the beginning, and stays what it was for the reads that follow. */
class TextFile extends SpecialFile {
  readonly #read: TextSource;
  readonly #write: ((text: string) => number) | null;
  #content: Uint8Array | null = null;
  #position = 0;

  constructor(inode: Inode, flags: number, dentry: Dentry, read: TextSource, write: ((text: string) => number) | null) {
    super(inode, flags, dentry);
    this.#read = read;
    this.#write = write;
  }

  override read(target: Uint8Array, position: number | null): number {
    if ((this.flags & O_ACCMODE) === O_WRONLY) return -errno.EBADF;
    const at = position ?? this.#position;
    if (this.#content === null || at === 0) {
      const made = this.#read();
      if (typeof made === "number") return made;
      this.#content = typeof made === "string" ? encodeName(made) : made;
    }
    const part = this.#content.subarray(at, at + target.length);
    target.set(part);
    if (position === null) this.#position = at + part.length;
    return part.length;
  }

  override write(source: Uint8Array, position: number | null): number {
    if (this.#write === null || (this.flags & O_ACCMODE) === O_RDONLY) return -errno.EBADF;
    const result = this.#write(decodeName(source));
    if (result < 0) return result;
    if (position === null) this.#position += source.length;
    return source.length;
  }

  override seek(offset: number, whence: number): number {
    // There is no end to seek from: the content does not exist until it is read.
    if (whence === SEEK_END) return -errno.EINVAL;
    if (whence !== SEEK_SET && whence !== SEEK_CUR) return -errno.EINVAL;
    const to = whence === SEEK_SET ? offset : this.#position + offset;
    if (to < 0) return -errno.EINVAL;
    this.#position = to;
    return to;
  }

  override truncate(_size: number): number {
    return this.#write === null ? -errno.EINVAL : 0;
  }
}

/** A symbolic link whose target may change. */
export class LinkInode extends SpecialInode {
  readonly #target: () => string | number;

  constructor(fs: GeneratedFileSystem, owner: Owner, target: () => string | number) {
    super(fs, fs.nextIno(), S_IFLNK | 0o777, owner, fs.nowNs());
    this.#target = target;
  }

  override get cacheable(): boolean {
    return false;
  }

  override readlink(): string | number {
    return this.#target();
  }
}

/** A link that leads to a place whatever its text says (man 5 proc: "magic links"). */
export class MagicLinkInode extends LinkInode {
  readonly #place: () => Dentry | number;

  constructor(
    fs: GeneratedFileSystem,
    owner: Owner,
    mode: number,
    target: () => string | number,
    place: () => Dentry | number,
  ) {
    super(fs, owner, target);
    this.mode = S_IFLNK | mode;
    this.#place = place;
  }

  jump(): Dentry | number {
    return this.#place();
  }
}

/** A directory; a subclass or `entries` says what is in it. */
export abstract class GeneratedDirectory extends SpecialInode {
  declare readonly fs: GeneratedFileSystem;

  constructor(fs: GeneratedFileSystem, mode: number, owner: Owner) {
    super(fs, fs.nextIno(), S_IFDIR | mode, owner, fs.nowNs());
    this.nlink = 2;
  }

  override get cacheable(): boolean {
    return false;
  }

  override create(): number {
    return -errno.ENOENT;
  }

  override open(flags: number, context: OpenContext): OpenFile {
    return new DirectoryFile(this, flags, context.dentry);
  }
}

/** A directory with the same names for as long as it lives. */
export class StaticDirectory extends GeneratedDirectory {
  readonly #entries: ReadonlyMap<string, Inode>;

  constructor(fs: GeneratedFileSystem, mode: number, owner: Owner, entries: Readonly<Record<string, Inode>>) {
    super(fs, mode, owner);
    this.#entries = new Map(Object.entries(entries));
    for (const inode of this.#entries.values()) if ((inode.mode & S_IFMT) === S_IFDIR) this.nlink++;
  }

  override lookup(name: string): Inode | number {
    return this.#entries.get(name) ?? -errno.ENOENT;
  }

  override readdir(): readonly DirectoryEntry[] | number {
    return Array.from(this.#entries, ([name, inode]) => ({ name, ino: inode.ino, type: inode.mode & S_IFMT }));
  }
}
