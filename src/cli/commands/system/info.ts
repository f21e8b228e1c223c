/** `wherry info`: what this host can do, and what guests asked for that is missing. */
import type { Command } from "../../command.ts";
import { capital, counterRows } from "../../format/engine-stats.ts";
import { humanSize } from "../../format/human.ts";
import { renderTemplate } from "../../format/template.ts";

export const command: Command = {
  path: ["system", "info"],
  aliases: [["info"]],
  summary: "Display system-wide information",
  parameters: "",
  parametersMin: 0,
  parametersMax: 0,
  flags: [{ name: "format", short: "f", value: "string", summary: 'Format output using a Go template, or "json"' }],
  async run(context, input) {
    const engine = await context.engine();
    const [info, containers, images] = await Promise.all([
      engine.info(),
      engine.containers.list({ all: true }),
      engine.images.list(),
    ]);
    const running = containers.filter(({ status }) => status === "running").length;
    const document = {
      Containers: containers.length,
      ContainersRunning: running,
      ContainersStopped: containers.length - running,
      Images: images.length,
      ServerVersion: info.version,
      Host: info.host,
      Runtimes: info.runtimes.map(({ name, available, reason }) => ({
        Name: name,
        Available: available,
        Reason: reason,
      })),
      StorageUsed: info.storage.usedBytes,
      StorageQuota: info.storage.quotaBytes,
      Emulator: {
        Cpu: info.emulator.cpu,
        Jit: info.emulator.jit,
        CacheBytes: info.emulator.cacheBytes,
        Containers: info.emulator.containers,
        Counters:
          info.emulator.counters === null
            ? null
            : Object.fromEntries(Object.entries(info.emulator.counters).map(([name, value]) => [capital(name), value])),
      },
      Missing: info.missing.map(({ kind, name, count }) => ({ Kind: kind, Name: name, Count: count })),
    };
    const format = input.text("format");
    if (format !== undefined) {
      const text = format === "json" ? JSON.stringify(document) : renderTemplate(format, document);
      await context.stdout.write(`${text}\n`);
      return 0;
    }
    const quota = info.storage.quotaBytes === null ? "" : ` of ${humanSize(info.storage.quotaBytes)}`;
    const lines = [
      `Wherry version: ${info.version}`,
      `Host: ${info.host}`,
      `Containers: ${containers.length}`,
      ` Running: ${running}`,
      ` Stopped: ${containers.length - running}`,
      `Images: ${images.length}`,
      `Storage: ${humanSize(info.storage.usedBytes)} used${quota}`,
      "Runtimes:",
      ...info.runtimes.map(({ name, available, reason }) => ` ${name}: ${available ? "" : "not available: "}${reason}`),
      "Emulator:",
      ` Processor: ${info.emulator.cpu}`,
      ` JIT: ${info.emulator.jit}`,
      ` Cache: ${humanSize(info.emulator.cacheBytes)}`,
      ...(info.emulator.counters === null ? [] : [` Counters of ${info.emulator.containers} running:`]),
      ...counterRows(info.emulator.counters ?? {}).map(([words, value]) => `  ${words}: ${value}`),
      ...(info.missing.length === 0 ? [] : ["Missing:"]),
      ...info.missing.map(({ kind, name, count }) => ` ${kind} ${name}: ${count} times`),
    ];
    await context.stdout.write(`${lines.join("\n")}\n`);
    return 0;
  },
};
