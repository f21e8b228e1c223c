/** Image manifests and indexes, OCI's and docker's (schema 2): image-spec/manifest.md, image-index.md. */
import { limits } from "../base/limits.ts";
import { type Descriptor, parseDescriptor } from "./descriptor.ts";
import { asArray, asObject, invalid, optionalString, parseJson, required } from "./json.ts";
import { kindOfMediaType } from "./media-types.ts";

export interface Manifest {
  readonly kind: "manifest";
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
}

export interface Index {
  readonly kind: "index";
  readonly manifests: readonly Descriptor[];
}

/** Either; `file` names it in errors. */
export function parseManifestOrIndex(bytes: Uint8Array, file: string): Manifest | Index {
  const where = `${file}:`;
  const object = asObject(parseJson(bytes, file), where);
  if (object.schemaVersion === 1)
    throw invalid(where, "is a manifest of schema version 1, which docker gave up; save the image anew");
  if (object.schemaVersion !== 2) throw invalid(where, "has no schemaVersion 2");
  const kind = kindOfMediaType(optionalString(object, "mediaType", where) ?? "");
  if (kind === "index" || (kind === "other" && Array.isArray(object.manifests))) return parseIndex(object, file);
  const layers = asArray(required(object, "layers", where), `${file}: its layers`);
  if (layers.length > limits.layersMax)
    throw invalid(where, `has ${layers.length} layers, more than the limit of ${limits.layersMax}`);
  return {
    kind: "manifest",
    config: parseDescriptor(required(object, "config", where), `${file}: its config`),
    layers: layers.map((layer, i) => parseDescriptor(layer, `${file}: layer ${i}`)),
  };
}

function parseIndex(object: Readonly<Record<string, unknown>>, file: string): Index {
  const manifests = asArray(required(object, "manifests", `${file}:`), `${file}: its manifests`);
  return {
    kind: "index",
    manifests: manifests.map((manifest, i) => parseDescriptor(manifest, `${file}: manifest ${i}`)),
  };
}

/** One image of a `docker save` archive: an entry of its manifest.json. */
export interface ArchiveEntry {
  readonly config: string;
  readonly repoTags: readonly string[];
  readonly layers: readonly string[];
}

export function parseArchiveManifest(bytes: Uint8Array): readonly ArchiveEntry[] {
  const entries = asArray(parseJson(bytes, "manifest.json"), "manifest.json:");
  if (entries.length === 0) throw invalid("manifest.json:", "names no image");
  return entries.map((value, i) => {
    const where = `manifest.json: entry ${i}`;
    const entry = asObject(value, where);
    const strings = (key: string, list: unknown): readonly string[] => {
      if (!Array.isArray(list) || !list.every((item) => typeof item === "string"))
        throw invalid(where, `has a ${key} that is not a list of strings`);
      return list as string[];
    };
    const config = required(entry, "Config", where);
    if (typeof config !== "string") throw invalid(where, "has a Config that is not a string");
    const layers = strings("Layers", required(entry, "Layers", where));
    if (layers.length > limits.layersMax)
      throw invalid(where, `has ${layers.length} layers, more than the limit of ${limits.layersMax}`);
    return { config, layers, repoTags: strings("RepoTags", entry.RepoTags ?? []) };
  });
}
