/**
 * Finds the images in an archive or a layout. Both are folders of files here: who calls says how a small file is read.
 *
 *     manifest.json   what `docker save` writes: config, names and layers by path
 *     index.json      OCI layout (image-spec/image-layout.md): descriptors, all the way down, with digests
 *
 * Newer dockers write both; then index.json, which can be verified, says what there is, and manifest.json adds names.
 */
import { WherryError } from "../base/errors.ts";
import type { CreateHasher } from "../base/hasher.ts";
import { limits } from "../base/limits.ts";
import { type ImageConfig, parseImageConfig } from "./config.ts";
import type { Descriptor } from "./descriptor.ts";
import { blobPath, digestMismatch, digestOf, hexOf, sizeMismatch } from "./digest.ts";
import { invalid } from "./json.ts";
import { type ArchiveEntry, type Manifest, parseArchiveManifest, parseManifestOrIndex } from "./manifest.ts";
import { kindOfMediaType, ociManifestType } from "./media-types.ts";
import { formatPlatform, normalisePlatform, type Platform, platformFit } from "./platform.ts";
import { formatReference, normaliseReference } from "./reference.ts";

export interface ImageFiles {
  /** A small file by its path in the folder, or null when there is none. */
  read(path: string): Promise<Uint8Array | null>;
}

export interface LayerView {
  readonly diffId: string;
  /** Where the blob is in the folder. */
  readonly path: string;
  /** What the blob must be; null in `docker save` archives, where only the diff ID is known. */
  readonly descriptor: Descriptor | null;
}

export interface ImageView {
  /** The config's digest. */
  readonly id: string;
  readonly config: ImageConfig;
  readonly configBytes: Uint8Array;
  readonly manifest: { readonly digest: string; readonly mediaType: string; readonly bytes: Uint8Array } | null;
  /** In full: "docker.io/library/debian:12". */
  readonly references: readonly string[];
  readonly layers: readonly LayerView[];
}

/** `wanted` in order of preference. */
export async function findImages(
  files: ImageFiles,
  wanted: readonly Platform[],
  createHasher: CreateHasher,
): Promise<readonly ImageView[]> {
  const finder = new ImageFinder(files, wanted, createHasher);
  const index = await files.read("index.json");
  const archive = await files.read("manifest.json");
  const entries = archive ? parseArchiveManifest(archive) : [];
  if (index) return finder.fromIndex(index, entries);
  if (archive) return finder.fromArchive(entries);
  if (await files.read("repositories"))
    throw new WherryError(
      "invalid-archive",
      "the archive was written by a docker older than 1.10 and has no manifest.json; save the image anew",
    );
  throw new WherryError(
    "invalid-archive",
    "not an image archive: it has neither a manifest.json (docker save) nor an index.json (OCI layout)",
  );
}

interface Candidate {
  readonly view: ImageView;
  /** Position in the list of wanted platforms, then how well it fits; null when it does not run here. */
  readonly rank: readonly [number, number] | null;
}

class ImageFinder {
  readonly #files: ImageFiles;
  readonly #wanted: readonly Platform[];
  readonly #createHasher: CreateHasher;
  /** Platforms seen that nobody wants, for the message when there is nothing else. */
  readonly #otherPlatforms = new Set<string>();
  /** The type of something seen that is no image, for the same message. */
  #artefact: string | null = null;

  constructor(files: ImageFiles, wanted: readonly Platform[], createHasher: CreateHasher) {
    this.#files = files;
    this.#wanted = wanted;
    this.#createHasher = createHasher;
  }

