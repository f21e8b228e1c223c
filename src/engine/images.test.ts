import { gzipSync } from "node:zlib";
import { execFileSync } from "node:child_process";
import { beforeEach, describe, expect, test } from "vitest";
import {
  archive,
  digestOf,
  type Files,
  image,
  layer,
  type Member,
  newDockerArchive,
  ociLayout,
  oldDockerArchive,
  tar,
  type TestImage,
} from "../../test/conformance/images.ts";
import { concat, decodeName, encodeUtf8 } from "../base/bytes.ts";
import { limits } from "../base/limits.ts";
import type { LayerIndex } from "../oci/layer-index.ts";
import { MemoryStore } from "../store/memory.ts";
import { StoredImages } from "./images.ts";
import type { ImageSource, LoadOptions, LoadProgress } from "./types.ts";

let store: MemoryStore;
let images: StoredImages;

beforeEach(() => {
  store = new MemoryStore();
  images = new StoredImages(store);
});

function blob(bytes: Uint8Array): ImageSource {
  return { kind: "blob", blob: new Blob([bytes as Uint8Array<ArrayBuffer>]) };
}

/** Everything in the store, for comparing. */
async function snapshot(): Promise<unknown> {
  const documents: Record<string, unknown> = {};
  for (const kind of ["image", "reference", "layer-index", "blob", "load"])
    for (const key of await store.listDocuments(kind)) documents[`${kind}/${key}`] = await store.getDocument(kind, key);
  return { documents, packs: await store.listPacks(), ...(await store.usage()) };
}

const base = layer([
  { name: "./", type: "directory", mode: 0o755 },
  { name: "bin/", type: "directory", mode: 0o755 },
  { name: "bin/sh", mode: 0o755, body: "shell" },
]);
const top = layer([{ name: "etc/motd", body: "hello" }], true);
const debian = image({ layers: [base, top], names: ["debian:12"] });
const arm = image({
  layers: [layer([{ name: "arm", body: "arm" }])],
  platform: { os: "linux", architecture: "arm64" },
});

const forms: readonly (readonly [string, () => Uint8Array])[] = [
  ["docker save, old", () => tar(oldDockerArchive(debian))],
  [
    "docker save, old, names with ./",
    () => tar(oldDockerArchive(debian).map((one) => ({ ...one, name: `./${one.name}` }))),
  ],
  ["docker save, new", () => archive(newDockerArchive(debian))],
  ["OCI archive", () => archive(ociLayout([debian]))],
  ["OCI archive, compressed", () => new Uint8Array(gzipSync(archive(ociLayout([debian]))))],
  ["OCI archive, several platforms", () => archive(ociLayout([arm, debian], { multiPlatform: "debian:12" }))],
];

test.each(forms)("loads %s", async (_, make) => {
  const [loaded, ...more] = await images.load(blob(make()));
  expect(more).toEqual([]);
  expect(loaded).toEqual({
    id: debian.id,
    references: ["debian:12"],
    createdSeconds: 1_704_164_645,
    sizeBytes: 10,
    platform: { os: "linux", architecture: "amd64" },
    layers: 2,
  });
  expect(await images.list()).toEqual([loaded]);
  expect(await store.listPacks()).toEqual([base.diffId, top.diffId].toSorted());
  // Verbatim: the pack is the tar itself, from which the diff ID follows.
  for (const each of [base, top]) expect(await store.readPack(each.diffId, 0, each.tar.length)).toEqual(each.tar);
  const index = (await store.getDocument("layer-index", base.diffId)) as LayerIndex;
  expect(index).toMatchObject({ version: 1, diffId: base.diffId, tarBytes: base.tar.length });
  expect(index.entries.map((entry) => entry.path)).toEqual(["", "bin", "bin/sh"]);
  const shell = index.entries[2]!;
  expect(decodeName(await store.readPack(base.diffId, shell.offset, shell.size))).toBe("shell");
  expect(await store.listDocuments("load")).toEqual([]);
});

