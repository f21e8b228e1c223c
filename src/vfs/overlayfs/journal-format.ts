/**
 * How the writable layer of a container is written down. A journal says what state things are in, not what was done:
 * the last word on an inode, a name or a page holds, so a journal is replayed in order and compacted by writing down
 * what is there now.
 *
 *     journal   header record, then batches
 *     batch     one or more records; its last is marked, and counts only when the mark is there: a batch is applied
 *               whole or not at all, and one that was cut off is dropped when the next begins
 *     record    u8 flags (first, last of its batch) | items
 *     header    u8 flags 0x80 | "WHUL" | u8 version | u32 highest lower inode number | u16 n | n × (u16, diff ID)
 *
 *     item 1    inode: u32 number | u8 flags (1 over a lower node, 2 xattrs follow) | u32 mode, uid, gid, rdev, links
 *               | f64 size, bytes of the lower content that still show | i64 atime, mtime, ctime | u16, target
 *               | [u16 n | n × (u16, name | u32, value)]
 *     item 2    name: u32 directory | u32 inode (0: no such name) | u16, name
 *     item 3    pages dropped: u32 inode | f64 first index
 *     item 4    page: u32 inode | f64 index | u16 bytes, trailing zeros left out | the bytes
 *     item 5    inode removed: u32 number
 *
 * Numbers are little-endian. Lower inodes keep the numbers layerfs gives them, which depend on the layers alone: the
 * header names those, so that a journal is never replayed over others.
 */
import { S_IFLNK, S_IFMT } from "../../abi/stat.ts";
import { decodeName, encodeName } from "../../base/bytes.ts";
import type { TreeInode } from "../memory/inode.ts";
import type { ByteReader, ByteWriter } from "./byte-stream.ts";

export const recordFlag = { first: 1, last: 2, header: 0x80 } as const;
export const journalVersion = 1;
const magic = [0x57, 0x48, 0x55, 0x4c];

export const item = { inode: 1, name: 2, dropped: 3, page: 4, removed: 5 } as const;
const inodeFlag = { lower: 1, xattrs: 2 } as const;

export interface JournalHeader {
  readonly version: number;
  readonly inoMax: number;
  readonly layers: readonly string[];
}

export function writeHeader(writer: ByteWriter, inoMax: number, layers: readonly string[]): void {
  writer.u8(recordFlag.header);
  for (const byte of magic) writer.u8(byte);
  writer.u8(journalVersion);
  writer.u32(inoMax);
  writer.u16(layers.length);
  for (const layer of layers) writeText(writer, layer);
}

/** Null when it is no header. */
export function readHeader(reader: ByteReader): JournalHeader | null {
  if (reader.u8() !== recordFlag.header) return null;
  for (const byte of magic) if (reader.u8() !== byte) return null;
  const version = reader.u8();
  const inoMax = reader.u32();
  const layers = Array.from({ length: reader.u16() }, () => readText(reader));
  return { version, inoMax, layers };
}

export interface InodeItem {
  readonly ino: number;
  readonly overLower: boolean;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly rdev: number;
  readonly links: number;
  readonly size: number;
  readonly baseBytes: number;
  readonly atimeNs: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
  readonly target: string;
  readonly xattrs: Map<string, Uint8Array> | null;
}

export function writeInode(writer: ByteWriter, inode: TreeInode): void {
  const content = inode.content;
  writer.u8(item.inode);
  writer.u32(inode.ino);
  writer.u8((inode.lower === null ? 0 : inodeFlag.lower) | (inode.xattrsChanged ? inodeFlag.xattrs : 0));
  writer.u32(inode.mode);
  writer.u32(inode.uid);
  writer.u32(inode.gid);
  writer.u32(inode.rdev);
  writer.u32(inode.links);
  writer.f64(content === null ? 0 : content.size);
  writer.f64(content === null ? 0 : content.baseBytes);
  writer.i64(inode.atimeNs);
  writer.i64(inode.mtimeNs);
  writer.i64(inode.ctimeNs);
  writeText(writer, inode.lower === null && (inode.mode & S_IFMT) === S_IFLNK ? inode.target : "");
  if (!inode.xattrsChanged) return;
  const xattrs = inode.xattrs!;
  writer.u16(xattrs.size);
  for (const [name, value] of xattrs) {
    writeText(writer, name);
    writer.u32(value.length);
    writer.bytes(value);
  }
}

export function readInode(reader: ByteReader): InodeItem {
  const ino = reader.u32();
  const flags = reader.u8();
  const fields = {
    ino,
    overLower: (flags & inodeFlag.lower) !== 0,
    mode: reader.u32(),
    uid: reader.u32(),
    gid: reader.u32(),
    rdev: reader.u32(),
    links: reader.u32(),
    size: reader.f64(),
    baseBytes: reader.f64(),
    atimeNs: reader.i64(),
    mtimeNs: reader.i64(),
    ctimeNs: reader.i64(),
    target: readText(reader),
  };
  if ((flags & inodeFlag.xattrs) === 0) return { ...fields, xattrs: null };
  const xattrs = new Map<string, Uint8Array>();
  for (let left = reader.u16(); left > 0; left--) {
    const name = readText(reader);
    xattrs.set(name, reader.bytes(reader.u32()).slice());
  }
  return { ...fields, xattrs };
}

export function writeName(writer: ByteWriter, directory: number, name: string, child: number): void {
  writer.u8(item.name);
  writer.u32(directory);
  writer.u32(child);
  writeText(writer, name);
}

export function writeDropped(writer: ByteWriter, ino: number, firstIndex: number): void {
  writer.u8(item.dropped);
  writer.u32(ino);
  writer.f64(firstIndex);
}

export function writePage(writer: ByteWriter, ino: number, index: number, bytes: Uint8Array): void {
  writer.u8(item.page);
  writer.u32(ino);
  writer.f64(index);
  let length = bytes.length;
  while (length > 0 && bytes[length - 1] === 0) length--;
  writer.u16(length);
  writer.bytes(bytes.subarray(0, length));
}

export function writeRemoved(writer: ByteWriter, ino: number): void {
  writer.u8(item.removed);
  writer.u32(ino);
}

function writeText(writer: ByteWriter, text: string): void {
  const bytes = encodeName(text);
  writer.u16(bytes.length);
  writer.bytes(bytes);
}

export function readText(reader: ByteReader): string {
  return decodeName(reader.bytes(reader.u16()));
}
