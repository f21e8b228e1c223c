/**
 * Loads images: opens the source, unpacks layers into packs nobody sees, finds out which images there are, verifies
 * that everything is what the manifests say, and only then makes them visible, in one transaction. Whatever fails
 * before leaves the store as it was.
 */
import { WherryError } from "../../base/errors.ts";
import { limits } from "../../base/limits.ts";
import { randomId } from "../../base/random.ts";
import { decompress } from "../../codec/decompress.ts";
import { createSha256 } from "../../codec/sha256.ts";
import { cancellable } from "../../codec/stream.ts";
import type { LayerIndex } from "../../oci/layer-index.ts";
import type { StagedLayer } from "../../layer/unpack.ts";
import { digestMismatch, sizeMismatch } from "../../oci/digest.ts";
import { findImages, type ImageFiles, type ImageView, type LayerView } from "../../oci/image.ts";
import { defaultPlatforms, parsePlatform } from "../../oci/platform.ts";
import type { Store } from "../../store/types.ts";
import type { ImageSource, LoadOptions } from "../types.ts";
import { Archive } from "./archive.ts";
import type { ImagesHost } from "./host.ts";
import { Layout } from "./layout.ts";
import { type Change, Library } from "./library.ts";
import type { ImageRecord, LoadPin } from "./record.ts";
import { openSource } from "./source.ts";
import { type LayerState, Staging } from "./staging.ts";

/** A place to find images in, and their layers. */
interface Contents extends ImageFiles {
  layer(view: LayerView): Promise<LayerState>;
}

export async function loadImages(
  store: Store,
  host: ImagesHost,
  source: ImageSource,
  options: LoadOptions,
): Promise<readonly ImageRecord[]> {
  const { signal } = options;
  const library = new Library(store);
  await library.removeLeftovers();
  const createHasher = host.createHasher ?? createSha256;
  const staging = new Staging({
    store,
    createHasher,
    native: host.decoders ?? {},
    sizeBytesMax: options.sizeBytesMax ?? limits.imageBytesMax,
    signal,
    onProgress: options.onProgress,
  });
  try {
    const contents = await openContents(source, host, staging, signal);
    const wanted = options.platform === undefined ? defaultPlatforms : [parsePlatform(options.platform)];
    const views = await findImages(contents, wanted, createHasher);
    staging.expectedLayers = new Set(views.flatMap((view) => view.layers.map((layer) => layer.path))).size;
    const layers = new Map<string, StagedLayer | null>();
    for (const view of views)
      for (const [i, layer] of view.layers.entries())
        layers.set(layer.diffId, verify(await contents.layer(layer), layer, i));
    return await new Commit(store, library, signal).run(views, layers);
  } catch (error) {
    // Whatever a cancelled stream made of its end.
    if (signal?.aborted) throw new WherryError("cancelled", "loading was cancelled", { cause: error });
    throw error;
  } finally {
    // Packs that were committed are not touched by this.
    await staging.abort();
  }
}

async function openContents(
  source: ImageSource,
  host: ImagesHost,
  staging: Staging,
  signal: AbortSignal | undefined,
): Promise<Contents> {
  const opened = await openSource(source, host, signal);
  if (opened.kind === "folder") return new Layout(opened.folder, staging);
  const { compression, stream } = await decompress(cancellable(opened.stream, signal), host.decoders);
  const slice = compression === "none" ? opened.slice : undefined;
  const archive = await Archive.read(stream, staging, slice ?? null);
  return { read: (path) => archive.read(path), layer: ({ path }) => archive.layer(path) };
}

/** The staged layer, or null for one the store has, once it is what the image says. */
function verify(state: LayerState, { diffId, path, descriptor }: LayerView, number: number): StagedLayer | null {
  const what = `layer ${number} (${path})`;
  if (state.kind === "bad") {
    const { code, message, data } = state.error;
    throw new WherryError(code, `${what}: ${message}`, { data: { ...data }, cause: state.error });
  }
  if (state.kind === "exists") {
    if (state.diffId !== diffId) throw digestMismatch(`${what}: the unpacked layer`, diffId, state.diffId);
    return null;
  }
  const { layer } = state;
  if (descriptor && layer.sizeBytes !== descriptor.size) throw sizeMismatch(what, descriptor.size, layer.sizeBytes);
  if (descriptor && layer.digest !== descriptor.digest) throw digestMismatch(what, descriptor.digest, layer.digest);
  if (layer.index.diffId !== diffId) throw digestMismatch(`${what}: the unpacked layer`, diffId, layer.index.diffId);
  return layer;
}

/** Makes loaded images visible. */
class Commit {
  readonly #store: Store;
  readonly #library: Library;
  readonly #signal: AbortSignal | undefined;

  constructor(store: Store, library: Library, signal: AbortSignal | undefined) {
    this.#store = store;
    this.#library = library;
    this.#signal = signal;
  }

  async run(
    views: readonly ImageView[],
    layers: ReadonlyMap<string, StagedLayer | null>,
  ): Promise<readonly ImageRecord[]> {
    const key = randomId();
    const pin: LoadPin = { layers: [...layers.keys()], startedMs: Date.now() };
    await this.#store.putDocument("load", key, pin);
    const written: string[] = [];
    try {
      const changes: Change[] = [{ kind: "load", key, value: undefined }];
      for (const [diffId, layer] of layers) {
        if (this.#signal?.aborted) throw new WherryError("cancelled", "loading was cancelled");
        if (layer && (await this.#store.packSize(diffId)) === null) {
          written.push(diffId);
          await layer.pack.commit(diffId);
        } else if (!layer && (await this.#store.packSize(diffId)) === null)
          throw new WherryError("conflict", "a layer was removed while the image was loaded; load it again");
        if (layer) changes.push(...layerChanges(layer));
      }
      const records = await Promise.all(views.map((view) => this.#record(view, layers)));
      for (const record of records) changes.push({ kind: "image", key: record.id, value: record });
      for (const view of views)
        for (const reference of view.references) changes.push({ kind: "reference", key: reference, value: view.id });
      await this.#store.transact(changes);
      return records;
    } catch (error) {
      await this.#store.deleteDocument("load", key);
      await this.#library.removeUnused(written);
      throw error;
    }
  }

  async #record(view: ImageView, layers: ReadonlyMap<string, StagedLayer | null>): Promise<ImageRecord> {
    let sizeBytes = 0;
    for (const { diffId } of view.layers) {
      const index = layers.get(diffId)?.index ?? (await this.#store.getDocument("layer-index", diffId));
      for (const entry of (index as LayerIndex).entries) if (entry.type === "file") sizeBytes += entry.size;
    }
    return {
      id: view.id,
      configBytes: view.configBytes,
      manifest: view.manifest,
      layers: view.layers.map((layer) => layer.diffId),
      sizeBytes,
      loadedSeconds: Math.floor(Date.now() / 1000),
    };
  }
}

function layerChanges({ digest, index }: StagedLayer): Change[] {
  const changes: Change[] = [{ kind: "layer-index", key: index.diffId, value: index }];
  if (digest !== index.diffId) changes.push({ kind: "blob", key: digest, value: index.diffId });
  return changes;
}
