/** `wherry rmi`: takes a name away, and the image with its last name. */
import type { Command } from "../../command.ts";
import { forEach } from "../../several.ts";

export const command: Command = {
  path: ["image", "rm"],
  aliases: [["rmi"], ["image", "remove"]],
  summary: "Remove one or more images",
  parameters: "IMAGE [IMAGE...]",
  parametersMin: 1,
  parametersMax: null,
  flags: [{ name: "force", short: "f", value: null, summary: "Force removal of the image" }],
  async run(context, input) {
    const { images } = await context.engine();
    return forEach(context, input.parameters, async (name) =>
      (await images.remove(name, { force: input.has("force") })).join("\n"),
    );
  },
};
