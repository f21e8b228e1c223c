/** mmap and its family (man 2 mmap). Rounding and checks are here, the work is in `kernel/mmap.ts`. */
import { errno } from "../abi/errno.ts";
import { O_ACCMODE, O_RDWR, O_WRONLY } from "../abi/fcntl.ts";
import { madvice, map, mremapFlags, msyncFlags, prot } from "../abi/mman.ts";
import { rlimit } from "../abi/resource.ts";
import { S_IFCHR, S_IFMT, makeDevice } from "../abi/stat.ts";
import { limits } from "../base/limits.ts";
import type { Maybe } from "../base/maybe.ts";
import { access } from "../../wasm/x86/types.ts";
import { FileBacking, SharedAnonymous } from "../kernel/backing.ts";
import {
  discardPages,
  isMapped,
  mapArea,
  protectArea,
  remapArea,
  roundUp,
  setHeapEnd,
  syncArea,
  unmapArea,
} from "../kernel/mmap.ts";
import type { Placement } from "../kernel/mmap.ts";
import { PageNeeded } from "../kernel/faults.ts";
import type { Task } from "../kernel/task.ts";
import { userEnd } from "../kernel/user-memory.ts";
import type { Backing } from "../kernel/vma.ts";
import type { OpenFile } from "../vfs/types.ts";
import { missing, partial, row } from "./row.ts";

const pageBytes = limits.pageBytes;
const knownProtection = prot.READ | prot.WRITE | prot.EXEC;
const devZero = makeDevice(1, 5);
/** mincore(2) answers for at most this much in one piece. */
const minCoreBytesMax = 2 ** 32;

function mmap(
  task: Task,
  address: number,
  length: number,
  protection: number,
  flags: number,
  fd: number,
  offset: number,
): number {
  if (length === 0 || offset % pageBytes !== 0 || offset < 0) return -errno.EINVAL;
  const bytes = roundUp(length);
  if (bytes > userEnd) return -errno.ENOMEM;
  const type = flags & map.TYPE;
  const shared = type === map.SHARED || type === map.SHARED_VALIDATE;
  if (!shared && type !== map.PRIVATE) return -errno.EINVAL;
  if ((flags & map.HUGETLB) !== 0) return -errno.ENOMEM;
  const fixed = (flags & (map.FIXED | map.FIXED_NOREPLACE)) !== 0;
  if (fixed && address % pageBytes !== 0) return -errno.EINVAL;

  let backing: Backing | null = null;
  let mayWrite = true;
  if ((flags & map.ANONYMOUS) === 0) {
    const file = task.file(fd);
    if (file === null) return -errno.EBADF;
    const mapped = mapFile(task, file, shared, protection);
    if (typeof mapped === "number") return mapped;
    backing = mapped.backing;
    mayWrite = mapped.mayWrite;
  } else if (shared) backing = new SharedAnonymous(task.kernel.frames);

  let placement: Placement;
  if ((flags & map.FIXED_NOREPLACE) !== 0) placement = { kind: "noreplace", address };
  else if (fixed) placement = { kind: "fixed", address };
  else if ((flags & map.MAP_32BIT) !== 0) placement = { kind: "low" };
  else placement = { kind: "hint", address: address - (address % pageBytes) };
  const start = mapArea(
    task.memory,
    {
      length: bytes,
      protection: protection & knownProtection,
      shared,
      backing,
      offset: (flags & map.ANONYMOUS) !== 0 ? 0 : offset,
      growsDown: (flags & map.GROWSDOWN) !== 0,
      mayWrite,
    },
    placement,
    task.process.limits.soft(rlimit.AS),
  );
  if (start > 0 && (flags & (map.POPULATE | map.LOCKED)) !== 0 && (flags & map.NONBLOCK) === 0) {
    populate(task, start, start + bytes, (protection & prot.WRITE) !== 0);
  }
  return start;
}

/** What a file's pages are mapped by; null backing for /dev/zero, which is anonymous memory by another name. */
function mapFile(
  task: Task,
  file: OpenFile,
  shared: boolean,
  protection: number,
): { backing: Backing | null; mayWrite: boolean } | number {
  const mode = file.flags & O_ACCMODE;
  if (mode === O_WRONLY) return -errno.EACCES;
  const mayWrite = !shared || mode === O_RDWR;
  if (shared && (protection & prot.WRITE) !== 0 && !mayWrite) return -errno.EACCES;
  if ((protection & prot.EXEC) !== 0 && file.dentry !== null && file.dentry.mount.noExec) return -errno.EPERM;
  const { inode } = file;
  if ((inode.mode & S_IFMT) === S_IFCHR && inode.rdev === devZero) {
    return { backing: shared ? new SharedAnonymous(task.kernel.frames) : null, mayWrite: true };
  }
  if (inode.mapping === null) return -errno.ENODEV;
  return { backing: new FileBacking(file, inode.mapping), mayWrite };
}

