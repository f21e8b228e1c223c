/**
 * Unpacks a layer of the store into a directory overlayfs can use as a lower one: files from the pack by the layer's
 * index, whiteouts as character devices 0:0, opaque directories marked by an extended attribute.
 *
 * What a layer means may depend on those below it: a hard link to a file only they have is a copy of that file here,
 * and a directory that the layer does not list keeps its mode, owner and time from below.
 */
import { Buffer } from "node:buffer";
import {
  chmodSync,
  closeSync,
  ftruncateSync,
  lchownSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  openSync,
  readlinkSync,
  rmSync,
  copyFileSync,
  symlinkSync,
  utimesSync,
  writeSync,
} from "node:fs";
import { basename, dirname, join } from "node:path/posix";
import { WherryError } from "../../base/errors.ts";
import { decodeName, encodeName } from "../../base/bytes.ts";
import { limits } from "../../base/limits.ts";
import type { LayerEntry, LayerIndex } from "../../oci/layer-index.ts";
import { unpackSpecialFiles } from "./special-files.ts";
import type { SpecialFile } from "./special-files.ts";

export interface UnpackOptions {
  readonly index: LayerIndex;
  readonly read: (offset: number, length: number) => Uint8Array;
  /** Empty, existing. */
  readonly target: string;
  /** Unpacked layers below, highest first. */
  readonly below: readonly string[];
  /** In a user namespace devices cannot be made and marks are "user." attributes. */
  readonly rootless: boolean;
}

/** Bytes copied at a time. */
const chunkBytes = 1 << 20;

export async function unpackLayer(options: UnpackOptions): Promise<void> {
  const unpacker = new Unpacker(options);
  for (const entry of options.index.entries) unpacker.add(entry);
  await unpacker.finish();
}

type DirectoryTimes = { readonly seconds: number };

class Unpacker {
  readonly #options: UnpackOptions;
  /** Directories made here, with what they get at the end: writing into one changes its time. */
  readonly #directories = new Map<string, { entry: LayerEntry | null; times: DirectoryTimes | null }>();
  readonly #special = new Map<string, SpecialFile>();

  constructor(options: UnpackOptions) {
    this.#options = options;
    this.#directories.set("", { entry: null, times: null });
  }

