/** Opening, reading, writing and positioning files. */
import { errno } from "../abi/errno.ts";
import {
  AT_FDCWD,
  O_ACCMODE,
  O_APPEND,
  O_CLOEXEC,
  O_CREAT,
  O_LARGEFILE,
  O_NOCTTY,
  O_NONBLOCK,
  O_PATH,
  O_RDONLY,
  O_TMPFILE,
  O_TRUNC,
  O_WRONLY,
  RESOLVE,
  SEEK_CUR,
} from "../abi/fcntl.ts";
import { IN } from "../abi/inotify.ts";
import { S_IFDIR, S_IFIFO, S_IFMT, S_IFREG } from "../abi/stat.ts";
import type { Maybe } from "../base/maybe.ts";
import { mapMaybe } from "../base/maybe.ts";
import { blockUntil } from "../kernel/blocking.ts";
import type { Task } from "../kernel/task.ts";
import { TerminalFile } from "../tty/terminal-file.ts";
import { open, truncate as truncatePath } from "../vfs/operations.ts";
import { notifyFile } from "../vfs/notify.ts";
import { PipeFile } from "../vfs/pipefs/pipe.ts";
import type { OpenFile } from "../vfs/types.ts";
import { sealedAgainstSize } from "./memfd.ts";
import { dentryAt, startOf, withFile } from "./paths.ts";
import { partial, row } from "./row.ts";
import { Segments } from "./segments.ts";
import { isSeekable, raiseBrokenPipe, readFile, writeFile } from "./transfer.ts";
import type { SyscallRow } from "./types.ts";

// ---- opening -------------------------------------------------------------------------------------------------------

/** Flags of open(2) that Linux knows; others are ignored, by openat2(2) refused. */
const knownFlags = 0o37777703;

function openAt(task: Task, dirfd: number, path: string, flags: number, mode: number): Maybe<number> {
  const start = startOf(task, dirfd, path);
  if (typeof start === "number") return start;
  const opened = open(task.caller, start, path, (flags & knownFlags) | O_LARGEFILE, mode & 0o7777);
  return mapMaybe(opened, (file) => (typeof file === "number" ? file : installOpened(task, file, flags)));
}

/** What is left to do once the file is open: wait for a fifo's other end, take a terminal, find a descriptor. */
function installOpened(task: Task, file: OpenFile, flags: number): Maybe<number> {
  const closeOnExec = (flags & O_CLOEXEC) !== 0;
  if (file.dentry !== null && (flags & O_PATH) === 0) notifyFile(file.dentry, IN.OPEN);
  if (file instanceof PipeFile && file.awaitsPeer && (flags & O_NONBLOCK) === 0) {
    const joined = blockUntil(task, [file.waiters], () => (file.awaitsPeer ? -errno.EAGAIN : 0));
    return mapMaybe(joined, (failed) => {
      if (failed === 0) return task.allocateFd(file, closeOnExec);
      file.release();
      return failed;
    });
  }
  if (file instanceof TerminalFile && (flags & O_NOCTTY) === 0 && (flags & O_ACCMODE) !== O_WRONLY)
    file.terminal.acquireOnOpen(task.ioctlCaller);
  return task.allocateFd(file, closeOnExec);
}

function openat2(task: Task, dirfd: number, path: string, how: number, size: number): Maybe<number> {
  if (size < 24) return -errno.EINVAL;
  const flags = task.user.readU64(how);
  const mode = task.user.readU64(how + 8);
  const resolve = task.user.readNumber(how + 16);
  if (size > 24 && task.user.read(how + 24, Math.min(size, 4096) - 24).some((byte) => byte !== 0)) return -errno.E2BIG;
  if ((flags & ~BigInt(knownFlags)) !== 0n || (mode & ~0o7777n) !== 0n) return -errno.EINVAL;
  const bits = Number(flags);
  if (mode !== 0n && (bits & O_CREAT) === 0 && (bits & O_TMPFILE) !== O_TMPFILE) return -errno.EINVAL;
  if ((resolve & ~0x3f) !== 0) return -errno.EINVAL;
  // Restricted walks are refused rather than done unrestricted: callers fall back to walking by hand.
  if ((resolve & ~RESOLVE.CACHED) !== 0) return -errno.ENOSYS;
  return openAt(task, dirfd, path, bits, Number(mode));
}

// ---- reading and writing -------------------------------------------------------------------------------------------

function read(task: Task, fd: number, address: number, length: number): Maybe<number> {
  const file = task.file(fd);
  if (file === null) return -errno.EBADF;
  return readFile(task, file, Segments.single(address, length), null);
}

