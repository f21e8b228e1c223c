/**
 * `cp` for containers whose files are ours: packs a path of a container's file tree into a tar, or unpacks one there.
 * The walk resolves every symbolic link inside the container, so a copy never leaves it.
 *
 *     const tar = packPath(namespace, "/etc/hosts");
 *     await unpackInto(namespace, "/srv", tar);
 */
import { errno, errnoName } from "../../abi/errno.ts";
import { O_CREAT, O_EXCL, O_WRONLY } from "../../abi/fcntl.ts";
import {
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  deviceMajor,
  deviceMinor,
  makeDevice,
} from "../../abi/stat.ts";
import { WherryError } from "../../base/errors.ts";
import { fromReadable, toReadable } from "../../codec/stream.ts";
import type { TarEntry } from "../../codec/tar/entry.ts";
import { readTar } from "../../codec/tar/reader.ts";
import { writeTar } from "../../codec/tar/writer.ts";
import type { TarMemberHeader, TarSource } from "../../codec/tar/writer.ts";
import type { Namespace } from "../../vfs/namespace.ts";
import { chmod, chown, link, lookup, mkdir, mknod, open, symlink, unlink, utimens } from "../../vfs/operations.ts";
import type { Caller, Dentry, Inode } from "../../vfs/types.ts";

const pieceBytes = 1 << 18;
const nsPerSecond = 1_000_000_000n;

/** What the kernel makes up as it is read is no part of a container's files. */
const madeUp = new Set(["proc", "sysfs", "devpts"]);

const typeOf = (inode: Inode): number => inode.mode & S_IFMT;

/** A tar of one path; members are named from its last component on, and from "." on for "dir/." (as docker has it). */
export function packPath(namespace: Namespace, path: string): ReadableStream<Uint8Array> {
  const caller = namespace.caller();
  const wantsDirectory = path.endsWith("/") || path.endsWith("/.");
  const found = lookup(caller, namespace.root, rooted(path), wantsDirectory);
  if (typeof found === "number") {
    const lost = found === -errno.ENOENT;
    throw lost
      ? new WherryError("not-found", `Could not find the file ${path} in container`, { data: { path } })
      : new WherryError("not-found", `${path}: ${found === -errno.ENOTDIR ? "not a directory" : errnoName(-found)}`);
  }
  const name = path.endsWith("/.") ? "." : nameOf(found);
  return toReadable(writeTar(sources(caller, found, name, new Map())));
}

const rooted = (path: string): string => (path.startsWith("/") ? path : `/${path}`);

/** The root of a mount bears the name of the directory it is mounted on; the root of all is ".". */
function nameOf(dentry: Dentry): string {
  let at = dentry;
  while (at.parent === null && at.mount.at !== null) at = at.mount.at;
  return at.parent === null ? "." : at.name;
}

async function* sources(
  caller: Caller,
  dentry: Dentry,
  name: string,
  links: Map<string, string>,
): AsyncGenerator<TarSource> {
  const { inode } = dentry;
  inode.refresh?.();
  const nanoseconds = ((inode.mtimeNs % nsPerSecond) + nsPerSecond) % nsPerSecond;
  const base: Omit<TarMemberHeader, "type" | "size"> = {
    name,
    mode: inode.mode & 0o7777,
    uid: inode.uid,
    gid: inode.gid,
    mtimeSeconds: Number((inode.mtimeNs - nanoseconds) / nsPerSecond),
    mtimeNanoseconds: Number(nanoseconds),
  };
  const type = typeOf(inode);
  if (type === S_IFDIR) {
    yield { header: { ...base, type: "directory", size: 0 } };
    const entries = inode.readdir();
    if (typeof entries === "number") throw failure(entries, name);
    for (const entry of entries) {
      if (entry.name === "." || entry.name === "..") continue;
      const child = lookup(caller, dentry, entry.name, false);
      // Gone since the directory was read.
      if (typeof child === "number") continue;
      if (child.mount !== dentry.mount && madeUp.has(child.inode.fs.type)) continue;
      yield* sources(caller, child, `${name}/${entry.name}`, links);
    }
    return;
  }
  if (type === S_IFLNK) {
    const target = inode.readlink();
    if (typeof target === "number") throw failure(target, name);
    yield { header: { ...base, type: "symlink", size: 0, link: target } };
    return;
  }
  if (type === S_IFREG) {
    const key = `${inode.fs.device}:${inode.ino}`;
    const first = inode.nlink > 1 ? links.get(key) : undefined;
    if (first !== undefined) {
      yield { header: { ...base, type: "hardlink", size: 0, link: first } };
      return;
    }
    links.set(key, name);
    const size = inode.mapping === null ? 0 : inode.size;
    yield { header: { ...base, type: "file", size }, content: contentOf(inode, size, name) };
    return;
  }
  if (type === S_IFIFO) yield { header: { ...base, type: "fifo", size: 0 } };
  else if (type === S_IFCHR || type === S_IFBLK) {
    yield {
      header: {
        ...base,
        type: type === S_IFBLK ? "block" : "character",
        size: 0,
        deviceMajor: deviceMajor(inode.rdev),
        deviceMinor: deviceMinor(inode.rdev),
      },
    };
  }
  // A socket has no meaning outside: left out, as tar does.
}

