/**
 * What the engine and a container's worker say to each other, over one MessagePort; the bytes of each process go over
 * ports of their own (`base/port-stream.ts`). The same in the page (Web Workers) and in Node (worker threads).
 *
 *     engine  ── start exec signal resize copy-out copy-in missing counters stats rest destroy ──>  container worker
 *             <─ reply failed exited ──
 *
 * `worker-host.ts` is the engine's end, `worker-server.ts` the container's. The host numbers the processes: 0 is the
 * container's first.
 */
import type { PlainError } from "../../base/errors.ts";
import type { StoreLocator } from "../../store/types.ts";
import type { ContainerSpec, ProcessSpec } from "../types.ts";

export interface StreamPorts {
  readonly stdin: MessagePort;
  readonly stdout: MessagePort;
  readonly stderr: MessagePort;
}

export type HostRequest =
  | {
      readonly type: "start";
      readonly spec: ContainerSpec;
      readonly store: StoreLocator;
      readonly streams: StreamPorts;
    }
  | { readonly type: "exec"; readonly process: number; readonly spec: ProcessSpec; readonly streams: StreamPorts }
  | { readonly type: "signal"; readonly process: number; readonly signal: number }
  | { readonly type: "resize"; readonly process: number; readonly columns: number; readonly rows: number }
  | { readonly type: "copy-out"; readonly path: string; readonly tar: MessagePort }
  | { readonly type: "copy-in"; readonly path: string; readonly tar: MessagePort }
  | { readonly type: "missing" }
  | { readonly type: "counters" }
  | { readonly type: "stats" }
  /** To a worker that waits: another one's container starts, which should not have to share the processor. */
  | { readonly type: "rest" }
  | { readonly type: "destroy" };

export type HostMessage = { readonly request: number } & HostRequest;

export type ContainerMessage =
  | { readonly type: "reply"; readonly request: number; readonly value: unknown }
  | { readonly type: "failed"; readonly request: number; readonly error: PlainError }
  | { readonly type: "exited"; readonly process: number; readonly code: number };

/**
 * The message a container worker gets for each container it serves, one after the other: the port all else goes over,
 * and the interpreter's compiled module.
 */
export interface ConnectMessage {
  readonly type: "connect";
  readonly port: MessagePort;
  readonly core: WebAssembly.Module;
  /** The store the container will most likely use: a worker that waits may open it ahead. */
  readonly store?: StoreLocator;
}
