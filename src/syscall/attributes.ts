/** Attributes of files: stat and its relatives, permissions, owners, times, extended attributes. */
import { errno } from "../abi/errno.ts";
import { AT_EACCESS, AT_EMPTY_PATH, AT_FDCWD, AT_NO_AUTOMOUNT, AT_SYMLINK_NOFOLLOW, O_PATH } from "../abi/fcntl.ts";
import { deviceMajor, deviceMinor } from "../abi/stat.ts";
import { ST, STATX, UTIME, statLayout, statfsLayout, statxLayout } from "../abi/stat-layout.ts";
import { encodeStruct } from "../abi/struct.ts";
import { encodeName } from "../base/bytes.ts";
import { limits } from "../base/limits.ts";
import type { Maybe } from "../base/maybe.ts";
import type { Task } from "../kernel/task.ts";
import {
  access,
  chmod,
  chown,
  getXattr,
  listXattr,
  removeXattr,
  setXattr,
  stat,
  statfs,
  utimens,
} from "../vfs/operations.ts";
import type { NewTime, Target } from "../vfs/operations.ts";
import type { Credentials, Inode } from "../vfs/types.ts";
import { dentryAt, targetAt, targetOfFd } from "./paths.ts";
import { row } from "./row.ts";
import type { SyscallRow } from "./types.ts";

const nsPerSecond = 1_000_000_000n;

// ---- stat ----------------------------------------------------------------------------------------------------------

/** Seconds and nanoseconds; times before 1970 have negative seconds and positive nanoseconds. */
function split(ns: bigint): readonly [seconds: number, nanoseconds: number] {
  let seconds = ns / nsPerSecond;
  let rest = ns % nsPerSecond;
  if (rest < 0n) {
    seconds -= 1n;
    rest += nsPerSecond;
  }
  return [Number(seconds), Number(rest)];
}

/** st_blksize: what programs read by. */
const preferredBytes = 4096;

function statBytes(inode: Inode): Uint8Array {
  const [atime, atimeNs] = split(inode.atimeNs);
  const [mtime, mtimeNs] = split(inode.mtimeNs);
  const [ctime, ctimeNs] = split(inode.ctimeNs);
  return encodeStruct(statLayout, {
    st_dev: inode.fs.device,
    st_ino: inode.ino,
    st_nlink: inode.nlink,
    st_mode: inode.mode,
    st_uid: inode.uid,
    st_gid: inode.gid,
    st_rdev: inode.rdev,
    st_size: inode.size,
    st_blksize: preferredBytes,
    st_blocks: inode.blocks,
    "st_atim.tv_sec": atime,
    "st_atim.tv_nsec": atimeNs,
    "st_mtim.tv_sec": mtime,
    "st_mtim.tv_nsec": mtimeNs,
    "st_ctim.tv_sec": ctime,
    "st_ctim.tv_nsec": ctimeNs,
  });
}

function report(task: Task, target: Target | number, address: number): number {
  if (typeof target === "number") return target;
  task.user.write(address, statBytes(stat(target)));
  return 0;
}

const statPath = (task: Task, path: string, address: number): number =>
  report(task, dentryAt(task, AT_FDCWD, path, true), address);
const lstat = (task: Task, path: string, address: number): number =>
  report(task, dentryAt(task, AT_FDCWD, path, false), address);
const fstat = (task: Task, fd: number, address: number): number => report(task, targetOfFd(task, fd), address);

function newfstatat(task: Task, dirfd: number, path: string, address: number, flags: number): number {
  if ((flags & ~(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH)) !== 0) return -errno.EINVAL;
  return report(task, targetAt(task, dirfd, path, flags), address);
}

const statxFlags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | 0x6000;

