/** Wrong use of a command: docker's wording, exit code 125 as for everything that is wrong before a container runs. */
import { WherryError } from "../base/errors.ts";
import type { Command } from "./command.ts";

export const programName = "wherry";

/** "wherry run", "wherry container ls": the shortest way to say a command. */
export function commandName(command: Command): string {
  const shortest = [command.path, ...command.aliases].toSorted((a, b) => a.length - b.length)[0]!;
  return `${programName} ${shortest.join(" ")}`;
}

/** Printed as it is, without the program's name before it. */
export function bareError(message: string, exitCode: number): WherryError {
  return new WherryError("usage", message, { exitCode, data: { bare: 1 } });
}

export function usageError(name: string, message: string): WherryError {
  return bareError(`${message}\nSee '${name} --help'.`, 125);
}

export function wrongParameters(command: Command, count: number): WherryError {
  const name = commandName(command);
  const { parametersMin: min, parametersMax: max } = command;
  const plural = (n: number): string => (n === 1 ? "argument" : "arguments");
  const rule =
    max === 0
      ? "accepts no arguments"
      : min === max
        ? `requires ${min} ${plural(min)}`
        : count < min
          ? `requires at least ${min} ${plural(min)}`
          : `requires at most ${max} ${plural(max ?? 0)}`;
  return new WherryError(
    "usage",
    `'${name}' ${rule}\n\nUsage:  ${usageLine(command)}\n\nSee '${name} --help' for more information`,
    { exitCode: 1 },
  );
}

export function usageLine(command: Command): string {
  const options = command.flags.length > 0 ? " [OPTIONS]" : "";
  return `${commandName(command)}${options}${command.parameters === "" ? "" : ` ${command.parameters}`}`;
}
