import { expect, test } from "vitest";
import { errno } from "../../abi/errno.ts";
import { decodeName, encodeUtf8 } from "../../base/bytes.ts";
import { limits } from "../../base/limits.ts";
import { ArrayPagePool } from "../array-page-pool.ts";
import type { LowerNode } from "../memory/lower.ts";
import { createLayerTree } from "./layerfs.ts";
import type { TestEntry } from "./test-layers.ts";
import { TestPacks, makeLayers } from "./test-layers.ts";

function build(descriptions: readonly (readonly TestEntry[])[], immediate = true, pool = new ArrayPagePool()) {
  const { layers, packs } = makeLayers(descriptions);
  const source = new TestPacks(packs, immediate);
  return { tree: createLayerTree(layers, source, pool), source, pool };
}

function at(root: LowerNode, path: string): LowerNode | undefined {
  let node: LowerNode | undefined = root;
  for (const name of path.split("/")) node = node?.children?.get(name);
  return node;
}

async function text(pool: ArrayPagePool, node: LowerNode): Promise<string> {
  const bytes = new Uint8Array(node.size);
  for (let index = 0; index * 4096 < node.size; index++) {
    const page = await node.content!.page(index);
    expect(page).toBeGreaterThan(0);
    bytes.set(pool.bytes(page).subarray(0, Math.min(4096, node.size - index * 4096)), index * 4096);
  }
  return decodeName(bytes);
}

test("later layers replace, keep and implied directories stay as they were", async () => {
  const { tree, pool } = build([
    [
      { path: "etc", mode: 0o750, uid: 3 },
      { path: "etc/a", content: "one" },
      { path: "etc/b", content: "two" },
    ],
    [
      { path: "etc/a", content: "three" },
      { path: "opt/x/y", content: "deep" },
    ],
  ]);
  expect(await text(pool, at(tree.root, "etc/a")!)).toBe("three");
  expect(await text(pool, at(tree.root, "etc/b")!)).toBe("two");
  expect(at(tree.root, "etc")).toMatchObject({ mode: 0o40750, uid: 3 });
  expect(at(tree.root, "opt/x")).toMatchObject({ mode: 0o40755, uid: 0 });
});

test("whiteouts and opaque directories hide lower layers but not their own, whatever the order", () => {
  const { tree } = build([
    [{ path: "d" }, { path: "d/a", content: "1" }, { path: "d/sub/b", content: "2" }, { path: "gone", content: "3" }],
    [
      { path: "d/new", content: "4" },
      { path: "d", type: "opaque" },
      { path: "gone", type: "whiteout" },
    ],
  ]);
  expect([...at(tree.root, "d")!.children!.keys()]).toEqual(["new"]);
  expect(at(tree.root, "gone")).toBeUndefined();
});

test("a name that is whited out and made again in one layer is there", async () => {
  const { tree, pool } = build([
    [{ path: "a", content: "old" }],
    [
      { path: "a", content: "new" },
      { path: "a", type: "whiteout" },
    ],
  ]);
  expect(await text(pool, at(tree.root, "a")!)).toBe("new");
});

test("hard links reach into lower layers and share one node", () => {
  const { tree } = build([[{ path: "a", content: "same" }], [{ path: "b", type: "hardlink", link: "a" }]]);
  expect(at(tree.root, "b")).toBe(at(tree.root, "a"));
  expect(at(tree.root, "a")!.nlink).toBe(2);
});

test("a hard link to nothing is an invalid archive", () => {
  expect(() => build([[{ path: "b", type: "hardlink", link: "a" }]])).toThrow(/hard link to a missing file/);
});

test("a replaced link leaves the other name one link", () => {
  const { tree } = build([
    [
      { path: "a", content: "x" },
      { path: "b", type: "hardlink", link: "a" },
    ],
    [{ path: "a", content: "y" }],
  ]);
  expect(at(tree.root, "b")!.nlink).toBe(1);
  expect(at(tree.root, "a")).not.toBe(at(tree.root, "b"));
});

test("files below a linked directory land in the directory it leads to", () => {
  const { tree } = build([
    [{ path: "usr/lib" }, { path: "lib", type: "symlink", link: "usr/lib" }],
    [{ path: "lib/x.so", content: "elf" }],
  ]);
  expect(at(tree.root, "usr/lib/x.so")).toBeDefined();
  expect(at(tree.root, "lib")!.target).toBe("usr/lib");
});

test("a link cannot lead out of the root", () => {
  const { tree } = build([[{ path: "up", type: "symlink", link: "../../.." }], [{ path: "up/x", content: "1" }]]);
  expect(at(tree.root, "x")).toBeDefined();
});