function statx(task: Task, dirfd: number, path: string, flags: number, mask: number, address: number): number {
  if ((flags & ~statxFlags) !== 0 || (flags & 0x6000) === 0x6000) return -errno.EINVAL;
  if ((mask & 0x8000_0000) !== 0) return -errno.EINVAL;
  const target = targetAt(task, dirfd, path, flags);
  if (typeof target === "number") return target;
  const inode = stat(target);
  const [atime, atimeNs] = split(inode.atimeNs);
  const [mtime, mtimeNs] = split(inode.mtimeNs);
  const [ctime, ctimeNs] = split(inode.ctimeNs);
  const isMountRoot = target.mount !== null && target === target.mount.root;
  const bytes = encodeStruct(statxLayout, {
    stx_mask: STATX.BASIC_STATS,
    stx_blksize: preferredBytes,
    stx_attributes: isMountRoot ? STATX.ATTR_MOUNT_ROOT : 0,
    stx_attributes_mask: STATX.ATTR_MOUNT_ROOT,
    stx_nlink: inode.nlink,
    stx_uid: inode.uid,
    stx_gid: inode.gid,
    stx_mode: inode.mode,
    stx_ino: inode.ino,
    stx_size: inode.size,
    stx_blocks: inode.blocks,
    "stx_atime.tv_sec": atime,
    "stx_atime.tv_nsec": atimeNs,
    "stx_ctime.tv_sec": ctime,
    "stx_ctime.tv_nsec": ctimeNs,
    "stx_mtime.tv_sec": mtime,
    "stx_mtime.tv_nsec": mtimeNs,
    stx_rdev_major: deviceMajor(inode.rdev),
    stx_rdev_minor: deviceMinor(inode.rdev),
    stx_dev_major: deviceMajor(inode.fs.device),
    stx_dev_minor: deviceMinor(inode.fs.device),
  });
  task.user.write(address, bytes);
  return 0;
}

function reportFs(task: Task, target: Target | number, address: number): number {
  if (typeof target === "number") return target;
  const found = statfs(target);
  const mount = target.mount;
  let flags: number = ST.VALID | ST.RELATIME;
  if (mount !== null) {
    if (mount.readOnly) flags |= ST.RDONLY;
    if (mount.noSuid) flags |= ST.NOSUID;
    if (mount.noDevices) flags |= ST.NODEV;
    if (mount.noExec) flags |= ST.NOEXEC;
  }
  const bytes = encodeStruct(statfsLayout, {
    f_type: found.type,
    f_bsize: found.blockSize,
    f_blocks: found.blocks,
    f_bfree: found.blocksFree,
    f_bavail: found.blocksFree,
    f_files: found.files,
    f_ffree: found.filesFree,
    "f_fsid.__val[0]": target.inode.fs.device,
    f_namelen: limits.nameBytesMax,
    f_frsize: found.blockSize,
    f_flags: flags,
  });
  task.user.write(address, bytes);
  return 0;
}

const statfsPath = (task: Task, path: string, address: number): number =>
  reportFs(task, dentryAt(task, AT_FDCWD, path, true), address);
const fstatfs = (task: Task, fd: number, address: number): number => reportFs(task, targetOfFd(task, fd), address);

// ---- access --------------------------------------------------------------------------------------------------------

