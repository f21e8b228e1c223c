/** Descriptors: closing, duplicating, their flags, and locks. */
import { errno } from "../abi/errno.ts";
import {
  F,
  FD_CLOEXEC,
  LOCK,
  O_ACCMODE,
  O_APPEND,
  O_ASYNC,
  O_CLOEXEC,
  O_CREAT,
  O_DIRECT,
  O_EXCL,
  O_NOATIME,
  O_NOCTTY,
  O_NONBLOCK,
  O_PATH,
  O_RDONLY,
  O_TRUNC,
  O_WRONLY,
  SEEK_CUR,
  SEEK_END,
  SEEK_SET,
  lockType,
} from "../abi/fcntl.ts";
import { flockLayout } from "../abi/flock.ts";
import { rlimit } from "../abi/resource.ts";
import { encodeStruct, member } from "../abi/struct.ts";
import type { Maybe } from "../base/maybe.ts";
import { mapMaybe } from "../base/maybe.ts";
import { blockUntil } from "../kernel/blocking.ts";
import type { Task } from "../kernel/task.ts";
import { PipeFile, createPipe } from "../vfs/pipefs/pipe.ts";
import type { OpenFile } from "../vfs/types.ts";
import { locksOf, releaseWithFile, releaseWithTable } from "./file-locks.ts";
import type { RangeLock } from "./file-locks.ts";
import { addSeals, sealsOf } from "./memfd.ts";
import { withFile } from "./paths.ts";
import { partial, row } from "./row.ts";
import type { SyscallRow } from "./types.ts";

const close = (task: Task, fd: number): number => task.files.close(fd);

const CLOSE_RANGE = { UNSHARE: 2, CLOEXEC: 4 } as const;

function closeRange(task: Task, first: number, last: number, flags: number): number {
  if (first > last || (flags & ~(CLOSE_RANGE.UNSHARE | CLOSE_RANGE.CLOEXEC)) !== 0) return -errno.EINVAL;
  if ((flags & CLOSE_RANGE.UNSHARE) !== 0 && task.files.isShared) {
    const own = task.files.copy();
    task.files.release();
    task.files = own;
  }
  const end = Math.min(last, task.files.end - 1);
  for (let fd = first; fd <= end; fd++) {
    if ((flags & CLOSE_RANGE.CLOEXEC) === 0) task.files.close(fd);
    else task.files.setCloseOnExec(fd, true);
  }
  return 0;
}

function duplicate(task: Task, fd: number, minimum: number, closeOnExec: boolean): number {
  const file = task.file(fd);
  if (file === null) return -errno.EBADF;
  if (minimum < 0 || minimum >= task.process.limits.soft(rlimit.NOFILE)) return -errno.EINVAL;
  file.retain();
  return task.allocateFd(file, closeOnExec, minimum);
}

const dup = (task: Task, fd: number): number => duplicate(task, fd, 0, false);

function dupTo(task: Task, fd: number, target: number, closeOnExec: boolean): number {
  const file = task.file(fd);
  if (file === null || target < 0 || target >= task.process.limits.soft(rlimit.NOFILE)) return -errno.EBADF;
  file.retain();
  task.files.set(target, file, closeOnExec);
  return target;
}

function dup2(task: Task, fd: number, target: number): number {
  if (fd === target) return task.file(fd) === null ? -errno.EBADF : fd;
  return dupTo(task, fd, target, false);
}

function dup3(task: Task, fd: number, target: number, flags: number): number {
  if ((flags & ~O_CLOEXEC) !== 0 || fd === target) return -errno.EINVAL;
  return dupTo(task, fd, target, flags !== 0);
}

function pipe2(task: Task, address: number, flags: number): number {
  // Packet mode (O_DIRECT) is refused rather than ignored.
  if ((flags & ~(O_CLOEXEC | O_NONBLOCK)) !== 0) return -errno.EINVAL;
  task.user.prepareWrite(address, 8);
  const closeOnExec = (flags & O_CLOEXEC) !== 0;
  const [reader, writer] = createPipe(flags & O_NONBLOCK, task.fileCredentials, task.kernel.clock);
  const readFd = task.allocateFd(reader, closeOnExec);
  if (readFd < 0) {
    writer.release();
    return readFd;
  }
  const writeFd = task.allocateFd(writer, closeOnExec);
  if (writeFd < 0) {
    task.files.close(readFd);
    return writeFd;
  }
  task.user.writeI32(address, readFd);
  task.user.writeI32(address + 4, writeFd);
  return 0;
}

