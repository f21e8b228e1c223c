/**
 * The file, poll and clock calls of WASI preview 1 over the container's own file system and terminal. Each returns a
 * WASI error number, or a promise of it where Linux would wait: `run.ts` decides how the program waits.
 *
 * A WASI path is relative to a directory descriptor; descriptor 3 is the container's root. Source: the
 * wasi_snapshot_preview1 witx documents.
 */
import { errno } from "../abi/errno.ts";
import {
  O_APPEND,
  O_CREAT,
  O_DIRECTORY,
  O_DSYNC,
  O_EXCL,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_RDONLY,
  O_RDWR,
  O_SYNC,
  O_TRUNC,
  O_WRONLY,
} from "../abi/fcntl.ts";
import { S_IFDIR, S_IFMT } from "../abi/stat.ts";
import { decodeName, encodeName } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { limits } from "../base/limits.ts";
import type { Maybe } from "../base/maybe.ts";
import { mapMaybe } from "../base/maybe.ts";
import {
  link,
  lookup,
  mkdir,
  open,
  readlink,
  rename,
  rmdir,
  symlink,
  targetOf,
  unlink,
  utimens,
} from "../vfs/operations.ts";
import { poll } from "../vfs/types.ts";
import type { Caller, Dentry, Inode, OpenFile } from "../vfs/types.ts";
import {
  allRights,
  fdflags,
  fileType,
  fstflags,
  lookupFollow,
  oflags,
  rights,
  subscription,
  toWasiErrno,
  wasiErrno,
} from "./abi.ts";

/** A call's arguments are what the program passes: i32 as numbers, i64 as BigInt. */
// oxlint-disable-next-line no-explicit-any -- each function below states its own.
export type WasiFunction = (...args: any[]) => Maybe<number>;

interface Descriptor {
  readonly file: OpenFile;
  /** What fd_prestat_dir_name says; null for files the program opened itself. */
  readonly preopen: string | null;
}

export class ProgramExit extends Error {
  readonly code: number;
  constructor(code: number) {
    super(`exit ${code}`);
    this.code = code;
  }
}

export class Preview1 {
  readonly #caller: Caller;
  readonly #clock: Clock;
  readonly #descriptors = new Map<number, Descriptor>();
  #memory: WebAssembly.Memory | null = null;

  /** `standard` are stdin, stdout and stderr; `root` an open directory that becomes descriptor 3. */
  constructor(caller: Caller, clock: Clock, standard: readonly OpenFile[], root: OpenFile) {
    this.#caller = caller;
    this.#clock = clock;
    for (const [fd, file] of standard.entries()) this.#descriptors.set(fd, { file, preopen: null });
    this.#descriptors.set(3, { file: root, preopen: "/" });
  }

  attach(memory: WebAssembly.Memory): void {
    this.#memory = memory;
  }

