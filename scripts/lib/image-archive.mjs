// Writes a `docker save` archive that is an OCI layout at the same time, from uncompressed layer tars. For the demo
// images and for tests; the project's own writer lives in src/layer, this one needs nothing built.
import { createHash } from "node:crypto";
import { createReadStream, createWriteStream, mkdtempSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { tmpdir } from "node:os";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import tar from "tar-stream";

async function fileDigest(path) {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path)) hash.update(chunk);
  return hash.digest("hex");
}

const digestOf = (bytes) => createHash("sha256").update(bytes).digest("hex");

/**
 * @param {string} target the archive's path
 * @param {{reference: string, layers: string[], config: object, architecture?: string, os?: string, created?: string}} image
 *   `layers` are paths of uncompressed tars, lowest first; `config` is the OCI config's "config" object.
 */
export async function writeImageArchive(target, image) {
  const scratch = mkdtempSync(join(tmpdir(), "wherry-image-"));
  try {
    const layers = [];
    for (const [index, path] of image.layers.entries()) {
      const diffId = await fileDigest(path);
      const packed = join(scratch, `${index}.tar.gz`);
      await pipeline(createReadStream(path), createGzip({ level: 6 }), createWriteStream(packed));
      layers.push({ diffId, packed, digest: await fileDigest(packed), size: statSync(packed).size });
    }
    const created = image.created ?? "2024-01-01T00:00:00Z";
    const config = Buffer.from(
      JSON.stringify({
        created,
        architecture: image.architecture ?? "amd64",
        os: image.os ?? "linux",
        config: image.config,
        rootfs: { type: "layers", diff_ids: layers.map((layer) => `sha256:${layer.diffId}`) },
        history: layers.map(() => ({ created, created_by: "wherry demo image" })),
      }),
    );
    const configDigest = digestOf(config);
    const manifest = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: "application/vnd.oci.image.manifest.v1+json",
        config: {
          mediaType: "application/vnd.oci.image.config.v1+json",
          digest: `sha256:${configDigest}`,
          size: config.length,
        },
        layers: layers.map((layer) => ({
          mediaType: "application/vnd.oci.image.layer.v1.tar+gzip",
          digest: `sha256:${layer.digest}`,
          size: layer.size,
        })),
      }),
    );
    const manifestDigest = digestOf(manifest);
    const index = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: "application/vnd.oci.image.index.v1+json",
        manifests: [
          {
            mediaType: "application/vnd.oci.image.manifest.v1+json",
            digest: `sha256:${manifestDigest}`,
            size: manifest.length,
            platform: { architecture: image.architecture ?? "amd64", os: image.os ?? "linux" },
            annotations: {
              "io.containerd.image.name": `docker.io/library/${image.reference}`,
              "org.opencontainers.image.ref.name": image.reference.split(":")[1] ?? "latest",
            },
          },
        ],
      }),
    );
    const dockerManifest = Buffer.from(
      JSON.stringify([
        {
          Config: `blobs/sha256/${configDigest}`,
          RepoTags: [image.reference],
          Layers: layers.map((layer) => `blobs/sha256/${layer.digest}`),
        },
      ]),
    );
    const pack = tar.pack();
    const written = pipeline(pack, createWriteStream(target));
    const mtime = new Date(created);
    const add = (name, bytes) => pack.entry({ name, mtime, mode: 0o644 }, bytes);
    // Small files first: a reader that streams knows the manifest before the layers come.
    add("oci-layout", Buffer.from('{"imageLayoutVersion":"1.0.0"}'));
    add("index.json", index);
    add("manifest.json", dockerManifest);
    add(`blobs/sha256/${manifestDigest}`, manifest);
    add(`blobs/sha256/${configDigest}`, config);
    for (const layer of layers) {
      await pipeline(
        createReadStream(layer.packed),
        pack.entry({ name: `blobs/sha256/${layer.digest}`, size: layer.size, mtime, mode: 0o644 }),
      );
    }
    pack.finalize();
    await written;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
