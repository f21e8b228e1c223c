/** memfd_create(2): a file of a tmpfs that no path leads to, and its seals (man 2 fcntl, "File Sealing"). */
import { errno } from "../abi/errno.ts";
import { F_SEAL, O_LARGEFILE, O_RDWR, SEEK_CUR } from "../abi/fcntl.ts";
import { encodeName } from "../base/bytes.ts";
import type { Kernel } from "../kernel/kernel.ts";
import type { Task } from "../kernel/task.ts";
import { unnamedDentry } from "../vfs/dentry.ts";
import { createTmpfs } from "../vfs/tmpfs/tmpfs.ts";
import type { FileSystem, Inode, OpenFile } from "../vfs/types.ts";
import { partial } from "./row.ts";
import type { SyscallRow } from "./types.ts";

/** linux/memfd.h */
const MFD = { CLOEXEC: 1, ALLOW_SEALING: 2, HUGETLB: 4, NOEXEC_SEAL: 8, EXEC: 16 } as const;
/** NAME_MAX less the prefix "memfd:". */
const nameBytesMax = 249;

/** Seals by inode; only memfds have an entry. */
const seals = new WeakMap<Inode, number>();

export function sealsOf(file: OpenFile): number | null {
  return seals.get(file.inode) ?? null;
}

export function addSeals(file: OpenFile, added: number): number {
  const present = seals.get(file.inode);
  if (present === undefined) return -errno.EINVAL;
  if ((added & ~(F_SEAL.SEAL | F_SEAL.SHRINK | F_SEAL.GROW | F_SEAL.WRITE | F_SEAL.FUTURE_WRITE)) !== 0)
    return -errno.EINVAL;
  if ((present & F_SEAL.SEAL) !== 0) return -errno.EPERM;
  seals.set(file.inode, present | added);
  return 0;
}

/** -EPERM where a seal forbids writing `length` bytes at `position` (null: the file's own). */
export function sealedAgainstWrite(file: OpenFile, position: number | null, length: number): number {
  const present = seals.get(file.inode);
  if (present === undefined || present === 0) return 0;
  if ((present & (F_SEAL.WRITE | F_SEAL.FUTURE_WRITE)) !== 0) return -errno.EPERM;
  if ((present & F_SEAL.GROW) === 0) return 0;
  const at = position ?? file.seek(0, SEEK_CUR);
  return typeof at === "number" && at + length > file.inode.size ? -errno.EPERM : 0;
}

/** The same for ftruncate(2). */
export function sealedAgainstSize(file: OpenFile, size: number): number {
  const present = seals.get(file.inode) ?? 0;
  if (size < file.inode.size && (present & F_SEAL.SHRINK) !== 0) return -errno.EPERM;
  if (size > file.inode.size && (present & F_SEAL.GROW) !== 0) return -errno.EPERM;
  return 0;
}

const fileSystems = new WeakMap<Kernel, FileSystem>();

function fileSystemOf(kernel: Kernel): FileSystem {
  let fs = fileSystems.get(kernel);
  if (fs === undefined) {
    fs = createTmpfs(kernel.frames, kernel.clock, { size: null, inodes: Infinity, mode: 0o1777, uid: 0, gid: 0 });
    fileSystems.set(kernel, fs);
  }
  return fs;
}

async function memfdCreate(task: Task, nameAddress: number, flags: number): Promise<number> {
  if ((flags & ~(MFD.CLOEXEC | MFD.ALLOW_SEALING | MFD.NOEXEC_SEAL | MFD.EXEC)) !== 0) return -errno.EINVAL;
  const name = task.user.readCString(nameAddress, nameBytesMax + 1, errno.EINVAL);
  if (encodeName(name).length > nameBytesMax) return -errno.EINVAL;
  const executable = (flags & MFD.NOEXEC_SEAL) === 0;
  const inode = fileSystemOf(task.kernel).root.createUnnamed!(executable ? 0o777 : 0o666, task.fileCredentials);
  if (typeof inode === "number") return inode;
  const dentry = unnamedDentry(`/memfd:${name} (deleted)`, inode);
  const file = await inode.open(O_RDWR | O_LARGEFILE, {
    credentials: task.fileCredentials,
    dentry,
    openControllingTerminal: () => null,
    openSpecial: () => -errno.ENXIO,
  });
  if (typeof file === "number") return file;
  seals.set(inode, (flags & (MFD.ALLOW_SEALING | MFD.NOEXEC_SEAL)) !== 0 ? 0 : F_SEAL.SEAL);
  return task.allocateFd(file, (flags & MFD.CLOEXEC) !== 0);
}

export const memfdRows: readonly SyscallRow[] = [
  partial("memfd_create", memfdCreate, ["address", "uint"], "seals do not restrict what is mapped; no huge pages"),
];
