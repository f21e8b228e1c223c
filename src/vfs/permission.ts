/**
 * Discretionary access checks (path_resolution(7), "Permissions"; credentials(7)). Root stands for a task with docker's
 * default capabilities: CAP_DAC_OVERRIDE, CAP_FOWNER, CAP_CHOWN, CAP_FSETID, CAP_MKNOD.
 */
import { errno } from "../abi/errno.ts";
import { S_IFDIR, S_IFMT, S_IFREG, S_ISGID, S_ISUID, S_ISVTX, S_IXGRP } from "../abi/stat.ts";
import type { Credentials, Inode } from "./types.ts";

export const MAY_EXEC = 1;
export const MAY_WRITE = 2;
export const MAY_READ = 4;

export function inGroup(who: Credentials, gid: number): boolean {
  return who.gid === gid || who.groups.includes(gid);
}

/** 0 or -EACCES. `mask` is a sum of MAY_READ, MAY_WRITE and MAY_EXEC. */
export function permission(who: Credentials, inode: Inode, mask: number): number {
  const mode = inode.mode;
  if (who.uid === 0) {
    if ((mask & MAY_EXEC) === 0 || (mode & S_IFMT) === S_IFDIR || (mode & 0o111) !== 0) return 0;
    return -errno.EACCES;
  }
  let granted = mode;
  if (who.uid === inode.uid) granted >>= 6;
  else if (inGroup(who, inode.gid)) granted >>= 3;
  return (granted & mask) === mask ? 0 : -errno.EACCES;
}

/** Chmod, utimens with given times and the like: the owner or root. */
export function isOwner(who: Credentials, inode: Inode): boolean {
  return who.uid === 0 || who.uid === inode.uid;
}

/** Whether a name in `directory` may be removed or replaced: write and search permission, and the sticky bit. */
export function mayDelete(who: Credentials, directory: Inode, victim: Inode): number {
  const denied = permission(who, directory, MAY_WRITE | MAY_EXEC);
  if (denied < 0) return denied;
  if ((directory.mode & S_ISVTX) !== 0 && who.uid !== 0 && who.uid !== victim.uid && who.uid !== directory.uid)
    return -errno.EPERM;
  return 0;
}

/** A hard link to a file one does not own needs a harmless, readable and writable regular file (proc(5), protected_hardlinks). */
export function mayLink(who: Credentials, source: Inode): boolean {
  if (isOwner(who, source)) return true;
  const mode = source.mode;
  if ((mode & S_IFMT) !== S_IFREG || (mode & S_ISUID) !== 0) return false;
  if ((mode & (S_ISGID | S_IXGRP)) === (S_ISGID | S_IXGRP)) return false;
  return permission(who, source, MAY_READ | MAY_WRITE) === 0;
}

/** The mode of a file after it is written or truncated by someone without CAP_FSETID: privileges are dropped. */
export function modeAfterWrite(who: Credentials, inode: Inode): number {
  return who.uid === 0 || (inode.mode & S_IFMT) !== S_IFREG ? inode.mode : dropPrivileges(who, inode);
}

/**
 * The mode without set-user-ID and set-group-ID. Where the group may not execute, set-group-ID once marked mandatory
 * locking: then it stays for members of the group (Linux: setattr_should_drop_sgid).
 */
export function dropPrivileges(who: Credentials, inode: Inode): number {
  const mode = inode.mode & ~S_ISUID;
  const keepsGroup = (mode & S_IXGRP) === 0 && (who.uid === 0 || inGroup(who, inode.gid));
  return keepsGroup ? mode : mode & ~S_ISGID;
}
