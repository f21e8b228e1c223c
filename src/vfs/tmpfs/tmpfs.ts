/** tmpfs (tmpfs(5)): a tree that lives in memory and is gone when it is unmounted. */
import { errno } from "../../abi/errno.ts";
import type { Clock } from "../../base/clock.ts";
import { limits } from "../../base/limits.ts";
import { TreeFileSystem } from "../memory/filesystem.ts";
import type { PagePool } from "../types.ts";

const TMPFS_MAGIC = 0x01021994;
/** Linux counts a directory entry as 20 bytes, "." and ".." included. */
const entryBytes = 20;

export interface TmpfsOptions {
  /** Bytes; null for no bound. */
  readonly size: number | null;
  readonly inodes: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/**
 * Mount options as tmpfs(5) has them: size=, nr_blocks=, nr_inodes=, mode=, uid=, gid=; numbers may end in k, m, g or,
 * for size, in % of the memory. Others are left to the mount. -EINVAL for a value that is no number.
 */
export function parseTmpfsOptions(options: string, memoryBytes: number): TmpfsOptions | number {
  const found = {
    size: (memoryBytes / 2) as number | null,
    inodes: Math.floor(memoryBytes / limits.pageBytes / 2),
    mode: 0o1777,
    uid: 0,
    gid: 0,
  };
  for (const option of options.split(",")) {
    const at = option.indexOf("=");
    if (at < 0) continue;
    const name = option.slice(0, at);
    const text = option.slice(at + 1);
    const value = name === "mode" ? parseOctal(text) : parseSize(text, memoryBytes);
    switch (name) {
      case "size":
        found.size = value === 0 ? null : value;
        break;
      case "nr_blocks":
        found.size = value === 0 ? null : value * limits.pageBytes;
        break;
      case "nr_inodes":
        found.inodes = value === 0 ? Infinity : value;
        break;
      case "mode":
        found.mode = value & 0o7777;
        break;
      case "uid":
        found.uid = value;
        break;
      case "gid":
        found.gid = value;
        break;
      default:
        continue;
    }
    if (Number.isNaN(value)) return -errno.EINVAL;
  }
  return found;
}

function parseOctal(text: string): number {
  return /^[0-7]+$/.test(text) ? Number.parseInt(text, 8) : NaN;
}

function parseSize(text: string, memoryBytes: number): number {
  const match = /^(\d+)([kmgKMG%]?)$/.exec(text);
  if (match === null) return NaN;
  const number = Number(match[1]);
  switch (match[2]!.toLowerCase()) {
    case "k":
      return number * 1024;
    case "m":
      return number * 1024 ** 2;
    case "g":
      return number * 1024 ** 3;
    case "%":
      return Math.floor((memoryBytes * number) / 100);
    default:
      return number;
  }
}

export function createTmpfs(pool: PagePool, clock: Clock, options: TmpfsOptions): TreeFileSystem {
  return new TreeFileSystem({
    type: "tmpfs",
    magic: TMPFS_MAGIC,
    pool,
    clock,
    lower: null,
    sizeBytesMax: options.size,
    inodesMax: options.inodes,
    readOnly: false,
    directoryBytes: (entries) => (entries + 2) * entryBytes,
    directoryBlocks: 0,
    root: options,
  });
}
