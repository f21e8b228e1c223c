/**
 * The nouns of the virtual file system, named as in Linux (Documentation/filesystems/vfs.rst).
 *
 *     Namespace                 what one container sees: a tree of mounts
 *       Mount                   one file system at one place, with flags
 *         Dentry                a name in a directory; knows its parent, so paths can be printed
 *           Inode               the file itself: mode, owner, times, content or children
 *             PageMapping       a regular file's content as pages (Linux: address_space)
 *       OpenFile                an open file description: position, flags, readiness
 *
 * Metadata is always in memory, so walks, stats and directory reads answer at once. Only file content may still be in
 * storage: those calls return a `Maybe`, a promise only on a page-cache miss. Errors are negative errno numbers.
 */
import type { Clock } from "../base/clock.ts";
import type { Maybe } from "../base/maybe.ts";
import type { WaitQueue } from "../base/wait-queue.ts";

/** Who asks: the file system ids of the calling task. Root (uid 0) passes every check but execute on a file with no x bit. */
export interface Credentials {
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
}

/**
 * Where file pages live. Under the emulator a page is a frame of guest RAM, so that mapping a file maps the cached
 * page itself; elsewhere it is a plain array. Handles are positive; reference-counted.
 */
export interface PagePool {
  /** A zeroed page with one reference, or -ENOMEM. */
  allocate(): number;
  /** As `allocate`, but the content is whatever it was: for a caller that overwrites all of it. */
  allocateRaw(): number;
  retain(page: number): void;
  release(page: number): void;
  /** The page's 4096 bytes. The view is valid only until the next `allocate` (memory may grow and detach it). */
  bytes(page: number): Uint8Array;
  /** Must be called after bytes of a page changed other than by guest stores: cached translations of code are dropped. */
  changed(page: number): void;
  /** How many references a page has: one that only the page cache holds may be evicted. */
  references(page: number): number;
  /**
   * Registers who can give clean pages back. When `allocate` finds no room it calls each with the number of pages it
   * wants; the answer is how many were released. Returns how to unregister.
   */
  registerShrinker(shrink: (pages: number) => number): () => void;
}

/** The content of one regular file, page by page (Linux: struct address_space). */
export interface PageMapping {
  /** The cached page at `index` for reading or -errno; not retained: call `pool.retain` to keep it. Past the end: -ENXIO. */
  page(index: number): Maybe<number>;
  /** The same for writing (the page is private to this file and marked dirty; copy-up has happened), or -errno. */
  writablePage(index: number): Maybe<number>;
}

/**
 * A regular file's content: its pages, and reads and writes by byte range through them. Buffers given here must not be
 * views of the page pool's memory: a call may allocate pages, which can move that memory.
 */
export interface FileContent extends PageMapping {
  /** Bytes read (0 at or past the end) or -errno. At once when all pages are cached. */
  read(target: Uint8Array, position: number): Maybe<number>;
  /** Bytes written, growing the file as needed, or -errno (-ENOSPC, -EFBIG) when none could be. Sets mtime and ctime. */
  write(source: Uint8Array, position: number): Maybe<number>;
  /** SEEK_DATA and SEEK_HOLE of lseek(2), or -ENXIO. */
  nextData(position: number): number;
  nextHole(position: number): number;
  /** fallocate(2): `mode` 0, KEEP_SIZE, PUNCH_HOLE | KEEP_SIZE, ZERO_RANGE; others -EOPNOTSUPP. */
  allocate(mode: number, position: number, length: number): Maybe<number>;
  /** fsync(2) of this file. */
  sync(): Maybe<number>;
}

export interface Timestamps {
  /** Nanoseconds since 1970. */
  atimeNs?: bigint;
  mtimeNs?: bigint;
  ctimeNs?: bigint;
}

export interface Attributes extends Timestamps {
  /** Permission bits only (07777). */
  mode?: number;
  uid?: number;
  gid?: number;
  size?: number;
}

export interface DirectoryEntry {
  readonly name: string;
  readonly ino: number;
  /** S_IFMT bits of the mode. */
  readonly type: number;
}

/** What statfs(2) reports. */
export interface FileSystemStat {
  readonly type: number;
  readonly blockSize: number;
  readonly blocks: number;
  readonly blocksFree: number;
  readonly files: number;
  readonly filesFree: number;
}

export interface FileSystem {
  /** As /proc/mounts names it: "overlay", "tmpfs", "proc"… */
  readonly type: string;
  /** st_dev: distinct per instance. */
  readonly device: number;
  readonly root: Inode;
  readonly readOnly: boolean;
  statfs(): FileSystemStat;
  /** Everything written so far is durable once this resolves. */
  sync(): Maybe<number>;
}

