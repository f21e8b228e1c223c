import { expect, test } from "vitest";
import { ByteQueue } from "./byte-queue.ts";

test("a byte queue keeps order through wrap-around, growth and partial pushes", () => {
  const queue = new ByteQueue(10_000);
  let written = 0;
  let read = 0;
  for (let round = 0; round < 500; round++) {
    const source = Uint8Array.from({ length: (round * 37) % 1500 }, (_, i) => (written + i) & 0xff);
    const pushed = queue.push(source);
    expect(pushed).toBe(Math.min(source.length, 10_000 - (written - read)));
    written += pushed;
    if (round % 3 === 0 && queue.pushByte(written & 0xff)) written++;
    const target = new Uint8Array((round * 53) % 1400);
    const pulled = queue.pull(target);
    expect(target.subarray(0, pulled).every((byte, i) => byte === ((read + i) & 0xff))).toBe(true);
    read += pulled;
    expect(queue.length).toBe(written - read);
  }
});

test("a queue's capacity can change while it holds bytes", () => {
  const queue = new ByteQueue(4096);
  queue.push(new Uint8Array(4000).fill(7));
  queue.drop(3990);
  queue.push(new Uint8Array(100).fill(8));
  queue.capacity = 200;
  expect(queue.room).toBe(90);
  const target = new Uint8Array(200);
  expect(queue.pull(target)).toBe(110);
  expect([...target.subarray(9, 12)]).toEqual([7, 8, 8]);
  queue.capacity = 1 << 20;
  expect(queue.push(new Uint8Array(2 << 20))).toBe(1 << 20);
});
