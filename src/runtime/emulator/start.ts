/// <reference path="../../core.d.ts" />
/**
 * Starts one container under the emulator, inside its worker: file tree, processor, kernel, standard streams, first
 * process. A program that is WebAssembly rather than ELF is run as WASI over the same file tree.
 *
 *     const start = createEmulator({ openStore, core, hostDirectory: null });
 *     const container = await start(spec, { kind: "indexeddb", name: "wherry" }, io);
 *     await container.exited;
 */
import { O_NOCTTY, O_RDONLY, O_RDWR } from "../../abi/fcntl.ts";
import { encodeUtf8 } from "../../base/bytes.ts";
import { systemClock } from "../../base/clock.ts";
import { WherryError } from "../../base/errors.ts";
import { limits } from "../../base/limits.ts";
import type { WaitQueue } from "../../base/wait-queue.ts";
import { syscallName } from "../../kernel/dispatcher.ts";
import { FrameAllocator } from "../../kernel/frames.ts";
import { Kernel } from "../../kernel/kernel.ts";
import type { SpawnedProcess } from "../../kernel/spawn.ts";
import type { Store, StoreLocator } from "../../store/types.ts";
import { syscallTable } from "../../syscall/table.ts";
import { Console } from "../../tty/console.ts";
import type { PtyTable } from "../../tty/pty.ts";
import { open } from "../../vfs/operations.ts";
import { createPipe } from "../../vfs/pipefs/pipe.ts";
import type { OpenFile } from "../../vfs/types.ts";
import { createCpu, type CpuOptions } from "../../../wasm/x86/cpu.ts";
import type { Cpu } from "../../../wasm/x86/types.ts";
import engineVersion from "virtual:engine-version";
import { drainPipe, feedPipe } from "../pipe-streams.ts";
import type {
  ContainerSpec,
  ExitStatus,
  MissingCount,
  ProcessSpec,
  RuntimeContainer,
  RuntimeCounters,
  RuntimeIo,
  RuntimeProcess,
  RuntimeStats,
} from "../types.ts";
import { packPath, unpackInto } from "./copy-files.ts";
import { mountKernelFileSystems } from "./kernel-mounts.ts";
import { containerUser, openRootfs, workingDirectory } from "./rootfs.ts";
import type { HostDirectory, Rootfs } from "./rootfs.ts";
import { translationCache } from "./translation-cache.ts";
import { startWasi } from "./wasi-process.ts";
import type { StartContainer } from "./worker-server.ts";

export interface EmulatorHost {
  openStore(locator: StoreLocator): Promise<Store>;
  /** The interpreter's compiled module, so that containers share its machine code. */
  core(): Promise<WebAssembly.Module>;
  /** Another way to come by a processor. */
  readonly makeCpu?: (options: CpuOptions) => Cpu;
  /** The store serves the containers that come after this one: it is not closed. */
  readonly keepsStore?: boolean;
  /** Null where the host has no directories (the page). */
  readonly hostDirectory: HostDirectory | null;
}

export function createEmulator(host: EmulatorHost): StartContainer {
  return async (spec, locator, io) => {
    const [store, core] = await Promise.all([host.openStore(locator), host.core()]);
    const container = new EmulatedContainer(spec, store, core, host);
    try {
      await container.boot(io);
    } catch (error) {
      await container.destroy();
      throw error;
    }
    return container;
  };
}

/** Streams of one process, as the container sees them. */
interface Standard {
  readonly files: readonly OpenFile[];
  readonly console: Console | null;
  /** Once the process has ended: resolves when all output has gone to the host and the streams are closed. */
  readonly finish: () => Promise<unknown>;
}

class EmulatedContainer implements RuntimeContainer {
  readonly #spec: ContainerSpec;
  readonly #store: Store;
  readonly #kernel: Kernel;
  readonly #cpu: Cpu;
  readonly #host: EmulatorHost;
  #rootfs: Rootfs | null = null;
  #ptys: PtyTable | null = null;
  #first: RuntimeProcess | null = null;
  #processes = 0;
  #destroyed = false;
  /** Something went wrong in the kernel, or a WASI program ran, whose end nothing outside it can force. */
  #leavesTraces = false;
  #keeping: ReturnType<typeof setInterval> | undefined;
  /** The first process's stderr, for what Wherry itself has to say. */
  #tell: (line: string) => void = () => {};

