/**
 * A file of the host. Attributes are the host's, as of the last walk or stat; names are looked up there each time,
 * because the host may change them at any moment.
 *
 * Device nodes and fifos are never opened on the host: a guest that makes or finds one gets Wherry's own driver.
 */
import * as fs from "node:fs";
import { errno } from "../../abi/errno.ts";
import { O_ACCMODE, O_CREAT, O_EXCL, O_NOFOLLOW, O_RDONLY, O_WRONLY, RENAME_NOREPLACE } from "../../abi/fcntl.ts";
import { S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFMT, S_IFREG } from "../../abi/stat.ts";
import { decodeName, encodeName } from "../../base/bytes.ts";
import { DirectoryFile, RegularFile } from "../file.ts";
import type { OpenCounter } from "../file.ts";
import type { Attributes, Credentials, DirectoryEntry, Inode, OpenContext, OpenFile } from "../types.ts";
import { HostContent } from "./content.ts";
import { attempt } from "./errors.ts";
import type { HostFileSystem } from "./hostfs.ts";
import type { HostPath, Place } from "./paths.ts";

export class HostInode implements Inode, Place, OpenCounter {
  readonly fs: HostFileSystem;
  readonly hostDevice: bigint;
  readonly hostIno: bigint;
  readonly cacheable = false;
  parent: HostInode | null;
  name: string;
  #stat: fs.BigIntStats;
  #gone = false;
  #content: HostContent | null = null;
  #openFiles = 0;
  #readable: number | null = null;
  #writable: number | null = null;

  constructor(fileSystem: HostFileSystem, parent: HostInode | null, name: string, stat: fs.BigIntStats) {
    this.fs = fileSystem;
    this.parent = parent;
    this.name = name;
    this.hostDevice = stat.dev;
    this.hostIno = stat.ino;
    this.#stat = stat;
  }

  /** Where it was seen last, and what it is like now. */
  seen(parent: HostInode | null, name: string, stat: fs.BigIntStats): void {
    this.parent = parent;
    this.name = name;
    this.#stat = stat;
    this.#gone = false;
  }

  // ---- attributes --------------------------------------------------------------------------------------------------

