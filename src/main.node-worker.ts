/** One running container of the Node program under the emulator: the same as workers/container.ts, in a worker thread. */
import { parentPort } from "node:worker_threads";
import { WherryError } from "./base/errors.ts";
import type { ConnectMessage } from "./runtime/emulator/protocol.ts";
import { createEmulator } from "./runtime/emulator/start.ts";
import { serveContainer } from "./runtime/emulator/worker-server.ts";
import { DirectoryStore } from "./store/directory.ts";
import { createHostFileSystem } from "./vfs/hostfs/hostfs.ts";

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
