/**
 * The native runtime: a container is real Linux namespaces, made by an OCI runtime (crun or runc) from a bundle Wherry
 * writes. As root, or rootless in a user namespace.
 *
 *     wherry ── unshare --mount ── sh: mount overlay ── exec runc run   the mount goes with the mount namespace
 *            └─ (rootless: the same inside the user namespace of `user-namespace.ts`)
 *
 * The OCI runtime stays in the foreground: it is the parent of the container's first process and reports how it ended.
 */
import { rm, readdir, rename, writeFile } from "node:fs/promises";
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { WherryError } from "../../base/errors.ts";
import type { Store, StoreLocator } from "../../store/types.ts";
import { nativeStats } from "./stats.ts";
import type {
  ContainerSpec,
  ProcessSpec,
  Runtime,
  RuntimeContainer,
  RuntimeIo,
  RuntimeProcess,
  RuntimeStats,
} from "../types.ts";
import { prepareMounts, missingLayers, readState, resolveProcess, unpackLayers, writeBundle } from "./bundle.ts";
import { copyIn, copyOut } from "./copy.ts";
import { inspectHost } from "./host.ts";
import type { Host } from "./host.ts";
import { launch } from "./launch.ts";
import type { LaunchedProcess } from "./launch.ts";
import { layerChains, nativeLayout, overlayOptions } from "./layout.ts";
import type { NativeLayout } from "./layout.ts";
import { probe } from "./probe.ts";
import type { ProbeResult } from "./probe.ts";
import { processStart } from "./process-start.ts";
import { mountFailedCode } from "./start-error.ts";
import { UserNamespace } from "./user-namespace.ts";

const run = promisify(execFile);

export interface NativeOptions {
  readonly store: Store;
  readonly storePath: string;
  /**
   * How to call this program again as `wherry internal …`: work that must happen inside a user or mount namespace is
   * done by another process of ours.
   */
  readonly self: readonly string[];
}

export function createNativeRuntime(options: NativeOptions): Runtime {
  return new NativeRuntime(options);
}

/**
 * Mounts the overlay and becomes the command. Arguments: native folder, mount options, container id, command…
 * fuse-overlayfs takes over where the kernel refuses, or always with WHERRY_OVERLAY=fuse.
 */
export const mountScript = `cd "$1" || exit ${mountFailedCode}
options=$2 id=$3; shift 3
if [ "$WHERRY_OVERLAY" = fuse ] || ! mount -t overlay -o "$options" overlay "c/$id/merged" 2>"c/$id/mount.log"; then
  fuse-overlayfs -o "$options" "c/$id/merged" 2>>"c/$id/mount.log" >&2 || exit ${mountFailedCode}
fi
cd "c/$id" && exec "$@"`;

class NativeRuntime implements Runtime {
  readonly name = "native";
  readonly #options: NativeOptions;
  readonly #layout: NativeLayout;
  #host: Host | null = null;
  #probed: Promise<ProbeResult> | null = null;
  #namespace: Promise<UserNamespace> | null = null;

  constructor(options: NativeOptions) {
    this.#options = options;
    this.#layout = nativeLayout(options.storePath);
  }

  async unavailable(): Promise<string | null> {
    const result = await this.#probe();
    return result.kind === "unavailable" ? result.reason : null;
  }

  async description(): Promise<string> {
    const result = await this.#probe();
    return result.kind === "unavailable" ? result.reason : `${result.program}: ${result.reason}`;
  }

  async start(spec: ContainerSpec, _store: StoreLocator, io: RuntimeIo): Promise<RuntimeContainer> {
    const result = await this.#probe();
    if (result.kind === "unavailable") throw new WherryError("unsupported", result.reason, { exitCode: 125 });
    await this.#unpack(spec);
    return this.#start(result.path, spec, io);
  }

  #hostFacts(): Host {
    return (this.#host ??= inspectHost());
  }

