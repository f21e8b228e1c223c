/** Lists of `ps` and `images`: a table, ids alone, or a template for each row. */
import { renderTemplate } from "./template.ts";
import { table } from "./table.ts";

export interface ListingOptions {
  readonly rows: readonly Readonly<Record<string, string>>[];
  /** Fields of the usual table. */
  readonly columns: readonly string[];
  readonly headings: Readonly<Record<string, string>>;
  /** Only this field, one a line. */
  readonly quiet: string | null;
  readonly format: string | undefined;
}

export function listing({ rows, columns, headings, quiet, format }: ListingOptions): string {
  if (quiet !== null && format === undefined) return rows.map((row) => `${row[quiet]}\n`).join("");
  if (format === undefined || format === "table")
    return table([
      columns.map((name) => headings[name] ?? ""),
      ...rows.map((row) => columns.map((name) => row[name] ?? "")),
    ]);
  if (format === "json") return rows.map((row) => `${JSON.stringify(row)}\n`).join("");
  if (format.startsWith("table ")) {
    const template = format.slice("table ".length).trimStart();
    const lines = [headings, ...rows].map((row) => renderTemplate(template, row).split("\t"));
    return table(lines);
  }
  return rows.map((row) => `${renderTemplate(format, row)}\n`).join("");
}
