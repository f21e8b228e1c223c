/** Images whose loading runs in a worker of its own; everything else is quick and stays here. The worker opens the same store, by name. */
import type { ImageService } from "./engine.ts";
import { openRemote } from "./remote.ts";

export function loadInWorker(images: ImageService, spawn: () => Worker, name: string): ImageService {
  return {
    list: () => images.list(),
    inspect: (image) => images.inspect(image),
    remove: (image, options) => images.remove(image, options),
    resolve: (image, platform) => images.resolve(image, platform),
    async load(source, options) {
      const worker = spawn();
      try {
        const crashed = new Promise<never>((_resolve, reject) => {
          worker.onerror = (event) => reject(new Error(event.message || "The unpacking worker could not be started."));
        });
        return await Promise.race([openRemote(worker, name).images.load(source, options), crashed]);
      } finally {
        worker.terminate();
      }
    },
  };
}
