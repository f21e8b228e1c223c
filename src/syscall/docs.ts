/** The text of docs/syscalls.md, from the table: what works, what is missing and why. */
import { syscallNumbers } from "../abi/unistd.ts";
import { syscallTable } from "./table.ts";
import type { Support } from "./types.ts";

const heading = `# System calls

Generated from \`src/syscall/table.ts\`: every system call of Linux on x86-64, and how far Wherry's kernel has it. A call
that is missing answers \`ENOSYS\`, is counted, and is shown to the user by name.

| number | name | support | note |
|---|---|---|---|
`;

const noRow: Support = { level: "missing", note: "no row" };

export function syscallsMarkdown(): string {
  let text = heading;
  const counts = { full: 0, partial: 0, missing: 0 };
  const entries = Object.entries(syscallNumbers).sort(([, a], [, b]) => a - b);
  for (const [name, number] of entries) {
    const support = syscallTable[number]?.support ?? noRow;
    counts[support.level]++;
    const note = support.level === "full" ? "" : support.note;
    text += `| ${number} | ${name} | ${support.level} | ${note} |\n`;
  }
  text += `\n${counts.full} full, ${counts.partial} partial, ${counts.missing} missing.\n`;
  return text;
}
