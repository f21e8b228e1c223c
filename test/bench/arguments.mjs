// The bench's command line: which groups, rows and places, how often, and where the figures go.
import { parseArgs } from "node:util";
import { groups } from "./rows.mjs";

/** What the user asked for makes no sense; the message is one line. */
export class UsageError extends Error {}

export const usage = `npm run bench -- [GROUP…] [OPTION…]

Measures natively, under qemu-user, in Node and in Chromium, and prints each figure with its target.

Groups (all unless named): ${Object.keys(groups).join(" ")}

  --rows NAME,…    only these rows of the groups, such as hash,python
  --rounds N       how often each place has its turn; 3 unless said otherwise
  --node PATH      another Node program to measure too (several)
  --no-qemu  --no-node  --no-chromium
                   leave out a place
  --json FILE      write all figures to a file as well
  --markdown       print Markdown
  --record         append the figures to test/bench/history.md
  --help`;

const options = {
  rows: { type: "string" },
  rounds: { type: "string" },
  node: { type: "string", multiple: true },
  "no-qemu": { type: "boolean" },
  "no-node": { type: "boolean" },
  "no-chromium": { type: "boolean" },
  json: { type: "string" },
  markdown: { type: "boolean" },
  record: { type: "boolean" },
  help: { type: "boolean" },
};

/** @param {readonly string[]} words without the program's name */
export function parseArguments(words) {
  let parsed;
  try {
    parsed = parseArgs({ args: [...words], options, allowPositionals: true });
  } catch (error) {
    // parseArgs explains at length; its first sentence names the option.
    throw new UsageError(String(error.message).split(/\.\s|\n/)[0]);
  }
  const { values, positionals } = parsed;
  for (const name of positionals)
    if (!Object.hasOwn(groups, name))
      throw new UsageError(`no group is named '${name}': there are ${Object.keys(groups).join(", ")}`);
  const chosen = Object.keys(groups).filter((name) => positionals.length === 0 || positionals.includes(name));
  return {
    groups: values.rows === undefined ? chosen : chosen.filter((name) => hasRow(name, rowNames(values.rows, chosen))),
    rows: values.rows === undefined ? null : rowNames(values.rows, chosen),
    rounds: wholeNumber(values.rounds ?? "3"),
    nodes: filled("--node", values.node ?? []),
    without: ["qemu", "node", "chromium"].filter((place) => values[`no-${place}`] === true),
    json: values.json === undefined ? null : filled("--json", [values.json])[0],
    markdown: values.markdown === true,
    record: values.record === true,
    help: values.help === true,
  };
}

const hasRow = (group, rows) => groups[group].some((name) => rows.includes(name));

function rowNames(text, chosen) {
  const names = text.split(",").map((name) => name.trim());
  for (const name of names)
    if (!chosen.some((group) => groups[group].includes(name)))
      throw new UsageError(`no row of ${chosen.join(", ")} is named '${name}'`);
  return names;
}

function wholeNumber(text) {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1 || value > 1000)
    throw new UsageError(`--rounds wants a number from 1 to 1000, not '${text}'`);
  return value;
}

function filled(option, values) {
  if (values.some((value) => value === "")) throw new UsageError(`${option} wants a path`);
  return values;
}
