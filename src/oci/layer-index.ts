/**
 * The index of one layer: what its tar holds, without the content. Made once while the layer is unpacked, stored as one
 * document of kind "layer-index" under the diff ID, loaded whole when a container starts.
 */
export interface LayerEntry {
  /** Path without a leading or trailing slash, "." and ".." resolved; the layer's root is "". */
  readonly path: string;
  readonly type: "file" | "directory" | "symlink" | "hardlink" | "character" | "block" | "fifo" | "whiteout" | "opaque";
  /** Permission bits (07777), setuid included. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes of content a reader sees (sparse holes included). */
  readonly size: number;
  /** Where the content starts in the uncompressed tar. */
  readonly offset: number;
  /** Nanoseconds since 1970, as a decimal string is not needed: seconds and nanoseconds. */
  readonly mtimeSeconds: number;
  readonly mtimeNanoseconds: number;
  /** Symlink target as stored, or hard link target as a path like `path`. */
  readonly link?: string;
  readonly deviceMajor?: number;
  readonly deviceMinor?: number;
  readonly xattrs?: Readonly<Record<string, Uint8Array>>;
  /** Sparse files: pieces of data [offset in file, length], stored one after the other from `offset` on. */
  readonly sparse?: readonly (readonly [number, number])[];
}

export interface LayerIndex {
  readonly version: 1;
  readonly diffId: string;
  /** Bytes of the uncompressed tar. */
  readonly tarBytes: number;
  /** In archive order; a later entry of the same path replaces an earlier one. */
  readonly entries: readonly LayerEntry[];
}
