/** The events of every tab that shares a store: each engine tells its own, and hears those of the others. */
import type { Engine, EngineEvent } from "./types.ts";

export async function shareEvents(engine: Engine, channel: BroadcastChannel): Promise<Engine> {
  const listeners = new Set<(event: EngineEvent) => void>();
  const tell = (event: EngineEvent) => {
    for (const listener of listeners) listener(event);
  };
  await engine.subscribe((event) => {
    channel.postMessage(event);
    tell(event);
  });
  channel.onmessage = (message: MessageEvent) => tell(message.data as EngineEvent);
  return {
    images: engine.images,
    containers: engine.containers,
    run: (options) => engine.run(options),
    info: () => engine.info(),
    subscribe(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    async close() {
      channel.close();
      await engine.close();
    },
  };
}