/** MAP_POPULATE is a hint: it stops at what is not there at once. */
function populate(task: Task, start: number, end: number, write: boolean): void {
  for (let at = start; at < end; at += pageBytes) {
    if (task.memory.fault(at, write ? access.write : access.read) !== null) return;
  }
}

function munmap(task: Task, address: number, length: number): number {
  if (address % pageBytes !== 0 || length === 0 || address + length > userEnd) return -errno.EINVAL;
  return unmapArea(task.memory, address, roundUp(length));
}

function mprotect(task: Task, address: number, length: number, protection: number): number {
  if (address % pageBytes !== 0) return -errno.EINVAL;
  if ((protection & ~(knownProtection | prot.GROWSDOWN | prot.GROWSUP | 8)) !== 0) return -errno.EINVAL;
  if (length === 0) return 0;
  const bytes = roundUp(length);
  if (address + bytes > userEnd) return -errno.ENOMEM;
  return protectArea(task.memory, address, bytes, protection);
}

function mremap(task: Task, address: number, oldLength: number, newLength: number, flags: number, to: number): number {
  const known = mremapFlags.MAYMOVE | mremapFlags.FIXED | mremapFlags.DONTUNMAP;
  const fixed = (flags & mremapFlags.FIXED) !== 0;
  const dontUnmap = (flags & mremapFlags.DONTUNMAP) !== 0;
  const mayMove = (flags & mremapFlags.MAYMOVE) !== 0;
  if ((flags & ~known) !== 0 || ((fixed || dontUnmap) && !mayMove)) return -errno.EINVAL;
  if (address % pageBytes !== 0 || newLength === 0) return -errno.EINVAL;
  if (fixed && to % pageBytes !== 0) return -errno.EINVAL;
  if (dontUnmap && oldLength !== newLength) return -errno.EINVAL;
  return remapArea(task.memory, {
    oldStart: address,
    oldLength: roundUp(oldLength),
    newLength: roundUp(newLength),
    mayMove,
    fixedAt: fixed ? to : null,
    dontUnmap,
  });
}

function madvise(task: Task, address: number, length: number, advice: number): Maybe<number> {
  if (address % pageBytes !== 0) return -errno.EINVAL;
  const end = address + roundUp(length);
  if (end > userEnd) return -errno.EINVAL;
  const { memory } = task;
  switch (advice) {
    case madvice.DONTNEED:
    case madvice.FREE:
      if (advice === madvice.FREE && memory.areas.overlapping(address, end).some((area) => area.backing !== null)) {
        return -errno.EINVAL;
      }
      discardPages(memory, address, end);
      break;
    case madvice.DONTFORK:
    case madvice.DOFORK:
    case madvice.WIPEONFORK:
    case madvice.KEEPONFORK: {
      const areas = memory.areas.overlapping(address, end);
      if (advice === madvice.WIPEONFORK && areas.some((area) => area.backing !== null || area.shared)) {
        return -errno.EINVAL;
      }
      memory.areas.splitAt(address);
      memory.areas.splitAt(end);
      for (const area of memory.areas.overlapping(address, end)) {
        if (advice === madvice.DONTFORK || advice === madvice.DOFORK) area.dontFork = advice === madvice.DONTFORK;
        else area.wipeOnFork = advice === madvice.WIPEONFORK;
      }
      memory.areas.mergeAround(address, end);
      break;
    }
    case madvice.POPULATE_READ:
    case madvice.POPULATE_WRITE:
      return populateAll(task, address, end, advice === madvice.POPULATE_WRITE);
    case madvice.NORMAL:
    case madvice.RANDOM:
    case madvice.SEQUENTIAL:
    case madvice.WILLNEED:
    case madvice.MERGEABLE:
    case madvice.UNMERGEABLE:
    case madvice.HUGEPAGE:
    case madvice.NOHUGEPAGE:
    case madvice.DONTDUMP:
    case madvice.DODUMP:
    case madvice.COLD:
    case madvice.PAGEOUT:
      // Advice about speed, core files or swap: there is nothing to do for it here.
      break;
    default:
      return -errno.EINVAL;
  }
  return length > 0 && !isMapped(memory, address, end) ? -errno.ENOMEM : 0;
}

function populateAll(task: Task, start: number, end: number, write: boolean): number {
  for (let at = start; at < end; at += pageBytes) {
    const fault = task.memory.fault(at, write ? access.write : access.read);
    if (fault instanceof Promise) throw new PageNeeded(fault);
    if (fault !== null) return isMapped(task.memory, at, at + pageBytes) ? -errno.EFAULT : -errno.ENOMEM;
  }
  return 0;
}

