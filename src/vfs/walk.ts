/**
 * From a path to a dentry, as path_resolution(7) says: ".", "..", symbolic links and mounts in one loop. A link found
 * on the way is put in front of what is left of the path, which gives trailing slashes their meaning by themselves.
 */
import { errno } from "../abi/errno.ts";
import { S_IFDIR, S_IFLNK, S_IFMT } from "../abi/stat.ts";
import { encodeName } from "../base/bytes.ts";
import { limits } from "../base/limits.ts";
import { PathDentry, crossMounts, parentOf } from "./dentry.ts";
import { MAY_EXEC, permission } from "./permission.ts";
import type { Caller, Credentials, Dentry, Inode } from "./types.ts";

export function isDirectory(inode: Inode): boolean {
  return (inode.mode & S_IFMT) === S_IFDIR;
}

export function isSymlink(inode: Inode): boolean {
  return (inode.mode & S_IFMT) === S_IFLNK;
}

/** What the last component of a path is. `none`: there is no component, as in "/". */
export const lastKind = { none: 0, normal: 1, dot: 2, dotDot: 3 } as const;

/**
 * A walk in progress. `toLast` stops with `current` as the directory that holds the last component and `name` as that
 * component, not looked up; `follow` goes through a link that the last component turned out to be.
 */
export class Walk {
  readonly root: PathDentry;
  readonly credentials: Credentials;
  current: PathDentry;
  name = "";
  kind: number = lastKind.none;
  trailingSlash = false;
  #path: string;
  #at = 0;
  #links = 0;

  constructor(caller: Caller, start: Dentry, path: string) {
    this.root = caller.root as PathDentry;
    this.credentials = caller.credentials;
    this.#path = path;
    this.current = path.charCodeAt(0) === slash ? this.root : (start as PathDentry);
  }

  /** 0 or -errno. */
  toLast(): number {
    for (;;) {
      const path = this.#path;
      let start = this.#at;
      while (path.charCodeAt(start) === slash) start++;
      if (start >= path.length) {
        this.kind = lastKind.none;
        return 0;
      }
      let end = path.indexOf("/", start);
      if (end < 0) end = path.length;
      this.#at = end;
      const name = start === 0 && end === path.length ? path : path.slice(start, end);
      this.name = name;
      this.kind =
        name.charCodeAt(0) !== dot || name.length > 2
          ? lastKind.normal
          : name.length === 1
            ? lastKind.dot
            : name.charCodeAt(1) === dot
              ? lastKind.dotDot
              : lastKind.normal;
      let after = end;
      while (path.charCodeAt(after) === slash) after++;
      this.trailingSlash = after > end;

      const directory = this.current.inode;
      if (!isDirectory(directory)) return -errno.ENOTDIR;
      const denied = permission(this.credentials, directory, MAY_EXEC);
      if (denied < 0) return denied;
      if (after >= path.length) return 0;

      const next = this.step();
      if (typeof next === "number") return next;
      if (isSymlink(next.inode)) {
        const failed = this.follow(next);
        if (failed < 0) return failed;
      } else if (isDirectory(next.inode)) this.current = next;
      else return -errno.ENOTDIR;
    }
  }

  /** Looks the component up: the dentry, mounts crossed and links not followed, or -errno. `current` stays. */
  step(): PathDentry | number {
    if (this.kind === lastKind.dot || this.kind === lastKind.none) return this.current;
    if (this.kind === lastKind.dotDot) return parentOf(this.current, this.root);
    // A name takes at most three bytes a UTF-16 unit: only long ones need counting.
    if (this.name.length > limits.nameBytesMax / 3 && encodeName(this.name).length > limits.nameBytesMax)
      return -errno.ENAMETOOLONG;
    const child = this.current.child(this.name);
    if (typeof child === "number") return child;
    return child.mounted === null ? child : crossMounts(child);
  }

  /** Continues through `link`: `toLast` goes on from there. After a magic link `current` is where it led. */
  follow(link: PathDentry): number {
    if (++this.#links > limits.symlinksFollowedMax) return -errno.ELOOP;
    const inode = link.inode;
    const rest = this.#path.slice(this.#at);
    if (inode.jump !== undefined) {
      const place = inode.jump();
      if (typeof place === "number") return place;
      this.current = place as PathDentry;
      this.#path = rest;
      this.#at = 0;
      return 0;
    }
    const target = inode.readlink();
    if (typeof target === "number") return target;
    if (target === "") return -errno.ENOENT;
    this.#path = target + rest;
    this.#at = 0;
    if (target.charCodeAt(0) === slash) this.current = this.root;
    return 0;
  }
}

const slash = 0x2f;
const dot = 0x2e;

/** -ENOENT for the empty path, -ENAMETOOLONG for one of PATH_MAX bytes or more. */
export function checkPath(path: string): number {
  if (path === "") return -errno.ENOENT;
  if (path.length >= limits.pathBytesMax / 3 && encodeName(path).length >= limits.pathBytesMax)
    return -errno.ENAMETOOLONG;
  return 0;
}

/** The dentry at `path`, or -errno. `start` is where a relative path begins: the working directory, or an open one. */
export function lookup(caller: Caller, start: Dentry, path: string, followLast = true): PathDentry | number {
  const bad = checkPath(path);
  if (bad < 0) return bad;
  const walk = new Walk(caller, start, path);
  for (;;) {
    const failed = walk.toLast();
    if (failed < 0) return failed;
    const found = walk.step();
    if (typeof found === "number") return found;
    if (isSymlink(found.inode) && walk.kind === lastKind.normal && (followLast || walk.trailingSlash)) {
      const lost = walk.follow(found);
      if (lost < 0) return lost;
      continue;
    }
    if (walk.trailingSlash && !isDirectory(found.inode)) return -errno.ENOTDIR;
    return found;
  }
}
