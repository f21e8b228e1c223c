/**
 * Raw pieces of layer archives, as they come from storage. Small files lie side by side in an archive, so one piece
 * serves many; requests for a piece that is on its way are joined.
 */
import { limits } from "../../base/limits.ts";

/** What layerfs needs of a `Store`. */
export interface PackSource {
  readPack(digest: string, offset: number, length: number): Promise<Uint8Array>;
  /** Null where reads are never immediate. */
  readonly readPackSync: ((digest: string, offset: number, length: number) => Uint8Array) | null;
  /** Fills `target` with bytes of a pack, by its number, where they are at hand. */
  recall?(pack: number, offset: number, target: Uint8Array): boolean;
  /** Told what was read otherwise. The bytes do not change any more. */
  remember?(pack: number, offset: number, bytes: Uint8Array): void;
}

export interface Pack {
  readonly digest: string;
  readonly bytes: number;
}

const pieceBytes = limits.packPieceBytes;
/** A piece's key: pack number and piece number in one exact number. */
const packStride = 2 ** 32;

export class PieceCache {
  readonly #source: PackSource;
  readonly #packs: readonly Pack[];
  readonly #bytesMax: number;
  /** In order of use, oldest first. */
  readonly #pieces = new Map<number, Uint8Array>();
  readonly #pending = new Map<number, Promise<void>>();
  #bytes = 0;

  constructor(source: PackSource, packs: readonly Pack[], bytesMax: number = limits.pieceCacheBytesMax) {
    this.#source = source;
    this.#packs = packs;
    this.#bytesMax = bytesMax;
  }

  /** Whether reads are always immediate. */
  get immediate(): boolean {
    return this.#source.readPackSync !== null;
  }

  /**
   * Copies bytes of a pack into `target` and answers null, or answers a promise after which to ask again. The promise
   * rejects when storage fails.
   */
  read(pack: number, offset: number, target: Uint8Array): Promise<void> | null {
    if (this.#source.recall?.(pack, offset, target) === true) return null;
    const first = Math.floor(offset / pieceBytes);
    const last = Math.floor((offset + target.length - 1) / pieceBytes);
    // All pieces first, then the copy: a piece that is fetched later must not push out an earlier one in between.
    const pieces: Uint8Array[] = [];
    let waiting: Promise<void>[] | null = null;
    for (let piece = first; piece <= last; piece++) {
      const found = this.#piece(pack, piece);
      if (found instanceof Promise) (waiting ??= []).push(found);
      else pieces.push(found);
    }
    if (waiting !== null) return waiting.length === 1 ? waiting[0]! : Promise.all(waiting).then(() => undefined);
    for (let i = 0; i < pieces.length; i++) {
      const start = (first + i) * pieceBytes;
      const from = Math.max(0, offset - start);
      const part = pieces[i]!.subarray(from, Math.min(pieceBytes, offset + target.length - start));
      target.set(part, start + from - offset);
      if (first === last) this.#source.remember?.(pack, offset, part);
    }
    if (first !== last) this.#source.remember?.(pack, offset, target.slice());
    return null;
  }

  /** Starts reading a piece that will probably be wanted. Only worth while where reads take time. */
  prefetch(pack: number, offset: number): void {
    if (this.immediate || offset >= this.#packs[pack]!.bytes) return;
    const found = this.#piece(pack, Math.floor(offset / pieceBytes));
    // A failure shows when the piece is asked for in earnest.
    if (found instanceof Promise) found.catch(() => undefined);
  }

  #piece(pack: number, piece: number): Uint8Array | Promise<void> {
    const key = pack * packStride + piece;
    const cached = this.#pieces.get(key);
    if (cached !== undefined) {
      this.#pieces.delete(key);
      this.#pieces.set(key, cached);
      return cached;
    }
    const joined = this.#pending.get(key);
    if (joined !== undefined) return joined;
    const { digest, bytes } = this.#packs[pack]!;
    const offset = piece * pieceBytes;
    const length = Math.min(pieceBytes, bytes - offset);
    if (this.#source.readPackSync !== null) {
      const read = this.#source.readPackSync(digest, offset, length);
      this.#keep(key, read);
      return read;
    }
    const reading = this.#source.readPack(digest, offset, length).then(
      (read) => {
        this.#pending.delete(key);
        this.#keep(key, read);
      },
      (error) => {
        this.#pending.delete(key);
        throw error;
      },
    );
    this.#pending.set(key, reading);
    return reading;
  }

  #keep(key: number, piece: Uint8Array): void {
    this.#pieces.set(key, piece);
    this.#bytes += piece.length;
    for (const [oldest, bytes] of this.#pieces) {
      if (this.#bytes <= this.#bytesMax || oldest === key) break;
      this.#pieces.delete(oldest);
      this.#bytes -= bytes.length;
    }
  }
}
