/** `wherry stats`: what containers use, and with --engine where the time of an emulated one goes. */
import { WherryError } from "../../../base/errors.ts";
import { limits } from "../../../base/limits.ts";
import type { ContainerStats, Engine } from "../../../engine/types.ts";
import type { Command, Context } from "../../command.ts";
import { engineDocument, engineReport } from "../../format/engine-stats.ts";
import { binarySize, humanSize } from "../../format/human.ts";
import { listing } from "../../format/listing.ts";
import { renderTemplate } from "../../format/template.ts";

/** Two readings: rates are of the time between them. */
interface Reading {
  readonly before: ContainerStats | null;
  readonly now: ContainerStats;
}

export const command: Command = {
  path: ["container", "stats"],
  aliases: [["stats"]],
  summary: "Display a live stream of container(s) resource usage statistics",
  parameters: "[CONTAINER...]",
  parametersMin: 0,
  parametersMax: null,
  flags: [
    { name: "engine", value: null, summary: "Show where the emulator's time goes" },
    { name: "format", value: "string", summary: 'Format output using a Go template, "table …" or "json"' },
    { name: "no-stream", value: null, summary: "Disable streaming stats and only pull the first result" },
    { name: "no-trunc", value: null, summary: "Do not truncate output" },
  ],
  async run(context, input) {
    const engine = await context.engine();
    const wanted = input.parameters;
    // A container that is not there or does not run is told at once, not left out.
    const first = wanted.length > 0 ? await Promise.all(wanted.map((name) => engine.containers.stats(name))) : [];
    const options = { engine: input.has("engine"), format: input.text("format"), whole: input.has("no-trunc") };
    if (options.engine)
      for (const { name, engine: own } of first)
        if (own === null)
          throw new WherryError(
            "unsupported",
            `the container ${name} does not run under the emulator: it has no engine`,
          );
    const once = input.has("no-stream");
    let before = new Map(first.map((stats) => [stats.id, stats]));
    if (wanted.length === 0) before = new Map((await readAll(engine, wanted)).map((stats) => [stats.id, stats]));
    for (;;) {
      await new Promise((resolve) => setTimeout(resolve, limits.statsIntervalMs));
      const readings = (await readAll(engine, wanted))
        .filter((now) => !options.engine || now.engine !== null)
        .map((now): Reading => ({ before: before.get(now.id) ?? null, now }));
      if (readings.length === 0 && wanted.length > 0) return 0;
      await show(context, readings, { ...options, live: !once });
      if (once) return 0;
      before = new Map(readings.map(({ now }) => [now.id, now]));
    }
  },
};

/** Those that still run: one may end at any time. */
async function readAll(engine: Engine, wanted: readonly string[]): Promise<readonly ContainerStats[]> {
  const names = wanted.length > 0 ? wanted : (await engine.containers.list()).map(({ id }) => id);
  const read = await Promise.all(names.map((name) => engine.containers.stats(name).catch(() => null)));
  return read.filter((stats) => stats !== null);
}

interface ShowOptions {
  readonly engine: boolean;
  readonly format: string | undefined;
  readonly whole: boolean;
  readonly live: boolean;
}

/** Cursor home and everything below erased (ECMA-48 CUP, ED): each reading is drawn over the one before. */
const redraw = "\x1b[H\x1b[J";

async function show(context: Context, readings: readonly Reading[], options: ShowOptions): Promise<void> {
  const clear = options.live && context.stdout.isTerminal && options.format === undefined ? redraw : "";
  await context.stdout.write(clear + (options.engine ? engineText(readings, options) : usageText(readings, options)));
}

function engineText(readings: readonly Reading[], { format }: ShowOptions): string {
  if (format === undefined) return readings.map(({ before, now }) => engineReport(before, now)).join("\n");
  return readings
    .map(({ before, now }) => engineDocument(before, now))
    .map((document) => (format === "json" ? JSON.stringify(document) : renderTemplate(format, document)))
    .map((line) => `${line}\n`)
    .join("");
}

function usageText(readings: readonly Reading[], { format, whole }: ShowOptions): string {
  return listing({
    rows: readings.map((reading) => row(reading, whole)),
    columns: ["ID", "Name", "CPUPerc", "MemUsage", "MemPerc", "NetIO", "BlockIO", "PIDs"],
    headings,
    quiet: null,
    format,
  });
}

const headings: Readonly<Record<string, string>> = {
  Container: "CONTAINER",
  ID: "CONTAINER ID",
  Name: "NAME",
  CPUPerc: "CPU %",
  MemUsage: "MEM USAGE / LIMIT",
  MemPerc: "MEM %",
  NetIO: "NET I/O",
  BlockIO: "BLOCK I/O",
  PIDs: "PIDS",
};

function row({ before, now }: Reading, whole: boolean): Record<string, string> {
  const elapsed = before === null ? 0 : now.readMs - before.readMs;
  const cpu = before === null || elapsed <= 0 ? 0 : ((now.cpuMs - before.cpuMs) / elapsed) * 100;
  const pair = (a: number | null, b: number | null): string =>
    a === null || b === null ? "--" : `${humanSize(a)} / ${humanSize(b)}`;
  const id = whole ? now.id : now.id.slice(0, 12);
  return {
    Container: id,
    ID: id,
    Name: now.name,
    CPUPerc: `${Math.max(0, cpu).toFixed(2)}%`,
    MemUsage: `${binarySize(now.memoryBytes)} / ${binarySize(now.memoryBytesMax)}`,
    MemPerc: `${((now.memoryBytes / now.memoryBytesMax) * 100).toFixed(2)}%`,
    NetIO: pair(now.networkReceivedBytes, now.networkSentBytes),
    BlockIO: pair(now.blockReadBytes, now.blockWrittenBytes),
    PIDs: String(now.pids),
  };
}
