import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { recorded } from "./history.mjs";

const text = readFileSync(new URL("./history.md", import.meta.url), "utf8");

const run = {
  commit: "abc1234-dirty",
  date: "2026-02-03T04:05:06Z",
  loadBefore: "0.5",
  places: [{ name: "native" }, { name: "qemu" }, { name: "chromium" }],
  tables: [
    {
      group: "loops",
      rows: [
        {
          name: "bash",
          cells: {
            native: 100,
            qemu: 9.5,
            chromium: 7,
            "chromium second": 4,
            "chromium settled": 3,
            "chromium page": 6,
          },
        },
        { name: "geometric mean", cells: { qemu: 9.5, chromium: 7, "chromium second": 4 } },
      ],
    },
    { group: "system", rows: [{ name: "read µs", cells: { native: 0.1, chromium: 1.5 } }] },
  ],
};

/** What was added, by the heading above it. */
function added(after) {
  const old = new Set(text.split("\n"));
  const found = {};
  let heading = "";
  for (const line of after.split("\n")) {
    if (line.startsWith("## ")) heading = line.slice(3);
    else if (!old.has(line)) (found[heading] ??= []).push(line);
  }
  return found;
}

test("each place has a row below each heading of which something was measured", () => {
  expect(added(recorded(text, run))).toEqual({
    Loops: [
      "| 2026-02-03 | abc1234-dirty | qemu | 0.5 | 9.50 | – | – | – | – | – | – | 9.50 |",
      "| 2026-02-03 | abc1234-dirty | chromium | 0.5 | 7 / 4 / 3 / 6 | – | – | – | – | – | – | 7 / 4 |",
    ],
    "Other figures": ["| 2026-02-03 | abc1234-dirty | chromium | 0.5 | – | – | 1.50 | – | – | – | – | – | – | – |"],
  });
});

test("rows have as many cells as the table's head, and stand at the table's end", () => {
  const lines = recorded(text, run).split("\n");
  const row = lines.findIndex((line) => line.includes("abc1234"));
  let head = row;
  while (lines[head - 1].startsWith("|")) head--;
  expect(lines[row].split("|").length).toBe(lines[head].split("|").length);
  expect(lines[row + 2]).toBe("");
  const other = lines.findLastIndex((line) => line.includes("abc1234"));
  let otherHead = other;
  while (lines[otherHead - 1].startsWith("|")) otherHead--;
  expect(lines[other].split("|").length).toBe(lines[otherHead].split("|").length);
});

test("a history without the headings is not guessed at", () => {
  expect(() => recorded("# Something else\n", run)).toThrow('no heading "Loops"');
});