function write(task: Task, fd: number, address: number, length: number): Maybe<number> {
  const file = task.file(fd);
  if (file === null) return -errno.EBADF;
  return writeFile(task, file, Segments.single(address, length), null);
}

function positioned(file: OpenFile, offset: number): number {
  if (offset < 0) return -errno.EINVAL;
  return isSeekable(file) ? 0 : -errno.ESPIPE;
}

function pread64(task: Task, fd: number, address: number, length: number, offset: number): Maybe<number> {
  return withFile(task, fd, (file) => {
    const failed = positioned(file, offset);
    return failed < 0 ? failed : readFile(task, file, Segments.single(address, length), offset);
  });
}

function pwrite64(task: Task, fd: number, address: number, length: number, offset: number): Maybe<number> {
  return withFile(task, fd, (file) => {
    const failed = positioned(file, offset);
    return failed < 0 ? failed : writeFile(task, file, Segments.single(address, length), offset);
  });
}

function vectored(
  task: Task,
  fd: number,
  vector: number,
  count: number,
  transfer: (file: OpenFile, segments: Segments) => Maybe<number>,
): Maybe<number> {
  return withFile(task, fd, (file) => {
    const segments = Segments.vector(task.user, vector, count);
    return typeof segments === "number" ? segments : transfer(file, segments);
  });
}

const readv = (task: Task, fd: number, vector: number, count: number): Maybe<number> =>
  vectored(task, fd, vector, count, (file, segments) => readFile(task, file, segments, null));

const writev = (task: Task, fd: number, vector: number, count: number): Maybe<number> =>
  vectored(task, fd, vector, count, (file, segments) => writeFile(task, file, segments, null));

/** The kernel gets the offset in two halves, of which x86-64 needs only the first. */
const preadv = (task: Task, fd: number, vector: number, count: number, offset: number): Maybe<number> =>
  vectored(task, fd, vector, count, (file, segments) => {
    const failed = positioned(file, offset);
    return failed < 0 ? failed : readFile(task, file, segments, offset);
  });

const pwritev = (task: Task, fd: number, vector: number, count: number, offset: number): Maybe<number> =>
  vectored(task, fd, vector, count, (file, segments) => {
    const failed = positioned(file, offset);
    return failed < 0 ? failed : writeFile(task, file, segments, offset);
  });

/** RWF_HIPRI, DSYNC and SYNC ask for what we do anyway or cannot tell apart; NOWAIT and APPEND act. */
const RWF = { HIPRI: 1, DSYNC: 2, SYNC: 4, NOWAIT: 8, APPEND: 16 } as const;

function preadv2(
  task: Task,
  fd: number,
  vector: number,
  count: number,
  offset: number,
  _high: number,
  flags: number,
): Maybe<number> {
  if ((flags & ~(RWF.HIPRI | RWF.NOWAIT | RWF.DSYNC | RWF.SYNC)) !== 0) return -errno.EOPNOTSUPP;
  const nonblocking = (flags & RWF.NOWAIT) !== 0;
  if (offset === -1)
    return vectored(task, fd, vector, count, (file, segments) => readFile(task, file, segments, null, { nonblocking }));
  return preadv(task, fd, vector, count, offset);
}

function pwritev2(
  task: Task,
  fd: number,
  vector: number,
  count: number,
  offset: number,
  _high: number,
  flags: number,
): Maybe<number> {
  if ((flags & ~(RWF.HIPRI | RWF.NOWAIT | RWF.DSYNC | RWF.SYNC)) !== 0) return -errno.EOPNOTSUPP;
  const nonblocking = (flags & RWF.NOWAIT) !== 0;
  const sync = (flags & (RWF.DSYNC | RWF.SYNC)) !== 0;
  return vectored(task, fd, vector, count, (file, segments) => {
    if (offset !== -1) {
      const failed = positioned(file, offset);
      if (failed < 0) return failed;
    }
    const written = writeFile(task, file, segments, offset === -1 ? null : offset, { nonblocking });
    if (!sync) return written;
    return mapMaybe(written, (bytes) => (bytes < 0 ? bytes : mapMaybe(file.sync(), () => bytes)));
  });
}

const lseek = (task: Task, fd: number, offset: number, whence: number): Maybe<number> =>
  withFile(task, fd, (file) => file.seek(offset, whence));

// ---- size and durability -------------------------------------------------------------------------------------------

function truncate(task: Task, path: string, size: number): Maybe<number> {
  if (size < 0) return -errno.EINVAL;
  const target = dentryAt(task, AT_FDCWD, path, true);
  return typeof target === "number" ? target : truncatePath(task.caller, target, size);
}

