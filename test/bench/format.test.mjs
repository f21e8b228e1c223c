import { expect, test } from "vitest";
import { markdownTable, number, summary, textTable } from "./format.mjs";
import { atLeast, atMost, missFactor, verdict } from "./goals.mjs";

const table = {
  title: "kernels: times native",
  notes: ["settled"],
  columns: [
    { key: "native", head: "native ms" },
    { key: "chromium", head: "chromium" },
  ],
  rows: [
    {
      name: "hash",
      cells: { native: 101.23, chromium: 2.5 },
      goals: [atMost(2.5, 5, "×"), atMost(2.5, 2, "×", "qemu")],
    },
    { name: "vector", cells: { native: 99.96, chromium: null }, goals: [atMost(null, 5, "×")] },
  ],
};

test("numbers have three figures", () => {
  expect([1234.5, 99.96, 12.34, 1.234, 0.1234, 0.01234, 5, 0, null, undefined].map(number)).toEqual([
    "1235",
    "100",
    "12.3",
    "1.23",
    "0.12",
    "0.012",
    "5",
    "0",
    "–",
    "–",
  ]);
});

test("a goal is reached, missed by a factor, or was not measured", () => {
  expect(verdict(atMost(5, 5, "×"))).toBe("≤ 5 ×: reached");
  expect(verdict(atMost(7.5, 5, "×", "qemu"))).toBe("qemu ≤ 5 ×: missed by a factor of 1.50");
  expect(verdict(atLeast(250, 500, "million/s"))).toBe("≥ 500 million/s: missed by a factor of 2.00");
  expect(verdict(atLeast(600, 500, "million/s"))).toBe("≥ 500 million/s: reached");
  expect(verdict(atMost(null, 5, "ms"))).toBe("≤ 5 ms: not measured");
  expect(verdict(atMost(3, null, "×", "qemu"))).toBe("qemu ≤ ? ×: not measured");
  expect(missFactor(atMost(3, null, "×"))).toBe(null);
});

test("what is missed by a hair does not read as reached", () => {
  expect(verdict(atMost(5.001, 5, "×"))).toBe("≤ 5 ×: missed by a factor of 1.01");
});

test("a table as text", () => {
  expect(textTable(table)).toBe(
    [
      "kernels: times native",
      "  (settled)",
      "        native ms  chromium  target",
      "hash          101      2.50  ≤ 5 ×: reached; qemu ≤ 2 ×: missed by a factor of 1.25",
      "vector        100         –  ≤ 5 ×: not measured",
    ].join("\n"),
  );
});

test("a table without goals has no column for them", () => {
  const rows = [{ name: "a", cells: { native: 1 }, goals: [] }];
  expect(textTable({ ...table, rows, notes: [] })).toBe(
    "kernels: times native\n   native ms  chromium\na          1         –",
  );
});

test("a table as Markdown", () => {
  expect(markdownTable(table).split("\n")).toEqual([
    "## kernels: times native",
    "",
    "settled",
    "",
    "|  | native ms | chromium | target |",
    "| --- | ---: | ---: | --- |",
    "| hash | 101 | 2.50 | ≤ 5 ×: reached; qemu ≤ 2 ×: missed by a factor of 1.25 |",
    "| vector | 100 | – | ≤ 5 ×: not measured |",
  ]);
});

test("the summary counts the goals and names the missed ones", () => {
  expect(summary([table])).toEqual([
    "1 of 3 targets reached, 1 missed, 1 not measured",
    "  kernels: hash: qemu ≤ 2 ×: missed by a factor of 1.25",
  ]);
});
