/**
 * The far end of `cp` for native containers: packs a path of a container's root into a tar, or unpacks one there. Every
 * symbolic link is resolved inside the root, component by component, so that a container cannot make the copy read or
 * write outside.
 */
import {
  chmodSync,
  closeSync,
  createReadStream,
  lchownSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  openSync,
  readdirSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeSync,
} from "node:fs";
import type { Stats } from "node:fs";
import { once } from "node:events";
import { basename, join } from "node:path/posix";
import { decodeName, encodeName } from "../../base/bytes.ts";
import { WherryError } from "../../base/errors.ts";
import { limits } from "../../base/limits.ts";
import { readTar } from "../../codec/tar/reader.ts";
import { writeTar } from "../../codec/tar/writer.ts";
import type { TarMemberHeader, TarSource } from "../../codec/tar/writer.ts";

const bytesOf = (path: string): Buffer => Buffer.from(encodeName(path));

const missing = (path: string): WherryError =>
  new WherryError("not-found", `Could not find the file ${path} in container`, { data: { path } });

/**
 * The host's path of a container's path. All but the last component are followed; the last only when asked. The last
 * one need not exist.
 */
export function resolveInRoot(root: string, path: string, followLast: boolean): string {
  const open = path.split("/").filter((part) => part !== "" && part !== ".");
  const done: string[] = [];
  let followed = 0;
  while (open.length > 0) {
    const part = open.shift()!;
    if (part === ".." || part === ".") {
      if (part === "..") done.pop();
      continue;
    }
    const place = join(root, ...done, part);
    const last = open.length === 0;
    const stat = lstatSync(bytesOf(place), { throwIfNoEntry: false });
    if (stat === undefined && !last) throw missing(path);
    if (stat?.isSymbolicLink() === true && (!last || followLast)) {
      if (++followed > limits.symlinksFollowedMax)
        throw new WherryError("unsafe-path", `too many levels of symbolic links: ${path}`);
      const target = decodeName(readlinkSync(bytesOf(place), "buffer"));
      if (target.startsWith("/")) done.length = 0;
      open.unshift(...target.split("/").filter((piece) => piece !== "" && piece !== "."));
      continue;
    }
    if (stat !== undefined && !last && !stat.isDirectory())
      throw new WherryError("not-found", `${path}: not a directory`, { data: { path } });
    done.push(part);
  }
  return join(root, ...done);
}

export async function packPath(root: string, path: string, output: NodeJS.WritableStream): Promise<void> {
  const wantsDirectory = path.endsWith("/") || path.endsWith("/.");
  const place = resolveInRoot(root, path, wantsDirectory);
  const stat = lstatSync(bytesOf(place), { throwIfNoEntry: false });
  if (stat === undefined) throw missing(path);
  if (wantsDirectory && !stat.isDirectory()) throw new WherryError("not-found", `${path}: not a directory`);
  // "dir/." is the directory's content: docker names its members from "./" on.
  const name = path.endsWith("/.") || place === root ? "." : basename(place);
  for await (const bytes of writeTar(tarSources(place, name, stat)))
    if (!output.write(bytes)) await once(output, "drain");
}

/** What a tar of a file or folder holds; members are named `name` and below. */
export function tarSources(place: string, name: string, stat: Stats): Generator<TarSource> {
  return sources(place, name, stat, new Map());
}

function* sources(place: string, name: string, stat: Stats, links: Map<string, string>): Generator<TarSource> {
  const base: Omit<TarMemberHeader, "type" | "size"> = {
    name,
    mode: stat.mode & 0o7777,
    uid: stat.uid,
    gid: stat.gid,
    mtimeSeconds: Math.floor(stat.mtimeMs / 1000),
    mtimeNanoseconds: Math.floor((stat.mtimeMs % 1000) * 1e6),
  };
  if (stat.isDirectory()) {
    yield { header: { ...base, type: "directory", size: 0 } };
    for (const bytes of readdirSync(bytesOf(place), { encoding: "buffer" })) {
      const child = decodeName(bytes);
      const path = join(place, child);
      const childStat = lstatSync(bytesOf(path), { throwIfNoEntry: false });
      // Gone since the directory was read.
      if (childStat !== undefined) yield* sources(path, `${name}/${child}`, childStat, links);
    }
    return;
  }
  if (stat.isSymbolicLink()) {
    yield { header: { ...base, type: "symlink", size: 0, link: decodeName(readlinkSync(bytesOf(place), "buffer")) } };
    return;
  }
  if (stat.isFile()) {
    const key = `${stat.dev}:${stat.ino}`;
    const first = stat.nlink > 1 ? links.get(key) : undefined;
    if (first !== undefined) {
      yield { header: { ...base, type: "hardlink", size: 0, link: first } };
      return;
    }
    links.set(key, name);
    yield { header: { ...base, type: "file", size: stat.size }, content: fileContent(place, stat.size) };
    return;
  }
  if (stat.isFIFO()) yield { header: { ...base, type: "fifo", size: 0 } };
  else if (stat.isCharacterDevice() || stat.isBlockDevice())
    yield {
      header: {
        ...base,
        type: stat.isBlockDevice() ? "block" : "character",
        size: 0,
        // How Linux packs a device number (sys/sysmacros.h).
        deviceMajor: (stat.rdev >> 8) & 0xfff,
        deviceMinor: (stat.rdev & 0xff) | ((stat.rdev >> 12) & 0xfff00),
      },
    };
  // A socket has no meaning outside: left out, as tar does.
}

