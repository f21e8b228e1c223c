/**
 * Makes a layer's index from its tar as the bytes go by. Whiteouts (image-spec/layer.md): `.wh.NAME` removes NAME of
 * lower layers, `.wh..wh..opq` everything in its folder; other `.wh..wh.` names are aufs' own and mean nothing.
 */
import type { TarEntry } from "../codec/tar/entry.ts";
import { TarParser } from "../codec/tar/parser.ts";
import { checkNameLengths, cleanPath, LayerTree, unsafePath } from "./path.ts";
import type { LayerEntry } from "../oci/layer-index.ts";

const whiteoutPrefix = ".wh.";
const whiteoutMetaPrefix = ".wh..wh.";
const opaqueName = ".wh..wh..opq";

export class LayerIndexer {
  readonly entries: LayerEntry[] = [];
  readonly #tree = new LayerTree();
  readonly #parser = new TarParser({ entry: (entry) => this.#add(entry) });

  push(chunk: Uint8Array): void {
    this.#parser.push(chunk);
  }

  finish(): void {
    this.#parser.finish();
  }

  #add(entry: TarEntry): void {
    const clean = cleanPath(entry.name);
    if (entry.name.startsWith("/") && clean !== "") throw unsafePath(entry.name);
    checkNameLengths(clean);
    const slash = clean.lastIndexOf("/");
    const base = clean.slice(slash + 1);
    if (base.startsWith(whiteoutPrefix)) {
      // Said of the layers below, whatever this layer has there: where a folder became a file or a symlink, some tools
      // list each name that was in it.
      this.#addWhiteout(entry, slash < 0 ? "" : clean.slice(0, slash), base);
      return;
    }
    const path = this.#tree.resolve(clean, entry.name);
    // An archive's root entry gives the root folder its mode; the root can be nothing else.
    if (path === "" && entry.type !== "directory") throw unsafePath(entry.name);
    let link: string | undefined;
    if (entry.type === "symlink") link = entry.link ?? "";
    else if (entry.type === "hardlink") link = this.#tree.resolve(cleanPath(entry.link ?? "", entry.name), entry.name);
    this.#tree.add(path, entry.type === "directory", entry.type === "symlink" ? (entry.link ?? "") : null);
    this.entries.push({
      path,
      type: entry.type,
      mode: entry.mode,
      uid: entry.uid,
      gid: entry.gid,
      size: entry.size,
      offset: entry.offset,
      mtimeSeconds: entry.mtimeSeconds,
      mtimeNanoseconds: entry.mtimeNanoseconds,
      ...(link !== undefined && { link }),
      ...(entry.deviceMajor !== undefined && { deviceMajor: entry.deviceMajor }),
      ...(entry.deviceMinor !== undefined && { deviceMinor: entry.deviceMinor }),
      ...(entry.xattrs && { xattrs: entry.xattrs }),
      ...(entry.sparse && { sparse: entry.sparse }),
    });
  }

  #addWhiteout(entry: TarEntry, parent: string, base: string): void {
    const isOpaque = base === opaqueName;
    if (!isOpaque && base.startsWith(whiteoutMetaPrefix)) return;
    const name = base.slice(whiteoutPrefix.length);
    if (!isOpaque && (name === "" || name === "." || name === "..")) throw unsafePath(entry.name);
    this.entries.push({
      path: isOpaque ? parent : parent === "" ? name : `${parent}/${name}`,
      type: isOpaque ? "opaque" : "whiteout",
      mode: entry.mode,
      uid: entry.uid,
      gid: entry.gid,
      size: 0,
      offset: entry.offset,
      mtimeSeconds: entry.mtimeSeconds,
      mtimeNanoseconds: entry.mtimeNanoseconds,
    });
  }
}
