/**
 * The engine on the other side of a worker boundary, looking like the engine itself. comlink carries the calls;
 * `transfer.ts` what structured clone cannot.
 *
 *     worker:  exposeEngine(engine, self)
 *     page:    const engine = connectEngine(worker)
 */
import { expose, transferHandlers, wrap } from "comlink";
import type { Endpoint } from "comlink";
import { pack, packError, unpack } from "./transfer.ts";
import type { AttachedProcess, Engine } from "./types.ts";

// oxlint-disable-next-line no-explicit-any -- methods of every shape; `Engine` states them to callers.
type Methods = Record<string, (...parameters: any[]) => Promise<unknown>>;

// comlink asks its handlers in order, its own two first: this one takes all other objects, and packs what is inside.
transferHandlers.set("wherry", {
  canHandle: (value: unknown): value is unknown =>
    typeof value === "function" || (typeof value === "object" && value !== null),
  serialize: (value: unknown) => {
    const packed = pack(value);
    return [packed.value, packed.transfer];
  },
  deserialize: unpack,
});

// comlink's own handler for what a call throws keeps only name and message; an error's code must arrive too.
const thrown = transferHandlers.get("throw")!;
transferHandlers.set("throw", {
  canHandle: (value: unknown): value is { value: unknown } => thrown.canHandle(value),
  serialize: (value: { value: unknown }) => [packError(value.value), []],
  deserialize: (value: unknown) => {
    throw unpack(value);
  },
});

const engineMethods = ["run", "info", "subscribe", "close"] as const;
const imageMethods = ["load", "list", "inspect", "remove"] as const;
const containerMethods = [
  "create",
  "start",
  "attach",
  "exec",
  "list",
  "inspect",
  "logs",
  "stop",
  "kill",
  "wait",
  "remove",
  "stats",
  "copyOut",
  "copyIn",
] as const;

/** In a worker: what `open` makes of the name in the first message (`openRemote`). */
export function opened(open: (name: string) => Promise<Engine>): Promise<Engine> {
  return new Promise((resolve) => {
    addEventListener("message", (event: MessageEvent) => {
      const message = event.data as { type?: string; name: string };
      if (message.type === "open") resolve(open(message.name));
    });
  });
}

/** The engine in a worker that serves `opened`, over the store of this name. */
export function openRemote(worker: Worker, name: string): Engine {
  worker.postMessage({ type: "open", name });
  return connectEngine(worker);
}

/** Serves an engine that may still be opening: calls wait for it. */
export function exposeEngine(engine: Promise<Engine>, endpoint: Endpoint): void {
  const later = (group: "images" | "containers" | null, names: readonly string[]) =>
    Object.fromEntries(
      names.map((name) => [
        name,
        async (...given: unknown[]) => {
          const opened = await engine;
          const target = (group === null ? opened : opened[group]) as unknown as Methods;
          return plainProcess(await target[name]!(...given));
        },
      ]),
    );
  expose(
    {
      ...later(null, engineMethods),
      images: later("images", imageMethods),
      containers: later("containers", containerMethods),
    },
    endpoint,
  );
}

/** A process may be an object of a class, whose methods `pack` would not see. */
function plainProcess(value: unknown): unknown {
  if (typeof value !== "object" || value === null || !("stdin" in value) || !("exited" in value)) return value;
  const process = value as AttachedProcess;
  return {
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    exited: process.exited,
    detach: () => process.detach(),
    resize: (columns: number, rows: number) => process.resize(columns, rows),
    signal: (signal: string | number) => process.signal(signal),
  };
}

export function connectEngine(endpoint: Endpoint): Engine {
  const remote = wrap<unknown>(endpoint) as unknown as {
    images: Methods;
    containers: Methods;
  } & Methods;
  // A plain object with the real methods: it can be looked at in a console, and awaiting it does nothing odd.
  const forward = (target: Methods, names: readonly string[]) =>
    Object.freeze(Object.fromEntries(names.map((name) => [name, (...given: unknown[]) => target[name]!(...given)])));
  return Object.freeze({
    ...forward(remote, engineMethods),
    images: forward(remote.images, imageMethods),
    containers: forward(remote.containers, containerMethods),
  }) as unknown as Engine;
}
