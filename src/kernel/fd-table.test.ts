import { expect, test } from "vitest";
import { errno } from "../abi/errno.ts";
import type { OpenFile } from "../vfs/types.ts";
import { FdTable } from "./fd-table.ts";

function file() {
  let references = 1;
  return {
    retain: () => void references++,
    release: () => void references--,
    get references() {
      return references;
    },
  } as unknown as OpenFile & { readonly references: number };
}

test("the lowest free number is taken, from the minimum on, below the limit", () => {
  const table = new FdTable();
  expect([0, 1, 2].map(() => table.allocate(file(), false, 8))).toEqual([0, 1, 2]);
  table.close(1);
  expect(table.allocate(file(), false, 8, 2)).toBe(3);
  expect(table.allocate(file(), false, 8)).toBe(1);
  expect(table.allocate(file(), false, 8)).toBe(4);
  expect(table.allocate(file(), false, 5)).toBe(-errno.EMFILE);
  expect(table.close(77)).toBe(-errno.EBADF);
  expect([...table].map(([fd]) => fd)).toEqual([0, 1, 2, 3, 4]);
});

test("copies share files, and closing on exec closes only what asked for it", () => {
  const table = new FdTable();
  const [kept, closed] = [file(), file()];
  table.allocate(kept, false, 8);
  table.allocate(closed, true, 8);
  const copy = table.copy();
  expect(kept.references).toBe(2);
  copy.closeAllOnExec();
  expect(copy.get(0)).toBe(kept);
  expect(copy.get(1)).toBeNull();
  expect(table.get(1)).toBe(closed);
  copy.release();
  expect([kept.references, closed.references]).toEqual([1, 1]);
});

test("a shared table closes its files with its last user", () => {
  const table = new FdTable();
  const only = file();
  table.allocate(only, false, 8);
  table.retain();
  table.release();
  expect(only.references).toBe(1);
  table.release();
  expect(only.references).toBe(0);
});

test("dup2 onto an open number closes what was there", () => {
  const table = new FdTable();
  const [first, second] = [file(), file()];
  table.set(5, first, false);
  table.set(5, second, true);
  expect(first.references).toBe(0);
  expect(table.closesOnExec(5)).toBe(true);
  expect(table.end).toBe(6);
});
