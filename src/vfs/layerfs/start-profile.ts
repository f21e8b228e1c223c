/**
 * What a program's start reads of the layers, kept from one run for the next: the pages themselves, some megabytes in
 * one entry of the store's cache. It is read in one go, where the pieces around those pages are several times as many
 * bytes, one after the other, each at the page fault that needs it.
 *
 *     const profile = new StartProfile(store, packs);
 *     profile.replay(remembered);             // bytes of an earlier `encode`
 *     createLayerTree(layers, profile, pool)
 *     …
 *     if (profile.isNews) keep(profile.encode());
 *
 * Layers never change, so what is kept of them is right for ever. The layers are named in it, and damage is noticed.
 *
 *     "WSP1", checksum (u32 × 2), bytes of names, count (u32 each)
 *     names: digests of the packs, joined by spaces, padded to four bytes
 *     count × { pack, offset (low, high), length } (u32 each), then the bytes of each, padded
 */
import { decodeName, encodeName } from "../../base/bytes.ts";
import { limits } from "../../base/limits.ts";
import type { Pack, PackSource } from "./piece-cache.ts";

const magic = 0x31505357;
const headBytes = 20;
const checkedFrom = 12;
const rowBytes = 16;
/** A part of the start that the last profile did not foresee: from here on it is worth a new one. */
const newsShare = 1 / 8;
/** A place's key: pack number and offset in one exact number. */
const packStride = 2 ** 44;

const padded = (bytes: number): number => (bytes + 3) & ~3;

export class StartProfile implements PackSource {
  /** Where reads are immediate there is nothing to gain. */
  readonly readPackSync = null;
  readonly #source: PackSource;
  readonly #names: Uint8Array;
  readonly #endMs = performance.now() + limits.startProfileMs;
  /** What an earlier run read. */
  #known = new Map<number, Uint8Array>();
  /** What this one did, in order of first use. */
  #touched = new Map<number, Uint8Array>();
  #touchedBytes = 0;
  /** Pieces of layers kept alive because parts of them are in `#touched`. */
  readonly #held = new Set<ArrayBufferLike>();
  #heldBytes = 0;
  #unforeseenBytes = 0;

  constructor(source: PackSource, packs: readonly Pack[]) {
    this.#source = source;
    this.#names = encodeName(packs.map(({ digest }) => digest).join(" "));
  }

  readPack(digest: string, offset: number, length: number): Promise<Uint8Array> {
    return this.#source.readPack(digest, offset, length);
  }

  recall(pack: number, offset: number, target: Uint8Array): boolean {
    const key = pack * packStride + offset;
    const known = this.#known.get(key);
    if (known?.length !== target.length) return false;
    target.set(known);
    this.#touch(key, known);
    return true;
  }

  remember(pack: number, offset: number, bytes: Uint8Array): void {
    if (performance.now() >= this.#endMs || this.#touchedBytes >= limits.startProfileBytesMax) return;
    const key = pack * packStride + offset;
    if (this.#touched.has(key)) return;
    this.#unforeseenBytes += bytes.length;
    this.#touch(key, this.#hold(bytes.buffer) ? bytes : bytes.slice());
  }

  /** Whether a piece may stay until the start is over: a copy of each page in it takes longer than to read it. */
  #hold(piece: ArrayBufferLike): boolean {
    if (this.#held.has(piece)) return true;
    if (this.#heldBytes + piece.byteLength > limits.startProfileHeldBytesMax) return false;
    this.#held.add(piece);
    this.#heldBytes += piece.byteLength;
    return true;
  }

  #touch(key: number, bytes: Uint8Array): void {
    if (this.#touched.has(key)) return;
    this.#touched.set(key, bytes);
    this.#touchedBytes += bytes.length;
  }

  /** Takes over what an earlier run read, if it is of these layers and whole. */
  replay(profile: Uint8Array): void {
    if (profile.length < headBytes || profile.length % 4 !== 0) return;
    const view = new DataView(profile.buffer, profile.byteOffset, profile.byteLength);
    const [a, b] = checksum(view);
    if (view.getUint32(0, true) !== magic || view.getUint32(4, true) !== a || view.getUint32(8, true) !== b) return;
    const namesBytes = view.getUint32(12, true);
    const count = view.getUint32(16, true);
    const names = decodeName(profile.subarray(headBytes, headBytes + namesBytes));
    if (names !== decodeName(this.#names)) return;
    let row = headBytes + padded(namesBytes);
    let at = row + count * rowBytes;
    for (; row < headBytes + padded(namesBytes) + count * rowBytes; row += rowBytes) {
      const offset = view.getUint32(row + 8, true) * 2 ** 32 + view.getUint32(row + 4, true);
      const length = view.getUint32(row + 12, true);
      this.#known.set(view.getUint32(row, true) * packStride + offset, profile.subarray(at, at + length));
      at += padded(length);
    }
  }

  /** The start is over, and kept if it was to be kept. */
  forget(): void {
    this.#known = new Map();
    this.#touched = new Map();
    this.#held.clear();
    this.#heldBytes = limits.startProfileHeldBytesMax;
    this.#touchedBytes = limits.startProfileBytesMax;
    this.#unforeseenBytes = 0;
  }

  /** Whether this run's start was so different that it is worth keeping. */
  get isNews(): boolean {
    return this.#unforeseenBytes > 0 && this.#unforeseenBytes >= this.#touchedBytes * newsShare;
  }

  encode(): Uint8Array {
    const rowsAt = headBytes + padded(this.#names.length);
    let at = rowsAt + this.#touched.size * rowBytes;
    let length = at;
    for (const part of this.#touched.values()) length += padded(part.length);
    const bytes = new Uint8Array(length);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, magic, true);
    view.setUint32(12, this.#names.length, true);
    view.setUint32(16, this.#touched.size, true);
    bytes.set(this.#names, headBytes);
    let row = rowsAt;
    for (const [key, part] of this.#touched) {
      const pack = Math.floor(key / packStride);
      const offset = key - pack * packStride;
      view.setUint32(row, pack, true);
      view.setUint32(row + 4, offset % 2 ** 32, true);
      view.setUint32(row + 8, Math.floor(offset / 2 ** 32), true);
      view.setUint32(row + 12, part.length, true);
      bytes.set(part, at);
      row += rowBytes;
      at += padded(part.length);
    }
    const [a, b] = checksum(view);
    view.setUint32(4, a, true);
    view.setUint32(8, b, true);
    return bytes;
  }
}

/** Two 32-bit multiplicative hashes at once, a word at a time: damage is noticed, and nobody has a reason to forge it. */
function checksum(view: DataView): [number, number] {
  let a = 0x811c9dc5;
  let b = 0x2545f491;
  for (let at = checkedFrom; at + 4 <= view.byteLength; at += 4) {
    const word = view.getInt32(at, true);
    a = Math.imul(a ^ word, 0x01000193);
    b = (Math.imul(b, 31) + word) | 0;
  }
  return [a >>> 0, b >>> 0];
}
