/**
 * The layers of one load: unpacked into packs that nobody sees yet, known by where they stood in the archive. A load
 * that fails drops them all.
 */
import { WherryError } from "../../base/errors.ts";
import type { CreateHasher } from "../../base/hasher.ts";
import { limits } from "../../base/limits.ts";
import type { NativeDecoders } from "../../codec/decompress.ts";
import { type StagedLayer, unpackLayer, type UnpackOptions } from "../../layer/unpack.ts";
import { isDigest } from "../../oci/digest.ts";
import type { Store } from "../../store/types.ts";
import type { LoadProgress } from "../types.ts";

/** What is known of a blob of the archive: unpacked now, in the store already, or found to be no layer. */
export type LayerState =
  | { readonly kind: "staged"; readonly layer: StagedLayer }
  | { readonly kind: "exists"; readonly diffId: string }
  | { readonly kind: "bad"; readonly error: WherryError };

export interface StagingOptions {
  readonly store: Store;
  readonly createHasher: CreateHasher;
  readonly native: NativeDecoders;
  readonly sizeBytesMax: number;
  readonly signal: AbortSignal | undefined;
  readonly onProgress: ((progress: LoadProgress) => void) | undefined;
}

export class Staging {
  readonly #options: StagingOptions;
  readonly #layers = new Map<string, LayerState>();
  #unpackedBytes = 0;
  /** Layers that will come, as far as known. */
  expectedLayers = 0;

  constructor(options: StagingOptions) {
    this.#options = options;
  }

  get(path: string): LayerState | undefined {
    return this.#layers.get(path);
  }

  /** The diff ID of a blob of this digest that is in the store already, whether it is the diff ID itself or not. */
  async existing(digest: string): Promise<string | null> {
    const { store } = this.#options;
    const alias = await store.getDocument("blob", digest);
    const diffId = typeof alias === "string" ? alias : digest;
    if (!isDigest(diffId) || (await store.packSize(diffId)) === null) return null;
    return (await store.getDocument("layer-index", diffId)) === undefined ? null : diffId;
  }

  /** Notes that the blob at `path` need not be read. */
  skip(path: string, digest: string, diffId: string): void {
    this.#report({ phase: "exists", doneBytes: 0, totalBytes: 0, digest });
    this.#layers.set(path, { kind: "exists", diffId });
  }

  /** Unpacks the blob at `path`. What is wrong with the blob itself is kept for when it turns out to be needed. */
  async unpack(
    path: string,
    source: UnpackOptions["source"],
    about: {
      readonly digest: string;
      readonly totalBytes: number | null;
      readonly expected?: UnpackOptions["expected"];
    },
  ): Promise<void> {
    const { store, createHasher, native, signal } = this.#options;
    const { digest, totalBytes } = about;
    let reportedMs = 0;
    try {
      const layer = await unpackLayer({
        source,
        store,
        createHasher,
        native,
        signal,
        expected: about.expected,
        onProgress: (doneBytes) => {
          const nowMs = Date.now();
          if (nowMs - reportedMs < limits.progressIntervalMs) return;
          reportedMs = nowMs;
          this.#report({ phase: "unpacking", doneBytes, totalBytes, digest });
        },
        onUnpacked: (bytes) => {
          this.#unpackedBytes += bytes;
          if (this.#unpackedBytes > this.#options.sizeBytesMax)
            throw new WherryError(
              "limit-exceeded",
              `the image unpacks to more than the limit of ${this.#options.sizeBytesMax} bytes`,
            );
        },
      });
      this.#report({ phase: "done", doneBytes: layer.sizeBytes, totalBytes: layer.sizeBytes, digest });
      this.#layers.set(path, { kind: "staged", layer });
    } catch (error) {
      if (!(error instanceof WherryError) || !isAboutBlob(error)) throw error;
      this.#layers.set(path, { kind: "bad", error });
    }
  }

  #report(progress: Omit<LoadProgress, "layer" | "layers">): void {
    const layer = this.#layers.size;
    this.#options.onProgress?.({ ...progress, layer, layers: Math.max(layer + 1, this.expectedLayers) });
  }

  async abort(): Promise<void> {
    for (const state of this.#layers.values()) if (state.kind === "staged") await state.layer.pack.abort();
  }
}

function isAboutBlob(error: WherryError): boolean {
  return ["invalid-archive", "unsafe-path", "digest-mismatch", "size-mismatch"].includes(error.code);
}
