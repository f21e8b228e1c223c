/** The IndexedDB store in a real browser, whose IndexedDB is not the one unit tests imitate. */
import { IndexedDbStore } from "../../src/store/indexeddb.ts";
import { describeStore } from "../conformance/store.ts";

let databases = 0;

function remove(name: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.deleteDatabase(name);
    request.addEventListener("success", () => resolve());
    request.addEventListener("error", () => reject(request.error));
  });
}

describeStore("indexeddb in a browser", true, async () => {
  const name = `browser-store-${databases++}`;
  return { open: () => IndexedDbStore.open(name), destroy: () => remove(name) };
});
