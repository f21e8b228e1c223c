/** Directories and names: listing, making, removing, renaming, linking; where a task stands; mounts. */
import { errno } from "../abi/errno.ts";
import { dirent, dirent64 } from "../abi/dirent.ts";
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_REMOVEDIR,
  AT_SYMLINK_FOLLOW,
  O_PATH,
  RENAME_EXCHANGE,
  RENAME_NOREPLACE,
  RENAME_WHITEOUT,
  SEEK_SET,
} from "../abi/fcntl.ts";
import { encodeName } from "../base/bytes.ts";
import { capability } from "../kernel/credentials.ts";
import type { Task } from "../kernel/task.ts";
import {
  MAY_EXEC,
  currentDirectory,
  link,
  linkDentry,
  mkdir,
  mknod,
  permission,
  readlink,
  readlinkDentry,
  rename,
  rmdir,
  symlink,
  unlink,
} from "../vfs/operations.ts";
import type { Dentry } from "../vfs/types.ts";
import { S_IFDIR, S_IFMT } from "../abi/stat.ts";
import { dentryAt, startOf } from "./paths.ts";
import { row } from "./row.ts";
import type { SyscallRow } from "./types.ts";

// ---- listing -------------------------------------------------------------------------------------------------------

/** One entry's bytes. `position` is the cookie after it; `type` the S_IFMT bits. */
type Layout = (name: Uint8Array, ino: number, position: number, type: number) => Uint8Array;

function header(length: number, nameAt: number, ino: number, position: number, name: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(Math.ceil(length / 8) * 8);
  const view = new DataView(bytes.buffer);
  view.setUint32(dirent64.d_ino, ino >>> 0, true);
  view.setUint32(dirent64.d_ino + 4, Math.floor(ino / 2 ** 32), true);
  view.setUint32(dirent64.d_off, position, true);
  view.setUint16(dirent64.d_reclen, bytes.length, true);
  bytes.set(name, nameAt);
  return bytes;
}

const layout64: Layout = (name, ino, position, type) => {
  const bytes = header(dirent64.d_name + name.length + 1, dirent64.d_name, ino, position, name);
  bytes[dirent64.d_type] = type >>> 12;
  return bytes;
};

const layoutOld: Layout = (name, ino, position, type) => {
  const bytes = header(dirent.d_name + name.length + 2, dirent.d_name, ino, position, name);
  bytes[bytes.length - 1] = type >>> 12;
  return bytes;
};

function listInto(task: Task, fd: number, address: number, size: number, layout: Layout): number {
  const file = task.file(fd);
  if (file === null || (file.flags & O_PATH) !== 0) return -errno.EBADF;
  if ((file.inode.mode & S_IFMT) !== S_IFDIR) return -errno.ENOTDIR;
  const entries = file.readdir();
  if (typeof entries === "number") return entries;
  const buffer = new Uint8Array(Math.min(size, 1 << 20));
  let used = 0;
  let position = -1;
  for (const entry of entries) {
    const bytes = layout(encodeName(entry.name), entry.ino, entry.position, entry.type);
    if (used + bytes.length > buffer.length) break;
    buffer.set(bytes, used);
    used += bytes.length;
    position = entry.position;
  }
  if (position < 0) return entries.length === 0 ? 0 : -errno.EINVAL;
  task.user.write(address, buffer.subarray(0, used));
  // Directories answer at once: the seek is never a promise.
  void file.seek(position, SEEK_SET);
  return used;
}

const getdents64 = (task: Task, fd: number, address: number, size: number): number =>
  listInto(task, fd, address, size, layout64);
const getdents = (task: Task, fd: number, address: number, size: number): number =>
  listInto(task, fd, address, size, layoutOld);

// ---- names ---------------------------------------------------------------------------------------------------------

function mkdirat(task: Task, dirfd: number, path: string, mode: number): number {
  const start = startOf(task, dirfd, path);
  return typeof start === "number" ? start : mkdir(task.caller, start, path, mode);
}

function unlinkat(task: Task, dirfd: number, path: string, flags: number): number {
  if ((flags & ~AT_REMOVEDIR) !== 0) return -errno.EINVAL;
  const start = startOf(task, dirfd, path);
  if (typeof start === "number") return start;
  return (flags & AT_REMOVEDIR) !== 0 ? rmdir(task.caller, start, path) : unlink(task.caller, start, path);
}

function mknodat(task: Task, dirfd: number, path: string, mode: number, device: number): number {
  const start = startOf(task, dirfd, path);
  return typeof start === "number" ? start : mknod(task.caller, start, path, mode, device);
}

function symlinkat(task: Task, target: string, dirfd: number, path: string): number {
  const start = startOf(task, dirfd, path);
  return typeof start === "number" ? start : symlink(task.caller, target, start, path);
}

function linkat(task: Task, sourceFd: number, source: string, targetFd: number, target: string, flags: number): number {
  if ((flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH)) !== 0) return -errno.EINVAL;
  const to = startOf(task, targetFd, target);
  if (typeof to === "number") return to;
  if (source === "" && (flags & AT_EMPTY_PATH) !== 0) {
    if (!task.hasCapability(capability.dacReadSearch)) return -errno.ENOENT;
    const dentry = startOf(task, sourceFd, source);
    return typeof dentry === "number" ? dentry : linkDentry(task.caller, dentry, to, target);
  }
  const from = startOf(task, sourceFd, source);
  if (typeof from === "number") return from;
  return link(task.caller, from, source, to, target, (flags & AT_SYMLINK_FOLLOW) !== 0);
}

