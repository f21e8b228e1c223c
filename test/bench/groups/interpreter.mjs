// The interpreter alone: how many instructions of the seven kernels it executes in a second, once warm.
import { atLeast } from "../goals.mjs";
import { nanoseconds } from "../places/common.mjs";
import { emulators, figure, interleave } from "../rounds.mjs";
import { chosen, kernels } from "../rows.mjs";
import { settled } from "../statistics.mjs";
import { kernelCommand, meanRow } from "./kernels.mjs";

export async function measureInterpreter({ places: all, rounds, rows, say }) {
  const places = emulators(all);
  const table = {
    title: "interpreter: million guest instructions a second with --jit off, settled",
    notes: [],
    columns: places.map(({ name }) => ({ key: name, head: name })),
    rows: [],
  };
  for (const kernel of chosen(kernels, rows)) {
    say(`interpreter: ${kernel.name}`);
    const results = await interleave({ places, rounds, say, label: kernel.name }, async (place) => {
      const { stdout, instructions } = await place.run(kernelCommand(kernel), { jit: "off" });
      const times = nanoseconds(stdout);
      return { rate: instructions / times.length / (settled(times) / 1000) };
    });
    const cells = {};
    for (const { name } of places) cells[name] = figure(results, name, "rate");
    table.rows.push({ name: kernel.name, cells, goals: [] });
  }
  const goals = (cells) =>
    places.map(({ name, kind }) => atLeast(cells[name] ?? null, 500, "million/s", kind === "chromium" ? "" : name));
  table.rows.push(meanRow(table, goals));
  return [table];
}
