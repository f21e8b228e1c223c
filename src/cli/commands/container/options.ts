/** Flags of `run` and `create`, and what they make of RunOptions. */
import { WherryError } from "../../../base/errors.ts";
import { parseCpuLevel, parseJitMode } from "../../../container/processor.ts";
import type { RunOptions, VolumeMount } from "../../../container/types.ts";
import type { Context, Flag, Input } from "../../command.ts";
import { parseSize } from "../../format/human.ts";

export const createFlags: readonly Flag[] = [
  {
    name: "cpu",
    value: "level",
    summary: "Processor of the emulator: x86-64-v2 (the default) or x86-64-v3 (AVX2, FMA)",
  },
  { name: "entrypoint", value: "string", summary: "Overwrite the default ENTRYPOINT of the image" },
  { name: "env", short: "e", value: "list", list: true, summary: "Set environment variables" },
  { name: "env-file", value: "list", list: true, summary: "Read in a file of environment variables" },
  { name: "hostname", short: "h", value: "string", summary: "Container host name" },
  { name: "interactive", short: "i", value: null, summary: "Keep STDIN open even if not attached" },
  { name: "jit", value: "mode", summary: "Compile hot code under the emulator: on (the default), off or force" },
  { name: "label", short: "l", value: "list", list: true, summary: "Set meta data on a container" },
  { name: "memory", short: "m", value: "bytes", summary: "Memory limit" },
  { name: "name", value: "string", summary: "Assign a name to the container" },
  { name: "network", value: "network", summary: 'Connect a container to a network (only "none" so far)' },
  { name: "platform", value: "string", summary: "Set platform if the image is multi-platform" },
  { name: "read-only", value: null, summary: "Mount the container's root filesystem as read only" },
  { name: "rm", value: null, summary: "Automatically remove the container when it exits" },
  { name: "runtime", value: "string", summary: "How to run it: native, emulator or wasi" },
  { name: "stop-signal", value: "string", summary: "Signal to stop the container" },
  { name: "strace", value: null, summary: "Print the system calls of the container's programs (emulator only)" },
  { name: "tmpfs", value: "list", list: true, summary: "Mount a tmpfs directory" },
  { name: "tty", short: "t", value: null, summary: "Allocate a pseudo-TTY" },
  { name: "user", short: "u", value: "string", summary: "Username or UID (format: <name|uid>[:<group|gid>])" },
  { name: "volume", short: "v", value: "list", list: true, summary: "Bind mount a volume" },
  { name: "workdir", short: "w", value: "string", summary: "Working directory inside the container" },
];

const invalid = (message: string): WherryError => new WherryError("usage", message, { exitCode: 125 });

const runtimes = ["native", "emulator", "wasi"] as const;

export async function runOptions(context: Context, input: Input): Promise<RunOptions> {
  const [image = "", ...command] = input.parameters;
  const runtime = input.text("runtime");
  if (runtime !== undefined && !(runtimes as readonly string[]).includes(runtime))
    throw invalid(`unknown or invalid runtime name: ${runtime} (native, emulator and wasi are known)`);
  const network = input.text("network");
  if (network !== undefined && network !== "none")
    throw new WherryError(
      "unsupported",
      `network ${network} is not supported yet: containers have their loopback interface only, as with --network none`,
      { exitCode: 125 },
    );
  const memory = input.text("memory");
  const memoryBytes = memory === undefined ? undefined : parseSize(memory);
  if (memoryBytes === null)
    throw invalid(`invalid argument "${memory}" for "-m, --memory" flag: invalid size: '${memory}'`);
  const cpu = input.text("cpu");
  const jit = input.text("jit");
  const { columns, rows } = context.size();
  const entrypoint = input.text("entrypoint");
  return {
    image,
    columns,
    rows,
    environment: await environment(context, input),
    interactive: input.has("interactive"),
    tty: input.has("tty"),
    readOnly: input.has("read-only"),
    remove: input.has("rm"),
    strace: input.has("strace"),
    tmpfs: input.list("tmpfs"),
    volumes: input.list("volume").map((volume) => parseVolume(context, volume)),
    labels: Object.fromEntries(input.list("label").map(splitLabel)),
    ...optional("name", input.text("name")),
    ...optional("hostname", input.text("hostname")),
    ...optional("platform", input.text("platform")),
    ...optional("user", input.text("user")),
    ...optional("workingDirectory", input.text("workdir")),
    ...optional("stopSignal", input.text("stop-signal")),
    ...optional("memoryBytes", memoryBytes),
    ...optional("runtime", runtime as RunOptions["runtime"]),
    ...optional("cpu", cpu === undefined ? undefined : parseCpuLevel(cpu)),
    ...optional("jit", jit === undefined ? undefined : parseJitMode(jit)),
    ...optional("entrypoint", entrypoint === undefined ? undefined : [entrypoint]),
    ...optional("command", command.length > 0 ? command : undefined),
  };
}

