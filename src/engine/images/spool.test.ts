import { expect, test } from "vitest";
import { limits } from "../../base/limits.ts";
import { spoolToBlob } from "./spool.ts";

async function* chunks(count: number, bytes: number) {
  for (let i = 0; i < count; i++) yield new Uint8Array(bytes).fill(i);
}

test("what comes in pieces is one Blob, and the progress is told", async () => {
  const seen: number[] = [];
  const size = limits.spoolPieceBytes / 2 + 1;
  const blob = await spoolToBlob(chunks(5, size), (done) => seen.push(done));
  expect(seen).toEqual([1, 2, 3, 4, 5].map((count) => count * size));
  const bytes = new Uint8Array(await blob.arrayBuffer());
  expect(bytes.length).toBe(5 * size);
  for (let i = 0; i < 5; i++) expect(bytes[i * size]).toBe(i);
});

test("a stream that breaks breaks it with the same error", async () => {
  const failure = new Error("broken");
  async function* breaking() {
    yield* chunks(2, 10);
    throw failure;
  }
  await expect(spoolToBlob(breaking(), () => {})).rejects.toBe(failure);
});
