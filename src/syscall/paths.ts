/** Where paths of system calls begin, and what they name: the dirfd rules of the *at calls (man 2 openat). */
import { errno } from "../abi/errno.ts";
import { AT_EMPTY_PATH, AT_FDCWD, AT_SYMLINK_NOFOLLOW } from "../abi/fcntl.ts";
import type { Task } from "../kernel/task.ts";
import { lookup, targetOf } from "../vfs/operations.ts";
import type { Target } from "../vfs/operations.ts";
import type { Dentry, OpenFile } from "../vfs/types.ts";

/** The dentry a relative `path` begins at; an absolute one ignores `dirfd`, valid or not. */
export function startOf(task: Task, dirfd: number, path: string): Dentry | number {
  if (dirfd === AT_FDCWD || path.charCodeAt(0) === 0x2f) return task.caller.cwd;
  const file = task.file(dirfd);
  if (file === null) return -errno.EBADF;
  return file.dentry ?? -errno.ENOTDIR;
}

/** The dentry at `path`, or -errno. */
export function dentryAt(task: Task, dirfd: number, path: string, follow: boolean): Dentry | number {
  const start = startOf(task, dirfd, path);
  return typeof start === "number" ? start : lookup(task.caller, start, path, follow);
}

/** What the *at calls with AT_EMPTY_PATH and AT_SYMLINK_NOFOLLOW act on. */
export function targetAt(task: Task, dirfd: number, path: string, flags: number): Target | number {
  if (path === "" && (flags & AT_EMPTY_PATH) !== 0) {
    if (dirfd === AT_FDCWD) return task.caller.cwd;
    return targetOfFd(task, dirfd);
  }
  return dentryAt(task, dirfd, path, (flags & AT_SYMLINK_NOFOLLOW) === 0);
}

export function targetOfFd(task: Task, fd: number): Target | number {
  const file = task.file(fd);
  return file === null ? -errno.EBADF : targetOf(file);
}

/** The open file at `fd` with `use`, or -EBADF. */
export function withFile<T>(task: Task, fd: number, use: (file: OpenFile) => T): T | number {
  const file = task.file(fd);
  return file === null ? -errno.EBADF : use(file);
}
