/** What every store must do, run over each of them: memory, IndexedDB (in Node and in a real browser), directory. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { limits } from "../../src/base/limits.ts";
import type { Store } from "../../src/store/types.ts";

export interface StoreFixture {
  /** Opens the fixture's store; a second call opens the same data again, as another worker or process does. */
  open(): Promise<Store>;
  /** Removes the data. */
  destroy(): Promise<void>;
}

const digestA = `sha256:${"a".repeat(64)}`;
const digestB = `sha256:${"b".repeat(64)}`;

/** `persistent` is false for a store whose data ends with its process. */
export function describeStore(name: string, persistent: boolean, createFixture: () => Promise<StoreFixture>): void {
  describe(`store: ${name}`, () => {
    let fixture: StoreFixture;
    let store: Store;

    beforeEach(async () => {
      fixture = await createFixture();
      store = await fixture.open();
    });
    afterEach(async () => {
      await store.close();
      await fixture.destroy();
    });

    const writePack = async (digest: string, parts: readonly Uint8Array[]) => {
      const writer = await store.createPack();
      for (const part of parts) await writer.write(part);
      await writer.commit(digest);
    };

    describe("packs", () => {
      test("appear on commit, whole", async () => {
        const writer = await store.createPack();
        await writer.write(Uint8Array.of(1, 2, 3));
        expect(await store.packSize(digestA)).toBeNull();
        expect(await store.listPacks()).toEqual([]);
        await writer.write(Uint8Array.of(4, 5));
        await writer.commit(digestA);
        expect(await store.packSize(digestA)).toBe(5);
        expect(await store.listPacks()).toEqual([digestA]);
        expect(await store.readPack(digestA, 0, 5)).toEqual(Uint8Array.of(1, 2, 3, 4, 5));
        expect(await store.readPack(digestA, 2, 2)).toEqual(Uint8Array.of(3, 4));
        expect(await store.readPack(digestA, 5, 0)).toEqual(new Uint8Array(0));
      });

      test("read at any offset, across record boundaries", async () => {
        const sizes = [1, 511, 100_000, 700_000, 0, 1_048_576, 1_048_577, 7, 300_000];
        const parts = sizes.map((size, i) => pattern(size, i));
        const whole = new Uint8Array(sizes.reduce((a, b) => a + b));
        let at = 0;
        for (const part of parts) {
          whole.set(part, at);
          at += part.length;
        }
        await writePack(digestA, parts);
        expect(await store.packSize(digestA)).toBe(whole.length);
        const reads: [number, number][] = [
          [0, whole.length],
          [0, 1],
          [whole.length - 1, 1],
          [1_048_575, 2],
          [1_048_576, 1_048_576],
          [262_143, 2],
          [512, 100_000],
          [900_000, 1_500_000],
        ];
        for (const [offset, length] of reads) {
          const expected = whole.subarray(offset, offset + length);
          expect(same(await store.readPack(digestA, offset, length), expected), `${offset}+${length}`).toBe(true);
          if (store.readPackSync)
            expect(same(store.readPackSync(digestA, offset, length), expected), `sync ${offset}+${length}`).toBe(true);
        }
      });

      test("many small reads at once agree", async () => {
        const bytes = pattern(2_000_000, 3);
        await writePack(digestA, [bytes]);
        const offsets = Array.from({ length: 200 }, (_, i) => (i * 9973 * 31) % (bytes.length - 5000));
        const results = await Promise.all(offsets.map((offset) => store.readPack(digestA, offset, 4096)));
        results.forEach((result, i) =>
          expect(same(result, bytes.subarray(offsets[i]!, offsets[i]! + 4096)), `at ${offsets[i]}`).toBe(true),
        );
      });

      test("a caller may reuse its buffer after write resolves", async () => {
        const writer = await store.createPack();
        const buffer = Uint8Array.of(1, 2);
        await writer.write(buffer);
        buffer.fill(9);
        await writer.write(buffer);
        await writer.commit(digestA);
        expect(await store.readPack(digestA, 0, 4)).toEqual(Uint8Array.of(1, 2, 9, 9));
      });

      test("an empty pack is a pack", async () => {
        await writePack(digestA, []);
        expect(await store.packSize(digestA)).toBe(0);
        expect(await store.readPack(digestA, 0, 0)).toEqual(new Uint8Array(0));
      });

      test("reading past the end or a missing pack is an error", async () => {
        await writePack(digestA, [Uint8Array.of(1, 2, 3)]);
        await expect(store.readPack(digestA, 2, 2)).rejects.toThrow("outside pack");
        await expect(store.readPack(digestA, -1, 2)).rejects.toThrow("outside pack");
        await expect(store.readPack(digestB, 0, 1)).rejects.toThrow("no such pack");
        if (store.readPackSync) expect(() => store.readPackSync!(digestB, 0, 1)).toThrow("no such pack");
      });

      test("abort drops everything, twice is harmless, and nothing can follow", async () => {
        const writer = await store.createPack();
        await writer.write(pattern(3_000_000, 1));
        await writer.abort();
        await writer.abort();
        expect(await store.listPacks()).toEqual([]);
        await expect(writer.write(Uint8Array.of(1))).rejects.toThrow("already");
        await expect(writer.commit(digestA)).rejects.toThrow("already");
      });

      test("committing a digest that exists keeps one copy", async () => {
        await writePack(digestA, [pattern(1000, 1)]);
        await writePack(digestA, [pattern(1000, 1)]);
        expect(await store.listPacks()).toEqual([digestA]);
        expect(same(await store.readPack(digestA, 0, 1000), pattern(1000, 1))).toBe(true);
      });

      test("two writers at once do not mix", async () => {
        const one = await store.createPack();
        const two = await store.createPack();
        for (let i = 0; i < 20; i++)
          await Promise.all([one.write(new Uint8Array(70_000).fill(1)), two.write(new Uint8Array(70_000).fill(2))]);
        await Promise.all([one.commit(digestA), two.commit(digestB)]);
        expect(same(await store.readPack(digestA, 0, 1_400_000), new Uint8Array(1_400_000).fill(1))).toBe(true);
        expect(same(await store.readPack(digestB, 0, 1_400_000), new Uint8Array(1_400_000).fill(2))).toBe(true);
      });

      test("delete removes the pack; deleting a missing one is harmless", async () => {
        await writePack(digestA, [pattern(2_000_000, 1)]);
        await store.deletePack(digestA);
        await store.deletePack(digestA);
        expect(await store.packSize(digestA)).toBeNull();
        expect(await store.listPacks()).toEqual([]);
        await writePack(digestA, [Uint8Array.of(7)]);
        expect(await store.readPack(digestA, 0, 1)).toEqual(Uint8Array.of(7));
      });
    });

    describe("documents", () => {
      test("come back equal, whatever plain data they are", async () => {
        const value = {
          text: "ä\u0000\udc80 $bytes",
          number: 1.5,
          none: null,
          yes: true,
          list: [1, "two", { three: 3 }],
          bytes: Uint8Array.of(0, 255, 128),
          bigint: 123456789012345678901234567890n,
          missing: undefined,
          $bytes: "not bytes",
          nested: { $bytes: "bm8=", $escape: { $bigint: "1" } },
          __proto: "x",
        };
        await store.putDocument("image", "k", value);
        expect(await store.getDocument("image", "k")).toEqual(value);
      });

      test("bytes alone are a document", async () => {
        const bytes = pattern(100_000, 5);
        await store.putDocument("blob", "k", bytes);
        const back = await store.getDocument("blob", "k");
        expect(back).toBeInstanceOf(Uint8Array);
        expect(same(back as Uint8Array, bytes)).toBe(true);
      });

      test("a missing document is undefined, and kinds are apart", async () => {
        await store.putDocument("image", "k", 1);
        expect(await store.getDocument("image", "other")).toBeUndefined();
        expect(await store.getDocument("reference", "k")).toBeUndefined();
        expect(await store.listDocuments("reference")).toEqual([]);
      });

      test("any key is allowed and listed as given, sorted", async () => {
        const keys = [
          "docker.io/library/debian:12",
          "sha256:00",
          "..",
          ".",
          "a/../b",
          "A",
          "a",
          "ü%2F",
          "x".repeat(300),
          "con",
          "",
        ];
        for (const key of keys) await store.putDocument("reference", key, { key });
        expect(await store.listDocuments("reference")).toEqual(keys.toSorted());
        for (const key of keys) expect(await store.getDocument("reference", key)).toEqual({ key });
      });

      test("put replaces, delete removes, deleting a missing one is harmless", async () => {
        await store.putDocument("image", "k", 1);
        await store.putDocument("image", "k", 2);
        expect(await store.getDocument("image", "k")).toBe(2);
        await store.deleteDocument("image", "k");
        await store.deleteDocument("image", "k");
        expect(await store.getDocument("image", "k")).toBeUndefined();
        expect(await store.listDocuments("image")).toEqual([]);
      });

      test("stored values are copies", async () => {
        const value = { list: [1] };
        await store.putDocument("image", "k", value);
        value.list.push(2);
        const back = (await store.getDocument("image", "k")) as { list: number[] };
        expect(back).toEqual({ list: [1] });
        back.list.push(3);
        expect(await store.getDocument("image", "k")).toEqual({ list: [1] });
      });

      test("a transaction puts and deletes together", async () => {
        await store.putDocument("image", "old", 1);
        await store.transact([
          { kind: "image", key: "old", value: undefined },
          { kind: "image", key: "new", value: { a: 1 } },
          { kind: "reference", key: "r", value: "new" },
        ]);
        expect(await store.listDocuments("image")).toEqual(["new"]);
        expect(await store.getDocument("reference", "r")).toBe("new");
      });

      test("a transaction with a value that cannot be stored changes nothing", async () => {
        await store.putDocument("image", "a", 1);
        await expect(
          store.transact([
            { kind: "image", key: "a", value: 2 },
            { kind: "image", key: "b", value: () => 1 },
          ]),
        ).rejects.toThrow();
        expect(await store.getDocument("image", "a")).toBe(1);
        expect(await store.listDocuments("image")).toEqual(["a"]);
      });
    });

    describe("journals", () => {
      test("read back what was appended, in order", async () => {
        expect(await readAll(store, "c1")).toEqual([]);
        await store.appendJournal("c1", Uint8Array.of(1));
        await store.appendJournal("c1", new Uint8Array(0));
        await store.appendJournal("c1", Uint8Array.of(2, 3));
        await store.appendJournal("c2", Uint8Array.of(9));
        expect(await readAll(store, "c1")).toEqual([Uint8Array.of(1), new Uint8Array(0), Uint8Array.of(2, 3)]);
        expect(await readAll(store, "c2")).toEqual([Uint8Array.of(9)]);
      });

      test("appends made without waiting keep their order", async () => {
        await Promise.all(Array.from({ length: 200 }, (_, i) => store.appendJournal("c", Uint8Array.of(i))));
        expect((await readAll(store, "c")).map((record) => record[0])).toEqual(
          Array.from({ length: 200 }, (_, i) => i),
        );
      });

      test("a record may be large", async () => {
        await store.appendJournal("c", pattern(3_000_000, 1));
        await store.appendJournal("c", Uint8Array.of(5));
        const [large, small] = await readAll(store, "c");
        expect(same(large!, pattern(3_000_000, 1))).toBe(true);
        expect(small).toEqual(Uint8Array.of(5));
      });

      test("replace leaves only the new records, and appends go on after them", async () => {
        for (let i = 0; i < 10; i++) await store.appendJournal("c", Uint8Array.of(i));
        await store.replaceJournal("c", [Uint8Array.of(77), Uint8Array.of(78)]);
        await store.appendJournal("c", Uint8Array.of(79));
        expect(await readAll(store, "c")).toEqual([Uint8Array.of(77), Uint8Array.of(78), Uint8Array.of(79)]);
      });

      test("delete empties; deleting a missing one is harmless", async () => {
        await store.appendJournal("c", Uint8Array.of(1));
        await store.deleteJournal("c");
        await store.deleteJournal("c");
        expect(await readAll(store, "c")).toEqual([]);
        await store.appendJournal("c", Uint8Array.of(2));
        expect(await readAll(store, "c")).toEqual([Uint8Array.of(2)]);
      });
    });

    describe("the cache", () => {
      test("gives back what was written, with its label", async () => {
        expect(await store.listCache()).toEqual([]);
        expect(await store.readCache("a")).toBeNull();
        await store.writeCache("x/A", pattern(300_000, 1), Uint8Array.of(1, 2));
        await store.writeCache("x/b", new Uint8Array(0), new Uint8Array(0));
        await store.writeCache("x/b", Uint8Array.of(5), Uint8Array.of(6));
        expect(same((await store.readCache("x/A"))!, pattern(300_000, 1))).toBe(true);
        expect(await store.readCache("x/b")).toEqual(Uint8Array.of(5));
        const list = (await store.listCache()).toSorted((a, b) => a.sizeBytes - b.sizeBytes);
        expect(list).toMatchObject([
          { key: "x/b", sizeBytes: 1, label: Uint8Array.of(6) },
          { key: "x/A", sizeBytes: 300_000, label: Uint8Array.of(1, 2) },
        ]);
        for (const { usedMs } of list) expect(Math.abs(usedMs - Date.now())).toBeLessThan(60_000);
        await store.deleteCache("x/b");
        await store.deleteCache("x/b");
        expect(await store.readCache("x/b")).toBeNull();
        expect((await store.listCache()).map(({ key }) => key)).toEqual(["x/A"]);
      });

      test("keeps to its size: what was written first goes first", async () => {
        const entry = new Uint8Array(limits.cacheEntryBytesMax);
        const most = Math.floor(limits.cacheBytesMax / limits.cacheEntryBytesMax);
        for (let i = 0; i <= most; i++) {
          await store.writeCache(`${i}`, entry, new Uint8Array(0));
          // The order of last use is told in milliseconds.
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
        const keys = (await store.listCache()).map(({ key }) => Number(key)).toSorted((a, b) => a - b);
        expect(keys).toEqual(Array.from({ length: most }, (_, i) => i + 1));
        expect(await store.readCache("0")).toBeNull();
        const larger = new Uint8Array(limits.cacheEntryBytesMax + 1);
        await expect(store.writeCache("larger", larger, new Uint8Array(0))).rejects.toThrow("too large");
      });
    });

    test("usage counts what is kept", async () => {
      const before = await store.usage();
      await writePack(digestA, [pattern(2_000_000, 1)]);
      const after = await store.usage();
      expect(after.usedBytes).toBeGreaterThanOrEqual(before.usedBytes);
    });

    if (!persistent) return;

    test("everything committed is there when the store is opened again, and nothing else", async () => {
      await writePack(digestA, [pattern(2_500_000, 1)]);
      await store.putDocument("image", "k", { bytes: Uint8Array.of(1) });
      await store.appendJournal("c", Uint8Array.of(1));
      await store.writeCache("c", Uint8Array.of(3), Uint8Array.of(4));
      const unfinished = await store.createPack();
      await unfinished.write(pattern(2_500_000, 2));
      await store.close();
      store = await fixture.open();
      expect(await store.listPacks()).toEqual([digestA]);
      expect(same(await store.readPack(digestA, 0, 2_500_000), pattern(2_500_000, 1))).toBe(true);
      expect(await store.getDocument("image", "k")).toEqual({ bytes: Uint8Array.of(1) });
      expect(await store.readCache("c")).toEqual(Uint8Array.of(3));
      await store.appendJournal("c", Uint8Array.of(2));
      expect(await readAll(store, "c")).toEqual([Uint8Array.of(1), Uint8Array.of(2)]);
    });

    test("two open handles see each other's committed data", async () => {
      const other = await fixture.open();
      try {
        await writePack(digestA, [Uint8Array.of(1)]);
        await store.putDocument("image", "k", 1);
        expect(await other.readPack(digestA, 0, 1)).toEqual(Uint8Array.of(1));
        expect(await other.getDocument("image", "k")).toBe(1);
        await store.appendJournal("c", Uint8Array.of(1));
        await other.appendJournal("c", Uint8Array.of(2));
        await store.appendJournal("c", Uint8Array.of(3));
        expect(await readAll(other, "c")).toEqual([Uint8Array.of(1), Uint8Array.of(2), Uint8Array.of(3)]);
      } finally {
        await other.close();
      }
    });
  });
}

async function readAll(store: Store, journal: string): Promise<Uint8Array[]> {
  const records: Uint8Array[] = [];
  for await (const record of store.readJournal(journal)) records.push(record);
  return records;
}

/** Bytes that differ from place to place, so that a piece read from elsewhere shows. */
function pattern(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = seed + 1;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    bytes[i] = state >>> 16;
  }
  return bytes;
}

/** Far quicker than `toEqual` on millions of bytes. */
function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