/** Exactly as many bytes as the header says, though the file may grow or shrink meanwhile. */
async function* fileContent(place: string, sizeBytes: number): AsyncGenerator<Uint8Array> {
  let left = sizeBytes;
  if (left > 0)
    for await (const chunk of createReadStream(bytesOf(place), { end: sizeBytes - 1 })) {
      const bytes = chunk as Uint8Array;
      left -= bytes.length;
      yield bytes;
    }
  while (left > 0) {
    const zeros = new Uint8Array(Math.min(left, 65536));
    left -= zeros.length;
    yield zeros;
  }
}

export interface UnpackIntoOptions {
  /** What a member's name becomes. */
  readonly rename?: (name: string) => string;
  /** Files belong to whoever unpacks, as `cp` out of a container has it. */
  readonly keepOwner?: boolean;
}

export async function unpackInto(
  root: string,
  path: string,
  input: AsyncIterable<Uint8Array>,
  options: UnpackIntoOptions = {},
): Promise<void> {
  const rename = options.rename ?? ((name: string) => name);
  const own = options.keepOwner === false ? () => {} : setOwner;
  const target = resolveInRoot(root, path, true);
  if (lstatSync(bytesOf(target), { throwIfNoEntry: false })?.isDirectory() !== true)
    throw new WherryError("not-found", `Could not find the directory ${path} in container`, { data: { path } });
  const base = target === root ? "/" : target.slice(root.length);
  const directories: { place: string; mtimeSeconds: number }[] = [];
  for await (const { entry, content } of readTar(input)) {
    const inside = join("/", rename(entry.name));
    if (inside === "/") continue;
    const full = join(base, inside);
    const place = resolveInRoot(root, full, false);
    const there = lstatSync(bytesOf(place), { throwIfNoEntry: false });
    if (entry.type === "directory") {
      // A link to a directory stays: `cp dir c:/var` must not replace a link of that name.
      if (there?.isSymbolicLink() === true) {
        const real = lstatSync(bytesOf(resolveInRoot(root, full, true)), { throwIfNoEntry: false });
        if (real?.isDirectory() === true) continue;
      }
      if (there !== undefined && !there.isDirectory()) throw cannotOverwrite("non-directory", full, "directory");
      if (there === undefined) mkdirSync(bytesOf(place));
      own(place, entry);
      chmodSync(bytesOf(place), entry.mode & 0o7777);
      directories.push({ place, mtimeSeconds: entry.mtimeSeconds });
      continue;
    }
    if (there?.isDirectory() === true) throw cannotOverwrite("directory", full, "non-directory");
    if (there !== undefined) rmSync(bytesOf(place));
    if (entry.type === "symlink") {
      symlinkSync(bytesOf(entry.link ?? ""), bytesOf(place));
      own(place, entry);
      lutimesSync(bytesOf(place), entry.mtimeSeconds, entry.mtimeSeconds);
    } else if (entry.type === "hardlink") {
      linkSync(bytesOf(resolveInRoot(root, join(base, join("/", rename(entry.link ?? ""))), false)), bytesOf(place));
    } else if (entry.type === "file") {
      // "wx": nothing that appeared at this name meanwhile is followed.
      const descriptor = openSync(bytesOf(place), "wx", 0o600);
      try {
        for await (const bytes of content) writeSync(descriptor, bytes);
      } finally {
        closeSync(descriptor);
      }
      own(place, entry);
      chmodSync(bytesOf(place), entry.mode & 0o7777);
      utimesSync(bytesOf(place), entry.mtimeSeconds, entry.mtimeSeconds);
    } else {
      throw new WherryError("unsupported", `cannot copy the ${entry.type} "${entry.name}" into a container`);
    }
  }
  for (const { place, mtimeSeconds } of directories.toReversed())
    utimesSync(bytesOf(place), mtimeSeconds, mtimeSeconds);
}

function setOwner(place: string, entry: { readonly uid: number; readonly gid: number }): void {
  try {
    lchownSync(bytesOf(place), entry.uid, entry.gid);
  } catch (error) {
    // An id the container does not have: the file stays its root's.
    if ((error as NodeJS.ErrnoException).code !== "EINVAL") throw error;
  }
}

function cannotOverwrite(what: string, path: string, by: string): WherryError {
  return new WherryError("conflict", `cannot overwrite ${what} "${path}" with ${by}`, { data: { path } });
}
