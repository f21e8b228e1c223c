/** Columns as Go's tabwriter lays them out for docker: at least ten wide, three spaces between, the last one ragged. */
const columnMin = 10;
const gap = 3;

export function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows)
    row.forEach((cell, i) => {
      if (i < row.length - 1) widths[i] = Math.max(widths[i] ?? columnMin, [...cell].length + gap);
    });
  return rows
    .map((row) => row.map((cell, i) => (i < row.length - 1 ? padded(cell, widths[i]!) : cell)).join(""))
    .map((line) => `${line}\n`)
    .join("");
}

function padded(cell: string, width: number): string {
  return cell + " ".repeat(Math.max(0, width - [...cell].length));
}
