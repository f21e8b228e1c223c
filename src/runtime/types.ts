/**
 * One way to run a container: `emulator/` (our processor and kernel), `wasi/`, `native/` (an OCI runtime). The engine
 * knows only this.
 */
import type { SyscallTime, TimeAccounts } from "../kernel/profile.ts";
import type { CpuCounters, CpuLevel, JitMode } from "../../wasm/x86/types.ts";
import type { StoreLocator } from "../store/types.ts";

export interface ExitStatus {
  /** As docker reports it: the exit code, or 128 + signal. */
  readonly code: number;
}

/** What a container is, resolved: image config and options merged. Made by `container/spec.ts`; plain data. */
export interface ContainerSpec {
  readonly id: string;
  readonly hostname: string;
  /** Diff IDs of the image's layers, lowest first. */
  readonly layers: readonly string[];
  readonly process: ProcessSpec;
  readonly readOnly: boolean;
  readonly mounts: readonly MountSpec[];
  /** Guest memory under the emulator. */
  readonly memoryBytes: number;
  /** The user asked for that limit: a native container is limited only then. */
  readonly memoryLimited?: boolean;
  readonly stopSignal: string;
  readonly strace: boolean;
  /** Removed when it ends: nobody will ask for its files then, and they need not be kept. */
  readonly temporary?: boolean;
  /** Whether the emulator compiles hot code; `on` unless given. */
  readonly jit?: JitMode;
  /** Which instructions the emulator's processor has; x86-64-v2 unless given. */
  readonly cpu?: CpuLevel;
}

export interface ProcessSpec {
  /** Entrypoint and command; never empty. */
  readonly arguments: readonly string[];
  /** "KEY=value". */
  readonly environment: readonly string[];
  readonly workingDirectory: string;
  /** As given ("user", "uid:gid", ""): resolved against the container's /etc/passwd and /etc/group when it starts. */
  readonly user: string;
  readonly tty: boolean;
  /** False: stdin is at its end at once. */
  readonly interactive: boolean;
  readonly columns: number;
  readonly rows: number;
}

export type MountSpec =
  | { readonly type: "tmpfs"; readonly target: string; readonly options: string }
  | { readonly type: "bind"; readonly source: string; readonly target: string; readonly readOnly: boolean };

/** The far side of a process's streams. With a terminal `stderr` is never written. */
export interface RuntimeIo {
  readonly stdin: ReadableStream<Uint8Array>;
  readonly stdout: WritableStream<Uint8Array>;
  readonly stderr: WritableStream<Uint8Array>;
}

/** What the emulator has done for a container since it started. */
export type RuntimeCounters = Readonly<CpuCounters>;

/** What a container uses now, and has used since it started. Null: not known here. */
export interface RuntimeStats {
  /** Processor time of all its processes. */
  readonly cpuMs: number;
  readonly memoryBytes: number;
  /** What it may use. */
  readonly memoryBytesMax: number;
  /** Processes and threads. */
  readonly pids: number;
  readonly blockReadBytes: number | null;
  readonly blockWrittenBytes: number | null;
  readonly networkReceivedBytes: number | null;
  readonly networkSentBytes: number | null;
  /** Null for a container that no engine of ours runs. */
  readonly engine: EngineStats | null;
}

/** Where the time of an emulated container goes, since its start. */
export interface EngineStats {
  readonly cpu: CpuLevel;
  readonly jit: JitMode;
  /** WebAssembly memory of the container: its RAM, and the processor's own state. */
  readonly wasmBytes: number;
  readonly counters: RuntimeCounters;
  readonly accounts: TimeAccounts;
  readonly pageFaults: number;
  readonly syscalls: number;
  /** Those that took longest. */
  readonly topSyscalls: readonly SyscallTime[];
  readonly missing: readonly MissingCount[];
}

/** Something a guest asked for and Wherry lacks. */
export interface MissingCount {
  readonly kind: "instruction" | "syscall";
  readonly name: string;
  readonly count: number;
}

export interface RuntimeProcess {
  readonly exited: Promise<ExitStatus>;
  /** Linux signal number. */
  signal(signal: number): Promise<void>;
  resize(columns: number, rows: number): Promise<void>;
}

export interface RuntimeContainer extends RuntimeProcess {
  /** The host's id of the first process, where it has one. */
  readonly pid?: number;
  exec(process: ProcessSpec, io: RuntimeIo): Promise<RuntimeProcess>;
  /** Ends everything at once and frees what it holds. Safe to call twice. */
  destroy(): Promise<void>;
  /** Once destroyed: nothing of it is left, so that its worker may serve another container. */
  readonly leavesClean?: boolean;
  /** A tar of one path, its members named from the path's last component on (`docker cp`). */
  copyOut?(path: string): Promise<ReadableStream<Uint8Array>>;
  /** Unpacks a tar into an existing directory. */
  copyIn?(path: string, tar: ReadableStream<Uint8Array>): Promise<void>;
  /** What the guest asked for and Wherry lacks. */
  missing(): Promise<readonly MissingCount[]>;
  /** Null where nothing is counted. */
  counters?(): Promise<RuntimeCounters | null>;
  /** What it uses; where time goes is measured closely for a while after each call. Null when it has ended. */
  stats?(): Promise<RuntimeStats | null>;
}

export interface Runtime {
  readonly name: "emulator" | "native" | "wasi";
  /** Null when it works here, otherwise one sentence that says why not. */
  unavailable(): Promise<string | null>;
  /** How it works here, in a few words for `info`: which program, and why that one. */
  description?(): Promise<string>;
  /**
   * Starts the first process. Throws command-not-found (127), not-executable (126), invalid-executable (126).
   */
  start(spec: ContainerSpec, store: StoreLocator, io: RuntimeIo): Promise<RuntimeContainer>;
  /** Drops what the runtime keeps of a container that is not running: its writable layer. Safe to call twice. */
  discard?(spec: ContainerSpec, store: StoreLocator): Promise<void>;
  /** `copyOut` and `copyIn` for a container that is not running. */
  copyOut?(spec: ContainerSpec, store: StoreLocator, path: string): Promise<ReadableStream<Uint8Array>>;
  copyIn?(spec: ContainerSpec, store: StoreLocator, path: string, tar: ReadableStream<Uint8Array>): Promise<void>;
  /** Drops what the runtime made of layers that no image or container names any more. */
  collect?(inUse: readonly (readonly string[])[], store: StoreLocator): Promise<void>;
  /** Ends what is left of a container whose host process died. */
  reap?(spec: ContainerSpec, store: StoreLocator): Promise<void>;
}
