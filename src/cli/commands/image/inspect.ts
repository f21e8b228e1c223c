/** `wherry image inspect`: an image's configuration and layers. */
import type { Command } from "../../command.ts";
import { inspectAll, inspectFlags } from "../../inspect-all.ts";

export const command: Command = {
  path: ["image", "inspect"],
  aliases: [],
  summary: "Display detailed information on one or more images",
  parameters: "IMAGE [IMAGE...]",
  parametersMin: 1,
  parametersMax: null,
  flags: inspectFlags,
  async run(context, input) {
    const { images } = await context.engine();
    return inspectAll(context, input, (name) => images.inspect(name));
  },
};
