/** The images in a store: finding them by what people type, naming, and removing with what only they need. */
import { WherryError } from "../../base/errors.ts";
import { limits } from "../../base/limits.ts";
import { isDigest } from "../../oci/digest.ts";
import { familiarReference, normaliseReference, parseReference, formatReference } from "../../oci/reference.ts";
import type { Store } from "../../store/types.ts";
import type { ImageRecord, LoadPin } from "./record.ts";

export interface Change {
  readonly kind: string;
  readonly key: string;
  readonly value: unknown;
}

export class Library {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  async records(): Promise<readonly ImageRecord[]> {
    const ids = await this.#store.listDocuments("image");
    const records = await Promise.all(ids.map((id) => this.record(id)));
    return records.filter((record) => record !== null);
  }

  async record(id: string): Promise<ImageRecord | null> {
    return ((await this.#store.getDocument("image", id)) as ImageRecord | undefined) ?? null;
  }

  /** All names, in full, with the ids they stand for. */
  async references(): Promise<ReadonlyMap<string, string>> {
    const names = await this.#store.listDocuments("reference");
    const pairs = await Promise.all(
      names.map(async (name) => [name, await this.#store.getDocument("reference", name)] as const),
    );
    return new Map(pairs.filter((pair): pair is [string, string] => typeof pair[1] === "string"));
  }

  async referencesOf(id: string): Promise<readonly string[]> {
    return [...(await this.references())].filter(([, target]) => target === id).map(([name]) => name);
  }

  /** By id, reference, digest reference, or the beginning of an id, in docker's order. */
  async find(image: string): Promise<{ readonly record: ImageRecord; readonly reference: string | null }> {
    const id = /^[0-9a-f]{64}$/.test(image) ? `sha256:${image}` : image;
    if (isDigest(id)) {
      const record = await this.record(id);
      if (record) return { record, reference: null };
      throw noSuchImage(image);
    }
    const byReference = await this.#findReference(image);
    if (byReference) return byReference;
    if (/^(?:sha256:)?[0-9a-f]{2,63}$/.test(image)) {
      const prefix = image.startsWith("sha256:") ? image : `sha256:${image}`;
      const ids = (await this.#store.listDocuments("image")).filter((key) => key.startsWith(prefix));
      if (ids.length > 1) throw new WherryError("conflict", `multiple images found with the id prefix: ${image}`);
      const record = ids[0] ? await this.record(ids[0]) : null;
      if (record) return { record, reference: null };
    }
    throw noSuchImage(image);
  }

  async #findReference(
    image: string,
  ): Promise<{ readonly record: ImageRecord; readonly reference: string | null } | null> {
    if (image.startsWith("sha256:")) return null;
    // Anything that is no reference is reported as one, as docker does: "invalid reference format".
    const reference = normaliseReference(image);
    const tagged = formatReference({ ...reference, digest: null });
    if (reference.digest === null) {
      const id = await this.#store.getDocument("reference", tagged);
      const record = typeof id === "string" ? await this.record(id) : null;
      return record && { record, reference: tagged };
    }
    const { domain, path } = reference;
    for (const [name, id] of await this.references()) {
      const other = parseReference(name);
      if (other.domain !== domain || other.path !== path) continue;
      const record = await this.record(id);
      if (record && (record.id === reference.digest || record.manifest?.digest === reference.digest))
        return { record, reference: null };
    }
    return null;
  }

  /**
   * Removes an image and the layers no other image has; returns the diff IDs of these, highest first. The image goes
   * first: should this be cut off, what is left takes room but misleads nobody.
   */
  async remove(record: ImageRecord, references: readonly string[]): Promise<readonly string[]> {
    await this.#store.transact([
      ...references.map((name) => ({ kind: "reference", key: name, value: undefined })),
      { kind: "image", key: record.id, value: undefined },
    ]);
    return this.removeUnused(record.layers);
  }

  /** Removes those of these layers that no image and no load under way needs. */
  async removeUnused(layers: readonly string[]): Promise<readonly string[]> {
    const needed = new Set((await this.records()).flatMap((record) => record.layers));
    for (const pin of await this.#pins()) for (const layer of pin.pin.layers) needed.add(layer);
    const unused = [...new Set(layers)].filter((layer) => !needed.has(layer));
    if (unused.length === 0) return [];
    const blobs = await this.#store.listDocuments("blob");
    const changes: Change[] = unused.map((layer) => ({ kind: "layer-index", key: layer, value: undefined }));
    for (const blob of blobs)
      if (unused.includes((await this.#store.getDocument("blob", blob)) as string))
        changes.push({ kind: "blob", key: blob, value: undefined });
    await this.#store.transact(changes);
    for (const layer of unused) await this.#store.deletePack(layer);
    return unused.toReversed();
  }

  async #pins(): Promise<readonly { readonly key: string; readonly pin: LoadPin }[]> {
    const keys = await this.#store.listDocuments("load");
    const pins = await Promise.all(
      keys.map(async (key) => ({ key, pin: (await this.#store.getDocument("load", key)) as LoadPin | undefined })),
    );
    return pins.filter((entry): entry is { key: string; pin: LoadPin } => entry.pin !== undefined);
  }

  /** Removes what loads that died while they put their packs in place left behind. */
  async removeLeftovers(): Promise<void> {
    for (const { key, pin } of await this.#pins()) {
      if (Date.now() - pin.startedMs < limits.loadPinMs) continue;
      await this.#store.deleteDocument("load", key);
      await this.removeUnused(pin.layers);
    }
  }
}

export function familiar(reference: string): string {
  return familiarReference(parseReference(reference));
}

function noSuchImage(image: string): WherryError {
  let shown = image;
  try {
    if (!/^(?:sha256:)?[0-9a-f]{12,64}$/.test(image)) shown = familiarReference(normaliseReference(image));
  } catch {
    // Shown as typed.
  }
  return new WherryError("not-found", `No such image: ${shown}`, { data: { image } });
}