  #probe(): Promise<ProbeResult> {
    return (this.#probed ??= probe({
      host: this.#hostFacts(),
      cachePath: join(this.#layout.root, "probe.json"),
      attempt: async (path, spec, io) => {
        try {
          await this.#start(path, spec, io);
        } finally {
          await rm(this.#layout.container(spec.id), { recursive: true, force: true }).catch(() => {});
        }
      },
    }));
  }

  /** The user namespace all rootless work of this process happens in. */
  async #prefix(): Promise<readonly string[]> {
    const host = this.#hostFacts();
    if (!host.rootless) return [];
    this.#namespace ??= UserNamespace.create(host);
    return (await this.#namespace).prefix;
  }

  async #unpack(spec: ContainerSpec): Promise<void> {
    if ((await missingLayers(this.#layout, spec.layers)).length === 0) return;
    if (!this.#hostFacts().rootless) {
      await unpackLayers(this.#layout, this.#options.store, spec.layers, false);
      return;
    }
    await this.#internal("unpack", [this.#options.storePath, ...spec.layers]);
  }

  async #internal(command: string, parameters: readonly string[]): Promise<void> {
    const [program, ...rest] = [...(await this.#prefix()), ...this.#options.self, "internal", command, ...parameters];
    try {
      await run(program!, rest, { maxBuffer: 1 << 20 });
    } catch (error) {
      const { stderr } = error as { stderr?: string };
      throw new WherryError("internal", stderr?.trim() || `wherry internal ${command} failed`, { cause: error });
    }
  }

  async #start(program: string, spec: ContainerSpec, io: RuntimeIo): Promise<RuntimeContainer> {
    const host = this.#hostFacts();
    const layout = this.#layout;
    await prepareMounts(spec);
    const [folder, prefix] = await Promise.all([writeBundle(layout, spec, host), this.#prefix()]);
    const options = overlayOptions(layerChains(spec.layers), spec.id, host.rootless);
    const [pidFile, logFile] = [join(folder, "pid"), join(folder, "runtime.log")];
    const first = await launch({
      command: [
        ...prefix,
        "unshare",
        "--mount",
        "--",
        "/bin/sh",
        "-c",
        mountScript,
        "sh",
        layout.root,
        options,
        spec.id,
        ...this.#runtimeCommand(program, logFile),
        "run",
        "--bundle",
        folder,
        "--pid-file",
        pidFile,
        spec.id,
      ],
      process: spec.process,
      io,
      folder,
      name: "init",
      pidFile,
      logFile,
      mountLog: join(folder, "mount.log"),
    });
    await writeFile(join(folder, "state.json"), JSON.stringify({ pid: first.pid, start: processStart(first.pid) }));
    return new NativeContainer({
      first,
      exec: (process, execIo, name) => this.#exec(program, spec, folder, process, execIo, name),
      copyOut: (path) => this.#copyOut(spec, `/proc/${first.pid}/root`, path),
      copyIn: (path, tar) => this.#copyIn(spec, `/proc/${first.pid}/root`, path, tar),
      stats: () => nativeStats(first.pid, spec.memoryLimited === true ? spec.memoryBytes : null),
    });
  }

  #runtimeCommand(program: string, logFile: string): readonly string[] {
    return [program, "--root", this.#layout.runtimeState, "--log", logFile, "--log-format", "json"];
  }

  async #exec(
    program: string,
    spec: ContainerSpec,
    folder: string,
    process: ProcessSpec,
    io: RuntimeIo,
    name: string,
  ): Promise<RuntimeProcess> {
    const config = resolveProcess(this.#layout, spec, process, this.#hostFacts());
    const [configFile, pidFile, logFile] = ["json", "pid", "log"].map((kind) => join(folder, `${name}.${kind}`)) as [
      string,
      string,
      string,
    ];
    await writeFile(configFile, JSON.stringify(config));
    const remove = (): void => {
      for (const path of [configFile, pidFile, logFile]) void rm(path, { force: true });
    };
    try {
      const launched = await launch({
        command: [
          ...(await this.#prefix()),
          ...this.#runtimeCommand(program, logFile),
          "exec",
          "--process",
          configFile,
          "--pid-file",
          pidFile,
          spec.id,
        ],
        process,
        io,
        folder,
        name,
        pidFile,
        logFile,
      });
      void launched.exited.then(remove);
      return launched;
    } catch (error) {
      remove();
      throw error;
    }
  }

  async discard(spec: ContainerSpec): Promise<void> {
    const folder = this.#layout.container(spec.id);
    if (!existsSync(folder)) return;
    try {
      await rm(folder, { recursive: true, force: true });
    } catch (error) {
      if (!this.#hostFacts().rootless) throw error;
      // What the container's other users own can only be removed inside the user namespace.
      await run("nsenter", [...(await this.#prefix()).slice(1), "rm", "-rf", "--", folder]);
    }
  }

  async reap(spec: ContainerSpec): Promise<void> {
    const folder = this.#layout.container(spec.id);
    const state = await readState(folder);
    if (state !== null && processStart(state.pid) === state.start) {
      try {
        process.kill(state.pid, "SIGKILL");
      } catch {
        // It ended in between.
      }
      // The orphaned OCI runtime notices and removes its state itself.
      for (let i = 0; i < 100 && processStart(state.pid) === state.start; i++) await sleep(10);
    }
    const runtimeState = join(this.#layout.runtimeState, spec.id);
    for (let i = 0; i < 20 && existsSync(runtimeState); i++) await sleep(10);
    await rm(runtimeState, { recursive: true, force: true });
  }

  async copyOut(spec: ContainerSpec, _store: StoreLocator, path: string): Promise<ReadableStream<Uint8Array>> {
    await this.#unpack(spec);
    await writeBundle(this.#layout, spec, this.#hostFacts());
    return this.#copyOut(spec, null, path);
  }

  async copyIn(
    spec: ContainerSpec,
    _store: StoreLocator,
    path: string,
    tar: ReadableStream<Uint8Array>,
  ): Promise<void> {
    await this.#unpack(spec);
    await writeBundle(this.#layout, spec, this.#hostFacts());
    await this.#copyIn(spec, null, path, tar);
  }

  /** A command line that runs `wherry internal` where the container's files are visible. */
  async #inContainer(spec: ContainerSpec, root: string | null, command: string, path: string): Promise<string[]> {
    const { root: native, container } = this.#layout;
    const internal = [...this.#options.self, "internal", command, root ?? join(container(spec.id), "merged"), path];
    const prefix = await this.#prefix();
    if (root !== null) return [...prefix, ...internal];
    const options = overlayOptions(layerChains(spec.layers), spec.id, this.#hostFacts().rootless);
    const mount = ["unshare", "--mount", "--", "/bin/sh", "-c", mountScript, "sh", native, options, spec.id];
    return [...prefix, ...mount, ...internal];
  }

  async #copyOut(spec: ContainerSpec, root: string | null, path: string): Promise<ReadableStream<Uint8Array>> {
    return copyOut(await this.#inContainer(spec, root, "copy-out", path));
  }

  async #copyIn(
    spec: ContainerSpec,
    root: string | null,
    path: string,
    tar: ReadableStream<Uint8Array>,
  ): Promise<void> {
    await copyIn(await this.#inContainer(spec, root, "copy-in", path), tar);
  }

  async collect(inUse: readonly (readonly string[])[]): Promise<void> {
    const used = new Set(inUse.flatMap((layers) => layerChains(layers)));
    const folder = join(this.#layout.root, "l");
    const names = await readdir(folder).catch(() => []);
    for (const name of names) {
      if (used.has(name) || name.includes(".")) continue;
      const doomed = join(folder, `${name}.removed-${process.pid}`);
      await rename(join(folder, name), doomed);
      try {
        await rm(doomed, { recursive: true, force: true });
      } catch (error) {
        if (!this.#hostFacts().rootless) throw error;
        await run("nsenter", [...(await this.#prefix()).slice(1), "rm", "-rf", "--", doomed]);
      }
    }
  }
}

interface ContainerParts {
  readonly first: LaunchedProcess;
  readonly exec: (process: ProcessSpec, io: RuntimeIo, name: string) => Promise<RuntimeProcess>;
  readonly copyOut: (path: string) => Promise<ReadableStream<Uint8Array>>;
  readonly copyIn: (path: string, tar: ReadableStream<Uint8Array>) => Promise<void>;
  readonly stats: () => Promise<RuntimeStats | null>;
}

class NativeContainer implements RuntimeContainer {
  readonly exited: RuntimeContainer["exited"];
  readonly pid: number;
  readonly #parts: ContainerParts;
  #execs = 0;

  constructor(parts: ContainerParts) {
    this.#parts = parts;
    this.exited = parts.first.exited;
    this.pid = parts.first.pid;
  }

  signal(signal: number): Promise<void> {
    return this.#parts.first.signal(signal);
  }

  resize(columns: number, rows: number): Promise<void> {
    return this.#parts.first.resize(columns, rows);
  }

  exec(process: ProcessSpec, io: RuntimeIo): Promise<RuntimeProcess> {
    return this.#parts.exec(process, io, `exec-${++this.#execs}`);
  }

  copyOut(path: string): Promise<ReadableStream<Uint8Array>> {
    return this.#parts.copyOut(path);
  }

  copyIn(path: string, tar: ReadableStream<Uint8Array>): Promise<void> {
    return this.#parts.copyIn(path, tar);
  }

  stats(): Promise<RuntimeStats | null> {
    return this.#parts.stats();
  }

  async destroy(): Promise<void> {
    this.#parts.first.kill();
    await this.exited;
  }

  /** The host's own kernel and processor lack nothing we could name. */
  async missing(): ReturnType<RuntimeContainer["missing"]> {
    return [];
  }
}
