/** What a container changed against its image: for docker's diff, commit and the like. */
import { S_IFDIR, S_IFMT } from "../../abi/stat.ts";
import type { TreeFileSystem } from "../memory/filesystem.ts";
import type { TreeInode } from "../memory/inode.ts";
import type { LowerNode } from "../memory/lower.ts";

export interface Change {
  /** From the root, with a leading slash. */
  readonly path: string;
  /** docker diff's A, C and D. A directory is changed when anything in it is. */
  readonly kind: "added" | "changed" | "deleted";
  /** As it is now; null for what was deleted. */
  readonly inode: TreeInode | null;
  /** A directory in place of another, or of something else: what the image has below it does not show. */
  readonly opaque: boolean;
}

/** Parents come before their children. */
export function changes(fs: TreeFileSystem): Change[] {
  const list: Change[] = [];
  collect(fs, "", fs.root, fs.lower?.root ?? null, list);
  return list;
}

/** `inode` stands over `lower`. */
function collect(fs: TreeFileSystem, path: string, inode: TreeInode, lower: LowerNode | null, list: Change[]): void {
  const at = list.length;
  for (const [name, below] of lower?.children ?? []) {
    const childPath = `${path}/${name}`;
    const now = inode.entries?.get(name);
    if (now === null) list.push({ path: childPath, kind: "deleted", inode: null, opaque: false });
    else if (now === undefined) same(fs, childPath, below, list);
    else if (now.lower === below) compareSame(fs, childPath, now, below, list);
    else replaced(childPath, now, below, list);
  }
  for (const [name, child] of namesNow(inode))
    if (lower?.children?.has(name) !== true) added(`${path}/${name}`, child, list);
  if (path !== "" && (list.length > at || inode.upper))
    list.splice(at, 0, { path, kind: "changed", inode, opaque: false });
}

/** A lower node nobody replaced: it or what is below may still differ. */
function same(fs: TreeFileSystem, path: string, below: LowerNode, list: Change[]): void {
  const inode = fs.knownInstance(below.ino);
  if (inode !== undefined) {
    compareSame(fs, path, inode, below, list);
    return;
  }
  // Changes below an inode nobody asked for come only from a journal, which asks by number.
  if (below.children === null) return;
  const at = list.length;
  for (const [name, child] of below.children) same(fs, `${path}/${name}`, child, list);
  if (list.length > at) list.splice(at, 0, { path, kind: "changed", inode: fs.instance(below), opaque: false });
}

function compareSame(fs: TreeFileSystem, path: string, inode: TreeInode, below: LowerNode, list: Change[]): void {
  if (below.children !== null) collect(fs, path, inode, below, list);
  else if (inode.upper) list.push({ path, kind: "changed", inode, opaque: false });
}

function replaced(path: string, now: TreeInode, below: LowerNode, list: Change[]): void {
  const directory = (now.mode & S_IFMT) === S_IFDIR;
  list.push({ path, kind: "changed", inode: now, opaque: directory && below.children !== null });
  if (directory) for (const [name, child] of namesNow(now, true)) added(`${path}/${name}`, child, list);
}

function added(path: string, inode: TreeInode, list: Change[]): void {
  list.push({ path, kind: "added", inode, opaque: false });
  if ((inode.mode & S_IFMT) !== S_IFDIR) return;
  for (const [name, child] of namesNow(inode, true)) added(`${path}/${name}`, child, list);
}

/** Names the directory has of its own; with `all` also those of the lower directory it stands over. */
function* namesNow(inode: TreeInode, all = false): Iterable<[string, TreeInode]> {
  if (all)
    for (const name of inode.lower?.children?.keys() ?? []) {
      if (inode.entries?.has(name) === true) continue;
      const child = inode.lookup(name);
      if (typeof child !== "number") yield [name, child];
    }
  for (const [name, child] of inode.entries ?? []) if (child !== null) yield [name, child];
}
