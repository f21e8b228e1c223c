/** `wherry start`: runs a stopped container again, in the background unless attached. */
import { WherryError } from "../../../base/errors.ts";
import type { Command } from "../../command.ts";
import { runSession } from "../../session.ts";
import { forEach } from "../../several.ts";

export const command: Command = {
  path: ["container", "start"],
  aliases: [["start"]],
  summary: "Start one or more stopped containers",
  parameters: "CONTAINER [CONTAINER...]",
  parametersMin: 1,
  parametersMax: null,
  flags: [
    { name: "attach", short: "a", value: null, summary: "Attach STDOUT/STDERR and forward signals" },
    { name: "interactive", short: "i", value: null, summary: "Attach container's STDIN" },
  ],
  async run(context, input) {
    const { containers } = await context.engine();
    if (!input.has("attach") && !input.has("interactive"))
      return forEach(context, input.parameters, async (name) => {
        await containers.start(name);
        return name;
      });
    if (input.parameters.length > 1)
      throw new WherryError("usage", "you cannot start and attach multiple containers at once");
    const name = input.parameters[0]!;
    const summary = await containers.inspect(name);
    const config = summary["Config"] as { Tty: boolean; OpenStdin: boolean };
    const process = await containers.attach(name);
    const end = await runSession(context, process, {
      tty: config.Tty,
      input: config.OpenStdin && input.has("interactive"),
      signals: !config.Tty,
      start: () => containers.start(name),
    });
    return end.kind === "exited" ? end.code : 0;
  },
};
