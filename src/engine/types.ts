/**
 * The engine's API: what the page (through comlink), `window.wherry`, the Node package and the command line all call.
 * Plain data in and out (structured-clonable; functions only as callbacks), so it crosses a worker boundary unchanged.
 * Errors are WherryError.
 */
import type { Maybe } from "../base/maybe.ts";
import type {
  AttachedProcess,
  ContainerStatus,
  ExecOptions,
  LogChunk,
  LogOptions,
  ProcessIo,
  RunOptions,
  StartOptions,
  VolumeMount,
} from "../container/types.ts";
import type { CpuLevel, JitMode } from "../../wasm/x86/types.ts";
import type { ExitStatus, MissingCount, RuntimeCounters, RuntimeStats } from "../runtime/types.ts";

export type {
  AttachedProcess,
  ContainerStatus,
  ExecOptions,
  ExitStatus,
  LogChunk,
  LogOptions,
  MissingCount,
  ProcessIo,
  RunOptions,
  RuntimeCounters,
  RuntimeStats,
  StartOptions,
  VolumeMount,
};

export interface ImageSummary {
  /** Config digest, "sha256:…". */
  readonly id: string;
  /** "name:tag", several or none. */
  readonly references: readonly string[];
  readonly createdSeconds: number;
  /** Unpacked bytes of all layers. */
  readonly sizeBytes: number;
  readonly platform: { readonly os: string; readonly architecture: string };
  readonly layers: number;
}

export interface LoadProgress {
  /** 0-based; total may grow while the archive is read. */
  readonly layer: number;
  readonly layers: number;
  readonly phase: "reading" | "unpacking" | "exists" | "done";
  readonly doneBytes: number;
  readonly totalBytes: number | null;
  readonly digest: string;
}

/** Where an image comes from: bytes of an archive, or the address of one or of an OCI layout folder. */
export type ImageSource =
  | { readonly kind: "blob"; readonly blob: Blob; readonly name?: string }
  | {
      readonly kind: "stream";
      readonly stream: ReadableStream<Uint8Array>;
      readonly name?: string;
      readonly sizeBytes?: number;
    }
  | { readonly kind: "url"; readonly url: string }
  | { readonly kind: "path"; readonly path: string };

export interface LoadOptions {
  readonly onProgress?: (progress: LoadProgress) => void;
  readonly signal?: AbortSignal;
  /** "linux/amd64" unless said otherwise. */
  readonly platform?: string;
  /** Refuse an image that unpacks to more. */
  readonly sizeBytesMax?: number;
}

export interface ContainerSummary {
  readonly id: string;
  readonly name: string;
  readonly image: string;
  readonly imageId: string;
  readonly command: readonly string[];
  readonly createdSeconds: number;
  readonly status: ContainerStatus;
  readonly exitCode: number | null;
  readonly startedSeconds: number | null;
  readonly finishedSeconds: number | null;
  readonly tty: boolean;
  readonly runtime: "emulator" | "native" | "wasi";
}

export interface RunResult {
  readonly exitCode: number;
  readonly stdout: Uint8Array;
  readonly stderr: Uint8Array;
  /** Under the emulator. */
  readonly counters?: RuntimeCounters;
}

export interface ContainerStats extends RuntimeStats {
  readonly id: string;
  readonly name: string;
  /** When this was read, in milliseconds since 1970: two readings make a rate. */
  readonly readMs: number;
}

export interface Images {
  load(source: ImageSource, options?: LoadOptions): Promise<readonly ImageSummary[]>;
  list(): Promise<readonly ImageSummary[]>;
  /** By id prefix or reference. The stored config and manifest, in docker's inspect shape. */
  inspect(image: string): Promise<Record<string, unknown>>;
  /** Untags, and deletes when no reference is left; returns docker's "Untagged: …" and "Deleted: …" lines. */
  remove(image: string, options?: { readonly force?: boolean }): Promise<readonly string[]>;
}

export interface Containers {
  /** Returns the new container's id. Whatever is wrong with the options is said here, not at the start. */
  create(options: RunOptions): Promise<string>;
  /**
   * Starts a created or stopped container; resolves once its first process runs. Throws command-not-found (127),
   * not-executable and invalid-executable (126).
   */
  start(container: string, options?: StartOptions): Promise<void>;
  /**
   * Attach before the start to miss nothing (create, attach, start): output from before an attach is in the logs only.
   * Both calls take the same options. Closing `stdin` ends the input of a container without a terminal.
   */
  attach(container: string, options?: StartOptions): Promise<AttachedProcess>;
  exec(container: string, options: ExecOptions): Promise<AttachedProcess>;
  list(options?: { readonly all?: boolean }): Promise<readonly ContainerSummary[]>;
  inspect(container: string): Promise<Record<string, unknown>>;
  logs(container: string, options?: LogOptions): Promise<ReadableStream<LogChunk>>;
  stop(container: string, options?: { readonly timeoutMs?: number }): Promise<void>;
  kill(container: string, signal?: string | number): Promise<void>;
  wait(container: string): Promise<ExitStatus>;
  remove(container: string, options?: { readonly force?: boolean }): Promise<void>;
  /** What a running container uses, and under the emulator where its time goes: all since its start. */
  stats(container: string): Promise<ContainerStats>;
  /** A tar of one path, as `docker cp` reads; and the reverse. */
  copyOut(container: string, path: string): Promise<ReadableStream<Uint8Array>>;
  copyIn(container: string, path: string, tar: ReadableStream<Uint8Array>): Promise<void>;
}

export interface EngineEvent {
  readonly type: "image" | "container";
  readonly action: string;
  readonly id: string;
}

export interface EngineInfo {
  readonly version: string;
  readonly host: "page" | "node";
  /** Which runtimes work here, each with why or why not. */
  readonly runtimes: readonly { readonly name: string; readonly available: boolean; readonly reason: string }[];
  readonly storage: { readonly usedBytes: number; readonly quotaBytes: number | null };
  /** Instructions and system calls guests asked for and Wherry lacks, by name, with counts. */
  readonly missing: readonly MissingCount[];
  /** The emulator: what containers get unless told otherwise, and what the engines of running ones have done. */
  readonly emulator: {
    readonly cpu: CpuLevel;
    readonly jit: JitMode;
    /** What is kept of translated code and the like, for the next run. */
    readonly cacheBytes: number;
    /** Running containers that are counted in `counters`. */
    readonly containers: number;
    readonly counters: RuntimeCounters | null;
  };
}

/** THE API. */
export interface Engine {
  readonly images: Images;
  readonly containers: Containers;
  /** Runs to the end and collects the output: create, start, wait, and remove unless told to keep it. */
  run(
    options: RunOptions & { readonly stdin?: Uint8Array | string; readonly signal?: AbortSignal },
  ): Promise<RunResult>;
  info(): Promise<EngineInfo>;
  /** Calls back for every change; returns how to stop. */
  subscribe(listener: (event: EngineEvent) => void): Maybe<() => void>;
  close(): Promise<void>;
}
