/**
 * Who keeps a running container's streams and waits for its end. The page hosts all its containers itself
 * (`LocalSupervision`); in Node a container may have a process of its own, which the engine reaches over a socket.
 */
import type { ExitStatus, RuntimeContainer, RuntimeCounters, RuntimeStats } from "../runtime/types.ts";
import type { ContainerRecord } from "./record.ts";
import type { AttachedProcess, ExecOptions, LogChunk, LogOptions } from "./types.ts";

export interface HostedContainer {
  attach(): Promise<AttachedProcess>;
  /** Throws what the runtime throws when the process does not start. */
  start(): Promise<void>;
  exec(options: ExecOptions): Promise<AttachedProcess>;
  signal(signal: number): Promise<void>;
  /** What is in the log already and, to follow it, the output as it comes until the container ends. */
  logs(options: LogOptions): Promise<ReadableStream<LogChunk>>;
  copyOut(path: string): Promise<ReadableStream<Uint8Array>>;
  copyIn(path: string, tar: ReadableStream<Uint8Array>): Promise<void>;
  missing(): ReturnType<RuntimeContainer["missing"]>;
  /** Null, or not there, where nothing is counted. */
  counters?(): Promise<RuntimeCounters | null>;
  stats?(): Promise<RuntimeStats | null>;
  /** Resolves once the end is in the store: afterwards the record says how it ended, or is gone (`--rm`). */
  readonly exited: Promise<ExitStatus>;
  /** Lets go of the far end; the container runs on. */
  close(): Promise<void>;
}

export interface Supervision {
  /** A host for a container that does not run: attach to it, then start it. */
  prepare(record: ContainerRecord, foreground: boolean): Promise<HostedContainer>;
  /** Is the host of a container whose record says it runs still there? Without it, `find` tells. */
  isAlive?(record: ContainerRecord): Promise<boolean>;
  /** That host; null when it is gone. */
  find(record: ContainerRecord): Promise<HostedContainer | null>;
  /** Called when the engine closes. */
  close(): Promise<void>;
}
