/**
 * The images part of the engine, over a store and a few things only a host can do. The same in the page, in Node and
 * in tests.
 */
import { WherryError } from "../base/errors.ts";
import type { CreateHasher } from "../base/hasher.ts";
import { toReadable } from "../codec/stream.ts";
import type { ResolvedImage } from "../container/image.ts";
import { listRecords } from "../container/record.ts";
import { type ImageConfig, parseImageConfig } from "../oci/config.ts";
import { digestOf } from "../oci/digest.ts";
import { formatPlatform, parsePlatform, platformFit } from "../oci/platform.ts";
import { encodeUtf8 } from "../base/bytes.ts";
import { familiarName, normaliseReference, parseReference } from "../oci/reference.ts";
import type { Store } from "../store/types.ts";
import type { ImagesHost } from "./images/host.ts";
import { familiar, Library } from "./images/library.ts";
import type { ImageRecord } from "./images/record.ts";
import { saveImages } from "./images/save.ts";
import { validateImage } from "./images/validate.ts";
import type { Images, ImageSource, ImageSummary, LoadOptions } from "./types.ts";

export type { ImagesHost } from "./images/host.ts";

export class StoredImages implements Images {
  readonly #store: Store;
  readonly #host: ImagesHost;
  readonly #library: Library;
  readonly #createHasher: CreateHasher;

  constructor(store: Store, host: ImagesHost = {}) {
    this.#store = store;
    this.#host = host;
    this.#library = new Library(store);
    this.#createHasher = host.createHasher ?? (async () => (await import("../codec/sha256.ts")).createSha256());
  }

  async load(source: ImageSource, options: LoadOptions = {}): Promise<readonly ImageSummary[]> {
    // Decoders and hashing are large, and most uses of the engine load nothing.
    const { loadImages } = await import("./images/load.ts");
    const records = await loadImages(this.#store, this.#host, source, options);
    return this.#summaries(records);
  }

  /** Newest first, as docker lists them. */
  async list(): Promise<readonly ImageSummary[]> {
    const summaries = await this.#summaries(await this.#library.records());
    return summaries.toSorted((a, b) => b.createdSeconds - a.createdSeconds || (a.id < b.id ? -1 : 1));
  }

  async #summaries(records: readonly ImageRecord[]): Promise<ImageSummary[]> {
    const references = await this.#library.references();
    return records.map((record) => {
      const config = configOf(record);
      return {
        id: record.id,
        references: [...references].filter(([, id]) => id === record.id).map(([name]) => familiar(name)),
        createdSeconds: createdSeconds(config),
        sizeBytes: record.sizeBytes,
        platform: { os: config.os, architecture: config.architecture },
        layers: record.layers.length,
      };
    });
  }

  /** What a container is made from. */
  async resolve(image: string, platform?: string): Promise<ResolvedImage> {
    const { record } = await this.#library.find(image);
    const config = configOf(record);
    if (platform !== undefined && platformFit(parsePlatform(platform), config) === 0)
      throw new WherryError(
        "no-platform",
        `image ${image} is for ${formatPlatform(config)}, but ${platform} was asked for`,
      );
    return {
      id: record.id,
      layers: record.layers,
      platform: { os: config.os, architecture: config.architecture },
      config: config.config,
    };
  }

  async inspect(image: string): Promise<Record<string, unknown>> {
    const { record } = await this.#library.find(image);
    const references = await this.#library.referencesOf(record.id);
    const config = configOf(record);
    const names = [...new Set(references.map((name) => familiarName(parseReference(name))))];
    const digest = record.manifest?.digest;
    return {
      Id: record.id,
      RepoTags: references.map(familiar),
      RepoDigests: digest ? names.map((name) => `${name}@${digest}`) : [],
      Parent: "",
      Comment: config.history.at(-1)?.comment ?? "",
      Created: config.created ?? "",
      DockerVersion: "",
      Author: config.author ?? "",
      Config: {
        Hostname: "",
        Domainname: "",
        User: "",
        AttachStdin: false,
        AttachStdout: false,
        AttachStderr: false,
        Tty: false,
        OpenStdin: false,
        StdinOnce: false,
        Env: null,
        Cmd: null,
        Image: "",
        Volumes: null,
        WorkingDir: "",
        Entrypoint: null,
        OnBuild: null,
        Labels: null,
        ...config.config,
      },
      Architecture: config.architecture,
      ...(config.variant && { Variant: config.variant }),
      Os: config.os,
      Size: record.sizeBytes,
      GraphDriver: { Data: null, Name: "wherry" },
      RootFS: { Type: "layers", Layers: record.layers },
      Metadata: { LastTagTime: new Date(record.loadedSeconds * 1000).toISOString() },
    };
  }

