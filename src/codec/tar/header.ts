/**
 * The 512-byte header block of tar: POSIX ustar, its star variant, GNU's own and the first one of Unix v7. Field
 * offsets as in POSIX.1-2017, pax, "ustar Interchange Format", and GNU tar's "Basic Tar Format".
 */
import { decodeName } from "../../base/bytes.ts";
import { WherryError } from "../../base/errors.ts";

export interface TarHeader {
  readonly name: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly mtime: number;
  /** The type flag as a character; NUL, which old archives use for files, as "0". */
  readonly flag: string;
  readonly link: string;
  readonly deviceMajor: number;
  readonly deviceMinor: number;
}

export function isZeroBlock(block: Uint8Array): boolean {
  return block.every((byte) => byte === 0);
}

/** True when the block's checksum is right, in either of the two ways it has been computed over time. */
export function checksumMatches(block: Uint8Array): boolean {
  const field = block.subarray(148, 156);
  if (field.every((byte) => byte === 0)) return false;
  let unsigned = 0;
  let signed = 0;
  for (let i = 0; i < 512; i++) {
    const byte = i >= 148 && i < 156 ? 0x20 : block[i]!;
    unsigned += byte;
    signed += byte > 127 ? byte - 256 : byte;
  }
  const expected = octal(field);
  return expected === unsigned || expected === signed;
}

export function parseHeader(block: Uint8Array): TarHeader {
  const magic = latin1(block.subarray(257, 265));
  const isUstar = magic.startsWith("ustar\0");
  const isStar = isUstar && latin1(block.subarray(508, 512)) === "tar\0";
  const isGnu = magic === "ustar  \0";
  const prefix = isStar ? text(block.subarray(345, 476)) : isUstar ? text(block.subarray(345, 500)) : "";
  const name = text(block.subarray(0, 100));
  return {
    name: prefix === "" ? name : `${prefix}/${name}`,
    mode: number(block.subarray(100, 108), "mode"),
    uid: number(block.subarray(108, 116), "owner"),
    gid: number(block.subarray(116, 124), "group"),
    size: number(block.subarray(124, 136), "size"),
    mtime: number(block.subarray(136, 148), "time"),
    flag: block[156] === 0 ? "0" : String.fromCharCode(block[156]!),
    link: text(block.subarray(157, 257)),
    deviceMajor: isUstar || isGnu ? number(block.subarray(329, 337), "device number") : 0,
    deviceMinor: isUstar || isGnu ? number(block.subarray(337, 345), "device number") : 0,
  };
}

/** A name up to its NUL. */
export function text(field: Uint8Array): string {
  const end = field.indexOf(0);
  return decodeName(end < 0 ? field : field.subarray(0, end));
}

/** An octal number, or a big-endian two's complement one where the top bit of the field is set (GNU, star). */
export function number(field: Uint8Array, what: string): number {
  const value = (field[0]! & 0x80) !== 0 ? base256(field) : octal(field);
  if (!Number.isSafeInteger(value)) throw badHeader(`its ${what} field is not a number`);
  return value;
}

function base256(field: Uint8Array): number {
  // The top bit is only the mark; the next one is the sign.
  const isNegative = (field[0]! & 0x40) !== 0;
  let value = BigInt(isNegative ? field[0]! - 256 : field[0]! & 0x7f);
  for (const byte of field.subarray(1)) value = value * 256n + BigInt(byte);
  return Number(value);
}

function octal(field: Uint8Array): number {
  const digits = latin1(field).replace(/^[ \0]+|[ \0].*$/gs, "");
  if (digits === "") return 0;
  return /^[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : Number.NaN;
}

function latin1(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}

export function badHeader(reason: string): WherryError {
  return new WherryError("invalid-archive", `the tar archive has a bad header: ${reason}`);
}