const ftruncate = (task: Task, fd: number, size: number): Maybe<number> =>
  withFile(task, fd, (file) => {
    if (size < 0) return -errno.EINVAL;
    const sealed = sealedAgainstSize(file, size);
    return sealed < 0 ? sealed : file.truncate(size);
  });

function fallocate(task: Task, fd: number, mode: number, offset: number, length: number): Maybe<number> {
  return withFile(task, fd, (file) => {
    if (offset < 0 || length <= 0) return -errno.EINVAL;
    if ((file.flags & O_ACCMODE) === O_RDONLY || (file.flags & O_PATH) !== 0) return -errno.EBADF;
    const type = file.inode.mode & S_IFMT;
    if (type === S_IFIFO) return -errno.ESPIPE;
    if (type === S_IFDIR) return -errno.EISDIR;
    if (type !== S_IFREG || file.allocate === undefined) return -errno.ENODEV;
    return file.allocate(mode, offset, length);
  });
}

const fsync = (task: Task, fd: number): Maybe<number> => withFile(task, fd, (file) => file.sync());

/** Durability is not what sync waits for when a file system only lives in memory: each answers for itself. */
async function sync(task: Task): Promise<number> {
  await Promise.all(task.fs.namespace.fileSystems.map((fs) => fs.sync()));
  return 0;
}

const syncfs = (task: Task, fd: number): Maybe<number> => withFile(task, fd, (file) => file.inode.fs.sync());

/** Advice: pages come when they are read, and go when room is needed. */
function fadvise64(task: Task, fd: number, _offset: number, length: number, advice: number): number {
  return withFile(task, fd, (file) => {
    if ((file.inode.mode & S_IFMT) === S_IFIFO) return -errno.ESPIPE;
    return length < 0 || advice < 0 || advice > 5 ? -errno.EINVAL : 0;
  });
}

const readahead = (task: Task, fd: number): number =>
  withFile(task, fd, (file) => (file.inode.mapping === null ? -errno.EINVAL : 0));

const syncFileRange = (task: Task, fd: number, offset: number, length: number): Maybe<number> =>
  withFile(task, fd, (file) => {
    if (offset < 0 || length < 0) return -errno.EINVAL;
    return (file.inode.mode & S_IFMT) === S_IFIFO ? -errno.ESPIPE : file.sync();
  });

// ---- from file to file ---------------------------------------------------------------------------------------------

/** Bytes moved inside the kernel in one piece. */
const copyBytes = 65536;

/**
 * Moves up to `length` bytes from one file to another: sendfile, splice and copy_file_range. Positions that are given
 * are used instead of the files' own. What was read but could not be written is put back by position.
 */
async function copyBetween(
  task: Task,
  source: OpenFile,
  sourcePosition: number | null,
  target: OpenFile,
  targetPosition: number | null,
  length: number,
  nonblocking: boolean,
): Promise<number> {
  let done = 0;
  const buffer = new Uint8Array(Math.min(length, copyBytes));
  while (done < length) {
    const piece = buffer.subarray(0, Math.min(buffer.length, length - done));
    // A pipe cannot take back what was read: make sure there is room on the other side first.
    const writable = await blockUntil(task, [target.waiters], () => (canWrite(target) ? 0 : -errno.EAGAIN), {
      nonblocking: nonblocking || (target.flags & O_NONBLOCK) !== 0,
    });
    if (writable < 0) return done > 0 ? done : writable;
    const count = await blockUntil(
      task,
      [source.waiters],
      () => source.read(piece, sourcePosition === null ? null : sourcePosition + done),
      { nonblocking: done > 0 || nonblocking || (source.flags & O_NONBLOCK) !== 0 },
    );
    if (count <= 0) return done > 0 ? done : count;
    for (let written = 0; written < count;) {
      const part = await blockUntil(
        task,
        [target.waiters],
        () =>
          target.write(
            piece.subarray(written, count),
            targetPosition === null ? null : targetPosition + done + written,
          ),
        { nonblocking: nonblocking || (target.flags & O_NONBLOCK) !== 0 },
      );
      if (part < 0) {
        if (part === -errno.EPIPE) raiseBrokenPipe(task);
        const lost = count - written;
        if (sourcePosition === null && source.waiters === null) await source.seek(-lost, SEEK_CUR);
        return done + written > 0 ? done + written : part;
      }
      written += part;
    }
    done += count;
    if (source.waiters !== null) break;
  }
  return done;
}

