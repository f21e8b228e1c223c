/** An OCI layout that is a folder: on a disk, or at an address as plain static files. Only what is needed is read. */
import { WherryError } from "../../base/errors.ts";
import { limits } from "../../base/limits.ts";
import { type ByteStream, collect } from "../../codec/stream.ts";
import type { ImageFiles, LayerView } from "../../oci/image.ts";
import type { LayoutFolder } from "./host.ts";
import type { LayerState, Staging } from "./staging.ts";

export class Layout implements ImageFiles {
  readonly #folder: LayoutFolder;
  readonly #staging: Staging;
  readonly #files = new Map<string, Promise<Uint8Array | null>>();

  constructor(folder: LayoutFolder, staging: Staging) {
    this.#folder = folder;
    this.#staging = staging;
  }

  read(path: string): Promise<Uint8Array | null> {
    let file = this.#files.get(path);
    if (!file) this.#files.set(path, (file = this.#read(path)));
    return file;
  }

  async #read(path: string): Promise<Uint8Array | null> {
    // A manifest.json names files as it likes; none of them is outside the folder.
    if (path.split("/").includes("..")) return null;
    const opened = await this.#folder.open(path);
    return opened && collect(opened.stream, limits.manifestBytesMax, path);
  }

  async layer({ path, descriptor }: LayerView): Promise<LayerState> {
    const known = this.#staging.get(path);
    if (known) return known;
    if (!descriptor) throw new WherryError("invalid-archive", `the layout says nothing about ${path}`);
    const { digest, size } = descriptor;
    const existing = await this.#staging.existing(digest);
    if (existing) this.#staging.skip(path, digest, existing);
    else {
      const expected = { what: path, digest, sizeBytes: size };
      const source = { open: () => this.#stream(path) };
      await this.#staging.unpack(path, source, { digest, totalBytes: size, expected });
    }
    return this.#staging.get(path)!;
  }

  async *#stream(path: string): ByteStream & AsyncGenerator<Uint8Array> {
    const opened = await this.#folder.open(path);
    if (!opened) throw new WherryError("invalid-archive", `the layout has no ${path}: it is incomplete`);
    yield* opened.stream;
  }
}

/** The layout whose files lie under an address. */
export function layoutAt(
  base: string,
  get: (url: string) => Promise<{ readonly stream: ByteStream; readonly sizeBytes: number | null } | null>,
): LayoutFolder {
  return { open: (path) => get(new URL(path, base).href) };
}
