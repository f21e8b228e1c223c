/** The layers of an image as one read-only tree: what overlayfs stands on. */
import { limits } from "../../base/limits.ts";
import type { LayerIndex } from "../../oci/layer-index.ts";
import { PageCache } from "../page-cache.ts";
import type { PagePool } from "../types.ts";
import { LayerContent } from "./content.ts";
import type { PackSource } from "./piece-cache.ts";
import { PieceCache } from "./piece-cache.ts";
import { LayerTree } from "./tree.ts";

export type { PackSource } from "./piece-cache.ts";

/** `layers` lowest first; each layer's archive is the pack named by its diff ID. */
export function createLayerTree(
  layers: readonly LayerIndex[],
  source: PackSource,
  pool: PagePool,
  pageCacheBytesMax: number = limits.pageCacheBytesMax,
): LayerTree {
  const cache = new PageCache(pool, pageCacheBytesMax);
  const pieces = new PieceCache(
    source,
    layers.map((layer) => ({ digest: layer.diffId, bytes: layer.tarBytes })),
  );
  return new LayerTree(layers, (layer, entry) => new LayerContent(layer, entry, cache, pieces));
}
