/**
 * Writes tar: ustar where an entry fits, a PAX header before it where it does not (long or non-ASCII names, large
 * numbers, fractions of a second, extended attributes). Sparse files are written out in full.
 */
import { concat, encodeName } from "../../base/bytes.ts";
import { assert } from "../../base/assert.ts";
import type { ByteStream } from "../stream.ts";
import { blockBytes, paddingOf, type TarType } from "./entry.ts";
import { encodePax } from "./pax.ts";

export interface TarMemberHeader {
  readonly name: string;
  readonly type: TarType;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes of content; 0 for everything but files. */
  readonly size: number;
  readonly mtimeSeconds: number;
  readonly mtimeNanoseconds?: number;
  readonly link?: string;
  readonly deviceMajor?: number;
  readonly deviceMinor?: number;
  readonly xattrs?: Readonly<Record<string, Uint8Array>>;
}

const flagOfType: Readonly<Record<TarType, string>> = {
  file: "0",
  hardlink: "1",
  symlink: "2",
  character: "3",
  block: "4",
  directory: "5",
  fifo: "6",
};

/** The header blocks of one entry. */
export function encodeTarHeader(header: TarMemberHeader): Uint8Array {
  const name = header.type === "directory" && !header.name.endsWith("/") ? `${header.name}/` : header.name;
  const records: { key: string; value: string | Uint8Array }[] = [];
  const split = splitName(encodeName(name));
  if (!split || !isAscii(name)) records.push({ key: "path", value: name });
  const link = encodeName(header.link ?? "");
  if (link.length > 100 || !isAscii(header.link ?? "")) records.push({ key: "linkpath", value: header.link ?? "" });
  if (header.size > 0o77777777777) records.push({ key: "size", value: String(header.size) });
  if (header.uid > 0o7777777) records.push({ key: "uid", value: String(header.uid) });
  if (header.gid > 0o7777777) records.push({ key: "gid", value: String(header.gid) });
  const { mtimeSeconds: seconds, mtimeNanoseconds: nanoseconds = 0 } = header;
  if (nanoseconds !== 0 || seconds < 0 || seconds > 0o77777777777)
    records.push({ key: "mtime", value: decimalTime(seconds, nanoseconds) });
  for (const [key, value] of Object.entries(header.xattrs ?? {})) records.push({ key: `SCHILY.xattr.${key}`, value });

  const main = block(split ?? { prefix: new Uint8Array(0), name: encodeName(name).subarray(0, 100) }, {
    ...header,
    flag: flagOfType[header.type],
    linkBytes: link.subarray(0, 100),
  });
  if (records.length === 0) return main;
  const extended = encodePax(records);
  const extendedHeader = block(
    { prefix: new Uint8Array(0), name: encodeName("PaxHeaders/entry") },
    { mode: 0o644, uid: 0, gid: 0, size: extended.length, mtimeSeconds: 0, flag: "x", linkBytes: new Uint8Array(0) },
  );
  return concat([extendedHeader, extended, new Uint8Array(paddingOf(extended.length)), main]);
}

/** Two blocks of zeros. */
export function tarEnd(): Uint8Array {
  return new Uint8Array(2 * blockBytes);
}

export interface TarSource {
  readonly header: TarMemberHeader;
  /** Exactly `header.size` bytes. */
  readonly content?: ByteStream | Iterable<Uint8Array>;
}

export async function* writeTar(entries: AsyncIterable<TarSource> | Iterable<TarSource>): AsyncGenerator<Uint8Array> {
  for await (const { header, content } of entries) {
    yield encodeTarHeader(header);
    let left = header.size;
    if (content)
      for await (const bytes of content) {
        left -= bytes.length;
        yield bytes;
      }
    assert(left === 0, `the content of ${header.name} is as long as its header says`);
    if (paddingOf(header.size) > 0) yield new Uint8Array(paddingOf(header.size));
  }
  yield tarEnd();
}

function block(
  name: { readonly prefix: Uint8Array; readonly name: Uint8Array },
  fields: Omit<TarMemberHeader, "name" | "type"> & { readonly flag: string; readonly linkBytes: Uint8Array },
): Uint8Array {
  const bytes = new Uint8Array(blockBytes);
  bytes.set(name.name, 0);
  octal(bytes, 100, 8, fields.mode & 0o7777);
  octal(bytes, 108, 8, fields.uid);
  octal(bytes, 116, 8, fields.gid);
  octal(bytes, 124, 12, fields.size);
  octal(bytes, 136, 12, fields.mtimeSeconds);
  bytes[156] = fields.flag.charCodeAt(0);
  bytes.set(fields.linkBytes, 157);
  bytes.set(encodeName("ustar\u000000"), 257);
  octal(bytes, 329, 8, fields.deviceMajor ?? 0);
  octal(bytes, 337, 8, fields.deviceMinor ?? 0);
  bytes.set(name.prefix, 345);
  bytes.fill(0x20, 148, 156);
  let sum = 0;
  for (const byte of bytes) sum += byte;
  octal(bytes, 148, 7, sum);
  return bytes;
}

/** What does not fit is in the PAX header; the field then says 0. */
function octal(bytes: Uint8Array, at: number, width: number, value: number): void {
  const fits = value >= 0 && value < 8 ** (width - 1);
  bytes.set(encodeName((fits ? value : 0).toString(8).padStart(width - 1, "0")), at);
  bytes[at + width - 1] = 0;
}

/** A name over the two fields of ustar, cut at a slash; null when it does not fit. */
function splitName(name: Uint8Array): { prefix: Uint8Array; name: Uint8Array } | null {
  if (name.length <= 100) return { prefix: new Uint8Array(0), name };
  for (let i = Math.max(1, name.length - 101); i <= 155 && i < name.length - 1; i++)
    if (name[i] === 0x2f) return { prefix: name.subarray(0, i), name: name.subarray(i + 1) };
  return null;
}

function decimalTime(seconds: number, nanoseconds: number): string {
  if (nanoseconds === 0) return String(seconds);
  const [sign, whole, fraction] = seconds < 0 ? ["-", -seconds - 1, 1e9 - nanoseconds] : ["", seconds, nanoseconds];
  return `${sign}${whole}.${String(fraction).padStart(9, "0")}`;
}

function isAscii(name: string): boolean {
  // oxlint-disable-next-line no-control-regex -- the range is the point
  return /^[\x00-\x7f]*$/.test(name);
}
