/**
 * A directory or file of the host inside a container (docker's bind mount), under Node. The guest's paths are resolved
 * by Wherry's own walk, component by component; the host only ever sees single names in directories it was shown, so
 * no link and no ".." can lead out of the mounted tree.
 *
 *     const fs = createHostFileSystem("/home/me/project", { pool, readOnly: false });
 *     namespace.mount(dentry, fs, "/home/me/project", "rw,relatime");
 */
import { closeSync, existsSync, fsyncSync, openSync, realpathSync, statSync, statfsSync } from "node:fs";
import type { BigIntStats } from "node:fs";
import { basename, dirname } from "node:path";
import { WherryError } from "../../base/errors.ts";
import { anonymousDevice } from "../anonymous-device.ts";
import type { FileSystem, FileSystemStat, PagePool } from "../types.ts";
import { attempt } from "./errors.ts";
import { HostInode } from "./inode.ts";
import { CheckedPaths, ProcPaths } from "./paths.ts";
import type { HostPaths } from "./paths.ts";

/** statfs(2)'s f_type to the name in /proc/mounts, for the usual ones (linux/magic.h). */
const typeNames: Readonly<Record<number, string>> = {
  0xef53: "ext4",
  0x58465342: "xfs",
  0x9123683e: "btrfs",
  0x01021994: "tmpfs",
  0x794c7630: "overlay",
  0x2fc12fc1: "zfs",
  0x6969: "nfs",
  0xf2f52010: "f2fs",
};

export interface HostFileSystemOptions {
  readonly pool: PagePool;
  readonly readOnly: boolean;
  /** Only for tests: act as on a host without /proc. */
  readonly withoutProc?: boolean;
}

export class HostFileSystem implements FileSystem {
  readonly type: string;
  readonly device = anonymousDevice();
  readonly root: HostInode;
  readonly readOnly: boolean;
  readonly pool: PagePool;
  readonly paths: HostPaths;
  readonly hasProc: boolean;
  /** Whether this process may give files away. */
  readonly canChown = process.getuid?.() === 0;
  readonly #path: string;
  /** The same object for the same file, as long as anyone holds it. */
  readonly #inodes = new Map<string, WeakRef<HostInode>>();
  readonly #collected = new FinalizationRegistry<string>((key) => {
    if (this.#inodes.get(key)?.deref() === undefined) this.#inodes.delete(key);
  });

  constructor(path: string, options: HostFileSystemOptions) {
    this.pool = options.pool;
    this.readOnly = options.readOnly;
    // The path the user gave may lead through links: it is the user's.
    this.#path = realpathSync(path);
    this.type = typeNames[statfsSync(this.#path).type] ?? "fuse";
    this.hasProc = options.withoutProc !== true && existsSync("/proc/self/fd");
    const stat = statSync(this.#path, { bigint: true });
    if (stat.isDirectory()) {
      this.root = this.inode(null, "", stat);
      this.paths = this.#makePaths(this.#path, this.root);
    } else {
      // A single file is reached by its name in its directory, like any other.
      const directory = dirname(this.#path);
      const above = new HostInode(this, null, "", statSync(directory, { bigint: true }));
      this.paths = this.#makePaths(directory, above);
      this.root = this.inode(above, basename(this.#path), stat);
    }
  }

  #makePaths(path: string, root: HostInode): HostPaths {
    return this.hasProc ? new ProcPaths(path, root) : new CheckedPaths(path, root);
  }

  inode(parent: HostInode | null, name: string, stat: BigIntStats): HostInode {
    const key = `${stat.dev}:${stat.ino}`;
    const known = this.#inodes.get(key)?.deref();
    // A number that was freed and used again is another file.
    if (known !== undefined && (BigInt(known.mode) ^ stat.mode) >> 12n === 0n) {
      known.seen(parent, name, stat);
      return known;
    }
    const made = new HostInode(this, parent, name, stat);
    this.#inodes.set(key, new WeakRef(made));
    this.#collected.register(made, key);
    return made;
  }

  statfs(): FileSystemStat {
    const stat = statfsSync(this.#path);
    return {
      type: stat.type,
      blockSize: stat.bsize,
      blocks: stat.blocks,
      blocksFree: stat.bavail,
      files: stat.files,
      filesFree: stat.ffree,
    };
  }

  sync(): number {
    let result = 0;
    for (const reference of this.#inodes.values()) {
      const failed = reference.deref()?.syncIfOpen() ?? 0;
      if (failed < 0) result = failed;
    }
    const failed = attempt(() => {
      const descriptor = openSync(this.#path, "r");
      try {
        fsyncSync(descriptor);
      } finally {
        closeSync(descriptor);
      }
      return 0;
    });
    return result < 0 ? result : failed;
  }

  /** Gives the descriptors back; the file system is not used afterwards. */
  close(): void {
    this.paths.close();
  }
}

/** Throws "not-found" when there is nothing at `path`. */
export function createHostFileSystem(path: string, options: HostFileSystemOptions): HostFileSystem {
  try {
    return new HostFileSystem(path, options);
  } catch (error) {
    // An exception of the host has a code; anything else is a mistake of ours.
    if ((error as NodeJS.ErrnoException).code !== undefined)
      throw new WherryError(
        "not-found",
        `cannot mount ${path}: there is no such file or directory, or it cannot be read`,
        {
          exitCode: 125,
          cause: error,
        },
      );
    throw error;
  }
}
