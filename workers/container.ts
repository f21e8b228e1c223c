/** A container's worker: the emulator, told over its port what to start. It holds the container's memory, and ends with it. */
import { createEmulator } from "../src/runtime/emulator/start.ts";
import type { ConnectMessage } from "../src/runtime/emulator/protocol.ts";
import { serveContainer } from "../src/runtime/emulator/worker-server.ts";
import { prepareCpu } from "../wasm/x86/cpu.ts";
import { openIndexedDb } from "../src/store/open-indexeddb.ts";
import type { StoreLocator } from "../src/store/types.ts";

addEventListener(
  "message",
  (event: MessageEvent) => {
    const { port, core, store } = event.data as ConnectMessage;
    // Both take a while, and a worker kept in reserve has the time.
    const ahead = store === undefined ? null : openIndexedDb(store);
    ahead?.catch(() => {});
    const same = (locator: StoreLocator) => JSON.stringify(locator) === JSON.stringify(store);
    serveContainer(
      port,
      createEmulator({
        openStore: (locator) => (ahead !== null && same(locator) ? ahead : openIndexedDb(locator)),
        core: async () => core,
        hostDirectory: null,
      }),
    );
    const rehearse = prepareCpu(core);
    // In pieces: a container to start comes in between.
    const rehearseMore = () => void (rehearse() && setTimeout(rehearseMore));
    setTimeout(rehearseMore);
  },
  { once: true },
);