function canWrite(file: OpenFile): boolean {
  return file.waiters === null || (file.poll() & (0x4 | 0x8 | 0x10)) !== 0;
}

/** An offset in guest memory that is used instead of a file's position and moved: null when `address` is 0. */
function offsetAt(task: Task, address: number): number | null {
  return address === 0 ? null : task.user.readLong(address);
}

function moveOffset(task: Task, address: number, offset: number | null, moved: number): void {
  if (offset !== null && moved > 0) task.user.writeNumber(address, offset + moved);
}

function sendfile(task: Task, out: number, input: number, offsetAddress: number, count: number): Maybe<number> {
  const source = task.file(input);
  const target = task.file(out);
  if (source === null || target === null) return -errno.EBADF;
  if ((source.flags & O_ACCMODE) === O_WRONLY || (target.flags & O_ACCMODE) === O_RDONLY) return -errno.EBADF;
  if (source.waiters !== null && source.inode.mapping === null && !(source instanceof PipeFile)) return -errno.EINVAL;
  if ((target.flags & O_APPEND) !== 0) return -errno.EINVAL;
  const offset = offsetAt(task, offsetAddress);
  if (offset !== null && offset < 0) return -errno.EINVAL;
  if (offset !== null && !isSeekable(source)) return -errno.ESPIPE;
  if (offset !== null) task.user.prepareWrite(offsetAddress, 8);
  return copyBetween(task, source, offset, target, null, Math.min(count, 0x7ffff000), false).then((moved) => {
    moveOffset(task, offsetAddress, offset, moved);
    return moved;
  });
}

const SPLICE_F = { MOVE: 1, NONBLOCK: 2, MORE: 4, GIFT: 8 } as const;

function splice(
  task: Task,
  input: number,
  inputOffset: number,
  out: number,
  outOffset: number,
  length: number,
  flags: number,
): Maybe<number> {
  const source = task.file(input);
  const target = task.file(out);
  if (source === null || target === null) return -errno.EBADF;
  if ((flags & ~15) !== 0) return -errno.EINVAL;
  if (length === 0) return 0;
  const fromPipe = source instanceof PipeFile;
  const toPipe = target instanceof PipeFile;
  if (!fromPipe && !toPipe) return -errno.EINVAL;
  if ((fromPipe && inputOffset !== 0) || (toPipe && outOffset !== 0)) return -errno.ESPIPE;
  if (fromPipe && toPipe && source.pipe === target.pipe) return -errno.EINVAL;
  if ((source.flags & O_ACCMODE) === O_WRONLY || (target.flags & O_ACCMODE) === O_RDONLY) return -errno.EBADF;
  if (!toPipe && (target.flags & O_APPEND) !== 0) return -errno.EINVAL;
  const from = offsetAt(task, inputOffset);
  const to = offsetAt(task, outOffset);
  if ((from ?? 0) < 0 || (to ?? 0) < 0) return -errno.EINVAL;
  if (from !== null) task.user.prepareWrite(inputOffset, 8);
  if (to !== null) task.user.prepareWrite(outOffset, 8);
  // One pipe's worth at a time, as Linux does: the caller loops.
  const amount = Math.min(length, copyBytes);
  return copyBetween(task, source, from, target, to, amount, (flags & SPLICE_F.NONBLOCK) !== 0).then((moved) => {
    moveOffset(task, inputOffset, from, moved);
    moveOffset(task, outOffset, to, moved);
    return moved;
  });
}

function tee(task: Task, input: number, out: number, length: number, flags: number): Maybe<number> {
  const source = task.file(input);
  const target = task.file(out);
  if (source === null || target === null) return -errno.EBADF;
  if (!(source instanceof PipeFile) || !(target instanceof PipeFile) || source.pipe === target.pipe)
    return -errno.EINVAL;
  if (length === 0) return 0;
  const nonblocking = (flags & SPLICE_F.NONBLOCK) !== 0;
  return blockUntil(
    task,
    [source.waiters, target.waiters],
    () => {
      if (source.pipe.queue.length === 0) return source.pipe.writers === 0 ? 0 : -errno.EAGAIN;
      const bytes = new Uint8Array(Math.min(length, source.pipe.queue.length, target.pipe.queue.room));
      if (bytes.length === 0) return target.pipe.readers === 0 ? -errno.EPIPE : -errno.EAGAIN;
      source.pipe.queue.peek(bytes);
      return target.write(bytes, null);
    },
    { nonblocking },
  );
}