test("a stream in small pieces, its manifest last", async () => {
  const bytes = tar(oldDockerArchive(debian));
  let at = 0;
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (at >= bytes.length) controller.close();
      else controller.enqueue(bytes.subarray(at, (at += 333)));
    },
  });
  expect(await images.load({ kind: "stream", stream })).toMatchObject([{ id: debian.id }]);
});

test("several images in one archive share their layers", async () => {
  const other = image({ layers: [base], names: ["base:1", "base:2"] });
  const loaded = await images.load(blob(tar(oldDockerArchive(debian, other))));
  expect(loaded.map((one) => one.references)).toEqual([["debian:12"], ["base:1", "base:2"]]);
  expect(await store.listPacks()).toHaveLength(2);
});

test("a layer stored once and hard-linked, as tar does when it packs such a folder", async () => {
  const members = oldDockerArchive(debian, image({ layers: [base], names: ["base:1"] })).map((one) =>
    one.type === "symlink" ? { ...one, type: "hardlink" as const, link: `./${one.link!.slice("../".length)}` } : one,
  );
  expect(members.some((one) => one.type === "hardlink")).toBe(true);
  expect(await images.load(blob(tar(members)))).toHaveLength(2);
});

test("links of an archive that lead nowhere or round in circles", async () => {
  const entries = [{ Config: `${debian.id.slice(7)}.json`, RepoTags: null, Layers: ["a/layer.tar", "b/layer.tar"] }];
  const manifest = [
    { name: `${debian.id.slice(7)}.json`, body: debian.config },
    { name: "manifest.json", body: JSON.stringify(entries) },
  ];
  const link = (name: string, to: string): Member => ({ name, type: "symlink", link: to });
  const circle = tar([link("a/layer.tar", "../b/layer.tar"), link("b/layer.tar", "../a/layer.tar"), ...manifest]);
  await expect(images.load(blob(circle))).rejects.toThrow("go round in circles");
  const nowhere = tar([link("a/layer.tar", "../../../etc/passwd"), ...manifest]);
  await expect(images.load(blob(nowhere))).rejects.toThrow("the archive has no layer a/layer.tar");
});

test("a layout's manifest.json cannot name files outside its folder", async () => {
  const asked: string[] = [];
  images = new StoredImages(store, {
    openPath: async () => ({
      kind: "folder",
      folder: {
        open: async (path) => {
          asked.push(path);
          if (path !== "manifest.json") return null;
          const bytes = encodeUtf8(JSON.stringify([{ Config: "../../secret.json", Layers: [] }]));
          return {
            stream: new Blob([bytes]).stream() as unknown as AsyncIterable<Uint8Array>,
            sizeBytes: bytes.length,
          };
        },
      },
    }),
  });
  await expect(images.load({ kind: "path", path: "x" })).rejects.toThrow("has no ../../secret.json");
  expect(asked.filter((path) => path.includes(".."))).toEqual([]);
});

test("loading again unpacks nothing and says so", async () => {
  await images.load(blob(archive(newDockerArchive(debian))));
  const before = await snapshot();
  const progress: LoadProgress[] = [];
  await images.load(blob(archive(newDockerArchive(debian))), { onProgress: (one) => progress.push(one) });
  expect(progress.map((one) => one.phase)).toEqual(["exists", "exists"]);
  expect(((await snapshot()) as { packs: unknown }).packs).toEqual((before as { packs: unknown }).packs);
});

test("progress is told by layer", async () => {
  const large = layer([{ name: "large", body: new Uint8Array(500_000) }]);
  const progress: LoadProgress[] = [];
  const bytes = archive(ociLayout([image({ layers: [base, large], names: ["x/y"] })]));
  await images.load(blob(bytes), { onProgress: (one) => progress.push(one) });
  const done = progress.filter((one) => one.phase === "done");
  expect(done.map((one) => one.layer)).toEqual([0, 1]);
  expect(done.map((one) => one.digest).toSorted()).toEqual([base.diffId, large.diffId].toSorted());
  expect(done.every((one) => one.doneBytes === one.totalBytes)).toBe(true);
});