/** Exactly as many bytes as the header says, though the file may grow or shrink meanwhile. */
async function* contentOf(inode: Inode, sizeBytes: number, name: string): AsyncGenerator<Uint8Array> {
  for (let position = 0; position < sizeBytes;) {
    const piece = new Uint8Array(Math.min(pieceBytes, sizeBytes - position));
    const count = await inode.mapping!.read(piece, position);
    if (count < 0) throw failure(count, name);
    // Cut short meanwhile: zeros.
    const bytes = count === 0 ? piece : piece.subarray(0, count);
    position += bytes.length;
    yield bytes;
  }
}

/** Unpacks a tar into an existing directory. Owners, modes and times are the tar's. */
export async function unpackInto(namespace: Namespace, path: string, tar: ReadableStream<Uint8Array>): Promise<void> {
  const caller = namespace.caller();
  const target = lookup(caller, namespace.root, rooted(path), true);
  if (typeof target === "number" || typeOf(target.inode) !== S_IFDIR) {
    await tar.cancel().catch(() => {});
    throw new WherryError("not-found", `Could not find the directory ${path} in container`, { data: { path } });
  }
  const times: { readonly dentry: Dentry; readonly entry: TarEntry }[] = [];
  for await (const { entry, content } of readTar(fromReadable(tar))) {
    const name = cleaned(entry.name);
    if (name === "") continue;
    const there = lookup(caller, target, name, false);
    if (typeof there === "number" && there !== -errno.ENOENT) throw failure(there, name);
    if (entry.type === "directory") {
      const made = directory(caller, target, name, typeof there === "number" ? null : there);
      if (made === null) continue;
      await own(caller, made, entry);
      times.push({ dentry: made, entry });
      continue;
    }
    if (typeof there !== "number") {
      if (typeOf(there.inode) === S_IFDIR) throw cannotOverwrite("directory", name, "non-directory");
      check(unlink(caller, target, name), name);
    }
    if (entry.type === "hardlink") {
      check(link(caller, target, cleaned(entry.link ?? ""), target, name), name);
      continue;
    }
    if (entry.type === "file") await writeFile(caller, target, name, content);
    else if (entry.type === "symlink") check(symlink(caller, entry.link ?? "", target, name), name);
    else check(mknod(caller, target, name, typeBits[entry.type], deviceOf(entry)), name);
    const made = lookup(caller, target, name, false);
    if (typeof made === "number") throw failure(made, name);
    await own(caller, made, entry);
    await setTime(caller, made, entry);
  }
  // Last: what is put into a directory changes its time.
  for (const { dentry, entry } of times.toReversed()) await setTime(caller, dentry, entry);
}

const typeBits = { character: S_IFCHR, block: S_IFBLK, fifo: S_IFIFO } as const;

const deviceOf = (entry: TarEntry): number =>
  entry.type === "fifo" ? 0 : makeDevice(entry.deviceMajor ?? 0, entry.deviceMinor ?? 0);

/** A member's name without "." and "..", which must not lead out of the target. */
function cleaned(name: string): string {
  const parts: string[] = [];
  for (const part of name.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return parts.join("/");
}

/** The directory, made where there is none; null for a link to one, which stays as it is. */
function directory(caller: Caller, target: Dentry, name: string, there: Dentry | null): Dentry | null {
  if (there !== null && typeOf(there.inode) === S_IFLNK) {
    const real = lookup(caller, target, name, true);
    if (typeof real !== "number" && typeOf(real.inode) === S_IFDIR) return null;
  }
  if (there !== null) {
    if (typeOf(there.inode) !== S_IFDIR) throw cannotOverwrite("non-directory", name, "directory");
    return there;
  }
  check(mkdir(caller, target, name, 0o700), name);
  const made = lookup(caller, target, name, false);
  if (typeof made === "number") throw failure(made, name);
  return made;
}

async function writeFile(
  caller: Caller,
  target: Dentry,
  name: string,
  content: AsyncIterable<Uint8Array>,
): Promise<void> {
  const file = await open(caller, target, name, O_WRONLY | O_CREAT | O_EXCL, 0o600);
  if (typeof file === "number") throw failure(file, name);
  try {
    for await (const bytes of content) {
      for (let done = 0; done < bytes.length;) {
        const count = await file.write(bytes.subarray(done), null);
        if (count <= 0) throw failure(count === 0 ? -errno.EIO : count, name);
        done += count;
      }
    }
  } finally {
    file.release();
  }
}

async function own(caller: Caller, made: Dentry, entry: TarEntry): Promise<void> {
  check(await chown(caller, made, entry.uid, entry.gid), entry.name);
  // After chown, which clears the set-id bits.
  if (entry.type !== "symlink") check(await chmod(caller, made, entry.mode & 0o7777), entry.name);
}

async function setTime(caller: Caller, made: Dentry, entry: TarEntry): Promise<void> {
  const ns = BigInt(entry.mtimeSeconds) * nsPerSecond + BigInt(entry.mtimeNanoseconds);
  check(await utimens(caller, made, ns, ns), entry.name);
}

function check(result: number, name: string): void {
  if (result < 0) throw failure(result, name);
}

function failure(result: number, name: string): WherryError {
  switch (-result) {
    case errno.ENOSPC:
      return new WherryError("storage-full", `there is no room left in the container for ${name}`);
    case errno.EROFS:
      return new WherryError("conflict", `the container's file system is read-only: ${name}`);
    case errno.ENOENT:
    case errno.ENOTDIR:
      return new WherryError("not-found", `Could not find the file ${name} in container`);
    default:
      return new WherryError("conflict", `cannot copy ${name}: ${errnoName(-result)}`);
  }
}

function cannotOverwrite(what: string, path: string, by: string): WherryError {
  return new WherryError("conflict", `cannot overwrite ${what} "${path}" with ${by}`, { data: { path } });
}
