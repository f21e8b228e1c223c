/** A pack from beginning to end, in pieces of bounded size. */
import { limits } from "../../base/limits.ts";
import type { Store } from "../../store/types.ts";

export async function* readPackStream(store: Store, digest: string, sizeBytes: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < sizeBytes; at += limits.packRecordBytes)
    yield await store.readPack(digest, at, Math.min(limits.packRecordBytes, sizeBytes - at));
}