  get ino(): number {
    return Number(this.hostIno);
  }
  get mode(): number {
    return Number(this.#stat.mode);
  }
  get uid(): number {
    return Number(this.#stat.uid);
  }
  get gid(): number {
    return Number(this.#stat.gid);
  }
  get nlink(): number {
    return this.#gone ? 0 : Number(this.#stat.nlink);
  }
  get size(): number {
    return Number(this.#stat.size);
  }
  get rdev(): number {
    return Number(this.#stat.rdev);
  }
  get atimeNs(): bigint {
    return this.#stat.atimeNs;
  }
  get mtimeNs(): bigint {
    return this.#stat.mtimeNs;
  }
  get ctimeNs(): bigint {
    return this.#stat.ctimeNs;
  }
  get blocks(): number {
    return Number(this.#stat.blocks);
  }

  get #type(): number {
    return this.mode & S_IFMT;
  }

  refresh(): void {
    const descriptor = this.#readable ?? this.#writable;
    const stat = attempt(() => {
      if (descriptor !== null) return fs.fstatSync(descriptor, { bigint: true });
      if (this.#type === S_IFLNK) return fs.lstatSync(this.#ownPath(), { bigint: true });
      return this.fs.paths.withFile(this, (path) => fs.statSync(path, { bigint: true }));
    });
    if (typeof stat === "number") this.#gone = true;
    else if (stat.ino === this.hostIno && stat.dev === this.hostDevice) this.#stat = stat;
  }

  /** By name in the directory: for what must not follow a link. */
  #ownPath(): HostPath {
    return this.fs.paths.in(this.parent!, this.name);
  }

  setAttributes(changes: Attributes): number {
    if (this.fs.readOnly) return -errno.EROFS;
    if (changes.size !== undefined) {
      const content = this.mapping;
      if (content === null) return this.#type === S_IFDIR ? -errno.EISDIR : -errno.EINVAL;
      const failed = content.truncate(changes.size);
      if (failed < 0) return failed;
    }
    const done = attempt(() => {
      if (this.#type === S_IFLNK) this.#setLinkAttributes(changes);
      else this.#withPath((path) => this.#setAttributesAt(path, changes));
      return 0;
    });
    this.refresh();
    return done;
  }

  #setAttributesAt(path: HostPath, changes: Attributes): void {
    // The owner first: chown takes set-user-ID away, which `mode` may be about to keep.
    if (changes.uid !== undefined || changes.gid !== undefined)
      fs.chownSync(path, changes.uid ?? this.uid, changes.gid ?? this.gid);
    if (changes.mode !== undefined) fs.chmodSync(path, changes.mode);
    if (changes.atimeNs !== undefined || changes.mtimeNs !== undefined)
      fs.utimesSync(path, seconds(changes.atimeNs ?? this.atimeNs), seconds(changes.mtimeNs ?? this.mtimeNs));
  }

  #setLinkAttributes(changes: Attributes): void {
    const path = this.#ownPath();
    if (changes.uid !== undefined || changes.gid !== undefined)
      fs.lchownSync(path, changes.uid ?? this.uid, changes.gid ?? this.gid);
    if (changes.atimeNs !== undefined || changes.mtimeNs !== undefined)
      fs.lutimesSync(path, seconds(changes.atimeNs ?? this.atimeNs), seconds(changes.mtimeNs ?? this.mtimeNs));
  }

  /** A path to this very file: through an open descriptor where there is one, so that it works without a name. */
  #withPath<T>(use: (path: HostPath) => T): T {
    const descriptor = this.#readable ?? this.#writable;
    if (descriptor !== null && this.fs.hasProc) return use(`/proc/self/fd/${descriptor}`);
    return this.fs.paths.withFile(this, use);
  }

  readlink(): string | number {
    if (this.#type !== S_IFLNK) return -errno.EINVAL;
    return attempt(() => decodeName(fs.readlinkSync(this.#ownPath(), { encoding: "buffer" })));
  }

  // node:fs knows no extended attributes.
  getXattr(_name: string): Uint8Array | number {
    return -errno.EOPNOTSUPP;
  }
  setXattr(_name: string, _value: Uint8Array, _flags: number): number {
    return -errno.EOPNOTSUPP;
  }
  listXattr(): readonly string[] | number {
    return [];
  }
  removeXattr(_name: string): number {
    return -errno.EOPNOTSUPP;
  }

  // ---- directories -------------------------------------------------------------------------------------------------

  lookup(name: string): HostInode | number {
    if (this.#type !== S_IFDIR) return -errno.ENOTDIR;
    return attempt(() => {
      const stat = fs.lstatSync(this.fs.paths.in(this, name), { bigint: true, throwIfNoEntry: false });
      return stat === undefined ? -errno.ENOENT : this.fs.inode(this, name, stat);
    });
  }

  readdir(): readonly DirectoryEntry[] | number {
    if (this.#type !== S_IFDIR) return -errno.ENOTDIR;
    return attempt(() => {
      const list: DirectoryEntry[] = [];
      const names = this.fs.paths.withFile(this, (path) => fs.readdirSync(path, { encoding: "buffer" }));
      for (const bytes of names) {
        const name = decodeName(bytes);
        // Names come without numbers: those are asked for one by one. One that went meanwhile is left out.
        const stat = fs.lstatSync(this.fs.paths.in(this, name), { bigint: true, throwIfNoEntry: false });
        if (stat !== undefined) list.push({ name, ino: Number(stat.ino), type: Number(stat.mode) & S_IFMT });
      }
      return list;
    });
  }

  /** Makes a name with `make`, then gives it the owner and the mode asked for, whatever this process's umask. */
  #make(name: string, mode: number | null, owner: Credentials, make: (path: HostPath) => void): HostInode | number {
    if (this.fs.readOnly) return -errno.EROFS;
    const made = attempt(() => {
      make(this.fs.paths.in(this, name));
      return 0;
    });
    if (typeof made === "number" && made < 0) return made;
    const inode = this.lookup(name);
    if (typeof inode === "number") return inode;
    if (this.fs.canChown && (inode.uid !== owner.uid || inode.gid !== owner.gid)) {
      const failed = inode.setAttributes({ uid: owner.uid, gid: owner.gid });
      if (failed < 0 && failed !== -errno.EPERM) return failed;
    }
    if (mode !== null && (inode.mode & 0o7777) !== mode) {
      const failed = inode.setAttributes({ mode });
      if (failed < 0) return failed;
    }
    this.refresh();
    return inode;
  }

  create(name: string, mode: number, owner: Credentials): HostInode | number {
    return this.#make(name, mode & 0o7777, owner, (path) =>
      fs.closeSync(fs.openSync(path, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW, 0o600)),
    );
  }

  mkdir(name: string, mode: number, owner: Credentials): HostInode | number {
    return this.#make(name, mode & 0o7777, owner, (path) => void fs.mkdirSync(path, 0o700));
  }

  symlink(name: string, target: string, owner: Credentials): HostInode | number {
    return this.#make(name, null, owner, (path) => fs.symlinkSync(Buffer.from(encodeName(target)), path));
  }

  /** Node has no mknod(2), and a guest must not make devices on the host. */
  mknod(_name: string, _mode: number, _rdev: number, _owner: Credentials): number {
    return -errno.EPERM;
  }

  link(name: string, target: Inode): number {
    if (this.fs.readOnly) return -errno.EROFS;
    if (!(target instanceof HostInode) || target.fs !== this.fs) return -errno.EXDEV;
    return attempt(() => {
      // link(2) does not follow a last link, so at worst another name of the same directory is linked.
      fs.linkSync(target.#ownPath(), this.fs.paths.in(this, name));
      target.refresh();
      this.refresh();
      return 0;
    });
  }

  unlink(name: string): number {
    return this.#remove(name, (path) => fs.unlinkSync(path));
  }

  rmdir(name: string): number {
    return this.#remove(name, (path) => fs.rmdirSync(path));
  }

  #remove(name: string, remove: (path: HostPath) => void): number {
    if (this.fs.readOnly) return -errno.EROFS;
    const victim = this.lookup(name);
    if (typeof victim === "number") return victim;
    return attempt(() => {
      remove(this.fs.paths.in(this, name));
      victim.#lostName(this, name);
      this.refresh();
      return 0;
    });
  }

  /** Hard links keep the file; without an open descriptor only a new walk can tell. */
  #lostName(directory: HostInode, name: string): void {
    if (this.#type === S_IFDIR || this.nlink <= 1) this.#gone = true;
    if (this.#readable !== null || this.#writable !== null) this.refresh();
    if (this.parent === directory && this.name === name) this.name = "";
  }

  rename(sourceName: string, targetDirectory: Inode, targetName: string, flags: number): number {
    if (this.fs.readOnly) return -errno.EROFS;
    if (!(targetDirectory instanceof HostInode) || targetDirectory.fs !== this.fs) return -errno.EXDEV;
    // Node has rename(2) only: what must not be replaced is looked for, an exchange is not there.
    if ((flags & ~RENAME_NOREPLACE) !== 0) return -errno.EINVAL;
    const source = this.lookup(sourceName);
    if (typeof source === "number") return source;
    const replaced = targetDirectory.lookup(targetName);
    if (typeof replaced !== "number" && flags !== 0) return -errno.EEXIST;
    return attempt(() => {
      fs.renameSync(this.fs.paths.in(this, sourceName), this.fs.paths.in(targetDirectory, targetName));
      if (typeof replaced !== "number" && replaced !== source) replaced.#lostName(targetDirectory, targetName);
      source.parent = targetDirectory;
      source.name = targetName;
      source.refresh();
      this.refresh();
      targetDirectory.refresh();
      return 0;
    });
  }

  // ---- content and opening -----------------------------------------------------------------------------------------

  get mapping(): HostContent | null {
    if (this.#type !== S_IFREG) return null;
    this.#content ??= new HostContent(this, this.fs.pool);
    return this.#content;
  }

  open(flags: number, context: OpenContext): OpenFile | number | Promise<OpenFile | number> {
    switch (this.#type) {
      case S_IFREG: {
        const ready = attempt(() => {
          const access = flags & O_ACCMODE;
          if (access !== O_WRONLY) this.readDescriptor();
          if (access !== O_RDONLY) this.writeDescriptor();
          return 0;
        });
        if (ready < 0) {
          this.#closeIfUnused();
          return ready;
        }
        return new RegularFile(this, this.mapping!, flags, context, this);
      }
      case S_IFDIR:
        return new DirectoryFile(this, flags, context.dentry);
      case S_IFCHR:
      case S_IFBLK:
      case S_IFIFO:
        return context.openSpecial(this, flags, context);
      case S_IFLNK:
        return -errno.ELOOP;
      default:
        return -errno.ENXIO;
    }
  }

  readDescriptor(): number {
    this.#readable ??= this.#openHost(O_RDONLY);
    return this.#readable;
  }

  writeDescriptor(): number {
    // A shared mapping of a file opened for both writes pages back that were read first: one descriptor may do both.
    this.#writable ??= this.#openHost(this.fs.readOnly ? O_RDONLY : O_WRONLY);
    return this.#writable;
  }

  anyDescriptor(): number {
    return this.#writable ?? this.readDescriptor();
  }

  /** For truncate(2), which needs no open file. */
  withWriteDescriptor(use: (descriptor: number) => void): void {
    use(this.writeDescriptor());
    this.#closeIfUnused();
  }

  #openHost(flags: number): number {
    return this.#withPath((path) => {
      const descriptor = fs.openSync(path, flags);
      const stat = fs.fstatSync(descriptor, { bigint: true });
      if (stat.ino === this.hostIno && stat.dev === this.hostDevice && stat.isFile()) return descriptor;
      fs.closeSync(descriptor);
      throw Object.assign(new Error("another file took its place"), { code: "ENOENT" });
    });
  }

  /** sync(2): an open file's stores and writes reach the disk. */
  syncIfOpen(): number {
    return this.#writable === null || this.#content === null ? 0 : this.#content.sync();
  }

  opened(): void {
    this.#openFiles++;
  }

  closed(): void {
    this.#openFiles--;
    this.#closeIfUnused();
  }

  #closeIfUnused(): void {
    if (this.#openFiles > 0) return;
    this.#content?.close();
    if (this.#readable !== null) fs.closeSync(this.#readable);
    if (this.#writable !== null) fs.closeSync(this.#writable);
    this.#readable = null;
    this.#writable = null;
  }
}

/** node:fs takes seconds as a double: exact to about a microsecond. */
function seconds(ns: bigint): number {
  return Number(ns / 1000n) / 1e6;
}
