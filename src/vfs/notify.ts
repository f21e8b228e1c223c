/**
 * Telling watchers what happens to files (Linux: fsnotify), for inotify(7). Whoever changes something says so here; it
 * costs nothing while nobody watches.
 *
 *     notifyDirectory(parent, IN.CREATE, name, child)   something happened to a name in a directory
 *     notifyFile(target, IN.MODIFY)                     to a file, which its directory's watchers hear too
 */
import { IN } from "../abi/inotify.ts";
import { S_IFDIR, S_IFMT } from "../abi/stat.ts";
import type { Inode, Mount } from "./types.ts";

export interface FileWatcher {
  /** `name` is "" for events of the watched inode itself. */
  event(mask: number, name: string, cookie: number): void;
}

const watchers = new WeakMap<Inode, Set<FileWatcher>>();
let watched = 0;
let lastCookie = 0;

/** Returns how to stop. */
export function watchInode(inode: Inode, watcher: FileWatcher): () => void {
  let set = watchers.get(inode);
  if (set === undefined) watchers.set(inode, (set = new Set()));
  set.add(watcher);
  watched++;
  return () => {
    if (set.delete(watcher)) watched--;
  };
}

function tell(inode: Inode, mask: number, name: string, cookie: number): void {
  const set = watchers.get(inode);
  if (set === undefined) return;
  // A watcher may stop watching as it hears.
  for (const watcher of Array.from(set)) watcher.event(mask, name, cookie);
}

const directoryBit = (inode: Inode): number => ((inode.mode & S_IFMT) === S_IFDIR ? IN.ISDIR : 0);

/** Something happened to `name` in a directory. */
export function notifyDirectory(directory: Inode, mask: number, name: string, child: Inode, cookie = 0): void {
  if (watched > 0) tell(directory, mask | directoryBit(child), name, cookie);
}

/** What an event happens to: a dentry, or an inode that has no name. */
interface Place {
  readonly inode: Inode;
  readonly mount: Mount | null;
  readonly name?: string;
  readonly parent?: { readonly inode: Inode } | null;
}

/** Something happened to a file: its own watchers hear it, and those of the directory it was reached through. */
export function notifyFile(place: Place, mask: number): void {
  if (watched === 0) return;
  const { inode, parent, name } = place;
  const full = mask | directoryBit(inode);
  if (parent != null && name !== undefined) tell(parent.inode, full, name, 0);
  tell(inode, full, "", 0);
}

/** A name was removed. A file that is open elsewhere is said to be gone with its last name rather than its last use. */
export function notifyRemoved(directory: Inode, name: string, child: Inode): void {
  if (watched === 0) return;
  const isDirectory = (child.mode & S_IFMT) === S_IFDIR;
  if (!isDirectory) tell(child, IN.ATTRIB, "", 0);
  if (isDirectory || child.nlink === 0) tell(child, IN.DELETE_SELF | directoryBit(child), "", 0);
  tell(directory, IN.DELETE | directoryBit(child), name, 0);
}

/** A rename took the name of another file away. */
export function notifyReplaced(child: Inode): void {
  if (watched === 0) return;
  tell(child, IN.ATTRIB, "", 0);
  if (child.nlink === 0) tell(child, IN.DELETE_SELF | directoryBit(child), "", 0);
}

export function notifyMoved(source: Inode, sourceName: string, target: Inode, targetName: string, child: Inode): void {
  if (watched === 0) return;
  const cookie = ++lastCookie;
  const bit = directoryBit(child);
  tell(source, IN.MOVED_FROM | bit, sourceName, cookie);
  tell(target, IN.MOVED_TO | bit, targetName, cookie);
  tell(child, IN.MOVE_SELF | bit, "", 0);
}
