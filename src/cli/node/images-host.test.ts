import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, expect, test } from "vitest";
import { archive, type Files, image, layer, ociLayout } from "../../../test/conformance/images.ts";
import { concat } from "../../base/bytes.ts";
import { collect } from "../../codec/stream.ts";
import { StoredImages } from "../../engine/images.ts";
import { DirectoryStore } from "../../store/directory.ts";
import { nodeImagesHost } from "./images-host.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "wherry-images-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

function write(files: Files): string {
  const root = join(folder, "layout");
  for (const [path, bytes] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), bytes);
  }
  return root;
}

const body = crypto.getRandomValues(new Uint8Array(60_000));
const plain = layer([{ name: "a", body }]);
const split = { ...plain, blob: concat([gzipSync(plain.tar.subarray(0, 9)), gzipSync(plain.tar.subarray(9))]) };
const one = image({ layers: [{ ...split, mediaType: `${plain.mediaType}+gzip` }], names: ["a:1"] });

test("an archive and a layout folder by path, into a directory, and back after it is opened again", async () => {
  const path = join(folder, "image.tar.gz");
  writeFileSync(path, gzipSync(archive(ociLayout([one]))));
  const root = write(ociLayout([one]));
  for (const source of [path, root]) {
    const store = await DirectoryStore.open(join(folder, `store${source.length}`));
    expect(await new StoredImages(store, nodeImagesHost).load({ kind: "path", path: source })).toMatchObject([
      { id: one.id },
    ]);
    await store.close();
    const again = await DirectoryStore.open(join(folder, `store${source.length}`));
    expect(await new StoredImages(again, nodeImagesHost).list()).toMatchObject([{ id: one.id, references: ["a:1"] }]);
    expect((await again.readPack(plain.diffId, 512, body.length)).every((byte, i) => byte === body[i])).toBe(true);
    await again.close();
  }
});

test("what is wrong with a path or its content is said clearly", async () => {
  const store = await DirectoryStore.open(join(folder, "store"));
  const images = new StoredImages(store, nodeImagesHost);
  const load = (path: string) => images.load({ kind: "path", path });
  await expect(load(join(folder, "nothing.tar"))).rejects.toThrow("nothing.tar: no such file or directory");
  await expect(load(folder)).rejects.toThrow("not an image archive");
  const cut = join(folder, "cut.tar.gz");
  writeFileSync(cut, gzipSync(archive(ociLayout([one]))).subarray(0, 9000));
  await expect(load(cut)).rejects.toThrow("truncated");
  const files = ociLayout([one]);
  const blob = Object.keys(files).find((path) => files[path]!.length > 50_000)!;
  files[blob] = files[blob]!.slice();
  files[blob][100]! ^= 0xff;
  await expect(load(write(files))).rejects.toMatchObject({ code: "digest-mismatch" });
  expect(await store.listPacks()).toEqual([]);
  expect(await store.listDocuments("image")).toEqual([]);
  await store.close();
});

test("the decoder and the hasher are right", async () => {
  async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
    yield bytes;
  }
  expect(await collect(nodeImagesHost.decoders!.gunzip!(once(split.blob)), 1 << 20, "test")).toEqual(plain.tar);
  const hasher = await nodeImagesHost.createHasher!();
  hasher.update(plain.tar);
  expect(hasher.digest()).toBe(plain.diffId);
});