test("a WASI image is taken where there is no linux/amd64 one, or when asked for", async () => {
  const wasi = image({
    layers: [layer([{ name: "app.wasm", body: "wasm" }])],
    platform: { os: "wasip1", architecture: "wasm" },
  });
  const bytes = () => blob(archive(ociLayout([wasi, debian], { multiPlatform: "x/y:1" })));
  expect(await images.load(bytes())).toMatchObject([{ id: debian.id }]);
  expect(await images.load(bytes(), { platform: "wasi/wasm" })).toMatchObject([{ id: wasi.id, references: ["x/y:1"] }]);
  expect(await images.load(blob(archive(ociLayout([wasi]))))).toMatchObject([{ id: wasi.id }]);
  await expect(images.resolve("x/y:1", "linux/amd64")).rejects.toMatchObject({ code: "no-platform" });
  expect((await images.resolve("x/y:1")).platform).toEqual({ os: "wasip1", architecture: "wasm" });
});

test("the best processor level is taken from an index, and v3 never", async () => {
  const level = (variant: string) =>
    image({
      layers: [layer([{ name: variant, body: variant }])],
      platform: { os: "linux", architecture: "amd64", variant },
    });
  const [v1, v2, v3] = [level("v1"), level("v2"), level("v3")];
  const [loaded] = await images.load(blob(archive(ociLayout([v1, v3, v2], { multiPlatform: "a:1" }))));
  expect(loaded!.id).toBe(v2.id);
});

test("zstd layers and archives", async () => {
  const zstd = (bytes: Uint8Array) =>
    new Uint8Array(execFileSync("zstd", ["-qc"], { input: bytes, maxBuffer: 1 << 28 }));
  const packed = { ...base, blob: zstd(base.tar), mediaType: "application/vnd.oci.image.layer.v1.tar+zstd" };
  const one = image({ layers: [packed], names: ["z:1"] });
  expect(await images.load(blob(zstd(archive(ociLayout([one])))))).toMatchObject([{ id: one.id }]);
});

describe("an OCI layout over HTTP", () => {
  const serve = (files: Files, base_ = "https://example.org/debian/") => {
    const asked: string[] = [];
    images = new StoredImages(store, {
      fetch: async (url) => {
        asked.push(url.replace(base_, ""));
        const file = url.startsWith(base_) ? files[url.slice(base_.length)] : undefined;
        return file ? new Response(file.slice()) : new Response("<html>", { status: 404 });
      },
    });
    return asked;
  };

  test.each(["https://example.org/debian/", "https://example.org/debian", "https://example.org/debian/index.json"])(
    "%s",
    async (url) => {
      const asked = serve(ociLayout([arm, debian], { multiPlatform: "debian:12" }));
      expect(await images.load({ kind: "url", url })).toMatchObject([{ id: debian.id, references: ["debian:12"] }]);
      // Nothing of the other platform is fetched.
      expect(asked.filter((path) => path.includes(arm.layers[0]!.diffId.slice(7)))).toEqual([]);
    },
  );

  test("layers the store has are not fetched", async () => {
    const asked = serve(ociLayout([debian]));
    await images.load({ kind: "url", url: "https://example.org/debian/" });
    const before = asked.length;
    await images.load({ kind: "url", url: "https://example.org/debian/" });
    const again = asked.slice(before);
    for (const each of debian.layers)
      expect(again.some((path) => path.includes(digestOf(each.blob).slice(7)))).toBe(false);
  });

  test("an archive at an address", async () => {
    serve({ "debian.tar.gz": new Uint8Array(gzipSync(archive(ociLayout([debian])))) });
    expect(await images.load({ kind: "url", url: "https://example.org/debian/debian.tar.gz" })).toHaveLength(1);
  });

  test("several gzip members", async () => {
    const half = base.tar.length >> 1;
    const packed = {
      ...base,
      blob: concat([gzipSync(base.tar.subarray(0, half)), gzipSync(base.tar.subarray(half))]),
      mediaType: "application/vnd.oci.image.layer.v1.tar+gzip",
    };
    const one = image({ layers: [packed], names: ["m:1"] });
    serve(ociLayout([one]));
    expect(await images.load({ kind: "url", url: "https://example.org/debian/" })).toMatchObject([{ id: one.id }]);
  });

  test.each([
    ["https://example.org/other/", "has no index.json"],
    ["https://example.org/other.tar", "HTTP status 404"],
    ["not an address", "is not an address"],
  ])("%s fails clearly", async (url, message) => {
    serve(ociLayout([debian]));
    await expect(images.load({ kind: "url", url })).rejects.toThrow(message);
  });
});

