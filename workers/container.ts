/**
 * A container's worker: the emulator, told over a port what to start. When a container has ended in good order, another
 * may come, over a new port.
 */
import { createEmulator } from "../src/runtime/emulator/start.ts";
import { rehearse, rest } from "../src/runtime/emulator/rehearsal/rehearsal.ts";
import type { ConnectMessage } from "../src/runtime/emulator/protocol.ts";
import { serveContainer } from "../src/runtime/emulator/worker-server.ts";
import { prepareCpu } from "../wasm/x86/cpu.ts";
import { openIndexedDb } from "../src/store/open-indexeddb.ts";
import type { Store, StoreLocator } from "../src/store/types.ts";

let opened: { readonly name: string; readonly store: Promise<Store> } | null = null;

/** One store at a time is kept open. */
function openStore(locator: StoreLocator): Promise<Store> {
  const name = JSON.stringify(locator);
  if (opened?.name === name) return opened.store;
  const store = openIndexedDb(locator);
  const mine = (opened = { name, store });
  // Storage that could not be opened may be there the next time.
  store.catch(() => opened === mine && (opened = null));
  return store;
}

addEventListener("message", (event: MessageEvent) => {
  const { port, core, store } = event.data as ConnectMessage;
  const start = createEmulator({ openStore, keepsStore: true, core: async () => core, hostDirectory: null });
  serveContainer(port, start, rest);
  // Both take a while, and a worker kept in reserve has the time.
  if (store !== undefined) void openStore(store).catch(() => {});
  void rehearse(core, prepareCpu(core));
});