test("a directory replaces a file and a file a directory", () => {
  const { tree } = build([
    [
      { path: "a/b", content: "1" },
      { path: "c", content: "2" },
    ],
    [
      { path: "a", content: "file now" },
      { path: "c/d", content: "3" },
    ],
  ]);
  expect(at(tree.root, "a")!.children).toBeNull();
  expect(at(tree.root, "c/d")).toBeDefined();
});

test("inode numbers depend on the layers alone", () => {
  const description = [
    [
      { path: "x/y", content: "1" },
      { path: "z", content: "2" },
    ],
  ];
  expect(at(build(description).tree.root, "z")!.ino).toBe(at(build(description).tree.root, "z")!.ino);
});

test("sparse files read zeros in their holes", async () => {
  const { tree, pool } = build([
    [
      {
        path: "s",
        content: "headTAIL",
        type: "file",
        size: 20000,
        sparse: [
          [0, 4],
          [12288, 4],
        ],
      },
    ],
  ]);
  const node = at(tree.root, "s")!;
  const whole = await text(pool, node);
  expect(whole.slice(0, 6)).toBe("head\0\0");
  expect(whole.slice(12288, 12293)).toBe("TAIL\0");
  expect(node.content!.dataBytes).toBe(8);
  expect([0, 1, 2, 3, 4].map((index) => node.content!.isHole(index))).toEqual([false, true, true, false, true]);
});

test("with immediate storage every read is immediate; otherwise requests for one piece are joined", async () => {
  const small = new Uint8Array(100_000).map((_, i) => i % 251);
  const now = build([[{ path: "f", content: small }]]);
  expect(typeof at(now.tree.root, "f")!.content!.page(20)).toBe("number");
  const later = build([[{ path: "f", content: small }]], false);
  const content = at(later.tree.root, "f")!.content!;
  const pages = await Promise.all([content.page(1), content.page(2), content.page(1)]);
  expect(later.source.reads).toBe(1);
  expect(pages[0]).toBe(pages[2]);
  expect(later.pool.bytes(pages[1]!)[5]).toBe((2 * 4096 + 5) % 251);
});

test("a program is read ahead, more at each wait, and nothing of it twice", async () => {
  const pieces = 12;
  const big = new Uint8Array(pieces * limits.packPieceBytes - 600).map((_, i) => i % 251);
  const { tree, source } = build([[{ path: "f", content: big }]], false);
  const content = at(tree.root, "f")!.content!;
  const pagesOf = limits.packPieceBytes / limits.pageBytes;
  const waits: number[] = [];
  // From the middle to the end, then from the beginning.
  for (let piece = 0; piece < pieces; piece++) {
    const index = ((piece + pieces / 2) % pieces) * pagesOf + 1;
    const page = content.page(index);
    if (typeof page !== "number") waits.push(piece);
    expect(await page).toBeGreaterThan(0);
    // What was asked for meanwhile comes before the next.
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  expect(waits).toEqual([0, 2, 5, 10]);
  expect(source.reads).toBe(pieces);
});

test("a failing disk is -EIO, and works again afterwards", async () => {
  const { tree, source } = build([[{ path: "f", content: "x" }]], false);
  source.failing = true;
  expect(await at(tree.root, "f")!.content!.page(0)).toBe(-errno.EIO);
  source.failing = false;
  expect(await at(tree.root, "f")!.content!.page(0)).toBeGreaterThan(0);
});

test("clean pages are given up when the pool is short, but not those someone holds", async () => {
  const pool = new ArrayPagePool(20);
  const big = new Uint8Array(4096 * 64).map((_, i) => (i >> 12) + 1);
  const { tree } = build([[{ path: "f", content: big }]], true, pool);
  const content = at(tree.root, "f")!.content!;
  const held = (await content.page(0)) as number;
  pool.retain(held);
  for (let index = 0; index < 64; index++) {
    const page = content.page(index) as number;
    expect(page).toBeGreaterThan(0);
    expect(pool.bytes(page)[0]).toBe(index + 1);
  }
  expect(pool.pagesInUse).toBeLessThanOrEqual(20);
  expect(content.page(0)).toBe(held);
  expect(pool.bytes(held)[0]).toBe(1);
});

test("a layer of a hundred thousand entries is merged in well under a second", () => {
  const description: TestEntry[] = [];
  for (let d = 0; d < 1000; d++) {
    description.push({ path: `usr/share/d${d}` });
    for (let f = 0; f < 99; f++) description.push({ path: `usr/share/d${d}/file${f}`, content: encodeUtf8("") });
  }
  const { layers, packs } = makeLayers([description]);
  const before = process.cpuUsage();
  const tree = createLayerTree(layers, new TestPacks(packs, true), new ArrayPagePool());
  const { user, system } = process.cpuUsage(before);
  expect(tree.inoMax).toBeGreaterThan(100_000);
  // Processor time: the machine may have other things to do.
  expect((user + system) / 1000).toBeLessThan(1000);
  expect(limits.pageBytes).toBe(4096);
});