  async fromArchive(entries: readonly ArchiveEntry[]): Promise<readonly ImageView[]> {
    const views: ImageView[] = [];
    for (const [i, entry] of entries.entries()) {
      const where = `manifest.json: entry ${i}`;
      const path = normalisePath(entry.config);
      const configBytes = await this.#files.read(path);
      if (!configBytes) throw new WherryError("invalid-archive", `${where}: the archive has no ${entry.config}`);
      const id = await digestOf(configBytes, this.#createHasher);
      // The name of the config is its digest: "<hex>.json", or a blob's path.
      const hex = /(?:^|\/)([0-9a-f]{64})(?:\.json)?$/.exec(path)?.[1];
      if (hex && id !== `sha256:${hex}`) throw digestMismatch(entry.config, `sha256:${hex}`, id);
      const config = parseImageConfig(configBytes, entry.config);
      this.#checkLayerCount(entry.layers.length, config, where);
      if (!this.#rank(config)) continue;
      views.push({
        id,
        config,
        configBytes,
        manifest: null,
        references: entry.repoTags.map((tag) => formatReference(normaliseReference(tag))),
        layers: entry.layers.map((layer, j) => ({
          diffId: config.rootfs.diffIds[j]!,
          path: normalisePath(layer),
          descriptor: null,
        })),
      });
    }
    if (views.length === 0) throw this.#noPlatform();
    return views;
  }

  async fromIndex(bytes: Uint8Array, entries: readonly ArchiveEntry[]): Promise<readonly ImageView[]> {
    const index = parseManifestOrIndex(bytes, "index.json");
    if (index.kind !== "index") throw invalid("index.json:", "is a manifest, not an index");
    // Manifests of the same name are one image for several platforms.
    const groups = new Map<string, Descriptor[]>();
    for (const descriptor of index.manifests) {
      const name = nameOf(descriptor) ?? "";
      groups.set(name, [...(groups.get(name) ?? []), descriptor]);
    }
    const views: ImageView[] = [];
    for (const [name, descriptors] of groups) {
      // Indexes without a name are images of their own; manifests without a name are one image's platforms.
      const lists = name === "" ? separate(descriptors) : [descriptors];
      for (const list of lists) {
        const best = await this.#best(list, 0);
        if (best) views.push(name === "" ? best : { ...best, references: [name] });
      }
    }
    if (views.length === 0) throw this.#noPlatform();
    return merge(views).map((view) => withArchiveNames(view, entries));
  }

  /** The image among these descriptors that fits best, or null. */
  async #best(descriptors: readonly Descriptor[], depth: number): Promise<ImageView | null> {
    if (depth > 3) throw invalid("index.json:", "nests indexes too deeply");
    let best: Candidate | null = null;
    for (const descriptor of descriptors) {
      const candidate = await this.#candidate(descriptor, depth);
      if (candidate?.rank && (!best?.rank || isBetter(candidate.rank, best.rank))) best = candidate;
    }
    return best?.view ?? null;
  }

  async #candidate(descriptor: Descriptor, depth: number): Promise<Candidate | null> {
    const kind = kindOfMediaType(descriptor.mediaType);
    if (kind !== "index" && kind !== "manifest") return null;
    // Attestations hang in an index as manifests for the platform unknown/unknown.
    if (descriptor.platform?.os === "unknown") return null;
    if (descriptor.platform && kind === "manifest" && !this.#rank(descriptor.platform)) return null;
    const file = blobPath(descriptor.digest);
    // A multi-platform archive may leave out the platforms it was not asked for.
    if (kind === "index" && depth > 0 && !(await this.#files.read(file))) return null;
    const bytes = await this.#blob(descriptor, file);
    const content = parseManifestOrIndex(bytes, file);
    if (content.kind === "index") {
      const view = await this.#best(content.manifests, depth + 1);
      return view && { view, rank: this.#rank(view.config) };
    }
    return this.#image(descriptor, bytes, content);
  }

  async #image(descriptor: Descriptor, bytes: Uint8Array, manifest: Manifest): Promise<Candidate | null> {
    const file = blobPath(descriptor.digest);
    if (kindOfMediaType(manifest.config.mediaType) !== "config") {
      // Signatures and other artefacts stand beside images as manifests with a config of their own type.
      this.#artefact = manifest.config.mediaType;
      return null;
    }
    for (const [i, layer] of manifest.layers.entries())
      if (kindOfMediaType(layer.mediaType) !== "layer")
        throw new WherryError("unsupported", `${file}: layer ${i} is of the unknown type ${layer.mediaType}`);
    const configFile = blobPath(manifest.config.digest);
    const configBytes = await this.#blob(manifest.config, configFile);
    const config = parseImageConfig(configBytes, configFile);
    this.#checkLayerCount(manifest.layers.length, config, `${file}:`);
    const view: ImageView = {
      id: manifest.config.digest,
      config,
      configBytes,
      manifest: {
        digest: descriptor.digest,
        mediaType: descriptor.mediaType || ociManifestType,
        bytes,
      },
      references: [],
      layers: manifest.layers.map((layer, i) => ({
        diffId: config.rootfs.diffIds[i]!,
        path: blobPath(layer.digest),
        descriptor: layer,
      })),
    };
    return { view, rank: this.#rank(config) };
  }

  /** A manifest, index or config, with its size and digest verified. */
  async #blob(descriptor: Descriptor, file: string): Promise<Uint8Array> {
    if (descriptor.size > limits.manifestBytesMax)
      throw new WherryError("limit-exceeded", `${file}: is larger than the limit of ${limits.manifestBytesMax} bytes`);
    const bytes = await this.#files.read(file);
    if (!bytes) throw new WherryError("invalid-archive", `the archive has no ${file}`);
    if (bytes.length !== descriptor.size) throw sizeMismatch(file, descriptor.size, bytes.length);
    const digest = await digestOf(bytes, this.#createHasher);
    if (digest !== descriptor.digest) throw digestMismatch(file, descriptor.digest, digest);
    return bytes;
  }

  #rank(offered: Platform): readonly [number, number] | null {
    for (const [i, wanted] of this.#wanted.entries()) {
      const fit = platformFit(wanted, offered);
      if (fit > 0) return [i, fit];
    }
    this.#otherPlatforms.add(formatPlatform(normalisePlatform(offered)));
    return null;
  }

  #checkLayerCount(layers: number, config: ImageConfig, where: string): void {
    if (layers !== config.rootfs.diffIds.length)
      throw invalid(where, `has ${layers} layers, but its config has ${config.rootfs.diffIds.length} diff IDs`);
  }

  #noPlatform(): WherryError {
    const wanted = this.#wanted.map(formatPlatform).join(" or ");
    const found = [...this.#otherPlatforms].toSorted().join(", ");
    if (!found && this.#artefact)
      return new WherryError("unsupported", `not a container image: it holds an artefact of type ${this.#artefact}`);
    return new WherryError(
      "no-platform",
      found
        ? `no matching manifest for ${wanted}: the image is for ${found}`
        : `no matching manifest for ${wanted}: there is no image in it`,
    );
  }
}

/** Adds the names manifest.json has for the image with this config. */
function withArchiveNames(view: ImageView, entries: readonly ArchiveEntry[]): ImageView {
  const names = entries
    .filter((entry) => normalisePath(entry.config).includes(hexOf(view.id)))
    .flatMap((entry) => entry.repoTags.map((tag) => formatReference(normaliseReference(tag))));
  return { ...view, references: [...new Set([...view.references, ...names])] };
}

function isBetter(a: readonly [number, number], b: readonly [number, number]): boolean {
  return a[0] === b[0] ? a[1] > b[1] : a[0] < b[0];
}

/** An index is an image of its own, with its platforms inside; the manifests beside it are one image's platforms. */
function separate(descriptors: readonly Descriptor[]): Descriptor[][] {
  const lists: Descriptor[][] = [];
  const manifests: Descriptor[] = [];
  for (const descriptor of descriptors) {
    if (kindOfMediaType(descriptor.mediaType) === "index") lists.push([descriptor]);
    else manifests.push(descriptor);
  }
  // Without platforms nothing says that they belong together.
  if (manifests.every((descriptor) => descriptor.platform)) lists.push(manifests);
  else lists.push(...manifests.map((descriptor) => [descriptor]));
  return lists.filter((list) => list.length > 0);
}

/** The same image under several names is one image. */
function merge(views: readonly ImageView[]): ImageView[] {
  const byId = new Map<string, ImageView>();
  for (const view of views) {
    const known = byId.get(view.id);
    byId.set(view.id, known ? { ...known, references: [...known.references, ...view.references] } : view);
  }
  return [...byId.values()];
}

/** The full name annotations give an image. A bare version says no name. */
function nameOf({ annotations = {} }: Descriptor): string | null {
  const name = annotations["io.containerd.image.name"] ?? annotations["org.opencontainers.image.ref.name"];
  if (!name || /^(?:latest|v?[0-9][A-Za-z0-9_.-]*)$/.test(name)) return null;
  try {
    return formatReference(normaliseReference(name));
  } catch {
    // The annotation may hold anything; an image without a name is still an image.
    return null;
  }
}

/** "./a//b" is "a/b". */
export function normalisePath(path: string): string {
  return path
    .split("/")
    .filter((part) => part !== "" && part !== ".")
    .join("/");
}
