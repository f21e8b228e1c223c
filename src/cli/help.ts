/** Help texts, made from the commands' own descriptions in docker's layout. */
import type { Command, Flag } from "./command.ts";
import { commandName, programName, usageLine } from "./errors.ts";
import { helpFlag } from "./parse.ts";
import { commands } from "./registry.ts";

function rows(lines: readonly (readonly [string, string])[]): string {
  const width = Math.max(...lines.map(([left]) => left.length)) + 3;
  return lines.map(([left, right]) => `  ${left.padEnd(width)}${right}`.trimEnd()).join("\n");
}

function flagText(flag: Flag): string {
  const short = flag.short === undefined ? "    " : `-${flag.short}, `;
  return `${short}--${flag.name}${flag.value === null ? "" : ` ${flag.value}`}`;
}

export function commandHelp(command: Command): string {
  const parts = [`Usage:  ${usageLine(command)}`, command.summary];
  const names = [command.path, ...command.aliases].map((words) => `${programName} ${words.join(" ")}`);
  if (names.length > 1) parts.push(`Aliases:\n  ${names.join(", ")}`);
  const flags = [...command.flags, helpFlag].toSorted((a, b) => (a.name < b.name ? -1 : 1));
  parts.push(`Options:\n${rows(flags.map((flag) => [flagText(flag), flag.summary]))}`);
  return `${parts.join("\n\n")}\n`;
}

/** `wherry help`: commands by their short names, then the nouns. */
export function mainHelp(): string {
  const short = commands.filter(({ names }) => !names[0]!.includes(" "));
  const nouns = [...new Set(commands.map(({ noun }) => noun))].filter((noun) => noun !== "system");
  const common = ["run", "exec", "ps", "images", "load", "logs", "version", "info"];
  const commonRows = common.flatMap((name) => {
    const listed = short.find(({ names }) => names[0] === name);
    return listed === undefined ? [] : [[name, listed.summary] as const];
  });
  const others = short
    .filter(({ names }) => !common.includes(names[0]!))
    .map(({ names, summary }) => [names[0]!, summary] as const)
    .toSorted(([a], [b]) => (a < b ? -1 : 1));
  return [
    `Usage:  ${programName} COMMAND`,
    "Runs linux/amd64 and WASI container images, natively or under emulation",
    `Common Commands:\n${rows(commonRows)}`,
    `Management Commands:\n${rows(nouns.map((noun) => [noun, `Manage ${noun}s`]))}`,
    `Commands:\n${rows(others)}`,
    `Run '${programName} COMMAND --help' for more information on a command.\n`,
  ].join("\n\n");
}

export function nounHelp(noun: string): string {
  const verbs = commands
    .filter((listed) => listed.noun === noun)
    .map(({ verb, summary }) => [verb, summary] as const)
    .toSorted(([a], [b]) => (a < b ? -1 : 1));
  return [
    `Usage:  ${programName} ${noun} COMMAND`,
    `Manage ${noun}s`,
    `Commands:\n${rows(verbs)}`,
    `Run '${programName} ${noun} COMMAND --help' for more information on a command.\n`,
  ].join("\n\n");
}

export { commandName };
