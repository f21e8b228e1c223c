/** Which entries of a store's cache go when it gets too large: the ones used longest ago. */
import { WherryError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import type { CacheEntry } from "./types.ts";

export function checkCacheEntry(bytes: Uint8Array, label: Uint8Array): void {
  if (bytes.length > limits.cacheEntryBytesMax || label.length > limits.cacheLabelBytesMax)
    throw new WherryError("internal", `a cache entry of ${bytes.length} bytes, label ${label.length}, is too large`);
}

/** Keys to be removed so that `added` more bytes fit. */
export function cacheVictims(entries: readonly CacheEntry[], addedBytes: number): string[] {
  let bytes = addedBytes;
  for (const entry of entries) bytes += entry.sizeBytes;
  const victims: string[] = [];
  for (const entry of entries.toSorted((a, b) => a.usedMs - b.usedMs)) {
    if (bytes <= limits.cacheBytesMax) break;
    bytes -= entry.sizeBytes;
    victims.push(entry.key);
  }
  return victims;
}

/** Whether a use is worth noting: each note is a write. */
export function isUseNoted(usedMs: number, nowMs: number): boolean {
  return nowMs - usedMs > limits.cacheUseMs;
}