  async remove(image: string, options: { readonly force?: boolean } = {}): Promise<readonly string[]> {
    const { record, reference } = await this.#library.find(image);
    const references = await this.#library.referencesOf(record.id);
    const untagged = (names: readonly string[]) => names.map((name) => `Untagged: ${familiar(name)}`);

    if (reference !== null && references.length > 1) {
      await this.#store.deleteDocument("reference", reference);
      return untagged([reference]);
    }
    const repositories = new Set(references.map((name) => familiarName(parseReference(name))));
    if (reference === null && !options.force && (references.length > 1 || repositories.size > 1)) {
      const short = record.id.slice("sha256:".length).slice(0, 12);
      throw new WherryError(
        "conflict",
        `conflict: unable to delete ${short} (must be forced) - image is referenced in multiple repositories`,
      );
    }
    // A stopped container still needs its layers: then only the names go.
    const containers = await listRecords(this.#store);
    if (containers.some((container) => container.imageId === record.id)) {
      await this.#store.transact(references.map((name) => ({ kind: "reference", key: name, value: undefined })));
      return untagged(references);
    }
    const chains = await this.#chainIds(record.layers);
    const removed = new Set(await this.#library.remove(record, references));
    const deleted = record.layers.flatMap((layer, i) => (removed.has(layer) ? [`Deleted: ${chains[i]}`] : []));
    return [...untagged(references), `Deleted: ${record.id}`, ...deleted.toReversed()];
  }

  /** Gives an image a further name, taken from another image if that has it. */
  async tag(image: string, name: string): Promise<void> {
    const { record } = await this.#library.find(image);
    const reference = normaliseReference(name);
    if (reference.digest !== null) throw new WherryError("usage", "refusing to create a tag with a digest reference");
    await this.#store.putDocument("reference", `${reference.domain}/${reference.path}:${reference.tag}`, record.id);
  }

  /** One archive with these images, each under the names it was asked for by, or all when by its id. */
  async save(names: readonly string[]): Promise<ReadableStream<Uint8Array>> {
    const images = new Map<string, { record: ImageRecord; references: string[] }>();
    for (const name of names) {
      const { record, reference } = await this.#library.find(name);
      const entry = images.get(record.id) ?? { record, references: [] };
      images.set(record.id, entry);
      const wanted = reference === null ? await this.#library.referencesOf(record.id) : [reference];
      entry.references = [...new Set([...entry.references, ...wanted])];
    }
    return toReadable(saveImages(this.#store, [...images.values()], this.#createHasher));
  }

  /** What is wrong with the image as it lies in the store, one sentence each. */
  async validate(image: string): Promise<readonly string[]> {
    const { record } = await this.#library.find(image);
    return validateImage(this.#store, record, this.#createHasher);
  }

  /** Docker's names of layers in place: each the digest of the one below and its own diff ID (image-spec/config.md). */
  async #chainIds(diffIds: readonly string[]): Promise<readonly string[]> {
    const chains: string[] = [];
    for (const diffId of diffIds) {
      const below = chains.at(-1);
      chains.push(below ? await digestOf(encodeUtf8(`${below} ${diffId}`), this.#createHasher) : diffId);
    }
    return chains;
  }
}

function configOf(record: ImageRecord): ImageConfig {
  return parseImageConfig(record.configBytes, `config ${record.id}`);
}

function createdSeconds(config: ImageConfig): number {
  const ms = Date.parse(config.created ?? "");
  return Number.isNaN(ms) ? 0 : Math.floor(ms / 1000);
}
