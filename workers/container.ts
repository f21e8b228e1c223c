/** A container's worker: the emulator, told over its port what to start. It holds the container's memory, and ends with it. */
import { createEmulator } from "../src/runtime/emulator/start.ts";
import type { ConnectMessage } from "../src/runtime/emulator/protocol.ts";
import { serveContainer } from "../src/runtime/emulator/worker-server.ts";
import { openIndexedDb } from "../src/store/open-indexeddb.ts";

addEventListener(
  "message",
  (event: MessageEvent) => {
    const { port, core } = event.data as ConnectMessage;
    serveContainer(port, createEmulator({ openStore: openIndexedDb, core: async () => core, hostDirectory: null }));
  },
  { once: true },
);
