/** A writable tree in memory, alone (tmpfs) or over a lower tree (overlayfs). */
import { S_IFDIR } from "../../abi/stat.ts";
import type { Clock } from "../../base/clock.ts";
import { limits } from "../../base/limits.ts";
import type { Maybe } from "../../base/maybe.ts";
import { anonymousDevice } from "../anonymous-device.ts";
import { fileBytesMax } from "../file.ts";
import type { FileSystem, FileSystemStat, PagePool } from "../types.ts";
import { TreeInode } from "./inode.ts";
import type { LowerNode, LowerTree } from "./lower.ts";
import type { ChangeObserver } from "./observer.ts";

export interface TreeSettings {
  readonly type: string;
  /** statfs(2)'s f_type. */
  readonly magic: number;
  readonly pool: PagePool;
  readonly clock: Clock;
  readonly lower: LowerTree | null;
  /** Content the tree may hold on its own, lower content not counted; null for no bound but the pool's. */
  readonly sizeBytesMax: number | null;
  readonly inodesMax: number;
  readonly readOnly: boolean;
  /** What st_size of a directory with this many entries is. */
  readonly directoryBytes: (entries: number) => number;
  readonly directoryBlocks: number;
  readonly root: { readonly mode: number; readonly uid: number; readonly gid: number };
}

export class TreeFileSystem implements FileSystem {
  readonly type: string;
  readonly device = anonymousDevice();
  readonly root: TreeInode;
  readonly readOnly: boolean;
  readonly pool: PagePool;
  readonly clock: Clock;
  readonly lower: LowerTree | null;
  readonly fileBytesMax = fileBytesMax;
  readonly directoryBlocks: number;
  readonly directoryBytes: (entries: number) => number;
  /** Set once, before the first change that is to be kept. */
  observer: ChangeObserver | null = null;
  readonly #magic: number;
  readonly #pagesMax: number;
  readonly #inodesMax: number;
  #pagesUsed = 0;
  #inodes = 1;
  #nextIno: number;
  /** Inodes over lower nodes that were asked for, by number: hard links and journal replay meet the same object. */
  readonly #instances: (TreeInode | undefined)[];

  constructor(settings: TreeSettings) {
    this.type = settings.type;
    this.readOnly = settings.readOnly;
    this.pool = settings.pool;
    this.clock = settings.clock;
    this.lower = settings.lower;
    this.directoryBytes = settings.directoryBytes;
    this.directoryBlocks = settings.directoryBlocks;
    this.#magic = settings.magic;
    this.#pagesMax = settings.sizeBytesMax === null ? Infinity : Math.ceil(settings.sizeBytesMax / limits.pageBytes);
    this.#inodesMax = settings.inodesMax;
    this.#instances = Array.from({ length: settings.lower === null ? 0 : settings.lower.inoMax + 1 });
    this.#nextIno = (settings.lower?.inoMax ?? 0) + 1;
    if (settings.lower !== null) this.root = this.instance(settings.lower.root);
    else {
      const { root } = settings;
      this.root = new TreeInode(
        this,
        this.#nextIno++,
        null,
        S_IFDIR | root.mode,
        root,
        0,
        "",
        settings.clock.realtimeNs(),
      );
    }
  }

  /** The inode over a lower node. */
  instance(node: LowerNode): TreeInode {
    const known = this.#instances[node.ino];
    if (known !== undefined) return known;
    const made = new TreeInode(this, node.ino, node, node.mode, node, node.rdev, node.target, node.mtimeNs);
    this.#instances[node.ino] = made;
    return made;
  }

  /** The inode over a lower node if anyone ever asked for it. */
  knownInstance(ino: number): TreeInode | undefined {
    return this.#instances[ino];
  }

  /** Every inode over a lower node that differs from it. */
  *changedInstances(): Iterable<TreeInode> {
    for (const inode of this.#instances) if (inode !== undefined && inode.upper) yield inode;
  }

  newInode(mode: number, owner: { uid: number; gid: number }, rdev: number, target: string): TreeInode {
    this.#inodes++;
    return new TreeInode(this, this.#nextIno++, null, mode, owner, rdev, target, this.clock.realtimeNs());
  }

  /** Replay: an inode under the number it had. */
  restoreInode(
    ino: number,
    mode: number,
    owner: { uid: number; gid: number },
    rdev: number,
    target: string,
  ): TreeInode {
    this.#inodes++;
    if (ino >= this.#nextIno) this.#nextIno = ino + 1;
    return new TreeInode(this, ino, null, mode, owner, rdev, target, 0n);
  }

  inodeGone(): void {
    this.#inodes--;
  }

  /** Whether one more inode, name or attribute may be made. */
  hasRoom(): boolean {
    if (this.observer !== null && this.observer.full) return false;
    return this.#inodes < this.#inodesMax;
  }

  takePage(): boolean {
    if (this.#pagesUsed >= this.#pagesMax) return false;
    this.#pagesUsed++;
    return true;
  }

  returnPages(count: number): void {
    this.#pagesUsed -= count;
  }

  get pagesFree(): number {
    return this.#pagesMax - this.#pagesUsed;
  }

  /** Bytes of content the tree holds on its own. */
  get bytesUsed(): number {
    return this.#pagesUsed * limits.pageBytes;
  }

  statfs(): FileSystemStat {
    const blocks = Number.isFinite(this.#pagesMax) ? this.#pagesMax : limits.memoryBytesDefault / limits.pageBytes;
    const files = this.#inodesMax + (this.lower?.inoMax ?? 0);
    return {
      type: this.#magic,
      blockSize: limits.pageBytes,
      blocks,
      blocksFree: Math.max(0, blocks - this.#pagesUsed),
      files,
      filesFree: this.#inodesMax - this.#inodes,
    };
  }

  sync(): Maybe<number> {
    return this.observer === null ? 0 : this.observer.sync();
  }
}
