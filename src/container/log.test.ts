import { expect, test } from "vitest";
import { MemoryStore } from "../store/memory.ts";
import { decodeLog, encodeLog, LogWriter, readLog, tailLog } from "./log.ts";
import type { LogChunk } from "./types.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (chunks: readonly LogChunk[]) => chunks.map((chunk) => new TextDecoder().decode(chunk.bytes)).join("");
const chunk = (words: string, stream: LogChunk["stream"] = "stdout"): LogChunk => ({
  stream,
  bytes: bytes(words),
  timeNs: 5n,
});

test("pieces survive the journal", () => {
  const chunks = [chunk("one"), chunk("", "stderr"), chunk("two\n", "stderr")];
  expect(decodeLog(encodeLog(chunks))).toEqual(chunks);
});

test.each([
  [0, ""],
  [1, "c\n"],
  [2, "b1b2\nc\n"],
  [9, "a\nb1b2\nc\n"],
])("the last %i lines", (count, expected) => {
  const chunks = [chunk("a\nb1"), chunk("b2\nc\n")];
  expect(text(tailLog(chunks, count))).toBe(expected);
});

test("what is gathered is written once, and all of it", async () => {
  const store = new MemoryStore();
  const log = new LogWriter(store, "x");
  await Promise.all(["a", "b", "c"].map((word) => log.append(chunk(word))));
  await log.flush();
  const records: Uint8Array[] = [];
  for await (const record of store.readJournal("log/x")) records.push(record);
  expect(records.length).toBe(1);
  expect(text(await readLog(store, "x"))).toBe("abc");
});
