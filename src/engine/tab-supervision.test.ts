import { describe, expect, test } from "vitest";
import type { ContainerRecord } from "../container/record.ts";
import { createdState, saveRecord } from "../container/record.ts";
import { MemoryStore } from "../store/memory.ts";
import { TabSupervision } from "./tab-supervision.ts";
import type { DestroyableContainer } from "./tab-supervision.ts";

/** Web Locks as far as they are used: exclusive if available, shared in turn. */
function fakeLocks(): LockManager {
  const held = new Map<string, Promise<unknown>>();
  const request = async (name: string, options: LockOptions, callback: (lock: Lock | null) => unknown) => {
    if (options.ifAvailable === true && held.has(name)) return callback(null);
    while (held.has(name)) await held.get(name);
    const work = Promise.resolve(callback({ name, mode: options.mode ?? "exclusive" }));
    held.set(name, work);
    try {
      return await work;
    } finally {
      held.delete(name);
    }
  };
  const query = async () => ({ held: [...held.keys()].map((name) => ({ name })), pending: [] });
  return { request, query } as unknown as LockManager;
}

function fakeContainer() {
  let end!: (code: number) => void;
  const exited = new Promise<{ code: number }>((resolve) => {
    end = (code) => resolve({ code });
  });
  const container = {
    attach: async () => ({}),
    start: async () => {},
    close: async () => {},
    destroy: async () => end(137),
    exited,
  } as unknown as DestroyableContainer;
  return { container, end };
}

const record = { version: 1, id: "c".repeat(64), name: "heron", state: createdState } as unknown as ContainerRecord;

function tabs() {
  const store = new MemoryStore();
  const locks = fakeLocks();
  const made: ReturnType<typeof fakeContainer>[] = [];
  const make = () => {
    const fake = fakeContainer();
    made.push(fake);
    return fake.container;
  };
  const tab = () => new TabSupervision({ store, scope: "test", locks, make });
  return { store, made, one: tab(), two: tab() };
}

const settle = () => new Promise((resolve) => setTimeout(resolve, 0));

describe("containers of two tabs", () => {
  test("run in one of them only; the other sees them run elsewhere", async () => {
    const { store, made, one, two } = tabs();
    await saveRecord(store, record);
    const container = await one.prepare(record, false);
    await container.start();
    await expect(two.prepare(record, false)).rejects.toMatchObject({ code: "conflict" });
    const seen = await two.find(record);
    await expect(seen!.attach()).rejects.toThrow("heron is running in another tab");
    await saveRecord(store, { ...record, state: { ...createdState, status: "exited", exitCode: 3 } });
    made[0]!.end(3);
    expect(await seen!.exited).toEqual({ code: 3 });
    await settle();
    expect(await two.find(record)).toBe(null);
    await two.prepare(record, false);
  });

  test("one that could not start is free again", async () => {
    const { one, two } = tabs();
    const container = await one.prepare(record, false);
    expect(await one.find(record)).not.toBe(null);
    await container.close();
    await settle();
    expect(await one.find(record)).toBe(null);
    await two.prepare(record, false);
  });

  test("closing ends what runs here", async () => {
    const { one } = tabs();
    const container = await one.prepare(record, false);
    await container.start();
    await one.close();
    expect(await container.exited).toEqual({ code: 137 });
  });
});
