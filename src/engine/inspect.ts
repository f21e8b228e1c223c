/** A container's record in docker's shapes: the line of `ps` and the document of `inspect`. */
import { defaultCpuLevel, defaultJitMode } from "../container/processor.ts";
import type { ContainerRecord } from "../container/record.ts";
import type { ContainerSummary } from "./types.ts";

const seconds = (ms: number | null): number | null => (ms === null ? null : Math.floor(ms / 1000));

export function summarize(record: ContainerRecord): ContainerSummary {
  const { state } = record;
  return {
    id: record.id,
    name: record.name,
    image: record.image,
    imageId: record.imageId,
    command: record.spec.process.arguments,
    createdSeconds: Math.floor(record.createdMs / 1000),
    status: state.status,
    exitCode: state.exitCode,
    startedSeconds: seconds(state.startedMs),
    finishedSeconds: seconds(state.finishedMs),
    tty: record.spec.process.tty,
    runtime: record.runtime,
  };
}

/** What docker writes where a moment has not come yet. */
const never = "0001-01-01T00:00:00Z";
const moment = (ms: number | null): string => (ms === null ? never : new Date(ms).toISOString());

export function inspectContainer(record: ContainerRecord): Record<string, unknown> {
  const { spec, state } = record;
  const { process } = spec;
  const path = process.arguments[0] ?? "";
  return {
    Id: record.id,
    Created: moment(record.createdMs),
    Path: path,
    Args: process.arguments.slice(1),
    State: {
      Status: state.status,
      Running: state.status === "running",
      Paused: state.status === "paused",
      Restarting: false,
      OOMKilled: false,
      Dead: state.status === "dead",
      Pid: state.pid,
      ExitCode: state.exitCode ?? 0,
      Error: state.error,
      StartedAt: moment(state.startedMs),
      FinishedAt: moment(state.finishedMs),
    },
    Image: record.imageId,
    Name: `/${record.name}`,
    RestartCount: 0,
    Driver: "wherry",
    Platform: "linux",
    HostConfig: {
      Binds: spec.mounts.flatMap((mount) =>
        mount.type === "bind" ? [`${mount.source}:${mount.target}${mount.readOnly ? ":ro" : ""}`] : [],
      ),
      Tmpfs: Object.fromEntries(
        spec.mounts.flatMap((mount) => (mount.type === "tmpfs" ? [[mount.target, mount.options]] : [])),
      ),
      NetworkMode: "none",
      AutoRemove: record.remove,
      ReadonlyRootfs: spec.readOnly,
      Memory: spec.memoryLimited === true ? spec.memoryBytes : 0,
      Runtime: record.runtime,
      ...(record.runtime === "emulator" && { Cpu: spec.cpu ?? defaultCpuLevel, Jit: spec.jit ?? defaultJitMode }),
      RestartPolicy: { Name: "no", MaximumRetryCount: 0 },
    },
    Mounts: spec.mounts.map((mount) =>
      mount.type === "bind"
        ? {
            Type: "bind",
            Source: mount.source,
            Destination: mount.target,
            Mode: mount.readOnly ? "ro" : "",
            RW: !mount.readOnly,
            Propagation: "rprivate",
          }
        : { Type: "tmpfs", Source: "", Destination: mount.target, Mode: mount.options, RW: true, Propagation: "" },
    ),
    Config: {
      Hostname: spec.hostname,
      User: process.user,
      AttachStdin: process.interactive,
      Tty: process.tty,
      OpenStdin: process.interactive,
      Env: process.environment,
      Cmd: process.arguments.slice(record.entrypointLength),
      Image: record.image,
      WorkingDir: process.workingDirectory,
      Entrypoint: record.entrypointLength === 0 ? null : process.arguments.slice(0, record.entrypointLength),
      Labels: record.labels,
      StopSignal: spec.stopSignal,
    },
    NetworkSettings: { Networks: {}, Ports: {} },
  };
}
