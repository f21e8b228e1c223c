/** Opens the store a locator names, in a page or one of its workers. */
import { WherryError } from "../base/errors.ts";
import { IndexedDbStore } from "./indexeddb.ts";
import type { Store, StoreLocator } from "./types.ts";

export async function openIndexedDb(locator: StoreLocator): Promise<Store> {
  if (locator.kind !== "indexeddb") throw new WherryError("unsupported", `A page has no ${locator.kind} store.`);
  return IndexedDbStore.open(locator.name);
}
