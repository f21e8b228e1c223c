/**
 * Translations as bytes. A pack holds what was compiled together: for each region its WebAssembly function, the guest
 * code it was made from, and where it is entered. Nothing else decides what the function does, so a region may be used
 * wherever the same code stands at the same distances.
 *
 *     "WTP2", checksum (u32 × 2), prelude's checksum (u32), count (u32), then for each region
 *         entries, pieces of code, instructions, age, length of the function (u32 each)
 *         entries × { offset from the origin (f64: libraries lie far from programs), key (u32) }
 *         pieces  × { offset from the origin (f64), length (u32) }
 *         the code, the function
 */
import { regionPrelude } from "./link.ts";

/** A piece of guest code, in one page. */
export interface CodePiece {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

export interface TranslationEntry {
  readonly offset: number;
  /** `entryKey` of the code there. */
  readonly key: number;
}

export interface Translation {
  readonly entries: readonly TranslationEntry[];
  readonly code: readonly CodePiece[];
  readonly instructions: number;
  /** How often its pack has been written since it was last used. */
  readonly age: number;
  readonly body: Uint8Array;
}

const magic = 0x32505457;
const headBytes = 20;
const checkedFrom = 12;

/** Bytes looked at to tell whether a block may be an entry. */
const keyBytes = 16;

/** A hash of where in its page an address is and of the bytes there: where to look, not whether it is the same. */
export function entryKey(bytes: Uint8Array, physical: number): number {
  const inPage = physical & 4095;
  const end = Math.min(physical + keyBytes, physical - inPage + 4096);
  let hash = Math.imul(inPage + 1, 0x9e3779b1);
  for (let at = physical; at < end; at++) hash = Math.imul(hash ^ bytes[at]!, 0x01000193);
  return (hash ^ (hash >>> 15)) >>> 0;
}

/** Two 32-bit multiplicative hashes at once: damage is noticed, and nobody has a reason to forge it. */
function checksum(bytes: Uint8Array): [number, number] {
  let a = 0x811c9dc5;
  let b = 0x2545f491;
  for (let i = 0; i < bytes.length; i++) {
    a = Math.imul(a ^ bytes[i]!, 0x01000193);
    b = (Math.imul(b, 31) + bytes[i]!) | 0;
  }
  return [a >>> 0, b >>> 0];
}

export function packBytes(translation: Translation): number {
  let bytes = 20 + 12 * translation.entries.length + translation.body.length;
  for (const piece of translation.code) bytes += 12 + piece.bytes.length;
  return bytes;
}

export function encodePack(translations: readonly Translation[]): Uint8Array {
  const length = translations.reduce((sum, translation) => sum + packBytes(translation), headBytes);
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  let at = headBytes;
  const u32 = (value: number): void => {
    view.setUint32(at, value, true);
    at += 4;
  };
  const f64 = (value: number): void => {
    view.setFloat64(at, value, true);
    at += 8;
  };
  const raw = (part: Uint8Array): void => {
    bytes.set(part, at);
    at += part.length;
  };
  for (const { entries, code, instructions, age, body } of translations) {
    u32(entries.length);
    u32(code.length);
    u32(instructions);
    u32(age);
    u32(body.length);
    for (const { offset, key } of entries) {
      f64(offset);
      u32(key);
    }
    for (const piece of code) {
      f64(piece.offset);
      u32(piece.bytes.length);
    }
    for (const piece of code) raw(piece.bytes);
    raw(body);
  }
  view.setUint32(0, magic, true);
  view.setUint32(12, checksum(regionPrelude())[0], true);
  view.setUint32(16, translations.length, true);
  const [a, b] = checksum(bytes.subarray(checkedFrom));
  view.setUint32(4, a, true);
  view.setUint32(8, b, true);
  return bytes;
}

/** Null for what is damaged or was made for another interface. */
export function decodePack(bytes: Uint8Array): Translation[] | null {
  if (bytes.length < headBytes) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (view.getUint32(0, true) !== magic) return null;
  const [a, b] = checksum(bytes.subarray(checkedFrom));
  if (view.getUint32(4, true) !== a || view.getUint32(8, true) !== b) return null;
  if (view.getUint32(12, true) !== checksum(regionPrelude())[0]) return null;
  const translations: Translation[] = [];
  let at = headBytes;
  const u32 = (): number => {
    at += 4;
    return view.getUint32(at - 4, true);
  };
  const f64 = (): number => {
    at += 8;
    return view.getFloat64(at - 8, true);
  };
  const raw = (length: number): Uint8Array => {
    at += length;
    return bytes.subarray(at - length, at);
  };
  for (let count = view.getUint32(16, true); count > 0; count--) {
    const [entryCount, pieces, instructions, age, bodyBytes] = [u32(), u32(), u32(), u32(), u32()];
    const entries: TranslationEntry[] = [];
    for (let i = 0; i < entryCount; i++) entries.push({ offset: f64(), key: u32() });
    const places: { offset: number; length: number }[] = [];
    for (let i = 0; i < pieces; i++) places.push({ offset: f64(), length: u32() });
    const code = places.map(({ offset, length }) => ({ offset, bytes: raw(length) }));
    translations.push({ entries, code, instructions, age, body: raw(bodyBytes) });
  }
  return translations;
}