  add(listed: LayerEntry): void {
    if (listed.path.split("/").includes(".."))
      throw new WherryError("unsafe-path", `the layer's path "${listed.path}" leaves the root`, {
        data: { path: listed.path },
      });
    const path = listed.path === "" ? "" : join(this.#makeDirectory(parentOf(listed.path)), basename(listed.path));
    const entry = { ...listed, path };
    if (entry.type === "opaque") {
      this.#makeDirectory(path);
      this.#special.set(`opaque ${path}`, { kind: "opaque", path });
      return;
    }
    if (path === "") {
      this.#directories.set("", { entry, times: null });
      return;
    }
    const place = this.#place(path);
    const there = lstatSync(place, { throwIfNoEntry: false });
    if (entry.type === "directory") {
      if (there !== undefined && !there.isDirectory()) rmSync(place);
      if (!there?.isDirectory()) mkdirSync(place, 0o700);
      this.#directories.set(path, { entry, times: null });
      // A whiteout of the same name hides what is below, so this directory shows nothing of it.
      if (this.#special.delete(path)) this.#special.set(`opaque ${path}`, { kind: "opaque", path });
      return;
    }
    if (entry.type === "whiteout" && there !== undefined) {
      // A whiteout never hides its own layer.
      if (there.isDirectory()) this.#special.set(`opaque ${path}`, { kind: "opaque", path });
      return;
    }
    if (there !== undefined) this.#remove(path, place);
    this.#special.delete(path);
    switch (entry.type) {
      case "file":
        this.#writeFile(entry, place);
        break;
      case "symlink":
        symlinkSync(bytesOf(entry.link ?? ""), place);
        this.#own(entry, place);
        lutimesSync(place, entry.mtimeSeconds, entry.mtimeSeconds);
        break;
      case "hardlink":
        this.#link(entry, place);
        break;
      case "whiteout":
        this.#special.set(path, { kind: "whiteout", path });
        break;
      case "fifo":
        this.#special.set(path, { kind: "node", path, entry });
        break;
      case "character":
      case "block":
        if (!this.#options.rootless) this.#special.set(path, { kind: "node", path, entry });
        break;
    }
    if (entry.xattrs !== undefined && entry.type === "file")
      this.#special.set(`xattrs ${path}`, { kind: "xattrs", path, entry });
  }

  async finish(): Promise<void> {
    await unpackSpecialFiles([...this.#special.values()], this.#options);
    // Deepest first, so that no directory is closed to us before its children are done.
    const paths = [...this.#directories.keys()].toSorted((a, b) => depth(b) - depth(a));
    for (const path of paths) {
      const { entry, times } = this.#directories.get(path)!;
      const place = this.#place(path);
      if (entry !== null) {
        this.#own(entry, place);
        chmodSync(place, entry.mode & 0o7777);
        utimesSync(place, entry.mtimeSeconds, entry.mtimeSeconds);
      } else if (times !== null) {
        utimesSync(place, times.seconds, times.seconds);
      } else if (path === "") {
        this.#inheritRoot(place);
      }
    }
  }

  #place(path: string): Buffer {
    return bytesOf(path === "" ? this.#options.target : `${this.#options.target}/${path}`);
  }

  #inheritRoot(place: Buffer): void {
    const below = this.#options.below[0];
    const stat = below === undefined ? undefined : lstatSync(below, { throwIfNoEntry: false });
    if (stat !== undefined) this.#chown(place, stat.uid, stat.gid);
    chmodSync(place, stat === undefined ? 0o755 : stat.mode & 0o7777);
  }

  /**
   * Makes a directory the layer does not list, as the layers below have it. Where they have a symbolic link, it is
   * followed, inside the root. Returns where the directory is.
   */
  #makeDirectory(path: string, followed = 0): string {
    if (this.#directories.has(path)) return path;
    const parent = this.#makeDirectory(parentOf(path), followed);
    const real = join(parent, basename(path));
    if (this.#directories.has(real)) return real;
    const place = this.#place(real);
    const there = lstatSync(place, { throwIfNoEntry: false });
    if (there !== undefined && !there.isDirectory())
      throw new WherryError("unsafe-path", `the layer puts files below "${path}", which is no directory`, {
        data: { path },
      });
    const model = this.#special.get(real)?.kind === "whiteout" ? null : this.#findBelow(real);
    const stat = model === null ? null : lstatSync(model);
    if (model !== null && stat?.isSymbolicLink() === true) {
      if (followed >= limits.symlinksFollowedMax)
        throw new WherryError("unsafe-path", `the layer's path "${path}" goes through too many symbolic links`);
      const target = decodeName(readlinkSync(model, "buffer"));
      return this.#makeDirectory(join("/", target.startsWith("/") ? "" : parent, target).slice(1), followed + 1);
    }
    mkdirSync(place, 0o700);
    if (stat !== null && stat.isDirectory()) {
      this.#chown(place, stat.uid, stat.gid);
      chmodSync(place, stat.mode & 0o7777);
      this.#directories.set(real, { entry: null, times: { seconds: stat.mtimeMs / 1000 } });
    } else {
      chmodSync(place, 0o755);
      this.#directories.set(real, { entry: null, times: null });
    }
    return real;
  }

  #findBelow(path: string): Buffer | null {
    for (const layer of this.#options.below) {
      const place = bytesOf(`${layer}/${path}`);
      const stat = lstatSync(place, { throwIfNoEntry: false });
      if (stat === undefined) continue;
      return stat.isCharacterDevice() && stat.rdev === 0 ? null : place;
    }
    return null;
  }

  #remove(path: string, place: Buffer): void {
    rmSync(place, { recursive: true, force: true });
    for (const known of this.#directories.keys())
      if (known === path || known.startsWith(`${path}/`)) this.#directories.delete(known);
  }

  #writeFile(entry: LayerEntry, place: Buffer): void {
    const descriptor = openSync(place, "wx", 0o600);
    try {
      const pieces = entry.sparse ?? [[0, entry.size] as const];
      let offset = entry.offset;
      for (const [start, length] of pieces) {
        for (let at = 0; at < length; at += chunkBytes) {
          const bytes = this.#options.read(offset + at, Math.min(chunkBytes, length - at));
          writeSync(descriptor, bytes, 0, bytes.length, start + at);
        }
        offset += length;
      }
      if (entry.sparse !== undefined) ftruncateSync(descriptor, entry.size);
    } finally {
      closeSync(descriptor);
    }
    this.#own(entry, place);
    chmodSync(place, entry.mode & 0o7777);
    utimesSync(place, entry.mtimeSeconds, entry.mtimeSeconds + entry.mtimeNanoseconds / 1e9);
  }

  #link(entry: LayerEntry, place: Buffer): void {
    const target = entry.link ?? "";
    const here = this.#place(target);
    if (lstatSync(here, { throwIfNoEntry: false }) === undefined) {
      const below = this.#findBelow(target);
      if (below === null)
        throw new WherryError(
          "invalid-archive",
          `the hard link "${entry.path}" points at "${target}", which is missing`,
        );
      if (parentOf(target) !== "") this.#makeDirectory(parentOf(target));
      this.#copyUp(below, here);
    }
    linkSync(here, place);
  }

  /** As overlayfs itself does when a file of a lower layer is linked. */
  #copyUp(source: Buffer, target: Buffer): void {
    const stat = lstatSync(source);
    if (stat.isSymbolicLink()) {
      symlinkSync(readlinkSync(source, "buffer"), target);
      this.#chown(target, stat.uid, stat.gid);
      return;
    }
    copyFileSync(source, target);
    this.#chown(target, stat.uid, stat.gid);
    chmodSync(target, stat.mode & 0o7777);
    utimesSync(target, stat.atimeMs / 1000, stat.mtimeMs / 1000);
  }

  #own(entry: LayerEntry, place: Buffer): void {
    this.#chown(place, entry.uid, entry.gid);
  }

  #chown(place: Buffer, uid: number, gid: number): void {
    try {
      lchownSync(place, uid, gid);
    } catch (error) {
      // Ids the user namespace does not map: the file stays its root's, as with rootless podman.
      const code = (error as NodeJS.ErrnoException).code;
      if (!this.#options.rootless || (code !== "EINVAL" && code !== "EPERM")) throw error;
    }
  }
}

const depth = (path: string): number => (path === "" ? 0 : path.split("/").length);

function parentOf(path: string): string {
  const parent = dirname(path);
  return parent === "." ? "" : parent;
}

function bytesOf(path: string): Buffer {
  return Buffer.from(encodeName(path));
}
