import { describe, expect, test } from "vitest";
import { concat, encodeUtf8, equalBytes } from "../base/bytes.ts";
import { systemClock } from "../base/clock.ts";
import { createPipe } from "../vfs/pipefs/pipe.ts";
import { drainPipe, feedPipe } from "./pipe-streams.ts";

const root = { uid: 0, gid: 0, groups: [] };

describe("streams over pipes", () => {
  test("far more than a pipe holds goes through unchanged", async () => {
    const [reader, writer] = createPipe(0, root, systemClock);
    const sent = new Uint8Array(1_000_000).map((_, index) => (index * 7) & 255);
    const got: Uint8Array[] = [];
    const source = new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(sent.subarray(0, 300_000));
        controller.enqueue(sent.subarray(300_000));
        controller.close();
      },
    });
    const target = new WritableStream<Uint8Array>({ write: (chunk) => void got.push(chunk) });
    await Promise.all([feedPipe(source, writer), drainPipe(reader, target)]);
    expect(equalBytes(concat(got), sent)).toBe(true);
  });

  test("feeding ends when nobody reads any more", async () => {
    const [reader, writer] = createPipe(0, root, systemClock);
    let cancelled = false;
    const source = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(encodeUtf8("x".repeat(50_000))),
      cancel: () => {
        cancelled = true;
      },
    });
    const fed = feedPipe(source, writer);
    setTimeout(() => reader.release(), 10);
    await fed;
    expect(cancelled).toBe(true);
  });
});
