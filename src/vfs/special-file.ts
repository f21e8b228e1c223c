/**
 * Base classes for what is neither a regular file nor a plain directory: pipes, sockets, devices, epoll, proc files.
 * Every method has the answer Linux gives for a file without that operation, so a subclass states only what it can do.
 */
import { errno } from "../abi/errno.ts";
import type { Maybe } from "../base/maybe.ts";
import { WaitQueue } from "../base/wait-queue.ts";
import type {
  Attributes,
  Credentials,
  Dentry,
  DirectoryEntry,
  FileSystem,
  FileSystemStat,
  Inode,
  IoctlCaller,
  OpenContext,
  OpenFile,
  FileContent,
  UserMemory,
} from "./types.ts";
import { poll } from "./types.ts";

const permissionBits = 0o7777;

export abstract class SpecialInode implements Inode {
  readonly fs: FileSystem;
  readonly ino: number;
  mode: number;
  uid: number;
  gid: number;
  nlink = 1;
  rdev = 0;
  atimeNs: bigint;
  mtimeNs: bigint;
  ctimeNs: bigint;

  constructor(fs: FileSystem, ino: number, mode: number, owner: { uid: number; gid: number }, nowNs: bigint) {
    this.fs = fs;
    this.ino = ino;
    this.mode = mode;
    this.uid = owner.uid;
    this.gid = owner.gid;
    this.atimeNs = this.mtimeNs = this.ctimeNs = nowNs;
  }

  get size(): number {
    return 0;
  }
  get blocks(): number {
    return 0;
  }
  get cacheable(): boolean {
    return true;
  }
  get mapping(): FileContent | null {
    return null;
  }
  lookup(_name: string): Inode | number {
    return -errno.ENOTDIR;
  }
  readdir(): readonly DirectoryEntry[] | number {
    return -errno.ENOTDIR;
  }
  create(_name: string, _mode: number, _owner: Credentials): Inode | number {
    return -errno.EPERM;
  }
  mkdir(_name: string, _mode: number, _owner: Credentials): Inode | number {
    return -errno.EPERM;
  }
  mknod(_name: string, _mode: number, _rdev: number, _owner: Credentials): Inode | number {
    return -errno.EPERM;
  }
  symlink(_name: string, _target: string, _owner: Credentials): Inode | number {
    return -errno.EPERM;
  }
  link(_name: string, _target: Inode): number {
    return -errno.EPERM;
  }
  unlink(_name: string): number {
    return -errno.EPERM;
  }
  rmdir(_name: string): number {
    return -errno.EPERM;
  }
  rename(_sourceName: string, _targetDirectory: Inode, _targetName: string, _flags: number): number {
    return -errno.EPERM;
  }
  readlink(): string | number {
    return -errno.EINVAL;
  }
  setAttributes(changes: Attributes): Maybe<number> {
    if (changes.mode !== undefined) this.mode = (this.mode & ~permissionBits) | (changes.mode & permissionBits);
    if (changes.uid !== undefined) this.uid = changes.uid;
    if (changes.gid !== undefined) this.gid = changes.gid;
    if (changes.atimeNs !== undefined) this.atimeNs = changes.atimeNs;
    if (changes.mtimeNs !== undefined) this.mtimeNs = changes.mtimeNs;
    if (changes.ctimeNs !== undefined) this.ctimeNs = changes.ctimeNs;
    return 0;
  }
  getXattr(_name: string): Uint8Array | number {
    return -errno.EOPNOTSUPP;
  }
  setXattr(_name: string, _value: Uint8Array, _flags: number): Maybe<number> {
    return -errno.EOPNOTSUPP;
  }
  listXattr(): readonly string[] | number {
    return [];
  }
  removeXattr(_name: string): Maybe<number> {
    return -errno.EOPNOTSUPP;
  }
  open(_flags: number, _context: OpenContext): Maybe<OpenFile | number> {
    return -errno.ENXIO;
  }
}

export abstract class SpecialFile implements OpenFile {
  flags: number;
  readonly dentry: Dentry | null;
  readonly inode: Inode;
  #references = 1;
  #closeListeners: Set<() => void> | null = null;

  constructor(inode: Inode, flags: number, dentry: Dentry | null = null) {
    this.inode = inode;
    this.flags = flags;
    this.dentry = dentry;
  }

  read(_target: Uint8Array, _position: number | null): Maybe<number> {
    return -errno.EINVAL;
  }
  write(_source: Uint8Array, _position: number | null): Maybe<number> {
    return -errno.EINVAL;
  }
  seek(_offset: number, _whence: number): Maybe<number> {
    return -errno.ESPIPE;
  }
  readdir(): readonly (DirectoryEntry & { readonly position: number })[] | number {
    return -errno.ENOTDIR;
  }
  ioctl(_request: number, _argument: number, _memory: UserMemory, _caller: IoctlCaller): Maybe<number> {
    return -errno.ENOTTY;
  }
  poll(): number {
    return poll.in | poll.readNormal | poll.out | poll.writeNormal;
  }
  get waiters(): WaitQueue | null {
    return null;
  }
  truncate(_size: number): Maybe<number> {
    return -errno.EINVAL;
  }
  sync(): Maybe<number> {
    return -errno.EINVAL;
  }
  retain(): void {
    this.#references++;
  }
  release(): void {
    if (--this.#references > 0) return;
    if (this.#closeListeners !== null) for (const listener of this.#closeListeners) listener();
    this.closed();
  }
  /** Calls back when the last reference goes: epoll forgets the file, flock unlocks it. Returns how to unregister. */
  onClose(listener: () => void): () => void {
    (this.#closeListeners ??= new Set()).add(listener);
    return () => this.#closeListeners?.delete(listener);
  }
  /** The last reference went away. */
  protected closed(): void {}
}

/** File systems that hold only nameless inodes (pipefs, sockfs, anon_inodefs): statfs and fstat work on them. */
export class NamelessFileSystem implements FileSystem {
  readonly type: string;
  readonly device: number;
  readonly readOnly = false;
  readonly #magic: number;
  #nextIno = 1;

  constructor(type: string, device: number, magic: number) {
    this.type = type;
    this.device = device;
    this.#magic = magic;
  }

  get root(): Inode {
    throw new Error(`${this.type} has no root: it is never mounted`);
  }
  nextIno(): number {
    return this.#nextIno++;
  }
  statfs(): FileSystemStat {
    return { type: this.#magic, blockSize: 4096, blocks: 0, blocksFree: 0, files: 0, filesFree: 0 };
  }
  sync(): number {
    return 0;
  }
}
