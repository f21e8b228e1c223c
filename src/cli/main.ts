/** Runs one command line: finds the command, parses, runs, and turns errors into messages and exit codes. */
import { WherryError } from "../base/errors.ts";
import type { Context } from "./command.ts";
import { programName, usageError, wrongParameters } from "./errors.ts";
import { parseInput } from "./parse.ts";
import { commands, findCommand, refused } from "./registry.ts";

export async function runCommandLine(context: Context, words: readonly string[]): Promise<number> {
  try {
    return await dispatch(context, words);
  } catch (reason) {
    const error = WherryError.from(reason);
    const prefix = error.data["bare"] === 1 ? "" : `${programName}: `;
    await context.stderr.write(`${prefix}${error.message}\n`);
    return error.exitCode;
  }
}

async function dispatch(context: Context, words: readonly string[]): Promise<number> {
  const [first, ...rest] = words;
  if (first === undefined || first === "help" || first === "--help" || first === "-h") return help(context, rest);
  if (first === "--version" || first === "-v") return dispatch(context, ["version", "--format", "short"]);
  if (first.startsWith("-")) throw usageError(programName, `unknown flag: ${first}`);
  const why = refused[first];
  if (why !== undefined)
    throw new WherryError("unsupported", `'${programName} ${first}' is not supported: ${why}`, { exitCode: 1 });
  const found = findCommand(words);
  if (found === null) {
    if (commands.some(({ noun }) => noun === first)) {
      const verb = rest[0];
      if (verb === undefined || verb === "--help") return help(context, [first]);
      throw unknownCommand(`${first} ${verb}`, `${programName} ${first}`);
    }
    throw unknownCommand(first, programName);
  }
  const { command } = await found.listed.load();
  const input = parseInput(command, words.slice(found.length));
  if (input.has("help")) {
    const { commandHelp } = await import("./help.ts");
    await context.stdout.write(commandHelp(command));
    return 0;
  }
  const { length } = input.parameters;
  if (length < command.parametersMin || (command.parametersMax !== null && length > command.parametersMax))
    throw wrongParameters(command, length);
  return command.run(context, input);
}

async function help(context: Context, words: readonly string[]): Promise<number> {
  const { commandHelp, mainHelp, nounHelp } = await import("./help.ts");
  const found = words.length === 0 ? null : findCommand(words);
  if (found !== null) {
    const { command } = await found.listed.load();
    await context.stdout.write(commandHelp(command));
    return 0;
  }
  if (words.length === 0) {
    await context.stdout.write(mainHelp());
    return 0;
  }
  if (commands.some(({ noun }) => noun === words[0])) {
    await context.stdout.write(nounHelp(words[0]!));
    return 0;
  }
  throw unknownCommand(words.join(" "), programName);
}

function unknownCommand(name: string, parent: string): WherryError {
  return new WherryError(
    "usage",
    `unknown command: ${programName} ${name}\n\nRun '${parent} --help' for more information`,
    { exitCode: 1 },
  );
}
