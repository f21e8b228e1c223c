/** `wherry run`: create, attach, start, and stay until the end or until the detach keys. */
import { WherryError } from "../../../base/errors.ts";
import type { Command, Context, Input } from "../../command.ts";
import { bareError, programName } from "../../errors.ts";
import { runSession } from "../../session.ts";
import { createFlags, runOptions } from "./options.ts";

export const command: Command = {
  path: ["container", "run"],
  aliases: [["run"]],
  summary: "Create and run a new container from an image",
  parameters: "IMAGE [COMMAND] [ARG...]",
  parametersMin: 1,
  parametersMax: null,
  passThrough: true,
  flags: [
    ...createFlags,
    { name: "detach", short: "d", value: null, summary: "Run container in background and print container ID" },
    { name: "sig-proxy", value: "boolean", summary: "Proxy received signals to the process (default true)" },
  ],
  async run(context, input) {
    try {
      return await run(context, input);
    } catch (reason) {
      const error = WherryError.from(reason);
      if (error.data["bare"] === 1) throw error;
      // Docker's three: 126 may not be executed, 127 not found, 125 anything else that is wrong before it runs.
      const exitCode = error.exitCode === 126 || error.exitCode === 127 ? error.exitCode : 125;
      const text = `${error.message}\n\nRun '${programName} run --help' for more information`;
      throw new WherryError(error.code, text, { exitCode });
    }
  },
};

async function run(context: Context, input: Input): Promise<number> {
  const options = await runOptions(context, input);
  const detach = input.has("detach");
  const tty = options.tty === true;
  if (!detach && tty && options.interactive === true && !context.stdin.isTerminal)
    throw bareError("the input device is not a TTY", 1);
  const engine = await context.engine();
  const { containers } = engine;
  const id = await containers.create(options);
  try {
    if (detach) {
      await containers.start(id);
      await context.stdout.write(`${id}\n`);
      return 0;
    }
    // Only with a terminal can the user detach, so only then must the container be able to outlive this command.
    const how = { foreground: !tty };
    const process = await containers.attach(id, how);
    const end = await runSession(context, process, {
      tty,
      input: options.interactive === true,
      signals: !tty && input.text("sig-proxy") !== "false",
      start: () => containers.start(id, how),
    });
    return end.kind === "exited" ? end.code : 0;
  } catch (error) {
    if (options.remove === true) await containers.remove(id, { force: true }).catch(() => {});
    throw error;
  }
}
