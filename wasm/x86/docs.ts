/** The text of docs/instructions.md, from the table: every row, which tier handles it, and whether it is compared. */
import { armTable } from "./forms.ts";
import "./rows/all.ts";
import { rows, type Row } from "./row.ts";

const heading = `# Instructions

Generated from \`wasm/x86/rows\`: every instruction the processor has, in the notation of \`wasm/x86/row.ts\` (operands: \`=\`
written, \`!\` read and written).

- **feature**: what CPUID says for it; none for what every x86-64 processor has.
- **interpreter**: "switch" where some of the row's forms have arms of their own in the main switch, "call" where all are
  reached by a call.
- **compiled**: whether hot code that has it is compiled whole; "no" where compiled code leaves to the interpreter for it.
- **compared**: "yes" where \`test/differential\` compares every form with a real processor over random and edge operands,
  through both tiers; otherwise the reason why not.

| instruction | encoding | operands | feature | interpreter | compiled | compared |
|---|---|---|---|---|---|---|
`;

function cells(row: Row, hot: ReadonlySet<Row>): string[] {
  return [
    row.name,
    row.encoding,
    row.operands,
    row.feature ?? "",
    hot.has(row) ? "switch" : "call",
    row.interpreted === true ? "no" : "yes",
    row.untestable === undefined ? "yes" : `no: ${row.untestable}`,
  ];
}

export function instructionsMarkdown(): string {
  const hot = new Set(armTable().hot.map((arm) => arm.form.parsed.row));
  let text = heading;
  const sorted = rows.toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  for (const row of sorted)
    text += `| ${cells(row, hot)
      .map((cell) => cell.replaceAll("|", "\\|"))
      .join(" | ")} |\n`;
  const count = (test: (row: Row) => boolean): number => rows.filter(test).length;
  const compared = count((row) => row.untestable === undefined);
  const compiled = count((row) => row.interpreted !== true);
  return `${text}\n${rows.length} rows, ${compiled} of them compiled, ${compared} compared.\n`;
}
