/** `wherry attach`: joins a running container. The detach keys leave it running. */
import { WherryError } from "../../../base/errors.ts";
import type { Command } from "../../command.ts";
import { runSession } from "../../session.ts";

export const command: Command = {
  path: ["container", "attach"],
  aliases: [["attach"]],
  summary: "Attach local standard input, output, and error streams to a running container",
  parameters: "CONTAINER",
  parametersMin: 1,
  parametersMax: 1,
  flags: [
    { name: "no-stdin", value: null, summary: "Do not attach STDIN" },
    { name: "sig-proxy", value: "boolean", summary: "Proxy all received signals to the process (default true)" },
  ],
  async run(context, input) {
    const name = input.parameters[0]!;
    const { containers } = await context.engine();
    const summary = await containers.inspect(name);
    const { Running } = summary["State"] as { Running: boolean };
    if (!Running)
      throw new WherryError("conflict", "cannot attach to a stopped container, start it first", { exitCode: 1 });
    const config = summary["Config"] as { Tty: boolean; OpenStdin: boolean };
    const end = await runSession(context, await containers.attach(name), {
      tty: config.Tty,
      input: config.OpenStdin && !input.has("no-stdin"),
      signals: !config.Tty && input.text("sig-proxy") !== "false",
    });
    return end.kind === "exited" ? end.code : 0;
  },
};