// ---- fcntl ---------------------------------------------------------------------------------------------------------

/** What F_SETFL can change. */
const settableFlags = O_APPEND | O_ASYNC | O_DIRECT | O_NOATIME | O_NONBLOCK;
/** Flags of open(2) that only the opening needed. */
const openingFlags = O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_CLOEXEC;

interface Ownership {
  owner: number;
  signal: number;
}
const owners = new WeakMap<OpenFile, Ownership>();

function fcntl(task: Task, fd: number, command: number, argument: number): Maybe<number> {
  const file = task.file(fd);
  if (file === null) return -errno.EBADF;
  if ((file.flags & O_PATH) !== 0 && ![F.DUPFD, F.DUPFD_CLOEXEC, F.GETFD, F.SETFD, F.GETFL].includes(command as 0))
    return -errno.EBADF;
  const int = argument | 0;
  switch (command) {
    case F.DUPFD:
      return duplicate(task, fd, int, false);
    case F.DUPFD_CLOEXEC:
      return duplicate(task, fd, int, true);
    case F.GETFD:
      return task.files.closesOnExec(fd) ? FD_CLOEXEC : 0;
    case F.SETFD:
      task.files.setCloseOnExec(fd, (int & FD_CLOEXEC) !== 0);
      return 0;
    case F.GETFL:
      return file.flags & ~openingFlags;
    case F.SETFL:
      file.flags = (file.flags & ~settableFlags) | (int & settableFlags);
      return 0;
    case F.GETLK:
    case F.OFD_GETLK:
      return getLock(task, file, argument, command === F.OFD_GETLK);
    case F.SETLK:
    case F.SETLKW:
      return setLock(task, file, argument, false, command === F.SETLKW);
    case F.OFD_SETLK:
    case F.OFD_SETLKW:
      return setLock(task, file, argument, true, command === F.OFD_SETLKW);
    case F.GETPIPE_SZ:
      return file instanceof PipeFile ? file.pipe.queue.capacity : -errno.EBADF;
    case F.SETPIPE_SZ:
      return file instanceof PipeFile ? file.pipe.resize(argument >>> 0, task.credentials.euid === 0) : -errno.EBADF;
    case F.ADD_SEALS:
      return addSeals(file, int);
    case F.GET_SEALS:
      return sealsOf(file) ?? -errno.EINVAL;
    case F.GETOWN:
      return owners.get(file)?.owner ?? 0;
    case F.SETOWN:
      owners.set(file, { owner: int, signal: owners.get(file)?.signal ?? 0 });
      return 0;
    case F.GETSIG:
      return owners.get(file)?.signal ?? 0;
    case F.SETSIG:
      if (int < 0 || int > 64) return -errno.EINVAL;
      owners.set(file, { owner: owners.get(file)?.owner ?? 0, signal: int });
      return 0;
    case F.GETLEASE:
      return lockType.unlock;
    default:
      return -errno.EINVAL;
  }
}

// ---- locks ---------------------------------------------------------------------------------------------------------

/** The range of a struct flock, or -errno; its start may need the file's position. */
function rangeOf(file: OpenFile, bytes: Uint8Array): Maybe<readonly [start: number, end: number] | number> {
  const offset = member(flockLayout, bytes, "l_start");
  const length = member(flockLayout, bytes, "l_len");
  const range = (base: number): readonly [number, number] | number => {
    if (base < 0) return base;
    let start = base + offset;
    let end = length === 0 ? Infinity : start + length;
    if (length < 0) [start, end] = [start + length, start];
    return start < 0 ? -errno.EINVAL : [start, end];
  };
  switch (member(flockLayout, bytes, "l_whence")) {
    case SEEK_SET:
      return range(0);
    case SEEK_CUR:
      return mapMaybe(file.seek(0, SEEK_CUR), range);
    case SEEK_END:
      return range(file.inode.size);
    default:
      return -errno.EINVAL;
  }
}

