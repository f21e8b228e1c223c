/** Loading in a real browser: its gunzip, its IndexedDB, and what it does when its disk quota is used up. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { cdp } from "vitest/browser";
import { concat, encodeUtf8 } from "../base/bytes.ts";
import { limits } from "../base/limits.ts";
import { createSha256, sha256 } from "../codec/sha256.ts";
import { collect, fromReadable } from "../codec/stream.ts";
import { writeTar } from "../codec/tar/writer.ts";
import { blobPath } from "../oci/digest.ts";
import { IndexedDbStore } from "../store/indexeddb.ts";
import { StoredImages } from "./images.ts";

type Bytes = Uint8Array<ArrayBuffer>;

let name: string;
let store: IndexedDbStore;
let images: StoredImages;

beforeEach(async () => {
  name = `images-${crypto.randomUUID()}`;
  store = await IndexedDbStore.open(name);
  images = new StoredImages(store);
});
afterEach(async () => {
  await store.close();
  indexedDB.deleteDatabase(name);
});

function tar(files: Readonly<Record<string, Bytes>>): Promise<Bytes> {
  const members = Object.entries(files).map(([path, bytes]) => ({
    header: { name: path, type: "file", mode: 0o644, uid: 0, gid: 0, size: bytes.length, mtimeSeconds: 0 } as const,
    content: [bytes],
  }));
  return collect(writeTar(members), 1 << 30, "test");
}

async function gzip(bytes: Bytes): Promise<Bytes> {
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream("gzip"));
  return collect(fromReadable(stream), 1 << 30, "test");
}

/** An OCI archive of one layer, whose blob is made from its tar by `pack`. */
async function archive(files: Readonly<Record<string, Bytes>>, pack: (layer: Bytes) => Promise<Bytes>) {
  const plain = await tar(files);
  const diffId = await sha256(plain);
  const contents: Record<string, Bytes> = { "oci-layout": encodeUtf8('{"imageLayoutVersion":"1.0.0"}') };
  const put = async (mediaType: string, bytes: Bytes) => {
    const digest = await sha256(bytes);
    contents[blobPath(digest)] = bytes;
    return { mediaType: `application/vnd.oci.image.${mediaType}`, digest, size: bytes.length };
  };
  const json = (value: unknown) => encodeUtf8(JSON.stringify(value));
  const config = await put(
    "config.v1+json",
    json({ os: "linux", architecture: "amd64", rootfs: { type: "layers", diff_ids: [diffId] } }),
  );
  const layers = [await put("layer.v1.tar+gzip", await pack(plain))];
  const manifest = await put("manifest.v1+json", json({ schemaVersion: 2, config, layers }));
  const annotations = { "io.containerd.image.name": "test:1" };
  contents["index.json"] = json({ schemaVersion: 2, manifests: [{ ...manifest, annotations }] });
  return { bytes: await tar(contents), plain, diffId };
}

function random(length: number): Bytes {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at += 65_536) crypto.getRandomValues(bytes.subarray(at, at + 65_536));
  return bytes;
}

async function packDigest(diffId: string): Promise<string> {
  const hasher = await createSha256();
  const size = (await store.packSize(diffId))!;
  for (let at = 0; at < size; at += 1 << 20)
    hasher.update(await store.readPack(diffId, at, Math.min(1 << 20, size - at)));
  return hasher.digest();
}

const packings: readonly (readonly [string, (layer: Bytes) => Promise<Bytes>])[] = [
  ["one member", gzip],
  [
    "several members, the first of them large",
    async (layer) => {
      const cuts = [0, 3_000_000, 3_000_001, 3_100_000, layer.length];
      return concat(await Promise.all(cuts.slice(1).map((end, i) => gzip(layer.slice(cuts[i], end)))));
    },
  ],
];

test.each(packings)("a gzip layer of %s, and the store opened again", async (_, pack) => {
  const { bytes, diffId } = await archive({ noise: random(2_000_000), text: new Uint8Array(3_000_000).fill(65) }, pack);
  const [loaded] = await images.load({ kind: "blob", blob: new Blob([bytes]) });
  expect(loaded!.references).toEqual(["test:1"]);
  expect(await packDigest(diffId)).toBe(diffId);
  await store.close();
  store = await IndexedDbStore.open(name);
  images = new StoredImages(store);
  expect(await images.list()).toEqual([loaded]);
  expect(await packDigest(diffId)).toBe(diffId);
});

test("a full disk is one clear error, and leaves the store as it was", async () => {
  const small = await archive({ noise: random(100_000) }, gzip);
  await images.load({ kind: "blob", blob: new Blob([small.bytes]) });
  const before = await images.list();
  const large = await archive({ noise: random(60_000_000) }, async (layer) => layer);
  const source = { kind: "blob", blob: new Blob([large.bytes]) } as const;

  const { origin } = location;
  const { usedBytes } = await store.usage();
  await cdp().send("Storage.overrideQuotaForOrigin", { origin, quotaSize: usedBytes + 15_000_000 });
  // Chromium remembers for half a minute how much room there was.
  await new Promise((resolve) => setTimeout(resolve, 32_000));
  try {
    await expect(images.load(source)).rejects.toMatchObject({ code: "storage-full" });
  } finally {
    await cdp().send("Storage.overrideQuotaForOrigin", { origin });
  }
  expect(await images.list()).toEqual(before);
  expect(await store.listPacks()).toEqual([small.diffId]);
  expect(await store.listDocuments("load")).toEqual([]);
  expect(await recordsOfOtherPacks()).toBe(0);

  expect(await images.load(source)).toHaveLength(1);
  expect(await packDigest(large.diffId)).toBe(large.diffId);
}, 180_000);

/** Records beyond those of the small pack, which fills one. */
async function recordsOfOtherPacks(): Promise<number> {
  const request = indexedDB.open(name);
  await new Promise((resolve) => request.addEventListener("success", resolve));
  const count = request.result.transaction("records").objectStore("records").count();
  await new Promise((resolve) => count.addEventListener("success", resolve));
  request.result.close();
  expect(102_400 + 1536).toBeLessThan(limits.packRecordBytes);
  return count.result - 1;
}