export function optional<K extends string, V>(key: K, value: V | undefined): { [key in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { [key in K]?: V });
}

/** Files first, then -e; a name alone takes the command's own variable, or nothing. */
export async function environment(context: Context, input: Input): Promise<string[]> {
  const all: string[] = [];
  for (const path of input.list("env-file")) {
    if (context.files === null) throw invalid("--env-file needs a file system, which this host does not have");
    const text = await context.files.readText(path).catch((error: unknown) => {
      throw invalid(
        `open ${path}: ${(error as { code?: string }).code === "ENOENT" ? "no such file or directory" : String(error)}`,
      );
    });
    for (const raw of text.split("\n")) {
      const line = raw.trimStart().replace(/\r$/, "");
      if (line === "" || line.startsWith("#")) continue;
      const name = line.split("=", 1)[0]!;
      if (/\s/.test(name)) throw invalid(`poorly formatted environment: variable '${name}' contains whitespaces`);
      all.push(...fromHere(context, line));
    }
  }
  for (const variable of input.list("env")) {
    if (variable === "" || variable.startsWith("="))
      throw invalid(`invalid argument "${variable}" for "-e, --env" flag: invalid environment variable: ${variable}`);
    all.push(...fromHere(context, variable));
  }
  return all;
}

function fromHere(context: Context, variable: string): string[] {
  if (variable.includes("=")) return [variable];
  const value = context.environment[variable];
  return value === undefined ? [] : [`${variable}=${value}`];
}

function splitLabel(label: string): [string, string] {
  const at = label.indexOf("=");
  return at < 0 ? [label, ""] : [label.slice(0, at), label.slice(at + 1)];
}

function parseVolume(context: Context, volume: string): VolumeMount {
  const [source = "", target, mode, ...more] = volume.split(":");
  if (target === undefined)
    throw new WherryError("unsupported", `anonymous volumes are not supported yet: say -v HOST-FOLDER:${source}`, {
      exitCode: 125,
    });
  if (source === "" || target === "" || more.length > 0) throw invalid(`invalid volume specification: '${volume}'`);
  if (!target.startsWith("/"))
    throw invalid(
      `invalid volume specification: '${volume}': invalid mount path: '${target}' mount path must be absolute`,
    );
  const options = mode === undefined ? [] : mode.split(",");
  const unknown = options.find((option) => !["ro", "rw", "z", "Z"].includes(option));
  if (unknown !== undefined) throw invalid(`invalid mode: ${mode}`);
  if (context.files === null) throw invalid("bind mounts need a file system, which this host does not have");
  if (!source.startsWith("/") && !source.startsWith(".") && !source.startsWith("~"))
    throw new WherryError(
      "unsupported",
      `named volumes are not supported yet: "${source}" is no path; say ./${source} for a folder here`,
      { exitCode: 125 },
    );
  return { source: context.files.resolve(source), target, readOnly: options.includes("ro") };
}
