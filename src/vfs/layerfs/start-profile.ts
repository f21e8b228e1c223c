/**
 * Which pieces of the layers a program's start reads, remembered from one run for the next: asked for all at once, they
 * cost a fraction of what they cost one after the other, each at the page fault that needs it.
 *
 *     const profile = new StartProfile(store, packs);
 *     profile.replay(remembered);             // bytes of an earlier `encode`
 *     createLayerTree(layers, profile, pool)
 *     …
 *     if (profile.isNews) keep(profile.encode());
 *
 * A profile is a hint: a wrong one costs reads that nobody uses, nothing else.
 */
import { limits } from "../../base/limits.ts";
import type { Pack, PackSource } from "./piece-cache.ts";

const pieceBytes = limits.packPieceBytes;
/** A part of the start that the last profile did not foresee: from here on it is worth a new one. */
const newsShare = 1 / 8;

export class StartProfile implements PackSource {
  /** Where reads are immediate there is nothing to gain. */
  readonly readPackSync = null;
  readonly #source: PackSource;
  readonly #packs: readonly Pack[];
  readonly #endMs = performance.now() + limits.startProfileMs;
  /** "pack number/piece number", in order of first use. */
  readonly #touched = new Set<string>();
  readonly #ahead = new Map<string, Promise<Uint8Array>>();
  #unforeseen = 0;

  constructor(source: PackSource, packs: readonly Pack[]) {
    this.#source = source;
    this.#packs = packs;
  }

  readPack(digest: string, offset: number, length: number): Promise<Uint8Array> {
    const key = `${this.#packs.findIndex((pack) => pack.digest === digest)}/${offset / pieceBytes}`;
    const ahead = this.#ahead.get(key);
    const isStart = this.#touched.size < limits.startProfilePiecesMax && performance.now() < this.#endMs;
    if (isStart && !this.#touched.has(key)) {
      this.#touched.add(key);
      if (ahead === undefined) this.#unforeseen++;
    }
    if (ahead === undefined) return this.#source.readPack(digest, offset, length);
    this.#ahead.delete(key);
    return ahead;
  }

  /** Starts reading what an earlier run read, in its order. */
  replay(profile: Uint8Array): void {
    const view = new DataView(profile.buffer, profile.byteOffset, profile.byteLength);
    const count = Math.min(limits.startProfilePiecesMax, profile.length >>> 3);
    for (let i = 0; i < count; i++) {
      const number = view.getUint32(8 * i, true);
      const piece = view.getUint32(8 * i + 4, true);
      const pack = this.#packs[number];
      const offset = piece * pieceBytes;
      if (pack === undefined || offset >= pack.bytes) continue;
      const reading = this.#source.readPack(pack.digest, offset, Math.min(pieceBytes, pack.bytes - offset));
      // A failure shows when the piece is asked for in earnest.
      reading.catch(() => {});
      this.#ahead.set(`${number}/${piece}`, reading);
    }
  }

  /** The start is over: what was read ahead in vain need not be kept. */
  forget(): void {
    this.#ahead.clear();
  }

  /** Whether this run's start was so different that its profile is worth keeping. */
  get isNews(): boolean {
    return this.#unforeseen > 0 && this.#unforeseen >= this.#touched.size * newsShare;
  }

  /** Pairs of pack and piece numbers, u32 little-endian. */
  encode(): Uint8Array {
    const bytes = new Uint8Array(8 * this.#touched.size);
    const view = new DataView(bytes.buffer);
    let at = 0;
    for (const key of this.#touched) {
      for (const number of key.split("/")) {
        view.setUint32(at, Number(number), true);
        at += 4;
      }
    }
    return bytes;
  }
}
