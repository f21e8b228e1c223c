// test/bench/history.md: a row for each place and commit, below the headings that name what was measured.
import { number } from "./format.mjs";
import { groups } from "./rows.mjs";

/** The cell of a row of a group's table: of the row named so, or whose name begins so ("getppid µs"). */
function cell(run, group, rowName, key) {
  const rows = run.tables.find((table) => table.group === group)?.rows ?? [];
  const row = rows.find(({ name }) => name === rowName) ?? rows.find(({ name }) => name.startsWith(rowName));
  return row?.cells[key] ?? null;
}

const mean = "geometric mean";

/** Headings, and the cells of a place below each, in the order of the columns. */
const sections = {
  Kernels: (run, place) => [...groups.kernels, mean].map((name) => number(cell(run, "kernels", name, place))),
  Loops: (run, place) =>
    [...groups.loops, mean].map((name) => {
      const later = ["second", "settled", "page"].map((stage) => cell(run, "loops", name, `${place} ${stage}`));
      const measured = [cell(run, "loops", name, place), ...later.filter((figure) => figure !== null)];
      return measured.map(number).join(" / ");
    }),
  "Other figures": (run, place) => [
    number(cell(run, "interpreter", mean, place)),
    ...groups.system.map((name) => number(cell(run, "system", name, place))),
    ...["busybox true", "bash", "python3"].map((name) => number(cell(run, "start", name, place))),
    number(place === "chromium" ? cell(run, "start", "python3", "cold") : null),
    number(cell(run, "memory", "highest, above an empty page", place)),
  ],
};

/** The history with the run's rows added; a place of which nothing was measured has none. */
export function recorded(text, run) {
  let result = text;
  for (const [heading, cells] of Object.entries(sections)) {
    const rows = [];
    for (const { name } of run.places) {
      const figures = cells(run, name);
      if (name === "native" || figures.every((figure) => figure === "–")) continue;
      rows.push(`| ${[run.date.slice(0, 10), run.commit, name, run.loadBefore, ...figures].join(" | ")} |`);
    }
    result = withRows(result, heading, rows);
  }
  return result;
}

/** Appends rows to the table below a heading. */
function withRows(text, heading, rows) {
  if (rows.length === 0) return text;
  const lines = text.split("\n");
  const start = lines.indexOf(`## ${heading}`);
  if (start < 0) throw new Error(`test/bench/history.md has no heading "${heading}"`);
  let last = start;
  for (let i = start + 1; i < lines.length && !lines[i].startsWith("## "); i++) if (lines[i].startsWith("|")) last = i;
  return lines.toSpliced(last + 1, 0, ...rows).join("\n");
}
