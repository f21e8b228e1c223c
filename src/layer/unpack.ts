/**
 * One layer from its blob into a store, in one pass and with little memory:
 *
 *     blob  →  digest, size  →  decompress  →  diff ID, limits  →  pack, verbatim
 *                                                              →  index
 *
 * The pack stays invisible until its image is complete: see StagedLayer.
 */
import { WherryError } from "../base/errors.ts";
import type { CreateHasher, Hasher } from "../base/hasher.ts";
import { limits } from "../base/limits.ts";
import { decompress, decompressReopenable, type NativeDecoders } from "../codec/decompress.ts";
import { type ByteStream, throwIfCancelled } from "../codec/stream.ts";
import { digestMismatch, sizeMismatch } from "../oci/digest.ts";
import type { PackWriter, Store } from "../store/types.ts";
import { LayerIndexer } from "./indexer.ts";
import type { LayerIndex } from "../oci/layer-index.ts";

export interface UnpackOptions {
  /** The blob. */
  readonly source: { readonly once: ByteStream } | { readonly open: () => ByteStream };
  readonly store: Store;
  readonly createHasher: CreateHasher;
  readonly native?: NativeDecoders;
  readonly signal?: AbortSignal | undefined;
  /** What the blob must be, as far as it is known. */
  readonly expected?: { readonly what: string; readonly digest: string; readonly sizeBytes: number } | undefined;
  /** Called with the blob's bytes taken so far. */
  readonly onProgress?: (doneBytes: number) => void;
  /** Called before each piece with its size; throws when all layers together become too large. */
  readonly onUnpacked?: (bytes: number) => void;
}

/** A layer that is in the store but not visible yet: commit it or abort it. */
export interface StagedLayer {
  /** Of the blob as it came. */
  readonly digest: string;
  readonly sizeBytes: number;
  readonly index: LayerIndex;
  readonly pack: PackWriter;
}

export async function unpackLayer(options: UnpackOptions): Promise<StagedLayer> {
  const { store, createHasher, native, signal } = options;
  const blob = new BlobMeter(createHasher, options.expected !== undefined, options.onProgress);
  const plain = await createHasher();
  const indexer = new LayerIndexer();
  const pack = await store.createPack();
  let tarBytes = 0;
  try {
    const { source } = options;
    const { stream } =
      "once" in source
        ? await decompress(blob.measure(source.once), native)
        : await decompressReopenable(() => blob.measure(source.open()), native);
    for await (const chunk of stream) {
      throwIfCancelled(signal);
      options.onUnpacked?.(chunk.length);
      tarBytes += chunk.length;
      if (tarBytes > limits.expansionCheckedBytes && tarBytes > limits.expansionRatioMax * blob.sizeBytes)
        throw new WherryError(
          "limit-exceeded",
          `a layer unpacks to more than ${limits.expansionRatioMax} times its size: refused as a decompression bomb`,
        );
      plain.update(chunk);
      indexer.push(chunk);
      await pack.write(chunk);
    }
    throwIfCancelled(signal);
    checkBlob(blob, options.expected);
    indexer.finish();
  } catch (error) {
    await pack.abort();
    // A blob damaged on its way is the cause of whatever the decoder found in it.
    if (error instanceof WherryError && error.code === "invalid-archive" && blob.isComplete)
      checkBlob(blob, options.expected);
    throw error;
  }
  const index: LayerIndex = { version: 1, diffId: plain.digest(), tarBytes, entries: indexer.entries };
  return { digest: blob.digest(), sizeBytes: blob.sizeBytes, index, pack };
}

function checkBlob(blob: BlobMeter, expected: UnpackOptions["expected"]): void {
  if (!expected) return;
  if (blob.sizeBytes !== expected.sizeBytes) throw sizeMismatch(expected.what, expected.sizeBytes, blob.sizeBytes);
  if (blob.digest() !== expected.digest) throw digestMismatch(expected.what, expected.digest, blob.digest());
}

/** Size and digest of a blob on its way to the decoder, which may ask for it from the beginning again. */
class BlobMeter {
  readonly #createHasher: CreateHasher;
  /** Read on to the end when the decoder stops early, to learn whether the blob is what it should be. */
  readonly #toTheEnd: boolean;
  readonly #onProgress: ((doneBytes: number) => void) | undefined;
  #hasher: Hasher | null = null;
  #digest: string | null = null;
  sizeBytes = 0;
  isComplete = false;

  constructor(createHasher: CreateHasher, toTheEnd: boolean, onProgress: ((doneBytes: number) => void) | undefined) {
    this.#createHasher = createHasher;
    this.#toTheEnd = toTheEnd;
    this.#onProgress = onProgress;
  }

  async *measure(source: ByteStream): AsyncGenerator<Uint8Array> {
    const hasher = (this.#hasher = await this.#createHasher());
    this.sizeBytes = 0;
    this.isComplete = false;
    const iterator = source[Symbol.asyncIterator]();
    const next = async (): Promise<Uint8Array | null> => {
      const { done, value } = await iterator.next();
      if (done) {
        this.isComplete = true;
        return null;
      }
      hasher.update(value);
      this.sizeBytes += value.length;
      this.#onProgress?.(this.sizeBytes);
      return value;
    };
    let failed = false;
    try {
      for (let chunk = await next(); chunk; chunk = await next()) yield chunk;
    } catch (error) {
      failed = true;
      throw error;
    } finally {
      if (this.#toTheEnd && !failed) while (!this.isComplete) await next();
      await iterator.return?.();
    }
  }

  /** Of everything read. */
  digest(): string {
    return (this.#digest ??= this.#hasher!.digest());
  }
}
