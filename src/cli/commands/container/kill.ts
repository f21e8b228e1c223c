/** `wherry kill`: a signal to the first process. */
import type { Command } from "../../command.ts";
import { forEach } from "../../several.ts";

export const command: Command = {
  path: ["container", "kill"],
  aliases: [["kill"]],
  summary: "Kill one or more running containers",
  parameters: "CONTAINER [CONTAINER...]",
  parametersMin: 1,
  parametersMax: null,
  flags: [{ name: "signal", short: "s", value: "string", summary: "Signal to send to the container (default KILL)" }],
  async run(context, input) {
    const { containers } = await context.engine();
    return forEach(context, input.parameters, async (name) => {
      await containers.kill(name, input.text("signal") ?? "KILL");
      return name;
    });
  },
};