describe("names", () => {
  test("move from an older image, which stays without a name", async () => {
    await images.load(blob(tar(oldDockerArchive(debian))));
    const newer = image({ layers: [base], names: ["debian:12"], created: "2025-01-01T00:00:00Z" });
    await images.load(blob(tar(oldDockerArchive(newer))));
    expect((await images.list()).map((one) => [one.id, one.references])).toEqual([
      [newer.id, ["debian:12"]],
      [debian.id, []],
    ]);
  });

  test("an image is found by name, id and the beginning of its id", async () => {
    await images.load(blob(archive(ociLayout([debian]))));
    const hex = debian.id.slice(7);
    const manifest = JSON.parse(decodeName(ociLayout([debian])["index.json"]!)).manifests[0].digest;
    for (const name of [
      "debian:12",
      "docker.io/library/debian:12",
      debian.id,
      hex,
      hex.slice(0, 12),
      `debian@${manifest}`,
    ])
      expect((await images.resolve(name)).id, name).toBe(debian.id);
    await expect(images.resolve("debian")).rejects.toThrow("No such image: debian:latest");
    await expect(images.resolve("ffffffffffff")).rejects.toThrow("No such image: ffffffffffff");
    await expect(images.resolve("Debian")).rejects.toThrow("must be lowercase");
    expect(await images.resolve("debian:12")).toEqual({
      id: debian.id,
      layers: [base.diffId, top.diffId],
      platform: { os: "linux", architecture: "amd64" },
      config: { Cmd: ["/bin/sh"], Env: ["PATH=/bin"] },
    });
  });

  test("inspect has docker's shape", async () => {
    await images.load(blob(archive(ociLayout([debian]))));
    expect(await images.inspect("debian:12")).toMatchObject({
      Id: debian.id,
      RepoTags: ["debian:12"],
      RepoDigests: [expect.stringMatching(/^debian@sha256:[0-9a-f]{64}$/)],
      Created: "2024-01-02T03:04:05Z",
      Architecture: "amd64",
      Os: "linux",
      Size: 10,
      Config: { Cmd: ["/bin/sh"], Env: ["PATH=/bin"], Entrypoint: null, WorkingDir: "" },
      RootFS: { Type: "layers", Layers: [base.diffId, top.diffId] },
    });
  });
});

describe("save", () => {
  test("writes what load reads, layers bit for bit", async () => {
    await images.load(blob(tar(oldDockerArchive(debian, image({ layers: [base], names: ["base:1", "base:2"] })))));
    const saved = new Uint8Array(await new Response(await images.save(["debian:12", "base:2"])).arrayBuffer());
    expect(new Uint8Array(await new Response(await images.save(["debian:12", "base:2"])).arrayBuffer())).toEqual(saved);
    const other = new StoredImages(new MemoryStore());
    expect(await other.load(blob(saved))).toMatchObject([
      { id: debian.id, references: ["debian:12"] },
      { references: ["base:2"], layers: 1 },
    ]);
    expect(await other.validate("debian:12")).toEqual([]);
  });
});

