/**
 * From an image's defaults and the user's options to a ContainerSpec, by docker's rules: a given entrypoint drops the
 * image's command too; arguments replace the image's command; the environment is merged name by name.
 */
import { WherryError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import type { ContainerSpec, MountSpec, ProcessSpec } from "../runtime/types.ts";
import { containerEnvironment, mergeEnvironment } from "./environment.ts";
import type { ResolvedImage } from "./image.ts";
import { parseCpuLevel, parseJitMode } from "./processor.ts";
import { parseSignal } from "./signals.ts";
import type { ExecOptions, RunOptions } from "./types.ts";

/** The smallest memory a container may be given; docker's own bound. */
const memoryBytesMin = 6 * 1024 * 1024;

const invalid = (message: string): WherryError => new WherryError("usage", message, { exitCode: 125 });

export function makeContainerSpec(id: string, options: RunOptions, image: ResolvedImage): ContainerSpec {
  const { config } = image;
  const hostname = options.hostname ?? id.slice(0, 12);
  const stopSignal = options.stopSignal ?? (config.StopSignal || "SIGTERM");
  parseSignal(stopSignal);
  if (options.memoryBytes !== undefined && options.memoryBytes < memoryBytesMin)
    throw invalid("Minimum memory limit allowed is 6MB");
  return {
    id,
    hostname,
    layers: image.layers,
    process: {
      arguments: commandLine(options, image),
      environment: containerEnvironment({
        hostname,
        tty: options.tty === true,
        image: config.Env ?? [],
        user: options.environment ?? [],
      }),
      workingDirectory: workingDirectory(options.workingDirectory ?? (config.WorkingDir || "/")),
      user: options.user ?? config.User ?? "",
      tty: options.tty === true,
      interactive: options.interactive === true,
      columns: options.columns ?? 80,
      rows: options.rows ?? 24,
    },
    readOnly: options.readOnly === true,
    mounts: mounts(options),
    memoryBytes: Math.min(options.memoryBytes ?? limits.memoryBytesDefault, limits.memoryBytesMax),
    memoryLimited: options.memoryBytes !== undefined,
    stopSignal,
    strace: options.strace === true,
    ...(options.remove === true && { temporary: true }),
    ...(options.jit !== undefined && { jit: parseJitMode(options.jit) }),
    ...(options.cpu !== undefined && { cpu: parseCpuLevel(options.cpu) }),
  };
}

/** The process `exec` starts: the container's own environment and directory unless told otherwise. */
export function makeExecSpec(container: ContainerSpec, options: ExecOptions): ProcessSpec {
  if (options.command.length === 0 || options.command[0] === "")
    throw new WherryError("usage", "No exec command specified");
  const { process } = container;
  const tty = options.tty === true;
  const base = tty ? mergeEnvironment(["TERM=xterm"], process.environment) : process.environment;
  return {
    arguments: options.command,
    environment: mergeEnvironment(base, options.environment ?? []),
    workingDirectory: workingDirectory(options.workingDirectory ?? process.workingDirectory),
    user: options.user ?? process.user,
    tty,
    interactive: options.interactive === true,
    columns: options.columns ?? 80,
    rows: options.rows ?? 24,
  };
}

function commandLine(options: RunOptions, image: ResolvedImage): readonly string[] {
  const { config } = image;
  // `--entrypoint ""` clears the image's entrypoint, and with it its command.
  const given = options.entrypoint?.filter((argument) => argument !== "");
  const entrypoint = given ?? config.Entrypoint ?? [];
  const command =
    options.command !== undefined && options.command.length > 0
      ? options.command
      : given === undefined
        ? (config.Cmd ?? [])
        : [];
  const all = [...entrypoint, ...command];
  if (all.length === 0) throw invalid("no command specified");
  return all;
}

function workingDirectory(path: string): string {
  if (!path.startsWith("/"))
    throw invalid(`the working directory '${path}' is invalid, it needs to be an absolute path`);
  return path;
}

function mounts(options: RunOptions): MountSpec[] {
  const all: MountSpec[] = [];
  const seen = new Set<string>();
  const target = (path: string): string => {
    if (!path.startsWith("/")) throw invalid(`invalid mount path: '${path}' mount path must be absolute`);
    const clean = normalise(path);
    if (clean === "/") throw invalid("invalid mount path: destination can't be '/'");
    if (seen.has(clean)) throw invalid(`Duplicate mount point: ${clean}`);
    seen.add(clean);
    return clean;
  };
  for (const volume of options.volumes ?? [])
    all.push({ type: "bind", source: volume.source, target: target(volume.target), readOnly: volume.readOnly });
  for (const entry of options.tmpfs ?? []) {
    const colon = entry.indexOf(":");
    const path = colon < 0 ? entry : entry.slice(0, colon);
    all.push({ type: "tmpfs", target: target(path), options: colon < 0 ? "" : entry.slice(colon + 1) });
  }
  // Outer mounts first, or they would hide the inner ones.
  return all.toSorted((a, b) => a.target.split("/").length - b.target.split("/").length);
}

function normalise(path: string): string {
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "" || part === ".") continue;
    if (part === "..") parts.pop();
    else parts.push(part);
  }
  return `/${parts.join("/")}`;
}