  constructor(spec: ContainerSpec, store: Store, core: WebAssembly.Module, host: EmulatorHost) {
    this.#spec = spec;
    this.#store = store;
    this.#host = host;
    const make = host.makeCpu ?? createCpu;
    const cpu = make({ module: core, memoryBytesMax: spec.memoryBytes, jit: spec.jit, level: spec.cpu });
    this.#cpu = cpu;
    this.#kernel = new Kernel({
      cpu,
      table: syscallTable,
      frames: new FrameAllocator(cpu, spec.memoryBytes),
      hostname: spec.hostname,
      sinks: {
        illegalInstruction: ({ program, address, bytes, name }) => {
          const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
          const what = name === null ? "bytes that encode no instruction" : `instruction ${name} is missing`;
          this.#tell(`wherry: ${program}: ${what} at 0x${address.toString(16)}: ${hex}`);
        },
        strace: spec.strace ? (line) => this.#tell(line) : undefined,
        internalError: (error) => {
          this.#leavesTraces = true;
          const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
          this.#tell(`wherry: internal error: ${text}`);
        },
      },
    });
  }

  async boot(io: RuntimeIo): Promise<void> {
    const kernel = this.#kernel;
    const opening = openRootfs(
      {
        spec: this.#spec,
        store: this.#store,
        pool: kernel.frames,
        clock: systemClock,
        hostDirectory: this.#host.hostDirectory,
      },
      async (rootfs) => {
        this.#ptys = await mountKernelFileSystems(kernel, rootfs.namespace, this.#spec.process.tty);
      },
    );
    // Asked for after the layers, which take longer. Forced compilation is there to try the compiler.
    const known = (this.#spec.jit ?? "on") === "on" ? this.#useTranslations() : null;
    this.#rootfs = await opening;
    await known;
    this.#first = await this.#start(this.#spec.process, io);
  }

  /** Code compiled in earlier containers is used, and what is compiled here is kept. Storage that fails is no obstacle. */
  async #useTranslations(): Promise<void> {
    try {
      await this.#cpu.useTranslations(translationCache(this.#store, engineVersion, this.#spec));
    } catch {
      return;
    }
    this.#keeping = setInterval(() => void this.#cpu.keepTranslations(), limits.translationKeepMs);
  }

  /** Whether its worker may serve another container afterwards. */
  get leavesClean(): boolean {
    return (
      this.#destroyed && !this.#leavesTraces && this.#cpu.memory.buffer.byteLength <= limits.spareWorkerMemoryBytesMax
    );
  }

  get exited(): Promise<ExitStatus> {
    return this.#first!.exited;
  }

  async signal(signal: number): Promise<void> {
    await this.#first!.signal(signal);
  }

  async resize(columns: number, rows: number): Promise<void> {
    await this.#first!.resize(columns, rows);
  }

  async exec(process: ProcessSpec, io: RuntimeIo): Promise<RuntimeProcess> {
    if (this.#destroyed) throw new WherryError("conflict", "The container is not running.");
    return this.#start(process, io);
  }

  async copyOut(path: string): Promise<ReadableStream<Uint8Array>> {
    return packPath(this.#rootfs!.namespace, path);
  }

  async copyIn(path: string, tar: ReadableStream<Uint8Array>): Promise<void> {
    const { namespace, overlay } = this.#rootfs!;
    await unpackInto(namespace, path, tar);
    if ((await overlay.sync()) < 0) {
      throw new WherryError("storage-full", "storage is full: not everything could be copied");
    }
  }

  async missing(): Promise<readonly MissingCount[]> {
    const list = (kind: MissingCount["kind"], counts: ReadonlyMap<string, number>) =>
      [...counts].map(([name, count]) => ({ kind, name, count }));
    return [...list("instruction", this.#kernel.missingInstructions), ...list("syscall", this.#kernel.missingSyscalls)];
  }

  async counters(): Promise<RuntimeCounters> {
    return this.#cpu.counters;
  }

  async stats(): Promise<RuntimeStats> {
    const { scheduler, frames, tasks } = this.#kernel;
    const { profile } = scheduler;
    const { counters } = this.#cpu;
    const { cpu = "x86-64-v2", jit = "on", memoryBytes } = this.#spec;
    profile.watch();
    return {
      cpuMs: profile.busyMs,
      memoryBytes: frames.framesInUse * limits.pageBytes,
      memoryBytesMax: memoryBytes,
      pids: tasks.size,
      // Layers are read piecewise from the store, and written ones kept in memory: there is no block device.
      blockReadBytes: null,
      blockWrittenBytes: null,
      // There is no interface but the loopback, which docker does not count.
      networkReceivedBytes: 0,
      networkSentBytes: 0,
      engine: {
        cpu,
        jit,
        wasmBytes: this.#cpu.memory.buffer.byteLength,
        counters,
        accounts: profile.accounts(counters),
        pageFaults: profile.faults,
        syscalls: profile.syscalls,
        topSyscalls: profile.topSyscalls((number) => syscallTable[number]?.name ?? syscallName(number)),
        missing: await this.missing(),
      },
    };
  }

  async destroy(): Promise<void> {
    if (this.#destroyed) return;
    this.#destroyed = true;
    clearInterval(this.#keeping);
    // First, and at once: stores of mappings are the processes', which go.
    const kept = this.#keep();
    this.#kernel.destroy();
    await kept;
    await this.#rootfs?.keepProfile();
    if (this.#host.keepsStore !== true) await this.#store.close();
  }

  /** What the processes wrote last, through shared mappings too, is durable: in the host's directories, in the journal. */
  async #keep(): Promise<number> {
    if (this.#rootfs === null) return 0;
    const { namespace, overlay } = this.#rootfs;
    const results = await Promise.all(namespace.fileSystems.map((fs) => fs.sync()));
    return Math.min(await overlay.close(), ...results);
  }

  async #start(spec: ProcessSpec, io: RuntimeIo): Promise<RuntimeProcess> {
    const rootfs = this.#rootfs!;
    const first = this.#processes++ === 0;
    const user = await containerUser(rootfs.namespace, spec.user);
    const cwd = workingDirectory(rootfs.namespace, spec.workingDirectory, user);
    const environment = spec.environment.some((entry) => entry.startsWith("HOME="))
      ? spec.environment
      : [...spec.environment, `HOME=${user.home}`];
    const standard = await this.#openStandard(spec, io);
    const finish = async (code: number): Promise<ExitStatus> => {
      if (first) {
        const [kept] = await Promise.all([this.#keep(), this.#cpu.keepTranslations()]);
        if (kept < 0) this.#tell("wherry: storage is full: the container's last changes are lost");
      }
      await standard.finish();
      return { code };
    };
    const wasi = await startWasi({ ...spec, environment }, rootfs.namespace, user, cwd, standard.files);
    if (wasi !== null) {
      this.#leavesTraces = true;
      return {
        exited: wasi.exited.then(finish),
        signal: async (signal) => wasi.signal(signal),
        resize: resizer(standard.console),
      };
    }
    const spawned = await this.#kernel.spawn({
      namespace: rootfs.namespace,
      arguments: spec.arguments,
      environment,
      root: rootfs.namespace.root,
      cwd,
      uid: user.uid,
      gid: user.gid,
      groups: user.groups,
      files: standard.files,
      prepare: (task) => {
        standard.console?.terminal.becomeControlling(task.ioctlCaller, false);
      },
    });
    return {
      exited: exitCode(spawned).then(finish),
      signal: async (signal) => this.#kernel.signalFromOutside(spawned.process, signal),
      resize: resizer(standard.console),
    };
  }

  /** Pipes, or a terminal, between the process and the host's streams. */
  async #openStandard(spec: ProcessSpec, io: RuntimeIo): Promise<Standard> {
    const namespace = this.#rootfs!.namespace;
    const first = this.#processes === 1;
    if (spec.tty) {
      const output = io.stdout.getWriter();
      void io.stderr.close().catch(() => {});
      const console = new Console(this.#ptys!, { write: (bytes) => output.write(bytes) });
      console.resize(spec.columns, spec.rows);
      const slave = await open(namespace.caller(), namespace.root, console.path, O_RDWR | O_NOCTTY, 0);
      if (typeof slave === "number") throw new WherryError("internal", "the container's terminal cannot be opened");
      for (let copies = 0; copies < 2; copies++) slave.retain();
      void feedConsole(io.stdin, console);
      if (first) this.#tell = (line) => void console.terminal.discipline.write(encodeUtf8(`${line}\n`));
      const finish = async () => {
        await console.drained();
        await output.close();
      };
      return { files: [slave, slave, slave], console, finish: () => finish().catch(() => {}) };
    }
    const owner = namespace.caller().credentials;
    const [outRead, outWrite] = createPipe(0, owner, systemClock);
    const [errRead, errWrite] = createPipe(0, owner, systemClock);
    let stdin: OpenFile;
    if (spec.interactive) {
      const [inRead, inWrite] = createPipe(0, owner, systemClock);
      void feedPipe(io.stdin, inWrite);
      stdin = inRead;
    } else {
      void io.stdin.cancel().catch(() => {});
      const nothing = await open(namespace.caller(), namespace.root, "/dev/null", O_RDONLY, 0);
      if (typeof nothing === "number") throw new WherryError("internal", "/dev/null cannot be opened");
      stdin = nothing;
    }
    if (first) this.#tell = (line) => void errWrite.write(encodeUtf8(`${line}\n`), null);
    const drained = Promise.all([drainPipe(outRead, io.stdout), drainPipe(errRead, io.stderr)]);
    return { files: [stdin, outWrite, errWrite], console: null, finish: () => drained };
  }
}

/** An exit code as docker reports it: of the status word of wait(2), or 128 + signal. */
async function exitCode({ exited }: SpawnedProcess): Promise<number> {
  const status = await exited;
  const signal = status & 0x7f;
  return signal === 0 ? (status >> 8) & 0xff : 128 + signal;
}

function resizer(console: Console | null): (columns: number, rows: number) => Promise<void> {
  return async (columns, rows) => console?.resize(columns, rows);
}

/** Types what comes; no more is read while the program has yet to take some. The end of the stream types nothing. */
async function feedConsole(source: ReadableStream<Uint8Array>, console: Console): Promise<void> {
  const reader = source.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      console.input(value);
      while (console.waiting) await new Promise<void>((resolve) => once(console.terminal.masterWaiters, resolve));
    }
  } catch {
    // The host's side was cut off: its user types no more.
  }
}

function once(queue: WaitQueue, callback: () => void): void {
  const leave = queue.add(() => {
    leave();
    callback();
  });
}