describe("validate", () => {
  test("finds what went wrong in the store", async () => {
    await images.load(blob(archive(ociLayout([debian]))));
    expect(await images.validate("debian:12")).toEqual([]);
    const spoiled = base.tar.slice();
    spoiled[600]! ^= 1;
    await store.deletePack(base.diffId);
    const writer = await store.createPack();
    await writer.write(spoiled);
    await writer.commit(base.diffId);
    await store.deletePack(top.diffId);
    expect(await images.validate("debian:12")).toEqual([
      expect.stringMatching(/^layer 0: its digest is sha256:.*, but should be sha256:/),
      "layer 1: its pack is missing",
    ]);
  });
});

describe("remove", () => {
  test("the last name takes the image and the layers only it has", async () => {
    const empty = await snapshot();
    const other = image({ layers: [base], names: ["base:1"] });
    await images.load(blob(tar(oldDockerArchive(debian, other))));
    const chain = digestOf(encodeUtf8(`${base.diffId} ${top.diffId}`));
    expect(await images.remove("debian:12")).toEqual([
      `Untagged: debian:12`,
      `Deleted: ${debian.id}`,
      `Deleted: ${chain}`,
    ]);
    expect(await store.listPacks()).toEqual([base.diffId]);
    expect(await images.remove(other.id)).toEqual([
      "Untagged: base:1",
      `Deleted: ${other.id}`,
      `Deleted: ${base.diffId}`,
    ]);
    expect(await snapshot()).toEqual(empty);
  });

  test("one of several names only unties it, and the id alone is not enough", async () => {
    await images.load(blob(tar(oldDockerArchive({ ...debian, names: ["a:1", "b:1"] }))));
    await expect(images.remove(debian.id)).rejects.toThrow("must be forced");
    expect(await images.remove("a:1")).toEqual(["Untagged: a:1"]);
    await images.tag("b:1", "c");
    expect(await images.remove(debian.id.slice(7, 19), { force: true })).toContain("Untagged: c:latest");
    expect(await images.list()).toEqual([]);
  });

  test("an image a container was made from loses only its name", async () => {
    await images.load(blob(tar(oldDockerArchive(debian))));
    await store.putDocument("container", "c", { id: "c", imageId: debian.id, createdMs: 0 });
    expect(await images.remove("debian:12", { force: true })).toEqual(["Untagged: debian:12"]);
    expect(await store.listPacks()).toHaveLength(2);
    expect((await images.resolve(debian.id)).id).toBe(debian.id);
  });

  test("a missing image", async () => {
    await expect(images.remove("nothing")).rejects.toThrow("No such image: nothing:latest");
  });
});

