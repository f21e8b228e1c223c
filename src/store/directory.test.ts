import { spawnSync } from "node:child_process";
import { appendFile, mkdtemp, mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { describeStore } from "../../test/conformance/store.ts";
import { DirectoryStore } from "./directory.ts";

describeStore("directory", true, async () => {
  const path = await mkdtemp(join(tmpdir(), "wherry-store-"));
  return { open: () => DirectoryStore.open(path), destroy: () => rm(path, { recursive: true }) };
});

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "wherry-store-"));
});
afterEach(() => rm(root, { recursive: true }));

/** The number of a process that is certainly dead. */
function deadPid(): number {
  return spawnSync("true").pid;
}

test("what a dead process was writing is removed at the next open, what a living one writes is not", async () => {
  const store = await DirectoryStore.open(root);
  await writeFile(join(root, "temporary", `${deadPid()}-00`), "half");
  const writer = await store.createPack();
  await writer.write(Uint8Array.of(1));
  const other = await DirectoryStore.open(root);
  expect(await readdir(join(root, "temporary"))).toHaveLength(1);
  await writer.commit(`sha256:${"a".repeat(64)}`);
  expect(await readdir(join(root, "temporary"))).toEqual([]);
  await store.close();
  await other.close();
});

test("a transaction whose process died half-way is completed", async () => {
  await (await DirectoryStore.open(root)).close();
  await mkdir(join(root, "documents", "image"));
  const changes = [{ kind: "image", key: "k", text: JSON.stringify({ key: "k", value: 7 }) }];
  await writeFile(join(root, "transactions", `${deadPid()}-00`), JSON.stringify(changes));
  const store = await DirectoryStore.open(root);
  expect(await store.getDocument("image", "k")).toBe(7);
  expect(await readdir(join(root, "transactions"))).toEqual([]);
  await store.close();
});

test("a dead process's lock does not stop a transaction", async () => {
  const store = await DirectoryStore.open(root);
  await writeFile(join(root, "lock"), String(deadPid()));
  await store.transact([
    { kind: "image", key: "a", value: 1 },
    { kind: "image", key: "b", value: 2 },
  ]);
  expect(await store.listDocuments("image")).toEqual(["a", "b"]);
  expect(await readdir(root)).not.toContain("lock");
  await store.close();
});

test("many transactions at once, through two handles, all happen", async () => {
  const one = await DirectoryStore.open(root);
  const two = await DirectoryStore.open(root);
  await Promise.all(
    Array.from({ length: 20 }, (_, i) =>
      (i % 2 ? one : two).transact([
        { kind: "image", key: `${i}`, value: i },
        { kind: "reference", key: `${i}`, value: i },
      ]),
    ),
  );
  expect(await one.listDocuments("image")).toHaveLength(20);
  expect(await two.listDocuments("reference")).toHaveLength(20);
  await one.close();
  await two.close();
});

test("a torn journal record hides neither what is before it nor what comes after", async () => {
  const before = await DirectoryStore.open(root);
  await before.appendJournal("c", Uint8Array.of(1));
  await before.close();
  await appendFile(join(root, "journals", "c"), Uint8Array.of(100, 0, 0, 0, 1, 2, 3, 4, 5));
  const store = await DirectoryStore.open(root);
  const read = async () => {
    const records: Uint8Array[] = [];
    for await (const record of store.readJournal("c")) records.push(record);
    return records;
  };
  expect(await read()).toEqual([Uint8Array.of(1)]);
  await store.appendJournal("c", Uint8Array.of(2));
  expect(await read()).toEqual([Uint8Array.of(1), Uint8Array.of(2)]);
  await store.close();
});

test("a digest that is no digest never becomes a file name", async () => {
  const store = await DirectoryStore.open(root);
  const writer = await store.createPack();
  await expect(writer.commit("sha256:../../../x")).rejects.toThrow("not a digest");
  await writer.abort();
  expect(await readdir(join(root, "temporary"))).toEqual([]);
  await store.close();
});
