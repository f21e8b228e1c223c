/**
 * The root file system of a container: image layers below, a writable layer on top that is kept in a journal.
 *
 *     const root = await openOverlay({ layers, store, pool, clock, journal: "container-id" });
 *     const namespace = new Namespace(root.fs, { source: "overlay", options: "rw,relatime" });
 *     …
 *     await root.close();
 *
 * Unlike Linux's overlayfs it renames directories of the image without copying and keeps inode numbers on copy-up. Like
 * it, a page that was mapped before the first write to it keeps showing the image's content.
 */
import type { Clock } from "../../base/clock.ts";
import { systemClock } from "../../base/clock.ts";
import { limits } from "../../base/limits.ts";
import type { LayerIndex } from "../../oci/layer-index.ts";
import type { PackSource } from "../layerfs/layerfs.ts";
import { createLayerTree } from "../layerfs/layerfs.ts";
import { TreeFileSystem } from "../memory/filesystem.ts";
import type { PagePool } from "../types.ts";
import type { Change } from "./changes.ts";
import { changes } from "./changes.ts";
import type { JournalStore } from "./journal.ts";
import { Journal } from "./journal.ts";
import { replay } from "./replay.ts";

const OVERLAYFS_SUPER_MAGIC = 0x794c7630;

export interface OverlaySettings {
  /** Lowest first. */
  readonly layers: readonly LayerIndex[];
  readonly store: PackSource & JournalStore;
  /** Where the layers are read from, if not straight from the store. */
  readonly packs?: PackSource | undefined;
  readonly pool: PagePool;
  readonly clock?: Clock;
  /** Name of the journal that holds the writable layer; null keeps it in memory only. */
  readonly journal: string | null;
  /** False: what changes is not written to the journal, only what is there is read. */
  readonly keepsChanges?: boolean;
  /** No changes at all: the journal is read but never written. */
  readonly readOnly?: boolean;
  /** Bound on the writable layer's content; null for none but memory. */
  readonly sizeBytesMax?: number | null;
}

export class Overlay {
  readonly fs: TreeFileSystem;
  readonly #journal: Journal | null;

  constructor(fs: TreeFileSystem, journal: Journal | null) {
    this.fs = fs;
    this.#journal = journal;
  }

  changes(): readonly Change[] {
    return changes(this.fs);
  }

  /** 0, or -ENOSPC or -EIO when not everything could be kept. */
  async sync(): Promise<number> {
    return this.#journal === null ? 0 : this.#journal.sync();
  }

  /** Writes down what is left. The tree stays usable for reading. */
  async close(): Promise<number> {
    return this.#journal === null ? 0 : this.#journal.close();
  }
}

export async function openOverlay(settings: OverlaySettings): Promise<Overlay> {
  const { store, layers, pool } = settings;
  const readOnly = settings.readOnly ?? false;
  const fs = new TreeFileSystem({
    type: "overlay",
    magic: OVERLAYFS_SUPER_MAGIC,
    pool,
    clock: settings.clock ?? systemClock,
    lower: createLayerTree(layers, settings.packs ?? store, pool),
    sizeBytesMax: settings.sizeBytesMax ?? null,
    inodesMax: limits.upperInodesMax,
    readOnly,
    directoryBytes: () => 4096,
    directoryBlocks: 8,
    root: { mode: 0o755, uid: 0, gid: 0 },
  });
  if (settings.journal === null) return new Overlay(fs, null);
  const names = layers.map((layer) => layer.diffId);
  const replayed = await replay(fs, store.readJournal(settings.journal), names);
  if (readOnly || settings.keepsChanges === false) return new Overlay(fs, null);
  const journal = new Journal(fs, store, settings.journal, names, replayed);
  fs.observer = journal;
  return new Overlay(fs, journal);
}
