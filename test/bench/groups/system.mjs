// System calls, processes and pipes: in absolute figures, because that is how the targets are set, and as ratios.
import { atLeast, atMost } from "../goals.mjs";
import { nanoseconds } from "../places/common.mjs";
import { figure, interleave } from "../rounds.mjs";
import { chosen, system } from "../rows.mjs";
import { settled } from "../statistics.mjs";

/** In one process; the median of the last half counts. */
const repeats = 6;

/** What `ns` nanoseconds for `count` mean in the row's unit. */
export function inUnit({ unit, count }, ns) {
  if (unit === "MB/s") return (count * 2 ** 20) / 1e6 / (ns / 1e9);
  return ns / count / (unit === "ms" ? 1e6 : 1e3);
}

export async function measureSystem({ places, rounds, rows, say }) {
  const table = {
    title: "system: absolute, and how many times slower than native",
    notes: ["fork is fork, exec of the dynamic /bin/true and wait; under qemu-user the child runs under qemu-user too"],
    columns: places.flatMap(({ name, kind }) => [
      { key: name, head: name },
      ...(kind === "native" ? [] : [{ key: `${name} ratio`, head: "×" }]),
    ]),
    rows: [],
  };
  for (const row of chosen(system, rows)) {
    say(`system: ${row.name}`);
    const results = await interleave({ places, rounds, say, label: row.name }, async (place) => {
      const child = place.kind === "qemu" && row.mode === "fork" ? onPath(place.command(["/bin/true"])) : [];
      const command = ["/bench/system", row.mode, String(row.count), String(repeats), ...child];
      return { value: inUnit(row, settled(nanoseconds((await place.run(command)).stdout))) };
    });
    const cells = {};
    for (const { name } of places) cells[name] = figure(results, name, "value");
    for (const { name } of places) {
      const [own, base] = [cells[name], cells.native ?? null];
      cells[`${name} ratio`] = own === null || base === null ? null : row.unit === "MB/s" ? base / own : own / base;
    }
    const value = cells.chromium ?? null;
    const goal = row.unit === "MB/s" ? atLeast(value, row.target, row.unit) : atMost(value, row.target, row.unit);
    table.rows.push({ name: `${row.name} ${row.unit}`, cells, goals: [goal] });
  }
  return [table];
}

/** execv(3) looks along no PATH. */
const onPath = ([program, ...words]) => ["/usr/bin/env", program, ...words];
