/** What the run dialog's fields mean: run options, and the same as a command line. */
import { WherryError } from "../../base/errors.ts";
import { defaultCpuLevel, defaultJitMode, parseCpuLevel, parseJitMode } from "../../container/processor.ts";
import type { RunOptions } from "../../engine/types.ts";
import { joinWords, splitWords } from "../../share/words.ts";

export interface RunFields {
  readonly image: string;
  readonly command: string;
  readonly entrypoint: string;
  readonly environment: string;
  readonly workingDirectory: string;
  readonly user: string;
  readonly name: string;
  readonly hostname: string;
  readonly tty: boolean;
  readonly remove: boolean;
  readonly readOnly: boolean;
  readonly cpu: string;
  readonly jit: string;
}

export function runOptions(fields: RunFields): RunOptions {
  if (fields.image === "") throw new WherryError("usage", "Choose an image.");
  if (fields.name !== "" && !/^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/.test(fields.name)) {
    throw new WherryError("usage", "A name has at least two characters: letters, digits, and after the first _ . or -");
  }
  if (fields.workingDirectory !== "" && !fields.workingDirectory.startsWith("/")) {
    throw new WherryError("usage", "The working directory must begin with /.");
  }
  const command = splitWords(fields.command);
  const entrypoint = splitWords(fields.entrypoint);
  const environment = parseEnvironment(fields.environment);
  return {
    image: fields.image,
    interactive: true,
    tty: fields.tty,
    ...(command.length === 0 ? {} : { command }),
    ...(entrypoint.length === 0 ? {} : { entrypoint }),
    ...(environment.length === 0 ? {} : { environment }),
    ...(fields.workingDirectory === "" ? {} : { workingDirectory: fields.workingDirectory }),
    ...(fields.user === "" ? {} : { user: fields.user }),
    ...(fields.name === "" ? {} : { name: fields.name }),
    ...(fields.hostname === "" ? {} : { hostname: fields.hostname }),
    ...(fields.remove ? { remove: true } : {}),
    ...(fields.readOnly ? { readOnly: true } : {}),
    ...(fields.cpu === "" || fields.cpu === defaultCpuLevel ? {} : { cpu: parseCpuLevel(fields.cpu) }),
    ...(fields.jit === "" || fields.jit === defaultJitMode ? {} : { jit: parseJitMode(fields.jit) }),
  };
}

/** One "KEY=value" a line; empty lines and lines that begin with # are left out. */
export function parseEnvironment(text: string): string[] {
  const variables: string[] = [];
  for (const line of text.split("\n")) {
    const variable = line.trim();
    if (variable === "" || variable.startsWith("#")) continue;
    if (!/^[^=\s]+=/.test(variable)) {
      throw new WherryError("usage", `“${variable}” is no environment variable: write KEY=value.`);
    }
    variables.push(variable);
  }
  return variables;
}

/** The command line that does the same under Node. */
export function asCommandLine(options: RunOptions): string {
  const words = ["wherry", "run", options.tty === true ? "-it" : "-i"];
  if (options.remove === true) words.push("--rm");
  if (options.readOnly === true) words.push("--read-only");
  if (options.name !== undefined) words.push("--name", options.name);
  if (options.hostname !== undefined) words.push("-h", options.hostname);
  if (options.user !== undefined) words.push("-u", options.user);
  if (options.workingDirectory !== undefined) words.push("-w", options.workingDirectory);
  if (options.cpu !== undefined) words.push("--cpu", options.cpu);
  if (options.jit !== undefined) words.push("--jit", options.jit);
  for (const variable of options.environment ?? []) words.push("-e", variable);
  const [entrypoint, ...first] = options.entrypoint ?? [];
  if (entrypoint !== undefined) words.push("--entrypoint", entrypoint);
  return joinWords([...words, options.image, ...first, ...(options.command ?? [])]);
}