function brk(task: Task, end: number): number {
  return setHeapEnd(task.memory, end, task.process.limits.soft(rlimit.DATA));
}

function msync(task: Task, address: number, length: number, flags: number): Maybe<number> {
  if (address % pageBytes !== 0 || (flags & ~7) !== 0) return -errno.EINVAL;
  if ((flags & msyncFlags.ASYNC) !== 0 && (flags & msyncFlags.SYNC) !== 0) return -errno.EINVAL;
  const end = address + roundUp(length);
  if (!isMapped(task.memory, address, end)) return -errno.ENOMEM;
  const synced = syncArea(task.memory, address, end);
  return (flags & msyncFlags.SYNC) !== 0 ? synced : 0;
}

function mincore(task: Task, address: number, length: number, vector: number): number {
  if (address % pageBytes !== 0) return -errno.EINVAL;
  const bytes = roundUp(length);
  if (bytes > minCoreBytesMax || !isMapped(task.memory, address, address + bytes)) return -errno.ENOMEM;
  const answer = new Uint8Array(bytes / pageBytes);
  task.memory.table.update(address, address + bytes, (at, entry) => {
    answer[(at - address) / pageBytes] = 1;
    return entry;
  });
  task.user.write(vector, answer);
  return 0;
}

/** Nothing is ever swapped out: locking checks its range and brings the pages in. */
function mlock(task: Task, address: number, length: number): number {
  const start = address - (address % pageBytes);
  const end = roundUp(address + length);
  if (!isMapped(task.memory, start, end)) return -errno.ENOMEM;
  for (let at = start; at < end; at += pageBytes) {
    const area = task.memory.areas.find(at);
    if (area === null || (area.protection & knownProtection) === 0) return -errno.ENOMEM;
    const write = (area.protection & prot.WRITE) !== 0 && !area.shared;
    const fault = task.memory.fault(at, write ? access.write : access.read);
    if (fault instanceof Promise) throw new PageNeeded(fault);
    if (fault !== null) return -errno.ENOMEM;
  }
  return 0;
}

function mlock2(task: Task, address: number, length: number, flags: number): number {
  if ((flags & ~1) !== 0) return -errno.EINVAL;
  return flags === 1 ? 0 : mlock(task, address, length);
}

function munlock(task: Task, address: number, length: number): number {
  const start = address - (address % pageBytes);
  return isMapped(task.memory, start, roundUp(address + length)) ? 0 : -errno.ENOMEM;
}

function mlockall(_task: Task, flags: number): number {
  return flags === 0 || (flags & ~7) !== 0 || flags === 4 ? -errno.EINVAL : 0;
}

/** Keeps the file's pages as they are in memory: the old, deprecated way to rearrange them is a plain remapping. */
function remapFilePages(): number {
  return -errno.EINVAL;
}

function pkeyAlloc(): number {
  // What Linux answers on a processor without protection keys.
  return -errno.ENOSPC;
}

function pkeyMprotect(task: Task, address: number, length: number, protection: number, key: number): number {
  return key === -1 ? mprotect(task, address, length, protection) : -errno.EINVAL;
}

export const memoryRows = [
  row("mmap", mmap, ["address", "address", "flags:prot", "flags:map", "fd", "long"]),
  row("munmap", munmap, ["address", "address"]),
  row("mprotect", mprotect, ["address", "address", "flags:prot"]),
  row("mremap", mremap, ["address", "address", "address", "int", "address"]),
  partial("madvise", madvise, ["address", "address", "flags:madvise"], "MADV_REMOVE and memory poisoning are EINVAL"),
  row("brk", brk, ["address"]),
  row("msync", msync, ["address", "address", "int"]),
  row("mincore", mincore, ["address", "address", "buffer"]),
  row("mlock", mlock, ["address", "address"]),
  row("mlock2", mlock2, ["address", "address", "int"]),
  row("munlock", munlock, ["address", "address"]),
  partial("mlockall", mlockall, ["int"], "memory is never swapped out; pages are not brought in early"),
  row("munlockall", () => 0, []),
  partial("remap_file_pages", remapFilePages, [], "deprecated: always EINVAL"),
  row("pkey_alloc", pkeyAlloc, []),
  row("pkey_free", () => -errno.EINVAL, ["int"]),
  row("pkey_mprotect", pkeyMprotect, ["address", "address", "flags:prot", "int"]),
  missing("userfaultfd", "faults are not handed to programs"),
  missing("process_madvise", "advice on another process's memory"),
  missing("mbind", "there is one memory node"),
  missing("set_mempolicy", "there is one memory node"),
  missing("get_mempolicy", "there is one memory node"),
  missing("memfd_secret", "there is no kernel to hide memory from"),
  missing("swapon", "there is no swap"),
  missing("swapoff", "there is no swap"),
];
