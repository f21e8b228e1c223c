/** One running container of the Node program under the emulator: the same as workers/container.ts, in a worker thread. */
import { setFlagsFromString } from "node:v8";
import { parentPort } from "node:worker_threads";
import { WherryError } from "./base/errors.ts";
import type { ConnectMessage } from "./runtime/emulator/protocol.ts";
import { createEmulator } from "./runtime/emulator/start.ts";
import { serveContainer } from "./runtime/emulator/worker-server.ts";
import { DirectoryStore } from "./store/directory.ts";
import { createHostFileSystem } from "./vfs/hostfs/hostfs.ts";

// Compiled code says which branches are unlikely; V8 takes notice by itself only in later versions.
const v8Major = Number.parseInt(process.versions.v8, 10);
if (v8Major >= 11 && v8Major <= 13) setFlagsFromString("--experimental-wasm-branch-hinting");

parentPort!.once("message", (message: ConnectMessage) => {
  const start = createEmulator({
    openStore: async (locator) => {
      if (locator.kind !== "directory") throw new WherryError("internal", "Node keeps its images in a directory");
      return DirectoryStore.open(locator.path);
    },
    core: async () => message.core,
    hostDirectory: createHostFileSystem,
  });
  serveContainer(message.port, start);
});
