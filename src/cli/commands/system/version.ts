/** `wherry version`. */
import type { Command } from "../../command.ts";
import { renderTemplate } from "../../format/template.ts";
import { version } from "../../version.ts";

export const command: Command = {
  path: ["system", "version"],
  aliases: [["version"]],
  summary: "Show the Wherry version information",
  parameters: "",
  parametersMin: 0,
  parametersMax: 0,
  flags: [{ name: "format", short: "f", value: "string", summary: 'Format output using a Go template, or "json"' }],
  async run(context, input) {
    const document = { Client: { Version: version }, Server: { Version: version, Os: "linux", Arch: "amd64" } };
    const format = input.text("format");
    const text =
      format === undefined || format === "short"
        ? `Wherry version ${version}`
        : format === "json"
          ? JSON.stringify(document)
          : renderTemplate(format, document);
    await context.stdout.write(`${text}\n`);
    return 0;
  },
};
