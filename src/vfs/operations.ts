/**
 * Every operation of the file tree, for the system call layer and for setting containers up. All answer with -errno on
 * failure. `start` is where a relative path begins (`caller.cwd`, or the dentry of an open directory); attribute
 * operations take a `Target`, so that they serve paths (after `lookup`) and descriptors alike:
 *
 *     const found = lookup(caller, caller.cwd, "etc/passwd");      // Dentry or -errno
 *     const done = chmod(caller, found, 0o644);                    // 0 or -errno, at once unless content is needed
 *     const file = open(caller, caller.cwd, "/bin/sh", O_RDONLY, 0);
 */
import { errno } from "../abi/errno.ts";
import {
  F_OK,
  O_ACCMODE,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOFOLLOW,
  O_PATH,
  O_RDONLY,
  O_TMPFILE,
  O_TRUNC,
  O_WRONLY,
  RENAME_EXCHANGE,
  RENAME_NOREPLACE,
  RENAME_WHITEOUT,
  XATTR_CREATE,
  XATTR_REPLACE,
} from "../abi/fcntl.ts";
import {
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  S_IFSOCK,
  S_ISGID,
  S_IXGRP,
} from "../abi/stat.ts";
import { IN } from "../abi/inotify.ts";
import { encodeName } from "../base/bytes.ts";
import { limits } from "../base/limits.ts";
import type { Maybe } from "../base/maybe.ts";
import { mapMaybe } from "../base/maybe.ts";
import { PathDentry } from "./dentry.ts";
import { PathFile } from "./file.ts";
import {
  MAY_EXEC,
  MAY_READ,
  MAY_WRITE,
  dropPrivileges,
  inGroup,
  isOwner,
  mayDelete,
  mayLink,
  modeAfterWrite,
  permission,
} from "./permission.ts";
import { notifyDirectory, notifyFile, notifyMoved, notifyRemoved, notifyReplaced } from "./notify.ts";
import type {
  Attributes,
  Caller,
  Credentials,
  Dentry,
  FileSystemStat,
  Inode,
  Mount,
  OpenContext,
  OpenFile,
} from "./types.ts";
import { Walk, checkPath, isDirectory, isSymlink, lastKind, lookup } from "./walk.ts";

export { currentDirectory, pathOf, printPath, unnamedDentry } from "./dentry.ts";
export { MAY_EXEC, MAY_READ, MAY_WRITE, permission } from "./permission.ts";
export { lookup } from "./walk.ts";

/** What an attribute operation acts on: a dentry, or an open file's inode with `mount` null where it has no name. */
export interface Target {
  readonly inode: Inode;
  readonly mount: Mount | null;
}

export function targetOf(file: OpenFile): Target {
  return file.dentry ?? { inode: file.inode, mount: null };
}

// ---- opening -------------------------------------------------------------------------------------------------------

/** open(2) and openat(2). `mode` are the permission bits of a file that is created; the caller's umask is applied. */
export function open(
  caller: Caller,
  start: Dentry,
  path: string,
  flags: number,
  mode: number,
): Maybe<OpenFile | number> {
  if ((flags & O_PATH) !== 0) {
    const found = lookup(caller, start, path, (flags & O_NOFOLLOW) === 0);
    if (typeof found === "number") return found;
    if ((flags & O_DIRECTORY) !== 0 && !isDirectory(found.inode)) return -errno.ENOTDIR;
    return new PathFile(found, flags & (O_PATH | O_DIRECTORY | O_NOFOLLOW));
  }
  if ((flags & O_TMPFILE) === O_TMPFILE) return openUnnamed(caller, start, path, flags, mode);
  if ((flags & O_CREAT) === 0) {
    const found = lookup(caller, start, path, (flags & O_NOFOLLOW) === 0);
    return typeof found === "number" ? found : openDentry(caller, found, flags);
  }
  if ((flags & O_DIRECTORY) !== 0) return -errno.EINVAL;
  return openOrCreate(caller, start, path, flags, mode);
}

