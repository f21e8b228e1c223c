/** /proc/PID and /proc/PID/task/TID (man 5 proc). */
import { errno } from "../../abi/errno.ts";
import { O_ACCMODE, O_APPEND, O_CLOEXEC, O_RDONLY, O_WRONLY, SEEK_CUR } from "../../abi/fcntl.ts";
import { S_IFDIR, S_IFLNK, S_IFMT, S_IFREG } from "../../abi/stat.ts";
import { pathOf } from "../dentry.ts";
import type { Dentry, DirectoryEntry, Inode, OpenFile } from "../types.ts";
import { netDeviceText, routeText } from "./system-text.ts";
import { GeneratedDirectory, LinkInode, MagicLinkInode, StaticDirectory, TextInode, rootOwner } from "./nodes.ts";
import type { GeneratedFileSystem, Owner, TextSource } from "./nodes.ts";
import type { ProcSource, ProcTask } from "./source.ts";
import {
  cmdlineBytes,
  commText,
  environBytes,
  limitsText,
  mapsText,
  setComm,
  statText,
  statmText,
  statusText,
} from "./task-text.ts";

type Maker = (directory: TaskDirectory) => Inode;

function text(mode: number, read: (task: ProcTask, source: ProcSource) => string | Uint8Array): Maker {
  return ({ fs, task, source, owner }) => new TextInode(fs, mode, owner, () => read(task, source));
}

function place(find: (task: ProcTask) => Dentry | null): Maker {
  return ({ fs, task, owner }) => {
    const found = (): Dentry | number => find(task) ?? -errno.ENOENT;
    const target = (): string | number => {
      const dentry = found();
      return typeof dentry === "number" ? dentry : pathOf(dentry, task.root ?? dentry);
    };
    return new MagicLinkInode(fs, owner, 0o777, target, found);
  };
}

/** A number that programs may change within bounds. */
function score(read: (task: ProcTask) => number, write: (task: ProcTask, value: number) => void): Maker {
  return ({ fs, task, owner }) =>
    new TextInode(
      fs,
      0o644,
      owner,
      () => `${read(task)}\n`,
      (written) => {
        const value = Number(written.trim());
        if (!Number.isInteger(value) || value < -1000 || value > 1000) return -errno.EINVAL;
        write(task, value);
        return 0;
      },
    );
}

const entries: Readonly<Record<string, Maker>> = {
  task: (directory) => new ThreadsDirectory(directory),
  fd: (directory) => new DescriptorDirectory(directory),
  fdinfo: (directory) => new DescriptorInfoDirectory(directory),
  environ: text(0o400, environBytes),
  auxv: text(0o400, (task) => task.memory?.auxv ?? new Uint8Array(0)),
  status: text(0o444, statusText),
  limits: text(0o444, limitsText),
  comm: ({ fs, task, owner }) =>
    new TextInode(
      fs,
      0o644,
      owner,
      () => commText(task),
      (written) => setComm(task, written),
    ),
  cmdline: text(0o444, cmdlineBytes),
  stat: text(0o444, statText),
  statm: text(0o444, statmText),
  maps: text(0o444, mapsText),
  cwd: place((task) => task.cwd),
  root: place((task) => task.root),
  exe: place((task) => task.executable),
  mounts: text(0o444, (task) => task.mounts()),
  mountinfo: text(0o444, (task) => task.mountinfo()),
  cgroup: text(0o444, () => "0::/\n"),
  uid_map: text(0o644, () => "         0          0 4294967295\n"),
  gid_map: text(0o644, () => "         0          0 4294967295\n"),
  setgroups: text(0o644, () => "allow\n"),
  // No login session was ever set: (uid_t) -1.
  loginuid: text(0o644, () => "4294967295"),
  sessionid: text(0o444, () => "4294967295"),
  oom_score: text(0o444, () => "0\n"),
  oom_score_adj: score(
    (task) => task.oomScoreAdjustment,
    (task, value) => {
      task.oomScoreAdjustment = value;
    },
  ),
  net: ({ fs }) =>
    new StaticDirectory(fs, 0o555, rootOwner, {
      dev: new TextInode(fs, 0o444, rootOwner, netDeviceText),
      route: new TextInode(fs, 0o444, rootOwner, () => routeText),
    }),
  wchan: text(0o444, () => "0"),
};

export class TaskDirectory extends GeneratedDirectory {
  readonly source: ProcSource;
  readonly task: ProcTask;
  readonly #isThread: boolean;
  readonly #made = new Map<string, Inode>();

  constructor(fs: GeneratedFileSystem, source: ProcSource, task: ProcTask, isThread: boolean) {
    super(fs, 0o555, ownerOf(task));
    this.source = source;
    this.task = task;
    this.#isThread = isThread;
  }

  /** Set-user-ID programs may change it between two looks. */
  refresh(): void {
    const { uid, gid } = ownerOf(this.task);
    this.uid = uid;
    this.gid = gid;
  }

  get owner(): Owner {
    return ownerOf(this.task);
  }

  #names(): string[] {
    return Object.keys(entries).filter((name) => name !== "task" || !this.#isThread);
  }

