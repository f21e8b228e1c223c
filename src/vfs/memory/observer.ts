/** Who is told of every change of a writable tree: the journal of a container's upper layer. */
import type { TreeInode } from "./inode.ts";

export interface ChangeObserver {
  /** Storage is full: nothing that needs room may be done. */
  readonly full: boolean;
  /** Attributes, link count, extended attributes or the symlink target; also once for a new inode. */
  inodeChanged(inode: TreeInode): void;
  /** `child` null: the name is gone. */
  entryChanged(directory: TreeInode, name: string, child: TreeInode | null): void;
  pageChanged(inode: TreeInode, index: number): void;
  /** The page may be mapped for writing: its bytes change without notice while it has references of others. */
  pageMapped(inode: TreeInode, index: number): void;
  /** All pages from `firstIndex` on are gone. */
  pagesDropped(inode: TreeInode, firstIndex: number): void;
  /** The last name went: after a restart nothing of it is left. */
  inodeRemoved(inode: TreeInode): void;
  /** fsync(2), sync(2): what changed so far is durable. 0 or -errno. */
  sync(): Promise<number>;
}
