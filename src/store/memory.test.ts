import { expect, test } from "vitest";
import { describeStore } from "../../test/conformance/store.ts";
import { MemoryStore } from "./memory.ts";

describeStore("memory", false, async () => ({
  open: async () => new MemoryStore(),
  destroy: async () => {},
}));

test("a quota refuses writes past it, and an aborted pack gives its room back", async () => {
  const store = new MemoryStore({ quotaBytes: 10 });
  const writer = await store.createPack();
  await writer.write(new Uint8Array(8));
  await expect(writer.write(new Uint8Array(3))).rejects.toThrow("no space left");
  await writer.abort();
  expect(await store.usage()).toEqual({ usedBytes: 0, quotaBytes: 10 });
});
