/**
 * Containers from the user's side: what can be asked for, and the streams of what runs. Plain data, except that a
 * process carries streams. The engine's API hands these on unchanged.
 */
import type { CpuLevel, JitMode } from "../../wasm/x86/types.ts";
import type { ExitStatus } from "../runtime/types.ts";

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
  /** Whether the emulator compiles hot code; `on` unless given. */
  readonly jit?: JitMode;
  /** Which instructions the emulator's processor has; x86-64-v2 unless given. */
  readonly cpu?: CpuLevel | "v2" | "v3";
  readonly columns?: number;
  readonly rows?: number;
  readonly labels?: Readonly<Record<string, string>>;
}

/** The streams of one process in a container, from the caller's side. With a terminal everything comes as stdout. */
export interface ProcessIo {
  readonly stdin: WritableStream<Uint8Array>;
  readonly stdout: ReadableStream<Uint8Array>;
  readonly stderr: ReadableStream<Uint8Array>;
}

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

export interface LogChunk {
  readonly stream: "stdout" | "stderr";
  readonly bytes: Uint8Array;
  readonly timeNs: bigint;
}

export interface StartOptions {
  /**
   * Node only: true hosts the container in the caller's own process, so that it ends with it. Otherwise it gets a
   * supervising process and outlives the caller. The page always hosts its containers itself.
   */
  readonly foreground?: boolean;
}

export type ContainerStatus = "created" | "running" | "paused" | "exited" | "dead";

export interface LogOptions {
  readonly follow?: boolean;
  /** Only the last so many lines. */
  readonly tail?: number;
}