function openOrCreate(
  caller: Caller,
  start: Dentry,
  path: string,
  flags: number,
  mode: number,
): Maybe<OpenFile | number> {
  const bad = checkPath(path);
  if (bad < 0) return bad;
  const walk = new Walk(caller, start, path);
  const exclusive = (flags & O_EXCL) !== 0;
  for (;;) {
    const failed = walk.toLast();
    if (failed < 0) return failed;
    if (walk.kind === lastKind.normal && walk.trailingSlash) return -errno.EISDIR;
    const found = walk.step();
    if (found === -errno.ENOENT) return createAndOpen(caller, walk.current, walk.name, flags, mode);
    if (typeof found === "number") return found;
    if (exclusive) return -errno.EEXIST;
    if (isSymlink(found.inode) && walk.kind === lastKind.normal && (flags & O_NOFOLLOW) === 0) {
      const lost = walk.follow(found);
      if (lost < 0) return lost;
      continue;
    }
    if (isDirectory(found.inode)) return -errno.EISDIR;
    return openDentry(caller, found, flags);
  }
}

function createAndOpen(
  caller: Caller,
  parent: PathDentry,
  name: string,
  flags: number,
  mode: number,
): Maybe<OpenFile | number> {
  const directory = parent.inode;
  const refused = mayCreate(caller.credentials, parent);
  if (refused < 0) return refused;
  const bits = mode & ~caller.umask & 0o7777;
  const owner = ownerIn(caller.credentials, directory);
  const made = directory.create(name, withoutForeignGroup(caller.credentials, owner.gid, bits), owner);
  if (typeof made === "number") return made;
  notifyDirectory(directory, IN.CREATE, name, made);
  // The mode does not restrict the descriptor that created the file (open(2)).
  return made.open(flags & ~O_TRUNC, contextFor(caller, parent.remember(name, made)));
}

function openUnnamed(caller: Caller, start: Dentry, path: string, flags: number, mode: number) {
  if ((flags & O_ACCMODE) === O_RDONLY) return -errno.EINVAL;
  const parent = lookup(caller, start, path);
  if (typeof parent === "number") return parent;
  if (!isDirectory(parent.inode)) return -errno.ENOTDIR;
  const refused = mayCreate(caller.credentials, parent);
  if (refused < 0) return refused;
  if (parent.inode.createUnnamed === undefined) return -errno.EOPNOTSUPP;
  const owner = ownerIn(caller.credentials, parent.inode);
  const bits = withoutForeignGroup(caller.credentials, owner.gid, mode & ~caller.umask & 0o7777);
  const made = parent.inode.createUnnamed(bits, owner);
  if (typeof made === "number") return made;
  const dentry = new PathDentry(`#${made.ino}`, parent, parent.mount, made);
  dentry.deleted = true;
  return made.open(flags & ~O_TRUNC, contextFor(caller, dentry));
}

/** Opens what a dentry stands for, with all of open(2)'s checks: for paths, /proc/self/fd/N and execve. */
export function openDentry(caller: Caller, dentry: Dentry, flags: number): Maybe<OpenFile | number> {
  const inode = dentry.inode;
  const type = inode.mode & S_IFMT;
  if ((flags & O_DIRECTORY) !== 0 && type !== S_IFDIR) return -errno.ENOTDIR;
  if (type === S_IFLNK) return -errno.ELOOP;
  const access = flags & O_ACCMODE;
  // O_TRUNC needs write permission whatever the access mode; access mode 3 wants both and is for ioctl only.
  const writes = access !== O_RDONLY || (flags & O_TRUNC) !== 0;
  if (type === S_IFDIR && (writes || (flags & O_CREAT) !== 0)) return -errno.EISDIR;
  if ((type === S_IFCHR || type === S_IFBLK) && dentry.mount.noDevices) return -errno.EACCES;
  const mask = (access === O_WRONLY ? 0 : MAY_READ) | (writes ? MAY_WRITE : 0);
  if (writes && dentry.mount.readOnly && (type === S_IFREG || type === S_IFDIR)) return -errno.EROFS;
  const denied = permission(caller.credentials, inode, mask);
  if (denied < 0) return denied;
  const context = contextFor(caller, dentry);
  if ((flags & O_TRUNC) === 0 || type !== S_IFREG || inode.mapping === null) return inode.open(flags, context);
  return mapMaybe(inode.setAttributes(truncation(caller.credentials, inode, 0)), (failed) =>
    failed < 0 ? failed : inode.open(flags, context),
  );
}

