/** `wherry container inspect`: everything the store knows of a container. */
import type { Command } from "../../command.ts";
import { inspectAll, inspectFlags } from "../../inspect-all.ts";

export const command: Command = {
  path: ["container", "inspect"],
  aliases: [],
  summary: "Display detailed information on one or more containers",
  parameters: "CONTAINER [CONTAINER...]",
  parametersMin: 1,
  parametersMax: null,
  flags: inspectFlags,
  async run(context, input) {
    const { containers } = await context.engine();
    return inspectAll(context, input, (name) => containers.inspect(name));
  },
};