  override lookup(name: string): Inode | number {
    if (this.source.task(this.task.tid) !== this.task) return -errno.ENOENT;
    const made = this.#made.get(name);
    if (made !== undefined) return made;
    const make = Object.hasOwn(entries, name) ? entries[name] : undefined;
    if (make === undefined || (name === "task" && this.#isThread)) return -errno.ENOENT;
    const inode = make(this);
    this.#made.set(name, inode);
    return inode;
  }

  override readdir(): readonly DirectoryEntry[] | number {
    if (this.source.task(this.task.tid) !== this.task) return -errno.ENOENT;
    const found: DirectoryEntry[] = [];
    for (const name of this.#names()) {
      const inode = this.lookup(name);
      if (typeof inode !== "number") found.push({ name, ino: inode.ino, type: inode.mode & S_IFMT });
    }
    return found;
  }
}

function ownerOf(task: ProcTask): Owner {
  return { uid: task.users.effective, gid: task.groups.effective };
}

class ThreadsDirectory extends GeneratedDirectory {
  readonly #process: TaskDirectory;
  readonly #threads = new WeakMap<ProcTask, TaskDirectory>();

  constructor(process: TaskDirectory) {
    super(process.fs, 0o555, process.owner);
    this.#process = process;
  }

  override lookup(name: string): Inode | number {
    const tid = numberOf(name);
    const { source, task } = this.#process;
    if (tid === null || !task.threads().includes(tid)) return -errno.ENOENT;
    const thread = source.task(tid);
    if (thread === null) return -errno.ENOENT;
    let directory = this.#threads.get(thread);
    if (directory === undefined) {
      directory = new TaskDirectory(this.fs, source, thread, true);
      this.#threads.set(thread, directory);
    }
    return directory;
  }

  override readdir(): readonly DirectoryEntry[] {
    return this.#process.task.threads().map((tid) => ({ name: `${tid}`, ino: this.ino + tid, type: S_IFDIR }));
  }
}

/** Decimal without leading zeros, as procfs names things by number. */
export function numberOf(name: string): number | null {
  return /^(0|[1-9]\d{0,9})$/.test(name) ? Number(name) : null;
}

abstract class ByDescriptor extends GeneratedDirectory {
  protected readonly process: TaskDirectory;
  readonly #made = new WeakMap<OpenFile, Map<number, Inode>>();

  constructor(process: TaskDirectory, mode: number) {
    super(process.fs, mode, process.owner);
    this.process = process;
  }

  protected abstract make(fd: number, file: OpenFile): Inode;
  protected abstract readonly entryType: number;

  override lookup(name: string): Inode | number {
    const fd = numberOf(name);
    const file = fd === null ? null : this.process.task.descriptor(fd);
    if (fd === null || file === null) return -errno.ENOENT;
    let byFd = this.#made.get(file);
    if (byFd === undefined) this.#made.set(file, (byFd = new Map()));
    let inode = byFd.get(fd);
    if (inode === undefined) byFd.set(fd, (inode = this.make(fd, file)));
    return inode;
  }

  override readdir(): readonly DirectoryEntry[] {
    return Array.from(this.process.task.descriptors(), ([fd]) => ({
      name: `${fd}`,
      ino: this.ino + fd + 1,
      type: this.entryType,
    }));
  }
}

class DescriptorDirectory extends ByDescriptor {
  protected readonly entryType = S_IFLNK;

  constructor(process: TaskDirectory) {
    super(process, 0o500);
  }

  protected make(_fd: number, file: OpenFile): Inode {
    const { fs, task, owner } = this.process;
    const access = file.flags & O_ACCMODE;
    // The link's mode says how the file is open.
    const mode = (access === O_WRONLY ? 0 : 0o500) | (access === O_RDONLY ? 0 : 0o300);
    if (file.dentry === null) return new LinkInode(fs, owner, () => `anon_inode:[${file.inode.ino}]`);
    const dentry = file.dentry;
    return new MagicLinkInode(
      fs,
      owner,
      mode,
      () => pathOf(dentry, task.root ?? dentry),
      () => dentry,
    );
  }
}

class DescriptorInfoDirectory extends ByDescriptor {
  protected readonly entryType = S_IFREG;

  constructor(process: TaskDirectory) {
    super(process, 0o555);
  }

  protected make(fd: number, file: OpenFile): Inode {
    const { fs, task, owner } = this.process;
    const read: TextSource = () => {
      const flags = (file.flags & ~O_CLOEXEC) | (task.closesOnExec(fd) ? O_CLOEXEC : 0);
      // The mount is not numbered here: 0, as for files outside every mount.
      return `pos:\t${positionOf(file)}\nflags:\t0${flags.toString(8)}\nmnt_id:\t0\nino:\t${file.inode.ino}\n`;
    };
    return new TextInode(fs, 0o400, owner, read);
  }
}

function positionOf(file: OpenFile): number {
  if ((file.inode.mode & S_IFMT) !== S_IFREG || (file.flags & O_APPEND) !== 0) return 0;
  const position = file.seek(0, SEEK_CUR);
  return typeof position === "number" && position > 0 ? position : 0;
}