function contextFor(caller: Caller, dentry: Dentry): OpenContext {
  return {
    credentials: caller.credentials,
    dentry,
    openControllingTerminal: (flags) => caller.openControllingTerminal(flags),
    openSpecial: (inode, flags, context) => caller.namespace.openSpecial(inode, flags, context),
  };
}

// ---- making and removing names -------------------------------------------------------------------------------------

interface NewName {
  readonly parent: PathDentry;
  readonly name: string;
}

/** Where a new name goes, all checks passed; or -errno (-EEXIST when there is one). */
function newName(caller: Caller, start: Dentry, path: string, forDirectory: boolean): NewName | number {
  const place = freeName(caller, start, path, forDirectory);
  if (typeof place === "number") return place;
  const refused = mayCreate(caller.credentials, place.parent);
  return refused < 0 ? refused : place;
}

/** The same before the directory's permission is checked. */
function freeName(caller: Caller, start: Dentry, path: string, forDirectory: boolean): NewName | number {
  const bad = checkPath(path);
  if (bad < 0) return bad;
  const walk = new Walk(caller, start, path);
  const failed = walk.toLast();
  if (failed < 0) return failed;
  if (walk.kind !== lastKind.normal) return -errno.EEXIST;
  const found = walk.step();
  if (typeof found !== "number") return -errno.EEXIST;
  if (found !== -errno.ENOENT) return found;
  if (walk.trailingSlash && !forDirectory) return -errno.ENOENT;
  if (walk.current.mount.readOnly) return -errno.EROFS;
  return { parent: walk.current, name: walk.name };
}

function mayCreate(who: Credentials, parent: PathDentry): number {
  if (parent.mount.readOnly) return -errno.EROFS;
  // A removed directory that someone still stands in takes no new names.
  if (parent.deleted || parent.inode.nlink === 0) return -errno.ENOENT;
  return permission(who, parent.inode, MAY_WRITE | MAY_EXEC);
}

/** A set-group-ID directory hands its group on (inode(7)). */
function ownerIn(who: Credentials, directory: Inode): Credentials {
  return (directory.mode & S_ISGID) === 0 ? who : { uid: who.uid, gid: directory.gid, groups: who.groups };
}

function withoutForeignGroup(who: Credentials, gid: number, mode: number): number {
  const both = S_ISGID | S_IXGRP;
  return (mode & both) === both && who.uid !== 0 && !inGroup(who, gid) ? mode & ~S_ISGID : mode;
}

function finish(place: NewName, made: Inode | number): number {
  if (typeof made === "number") return made;
  place.parent.remember(place.name, made);
  notifyDirectory(place.parent.inode, IN.CREATE, place.name, made);
  return 0;
}

export function mkdir(caller: Caller, start: Dentry, path: string, mode: number): number {
  const place = newName(caller, start, path, true);
  if (typeof place === "number") return place;
  const directory = place.parent.inode;
  const bits = (mode & ~caller.umask & 0o1777) | (directory.mode & S_ISGID);
  return finish(place, directory.mkdir(place.name, bits, ownerIn(caller.credentials, directory)));
}

/** mknod(2): `mode` with a type (0 means a regular file). Device nodes are root's. */
export function mknod(caller: Caller, start: Dentry, path: string, mode: number, rdev: number): number {
  const type = mode & S_IFMT || S_IFREG;
  if (type === S_IFDIR) return -errno.EPERM;
  if (![S_IFREG, S_IFCHR, S_IFBLK, S_IFIFO, S_IFSOCK].includes(type)) return -errno.EINVAL;
  const place = newName(caller, start, path, false);
  if (typeof place === "number") return place;
  // A whiteout (character device 0:0) needs no privilege.
  const device = type === S_IFBLK || (type === S_IFCHR && rdev !== 0);
  if (device && caller.credentials.uid !== 0) return -errno.EPERM;
  const directory = place.parent.inode;
  const owner = ownerIn(caller.credentials, directory);
  const bits = withoutForeignGroup(caller.credentials, owner.gid, mode & ~caller.umask & 0o7777);
  if (type === S_IFREG) return finish(place, directory.create(place.name, bits, owner));
  return finish(
    place,
    directory.mknod(place.name, type | bits, type === S_IFCHR || type === S_IFBLK ? rdev : 0, owner),
  );
}