function copyFileRange(
  task: Task,
  input: number,
  inputOffset: number,
  out: number,
  outOffset: number,
  length: number,
  flags: number,
): Maybe<number> {
  const source = task.file(input);
  const target = task.file(out);
  if (source === null || target === null) return -errno.EBADF;
  if (flags !== 0) return -errno.EINVAL;
  for (const file of [source, target]) {
    const type = file.inode.mode & S_IFMT;
    if (type === S_IFDIR) return -errno.EISDIR;
    if (type !== S_IFREG) return -errno.EINVAL;
  }
  if ((source.flags & O_ACCMODE) === O_WRONLY || (target.flags & O_ACCMODE) === O_RDONLY) return -errno.EBADF;
  if ((target.flags & O_APPEND) !== 0) return -errno.EBADF;
  // Files made as they are read have no size to copy by: Linux refuses too, and callers fall back to read.
  if (source.inode.mapping === null) return -errno.EINVAL;
  if (source.inode.fs !== target.inode.fs) return -errno.EXDEV;
  const from = offsetAt(task, inputOffset);
  const to = offsetAt(task, outOffset);
  if ((from ?? 0) < 0 || (to ?? 0) < 0) return -errno.EINVAL;
  if (from !== null) task.user.prepareWrite(inputOffset, 8);
  if (to !== null) task.user.prepareWrite(outOffset, 8);
  return overlapping(source, from, target, to, length).then((overlaps) => {
    if (overlaps) return -errno.EINVAL;
    return copyBetween(task, source, from, target, to, Math.min(length, 0x7ffff000), false).then((moved) => {
      moveOffset(task, inputOffset, from, moved);
      moveOffset(task, outOffset, to, moved);
      return moved;
    });
  });
}

async function overlapping(
  source: OpenFile,
  from: number | null,
  target: OpenFile,
  to: number | null,
  length: number,
): Promise<boolean> {
  if (source.inode !== target.inode) return false;
  const start = from ?? (await source.seek(0, SEEK_CUR));
  const end = to ?? (await target.seek(0, SEEK_CUR));
  return start < end + length && end < start + length;
}

// ---- rows ----------------------------------------------------------------------------------------------------------

export const fileRows: readonly SyscallRow[] = [
  row("open", (task: Task, path: string, flags: number, mode: number) => openAt(task, AT_FDCWD, path, flags, mode), [
    "path",
    "flags:open",
    "uint",
  ]),
  row("openat", openAt, ["fd", "path", "flags:open", "uint"]),
  partial("openat2", openat2, ["fd", "path", "address", "address"], "RESOLVE_ flags other than CACHED are ENOSYS"),
  row(
    "creat",
    (task: Task, path: string, mode: number) => openAt(task, AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode),
    ["path", "uint"],
  ),
  row("read", read, ["fd", "buffer", "address"]),
  row("write", write, ["fd", "buffer", "address"]),
  row("pread64", pread64, ["fd", "buffer", "address", "long"]),
  row("pwrite64", pwrite64, ["fd", "buffer", "address", "long"]),
  row("readv", readv, ["fd", "address", "int"]),
  row("writev", writev, ["fd", "address", "int"]),
  row("preadv", preadv, ["fd", "address", "int", "long"]),
  row("pwritev", pwritev, ["fd", "address", "int", "long"]),
  partial(
    "preadv2",
    preadv2,
    ["fd", "address", "int", "long", "long", "int"],
    "RWF_NOWAIT does not stop reads from storage",
  ),
  partial("pwritev2", pwritev2, ["fd", "address", "int", "long", "long", "int"], "RWF_APPEND is EOPNOTSUPP"),
  row("lseek", lseek, ["fd", "long", "flags:whence"]),
  row("truncate", truncate, ["path", "long"]),
  row("ftruncate", ftruncate, ["fd", "long"]),
  row("fallocate", fallocate, ["fd", "int", "long", "long"]),
  row("fsync", fsync, ["fd"]),
  row("fdatasync", fsync, ["fd"]),
  row("sync", sync, []),
  row("syncfs", syncfs, ["fd"]),
  row("fadvise64", fadvise64, ["fd", "long", "long", "int"]),
  row("readahead", readahead, ["fd", "long", "address"]),
  row("sync_file_range", syncFileRange, ["fd", "long", "long", "uint"]),
  row("sendfile", sendfile, ["fd", "fd", "address", "address"]),
  row("splice", splice, ["fd", "address", "fd", "address", "address", "uint"]),
  row("tee", tee, ["fd", "fd", "address", "uint"]),
  row("copy_file_range", copyFileRange, ["fd", "address", "fd", "address", "address", "uint"]),
];
