/** The page's runtimes: the emulator, and WASI, which runs in the same worker over the same file tree. */
import type { Store, StoreLocator } from "../../store/types.ts";
import type { Runtime } from "../types.ts";
import { interpreterCore } from "./core.ts";
import type { ConnectMessage } from "./protocol.ts";
import { createWorkerRuntime } from "./worker-host.ts";
import type { ContainerWorker } from "./worker-host.ts";

export interface WebWorkerOptions {
  /** Starts the script of a container's worker. */
  readonly spawn: () => Worker;
  /** The store all containers use. */
  readonly locator: StoreLocator;
  readonly openStore: (locator: StoreLocator) => Promise<Store>;
}

export function webWorkerRuntimes({ spawn, locator, openStore }: WebWorkerOptions): readonly Runtime[] {
  const make = () => connect(spawn(), locator);
  return [
    createWorkerRuntime({ name: "emulator", spawn: make, openStore, keepSpare: true }),
    createWorkerRuntime({ name: "wasi", spawn: make, openStore }),
  ];
}

function connect(worker: Worker, store: StoreLocator): ContainerWorker {
  const crashed = new Promise<string>((resolve) => {
    worker.onerror = (event) => resolve(event.message || "its script could not be loaded");
  });
  return channel(worker, store, crashed);
}

/** A channel to the worker: the first, or the next one's when its container has ended. */
function channel(worker: Worker, store: StoreLocator, failed: Promise<string>): ContainerWorker {
  const { port1, port2 } = new MessageChannel();
  const unloaded = new Promise<string>((resolve) => {
    interpreterCore().then(
      (core) => worker.postMessage({ type: "connect", port: port2, core, store } satisfies ConnectMessage, [port2]),
      (error: unknown) => resolve(`the interpreter could not be loaded: ${String(error)}`),
    );
  });
  return {
    port: port1,
    terminate: () => worker.terminate(),
    crashed: Promise.race([failed, unloaded]),
    again: () => channel(worker, store, failed),
  };
}
