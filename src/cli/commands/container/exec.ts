/** `wherry exec`: one more process in a running container. */
import type { Command } from "../../command.ts";
import { bareError } from "../../errors.ts";
import { runSession } from "../../session.ts";
import { environment, optional } from "./options.ts";

export const command: Command = {
  path: ["container", "exec"],
  aliases: [["exec"]],
  summary: "Execute a command in a running container",
  parameters: "CONTAINER COMMAND [ARG...]",
  parametersMin: 2,
  parametersMax: null,
  passThrough: true,
  flags: [
    { name: "detach", short: "d", value: null, summary: "Detached mode: run command in the background" },
    { name: "env", short: "e", value: "list", list: true, summary: "Set environment variables" },
    { name: "env-file", value: "list", list: true, summary: "Read in a file of environment variables" },
    { name: "interactive", short: "i", value: null, summary: "Keep STDIN open even if not attached" },
    { name: "tty", short: "t", value: null, summary: "Allocate a pseudo-TTY" },
    { name: "user", short: "u", value: "string", summary: 'Username or UID (format: "<name|uid>[:<group|gid>]")' },
    { name: "workdir", short: "w", value: "string", summary: "Working directory inside the container" },
  ],
  async run(context, input) {
    const [container = "", ...words] = input.parameters;
    const tty = input.has("tty");
    const interactive = input.has("interactive");
    const detach = input.has("detach");
    if (tty && interactive && !detach && !context.stdin.isTerminal) throw bareError("the input device is not a TTY", 1);
    const engine = await context.engine();
    const { columns, rows } = context.size();
    const process = await engine.containers.exec(container, {
      command: words,
      tty,
      interactive: interactive && !detach,
      columns,
      rows,
      environment: await environment(context, input),
      ...optional("user", input.text("user")),
      ...optional("workingDirectory", input.text("workdir")),
    });
    if (detach) {
      await process.detach();
      return 0;
    }
    const end = await runSession(context, process, { tty, input: interactive, signals: false });
    return end.kind === "exited" ? end.code : 0;
  },
};