function renameat2(
  task: Task,
  sourceFd: number,
  source: string,
  targetFd: number,
  target: string,
  flags: number,
): number {
  if ((flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT)) !== 0) return -errno.EINVAL;
  const from = startOf(task, sourceFd, source);
  if (typeof from === "number") return from;
  const to = startOf(task, targetFd, target);
  return typeof to === "number" ? to : rename(task.caller, from, source, to, target, flags);
}

function readlinkat(task: Task, dirfd: number, path: string, address: number, size: number): number {
  if (size <= 0) return -errno.EINVAL;
  const start = startOf(task, dirfd, path);
  if (typeof start === "number") return start;
  // The empty path is the link itself, opened with O_PATH | O_NOFOLLOW.
  const target = path === "" && dirfd !== AT_FDCWD ? readlinkDentry(start) : readlink(task.caller, start, path);
  if (typeof target === "number") return target === -errno.EINVAL && path === "" ? -errno.ENOENT : target;
  const bytes = encodeName(target);
  const count = Math.min(bytes.length, size);
  task.user.write(address, bytes.subarray(0, count));
  return count;
}

// ---- where a task stands -------------------------------------------------------------------------------------------

function getcwd(task: Task, address: number, size: number): number {
  const path = currentDirectory(task.fs.cwd, task.fs.root);
  if (typeof path === "number") return path;
  const bytes = encodeName(`${path}\0`);
  if (bytes.length > size) return -errno.ERANGE;
  task.user.write(address, bytes);
  return bytes.length;
}

function enter(task: Task, dentry: Dentry | number): number {
  if (typeof dentry === "number") return dentry;
  if ((dentry.inode.mode & S_IFMT) !== S_IFDIR) return -errno.ENOTDIR;
  const denied = permission(task.fileCredentials, dentry.inode, MAY_EXEC);
  if (denied < 0) return denied;
  task.fs.cwd = dentry;
  return 0;
}

const chdir = (task: Task, path: string): number => enter(task, dentryAt(task, AT_FDCWD, path, true));

function fchdir(task: Task, fd: number): number {
  const file = task.file(fd);
  if (file === null) return -errno.EBADF;
  return enter(task, file.dentry ?? -errno.ENOTDIR);
}

function chroot(task: Task, path: string): number {
  const dentry = dentryAt(task, AT_FDCWD, path, true);
  if (typeof dentry === "number") return dentry;
  if ((dentry.inode.mode & S_IFMT) !== S_IFDIR) return -errno.ENOTDIR;
  if (!task.hasCapability(capability.sysChroot)) return -errno.EPERM;
  task.fs.root = dentry;
  return 0;
}

function umask(task: Task, mask: number): number {
  const old = task.fs.umask;
  task.fs.umask = mask & 0o777;
  return old;
}

export const directoryRows: readonly SyscallRow[] = [
  row("getdents64", getdents64, ["fd", "buffer", "uint"]),
  row("getdents", getdents, ["fd", "buffer", "uint"]),
  row("mkdir", (task: Task, path: string, mode: number) => mkdirat(task, AT_FDCWD, path, mode), ["path", "uint"]),
  row("mkdirat", mkdirat, ["fd", "path", "uint"]),
  row("rmdir", (task: Task, path: string) => unlinkat(task, AT_FDCWD, path, AT_REMOVEDIR), ["path"]),
  row("unlink", (task: Task, path: string) => unlinkat(task, AT_FDCWD, path, 0), ["path"]),
  row("unlinkat", unlinkat, ["fd", "path", "flags:at"]),
  row(
    "mknod",
    (task: Task, path: string, mode: number, device: number) => mknodat(task, AT_FDCWD, path, mode, device),
    ["path", "uint", "uint"],
  ),
  row("mknodat", mknodat, ["fd", "path", "uint", "uint"]),
  row("symlink", (task: Task, target: string, path: string) => symlinkat(task, target, AT_FDCWD, path), [
    "path",
    "path",
  ]),
  row("symlinkat", symlinkat, ["path", "fd", "path"]),
  row("link", (task: Task, source: string, target: string) => linkat(task, AT_FDCWD, source, AT_FDCWD, target, 0), [
    "path",
    "path",
  ]),
  row("linkat", linkat, ["fd", "path", "fd", "path", "flags:at"]),
  row(
    "rename",
    (task: Task, source: string, target: string) => renameat2(task, AT_FDCWD, source, AT_FDCWD, target, 0),
    ["path", "path"],
  ),
  row(
    "renameat",
    (task: Task, sourceFd: number, source: string, targetFd: number, target: string) =>
      renameat2(task, sourceFd, source, targetFd, target, 0),
    ["fd", "path", "fd", "path"],
  ),
  row("renameat2", renameat2, ["fd", "path", "fd", "path", "uint"]),
  row(
    "readlink",
    (task: Task, path: string, address: number, size: number) => readlinkat(task, AT_FDCWD, path, address, size),
    ["path", "buffer", "int"],
  ),
  row("readlinkat", readlinkat, ["fd", "path", "buffer", "int"]),
  row("getcwd", getcwd, ["buffer", "address"]),
  row("chdir", chdir, ["path"]),
  row("fchdir", fchdir, ["fd"]),
  row("chroot", chroot, ["path"]),
  row("umask", umask, ["uint"]),
];