export function symlink(caller: Caller, target: string, start: Dentry, path: string): number {
  if (target === "") return -errno.ENOENT;
  if (target.length >= limits.pathBytesMax / 3 && encodeName(target).length >= limits.pathBytesMax)
    return -errno.ENAMETOOLONG;
  const place = newName(caller, start, path, false);
  if (typeof place === "number") return place;
  const directory = place.parent.inode;
  return finish(place, directory.symlink(place.name, target, ownerIn(caller.credentials, directory)));
}

/** linkat(2). `follow` is AT_SYMLINK_FOLLOW. */
export function link(
  caller: Caller,
  sourceStart: Dentry,
  sourcePath: string,
  targetStart: Dentry,
  targetPath: string,
  follow = false,
): number {
  const source = lookup(caller, sourceStart, sourcePath, follow);
  return typeof source === "number" ? source : linkDentry(caller, source, targetStart, targetPath);
}

/** The same for an open file (AT_EMPTY_PATH; /proc/self/fd/N followed), O_TMPFILE files included. */
export function linkDentry(caller: Caller, source: Dentry, targetStart: Dentry, targetPath: string): number {
  const place = freeName(caller, targetStart, targetPath, false);
  if (typeof place === "number") return place;
  if (source.mount !== place.parent.mount) return -errno.EXDEV;
  if (!mayLink(caller.credentials, source.inode)) return -errno.EPERM;
  const refused = mayCreate(caller.credentials, place.parent);
  if (refused < 0) return refused;
  if (isDirectory(source.inode)) return -errno.EPERM;
  const failed = place.parent.inode.link(place.name, source.inode);
  if (failed < 0) return failed;
  place.parent.remember(place.name, source.inode);
  notifyFile({ inode: source.inode, mount: null }, IN.ATTRIB);
  notifyDirectory(place.parent.inode, IN.CREATE, place.name, source.inode);
  return 0;
}

export function unlink(caller: Caller, start: Dentry, path: string): number {
  const bad = checkPath(path);
  if (bad < 0) return bad;
  const walk = new Walk(caller, start, path);
  const failed = walk.toLast();
  if (failed < 0) return failed;
  if (walk.kind !== lastKind.normal) return -errno.EISDIR;
  const parent = walk.current;
  if (parent.mount.readOnly) return -errno.EROFS;
  const victim = childToRemove(walk);
  if (typeof victim === "number") return victim;
  const directory = isDirectory(victim.inode);
  if (walk.trailingSlash) return directory ? -errno.EISDIR : -errno.ENOTDIR;
  const refused = mayDelete(caller.credentials, parent.inode, victim.inode);
  if (refused < 0) return refused;
  if (directory) return -errno.EISDIR;
  if (victim.mounted !== null) return -errno.EBUSY;
  const removed = parent.inode.unlink(walk.name);
  if (removed < 0) return removed;
  parent.forget(walk.name);
  notifyRemoved(parent.inode, walk.name, victim.inode);
  return 0;
}

export function rmdir(caller: Caller, start: Dentry, path: string): number {
  const bad = checkPath(path);
  if (bad < 0) return bad;
  const walk = new Walk(caller, start, path);
  const failed = walk.toLast();
  if (failed < 0) return failed;
  if (walk.kind === lastKind.dotDot) return -errno.ENOTEMPTY;
  if (walk.kind === lastKind.dot) return -errno.EINVAL;
  if (walk.kind === lastKind.none) return -errno.EBUSY;
  const parent = walk.current;
  if (parent.mount.readOnly) return -errno.EROFS;
  const victim = childToRemove(walk);
  if (typeof victim === "number") return victim;
  const refused = mayDelete(caller.credentials, parent.inode, victim.inode);
  if (refused < 0) return refused;
  if (!isDirectory(victim.inode)) return -errno.ENOTDIR;
  if (victim.mounted !== null) return -errno.EBUSY;
  const removed = parent.inode.rmdir(walk.name);
  if (removed < 0) return removed;
  parent.forget(walk.name);
  notifyRemoved(parent.inode, walk.name, victim.inode);
  return 0;
}

