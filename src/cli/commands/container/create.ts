/** `wherry create`: `run` without the start. */
import type { Command } from "../../command.ts";
import { createFlags, runOptions } from "./options.ts";

export const command: Command = {
  path: ["container", "create"],
  aliases: [["create"]],
  summary: "Create a new container",
  parameters: "IMAGE [COMMAND] [ARG...]",
  parametersMin: 1,
  parametersMax: null,
  passThrough: true,
  flags: createFlags,
  async run(context, input) {
    const engine = await context.engine();
    const id = await engine.containers.create(await runOptions(context, input));
    await context.stdout.write(`${id}\n`);
    return 0;
  },
};
