// `npm run bench`: all figures the project aims at, measured in one run, each with its target. See ./arguments.mjs for
// the command line, ./rows.mjs for what is measured, ./groups for how.
import { readFileSync, writeFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { join } from "node:path";
import { capture, root } from "../../scripts/lib/run.mjs";
import { parseArguments } from "./arguments.mjs";
import { markdownTable, summary, textTable } from "./format.mjs";
import { measureInterpreter } from "./groups/interpreter.mjs";
import { measureKernels } from "./groups/kernels.mjs";
import { measureLoad } from "./groups/load.mjs";
import { measureLoops } from "./groups/loops.mjs";
import { measureMemory } from "./groups/memory.mjs";
import { measureSize } from "./groups/size.mjs";
import { measureStart } from "./groups/start.mjs";
import { measureSystem } from "./groups/system.mjs";
import { measureWarmup } from "./groups/warmup.mjs";
import { recorded } from "./history.mjs";
import { openPlaces } from "./places.mjs";

const measures = {
  kernels: measureKernels,
  interpreter: measureInterpreter,
  loops: measureLoops,
  system: measureSystem,
  start: measureStart,
  memory: measureMemory,
  warmup: measureWarmup,
  load: measureLoad,
  size: measureSize,
};

const asked = parseArguments(process.argv.slice(2));
const say = (line) => console.error(line);
const load = () => loadavg()[0].toFixed(1);
const print = asked.markdown ? markdownTable : textTable;

const run = {
  commit: (capture("git", ["describe", "--always", "--dirty"]) ?? "unknown").trim(),
  date: new Date().toISOString(),
  machine: { processor: cpus()[0]?.model ?? "unknown", processors: cpus().length },
  loadBefore: load(),
  loadAfter: "",
  rounds: asked.rounds,
  places: [],
  tables: [],
};

const needsPlaces = asked.groups.some((name) => name !== "size");
const { places, loads, close } = needsPlaces
  ? await openPlaces(asked, say)
  : { places: [], loads: {}, close: async () => {} };
try {
  run.places = places.map(({ name, version }) => ({ name, version }));
  for (const group of asked.groups) {
    const tables = await measures[group]({ places, loads, rounds: asked.rounds, rows: asked.rows, say });
    run.tables.push(...tables.map((table) => ({ group, ...table })));
    for (const table of tables) console.log(`${print(table)}\n`);
  }
} finally {
  await close();
}
run.loadAfter = load();

const machine = `${run.machine.processors} × ${run.machine.processor}`;
const versions = run.places
  .filter(({ name }) => name !== "native")
  .map(({ name, version }) => (name.endsWith(version) ? name : `${name} ${version}`))
  .join(", ");
console.log(`${run.commit}, ${run.date.slice(0, 10)}, ${machine}, load average ${run.loadBefore} to ${run.loadAfter}`);
if (versions !== "") console.log(versions);
console.log(summary(run.tables).join("\n"));
if (asked.json !== null) writeFileSync(asked.json, `${JSON.stringify(run, null, 2)}\n`);
if (asked.record) {
  const history = join(root, "test/bench/history.md");
  writeFileSync(history, recorded(readFileSync(history, "utf8"), run));
}
