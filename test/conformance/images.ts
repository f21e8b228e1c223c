/**
 * Makes images for tests, in every form they come in: `docker save` old and new, OCI archive, OCI layout folder. Each
 * part can be spoiled before it is put together.
 */
import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { concat, encodeUtf8 } from "../../src/base/bytes.ts";
import { encodeTarHeader, type TarMemberHeader, tarEnd } from "../../src/codec/tar/writer.ts";

export type Member = Partial<Omit<TarMemberHeader, "size">> & {
  readonly name: string;
  readonly body?: string | Uint8Array;
};

export function tar(members: readonly Member[]): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const { body = "", ...header } of members) {
    const content = typeof body === "string" ? encodeUtf8(body) : body;
    parts.push(
      encodeTarHeader({
        type: "file",
        mode: 0o644,
        uid: 0,
        gid: 0,
        mtimeSeconds: 1_700_000_000,
        ...header,
        size: content.length,
      }),
      content,
      new Uint8Array((512 - (content.length % 512)) % 512),
    );
  }
  return concat([...parts, tarEnd()]);
}

export function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

const hex = (digest: string) => digest.slice("sha256:".length);

export interface TestLayer {
  readonly tar: Uint8Array;
  readonly diffId: string;
  readonly blob: Uint8Array;
  readonly mediaType: string;
}

export function layer(members: readonly Member[] | Uint8Array, compress = false): TestLayer {
  const bytes = members instanceof Uint8Array ? members : tar(members);
  const suffix = compress ? "+gzip" : "";
  return {
    tar: bytes,
    diffId: digestOf(bytes),
    blob: compress ? new Uint8Array(gzipSync(bytes)) : bytes,
    mediaType: `application/vnd.oci.image.layer.v1.tar${suffix}`,
  };
}

export interface TestImage {
  readonly layers: readonly TestLayer[];
  readonly config: Uint8Array;
  readonly id: string;
  readonly names: readonly string[];
  readonly platform: { readonly os: string; readonly architecture: string; readonly variant?: string };
}

export function image(options: {
  readonly layers: readonly TestLayer[];
  readonly names?: readonly string[];
  readonly platform?: TestImage["platform"];
  readonly config?: object;
  readonly created?: string;
}): TestImage {
  const platform = options.platform ?? { os: "linux", architecture: "amd64" };
  const config = encodeUtf8(
    JSON.stringify({
      ...platform,
      created: options.created ?? "2024-01-02T03:04:05Z",
      config: options.config ?? { Cmd: ["/bin/sh"], Env: ["PATH=/bin"] },
      rootfs: { type: "layers", diff_ids: options.layers.map((one) => one.diffId) },
      history: options.layers.map(() => ({ created_by: "test" })),
    }),
  );
  return { layers: options.layers, config, id: digestOf(config), names: options.names ?? [], platform };
}

export type Files = Record<string, Uint8Array>;

/** `docker save` before version 25: a folder a layer, which is named by something that is no diff ID. */
export function oldDockerArchive(...images: readonly TestImage[]): Member[] {
  const members: Member[] = [];
  const stored = new Map<string, string>();
  const entries = images.map((one) => {
    members.push({ name: `${hex(one.id)}.json`, body: one.config });
    const paths = one.layers.map((each, i) => {
      const folder = hex(digestOf(encodeUtf8(`${one.id}/${i}`)));
      members.push({ name: `${folder}/`, type: "directory", mode: 0o755 });
      members.push({ name: `${folder}/VERSION`, body: "1.0" });
      members.push({ name: `${folder}/json`, body: JSON.stringify({ id: folder }) });
      const path = `${folder}/layer.tar`;
      const known = stored.get(each.diffId);
      if (known) members.push({ name: path, type: "symlink", link: `../${known}` });
      else members.push({ name: path, body: each.blob });
      stored.set(each.diffId, path);
      return path;
    });
    return { Config: `${hex(one.id)}.json`, RepoTags: one.names.length > 0 ? one.names : null, Layers: paths };
  });
  members.push({ name: "manifest.json", body: JSON.stringify(entries) });
  members.push({ name: "repositories", body: "{}" });
  return members;
}

/** An OCI layout as files; `edit` may spoil any of them. */
export function ociLayout(images: readonly TestImage[], options: { readonly multiPlatform?: string } = {}): Files {
  const files: Files = { "oci-layout": encodeUtf8('{"imageLayoutVersion":"1.0.0"}') };
  const put = (bytes: Uint8Array) => {
    files[`blobs/sha256/${hex(digestOf(bytes))}`] = bytes;
    return { digest: digestOf(bytes), size: bytes.length };
  };
  const manifests = images.map((one) => {
    const manifest = encodeUtf8(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: "application/vnd.oci.image.manifest.v1+json",
        config: { mediaType: "application/vnd.oci.image.config.v1+json", ...put(one.config) },
        layers: one.layers.map((each) => ({ mediaType: each.mediaType, ...put(each.blob) })),
      }),
    );
    return {
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      ...put(manifest),
      platform: one.platform,
      ...(one.names[0] && { annotations: { "org.opencontainers.image.ref.name": one.names[0] } }),
    };
  });
  let top: readonly object[] = manifests;
  if (options.multiPlatform) {
    const inner = encodeUtf8(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: "application/vnd.oci.image.index.v1+json",
        manifests: manifests.map((manifest) => ({ ...manifest, annotations: {} })),
      }),
    );
    top = [
      {
        mediaType: "application/vnd.oci.image.index.v1+json",
        ...put(inner),
        annotations: { "io.containerd.image.name": options.multiPlatform },
      },
    ];
  }
  files["index.json"] = encodeUtf8(JSON.stringify({ schemaVersion: 2, manifests: top }));
  return files;
}

/** Files in an archive; the manifest last unless `first` names others to come first. */
export function archive(files: Files): Uint8Array {
  const names = Object.keys(files).toSorted();
  return tar(names.map((name) => ({ name, body: files[name]! })));
}

/** `docker save` since version 25: an OCI layout with a manifest.json beside it. */
export function newDockerArchive(...images: readonly TestImage[]): Files {
  const files = ociLayout(images.map((one) => ({ ...one, names: [] })));
  const entries = images.map((one) => ({
    Config: `blobs/sha256/${hex(one.id)}`,
    RepoTags: one.names,
    Layers: one.layers.map((each) => `blobs/sha256/${hex(digestOf(each.blob))}`),
  }));
  return { ...files, "manifest.json": encodeUtf8(JSON.stringify(entries)) };
}
