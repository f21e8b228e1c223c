/**
 * The engine's API: what the page (through comlink), `window.wherry`, the Node package and the command line all call.
 * Plain data in and out (structured-clonable; functions only as callbacks), so it crosses a worker boundary unchanged.
 * Errors are WherryError.
 */
import type { Maybe } from "../base/maybe.ts";
import type { ExitStatus } from "../runtime/types.ts";

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

export interface VolumeMount {
  /** Absolute host path (bind, Node only). */
  readonly source: string;
  readonly target: string;
  readonly readOnly: boolean;
}

export interface RunOptions {
  readonly image: string;
  /** Replaces the image's Cmd. */
  readonly command?: readonly string[];
  readonly entrypoint?: readonly string[];
  readonly name?: string;
  /** "KEY=value"; later ones win. */
  readonly environment?: readonly string[];
  readonly workingDirectory?: string;
  /** "user", "user:group", "uid", "uid:gid". */
  readonly user?: string;
  readonly stopSignal?: string;
  readonly hostname?: string;
  readonly tty?: boolean;
  /** Keep stdin open. */
  readonly interactive?: boolean;
  readonly remove?: boolean;
  readonly readOnly?: boolean;
  /** Container paths, with options after a colon as docker has them: "/run:size=64m". */
  readonly tmpfs?: readonly string[];
  readonly volumes?: readonly VolumeMount[];
  readonly platform?: string;
  readonly runtime?: "emulator" | "native" | "wasi";
  readonly memoryBytes?: number;
  /** Called with each line strace(1) would print. */
  readonly strace?: boolean;
  readonly columns?: number;
  readonly rows?: number;
  readonly labels?: Readonly<Record<string, string>>;
}

export type ContainerStatus = "created" | "running" | "paused" | "exited" | "dead";

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

/** The streams of one process in a container, from the caller's side. With a terminal everything comes as stdout. */
export interface ProcessIo {
  readonly stdin: WritableStream<Uint8Array>;
  readonly stdout: ReadableStream<Uint8Array>;
  readonly stderr: ReadableStream<Uint8Array>;
}

export type { ExitStatus };

/** A process someone is attached to: the container's first, or one started by exec. */
export interface AttachedProcess extends ProcessIo {
  /** Lets go of the process without ending it, nor its input. */
  detach(): Promise<void>;
  resize(columns: number, rows: number): Promise<void>;
  /** By name with or without SIG, or by number. */
  signal(signal: string | number): Promise<void>;
  readonly exited: Promise<ExitStatus>;
}

export interface ExecOptions {
  readonly command: readonly string[];
  readonly environment?: readonly string[];
  readonly workingDirectory?: string;
  readonly user?: string;
  readonly tty?: boolean;
  readonly interactive?: boolean;
  readonly columns?: number;
  readonly rows?: number;
}

export interface RunResult {
  readonly exitCode: number;
  readonly stdout: Uint8Array;
  readonly stderr: Uint8Array;
}

export interface Images {
  load(source: ImageSource, options?: LoadOptions): Promise<readonly ImageSummary[]>;
  list(): Promise<readonly ImageSummary[]>;
  /** By id prefix or reference. The stored config and manifest, in docker's inspect shape. */
  inspect(image: string): Promise<Record<string, unknown>>;
  /** Untags, and deletes when no reference is left; returns docker's "Untagged: …" and "Deleted: …" lines. */
  remove(image: string, options?: { readonly force?: boolean }): Promise<readonly string[]>;
}

export interface StartOptions {
  /**
   * Node only: true hosts the container in the caller's own process, so that it ends with it. Otherwise it gets a
   * supervising process and outlives the caller. The page always hosts its containers itself.
   */
  readonly foreground?: boolean;
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
  logs(
    container: string,
    options?: { readonly follow?: boolean; readonly tail?: number },
  ): Promise<ReadableStream<LogChunk>>;
  stop(container: string, options?: { readonly timeoutMs?: number }): Promise<void>;
  kill(container: string, signal?: string | number): Promise<void>;
  wait(container: string): Promise<ExitStatus>;
  remove(container: string, options?: { readonly force?: boolean }): Promise<void>;
  /** A tar of one path, as `docker cp` reads; and the reverse. */
  copyOut(container: string, path: string): Promise<ReadableStream<Uint8Array>>;
  copyIn(container: string, path: string, tar: ReadableStream<Uint8Array>): Promise<void>;
}

export interface LogChunk {
  readonly stream: "stdout" | "stderr";
  readonly bytes: Uint8Array;
  readonly timeNs: bigint;
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
  readonly missing: readonly {
    readonly kind: "instruction" | "syscall";
    readonly name: string;
    readonly count: number;
  }[];
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
