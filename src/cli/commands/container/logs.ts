/** `wherry logs`: the output kept so far, and with -f what comes. */
import { WherryError } from "../../../base/errors.ts";
import type { LogChunk } from "../../../container/types.ts";
import type { Command, Input } from "../../command.ts";

export const command: Command = {
  path: ["container", "logs"],
  aliases: [["logs"]],
  summary: "Fetch the logs of a container",
  parameters: "CONTAINER",
  parametersMin: 1,
  parametersMax: 1,
  flags: [
    { name: "follow", short: "f", value: null, summary: "Follow log output" },
    {
      name: "tail",
      short: "n",
      value: "string",
      summary: 'Number of lines to show from the end of the logs (default "all")',
    },
    { name: "timestamps", short: "t", value: null, summary: "Show timestamps" },
  ],
  async run(context, input) {
    const { containers } = await context.engine();
    const tail = tailOf(input);
    const chunks = await containers.logs(input.parameters[0]!, {
      follow: input.has("follow"),
      ...(tail === undefined ? {} : { tail }),
    });
    const stamp = input.has("timestamps") ? new LineStamps() : null;
    const reader = chunks.getReader();
    let stopped = false;
    const undo = context.onSignal(() => {
      stopped = true;
      void reader.cancel();
    });
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done || stopped) return stopped ? 130 : 0;
        const output = value.stream === "stdout" ? context.stdout : context.stderr;
        await output.write(stamp === null ? value.bytes : stamp.apply(value));
      }
    } catch (error) {
      // Nobody reads any more: `logs -f | head`.
      if (error instanceof WherryError) throw error;
      await reader.cancel().catch(() => {});
      return 0;
    } finally {
      undo();
    }
  },
};

function tailOf(input: Input): number | undefined {
  const text = input.text("tail");
  if (text === undefined || text === "all") return undefined;
  const lines = Number(text);
  // As docker: what is no number means all.
  return Number.isInteger(lines) && lines >= 0 ? lines : undefined;
}

/** Puts the time before each line, of the moment its first piece came. */
class LineStamps {
  readonly #atStart = { stdout: true, stderr: true };

  apply(chunk: LogChunk): Uint8Array {
    const seconds = chunk.timeNs / 1_000_000_000n;
    const rest = String(chunk.timeNs % 1_000_000_000n).padStart(9, "0");
    const time = `${new Date(Number(seconds) * 1000).toISOString().slice(0, 19)}.${rest}Z `;
    const prefix = new TextEncoder().encode(time);
    const out: number[] = [];
    for (const byte of chunk.bytes) {
      if (this.#atStart[chunk.stream]) out.push(...prefix);
      out.push(byte);
      this.#atStart[chunk.stream] = byte === 10;
    }
    return Uint8Array.from(out);
  }
}
