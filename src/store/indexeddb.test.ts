import "fake-indexeddb/auto";
import { afterEach, expect, test, vi } from "vitest";
import { describeStore } from "../../test/conformance/store.ts";
import { limits } from "../base/limits.ts";
import { IndexedDbStore } from "./indexeddb.ts";

let databases = 0;

function remove(name: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.deleteDatabase(name);
    request.addEventListener("success", () => resolve());
    request.addEventListener("error", () => reject(request.error));
  });
}

describeStore("indexeddb", true, async () => {
  const name = `store-${databases++}`;
  return { open: () => IndexedDbStore.open(name), destroy: () => remove(name) };
});

afterEach(() => {
  vi.restoreAllMocks();
});

async function countRecords(name: string): Promise<number> {
  const request = indexedDB.open(name);
  await new Promise((resolve) => request.addEventListener("success", resolve));
  const count = request.result.transaction("records").objectStore("records").count();
  await new Promise((resolve) => count.addEventListener("success", resolve));
  request.result.close();
  return count.result;
}

test("records of a writer that died are removed once its lease is over, and not before", async () => {
  const name = `store-${databases++}`;
  const dead = await IndexedDbStore.open(name);
  const writer = await dead.createPack();
  await writer.write(new Uint8Array(2 * limits.packRecordBytes));
  await (await IndexedDbStore.open(name)).close();
  expect(await countRecords(name)).toBe(2);

  const now = Date.now();
  vi.spyOn(Date, "now").mockReturnValue(now + limits.packLeaseMs + 1);
  const store = await IndexedDbStore.open(name);
  expect(await countRecords(name)).toBe(0);

  await expect(writer.commit(`sha256:${"a".repeat(64)}`)).rejects.toThrow("load it again");
  expect(await store.listPacks()).toEqual([]);
  await store.close();
  await dead.close();
  await remove(name);
});

test("a full disk is one clear error, and the aborted pack leaves no record", async () => {
  const name = `store-${databases++}`;
  const store = await IndexedDbStore.open(name);
  const writer = await store.createPack();
  await writer.write(new Uint8Array(limits.packRecordBytes));
  const full = vi.spyOn(IDBObjectStore.prototype, "put").mockImplementation(() => {
    throw new DOMException("full", "QuotaExceededError");
  });
  const writes = async () => {
    for (let i = 0; i < 10; i++) await writer.write(new Uint8Array(limits.packRecordBytes));
    await writer.commit(`sha256:${"a".repeat(64)}`);
  };
  await expect(writes()).rejects.toMatchObject({ code: "storage-full" });
  full.mockRestore();
  await writer.abort();
  expect(await countRecords(name)).toBe(0);
  await store.close();
  await remove(name);
});

test("a worker that read a pack before another removed it gets a clear error", async () => {
  const name = `store-${databases++}`;
  const digest = `sha256:${"a".repeat(64)}`;
  const one = await IndexedDbStore.open(name);
  const two = await IndexedDbStore.open(name);
  const writer = await one.createPack();
  await writer.write(new Uint8Array(2 * limits.packRecordBytes));
  await writer.commit(digest);
  await two.readPack(digest, 0, 1);
  await one.deletePack(digest);
  await expect(two.readPack(digest, limits.packRecordBytes, 1)).rejects.toThrow("no such pack");
  expect(await two.packSize(digest)).toBeNull();
  await one.close();
  await two.close();
  await remove(name);
});
