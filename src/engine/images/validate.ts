/**
 * Checks an image in the store from the bytes up: every digest is computed again, and each layer's index is made anew
 * from its pack and compared. Reports all it finds.
 */
import type { CreateHasher } from "../../base/hasher.ts";
import { LayerIndexer } from "../../layer/indexer.ts";
import type { LayerIndex } from "../../oci/layer-index.ts";
import { parseImageConfig } from "../../oci/config.ts";
import { digestOf } from "../../oci/digest.ts";
import { parseManifestOrIndex } from "../../oci/manifest.ts";
import type { Store } from "../../store/types.ts";
import { readPackStream } from "./pack-stream.ts";
import type { ImageRecord } from "./record.ts";

/** What is wrong, one sentence each; empty when all is well. */
export async function validateImage(
  store: Store,
  record: ImageRecord,
  createHasher: CreateHasher,
): Promise<readonly string[]> {
  const problems: string[] = [];
  const check = (isRight: boolean, problem: string) => {
    if (!isRight) problems.push(problem);
  };
  check((await digestOf(record.configBytes, createHasher)) === record.id, "the config does not have the image's id");
  const { diffIds } = parseImageConfig(record.configBytes, "config").rootfs;
  check(diffIds.join() === record.layers.join(), "the config names other layers than the image");
  if (record.manifest) {
    const { bytes, digest } = record.manifest;
    check((await digestOf(bytes, createHasher)) === digest, "the manifest does not have its digest");
    const manifest = parseManifestOrIndex(bytes, "manifest");
    check(manifest.kind === "manifest" && manifest.config.digest === record.id, "the manifest is of another image");
  }
  for (const [i, layer] of record.layers.entries()) {
    const problem = await layerProblem(store, layer, createHasher);
    if (problem) problems.push(`layer ${i}: ${problem}`);
  }
  return problems;
}

async function layerProblem(store: Store, diffId: string, createHasher: CreateHasher): Promise<string | null> {
  const sizeBytes = await store.packSize(diffId);
  if (sizeBytes === null) return "its pack is missing";
  const index = (await store.getDocument("layer-index", diffId)) as LayerIndex | undefined;
  if (!index) return "its index is missing";
  if (index.tarBytes !== sizeBytes) return `its pack has ${sizeBytes} bytes instead of ${index.tarBytes}`;
  const hasher = await createHasher();
  for await (const chunk of readPackStream(store, diffId, sizeBytes)) hasher.update(chunk);
  const digest = hasher.digest();
  if (digest !== diffId) return `its digest is ${digest}, but should be ${diffId}`;
  const indexer = new LayerIndexer();
  for await (const chunk of readPackStream(store, diffId, sizeBytes)) indexer.push(chunk);
  indexer.finish();
  const describe = (entries: LayerIndex["entries"]) =>
    entries.map((one) => `${one.type} ${one.path} ${one.offset}`).join("\n");
  return describe(indexer.entries) === describe(index.entries) ? null : "its index does not fit its pack";
}