function faccessat2(task: Task, dirfd: number, path: string, mask: number, flags: number): number {
  if ((flags & ~(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) !== 0 || (mask & ~7) !== 0) return -errno.EINVAL;
  const target = targetAt(task, dirfd, path, flags);
  if (typeof target === "number") return target;
  return access((flags & AT_EACCESS) !== 0 ? task.fileCredentials : realIds(task), target, mask);
}

/** access(2) asks what the user who started a set-user-ID program could do. */
function realIds(task: Task): Credentials {
  const { ruid, rgid } = task.credentials;
  return { uid: ruid, gid: rgid, groups: task.fileCredentials.groups };
}

// ---- changing ------------------------------------------------------------------------------------------------------

function change(target: Target | number, apply: (target: Target) => Maybe<number>): Maybe<number> {
  return typeof target === "number" ? target : apply(target);
}

/** fchmod, fchown and the f-xattr calls refuse O_PATH descriptors. */
function openTarget(task: Task, fd: number): Target | number {
  const file = task.file(fd);
  if (file === null || (file.flags & O_PATH) !== 0) return -errno.EBADF;
  return targetOfFd(task, fd);
}

const chmodPath = (task: Task, path: string, mode: number): Maybe<number> => fchmodat(task, AT_FDCWD, path, mode);
const fchmod = (task: Task, fd: number, mode: number): Maybe<number> =>
  change(openTarget(task, fd), (target) => chmod(task.caller, target, mode));
const fchmodat = (task: Task, dirfd: number, path: string, mode: number): Maybe<number> =>
  change(dentryAt(task, dirfd, path, true), (target) => chmod(task.caller, target, mode));

function fchownat(task: Task, dirfd: number, path: string, uid: number, gid: number, flags: number): Maybe<number> {
  if ((flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) !== 0) return -errno.EINVAL;
  return change(targetAt(task, dirfd, path, flags), (target) => chown(task.caller, target, uid, gid));
}
const fchown = (task: Task, fd: number, uid: number, gid: number): Maybe<number> =>
  change(openTarget(task, fd), (target) => chown(task.caller, target, uid, gid));

/** A struct timespec of utimensat(2). */
function readTime(task: Task, address: number): NewTime | number {
  const seconds = task.user.readLong(address);
  const nanoseconds = task.user.readLong(address + 8);
  if (nanoseconds === UTIME.NOW) return "now";
  if (nanoseconds === UTIME.OMIT) return "omit";
  if (nanoseconds < 0 || nanoseconds > 999_999_999) return -errno.EINVAL;
  return BigInt(seconds) * nsPerSecond + BigInt(nanoseconds);
}

function utimensat(task: Task, dirfd: number, pathAddress: number, times: number, flags: number): Maybe<number> {
  if ((flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) !== 0) return -errno.EINVAL;
  const atime = times === 0 ? "now" : readTime(task, times);
  if (typeof atime === "number") return atime;
  const mtime = times === 0 ? "now" : readTime(task, times + 16);
  if (typeof mtime === "number") return mtime;
  const target =
    pathAddress === 0
      ? dirfd === AT_FDCWD
        ? -errno.EFAULT
        : openTarget(task, dirfd)
      : targetAt(task, dirfd, task.user.readCString(pathAddress), flags);
  return change(target, (found) => utimens(task.caller, found, atime, mtime));
}

/** utimes and futimesat have microseconds. */
function futimesat(task: Task, dirfd: number, path: string, times: number): Maybe<number> {
  const moments: NewTime[] = [];
  for (let index = 0; index < 2; index++) {
    if (times === 0) {
      moments.push("now");
      continue;
    }
    const micros = task.user.readLong(times + index * 16 + 8);
    if (micros < 0 || micros > 999_999) return -errno.EINVAL;
    moments.push(BigInt(task.user.readLong(times + index * 16)) * nsPerSecond + BigInt(micros) * 1000n);
  }
  return change(dentryAt(task, dirfd, path, true), (target) => utimens(task.caller, target, moments[0]!, moments[1]!));
}

function utime(task: Task, path: string, times: number): Maybe<number> {
  const moment = (offset: number): NewTime =>
    times === 0 ? "now" : BigInt(task.user.readLong(times + offset)) * nsPerSecond;
  const atime = moment(0);
  const mtime = moment(8);
  return change(dentryAt(task, AT_FDCWD, path, true), (target) => utimens(task.caller, target, atime, mtime));
}

// ---- extended attributes -------------------------------------------------------------------------------------------

/** XATTR_NAME_MAX, NUL included. */
const xattrNameBytes = 256;

const xattrName = (task: Task, address: number): string => task.user.readCString(address, xattrNameBytes, errno.ERANGE);

/** `size` 0 asks how much there is. */
function deliver(task: Task, value: Uint8Array | number, address: number, size: number): number {
  if (typeof value === "number") return value;
  if (size === 0) return value.length;
  if (value.length > size) return -errno.ERANGE;
  task.user.write(address, value);
  return value.length;
}

function doGetXattr(task: Task, target: Target | number, name: number, address: number, size: number): number {
  if (typeof target === "number") return target;
  return deliver(task, getXattr(task.caller, target, xattrName(task, name)), address, size);
}

function doSetXattr(
  task: Task,
  target: Target | number,
  name: number,
  address: number,
  size: number,
  flags: number,
): Maybe<number> {
  if (typeof target === "number") return target;
  if (size > limits.xattrBytesMax) return -errno.E2BIG;
  return setXattr(task.caller, target, xattrName(task, name), task.user.read(address, size), flags);
}

function doListXattr(task: Task, target: Target | number, address: number, size: number): number {
  if (typeof target === "number") return target;
  const names = listXattr(task.caller, target);
  if (typeof names === "number") return names;
  return deliver(task, encodeName(names.map((name) => `${name}\0`).join("")), address, size);
}

function doRemoveXattr(task: Task, target: Target | number, name: number): Maybe<number> {
  return typeof target === "number" ? target : removeXattr(task.caller, target, xattrName(task, name));
}

const followed = (task: Task, path: string): Target | number => dentryAt(task, AT_FDCWD, path, true);
const unfollowed = (task: Task, path: string): Target | number => dentryAt(task, AT_FDCWD, path, false);

export const attributeRows: readonly SyscallRow[] = [
  row("stat", statPath, ["path", "address"]),
  row("lstat", lstat, ["path", "address"]),
  row("fstat", fstat, ["fd", "address"]),
  row("newfstatat", newfstatat, ["fd", "path", "address", "flags:at"]),
  row("statx", statx, ["fd", "path", "flags:at", "uint", "address"]),
  row("statfs", statfsPath, ["path", "address"]),
  row("fstatfs", fstatfs, ["fd", "address"]),
  row("access", (task: Task, path: string, mask: number) => faccessat2(task, AT_FDCWD, path, mask, 0), [
    "path",
    "flags:access",
  ]),
  row("faccessat", (task: Task, dirfd: number, path: string, mask: number) => faccessat2(task, dirfd, path, mask, 0), [
    "fd",
    "path",
    "flags:access",
  ]),
  row("faccessat2", faccessat2, ["fd", "path", "flags:access", "flags:at"]),
  row("chmod", chmodPath, ["path", "uint"]),
  row("fchmod", fchmod, ["fd", "uint"]),
  row("fchmodat", fchmodat, ["fd", "path", "uint"]),
  row("chown", (task: Task, path: string, uid: number, gid: number) => fchownat(task, AT_FDCWD, path, uid, gid, 0), [
    "path",
    "int",
    "int",
  ]),
  row(
    "lchown",
    (task: Task, path: string, uid: number, gid: number) =>
      fchownat(task, AT_FDCWD, path, uid, gid, AT_SYMLINK_NOFOLLOW),
    ["path", "int", "int"],
  ),
  row("fchown", fchown, ["fd", "int", "int"]),
  row("fchownat", fchownat, ["fd", "path", "int", "int", "flags:at"]),
  row("utimensat", utimensat, ["fd", "address", "address", "flags:at"]),
  row("futimesat", futimesat, ["fd", "path", "address"]),
  row("utimes", (task: Task, path: string, times: number) => futimesat(task, AT_FDCWD, path, times), [
    "path",
    "address",
  ]),
  row("utime", utime, ["path", "address"]),
  row(
    "getxattr",
    (task: Task, path: string, name: number, address: number, size: number) =>
      doGetXattr(task, followed(task, path), name, address, size),
    ["path", "address", "buffer", "address"],
  ),
  row(
    "lgetxattr",
    (task: Task, path: string, name: number, address: number, size: number) =>
      doGetXattr(task, unfollowed(task, path), name, address, size),
    ["path", "address", "buffer", "address"],
  ),
  row(
    "fgetxattr",
    (task: Task, fd: number, name: number, address: number, size: number) =>
      doGetXattr(task, openTarget(task, fd), name, address, size),
    ["fd", "address", "buffer", "address"],
  ),
  row(
    "setxattr",
    (task: Task, path: string, name: number, address: number, size: number, flags: number) =>
      doSetXattr(task, followed(task, path), name, address, size, flags),
    ["path", "address", "buffer", "address", "int"],
  ),
  row(
    "lsetxattr",
    (task: Task, path: string, name: number, address: number, size: number, flags: number) =>
      doSetXattr(task, unfollowed(task, path), name, address, size, flags),
    ["path", "address", "buffer", "address", "int"],
  ),
  row(
    "fsetxattr",
    (task: Task, fd: number, name: number, address: number, size: number, flags: number) =>
      doSetXattr(task, openTarget(task, fd), name, address, size, flags),
    ["fd", "address", "buffer", "address", "int"],
  ),
  row(
    "listxattr",
    (task: Task, path: string, address: number, size: number) => doListXattr(task, followed(task, path), address, size),
    ["path", "buffer", "address"],
  ),
  row(
    "llistxattr",
    (task: Task, path: string, address: number, size: number) =>
      doListXattr(task, unfollowed(task, path), address, size),
    ["path", "buffer", "address"],
  ),
  row(
    "flistxattr",
    (task: Task, fd: number, address: number, size: number) => doListXattr(task, openTarget(task, fd), address, size),
    ["fd", "buffer", "address"],
  ),
  row("removexattr", (task: Task, path: string, name: number) => doRemoveXattr(task, followed(task, path), name), [
    "path",
    "address",
  ]),
  row("lremovexattr", (task: Task, path: string, name: number) => doRemoveXattr(task, unfollowed(task, path), name), [
    "path",
    "address",
  ]),
  row("fremovexattr", (task: Task, fd: number, name: number) => doRemoveXattr(task, openTarget(task, fd), name), [
    "fd",
    "address",
  ]),
];