  close(): void {
    for (const { file } of this.#descriptors.values()) file.release();
    this.#descriptors.clear();
  }

  /** Everything by its import name. */
  imports(): Record<string, WasiFunction> {
    return {
      ...this.#files(),
      ...this.#paths(),
      ...this.#clocks(),
      proc_exit: (code: number) => {
        throw new ProgramExit(code);
      },
      proc_raise: (signal: number) => {
        throw new ProgramExit(128 + signal);
      },
      sched_yield: () => wasiErrno.success,
      poll_oneoff: (input: number, output: number, count: number, events: number) =>
        this.#poll(input, output, count, events),
    };
  }

  #files(): Record<string, WasiFunction> {
    const on = (fd: number, f: (file: OpenFile) => Maybe<number>): Maybe<number> => {
      const found = this.#descriptors.get(fd);
      return found === undefined ? wasiErrno.badf : f(found.file);
    };
    return {
      fd_advise: (fd: number) => on(fd, () => wasiErrno.success),
      fd_allocate: (fd: number, offset: bigint, length: bigint) =>
        on(fd, (file) =>
          file.allocate === undefined
            ? wasiErrno.nosys
            : mapMaybe(file.allocate(0, Number(offset), Number(length)), toWasiErrno),
        ),
      fd_close: (fd: number) =>
        on(fd, (file) => {
          this.#descriptors.delete(fd);
          file.release();
          return wasiErrno.success;
        }),
      fd_datasync: (fd: number) => on(fd, (file) => mapMaybe(file.sync(), toWasiErrno)),
      fd_sync: (fd: number) => on(fd, (file) => mapMaybe(file.sync(), toWasiErrno)),
      fd_fdstat_get: (fd: number, at: number) =>
        on(fd, (file) => {
          const view = this.#view;
          view.setUint8(at, fileType(file.inode.mode));
          view.setUint8(at + 1, 0);
          const flags = (file.flags & O_APPEND ? fdflags.append : 0) | (file.flags & O_NONBLOCK ? fdflags.nonblock : 0);
          view.setUint16(at + 2, flags, true);
          view.setUint32(at + 4, 0, true);
          view.setBigUint64(at + 8, allRights, true);
          view.setBigUint64(at + 16, allRights, true);
          return wasiErrno.success;
        }),
      fd_fdstat_set_flags: (fd: number, flags: number) =>
        on(fd, (file) => {
          const kept = file.flags & ~(O_APPEND | O_NONBLOCK);
          file.flags = kept | (flags & fdflags.append ? O_APPEND : 0) | (flags & fdflags.nonblock ? O_NONBLOCK : 0);
          return wasiErrno.success;
        }),
      // Rights were dropped from WASI: what a descriptor may do follows from how it was opened.
      fd_fdstat_set_rights: (fd: number) => on(fd, () => wasiErrno.success),
      fd_filestat_get: (fd: number, at: number) => on(fd, (file) => this.#putStat(at, file.inode)),
      fd_filestat_set_size: (fd: number, size: bigint) =>
        on(fd, (file) => mapMaybe(file.truncate(Number(size)), toWasiErrno)),
      fd_filestat_set_times: (fd: number, atime: bigint, mtime: bigint, flags: number) =>
        on(fd, (file) => this.#setTimes(targetOf(file), atime, mtime, flags)),
      fd_read: (fd: number, vectors: number, count: number, at: number) =>
        on(fd, (file) => this.#transfer("read", file, vectors, count, null, at)),
      fd_pread: (fd: number, vectors: number, count: number, offset: bigint, at: number) =>
        on(fd, (file) => this.#transfer("read", file, vectors, count, Number(offset), at)),
      fd_write: (fd: number, vectors: number, count: number, at: number) =>
        on(fd, (file) => this.#transfer("write", file, vectors, count, null, at)),
      fd_pwrite: (fd: number, vectors: number, count: number, offset: bigint, at: number) =>
        on(fd, (file) => this.#transfer("write", file, vectors, count, Number(offset), at)),
      fd_seek: (fd: number, offset: bigint, whence: number, at: number) =>
        on(fd, (file) => this.#seek(file, Number(offset), whence, at)),
      fd_tell: (fd: number, at: number) => on(fd, (file) => this.#seek(file, 0, 1, at)),
      fd_readdir: (fd: number, buffer: number, length: number, cookie: bigint, at: number) =>
        on(fd, (file) => this.#readdir(file, buffer, length, Number(cookie), at)),
      fd_renumber: (from: number, to: number) => {
        const moved = this.#descriptors.get(from);
        if (moved === undefined || !this.#descriptors.has(to)) return wasiErrno.badf;
        this.#descriptors.get(to)!.file.release();
        this.#descriptors.set(to, moved);
        this.#descriptors.delete(from);
        return wasiErrno.success;
      },
      fd_prestat_get: (fd: number, at: number) => {
        const preopen = this.#descriptors.get(fd)?.preopen;
        if (preopen === undefined || preopen === null) return wasiErrno.badf;
        this.#view.setUint32(at, 0, true);
        this.#view.setUint32(at + 4, encodeName(preopen).length, true);
        return wasiErrno.success;
      },
      fd_prestat_dir_name: (fd: number, at: number, length: number) => {
        const preopen = this.#descriptors.get(fd)?.preopen;
        if (preopen === undefined || preopen === null) return wasiErrno.badf;
        this.#bytes.set(encodeName(preopen).subarray(0, length), at);
        return wasiErrno.success;
      },
      sock_accept: () => wasiErrno.nosys,
      sock_recv: () => wasiErrno.nosys,
      sock_send: () => wasiErrno.nosys,
      sock_shutdown: () => wasiErrno.nosys,
    };
  }

  #paths(): Record<string, WasiFunction> {
    /** Calls `f` with the directory's dentry and the path, once both are known to be good. */
    const at = (
      fd: number,
      path: number,
      length: number,
      f: (start: Dentry, path: string) => Maybe<number>,
    ): Maybe<number> => {
      const directory = this.#descriptors.get(fd)?.file;
      if (directory === undefined) return wasiErrno.badf;
      if (directory.dentry === null || (directory.inode.mode & S_IFMT) !== S_IFDIR) return wasiErrno.notdir;
      const text = decodeName(this.#bytes.subarray(path, path + length));
      if (leavesDirectory(text)) return wasiErrno.notcapable;
      return f(directory.dentry, text === "" ? "." : text);
    };
    const caller = this.#caller;
    return {
      path_create_directory: (fd: number, path: number, length: number) =>
        at(fd, path, length, (start, name) => toWasiErrno(mkdir(caller, start, name, 0o777))),
      path_filestat_get: (fd: number, flags: number, path: number, length: number, target: number) =>
        at(fd, path, length, (start, name) => {
          const found = lookup(caller, start, name, (flags & lookupFollow) !== 0);
          return typeof found === "number" ? toWasiErrno(found) : this.#putStat(target, found.inode);
        }),
      path_filestat_set_times: (
        fd: number,
        flags: number,
        path: number,
        length: number,
        atime: bigint,
        mtime: bigint,
        times: number,
      ) =>
        at(fd, path, length, (start, name) => {
          const found = lookup(caller, start, name, (flags & lookupFollow) !== 0);
          return typeof found === "number" ? toWasiErrno(found) : this.#setTimes(found, atime, mtime, times);
        }),
      path_link: (
        sourceFd: number,
        flags: number,
        source: number,
        sourceLength: number,
        targetFd: number,
        target: number,
        targetLength: number,
      ) =>
        at(sourceFd, source, sourceLength, (sourceStart, sourceName) =>
          at(targetFd, target, targetLength, (targetStart, targetName) =>
            toWasiErrno(link(caller, sourceStart, sourceName, targetStart, targetName, (flags & lookupFollow) !== 0)),
          ),
        ),
      path_open: (
        fd: number,
        lookupFlags: number,
        path: number,
        length: number,
        openFlags: number,
        wanted: bigint,
        _inheriting: bigint,
        flags: number,
        result: number,
      ) =>
        at(fd, path, length, (start, name) =>
          mapMaybe(open(caller, start, name, linuxFlags(lookupFlags, openFlags, wanted, flags), 0o666), (file) => {
            if (typeof file === "number") return toWasiErrno(file);
            const made = this.#add(file);
            if (made < 0) return toWasiErrno(made);
            this.#view.setUint32(result, made, true);
            return wasiErrno.success;
          }),
        ),
      path_readlink: (fd: number, path: number, length: number, buffer: number, size: number, used: number) =>
        at(fd, path, length, (start, name) => {
          const target = readlink(caller, start, name);
          if (typeof target === "number") return toWasiErrno(target);
          const bytes = encodeName(target).subarray(0, size);
          this.#bytes.set(bytes, buffer);
          this.#view.setUint32(used, bytes.length, true);
          return wasiErrno.success;
        }),
      path_remove_directory: (fd: number, path: number, length: number) =>
        at(fd, path, length, (start, name) => toWasiErrno(rmdir(caller, start, name))),
      path_rename: (
        sourceFd: number,
        source: number,
        sourceLength: number,
        targetFd: number,
        target: number,
        targetLength: number,
      ) =>
        at(sourceFd, source, sourceLength, (sourceStart, sourceName) =>
          at(targetFd, target, targetLength, (targetStart, targetName) =>
            toWasiErrno(rename(caller, sourceStart, sourceName, targetStart, targetName, 0)),
          ),
        ),
      path_symlink: (target: number, targetLength: number, fd: number, path: number, length: number) =>
        at(fd, path, length, (start, name) =>
          toWasiErrno(symlink(caller, decodeName(this.#bytes.subarray(target, target + targetLength)), start, name)),
        ),
      path_unlink_file: (fd: number, path: number, length: number) =>
        at(fd, path, length, (start, name) => toWasiErrno(unlink(caller, start, name))),
    };
  }

  #clocks(): Record<string, WasiFunction> {
    return {
      clock_res_get: (clock: number, at: number) => {
        if (clock > 3) return wasiErrno.inval;
        this.#view.setBigUint64(at, 1000n, true);
        return wasiErrno.success;
      },
      clock_time_get: (clock: number, _precision: bigint, at: number) => {
        if (clock > 3) return wasiErrno.inval;
        this.#view.setBigUint64(at, clock === 0 ? this.#clock.realtimeNs() : this.#clock.monotonicNs(), true);
        return wasiErrno.success;
      },
    };
  }

  get #view(): DataView {
    return new DataView(this.#memory!.buffer);
  }

  get #bytes(): Uint8Array {
    return new Uint8Array(this.#memory!.buffer);
  }

  #add(file: OpenFile): number {
    let fd = 4;
    while (this.#descriptors.has(fd)) fd++;
    if (fd >= limits.openFilesMax) {
      file.release();
      return -errno.EMFILE;
    }
    this.#descriptors.set(fd, { file, preopen: null });
    return fd;
  }

  #putStat(at: number, inode: Inode): number {
    const view = this.#view;
    view.setBigUint64(at, BigInt(inode.fs.device), true);
    view.setBigUint64(at + 8, BigInt(inode.ino), true);
    view.setBigUint64(at + 16, 0n, true);
    view.setUint8(at + 16, fileType(inode.mode));
    view.setBigUint64(at + 24, BigInt(inode.nlink), true);
    view.setBigUint64(at + 32, BigInt(inode.size), true);
    view.setBigUint64(at + 40, inode.atimeNs, true);
    view.setBigUint64(at + 48, inode.mtimeNs, true);
    view.setBigUint64(at + 56, inode.ctimeNs, true);
    return wasiErrno.success;
  }

  #setTimes(target: Parameters<typeof utimens>[1], atime: bigint, mtime: bigint, flags: number): Maybe<number> {
    const both = fstflags.atime | fstflags.atimeNow;
    const other = fstflags.mtime | fstflags.mtimeNow;
    if ((flags & both) === both || (flags & other) === other) return wasiErrno.inval;
    const choose = (value: bigint, given: number, now: number) =>
      (flags & now) !== 0 ? ("now" as const) : (flags & given) !== 0 ? value : ("omit" as const);
    return mapMaybe(
      utimens(
        this.#caller,
        target,
        choose(atime, fstflags.atime, fstflags.atimeNow),
        choose(mtime, fstflags.mtime, fstflags.mtimeNow),
      ),
      toWasiErrno,
    );
  }

  #seek(file: OpenFile, offset: number, whence: number, at: number): Maybe<number> {
    return mapMaybe(file.seek(offset, whence), (position) => {
      if (position < 0) return toWasiErrno(position);
      this.#view.setBigUint64(at, BigInt(position), true);
      return wasiErrno.success;
    });
  }

  /** Reads or writes through a list of vectors; what has been moved is stored at `at`. */
  #transfer(
    direction: "read" | "write",
    file: OpenFile,
    vectors: number,
    count: number,
    position: number | null,
    at: number,
  ): Maybe<number> {
    let total = 0;
    const finish = (result: number): number => {
      if (result < 0 && total === 0) return toWasiErrno(result);
      this.#view.setUint32(at, total, true);
      return wasiErrno.success;
    };
    const step = (index: number, done: number): Maybe<number> => {
      if (index >= count) return finish(0);
      const view = this.#view;
      const address = view.getUint32(vectors + index * 8, true);
      const length = view.getUint32(vectors + index * 8 + 4, true);
      if (address + length > view.byteLength) return finish(-errno.EFAULT);
      if (done >= length) return step(index + 1, 0);
      // Through a buffer of our own: memory may grow, and so detach its views, before a slow read comes back.
      const part = new Uint8Array(length - done);
      if (direction === "write") part.set(this.#bytes.subarray(address + done, address + length));
      const place = position === null ? null : position + total;
      const moved = direction === "read" ? file.read(part, place) : file.write(part, place);
      return mapMaybe(moved, (result) => {
        if (result === -errno.EAGAIN && (file.flags & O_NONBLOCK) === 0 && file.waiters !== null) {
          if (total > 0 && direction === "read") return finish(0);
          return whenWoken(file).then(() => step(index, done));
        }
        if (result <= 0) return finish(result);
        if (direction === "read") this.#bytes.set(part.subarray(0, result), address + done);
        total += result;
        // A short read is the caller's to repeat; a short write goes on.
        if (result < part.length) return direction === "read" ? finish(0) : step(index, done + result);
        return step(index + 1, 0);
      });
    };
    return step(0, 0);
  }

  #readdir(file: OpenFile, buffer: number, length: number, cookie: number, at: number): Maybe<number> {
    return mapMaybe(file.seek(cookie, 0), (position) => {
      if (position < 0) return toWasiErrno(position);
      const entries = file.readdir();
      if (typeof entries === "number") return toWasiErrno(entries);
      let used = 0;
      for (const entry of entries) {
        const name = encodeName(entry.name);
        const record = new Uint8Array(24 + name.length);
        const view = new DataView(record.buffer);
        view.setBigUint64(0, BigInt(entry.position), true);
        view.setBigUint64(8, BigInt(entry.ino), true);
        view.setUint32(16, name.length, true);
        view.setUint8(20, fileType(entry.type));
        record.set(name, 24);
        // A record cut off at the buffer's end tells the program to ask again from its cookie.
        const part = record.subarray(0, length - used);
        this.#bytes.set(part, buffer + used);
        used += part.length;
        if (used >= length) break;
      }
      this.#view.setUint32(at, used, true);
      return wasiErrno.success;
    });
  }

  /** poll_oneoff: subscriptions of 48 bytes in, events of 32 bytes out. */
  #poll(input: number, output: number, count: number, eventsAt: number): Maybe<number> {
    if (count === 0) return wasiErrno.inval;
    interface Wanted {
      readonly userdata: bigint;
      readonly type: number;
      readonly file: OpenFile | null;
      readonly deadlineNs: bigint | null;
    }
    const view = this.#view;
    const wanted: Wanted[] = [];
    for (let i = 0; i < count; i++) {
      const at = input + i * 48;
      const userdata = view.getBigUint64(at, true);
      const type = view.getUint8(at + 8);
      if (type === subscription.clock) {
        const clock = view.getUint32(at + 16, true);
        const timeout = view.getBigUint64(at + 24, true);
        const absolute = (view.getUint16(at + 40, true) & 1) !== 0;
        const now = clock === 0 ? this.#clock.realtimeNs() : this.#clock.monotonicNs();
        const left = absolute ? timeout - now : timeout;
        wanted.push({ userdata, type, file: null, deadlineNs: this.#clock.monotonicNs() + (left > 0n ? left : 0n) });
      } else {
        const file = this.#descriptors.get(view.getUint32(at + 16, true))?.file ?? null;
        wanted.push({ userdata, type, file, deadlineNs: null });
      }
    }
    const look = (): number => {
      const now = this.#clock.monotonicNs();
      const out = this.#view;
      let events = 0;
      for (const one of wanted) {
        let error: number = wasiErrno.success;
        if (one.deadlineNs !== null) {
          if (now < one.deadlineNs) continue;
        } else if (one.file === null) error = wasiErrno.badf;
        else {
          const bits = one.type === subscription.read ? poll.in | poll.hangup | poll.error : poll.out | poll.error;
          if ((one.file.poll() & bits) === 0) continue;
        }
        const at = output + events * 32;
        out.setBigUint64(at, one.userdata, true);
        out.setUint16(at + 8, error, true);
        out.setUint8(at + 10, one.type);
        out.setBigUint64(at + 16, 1n, true);
        out.setUint16(at + 24, 0, true);
        events++;
      }
      out.setUint32(eventsAt, events, true);
      return events;
    };
    if (look() > 0) return wasiErrno.success;
    return new Promise<number>((resolve) => {
      const leave: (() => void)[] = [];
      const again = () => {
        if (look() === 0) return;
        for (const step of leave) step();
        resolve(wasiErrno.success);
      };
      for (const { file, deadlineNs } of wanted) {
        if (file?.waiters) leave.push(file.waiters.add(again));
        if (deadlineNs !== null) {
          const waitMs = Number(deadlineNs - this.#clock.monotonicNs()) / 1e6;
          const timer = setTimeout(again, Math.max(0, Math.ceil(waitMs)));
          leave.push(() => clearTimeout(timer));
        }
      }
    });
  }
}

function whenWoken(file: OpenFile): Promise<void> {
  return new Promise((resolve) => {
    const leave = file.waiters!.add(() => {
      leave();
      resolve();
    });
  });
}

/** WASI paths never lead out of their directory: neither absolute ones nor more ".." than names before them. */
function leavesDirectory(path: string): boolean {
  if (path.startsWith("/")) return true;
  let depth = 0;
  for (const part of path.split("/")) {
    if (part === "..") depth--;
    else if (part !== "" && part !== ".") depth++;
    if (depth < 0) return true;
  }
  return false;
}

function linuxFlags(lookupFlags: number, openFlags: number, wanted: bigint, flags: number): number {
  const directory = (openFlags & oflags.directory) !== 0;
  const reads = (wanted & rights.read) !== 0n;
  const writes = (wanted & rights.write) !== 0n && !directory;
  return (
    (writes ? (reads ? O_RDWR : O_WRONLY) : O_RDONLY) |
    ((lookupFlags & lookupFollow) === 0 ? O_NOFOLLOW : 0) |
    ((openFlags & oflags.create) !== 0 ? O_CREAT : 0) |
    (directory ? O_DIRECTORY : 0) |
    ((openFlags & oflags.exclusive) !== 0 ? O_EXCL : 0) |
    ((openFlags & oflags.truncate) !== 0 ? O_TRUNC : 0) |
    ((flags & fdflags.append) !== 0 ? O_APPEND : 0) |
    ((flags & fdflags.nonblock) !== 0 ? O_NONBLOCK : 0) |
    ((flags & fdflags.dsync) !== 0 ? O_DSYNC : 0) |
    ((flags & (fdflags.sync | fdflags.rsync)) !== 0 ? O_SYNC : 0)
  );
}
