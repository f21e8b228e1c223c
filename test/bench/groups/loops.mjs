// Loops of interpreters and a few tools, a second or less of work: the first run of a program, when nothing has been
// compiled, and the next one in another container, which finds what the first compiled.
import { atMost } from "../goals.mjs";
import { nanoseconds } from "../places/common.mjs";
import { emulators, figure, interleave, pause, ratio } from "../rounds.mjs";
import { chosen, loops } from "../rows.mjs";
import { median } from "../statistics.mjs";
import { meanRow } from "./kernels.mjs";

/** Between two containers: the first's translations are written, a worker in reserve loads its code. */
const pauseMs = 1000;

const timed = async (place, repeats, command) =>
  nanoseconds((await place.run(["/bench/timed", String(repeats), ...command])).stdout).map((time) => time / 1e6);

export async function measureLoops({ places, rounds, rows, say }) {
  const ours = new Set(emulators(places).map(({ name }) => name));
  const others = places.filter(({ kind }) => kind !== "native");
  const table = {
    title: "loops: times native, in a first container and in a second one",
    notes: ["the first finds no stored translations, the second those of the first; targets are for the first"],
    columns: [
      { key: "native", head: "native ms" },
      ...others.flatMap(({ name }) =>
        ours.has(name)
          ? [
              { key: name, head: name },
              { key: `${name} second`, head: "second" },
            ]
          : [{ key: name, head: name }],
      ),
    ],
    rows: [],
  };
  for (const loop of chosen(loops, rows)) {
    say(`loops: ${loop.name}`);
    const results = await interleave({ places, rounds, say, label: loop.name }, async (place) => {
      if (!ours.has(place.name)) return { first: median(await timed(place, 3, loop.command)), second: null };
      await place.forget();
      await pause(pauseMs);
      const [first] = await timed(place, 1, loop.command);
      await pause(pauseMs);
      const [second] = await timed(place, 1, loop.command);
      return { first, second };
    });
    const cells = { native: figure(results, "native", "first") };
    for (const { name } of others) {
      cells[name] = ratio(results, name, "first", "native", "first");
      cells[`${name} second`] = ratio(results, name, "second", "native", "first");
    }
    const value = cells.chromium ?? null;
    const goals = [atMost(value, cells.qemu ?? null, "×", "qemu")];
    if (loop.name === "python") goals.push(atMost(value, 5, "×"));
    table.rows.push({ name: loop.name, cells, goals });
  }
  table.rows.push(meanRow(table, () => []));
  return [table];
}
