/**
 * Advisory locks on files (man 2 flock, man 2 fcntl): of whole files by open file description, and of byte ranges by
 * process (POSIX) or by open file description. They hang off the inode and vanish with it.
 */
import { errno } from "../abi/errno.ts";
import { WaitQueue } from "../base/wait-queue.ts";
import type { FdTable } from "../kernel/fd-table.ts";
import { SpecialFile } from "../vfs/special-file.ts";
import type { Inode, OpenFile } from "../vfs/types.ts";

export interface RangeLock {
  /** The descriptor table of a process, or an open file description. */
  readonly owner: FdTable | OpenFile;
  /** Shown by F_GETLK; -1 for open file description locks. */
  readonly pid: number;
  readonly exclusive: boolean;
  readonly start: number;
  /** Past the last byte; Infinity for "to the end". */
  readonly end: number;
}

export class FileLocks {
  readonly waiters = new WaitQueue();
  #ranges: RangeLock[] = [];
  readonly #whole = new Map<OpenFile, boolean>();

  /** The first lock of someone else that `wanted` conflicts with. */
  conflict(wanted: RangeLock): RangeLock | null {
    for (const lock of this.#ranges) {
      if (lock.owner === wanted.owner || !(lock.exclusive || wanted.exclusive)) continue;
      if (lock.start < wanted.end && wanted.start < lock.end) return lock;
    }
    return null;
  }

  /** Locks a range: 0, or -EAGAIN while someone else holds it. */
  lock(wanted: RangeLock): number {
    if (this.conflict(wanted) !== null) return -errno.EAGAIN;
    this.unlock(wanted.owner, wanted.start, wanted.end);
    this.#ranges.push(wanted);
    return 0;
  }

  /** Unlocks a range: what reaches beyond it stays locked. */
  unlock(owner: FdTable | OpenFile, start: number, end: number): void {
    const kept: RangeLock[] = [];
    let changed = false;
    for (const lock of this.#ranges) {
      if (lock.owner !== owner || lock.end <= start || end <= lock.start) {
        kept.push(lock);
        continue;
      }
      changed = true;
      if (lock.start < start) kept.push({ ...lock, end: start });
      if (end < lock.end) kept.push({ ...lock, start: end });
    }
    if (!changed) return;
    this.#ranges = kept;
    this.waiters.wake();
  }

  /** flock(2): 0, or -EAGAIN. A file that holds a lock already changes it. */
  lockWhole(file: OpenFile, exclusive: boolean): number {
    for (const [holder, holdsExclusive] of this.#whole)
      if (holder !== file && (exclusive || holdsExclusive)) return -errno.EAGAIN;
    const had = this.#whole.has(file);
    this.#whole.set(file, exclusive);
    if (had && !exclusive) this.waiters.wake();
    return 0;
  }

  unlockWhole(file: OpenFile): void {
    if (this.#whole.delete(file)) this.waiters.wake();
  }
}

const locks = new WeakMap<Inode, FileLocks>();

export function locksOf(inode: Inode): FileLocks {
  let found = locks.get(inode);
  if (found === undefined) {
    found = new FileLocks();
    locks.set(inode, found);
  }
  return found;
}

const watchedFiles = new WeakSet<OpenFile>();

/** Locks held by an open file description end when it is closed for the last time. */
export function releaseWithFile(file: OpenFile): void {
  if (!(file instanceof SpecialFile) || watchedFiles.has(file)) return;
  watchedFiles.add(file);
  file.onClose(() => {
    const found = locks.get(file.inode);
    found?.unlockWhole(file);
    found?.unlock(file, 0, Infinity);
  });
}

/** Locks held by a process end when it closes any descriptor of the file (man 2 fcntl). */
export function releaseWithTable(table: FdTable): void {
  table.onClose ??= (file) => locks.get(file.inode)?.unlock(table, 0, Infinity);
}
