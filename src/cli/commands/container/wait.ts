/** `wherry wait`: exit codes, as soon as there are any. */
import type { Command } from "../../command.ts";
import { forEach } from "../../several.ts";

export const command: Command = {
  path: ["container", "wait"],
  aliases: [["wait"]],
  summary: "Block until one or more containers stop, then print their exit codes",
  parameters: "CONTAINER [CONTAINER...]",
  parametersMin: 1,
  parametersMax: null,
  flags: [],
  async run(context, input) {
    const { containers } = await context.engine();
    return forEach(context, input.parameters, async (name) => String((await containers.wait(name)).code));
  },
};
