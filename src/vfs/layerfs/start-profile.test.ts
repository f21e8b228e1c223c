import { expect, test } from "vitest";
import { limits } from "../../base/limits.ts";
import { StartProfile } from "./start-profile.ts";

const piece = limits.packPieceBytes;
const packs = [
  { digest: "a", bytes: 3 * piece },
  { digest: "b", bytes: piece + 10 },
];

function source() {
  const reads: string[] = [];
  return {
    reads,
    readPackSync: null,
    readPack: async (digest: string, offset: number, length: number) => {
      reads.push(`${digest} ${offset / piece} ${length}`);
      return new Uint8Array(length);
    },
  };
}

test("the next run reads ahead what this one read", async () => {
  const first = new StartProfile(source(), packs);
  await first.readPack("b", piece, 10);
  await first.readPack("a", 2 * piece, piece);
  expect(first.isNews).toBe(true);
  const store = source();
  const second = new StartProfile(store, packs);
  second.replay(first.encode());
  expect(store.reads).toEqual(["b 1 10", `a 2 ${piece}`]);
  expect(await second.readPack("b", piece, 10)).toHaveLength(10);
  expect(await second.readPack("a", 2 * piece, piece)).toHaveLength(piece);
  expect(store.reads).toHaveLength(2);
  expect(second.isNews).toBe(false);
  expect(second.encode()).toEqual(first.encode());
});

test("a profile of other layers does no harm", async () => {
  const store = source();
  const profile = new StartProfile(store, packs);
  profile.replay(new Uint8Array(new Uint32Array([7, 0, 1, 5, 0xffffffff, 0xffffffff, 0, 0]).buffer));
  profile.replay(new Uint8Array(3));
  expect(store.reads).toEqual([`a 0 ${piece}`]);
});

test("what was read ahead in vain is forgotten, and failures come from the read in earnest", async () => {
  const failing = new StartProfile({ readPackSync: null, readPack: () => Promise.reject(new Error("gone")) }, packs);
  failing.replay(new Uint8Array(8));
  await expect(failing.readPack("a", 0, piece)).rejects.toThrow("gone");
  const store = source();
  const profile = new StartProfile(store, packs);
  profile.replay(new Uint8Array(8));
  profile.forget();
  await profile.readPack("a", 0, piece);
  expect(store.reads).toHaveLength(2);
});