function wanted(task: Task, file: OpenFile, ofd: boolean, exclusive: boolean, start: number, end: number): RangeLock {
  return { owner: ofd ? file : task.files, pid: ofd ? -1 : task.pid, exclusive, start, end };
}

function getLock(task: Task, file: OpenFile, address: number, ofd: boolean): Maybe<number> {
  const bytes = task.user.read(address, flockLayout.size);
  task.user.prepareWrite(address, flockLayout.size);
  const type = member(flockLayout, bytes, "l_type");
  if (type !== lockType.read && type !== lockType.write) return -errno.EINVAL;
  if (ofd && member(flockLayout, bytes, "l_pid") !== 0) return -errno.EINVAL;
  return mapMaybe(rangeOf(file, bytes), (range) => {
    if (typeof range === "number") return range;
    const found = locksOf(file.inode).conflict(wanted(task, file, ofd, type === lockType.write, range[0], range[1]));
    if (found === null) {
      task.user.writeU16(address, lockType.unlock);
      return 0;
    }
    const answer = encodeStruct(flockLayout, {
      l_type: found.exclusive ? lockType.write : lockType.read,
      l_whence: SEEK_SET,
      l_start: found.start,
      l_len: found.end === Infinity ? 0 : found.end - found.start,
      l_pid: found.pid,
    });
    task.user.write(address, answer);
    return 0;
  });
}

function setLock(task: Task, file: OpenFile, address: number, ofd: boolean, wait: boolean): Maybe<number> {
  const bytes = task.user.read(address, flockLayout.size);
  const type = member(flockLayout, bytes, "l_type");
  if (ofd && member(flockLayout, bytes, "l_pid") !== 0) return -errno.EINVAL;
  return mapMaybe(rangeOf(file, bytes), (range) => {
    if (typeof range === "number") return range;
    const locks = locksOf(file.inode);
    const [start, end] = range;
    switch (type) {
      case lockType.unlock:
        locks.unlock(ofd ? file : task.files, start, end);
        return 0;
      case lockType.read:
        if ((file.flags & O_ACCMODE) === O_WRONLY) return -errno.EBADF;
        break;
      case lockType.write:
        if ((file.flags & O_ACCMODE) === O_RDONLY) return -errno.EBADF;
        break;
      default:
        return -errno.EINVAL;
    }
    if (ofd) releaseWithFile(file);
    else releaseWithTable(task.files);
    const lock = wanted(task, file, ofd, type === lockType.write, start, end);
    return blockUntil(task, [locks.waiters], () => locks.lock(lock), { nonblocking: !wait });
  });
}

function flock(task: Task, fd: number, operation: number): Maybe<number> {
  return withFile(task, fd, (file) => {
    if ((file.flags & O_PATH) !== 0) return -errno.EBADF;
    const locks = locksOf(file.inode);
    const nonblocking = (operation & LOCK.NB) !== 0;
    switch (operation & ~LOCK.NB) {
      case LOCK.UN:
        locks.unlockWhole(file);
        return 0;
      case LOCK.SH:
      case LOCK.EX: {
        const exclusive = (operation & LOCK.EX) !== 0;
        releaseWithFile(file);
        return blockUntil(task, [locks.waiters], () => locks.lockWhole(file, exclusive), { nonblocking });
      }
      default:
        return -errno.EINVAL;
    }
  });
}

export const descriptorRows: readonly SyscallRow[] = [
  row("close", close, ["fd"]),
  row("close_range", closeRange, ["uint", "uint", "uint"]),
  row("dup", dup, ["fd"]),
  row("dup2", dup2, ["fd", "fd"]),
  row("dup3", dup3, ["fd", "fd", "flags:open"]),
  row("pipe", (task: Task, address: number) => pipe2(task, address, 0), ["address"]),
  partial("pipe2", pipe2, ["address", "flags:open"], "packet mode (O_DIRECT) is EINVAL"),
  partial(
    "fcntl",
    fcntl,
    ["fd", "int", "address"],
    "no leases or directory notification; F_SETOWN is kept but SIGIO is never sent; no deadlock detection",
  ),
  row("flock", flock, ["fd", "int"]),
];