/** The child itself: a mount on it is not crossed, so that a mount point answers -EBUSY. */
function childToRemove(walk: Walk): PathDentry | number {
  const found = walk.step();
  if (typeof found === "number") return found;
  return walk.current.known(walk.name) ?? found;
}

/** renameat2(2). */
export function rename(
  caller: Caller,
  sourceStart: Dentry,
  sourcePath: string,
  targetStart: Dentry,
  targetPath: string,
  flags = 0,
): number {
  const exchange = (flags & RENAME_EXCHANGE) !== 0;
  if ((flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT)) !== 0) return -errno.EINVAL;
  if (exchange && (flags & (RENAME_NOREPLACE | RENAME_WHITEOUT)) !== 0) return -errno.EINVAL;
  if ((flags & RENAME_WHITEOUT) !== 0) return -errno.EINVAL;
  const bad = checkPath(sourcePath) || checkPath(targetPath);
  if (bad < 0) return bad;
  const from = new Walk(caller, sourceStart, sourcePath);
  const lostSource = from.toLast();
  if (lostSource < 0) return lostSource;
  const to = new Walk(caller, targetStart, targetPath);
  const lostTarget = to.toLast();
  if (lostTarget < 0) return lostTarget;
  if (from.current.mount !== to.current.mount) return -errno.EXDEV;
  if (from.kind !== lastKind.normal) return -errno.EBUSY;
  if (to.kind !== lastKind.normal) return (flags & RENAME_NOREPLACE) !== 0 ? -errno.EEXIST : -errno.EBUSY;
  if (from.current.mount.readOnly) return -errno.EROFS;

  const source = childToRemove(from);
  if (typeof source === "number") return source;
  const found = childToRemove(to);
  if (typeof found === "number" && found !== -errno.ENOENT) return found;
  const target = typeof found === "number" ? null : found;
  if (target !== null && (flags & RENAME_NOREPLACE) !== 0) return -errno.EEXIST;
  if (target === null && exchange) return -errno.ENOENT;
  const sourceIsDirectory = isDirectory(source.inode);
  if (!sourceIsDirectory) {
    if (from.trailingSlash) return -errno.ENOTDIR;
    if (!exchange && to.trailingSlash) return -errno.ENOTDIR;
  }
  if (exchange && to.trailingSlash && !isDirectory(target!.inode)) return -errno.ENOTDIR;
  // The source may not be above the target, nor the target above the source.
  if (isAbove(source, to.current)) return -errno.EINVAL;
  if (target !== null && isAbove(target, from.current)) return exchange ? -errno.EINVAL : -errno.ENOTEMPTY;
  // Two names of one file: nothing to do (rename(2)).
  if (target !== null && target.inode === source.inode) return 0;

  const who = caller.credentials;
  let refused = mayDelete(who, from.current.inode, source.inode);
  if (refused < 0) return refused;
  if (target === null) refused = mayCreate(who, to.current);
  else {
    refused = mayDelete(who, to.current.inode, target.inode);
    if (refused === 0 && !exchange) {
      if (sourceIsDirectory && !isDirectory(target.inode)) refused = -errno.ENOTDIR;
      else if (!sourceIsDirectory && isDirectory(target.inode)) refused = -errno.EISDIR;
    }
  }
  if (refused < 0) return refused;
  // A directory that moves gets another "..": that is a write to it.
  if (from.current !== to.current) {
    if (sourceIsDirectory) refused = permission(who, source.inode, MAY_WRITE);
    if (refused === 0 && exchange && isDirectory(target!.inode)) refused = permission(who, target!.inode, MAY_WRITE);
    if (refused < 0) return refused;
  }
  if (source.mounted !== null || (target !== null && target.mounted !== null)) return -errno.EBUSY;
  const failed = from.current.inode.rename(from.name, to.current.inode, to.name, flags);
  if (failed < 0) return failed;
  from.current.moveChild(from.name, to.current, to.name, exchange);
  notifyMoved(from.current.inode, from.name, to.current.inode, to.name, source.inode);
  if (exchange) notifyMoved(to.current.inode, to.name, from.current.inode, from.name, target!.inode);
  else if (target !== null) notifyReplaced(target.inode);
  return 0;
}

