// Compiling must never make a short program slower than interpretation alone: `--jit on` over `--jit off`, without
// stored translations. In Node processor time, which includes what V8's threads compile; in Chromium time passed, and
// processor time beside it, which a busy machine disturbs less.
import { atMost } from "../goals.mjs";
import { emulators, figure, interleave, pause, ratio } from "../rounds.mjs";
import { chosen, shorts } from "../rows.mjs";

const pauseMs = 700;
const roundsMin = 7;
/** A ratio of 1 is the target; two equal things differ by so much here. */
const noise = 1.05;

export async function measureWarmup({ places: all, rounds: asked, rows, say }) {
  const places = emulators(all);
  const rounds = Math.max(asked, roundsMin);
  const table = {
    title: "warmup: short programs, time with --jit on over --jit off",
    notes: [`ms in Node of processor time, in Chromium of time passed; the target is 1, with ${noise} for noise`],
    columns: places.flatMap(({ name, kind }) => [
      { key: `${name} off`, head: `${name} off ms` },
      { key: `${name} on`, head: "on ms" },
      { key: name, head: "on / off" },
      ...(kind === "chromium" ? [{ key: `${name} cpu`, head: "processor" }] : []),
    ]),
    rows: [],
  };
  for (const row of chosen(shorts, rows)) {
    say(`warmup: ${row.title}`);
    const timed = async (place, jit) => {
      await place.forget();
      await pause(pauseMs);
      const { ms, cpuMs } = await place.run(row.command, { image: row.image, jit });
      return { shown: place.kind === "chromium" ? ms : cpuMs, cpu: cpuMs };
    };
    const results = await interleave({ places, rounds, say, label: row.title }, async (place, round) => {
      // Which goes first alternates: the second finds caches warmer.
      const modes = round % 2 === 0 ? ["off", "on"] : ["on", "off"];
      const times = {};
      for (const jit of modes) times[jit] = await timed(place, jit);
      const { on, off } = times;
      return { on: on.shown, off: off.shown, cpuOn: on.cpu, cpuOff: off.cpu };
    });
    const cells = {};
    for (const { name } of places) {
      cells[`${name} off`] = figure(results, name, "off");
      cells[`${name} on`] = figure(results, name, "on");
      cells[name] = ratio(results, name, "on", name, "off");
      cells[`${name} cpu`] = ratio(results, name, "cpuOn", name, "cpuOff");
    }
    table.rows.push({ name: row.title, cells, goals: places.map(({ name }) => atMost(cells[name], noise, "×", name)) });
  }
  return [table];
}
