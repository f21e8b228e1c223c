/**
 * How images are kept in the store.
 *
 *     document "image"        image id (config digest)   -> ImageRecord
 *     document "reference"    "docker.io/library/x:tag"  -> image id
 *     document "blob"         digest of a blob           -> diff ID of the layer in it, for blobs met before
 *     document "load"         random                     -> LoadPin, while a load puts its packs in place
 *     document "layer-index"  diff ID                    -> LayerIndex
 *     pack                    diff ID                    -> the layer's uncompressed tar, verbatim
 *
 * Layers are shared: a pack is removed with the last image that names it.
 */
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

/** Says whose packs those are that no image names yet. Left behind only by a load that died. */
export interface LoadPin {
  readonly layers: readonly string[];
  readonly startedMs: number;
}
