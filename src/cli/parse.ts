/** Takes a command line apart by a command's flags. The one door to commander. */
import { Command as Parser, CommanderError, Option } from "commander";
import type { Command, Flag } from "./command.ts";
import { Input } from "./command.ts";
import { commandName, usageError } from "./errors.ts";

export const helpFlag: Flag = { name: "help", value: null, summary: "Print this help" };

export function parseInput(command: Command, words: readonly string[]): Input {
  const flags = [...command.flags, helpFlag];
  const parser = new Parser(commandName(command))
    .helpOption(false)
    .argument("[words...]")
    .exitOverride()
    .configureOutput({ writeOut: () => {}, writeErr: () => {} })
    .showSuggestionAfterError(false)
    .allowExcessArguments();
  // `run IMAGE ls -x`: -x is for ls.
  if (command.passThrough === true) parser.passThroughOptions();
  for (const flag of flags) parser.addOption(optionOf(flag));
  try {
    parser.parse([...words], { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError) throw translated(command, error);
    throw error;
  }
  const values = new Map<string, boolean | string | readonly string[]>();
  for (const [name, value] of Object.entries(parser.opts<Record<string, boolean | string | string[]>>()))
    values.set(
      name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`),
      value,
    );
  // Commander takes --no-trunc as the opposite of an option "trunc" that is on; here it is a switch of its own.
  for (const { name } of flags)
    if (name.startsWith("no-")) {
      const opposite = name.slice("no-".length);
      values.set(name, values.get(opposite) === false);
      values.delete(opposite);
    }
  return new Input(parser.args, values);
}

function optionOf(flag: Flag): Option {
  const short = flag.short === undefined ? "" : `-${flag.short}, `;
  const value = flag.value === null ? "" : " <value>";
  const option = new Option(`${short}--${flag.name}${value}`, flag.summary);
  if (flag.list === true) option.argParser((text: string, before: string[] | undefined) => [...(before ?? []), text]);
  return option;
}

/** Commander's complaints in docker's words. */
function translated(command: Command, error: CommanderError) {
  const name = commandName(command);
  const quoted = /'([^']*)'/.exec(error.message)?.[1] ?? "";
  if (error.code === "commander.unknownOption") {
    if (quoted.startsWith("--")) return usageError(name, `unknown flag: ${quoted.split("=", 1)[0]}`);
    return usageError(name, `unknown shorthand flag: '${quoted.charAt(1)}' in ${quoted}`);
  }
  if (error.code === "commander.optionMissingArgument") {
    const long = /--[a-z-]+/.exec(quoted)?.[0];
    return usageError(name, `flag needs an argument: ${long ?? quoted}`);
  }
  return usageError(name, error.message.replace(/^error: /, ""));
}