function isAbove(ancestor: PathDentry, dentry: PathDentry): boolean {
  for (let at: PathDentry | null = dentry; at !== null; at = at.parent) if (at === ancestor) return true;
  return false;
}

// ---- reading and changing attributes -------------------------------------------------------------------------------

/** The inode with fresh attributes, for stat(2): `mode`, `size` and the others are then properties of it. */
export function stat(target: Target): Inode {
  target.inode.refresh?.();
  return target.inode;
}

export function readlink(caller: Caller, start: Dentry, path: string): string | number {
  const found = lookup(caller, start, path, false);
  return typeof found === "number" ? found : readlinkDentry(found);
}

export function readlinkDentry(dentry: Dentry): string | number {
  return isSymlink(dentry.inode) ? dentry.inode.readlink() : -errno.EINVAL;
}

/** access(2): `mask` of R_OK, W_OK, X_OK; `who` are the real or the effective ids. */
export function access(who: Credentials, target: Target, mask: number): number {
  if (mask === F_OK) return 0;
  const type = target.inode.mode & S_IFMT;
  if ((mask & MAY_EXEC) !== 0 && type === S_IFREG && target.mount !== null && target.mount.noExec) return -errno.EACCES;
  const denied = permission(who, target.inode, mask);
  if (denied < 0) return denied;
  const special = type === S_IFCHR || type === S_IFBLK || type === S_IFIFO || type === S_IFSOCK;
  return (mask & MAY_WRITE) !== 0 && !special && target.mount?.readOnly === true ? -errno.EROFS : 0;
}

function mayWriteMount(target: Target): number {
  return target.mount?.readOnly === true ? -errno.EROFS : 0;
}

export function chmod(caller: Caller, target: Target, mode: number): Maybe<number> {
  const inode = target.inode;
  const refused = mayWriteMount(target);
  if (refused < 0) return refused;
  if (isSymlink(inode)) return -errno.EOPNOTSUPP;
  if (!isOwner(caller.credentials, inode)) return -errno.EPERM;
  let bits = mode & 0o7777;
  if (caller.credentials.uid !== 0 && !inGroup(caller.credentials, inode.gid)) bits &= ~S_ISGID;
  notifyFile(target, IN.ATTRIB);
  return inode.setAttributes({ mode: bits, ctimeNs: caller.namespace.clock.realtimeNs() });
}

/** chown(2): -1 leaves an id. */
export function chown(caller: Caller, target: Target, uid: number, gid: number): Maybe<number> {
  const inode = target.inode;
  const refused = mayWriteMount(target);
  if (refused < 0) return refused;
  const who = caller.credentials;
  if (who.uid !== 0) {
    if (uid !== -1 && (who.uid !== inode.uid || uid !== inode.uid)) return -errno.EPERM;
    if (gid !== -1 && (who.uid !== inode.uid || (gid !== inode.gid && !inGroup(who, gid)))) return -errno.EPERM;
  }
  const changes: Attributes = { ctimeNs: caller.namespace.clock.realtimeNs() };
  if (uid !== -1) changes.uid = uid;
  if (gid !== -1) changes.gid = gid;
  if (!isDirectory(inode) && (uid !== -1 || gid !== -1)) {
    const kept = dropPrivileges(who, inode);
    if (kept !== inode.mode) changes.mode = kept & 0o7777;
  }
  notifyFile(target, IN.ATTRIB);
  return inode.setAttributes(changes);
}

/** A time of utimensat(2): nanoseconds, UTIME_NOW or UTIME_OMIT. */
export type NewTime = bigint | "now" | "omit";