/**
 * A file of any type. Directory operations return the new inode, 0, or -errno. The walk has already checked
 * permissions: an inode checks only what its file system itself forbids.
 */
export interface Inode {
  readonly fs: FileSystem;
  readonly ino: number;
  /** Type and permission bits, as st_mode. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly nlink: number;
  /** Bytes; for a directory what its file system says. */
  readonly size: number;
  /** Device number as st_rdev, for device nodes. */
  readonly rdev: number;
  readonly atimeNs: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
  /** 512-byte blocks, as st_blocks. */
  readonly blocks: number;
  /** False for directories whose children change by themselves (procfs): the dentry cache must ask each time. */
  readonly cacheable: boolean;

  // Directories
  lookup(name: string): Inode | number;
  readdir(): readonly DirectoryEntry[] | number;
  create(name: string, mode: number, owner: Credentials): Inode | number;
  mkdir(name: string, mode: number, owner: Credentials): Inode | number;
  mknod(name: string, mode: number, rdev: number, owner: Credentials): Inode | number;
  symlink(name: string, target: string, owner: Credentials): Inode | number;
  link(name: string, target: Inode): number;
  unlink(name: string): number;
  rmdir(name: string): number;
  /** O_TMPFILE: an unnamed regular file in this directory, with no links; absent where there is none. */
  createUnnamed?(mode: number, owner: Credentials): Inode | number;
  /** RENAME_NOREPLACE (1) and RENAME_EXCHANGE (2) in `flags`; `targetDirectory` is of the same file system. */
  rename(sourceName: string, targetDirectory: Inode, targetName: string, flags: number): number;

  // All
  readlink(): string | number;
  /** chmod, chown, utimensat and truncate; truncate of lower content may need a copy-up, hence Maybe. */
  setAttributes(changes: Attributes): Maybe<number>;
  getXattr(name: string): Uint8Array | number;
  setXattr(name: string, value: Uint8Array, flags: number): Maybe<number>;
  listXattr(): readonly string[] | number;
  removeXattr(name: string): Maybe<number>;

  /** Regular files: the content; null for everything else, and for files made as they are read (procfs). */
  readonly mapping: FileContent | null;
  /** Asks the host for fresh attributes, where they change by themselves. Called before stat reports them. */
  refresh?(): void;
  /** Magic links (/proc/self/fd/N, /proc/self/exe): where following leads, whatever `readlink` says; or -errno. */
  jump?(): Dentry | number;
  /**
   * An open file description for this inode. `flags` are the O_ bits of open(2). The generic implementation for
   * regular files and directories is in `vfs/file.ts`; devfs and procfs bring their own; device nodes and fifos of
   * other file systems call `context.openSpecial`.
   */
  open(flags: number, context: OpenContext): Maybe<OpenFile | number>;
}

/** What opening some files depends on: /dev/tty, /proc/self and devices that belong to the caller. */
export interface OpenContext {
  readonly credentials: Credentials;
  readonly dentry: Dentry;
  /** The controlling terminal of the caller as an open function, for /dev/tty; null when it has none. */
  openControllingTerminal(flags: number): Maybe<OpenFile | number> | null;
  /** Opens a character device, block device or fifo by `inode.rdev` or, for a fifo, by the inode itself. */
  openSpecial(inode: Inode, flags: number, context: OpenContext): Maybe<OpenFile | number>;
}

/**
 * Who makes a path call and where it starts: what Linux keeps in task_struct (cred, fs_struct). A task implements it
 * with properties that change as it calls chdir, chroot, setuid and umask.
 */
export interface Caller {
  readonly namespace: MountNamespace;
  /** Where "/" leads (chroot). */
  readonly root: Dentry;
  readonly cwd: Dentry;
  readonly credentials: Credentials;
  /** Applied to the modes of open, mkdir and mknod. */
  readonly umask: number;
  openControllingTerminal(flags: number): Maybe<OpenFile | number> | null;
}

/** What the operations need of a namespace; the class is `Namespace` in `namespace.ts`. */
export interface MountNamespace {
  /** Drivers of device nodes and fifos outside devfs: -ENXIO until the kernel sets its own. */
  openSpecial: (inode: Inode, flags: number, context: OpenContext) => Maybe<OpenFile | number>;
  readonly clock: Clock;
}

export interface Mount {
  readonly fs: FileSystem;
  readonly root: Dentry;
  /** Where it is mounted; null for the namespace's root. */
  readonly at: Dentry | null;
  /** Of this mount or its whole file system. */
  readonly readOnly: boolean;
  readonly noExec: boolean;
  readonly noSuid: boolean;
  readonly noDevices: boolean;
  /** As /proc/mounts prints: source and options. */
  readonly source: string;
  readonly options: string;
}

