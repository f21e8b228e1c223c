/** What is done with the files of a container that is not running: no worker, no memory, only its layers and journal. */
import { systemClock } from "../../base/clock.ts";
import { WherryError } from "../../base/errors.ts";
import { fromReadable, toReadable } from "../../codec/stream.ts";
import type { Store, StoreLocator } from "../../store/types.ts";
import { ArrayPagePool } from "../../vfs/array-page-pool.ts";
import type { ContainerSpec, Runtime } from "../types.ts";
import { packPath, unpackInto } from "./copy-files.ts";
import { writableLayerJournal } from "./journal.ts";
import { openImageTree } from "./rootfs.ts";

export type OpenStore = (locator: StoreLocator) => Promise<Store>;

export function stoppedContainers(openStore: OpenStore): Required<Pick<Runtime, "discard" | "copyOut" | "copyIn">> {
  const tree = async (spec: ContainerSpec, locator: StoreLocator, readOnly: boolean) =>
    openImageTree({ spec, store: await openStore(locator), pool: new ArrayPagePool(), clock: systemClock }, readOnly);
  return {
    async discard(spec, locator) {
      const store = await openStore(locator);
      await store.deleteJournal(writableLayerJournal(spec.id));
    },
    async copyOut(spec, locator, path) {
      const { namespace, overlay } = await tree(spec, locator, true);
      const tar = packPath(namespace, path);
      return toReadable(
        (async function* () {
          try {
            yield* fromReadable(tar);
          } finally {
            await overlay.close();
          }
        })(),
      );
    },
    async copyIn(spec, locator, path, tar) {
      if (spec.readOnly) {
        await tar.cancel().catch(() => {});
        throw new WherryError("conflict", "the container's file system is read-only");
      }
      const { namespace, overlay } = await tree(spec, locator, false);
      let kept = 0;
      try {
        await unpackInto(namespace, path, tar);
      } finally {
        kept = await overlay.close();
      }
      if (kept < 0) throw new WherryError("storage-full", "storage is full: not everything could be copied");
    },
  };
}
