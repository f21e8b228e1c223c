// Tables as text for a terminal, or as Markdown. A table is plain data:
//
//   { title, notes: ["…"], columns: [{ key, head }], rows: [{ name, cells: { key: number | null }, goals: [] }] }
import { missFactor, verdict } from "./goals.mjs";

/** Three figures are as many as these measurements are worth. */
export function number(value) {
  if (value === null || value === undefined) return "–";
  const size = Math.abs(value);
  if (size >= 100) return value.toFixed(0);
  const text = value.toFixed(size >= 10 ? 1 : size >= 0.1 || size === 0 ? 2 : 3);
  return text.replace(/\.0+$/, "");
}

/** Head and rows as words; a row that has goals ends with them. */
function words({ columns, rows }) {
  const goals = rows.some((row) => row.goals.length > 0);
  const head = ["", ...columns.map((column) => column.head), ...(goals ? ["target"] : [])];
  const body = rows.map((row) => [
    row.name,
    ...columns.map(({ key }) => number(row.cells[key])),
    ...(goals ? [row.goals.map(verdict).join("; ")] : []),
  ]);
  return { head, body, goals };
}

export function textTable(table) {
  const { head, body, goals } = words(table);
  const widths = head.map((_, i) => Math.max(...[head, ...body].map((line) => [...line[i]].length)));
  const last = head.length - 1;
  const line = (cells) =>
    cells
      .map((cell, i) => {
        const padding = " ".repeat(widths[i] - [...cell].length);
        if (i === 0) return cell + padding;
        return goals && i === last ? `  ${cell}` : `  ${padding}${cell}`;
      })
      .join("")
      .trimEnd();
  return [table.title, ...table.notes.map((note) => `  (${note})`), line(head), ...body.map(line)].join("\n");
}

export function markdownTable(table) {
  const { head, body, goals } = words(table);
  const line = (cells) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  const last = head.length - 1;
  const rule = head.map((_, i) => (i === 0 || (goals && i === last) ? "---" : "---:"));
  return [
    `## ${table.title}`,
    "",
    ...table.notes.flatMap((note) => [note, ""]),
    line(head),
    line(rule),
    ...body.map(line),
  ].join("\n");
}

/** The goals of all tables counted, and those missed, worst first. */
export function summary(tables) {
  const goals = tables.flatMap(({ title, rows }) =>
    rows.flatMap((row) => row.goals.map((goal) => ({ title, row: row.name, goal, factor: missFactor(goal) }))),
  );
  const missed = goals.filter(({ factor }) => factor !== null && factor > 1).sort((a, b) => b.factor - a.factor);
  const open = goals.filter(({ factor }) => factor === null);
  const reached = goals.length - missed.length - open.length;
  const line = `${reached} of ${goals.length} targets reached, ${missed.length} missed, ${open.length} not measured`;
  return [line, ...missed.map(({ title, row, goal }) => `  ${title.split(":")[0]}: ${row}: ${verdict(goal)}`)];
}
