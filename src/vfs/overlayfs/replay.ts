/** Puts a writable layer back as its journal has it. */
import { WherryError } from "../../base/errors.ts";
import type { TreeFileSystem } from "../memory/filesystem.ts";
import type { TreeInode } from "../memory/inode.ts";
import { ByteReader } from "./byte-stream.ts";
import { item, journalVersion, readHeader, readInode, readText, recordFlag } from "./journal-format.ts";

export interface Replayed {
  /** Bytes of the journal; 0 when there is none yet. */
  readonly bytes: number;
  /** Inodes of the upper layer the journal knows. */
  readonly inodes: ReadonlySet<number>;
  /** The journal ends in something that is no whole batch: it is to be rewritten before more is appended. */
  readonly damaged: boolean;
}

/** `records` oldest first. Throws when the journal belongs to other layers. */
export async function replay(
  fs: TreeFileSystem,
  records: AsyncIterable<Uint8Array>,
  layers: readonly string[],
): Promise<Replayed> {
  const upper = new Map<number, TreeInode>();
  let bytes = 0;
  let batch: Uint8Array[] = [];
  let inBatch = false;
  let damaged = false;
  for await (const record of records) {
    if (bytes === 0) checkHeader(record, fs, layers);
    else {
      const flags = record[0] ?? 0;
      if ((flags & recordFlag.first) !== 0) {
        batch = [];
        inBatch = true;
      }
      if (!inBatch) {
        damaged = true;
        break;
      }
      batch.push(record);
      if ((flags & recordFlag.last) !== 0) {
        apply(fs, upper, batch);
        batch = [];
        inBatch = false;
      }
    }
    bytes += record.length;
  }
  return { bytes, inodes: new Set(upper.keys()), damaged: damaged || inBatch };
}

function checkHeader(record: Uint8Array, fs: TreeFileSystem, layers: readonly string[]): void {
  const header = readHeader(new ByteReader(record));
  if (header === null || header.version !== journalVersion)
    throw new WherryError("internal", "the container's writable layer is of a format this version does not know");
  if (header.inoMax !== (fs.lower?.inoMax ?? 0) || header.layers.join() !== layers.join())
    throw new WherryError("internal", "the container's writable layer belongs to an image with other layers");
}

function apply(fs: TreeFileSystem, upper: Map<number, TreeInode>, batch: readonly Uint8Array[]): void {
  const find = (ino: number): TreeInode => {
    const found = upper.get(ino);
    if (found !== undefined) return found;
    const node = fs.lower?.node(ino);
    if (node === undefined)
      throw new WherryError("internal", "the container's writable layer names a file that does not exist");
    return fs.instance(node);
  };
  for (const record of batch) {
    const reader = new ByteReader(record);
    reader.u8();
    while (!reader.done) {
      const kind = reader.u8();
      switch (kind) {
        case item.inode: {
          const state = readInode(reader);
          let inode = state.overLower ? find(state.ino) : upper.get(state.ino);
          if (inode === undefined) {
            inode = fs.restoreInode(state.ino, state.mode, state, state.rdev, state.target);
            upper.set(state.ino, inode);
          }
          inode.restore(state);
          break;
        }
        case item.name: {
          const directory = find(reader.u32());
          const child = reader.u32();
          directory.restoreEntry(readText(reader), child === 0 ? null : find(child));
          break;
        }
        case item.dropped: {
          const inode = find(reader.u32());
          inode.content?.restoreDropped(reader.f64());
          break;
        }
        case item.page: {
          const inode = find(reader.u32());
          const index = reader.f64();
          const bytes = reader.bytes(reader.u16());
          if ((inode.content?.restorePage(index, bytes) ?? 0) < 0)
            throw new WherryError("limit-exceeded", "the container's writable layer does not fit in its memory");
          break;
        }
        case item.removed: {
          const ino = reader.u32();
          find(ino).content?.free();
          if (upper.delete(ino)) fs.inodeGone();
          break;
        }
        default:
          throw new WherryError("internal", `the container's writable layer has an item of unknown kind ${kind}`);
      }
    }
  }
}
