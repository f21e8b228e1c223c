/** One member of a tar archive, whatever dialect it is written in. Names are as stored: nothing is cleaned here. */
export type TarType = "file" | "directory" | "symlink" | "hardlink" | "character" | "block" | "fifo";

export interface TarEntry {
  readonly name: string;
  readonly type: TarType;
  /** Permission bits (07777). */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes of content a reader sees, holes included. */
  readonly size: number;
  /** Bytes of content in the archive. */
  readonly storedBytes: number;
  /** Where the content starts in the archive. */
  readonly offset: number;
  readonly mtimeSeconds: number;
  readonly mtimeNanoseconds: number;
  readonly link?: string;
  readonly deviceMajor?: number;
  readonly deviceMinor?: number;
  readonly xattrs?: Readonly<Record<string, Uint8Array>>;
  /** Sparse files: pieces [offset in file, length], stored one after the other. */
  readonly sparse?: readonly (readonly [number, number])[];
}

export const blockBytes = 512;

export function paddingOf(sizeBytes: number): number {
  return (blockBytes - (sizeBytes % blockBytes)) % blockBytes;
}
