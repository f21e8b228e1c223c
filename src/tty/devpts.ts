/** devpts: /dev/pts, whose entries are the container's terminals, and the ptmx that makes new ones (man 4 pts). */
import { errno } from "../abi/errno.ts";
import { S_IFCHR, S_IFDIR, makeDevice } from "../abi/stat.ts";
import type { Clock } from "../base/clock.ts";
import { anonymousDevice } from "../vfs/anonymous-device.ts";
import { DirectoryFile } from "../vfs/file.ts";
import { SpecialInode } from "../vfs/special-file.ts";
import type { DirectoryEntry, FileSystem, FileSystemStat, Inode, OpenContext, OpenFile } from "../vfs/types.ts";
import { MasterFile } from "./master-file.ts";
import type { Pty, PtyTable } from "./pty.ts";
import { TerminalFile } from "./terminal-file.ts";
import { ttyGroup } from "./terminal.ts";

const DEVPTS_SUPER_MAGIC = 0x1cd1;
const root = { uid: 0, gid: 0 };
/** Linux numbers them so: the directory, ptmx, then terminal N at N + 3. */
const inodeNumber = { root: 1, ptmx: 2, first: 3 } as const;

export class DevPts implements FileSystem {
  readonly type = "devpts";
  readonly device = anonymousDevice();
  readonly readOnly = false;
  readonly root: Inode;
  readonly ptys: PtyTable;
  readonly clock: Clock;

  constructor(ptys: PtyTable, clock: Clock) {
    this.ptys = ptys;
    this.clock = clock;
    this.root = new PtsDirectory(this);
  }

  statfs(): FileSystemStat {
    return { type: DEVPTS_SUPER_MAGIC, blockSize: 4096, blocks: 0, blocksFree: 0, files: 0, filesFree: 0 };
  }

  sync(): number {
    return 0;
  }
}

class PtsDirectory extends SpecialInode {
  declare readonly fs: DevPts;
  readonly #ptmx: PtmxInode;
  readonly #slaves = new WeakMap<Pty, SlaveInode>();

  constructor(fs: DevPts) {
    super(fs, inodeNumber.root, S_IFDIR | 0o755, root, fs.clock.realtimeNs());
    this.nlink = 2;
    this.#ptmx = new PtmxInode(fs);
  }

  override get cacheable(): boolean {
    return false;
  }

  override lookup(name: string): Inode | number {
    if (name === "ptmx") return this.#ptmx;
    if (!/^(0|[1-9]\d*)$/.test(name)) return -errno.ENOENT;
    const pty = this.fs.ptys.get(Number(name));
    if (pty === null) return -errno.ENOENT;
    let inode = this.#slaves.get(pty);
    if (inode === undefined) {
      inode = new SlaveInode(this.fs, pty);
      this.#slaves.set(pty, inode);
    }
    return inode;
  }

  override readdir(): readonly DirectoryEntry[] {
    const entries: DirectoryEntry[] = [{ name: "ptmx", ino: inodeNumber.ptmx, type: S_IFCHR }];
    for (const pty of this.fs.ptys)
      entries.push({ name: `${pty.index}`, ino: inodeNumber.first + pty.index, type: S_IFCHR });
    return entries;
  }

  override open(flags: number, context: OpenContext): OpenFile {
    return new DirectoryFile(this, flags, context.dentry);
  }
}

class PtmxInode extends SpecialInode {
  declare readonly fs: DevPts;

  constructor(fs: DevPts) {
    super(fs, inodeNumber.ptmx, S_IFCHR | 0o666, root, fs.clock.realtimeNs());
    this.rdev = makeDevice(5, 2);
  }

  override open(flags: number, context: OpenContext): OpenFile | number {
    return openMaster(this.fs.ptys, this, flags, context);
  }
}

/** A new pty; its slave belongs to who opened the master. */
export function openMaster(ptys: PtyTable, inode: Inode, flags: number, context: OpenContext): MasterFile | number {
  const pty = ptys.create();
  if (typeof pty === "number") return pty;
  pty.owner = context.credentials.uid;
  return new MasterFile(pty, inode, flags, context.dentry);
}

class SlaveInode extends SpecialInode {
  readonly #pty: Pty;

  constructor(fs: DevPts, pty: Pty) {
    super(fs, inodeNumber.first + pty.index, S_IFCHR | 0o620, { uid: pty.owner, gid: ttyGroup }, fs.clock.realtimeNs());
    this.rdev = pty.terminal.rdev;
    this.#pty = pty;
  }

  override open(flags: number, context: OpenContext): OpenFile | number {
    if (this.#pty.locked) return -errno.EIO;
    return TerminalFile.open(this.#pty.terminal, this, flags, context.dentry);
  }
}