export interface Dentry {
  readonly name: string;
  /** Null for the root of a mount: ".." goes on from `mount.at`. */
  readonly parent: Dentry | null;
  readonly mount: Mount;
  readonly inode: Inode;
  /** The name was removed while something still held it. */
  readonly deleted: boolean;
}

/** Guest memory as a device's ioctl sees it. Both may throw the kernel's fault, which restarts or fails the call. */
export interface UserMemory {
  read(address: number, length: number): Uint8Array;
  write(address: number, bytes: Uint8Array): void;
}

/** The task that makes a call on a terminal, as far as terminals need it (session and job control, man 7 credentials). */
export interface IoctlCaller {
  readonly pid: number;
  readonly processGroup: number;
  readonly session: number;
  readonly isSessionLeader: boolean;
  /** Effective user 0: may steal a controlling terminal, send TIOCSTI… */
  readonly isPrivileged: boolean;
  /** The terminal its session is attached to, or null. Compared by identity. */
  readonly controllingTerminal: unknown;
  /** Returns 0 or -errno. */
  setControllingTerminal(terminal: unknown): number;
  clearControllingTerminal(): void;
  /** Takes the terminal from every process of the session. */
  clearSessionTerminal(session: number): void;
  /** Blocked or ignored in the calling task. */
  isSignalIgnored(signal: number): boolean;
  /** No member of the caller's process group has a parent outside the group in the same session. */
  isGroupOrphaned(): boolean;
  signalGroup(processGroup: number, signal: number): void;
  /** The session a process group belongs to, or null when there is no such group. */
  sessionOfGroup(processGroup: number): number | null;
}

/** What a session keeps of its terminal: the object given to `setControllingTerminal` implements this. */
export interface ControllingTerminal {
  /** What opening /dev/tty gives. */
  openControlling(flags: number): Maybe<OpenFile | number>;
  /** The group that Ctrl-C reaches, or 0. */
  readonly foregroundGroup: number;
  /** The session leader ended: the terminal belongs to nobody, and its foreground group gets SIGHUP and SIGCONT. */
  sessionEnded(): void;
}

/** POLLIN and friends of poll(2); the same bits as EPOLLIN and friends. */
export const poll = {
  in: 0x001,
  priority: 0x002,
  out: 0x004,
  error: 0x008,
  hangup: 0x010,
  invalid: 0x020,
  readNormal: 0x040,
  writeNormal: 0x100,
  readHangup: 0x2000,
} as const;

/**
 * An open file description (open(2)): shared by dup and fork. No method blocks: where Linux would sleep, it returns
 * -EAGAIN and the syscall layer waits on `waiters` and asks again, unless O_NONBLOCK is set. That keeps signals,
 * timeouts and restarts in one place.
 */
export interface OpenFile {
  /** Access mode and status flags (O_APPEND, O_NONBLOCK…); F_SETFL changes them. */
  flags: number;
  /** Null for files without a name (pipes made by pipe(2), sockets, epoll): they still have an inode for fstat. */
  readonly dentry: Dentry | null;
  readonly inode: Inode;
  /** Bytes read (0 at the end) or -errno. `position` null uses and moves the file's own. */
  read(target: Uint8Array, position: number | null): Maybe<number>;
  /** Bytes written or -errno; never blocks half-way: what fits is written. */
  write(source: Uint8Array, position: number | null): Maybe<number>;
  /** The new position or -errno (-ESPIPE where there is none). `whence` as lseek(2). */
  seek(offset: number, whence: number): Maybe<number>;
  /** The next entries from the position on, "." and ".." included; `position` of each is the cookie after it. */
  readdir(): readonly (DirectoryEntry & { readonly position: number })[] | number;
  ioctl(request: number, argument: number, memory: UserMemory, caller: IoctlCaller): Maybe<number>;
  /** Which of `poll`'s bits hold now. */
  poll(): number;
  /** Woken when `poll` may have changed; null for files that are always ready. */
  readonly waiters: WaitQueue | null;
  truncate(size: number): Maybe<number>;
  /** fsync(2). */
  sync(): Maybe<number>;
  /** fallocate(2); absent where there is none (-ENODEV, or -ESPIPE for pipes). */
  allocate?(mode: number, position: number, length: number): Maybe<number>;
  /** Reference count: descriptors and mappings that hold it. `release` closes at zero. */
  retain(): void;
  release(): void;
}
