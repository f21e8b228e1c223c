/**
 * Writes images as one archive that docker, podman and skopeo read: an OCI layout with docker's manifest.json beside
 * it, as `docker save` has written since version 25. Layers go out as they came in, so their diff IDs hold.
 */
import { encodeUtf8 } from "../../base/bytes.ts";
import { WherryError } from "../../base/errors.ts";
import type { CreateHasher } from "../../base/hasher.ts";
import type { ByteStream } from "../../codec/stream.ts";
import { type TarSource, writeTar } from "../../codec/tar/writer.ts";
import { blobPath, digestOf } from "../../oci/digest.ts";
import { familiarReference, parseReference } from "../../oci/reference.ts";
import type { Store } from "../../store/types.ts";
import { readPackStream } from "./pack-stream.ts";
import type { ImageRecord } from "./record.ts";

export interface ImageToSave {
  readonly record: ImageRecord;
  /** In full, those to be written with it. */
  readonly references: readonly string[];
}

const oci = "application/vnd.oci.image";

export function saveImages(store: Store, images: readonly ImageToSave[], createHasher: CreateHasher): ByteStream {
  return writeTar(members(store, images, createHasher));
}

async function* members(
  store: Store,
  images: readonly ImageToSave[],
  createHasher: CreateHasher,
): AsyncGenerator<TarSource> {
  const written = new Set<string>();
  const file = (name: string, bytes: Uint8Array): TarSource => ({
    header: header(name, bytes.length),
    content: [bytes],
  });
  const manifests: object[] = [];
  const archive: object[] = [];

  for (const { record, references } of images) {
    const layers: { mediaType: string; digest: string; size: number }[] = [];
    for (const diffId of record.layers) {
      const size = await store.packSize(diffId);
      if (size === null) throw new WherryError("internal", `the store lacks the layer ${diffId}`);
      layers.push({ mediaType: `${oci}.layer.v1.tar`, digest: diffId, size });
      if (written.has(diffId)) continue;
      written.add(diffId);
      yield { header: header(blobPath(diffId), size), content: readPackStream(store, diffId, size) };
    }
    const config = { mediaType: `${oci}.config.v1+json`, digest: record.id, size: record.configBytes.length };
    // Of our own: the one the image came with may name compressed blobs.
    const manifest = encodeUtf8(
      JSON.stringify({ schemaVersion: 2, mediaType: `${oci}.manifest.v1+json`, config, layers }),
    );
    const digest = await digestOf(manifest, createHasher);
    for (const [path, bytes] of [
      [blobPath(record.id), record.configBytes],
      [blobPath(digest), manifest],
    ] as const)
      if (!written.has(path)) {
        written.add(path);
        yield file(path, bytes);
      }
    const descriptor = { mediaType: `${oci}.manifest.v1+json`, digest, size: manifest.length };
    for (const reference of references.length > 0 ? references : [null])
      manifests.push(reference ? { ...descriptor, annotations: annotationsOf(reference) } : descriptor);
    archive.push({
      Config: blobPath(record.id),
      RepoTags: references.map((reference) => familiarReference(parseReference(reference))),
      Layers: record.layers.map(blobPath),
    });
  }
  yield file(
    "index.json",
    encodeUtf8(JSON.stringify({ schemaVersion: 2, mediaType: `${oci}.index.v1+json`, manifests })),
  );
  yield file("manifest.json", encodeUtf8(JSON.stringify(archive)));
  yield file("oci-layout", encodeUtf8('{"imageLayoutVersion":"1.0.0"}'));
}

function annotationsOf(reference: string): Readonly<Record<string, string>> {
  return {
    "io.containerd.image.name": reference,
    "org.opencontainers.image.ref.name": parseReference(reference).tag ?? "latest",
  };
}

/** The epoch, so that the same image gives the same archive. */
function header(name: string, size: number): TarSource["header"] {
  return { name, type: "file", mode: 0o644, uid: 0, gid: 0, size, mtimeSeconds: 0 };
}
