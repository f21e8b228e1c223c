/**
 * Names that were walked: a tree for each mount. The inode tree below is the truth; a dentry only remembers where one
 * stands, so that paths can be printed, ".." works, and mounts and working directories follow a rename.
 */
import { errno } from "../abi/errno.ts";
import type { FileSystem, Dentry, Inode, Mount } from "./types.ts";

export class PathDentry implements Dentry {
  name: string;
  parent: PathDentry | null;
  readonly mount: Mount;
  readonly inode: Inode;
  deleted = false;
  /** What is mounted here: the walk goes on at that mount's root. */
  mounted: Mount | null = null;
  #children: Map<string, PathDentry> | null = null;

  constructor(name: string, parent: PathDentry | null, mount: Mount, inode: Inode) {
    this.name = name;
    this.parent = parent;
    this.mount = mount;
    this.inode = inode;
  }

  /** The child called `name` as the file system has it now, or -errno. Mounts on it are not crossed. */
  child(name: string): PathDentry | number {
    const cached = this.#children?.get(name);
    // A mount point stays, whatever happens below it.
    if (cached !== undefined && cached.mounted !== null) return cached;
    const inode = this.inode.lookup(name);
    if (typeof inode === "number") {
      if (cached !== undefined) this.forget(name);
      return inode;
    }
    if (cached !== undefined) {
      if (cached.inode === inode) return cached;
      this.forget(name);
    }
    return this.remember(name, inode);
  }

  /** The cached child, without asking the file system. */
  known(name: string): PathDentry | undefined {
    return this.#children?.get(name);
  }

  remember(name: string, inode: Inode): PathDentry {
    const child = new PathDentry(name, this, this.mount, inode);
    (this.#children ??= new Map()).set(name, child);
    return child;
  }

  /** The name is gone; whoever still holds the dentry sees it as deleted. */
  forget(name: string): void {
    const child = this.#children?.get(name);
    if (child === undefined) return;
    child.deleted = true;
    this.#children!.delete(name);
  }

  /** After a successful rename: the dentry moves along, so that open files print their new path. */
  moveChild(name: string, target: PathDentry, targetName: string, exchange: boolean): void {
    const moved = this.#children?.get(name);
    const other = target.#children?.get(targetName);
    if (moved !== undefined) this.#children!.delete(name);
    if (other !== undefined) {
      target.#children!.delete(targetName);
      if (exchange) {
        other.name = name;
        other.parent = this;
        (this.#children ??= new Map()).set(name, other);
      } else other.deleted = true;
    }
    if (moved === undefined) return;
    moved.name = targetName;
    moved.parent = target;
    (target.#children ??= new Map()).set(targetName, moved);
  }
}

/** The topmost mount's root at this place. */
export function crossMounts(dentry: PathDentry): PathDentry {
  let at = dentry;
  while (at.mounted !== null) at = at.mounted.root as PathDentry;
  return at;
}

/** Where ".." leads: never above `root`. */
export function parentOf(dentry: PathDentry, root: Dentry): PathDentry {
  let at = dentry;
  if (at === root) return at;
  while (at.parent === null) {
    const below = at.mount.at as PathDentry | null;
    if (below === null) return at;
    at = below;
    if (at === root) return at;
  }
  return crossMounts(at.parent);
}

export interface PrintedPath {
  readonly path: string;
  /** False when `root` is not above the dentry. */
  readonly reachable: boolean;
  readonly deleted: boolean;
}

export function printPath(dentry: Dentry, root: Dentry): PrintedPath {
  const names: string[] = [];
  let deleted = false;
  let reachable = true;
  for (let at: Dentry = dentry; at !== root;) {
    if (at.deleted) deleted = true;
    if (at.parent !== null) {
      names.push(at.name);
      at = at.parent;
      continue;
    }
    const below: Dentry | null = at.mount.at;
    if (below === null) {
      // A file without a place ("pipe:[7]") prints its name alone.
      if (at === dentry && at.name !== "") return { path: at.name, reachable: true, deleted };
      reachable = false;
      break;
    }
    at = below;
  }
  return { path: `/${names.reverse().join("/")}`, reachable, deleted };
}

/** As /proc/self/fd/N and /proc/self/exe show it: " (deleted)" behind a removed name. */
export function pathOf(dentry: Dentry, root: Dentry): string {
  const { path, deleted } = printPath(dentry, root);
  return deleted ? `${path} (deleted)` : path;
}

/** getcwd(2): -ENOENT for a removed directory; "(unreachable)" in front where chroot has cut it off. */
export function currentDirectory(cwd: Dentry, root: Dentry): string | number {
  const { path, reachable, deleted } = printPath(cwd, root);
  if (deleted) return -errno.ENOENT;
  return reachable ? path : `(unreachable)${path}`;
}

/** Whether `dentry` is `ancestor` or below it, within one mount. */
export function isWithin(dentry: Dentry, ancestor: Dentry): boolean {
  for (let at: Dentry | null = dentry; at !== null; at = at.parent) if (at === ancestor) return true;
  return false;
}

const nowhere = new WeakMap<FileSystem, Mount>();

/** A dentry for a file that has no place in the tree, for magic links to pipes and sockets: `name` is "pipe:[7]". */
export function unnamedDentry(name: string, inode: Inode): PathDentry {
  let mount = nowhere.get(inode.fs);
  if (mount === undefined) {
    mount = new UnnamedMount(inode.fs);
    nowhere.set(inode.fs, mount);
  }
  return new PathDentry(name, null, mount, inode);
}

class UnnamedMount implements Mount {
  readonly fs: FileSystem;
  readonly at = null;
  readonly readOnly = false;
  readonly noExec = true;
  readonly noSuid = true;
  readonly noDevices = false;
  readonly source = "none";
  readonly options = "rw";

  constructor(fs: FileSystem) {
    this.fs = fs;
  }

  get root(): PathDentry {
    throw new Error("a file without a place has no mount root");
  }
}
