/** The emulator and WASI as runtimes of the Node program: each container in a worker thread of its own. */
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { interpreterCore } from "../../runtime/emulator/core.ts";
import type { ConnectMessage } from "../../runtime/emulator/protocol.ts";
import { createWorkerRuntime } from "../../runtime/emulator/worker-host.ts";
import type { ContainerWorker } from "../../runtime/emulator/worker-host.ts";
import type { Runtime } from "../../runtime/types.ts";
import type { Store } from "../../store/types.ts";

/** `entry` is the file of the bundled `main.node-worker.ts`. */
export function createThreadRuntime(name: "emulator" | "wasi", entry: URL, store: Store): Runtime {
  return createWorkerRuntime({ name, spawn: () => spawn(entry), openStore: async () => store });
}

function spawn(entry: URL): ContainerWorker {
  const worker = new Worker(entry, { stdout: false, stderr: false });
  const { port1, port2 } = new MessageChannel();
  const crashed = new Promise<string>((resolve) => {
    worker.once("error", (error) => resolve(error instanceof Error ? error.message : String(error)));
    worker.once("exit", (code) => resolve(`exit code ${code}`));
    readCore().then(
      (core) => {
        const connect: ConnectMessage = { type: "connect", port: port2, core };
        worker.postMessage(connect, [port2 as never]);
      },
      (error: unknown) => resolve(`the interpreter cannot be loaded: ${String(error)}`),
    );
  });
  // A container that still runs keeps the process alive; a worker kept in reserve must not.
  return { port: port1, terminate: () => void worker.terminate(), crashed };
}

const readCore = () =>
  interpreterCore(async (place) => {
    if (place.startsWith("data:")) return Uint8Array.from(Buffer.from(place.slice(place.indexOf(",") + 1), "base64"));
    return Uint8Array.from(await readFile(fileURLToPath(place)));
  });
