/**
 * How images are kept in the store.
 *
 *     document "image"        image id (config digest)   -> ImageRecord
 *     document "reference"    "docker.io/library/x:tag"  -> image id
 *     document "layer-index"  diff ID                    -> LayerIndex
 *     pack                    diff ID                    -> the layer's uncompressed tar, verbatim
 *
 * Layers are shared: a pack is removed with the last image that names it.
 */
import type { ImageConfig } from "../oci/config.ts";

export interface ImageRecord {
  /** Config digest, "sha256:…". */
  readonly id: string;
  /** The config file as it came, which the id is the digest of. */
  readonly configBytes: Uint8Array;
  /** The manifest as it came, and its digest; null when the archive had none (`docker save`). */
  readonly manifest: { readonly digest: string; readonly mediaType: string; readonly bytes: Uint8Array } | null;
  /** Diff IDs, lowest layer first: keys of packs and layer indexes. */
  readonly layers: readonly string[];
  /** Unpacked bytes of all layers. */
  readonly sizeBytes: number;
  readonly loadedSeconds: number;
}

/** An image ready to make a container of. */
export interface ResolvedImage {
  readonly id: string;
  /** Familiar names ("debian:12"), those asked for first. */
  readonly references: readonly string[];
  readonly layers: readonly string[];
  readonly config: ImageConfig;
}
