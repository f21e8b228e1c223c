import { expect, test } from "vitest";
import { inUnit } from "./groups/system.mjs";
import { meanRow } from "./groups/kernels.mjs";
import { checked, nanoseconds, within } from "./places/common.mjs";
import { figure, interleave, ratio } from "./rounds.mjs";

const places = [{ name: "native" }, { name: "node" }];

test("places take turns, and one that fails is said once and left out", async () => {
  const turns = [];
  const said = [];
  const say = (line) => said.push(line);
  const results = await interleave({ places, rounds: 3, say, label: "hash" }, async ({ name }, round) => {
    turns.push(`${name} ${round}`);
    if (name === "node" && round === 1) throw new Error("it broke\n    at here");
    return { ms: (name === "node" ? 30 : 10) + round };
  });
  expect(turns).toEqual(["native 0", "node 0", "native 1", "node 1", "native 2"]);
  expect(said).toEqual(["hash: node: it broke"]);
  expect(results.get("node")).toEqual([{ ms: 30 }, null, null]);
  expect(figure(results, "native", "ms")).toBe(11);
  expect(figure(results, "chromium", "ms")).toBe(null);
  expect(ratio(results, "node", "ms", "native", "ms")).toBe(3);
  expect(ratio(results, "node", "ms", "chromium", "ms")).toBe(null);
});

test("a mean is of all rows or of none", () => {
  const columns = [{ key: "native" }, { key: "node" }, { key: "qemu" }];
  const rows = [
    { name: "a", cells: { native: 5, node: 2, qemu: 3 } },
    { name: "b", cells: { native: 7, node: 8, qemu: null } },
  ];
  const row = meanRow({ columns, rows }, () => []);
  expect(Object.keys(row.cells)).toEqual(["node"]);
  expect(row.cells.node).toBeCloseTo(4);
});

test("what takes too long is ended, and says so", async () => {
  expect(await within(Promise.resolve(1), 1000, () => expect.unreachable())).toBe(1);
  let ended = false;
  const never = within(new Promise(() => {}), 10, () => (ended = true));
  await expect(never).rejects.toThrow("no end after 0.01 s");
  expect(ended).toBe(true);
});

test("what fails because it was ended has to wait until the end is through", async () => {
  let fail;
  let through = false;
  const end = async () => {
    fail(new Error("closed"));
    await new Promise((resolve) => setTimeout(resolve, 20));
    through = true;
  };
  await expect(within(new Promise((_, reject) => (fail = reject)), 10, end)).rejects.toThrow("no end after");
  expect(through).toBe(true);
});

test("a run has to succeed, and print times", () => {
  const failed = { exitCode: 1, stderr: "sort: no such file\nmore" };
  expect(() => checked(["sort"], failed)).toThrow("sort ended with 1: sort: no such file");
  expect(checked(["sort"], { exitCode: 0, stderr: "" })).toEqual({ exitCode: 0, stderr: "" });
  expect(nanoseconds("120 7\n110 7\n")).toEqual([120, 110]);
  expect(() => nanoseconds("")).toThrow("unexpected output");
  expect(() => nanoseconds("abc\n")).toThrow("unexpected output");
});

test("figures of the system have the unit of their target", () => {
  expect(inUnit({ unit: "µs", count: 1000 }, 1_500_000)).toBe(1.5);
  expect(inUnit({ unit: "ms", count: 10 }, 50_000_000)).toBe(5);
  expect(inUnit({ unit: "MB/s", count: 100 }, 524_288_000)).toBeCloseTo(200);
});
