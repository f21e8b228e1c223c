/** memfd_create(2): a file of a tmpfs that no path leads to, and its seals. */
import { errno } from "../abi/errno.ts";
import { F_SEAL } from "../abi/fcntl.ts";
import type { Inode, OpenFile } from "../vfs/types.ts";

/** Seals by inode; an inode without an entry allows none (F_SEAL_SEAL). */
const seals = new WeakMap<Inode, number>();

export function sealsOf(file: OpenFile): number | null {
  return seals.get(file.inode) ?? null;
}

export function allowSeals(file: OpenFile, initial: number): void {
  seals.set(file.inode, initial);
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
