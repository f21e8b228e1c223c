/** All commands, by the words that call them. Each file is loaded only when its command is used or listed. */
import type { Command } from "./command.ts";

interface Listed {
  readonly noun: string;
  readonly verb: string;
  /** Every way to say it, the shortest first. */
  readonly names: readonly string[];
  readonly summary: string;
  readonly load: () => Promise<{ readonly command: Command }>;
}

const entry = (
  noun: string,
  verb: string,
  names: readonly string[],
  summary: string,
  load: Listed["load"],
): Listed => ({ noun, verb, names: [...names, `${noun} ${verb}`], summary, load });

/** The summaries are the commands' own, repeated here so that `help` loads none; a test compares them. */
export const commands: readonly Listed[] = [
  entry(
    "container",
    "run",
    ["run"],
    "Create and run a new container from an image",
    () => import("./commands/container/run.ts"),
  ),
  entry(
    "container",
    "exec",
    ["exec"],
    "Execute a command in a running container",
    () => import("./commands/container/exec.ts"),
  ),
  entry(
    "container",
    "ls",
    ["ps", "container ps", "container list"],
    "List containers",
    () => import("./commands/container/ls.ts"),
  ),
  entry(
    "container",
    "attach",
    ["attach"],
    "Attach local standard input, output, and error streams to a running container",
    () => import("./commands/container/attach.ts"),
  ),
  entry(
    "container",
    "cp",
    ["cp"],
    "Copy files/folders between a container and the local filesystem",
    () => import("./commands/container/cp.ts"),
  ),
  entry("container", "create", ["create"], "Create a new container", () => import("./commands/container/create.ts")),
  entry(
    "container",
    "kill",
    ["kill"],
    "Kill one or more running containers",
    () => import("./commands/container/kill.ts"),
  ),
  entry("container", "logs", ["logs"], "Fetch the logs of a container", () => import("./commands/container/logs.ts")),
  entry(
    "container",
    "restart",
    ["restart"],
    "Restart one or more containers",
    () => import("./commands/container/restart.ts"),
  ),
  entry(
    "container",
    "rm",
    ["rm", "container remove"],
    "Remove one or more containers",
    () => import("./commands/container/rm.ts"),
  ),
  entry(
    "container",
    "start",
    ["start"],
    "Start one or more stopped containers",
    () => import("./commands/container/start.ts"),
  ),
  entry(
    "container",
    "stop",
    ["stop"],
    "Stop one or more running containers",
    () => import("./commands/container/stop.ts"),
  ),
  entry(
    "container",
    "wait",
    ["wait"],
    "Block until one or more containers stop, then print their exit codes",
    () => import("./commands/container/wait.ts"),
  ),
  entry(
    "container",
    "stats",
    ["stats"],
    "Display a live stream of container(s) resource usage statistics",
    () => import("./commands/container/stats.ts"),
  ),
  entry(
    "container",
    "inspect",
    [],
    "Display detailed information on one or more containers",
    () => import("./commands/container/inspect.ts"),
  ),
  entry("image", "ls", ["images", "image list"], "List images", () => import("./commands/image/ls.ts")),
  entry(
    "image",
    "load",
    ["load"],
    "Load an image from a tar archive or STDIN",
    () => import("./commands/image/load.ts"),
  ),
  entry("image", "rm", ["rmi", "image remove"], "Remove one or more images", () => import("./commands/image/rm.ts")),
  entry(
    "image",
    "inspect",
    [],
    "Display detailed information on one or more images",
    () => import("./commands/image/inspect.ts"),
  ),
  entry(
    "system",
    "inspect",
    ["inspect"],
    "Return low-level information on Wherry objects",
    () => import("./commands/system/inspect.ts"),
  ),
  entry("system", "info", ["info"], "Display system-wide information", () => import("./commands/system/info.ts")),
  entry(
    "system",
    "version",
    ["version"],
    "Show the Wherry version information",
    () => import("./commands/system/version.ts"),
  ),
];

/** Docker's commands that Wherry will not have, and why. */
export const refused: Readonly<Record<string, string>> = {
  swarm: "Wherry runs containers on one machine or in one page: there is no cluster",
  service: "Wherry runs containers on one machine or in one page: there are no services",
  stack: "Wherry runs containers on one machine or in one page: there are no stacks",
  node: "Wherry runs containers on one machine or in one page: there are no nodes",
  secret: "secrets belong to swarm services, which Wherry does not have; use --env-file or a bind mount",
  config: "configs belong to swarm services, which Wherry does not have; use a bind mount",
  plugin: "Wherry has no plugins",
  checkpoint: "Wherry cannot checkpoint containers",
  trust: "Wherry does not sign images; every digest is verified when an image is loaded",
};

/** The command that the first words call, and how many words that took. */
export function findCommand(words: readonly string[]): { readonly listed: Listed; readonly length: number } | null {
  for (const length of [2, 1]) {
    const name = words.slice(0, length).join(" ");
    if (words.length < length) continue;
    const listed = commands.find(({ names }) => names.includes(name));
    if (listed !== undefined) return { listed, length };
  }
  return null;
}
