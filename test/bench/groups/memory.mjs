// What the engine needs in Chromium for `python3 -c 'print(1)'`: the memory of the page's process, workers
// included, that it shares with no other (proc(5), smaps_rollup: Private_Clean and Private_Dirty), sampled while it runs.
// performance.measureUserAgentSpecificMemory would want an isolated page, and leaves out compiled code.
import { atMost } from "../goals.mjs";
import { pause } from "../rounds.mjs";

const program = ["python3", "-c", "print(1)"];
/** Until a page has nothing left to do: workers in reserve are loaded, code is compiled. */
const quietMs = 5000;
const sampleMs = 50;

export async function measureMemory({ places, say }) {
  const chromium = places.find(({ kind }) => kind === "chromium");
  if (chromium === undefined) return [];
  say("memory");
  await chromium.blank();
  await pause(quietMs);
  const empty = await chromium.memory();
  await chromium.reopen();
  await pause(quietMs);
  const opened = await chromium.memory();
  let highest = opened;
  let running = true;
  const sampling = (async () => {
    while (running) {
      highest = Math.max(highest, await chromium.memory());
      await pause(sampleMs);
    }
  })();
  await chromium.run(program);
  await pause(quietMs);
  running = false;
  await sampling;
  const row = (name, value, goals = []) => ({ name, cells: { chromium: value }, goals });
  return [
    {
      title: "memory: private MB of the page's process for python3 -c 'print(1)'",
      notes: ["what is above an empty page is the page and the engine, with all that the container has"],
      columns: [{ key: "chromium", head: "chromium" }],
      rows: [
        row("an empty page", empty),
        row("the page, before it ran", opened),
        row("highest while it ran", highest),
        row("highest, above the page before", highest - opened),
        row("highest, above an empty page", highest - empty, [atMost(highest - empty, 150, "MB")]),
      ],
    },
  ];
}
