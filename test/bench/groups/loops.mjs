// Loops of interpreters and a few tools, a second or less of work: the first run of a program, when nothing has been
// compiled; the next one in another container, which finds what the first compiled; the same program repeated there;
// and a run on a fresh page.
import { atMost } from "../goals.mjs";
import { nanoseconds } from "../places/common.mjs";
import { emulators, figure, interleave, pause, ratio } from "../rounds.mjs";
import { chosen, loops } from "../rows.mjs";
import { median, settled } from "../statistics.mjs";
import { meanRow } from "./kernels.mjs";

/** Between two containers: the first's translations are written, a worker in reserve loads its code. */
const pauseMs = 1000;
/** Runs of the program in the second container. */
const repeats = 6;

const timed = async (place, times, command) =>
  nanoseconds((await place.run(["/bench/timed", String(times), ...command])).stdout).map((time) => time / 1e6);

/** What is measured of an emulator of ours, by column. */
async function measureStages(place, command) {
  await place.forget();
  await pause(pauseMs);
  const [first] = await timed(place, 1, command);
  await pause(pauseMs);
  const again = await timed(place, repeats, command);
  const stages = { first, second: again[0], settled: settled(again), page: null };
  if (place.reopen === undefined) return stages;
  await place.reopen();
  await pause(pauseMs);
  return { ...stages, page: (await timed(place, 1, command))[0] };
}

export async function measureLoops({ places, rounds, rows, say }) {
  const ours = new Set(emulators(places).map(({ name }) => name));
  const others = places.filter(({ kind }) => kind !== "native");
  const stages = (name) => [
    { key: name, head: name },
    { key: `${name} second`, head: "second" },
    { key: `${name} settled`, head: "settled" },
    ...(name === "chromium" ? [{ key: `${name} page`, head: "new page" }] : []),
  ];
  const table = {
    title: "loops: times native, in a first container, in a second one, repeated there, and on a new page",
    notes: ["the first finds no stored translations, the others those of the first; targets are for the first"],
    columns: [
      { key: "native", head: "native ms" },
      ...others.flatMap(({ name }) => (ours.has(name) ? stages(name) : [{ key: name, head: name }])),
    ],
    rows: [],
  };
  for (const loop of chosen(loops, rows)) {
    say(`loops: ${loop.name}`);
    const results = await interleave({ places, rounds, say, label: loop.name }, async (place) =>
      ours.has(place.name)
        ? measureStages(place, loop.command)
        : { first: median(await timed(place, 3, loop.command)), second: null, settled: null, page: null },
    );
    const cells = { native: figure(results, "native", "first") };
    for (const { name } of others) {
      cells[name] = ratio(results, name, "first", "native", "first");
      for (const stage of ["second", "settled", "page"])
        cells[`${name} ${stage}`] = ratio(results, name, stage, "native", "first");
    }
    const value = cells.chromium ?? null;
    const goals = [atMost(value, cells.qemu ?? null, "×", "qemu")];
    if (loop.name === "python") goals.push(atMost(value, 5, "×"));
    table.rows.push({ name: loop.name, cells, goals });
  }
  table.rows.push(meanRow(table, () => []));
  return [table];
}
