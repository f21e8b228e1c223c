/** Small image layers for tests: an index and its archive, made from a plain description. */
import { encodeUtf8 } from "../../base/bytes.ts";
import type { LayerEntry, LayerIndex } from "../../oci/layer-index.ts";
import type { PackSource } from "./piece-cache.ts";

export interface TestEntry {
  readonly path: string;
  readonly type?: LayerEntry["type"];
  readonly content?: string | Uint8Array;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly link?: string;
  readonly device?: readonly [number, number];
  readonly xattrs?: Record<string, Uint8Array>;
  readonly sparse?: readonly (readonly [number, number])[];
  readonly size?: number;
}

export interface TestLayers {
  readonly layers: readonly LayerIndex[];
  readonly packs: ReadonlyMap<string, Uint8Array>;
}

export function makeLayers(descriptions: readonly (readonly TestEntry[])[]): TestLayers {
  const packs = new Map<string, Uint8Array>();
  const layers = descriptions.map((description, number): LayerIndex => {
    const diffId = `sha256:${String(number).padStart(64, "0")}`;
    const parts: { offset: number; bytes: Uint8Array }[] = [];
    let end = 0;
    const entries = description.map((entry): LayerEntry => {
      const bytes = typeof entry.content === "string" ? encodeUtf8(entry.content) : entry.content;
      const type = entry.type ?? (bytes === undefined ? "directory" : "file");
      // A header block before the content, and padding behind, as in tar.
      const offset = end + 512;
      if (bytes !== undefined) parts.push({ offset, bytes });
      end = offset + Math.ceil((bytes?.length ?? 0) / 512) * 512;
      return {
        path: entry.path,
        type,
        mode: entry.mode ?? (type === "directory" ? 0o755 : type === "symlink" ? 0o777 : 0o644),
        uid: entry.uid ?? 0,
        gid: entry.gid ?? 0,
        size: entry.size ?? bytes?.length ?? 0,
        offset,
        mtimeSeconds: 1_000_000_000 + number,
        mtimeNanoseconds: 0,
        ...(entry.link === undefined ? {} : { link: entry.link }),
        ...(entry.device === undefined ? {} : { deviceMajor: entry.device[0], deviceMinor: entry.device[1] }),
        ...(entry.xattrs === undefined ? {} : { xattrs: entry.xattrs }),
        ...(entry.sparse === undefined ? {} : { sparse: entry.sparse }),
      };
    });
    const pack = new Uint8Array(end + 1024);
    for (const part of parts) pack.set(part.bytes, part.offset);
    packs.set(diffId, pack);
    return { version: 1, diffId, tarBytes: pack.length, entries };
  });
  return { layers, packs };
}

/** Reads at once, as under Node, or later, as from IndexedDB; counts the reads. */
export class TestPacks implements PackSource {
  readonly readPackSync: PackSource["readPackSync"];
  reads = 0;
  failing = false;
  readonly #packs: ReadonlyMap<string, Uint8Array>;

  constructor(packs: ReadonlyMap<string, Uint8Array>, immediate: boolean) {
    this.#packs = packs;
    this.readPackSync = immediate ? (digest, offset, length) => this.#read(digest, offset, length) : null;
  }

  async readPack(digest: string, offset: number, length: number): Promise<Uint8Array> {
    await new Promise((resolve) => setTimeout(resolve, 0));
    return this.#read(digest, offset, length);
  }

  #read(digest: string, offset: number, length: number): Uint8Array {
    this.reads++;
    if (this.failing) throw new Error("disk on fire");
    const pack = this.#packs.get(digest)!;
    if (offset + length > pack.length) throw new Error("past the end of the pack");
    return pack.slice(offset, offset + length);
  }
}
