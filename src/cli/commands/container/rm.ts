/** `wherry rm`: takes containers away with their writable layers. */
import { WherryError } from "../../../base/errors.ts";
import type { Command } from "../../command.ts";
import { forEach } from "../../several.ts";

export const command: Command = {
  path: ["container", "rm"],
  aliases: [["rm"], ["container", "remove"]],
  summary: "Remove one or more containers",
  parameters: "CONTAINER [CONTAINER...]",
  parametersMin: 1,
  parametersMax: null,
  flags: [
    { name: "force", short: "f", value: null, summary: "Force the removal of a running container (uses SIGKILL)" },
    { name: "volumes", short: "v", value: null, summary: "Remove anonymous volumes associated with the container" },
  ],
  async run(context, input) {
    const { containers } = await context.engine();
    const force = input.has("force");
    return forEach(context, input.parameters, async (name) => {
      try {
        await containers.remove(name, { force });
      } catch (error) {
        // As docker: what is not there need not be removed by force.
        if (!force || !(error instanceof WherryError && error.code === "not-found")) throw error;
        return null;
      }
      return name;
    });
  },
};
