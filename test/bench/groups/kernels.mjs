// The seven kernels: what compiled code is worth once it is warm, and what the warm-up costs.
import { atMost } from "../goals.mjs";
import { nanoseconds } from "../places/common.mjs";
import { figure, interleave, ratio } from "../rounds.mjs";
import { chosen, kernels } from "../rows.mjs";
import { geometricMean, settled } from "../statistics.mjs";

/** Repeats in one process; slow places stop after so many seconds, but not before the second repeat. */
const [repeats, seconds] = [12, 4];

export const kernelCommand = ({ name, rounds }) => [`/bench/${name}`, String(rounds), String(repeats), String(seconds)];

export async function measureKernels({ places, rounds, rows, say }) {
  const others = places.filter(({ kind }) => kind !== "native");
  const table = {
    title: "kernels: times native, settled; and the first repeat",
    notes: ["settled is the median of a process's last half of repeats; both are ratios to native's settled time"],
    columns: [
      { key: "native", head: "native ms" },
      ...others.flatMap(({ name }) => [
        { key: name, head: name },
        { key: `${name} first`, head: "first" },
      ]),
    ],
    rows: [],
  };
  for (const kernel of chosen(kernels, rows)) {
    say(`kernels: ${kernel.name}`);
    const results = await interleave({ places, rounds, say, label: kernel.name }, async (place) => {
      const times = nanoseconds((await place.run(kernelCommand(kernel))).stdout);
      return { settled: settled(times) / 1e6, first: times[0] / 1e6 };
    });
    const cells = { native: figure(results, "native", "settled") };
    for (const { name } of others) {
      cells[name] = ratio(results, name, "settled", "native", "settled");
      cells[`${name} first`] = ratio(results, name, "first", "native", "settled");
    }
    const value = cells.chromium ?? null;
    const goals = [atMost(value, 5, "×"), atMost(value, cells.qemu ?? null, "×", "qemu")];
    table.rows.push({ name: kernel.name, cells, goals });
  }
  table.rows.push(meanRow(table, (cells) => [atMost(cells.chromium ?? null, 3, "×")]));
  return [table];
}

/** The geometric mean of each column that holds ratios or rates; null where one of them is missing. */
export function meanRow({ columns, rows }, goals) {
  const cells = {};
  for (const { key } of columns) {
    const values = rows.map((row) => row.cells[key] ?? null);
    if (key !== "native" && !values.includes(null)) cells[key] = geometricMean(values);
  }
  return { name: "geometric mean", cells, goals: goals(cells) };
}
