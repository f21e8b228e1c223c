/**
 * File descriptors of a process: numbers to open file descriptions. Shared by tasks made with CLONE_FILES, copied by
 * fork. Every entry holds one reference of its file.
 */
import { errno } from "../abi/errno.ts";
import type { OpenFile } from "../vfs/types.ts";

interface Entry {
  readonly file: OpenFile;
  closeOnExec: boolean;
}

export class FdTable {
  #entries: (Entry | undefined)[] = [];
  /** No descriptor below this one is free. */
  #lowestFree = 0;
  /** Told of every file that leaves the table: POSIX record locks end with any descriptor of their file. */
  onClose: ((file: OpenFile) => void) | null = null;
  /** Tasks that share the table. */
  #users = 1;

  /** The file at `fd`, or null (EBADF). The caller does not get a reference of its own. */
  get(fd: number): OpenFile | null {
    return this.#entries[fd]?.file ?? null;
  }

  /**
   * Puts `file` at the lowest free number from `minimum` on, and takes over the caller's reference. `limit` is
   * RLIMIT_NOFILE: -EMFILE when there is none below it (the reference then stays with the caller).
   */
  allocate(file: OpenFile, closeOnExec: boolean, limit: number, minimum = 0): number {
    let fd = Math.max(minimum, this.#lowestFree);
    while (this.#entries[fd] !== undefined) fd++;
    if (fd >= limit) return -errno.EMFILE;
    this.#entries[fd] = { file, closeOnExec };
    if (minimum <= this.#lowestFree) this.#lowestFree = fd + 1;
    return fd;
  }

  /** Puts `file` at `fd` as dup2(2) does, closing what was there; takes over the caller's reference. */
  set(fd: number, file: OpenFile, closeOnExec: boolean): void {
    const previous = this.#entries[fd];
    this.#entries[fd] = { file, closeOnExec };
    if (previous === undefined) return;
    this.onClose?.(previous.file);
    previous.file.release();
  }

  /** 0 or -EBADF. */
  close(fd: number): number {
    const entry = this.#entries[fd];
    if (entry === undefined) return -errno.EBADF;
    this.#entries[fd] = undefined;
    if (fd < this.#lowestFree) this.#lowestFree = fd;
    while (this.#entries.length > 0 && this.#entries[this.#entries.length - 1] === undefined) this.#entries.pop();
    this.onClose?.(entry.file);
    entry.file.release();
    return 0;
  }

  closesOnExec(fd: number): boolean {
    return this.#entries[fd]?.closeOnExec ?? false;
  }

  setCloseOnExec(fd: number, closeOnExec: boolean): void {
    const entry = this.#entries[fd];
    if (entry !== undefined) entry.closeOnExec = closeOnExec;
  }

  /** Every open descriptor, ascending: for /proc/PID/fd, close_range(2) and the end of a process. */
  *[Symbol.iterator](): IterableIterator<readonly [fd: number, file: OpenFile]> {
    for (let fd = 0; fd < this.#entries.length; fd++) {
      const entry = this.#entries[fd];
      if (entry !== undefined) yield [fd, entry.file];
    }
  }

  /** One past the highest open descriptor. */
  get end(): number {
    return this.#entries.length;
  }

  /** A table of its own with the same files: fork(2), and unshare(CLONE_FILES). */
  copy(): FdTable {
    const table = new FdTable();
    for (let fd = 0; fd < this.#entries.length; fd++) {
      const entry = this.#entries[fd];
      if (entry === undefined) continue;
      entry.file.retain();
      table.#entries[fd] = { file: entry.file, closeOnExec: entry.closeOnExec };
    }
    table.#lowestFree = this.#lowestFree;
    return table;
  }

  /** What execve(2) does. */
  closeAllOnExec(): void {
    for (let fd = 0; fd < this.#entries.length; fd++) if (this.#entries[fd]?.closeOnExec) this.close(fd);
  }

  get isShared(): boolean {
    return this.#users > 1;
  }

  retain(): void {
    this.#users++;
  }

  /** The last task to let go closes every descriptor. */
  release(): void {
    if (--this.#users > 0) return;
    for (const entry of this.#entries) {
      if (entry === undefined) continue;
      this.onClose?.(entry.file);
      entry.file.release();
    }
    this.#entries = [];
    this.#lowestFree = 0;
  }
}
