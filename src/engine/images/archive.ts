/**
 * Reads an image archive, docker's or OCI's, as one tar stream. What there is in it is said by a manifest that may come
 * last, so layers are unpacked as they come and sorted out later; only JSON is held in memory.
 *
 * Archives may store a layer once and point to it again: `docker save` of old writes symlinks, tar itself hard links.
 */
import { WherryError } from "../../base/errors.ts";
import { limits } from "../../base/limits.ts";
import { detectCompression } from "../../codec/decompress.ts";
import { type ByteStream, collect, peek } from "../../codec/stream.ts";
import { blockBytes, type TarEntry } from "../../codec/tar/entry.ts";
import { checksumMatches, isZeroBlock } from "../../codec/tar/header.ts";
import { readTar } from "../../codec/tar/reader.ts";
import { blobPath } from "../../oci/digest.ts";
import { type ImageFiles, normalisePath } from "../../oci/image.ts";
import type { LayerState, Staging } from "./staging.ts";

export type Slice = (offset: number, length: number) => ByteStream;

export class Archive implements ImageFiles {
  readonly #staging: Staging;
  readonly #slice: Slice | null;
  readonly #json = new Map<string, Uint8Array>();
  /** Links of the archive: where the content really is. */
  readonly #links = new Map<string, string>();
  /** Files that are neither JSON nor a layer. */
  readonly #others = new Set<string>();
  #jsonBytes = 0;

  private constructor(staging: Staging, slice: Slice | null) {
    this.#staging = staging;
    this.#slice = slice;
  }

  /** `stream` is the tar, already decompressed; `slice` gives a part of it again, where that can be done. */
  static async read(stream: ByteStream, staging: Staging, slice: Slice | null): Promise<Archive> {
    const archive = new Archive(staging, slice);
    for await (const { entry, content } of readTar(stream)) await archive.#add(entry, content);
    return archive;
  }

  async #add(entry: TarEntry, content: ByteStream): Promise<void> {
    const path = normalisePath(entry.name);
    if (entry.type === "symlink") {
      const folder = entry.link?.startsWith("/") ? "" : path.slice(0, Math.max(0, path.lastIndexOf("/")));
      this.#links.set(path, resolveDots(`${folder}/${entry.link}`));
    } else if (entry.type === "hardlink") this.#links.set(path, normalisePath(entry.link ?? ""));
    else if (entry.type === "file") await this.#addFile(path, entry, content);
  }

  async #addFile(path: string, entry: TarEntry, content: ByteStream): Promise<void> {
    this.#links.delete(path);
    const digest = digestInPath(path);
    const existing = digest && (await this.#staging.existing(digest));
    if (digest && existing) return this.#staging.skip(path, digest, existing);

    const { prefix, stream } = await peek(content, blockBytes);
    const isTar = prefix.length === blockBytes && (checksumMatches(prefix) || isZeroBlock(prefix));
    if (isTar || detectCompression(prefix) !== "none") {
      const isBlob = digest !== null && path === blobPath(digest);
      const slice = this.#slice;
      await this.#staging.unpack(
        path,
        slice ? { open: () => slice(entry.offset, entry.storedBytes) } : { once: stream },
        {
          digest: digest ?? path,
          totalBytes: entry.storedBytes,
          ...(isBlob && { expected: { what: path, digest, sizeBytes: entry.storedBytes } }),
        },
      );
    } else if (/^\s*[{[]/.test(String.fromCharCode(...prefix)) && entry.storedBytes <= limits.manifestBytesMax) {
      this.#jsonBytes += entry.storedBytes;
      if (this.#jsonBytes > limits.archiveJsonBytesMax)
        throw new WherryError("limit-exceeded", "the archive has too many manifests");
      this.#json.set(path, await collect(stream, limits.manifestBytesMax, path));
    } else this.#others.add(path);
  }

  #follow(path: string): string {
    let real = path;
    for (let i = 0; i < limits.symlinksFollowedMax; i++) {
      const target = this.#links.get(real);
      if (target === undefined) return real;
      real = target;
    }
    throw new WherryError("invalid-archive", `the archive's links go round in circles at ${path}`);
  }

  async read(path: string): Promise<Uint8Array | null> {
    const real = this.#follow(path);
    const bytes = this.#json.get(real);
    if (bytes) return bytes;
    if (this.#others.has(real)) throw new WherryError("invalid-manifest", `${path}: is not valid JSON`);
    return null;
  }

  async layer(path: string): Promise<LayerState> {
    const real = this.#follow(path);
    const state = this.#staging.get(real);
    if (state) return state;
    if (this.#others.has(real) || this.#json.has(real))
      throw new WherryError("invalid-archive", `the layer ${path} is not a tar archive`);
    throw new WherryError("invalid-archive", `the archive has no layer ${path}: it is incomplete`);
  }
}

/** "blobs/sha256/<hex>", "<hex>.tar" and "<hex>/layer.tar" may name a digest: of the blob, or a diff ID. */
function digestInPath(path: string): string | null {
  const hex = /(?:^|\/)([0-9a-f]{64})(?:\.tar|\/layer\.tar)?$/.exec(path)?.[1];
  return hex ? `sha256:${hex}` : null;
}

function resolveDots(path: string): string {
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return parts.join("/");
}
