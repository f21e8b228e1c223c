// From `run` to the first output, as a user sees it, on a page that is open ("warm") and on a fresh one ("cold").
import { atMost } from "../goals.mjs";
import { figure, interleave, pause } from "../rounds.mjs";
import { chosen, starts } from "../rows.mjs";

/** Back to back, the worker kept in reserve would still be loading its code. */
const pauseMs = 1000;
const roundsMin = 5;
const coldMsMax = 2000;

export async function measureStart({ places: all, rounds: asked, rows, say }) {
  const places = all.filter(({ start }) => start !== undefined);
  const rounds = Math.max(asked, roundsMin);
  const table = {
    title: "start: milliseconds from run to the first output, and to the end",
    notes: [
      "busybox true and bash -c : print nothing: the first counts to its end, for the second bash -c 'echo x' is taken",
      "cold is a fresh page with the image in IndexedDB, from the opening of its address to the first output",
    ],
    columns: [
      ...places.flatMap(({ name }) => [
        { key: name, head: name },
        { key: `${name} end`, head: "end" },
      ]),
      ...(places.some(({ kind }) => kind === "chromium") ? [{ key: "cold", head: "chromium cold" }] : []),
    ],
    rows: [],
  };
  for (const row of chosen(starts, rows)) {
    say(`start: ${row.title}`);
    const shown = ({ firstMs, endMs }) => ({ first: row.end === true ? endMs : firstMs, end: endMs });
    const label = row.title;
    // A first run reads the image from storage; what a second one finds in memory is what "warm" means.
    await interleave({ places, rounds: 1, say, label }, (place) => place.start(row.command, row.image));
    const warm = await interleave({ places, rounds, say, label }, async (place) => {
      await pause(pauseMs);
      return shown(await place.start(row.command, row.image));
    });
    const fresh = places.filter(({ kind }) => kind === "chromium");
    const cold = await interleave({ places: fresh, rounds, say, label: `${label}, cold` }, async (place) =>
      shown(await place.coldStart(row.command, row.image)),
    );
    const cells = { cold: figure(cold, "chromium", "first") };
    for (const { name } of places) {
      cells[name] = figure(warm, name, "first");
      cells[`${name} end`] = figure(warm, name, "end");
    }
    const goals = [atMost(cells.chromium ?? null, row.targetMs, "ms"), atMost(cells.cold, coldMsMax, "ms", "cold")];
    table.rows.push({ name: row.title, cells, goals });
  }
  return [table];
}