export function utimens(caller: Caller, target: Target, atime: NewTime, mtime: NewTime): Maybe<number> {
  const inode = target.inode;
  if (atime === "omit" && mtime === "omit") return 0;
  const refused = mayWriteMount(target);
  if (refused < 0) return refused;
  if (!isOwner(caller.credentials, inode)) {
    // Setting both to the present is what a write would do; everything else is the owner's.
    if (atime !== "now" || mtime !== "now") return -errno.EPERM;
    const denied = permission(caller.credentials, inode, MAY_WRITE);
    if (denied < 0) return denied;
  }
  const now = caller.namespace.clock.realtimeNs();
  const changes: Attributes = { ctimeNs: now };
  if (atime !== "omit") changes.atimeNs = atime === "now" ? now : atime;
  if (mtime !== "omit") changes.mtimeNs = mtime === "now" ? now : mtime;
  notifyFile(target, IN.ATTRIB);
  return inode.setAttributes(changes);
}

/** truncate(2), by name: needs write permission. For an open file use its own `truncate`. */
export function truncate(caller: Caller, target: Target, size: number): Maybe<number> {
  const inode = target.inode;
  if (size < 0) return -errno.EINVAL;
  if (isDirectory(inode)) return -errno.EISDIR;
  if ((inode.mode & S_IFMT) !== S_IFREG) return -errno.EINVAL;
  const refused = mayWriteMount(target);
  if (refused < 0) return refused;
  const denied = permission(caller.credentials, inode, MAY_WRITE);
  if (denied < 0) return denied;
  notifyFile(target, IN.MODIFY);
  return inode.setAttributes(truncation(caller.credentials, inode, size));
}

/** Times are set by the file system as it truncates. */
function truncation(who: Credentials, inode: Inode, size: number): Attributes {
  const kept = modeAfterWrite(who, inode);
  return kept === inode.mode ? { size } : { size, mode: kept & 0o7777 };
}

export function statfs(target: Target): FileSystemStat {
  return target.inode.fs.statfs();
}

// ---- extended attributes (xattr(7)) --------------------------------------------------------------------------------

function xattrAllowed(caller: Caller, target: Target, name: string, mask: number): number {
  if (name === "" || encodeName(name).length > limits.nameBytesMax) return -errno.ERANGE;
  const who = caller.credentials;
  const inode = target.inode;
  const writes = (mask & MAY_WRITE) !== 0;
  if (writes) {
    const refused = mayWriteMount(target);
    if (refused < 0) return refused;
  }
  if (name.startsWith("user.")) {
    const type = inode.mode & S_IFMT;
    if (type !== S_IFREG && type !== S_IFDIR) return writes ? -errno.EPERM : -errno.ENODATA;
    if (writes && type === S_IFDIR && (inode.mode & 0o1000) !== 0 && !isOwner(who, inode)) return -errno.EPERM;
    return permission(who, inode, mask);
  }
  if (name.startsWith("trusted.")) return who.uid === 0 ? 0 : writes ? -errno.EPERM : -errno.ENODATA;
  if (name.startsWith("security.")) return !writes || who.uid === 0 ? 0 : -errno.EPERM;
  if (name.startsWith("system.")) return writes && !isOwner(who, inode) ? -errno.EPERM : 0;
  return -errno.EOPNOTSUPP;
}

export function getXattr(caller: Caller, target: Target, name: string): Uint8Array | number {
  const refused = xattrAllowed(caller, target, name, MAY_READ);
  return refused < 0 ? refused : target.inode.getXattr(name);
}

export function setXattr(
  caller: Caller,
  target: Target,
  name: string,
  value: Uint8Array,
  flags: number,
): Maybe<number> {
  if ((flags & ~(XATTR_CREATE | XATTR_REPLACE)) !== 0) return -errno.EINVAL;
  if (value.length > limits.xattrBytesMax) return -errno.E2BIG;
  const refused = xattrAllowed(caller, target, name, MAY_WRITE);
  return refused < 0 ? refused : target.inode.setXattr(name, value, flags);
}

export function listXattr(caller: Caller, target: Target): readonly string[] | number {
  const names = target.inode.listXattr();
  if (typeof names === "number" || caller.credentials.uid === 0) return names;
  return names.filter((name) => !name.startsWith("trusted."));
}

export function removeXattr(caller: Caller, target: Target, name: string): Maybe<number> {
  const refused = xattrAllowed(caller, target, name, MAY_WRITE);
  return refused < 0 ? refused : target.inode.removeXattr(name);
}
