/**
 * What a writable tree may stand on: a tree that never changes. layerfs makes one from image layers; tmpfs has none.
 * Copy-up then needs no copying: an inode keeps its lower node, and only what differs is kept beside it.
 */
import type { Maybe } from "../../base/maybe.ts";

export interface LowerNode {
  /** From 1, dense, the same each time the tree is built from the same layers. */
  readonly ino: number;
  /** Type and permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Names in the tree, for everything but directories. */
  readonly nlink: number;
  readonly size: number;
  readonly rdev: number;
  readonly mtimeNs: bigint;
  /** Symbolic links; "" otherwise. */
  readonly target: string;
  /** Directories; null otherwise. */
  readonly children: ReadonlyMap<string, LowerNode> | null;
  /** Several layers list this directory. */
  readonly merged: boolean;
  readonly xattrs: ReadonlyMap<string, Uint8Array> | null;
  /** Regular files; null otherwise. */
  readonly content: LowerContent | null;
}

export interface LowerContent {
  readonly size: number;
  /** Bytes that are not holes. */
  readonly dataBytes: number;
  /** As `PageMapping.page`: not retained, zeros past the end of the last page. */
  page(index: number): Maybe<number>;
  isHole(index: number): boolean;
}

export interface LowerTree {
  readonly root: LowerNode;
  /** By inode number. */
  node(ino: number): LowerNode | undefined;
  readonly inoMax: number;
}
