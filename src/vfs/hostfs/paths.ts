/**
 * How a file of the host is reached without ever leaving the mounted tree. Node has no openat(2), so paths are built
 * that act like it:
 *
 *     Linux      /proc/self/fd/N/name, where N is an O_PATH descriptor of the directory itself: the kernel starts at the
 *                directory, whatever has become of its path, and only the last component is looked up, never followed
 *     elsewhere  the whole path, each directory on the way checked to be the one known; this is safe against the guest,
 *                whose calls run one at a time in this thread, but not against another program of the host
 */
import * as fs from "node:fs";
import { O_DIRECTORY, O_NOFOLLOW, O_PATH } from "../../abi/fcntl.ts";
import { encodeName } from "../../base/bytes.ts";

export type HostPath = string | Buffer;

/** A file's place: a name in a directory that has a place itself (the root has none), and which file it is. */
export interface Place {
  readonly parent: Place | null;
  readonly name: string;
  readonly hostDevice: bigint;
  readonly hostIno: bigint;
}

export interface HostPaths {
  /** The path of a name in a directory. Throws as node:fs does when the directory is gone. */
  in(directory: Place, name: string): HostPath;
  /** Runs `use` with a path that leads to exactly this file, which is no symbolic link, and that may be followed. */
  withFile<T>(place: Place, use: (path: HostPath) => T): T;
  close(): void;
}

const loneSurrogate = /[\uDC80-\uDCFF]/;

/** Names that are not UTF-8 need a path of bytes. A name that is none leads nowhere, whoever let it through. */
function join(directory: HostPath, name: string): HostPath {
  if (name === "" || name === "." || name === ".." || name.includes("/")) throw gone();
  if (typeof directory === "string" && !loneSurrogate.test(name)) return `${directory}/${name}`;
  const head = typeof directory === "string" ? Buffer.from(directory) : directory;
  return Buffer.concat([head, Buffer.from("/"), encodeName(name)]);
}

function gone(): Error {
  return Object.assign(new Error("the file is no longer where it was"), { code: "ENOENT" });
}

/** Descriptors of directories kept open: the host may allow few. */
const descriptorsMax = 64;

export class ProcPaths implements HostPaths {
  readonly #root: Place;
  readonly #rootDescriptor: number;
  /** In order of use, oldest first. */
  readonly #open = new Map<Place, number>();

  constructor(rootPath: string, root: Place) {
    this.#root = root;
    this.#rootDescriptor = fs.openSync(rootPath, O_PATH);
  }

  in(directory: Place, name: string): HostPath {
    return join(`/proc/self/fd/${this.#descriptor(directory)}`, name);
  }

  withFile<T>(place: Place, use: (path: HostPath) => T): T {
    if (place === this.#root) return use(`/proc/self/fd/${this.#rootDescriptor}`);
    const cached = this.#open.get(place);
    if (cached !== undefined) return use(`/proc/self/fd/${cached}`);
    const descriptor = this.#openPlace(place, 0);
    try {
      return use(`/proc/self/fd/${descriptor}`);
    } finally {
      fs.closeSync(descriptor);
    }
  }

  close(): void {
    for (const descriptor of this.#open.values()) fs.closeSync(descriptor);
    this.#open.clear();
    fs.closeSync(this.#rootDescriptor);
  }

  #descriptor(directory: Place): number {
    if (directory === this.#root) return this.#rootDescriptor;
    let descriptor = this.#open.get(directory);
    if (descriptor !== undefined) {
      this.#open.delete(directory);
      this.#open.set(directory, descriptor);
      return descriptor;
    }
    descriptor = this.#openPlace(directory, O_DIRECTORY);
    this.#open.set(directory, descriptor);
    for (const [oldest, open] of this.#open) {
      if (this.#open.size <= descriptorsMax) break;
      this.#open.delete(oldest);
      fs.closeSync(open);
    }
    return descriptor;
  }

  #openPlace(place: Place, flags: number): number {
    if (place.parent === null) throw gone();
    const descriptor = fs.openSync(this.in(place.parent, place.name), O_PATH | O_NOFOLLOW | flags);
    const stat = fs.fstatSync(descriptor, { bigint: true });
    if (stat.ino === place.hostIno && stat.dev === place.hostDevice) return descriptor;
    fs.closeSync(descriptor);
    throw gone();
  }
}

export class CheckedPaths implements HostPaths {
  readonly #rootPath: string;
  readonly #root: Place;

  constructor(rootPath: string, root: Place) {
    this.#rootPath = fs.realpathSync(rootPath);
    this.#root = root;
  }

  in(directory: Place, name: string): HostPath {
    return join(this.#checked(directory), name);
  }

  withFile<T>(place: Place, use: (path: HostPath) => T): T {
    return use(this.#checked(place));
  }

  close(): void {
    // Nothing is held.
  }

  #checked(place: Place): HostPath {
    if (place === this.#root) return this.#rootPath;
    if (place.parent === null) throw gone();
    const path = join(this.#checked(place.parent), place.name);
    const stat = fs.lstatSync(path, { bigint: true });
    if (stat.ino !== place.hostIno || stat.dev !== place.hostDevice || stat.isSymbolicLink()) throw gone();
    return path;
  }
}
