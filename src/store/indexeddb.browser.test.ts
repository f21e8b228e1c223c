/** The store in a real browser, whose IndexedDB differs from the stand-in of the unit tests in more than speed. */
import { describeStore } from "../../test/conformance/store.ts";
import { IndexedDbStore } from "./indexeddb.ts";

let databases = 0;

describeStore("indexeddb in a browser", true, async () => {
  const name = `store-${databases++}-${Date.now()}`;
  return {
    open: () => IndexedDbStore.open(name),
    destroy: async () => {
      indexedDB.deleteDatabase(name);
    },
  };
});
