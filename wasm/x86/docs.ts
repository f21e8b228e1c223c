/** The text of docs/instructions.md, from the table: every row, where the interpreter has it, and whether it is compared. */
import { armTable } from "./forms.ts";
import "./rows/all.ts";
import { rows } from "./row.ts";

const heading = `# Instructions

Generated from \`wasm/x86/rows\`: every instruction the processor has, in the notation of \`wasm/x86/row.ts\` (operands: \`=\`
written, \`!\` read and written). All are interpreted: "switch" means that some of the row's forms have arms of their own in
the interpreter's main switch, "call" that all are reached by a call. "compared" means that every form of the row is
compared with a real processor over random and edge operands by \`test/differential\`.

| instruction | encoding | operands | interpreter | compared |
|---|---|---|---|---|
`;

export function instructionsMarkdown(): string {
  const hot = new Set(armTable().hot.map((arm) => arm.form.parsed.row));
  let text = heading;
  let compared = 0;
  const sorted = rows.toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  for (const row of sorted) {
    if (row.untestable !== true) compared++;
    const cells = [
      row.name,
      row.encoding,
      row.operands,
      hot.has(row) ? "switch" : "call",
      row.untestable ? "no" : "yes",
    ];
    text += `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |\n`;
  }
  return `${text}\n${rows.length} rows, ${compared} of them compared.\n`;
}
