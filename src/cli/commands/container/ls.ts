/** `wherry ps`: the containers. */
import type { ContainerSummary } from "../../../engine/types.ts";
import { WherryError } from "../../../base/errors.ts";
import type { Command } from "../../command.ts";
import { humanDuration } from "../../format/human.ts";
import { listing } from "../../format/listing.ts";

export const command: Command = {
  path: ["container", "ls"],
  aliases: [["ps"], ["container", "ps"], ["container", "list"]],
  summary: "List containers",
  parameters: "",
  parametersMin: 0,
  parametersMax: 0,
  flags: [
    { name: "all", short: "a", value: null, summary: "Show all containers (default shows just running)" },
    { name: "filter", short: "f", value: "filter", list: true, summary: "Filter output (name, id, status, ancestor)" },
    { name: "format", value: "string", summary: 'Format output using a Go template, "table …" or "json"' },
    { name: "last", short: "n", value: "int", summary: "Show n last created containers (includes all states)" },
    { name: "latest", short: "l", value: null, summary: "Show the latest created container (includes all states)" },
    { name: "no-trunc", value: null, summary: "Don't truncate output" },
    { name: "quiet", short: "q", value: null, summary: "Only display container IDs" },
  ],
  async run(context, input) {
    const { containers } = await context.engine();
    const last = input.has("latest") ? 1 : Number(input.text("last") ?? 0);
    const filters = input.list("filter").map(parseFilter);
    // A filter for a state looks at containers in every state.
    const all = input.has("all") || last > 0 || filters.some(({ key }) => key === "status");
    let list = (await containers.list({ all })).filter((container) =>
      filters.every((filter) => matches(container, filter)),
    );
    if (last > 0) list = list.slice(0, last);
    const whole = input.has("no-trunc");
    const nowSeconds = context.nowMs() / 1000;
    await context.stdout.write(
      listing({
        rows: list.map((container) => row(container, whole, nowSeconds)),
        columns: ["ID", "Image", "Command", "RunningFor", "Status", "Ports", "Names"],
        headings,
        quiet: input.has("quiet") ? "ID" : null,
        format: input.text("format"),
      }),
    );
    return 0;
  },
};

const headings: Readonly<Record<string, string>> = {
  ID: "CONTAINER ID",
  Image: "IMAGE",
  Command: "COMMAND",
  RunningFor: "CREATED",
  CreatedAt: "CREATED AT",
  Status: "STATUS",
  State: "STATE",
  Ports: "PORTS",
  Names: "NAMES",
  Runtime: "RUNTIME",
};

function row(container: ContainerSummary, whole: boolean, nowSeconds: number): Record<string, string> {
  const command = container.command.join(" ");
  return {
    ID: whole ? container.id : container.id.slice(0, 12),
    Image: container.image,
    Command: `"${(whole ? command : ellipsis(command, 20)).replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`,
    RunningFor: `${humanDuration(nowSeconds - container.createdSeconds)} ago`,
    CreatedAt: new Date(container.createdSeconds * 1000).toISOString().replace("T", " ").replace(".000Z", " +0000 UTC"),
    Status: status(container, nowSeconds),
    State: container.status,
    Ports: "",
    Names: container.name,
    Runtime: container.runtime,
  };
}

function status(container: ContainerSummary, nowSeconds: number): string {
  switch (container.status) {
    case "created":
      return "Created";
    case "running":
      return `Up ${humanDuration(nowSeconds - (container.startedSeconds ?? nowSeconds))}`;
    case "paused":
      return `Up ${humanDuration(nowSeconds - (container.startedSeconds ?? nowSeconds))} (Paused)`;
    case "dead":
      return "Dead";
    case "exited":
      return `Exited (${container.exitCode ?? 0}) ${humanDuration(nowSeconds - (container.finishedSeconds ?? nowSeconds))} ago`;
  }
}

function ellipsis(text: string, max: number): string {
  const letters = [...text];
  return letters.length <= max ? text : `${letters.slice(0, max - 1).join("")}…`;
}

interface Filter {
  readonly key: string;
  readonly value: string;
}

const filterKeys = ["name", "id", "status", "ancestor"];

function parseFilter(text: string): Filter {
  const at = text.indexOf("=");
  if (at < 0)
    throw new WherryError(
      "usage",
      `invalid argument "${text}" for "-f, --filter" flag: bad format of filter (expected name=value)`,
      { exitCode: 125 },
    );
  const key = text.slice(0, at);
  if (!filterKeys.includes(key)) throw new WherryError("usage", `invalid filter '${key}'`);
  return { key, value: text.slice(at + 1) };
}

function matches(container: ContainerSummary, { key, value }: Filter): boolean {
  if (key === "name") return container.name.includes(value);
  if (key === "id") return container.id.startsWith(value);
  if (key === "status") return container.status === value;
  return container.image === value || container.imageId.replace("sha256:", "").startsWith(value);
}