describe("bad input leaves the store as it was", () => {
  const edited = (edit: (files: Files) => void, one: TestImage = debian) => {
    const files = ociLayout([one]);
    edit(files);
    return archive(files);
  };
  const blobOf = (bytes: Uint8Array) => `blobs/sha256/${digestOf(bytes).slice(7)}`;
  const json = (value: unknown) => encodeUtf8(JSON.stringify(value));
  const manifestWith = (change: (manifest: Record<string, unknown>) => void) =>
    edited((files) => {
      const index = JSON.parse(decodeName(files["index.json"]!));
      const path = `blobs/sha256/${index.manifests[0].digest.slice(7)}`;
      const manifest = JSON.parse(decodeName(files[path]!));
      change(manifest);
      const bytes = json(manifest);
      files[blobOf(bytes)] = bytes;
      index.manifests[0] = { ...index.manifests[0], digest: digestOf(bytes), size: bytes.length };
      files["index.json"] = json(index);
    });
  const withMembers = (members: readonly Member[]) =>
    tar(oldDockerArchive(image({ layers: [base, layer(members)], names: ["bad:1"] })));
  const dockerManifest = (value: unknown) =>
    tar([
      ...oldDockerArchive(debian).filter((one) => one.name !== "manifest.json"),
      { name: "manifest.json", body: json(value) },
    ]);
  const bombTar = () =>
    concat([tar([{ name: "zeros", body: new Uint8Array(limits.expansionCheckedBytes + (8 << 20)) }])]);

  type Case = [name: string, make: () => Uint8Array, code: string, message: string | RegExp, options?: LoadOptions];
  const cases: readonly Case[] = [
    ["a truncated archive", () => archive(ociLayout([debian])).subarray(0, 3000), "invalid-archive", "truncated"],
    [
      "a truncated compressed archive",
      () => new Uint8Array(gzipSync(archive(ociLayout([debian])))).subarray(0, 900),
      "invalid-archive",
      /truncated/,
    ],
    [
      "an archive cut between its files",
      () => archive(ociLayout([debian])).subarray(0, 512 * 3),
      "invalid-archive",
      "not an image archive",
    ],
    ["an empty file", () => new Uint8Array(0), "invalid-archive", "not a tar archive: it is empty"],
    ["not an archive", () => encodeUtf8("hello, world\n".repeat(1000)), "invalid-archive", "not a tar archive"],
    ["a tar that is no image", () => base.tar, "invalid-archive", "not an image archive"],
    [
      "a wrong digest of a layer",
      () =>
        edited((files) => {
          const path = blobOf(base.blob);
          files[path] = files[path]!.slice();
          files[path][1100]! ^= 1;
        }),
      "digest-mismatch",
      /layer 0 .*the digest is sha256:/,
    ],
    [
      "a wrong digest of a compressed layer",
      () =>
        edited((files) => {
          const path = blobOf(top.blob);
          files[path] = files[path]!.slice();
          files[path].fill(7, 30, 60);
        }),
      "digest-mismatch",
      /layer 1 .*the digest is sha256:/,
    ],
    [
      "a wrong digest of a config",
      () =>
        edited((files) => {
          const path = blobOf(debian.config);
          files[path] = encodeUtf8(decodeName(files[path]!).replace("PATH", "PITH"));
        }),
      "digest-mismatch",
      "the digest is",
    ],
    [
      "a wrong size of a layer",
      () =>
        manifestWith((manifest) => {
          (manifest.layers as { size: number }[])[1]!.size += 1;
        }),
      "size-mismatch",
      /the size is [0-9]+ bytes, but should be [0-9]+/,
    ],
    [
      "a wrong size of a config",
      () =>
        manifestWith((manifest) => {
          (manifest.config as { size: number }).size += 1;
        }),
      "size-mismatch",
      "the size is",
    ],
    [
      "a wrong diff ID",
      () =>
        tar(
          oldDockerArchive(image({ layers: [base, { ...top, diffId: `sha256:${"0".repeat(64)}` }], names: ["bad:1"] })),
        ),
      "digest-mismatch",
      /layer 1 .*the unpacked layer: the digest is sha256:.*should be sha256:000/,
    ],
    [
      "a manifest.json without Config",
      () => dockerManifest([{ Layers: [] }]),
      "invalid-manifest",
      "manifest.json: entry 0 has no Config",
    ],
    [
      "a manifest.json without Layers",
      () => dockerManifest([{ Config: "x" }]),
      "invalid-manifest",
      "manifest.json: entry 0 has no Layers",
    ],
    ["a manifest.json that is no list", () => dockerManifest({}), "invalid-manifest", "manifest.json: is not a list"],
    ["an empty manifest.json", () => dockerManifest([]), "invalid-manifest", "names no image"],
    [
      "a manifest.json that is no JSON",
      () => tar([{ name: "manifest.json", body: "{" }]),
      "invalid-manifest",
      "manifest.json: is not valid JSON",
    ],
    [
      "a manifest.json that names a missing config",
      () => dockerManifest([{ Config: "x.json", Layers: [] }]),
      "invalid-archive",
      "the archive has no x.json",
    ],
    [
      "a manifest.json that names a missing layer",
      () => dockerManifest([{ Config: `${debian.id.slice(7)}.json`, Layers: ["a/layer.tar", "b/layer.tar"] }]),
      "invalid-archive",
      "the archive has no layer a/layer.tar",
    ],
    [
      "fewer layers than diff IDs",
      () => dockerManifest([{ Config: `${debian.id.slice(7)}.json`, Layers: [] }]),
      "invalid-manifest",
      "has 0 layers, but its config has 2 diff IDs",
    ],
    [
      "a manifest without config",
      () => manifestWith((manifest) => delete manifest.config),
      "invalid-manifest",
      "has no config",
    ],
    [
      "a manifest without layers",
      () => manifestWith((manifest) => delete manifest.layers),
      "invalid-manifest",
      "has no layers",
    ],
    [
      "a layer without digest",
      () => manifestWith((manifest) => delete (manifest.layers as { digest?: string }[])[0]!.digest),
      "invalid-manifest",
      "layer 0 has no digest",
    ],
    [
      "a missing blob",
      () => edited((files) => delete files[blobOf(top.blob)]),
      "invalid-archive",
      "the archive has no layer blobs/",
    ],
    [
      "a config without rootfs",
      () =>
        tar(
          oldDockerArchive({
            ...debian,
            config: json({ architecture: "amd64", os: "linux" }),
            id: digestOf(json({ architecture: "amd64", os: "linux" })),
          }),
        ),
      "invalid-manifest",
      "has no rootfs",
    ],
    [
      "an arm64-only image",
      () => archive(ociLayout([arm])),
      "no-platform",
      "no matching manifest for linux/amd64 or wasi/wasm: the image is for linux/arm64",
    ],
    ["an arm64-only docker archive", () => tar(oldDockerArchive(arm)), "no-platform", "the image is for linux/arm64"],
    [
      "an image for another platform than asked for",
      () => archive(ociLayout([debian])),
      "no-platform",
      "no matching manifest for linux/arm64: the image is for linux/amd64",
      { platform: "linux/arm64" },
    ],
    [
      "a path with ../",
      () => withMembers([{ name: "../etc/passwd", body: "x" }]),
      "unsafe-path",
      '"../etc/passwd" leads out',
    ],
    [
      "a path with ../ in the middle",
      () => withMembers([{ name: "a/../../etc/passwd", body: "x" }]),
      "unsafe-path",
      "leads out",
    ],
    [
      "an absolute path",
      () => withMembers([{ name: "/etc/passwd", body: "x" }]),
      "unsafe-path",
      '"/etc/passwd" leads out',
    ],
    [
      "an absolute path with ..",
      () => withMembers([{ name: "/../etc/passwd", body: "x" }]),
      "unsafe-path",
      "leads out",
    ],
    [
      "a path through an absolute symlink",
      () =>
        withMembers([
          { name: "out", type: "symlink", link: "/etc" },
          { name: "out/passwd", body: "x" },
        ]),
      "unsafe-path",
      '"out/passwd" leads out',
    ],
    [
      "a path through a symlink that climbs out",
      () =>
        withMembers([
          { name: "a/out", type: "symlink", link: "../../etc" },
          { name: "a/out/passwd", body: "x" },
        ]),
      "unsafe-path",
      '"a/out/passwd" leads out',
    ],
    [
      "a hard link to the outside",
      () => withMembers([{ name: "x", type: "hardlink", link: "../../etc/passwd" }]),
      "unsafe-path",
      '"x" leads out',
    ],
    ["a whiteout of ..", () => withMembers([{ name: "a/.wh..." }]), "unsafe-path", "leads out"],
    [
      "a layer that is no tar",
      () => tar(oldDockerArchive(image({ layers: [layer(encodeUtf8("no tar ".repeat(200)))], names: ["bad:1"] }))),
      "invalid-archive",
      /the layer .*layer.tar is not a tar archive/,
    ],
    [
      "an image over the size limit",
      () => archive(ociLayout([debian])),
      "limit-exceeded",
      "more than the limit of 1000 bytes",
      { sizeBytesMax: 1000 },
    ],
    [
      "a decompression bomb in a layer",
      () => archive(ociLayout([image({ layers: [layer(bombTar(), true)], names: ["bomb:1"] })])),
      "limit-exceeded",
      "decompression bomb",
    ],
  ];

  test.each(cases)("%s", async (...[, make, code, message, options]: Case) => {
    await images.load(blob(tar(oldDockerArchive(image({ layers: [layer([{ name: "other" }])], names: ["other:1"] })))));
    const before = await snapshot();
    const failure = images.load(blob(make()), options);
    await expect(failure).rejects.toMatchObject({ code });
    await expect(failure).rejects.toThrow(message);
    expect(await snapshot()).toEqual(before);
  });

  test("a full disk, at whatever byte", async () => {
    const bytes = archive(ociLayout([debian]));
    await images.load(blob(bytes));
    const { usedBytes } = await store.usage();
    for (const quotaBytes of [0, 100, 1000, 2000, usedBytes - 1]) {
      store = new MemoryStore({ quotaBytes });
      images = new StoredImages(store);
      const before = await snapshot();
      await expect(images.load(blob(bytes))).rejects.toMatchObject({ code: "storage-full" });
      expect(await snapshot()).toEqual(before);
    }
  });

  test("a store that fails at the very end", async () => {
    const bytes = archive(ociLayout([debian]));
    const before = await snapshot();
    const transact = store.transact.bind(store);
    store.transact = async (changes) => {
      if (changes.some((change) => change.kind === "image")) throw new Error("the disk died");
      return transact(changes);
    };
    await expect(images.load(blob(bytes))).rejects.toThrow("the disk died");
    store.transact = transact;
    expect(await snapshot()).toEqual(before);
  });

  test("a cancelled load, wherever it stands", async () => {
    const large = layer([{ name: "large", body: crypto.getRandomValues(new Uint8Array(60_000)) }]);
    const bytes = archive(ociLayout([image({ layers: [base, large, top], names: ["x:1"] })]));
    for (let stopAt = 0; stopAt < bytes.length; stopAt += 9000) {
      const before = await snapshot();
      const abort = new AbortController();
      let at = 0;
      const stream = new ReadableStream<Uint8Array>({
        pull(controller) {
          if (at >= stopAt) abort.abort();
          controller.enqueue(bytes.subarray(at, (at += 4000)));
          if (at >= bytes.length) controller.close();
        },
      });
      await expect(images.load({ kind: "stream", stream }, { signal: abort.signal })).rejects.toMatchObject({
        code: "cancelled",
      });
      expect(await snapshot()).toEqual(before);
    }
  });

  test("a load that waits for bytes which never come can be cancelled", async () => {
    const abort = new AbortController();
    const stream = new ReadableStream<Uint8Array>({ pull: () => new Promise(() => {}) });
    const loading = images.load({ kind: "stream", stream }, { signal: abort.signal });
    setTimeout(() => abort.abort(), 10);
    await expect(loading).rejects.toMatchObject({ code: "cancelled" });
  });

  test("what a load that died in its last step left is removed by a later one", async () => {
    const stray = await store.createPack();
    await stray.commit(top.diffId);
    await store.putDocument("load", "dead", { layers: [top.diffId], startedMs: Date.now() - limits.loadPinMs - 1 });
    await images.load(blob(tar(oldDockerArchive(image({ layers: [base], names: ["x:1"] })))));
    expect(await store.listPacks()).toEqual([base.diffId]);
    expect(await store.listDocuments("load")).toEqual([]);
  });
});

test("layers that are needless do not matter, however bad", async () => {
  const bytes = tar([
    { name: `${"1".repeat(64)}.tar`, body: tar([{ name: "../out", body: "x" }]) },
    { name: "blobs/sha256/junk", body: crypto.getRandomValues(new Uint8Array(2000)) },
    ...oldDockerArchive(debian),
  ]);
  expect(await images.load(blob(bytes))).toHaveLength(1);
  expect(await store.listPacks()).toHaveLength(2);
});
