/** `wherry stop`: the stop signal, then SIGKILL. */
import { WherryError } from "../../../base/errors.ts";
import type { Command, Input } from "../../command.ts";
import { forEach } from "../../several.ts";

export function timeoutMs(input: Input): number | undefined {
  const text = input.text("timeout");
  if (text === undefined) return undefined;
  const seconds = Number(text);
  if (text.trim() === "" || !Number.isInteger(seconds))
    throw new WherryError("usage", `invalid argument "${text}" for "-t, --timeout" flag: not a number of seconds`, {
      exitCode: 125,
    });
  // Docker: -1 waits for ever.
  return seconds < 0 ? 2 ** 31 - 1 : seconds * 1000;
}

export const command: Command = {
  path: ["container", "stop"],
  aliases: [["stop"]],
  summary: "Stop one or more running containers",
  parameters: "CONTAINER [CONTAINER...]",
  parametersMin: 1,
  parametersMax: null,
  flags: [
    { name: "timeout", short: "t", value: "int", summary: "Seconds to wait before killing the container (default 10)" },
  ],
  async run(context, input) {
    const { containers } = await context.engine();
    const timeout = timeoutMs(input);
    return forEach(context, input.parameters, async (name) => {
      await containers.stop(name, timeout === undefined ? {} : { timeoutMs: timeout });
      return name;
    });
  },
};
