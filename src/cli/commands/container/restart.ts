/** `wherry restart`: stop, then start. */
import type { Command } from "../../command.ts";
import { forEach } from "../../several.ts";
import { timeoutMs } from "./stop.ts";

export const command: Command = {
  path: ["container", "restart"],
  aliases: [["restart"]],
  summary: "Restart one or more containers",
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
      await containers.start(name);
      return name;
    });
  },
};
