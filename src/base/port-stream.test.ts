import { describe, expect, test } from "vitest";
import { WherryError } from "./errors.ts";
import { limits } from "./limits.ts";
import { readableFromPort, writableToPort } from "./port-stream.ts";

function pair() {
  const { port1, port2 } = new MessageChannel();
  return { writer: writableToPort(port1).getWriter(), reader: readableFromPort(port2).getReader() };
}

describe("a stream over a port", () => {
  test("delivers chunks in order, then the end", async () => {
    const { writer, reader } = pair();
    const large = new Uint8Array(1000).fill(7);
    await writer.write(large.subarray(10, 12));
    await writer.write(Uint8Array.of(1, 2, 3));
    void writer.close();
    const first = await reader.read();
    expect([...first.value!]).toEqual([7, 7]);
    expect(first.value!.buffer.byteLength).toBe(2);
    expect([...(await reader.read()).value!]).toEqual([1, 2, 3]);
    expect((await reader.read()).done).toBe(true);
  });

  test("leaves the writer its memory, also that of a Node Buffer", async () => {
    const { writer, reader } = pair();
    const buffer = Buffer.from([1, 2, 3, 4]);
    await writer.write(buffer.subarray(1, 3));
    expect([...(await reader.read()).value!]).toEqual([2, 3]);
    expect([...buffer]).toEqual([1, 2, 3, 4]);
  });

  test("stops the writer when the reader does not read", async () => {
    const { writer, reader } = pair();
    const chunk = new Uint8Array(65536);
    let written = 0;
    const writing = (async () => {
      for (let i = 0; i < 100; i++) {
        await writer.write(chunk);
        written += chunk.length;
      }
      await writer.close();
    })();
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(written).toBeLessThanOrEqual(2 * limits.portWindowBytes);
    let read = 0;
    for (;;) {
      const { value, done } = await reader.read();
      if (done) break;
      read += value.length;
    }
    await writing;
    expect(read).toBe(100 * chunk.length);
  });

  test("carries a typed error to the reader", async () => {
    const { writer, reader } = pair();
    void writer.abort(new WherryError("storage-full", "no room", { data: { bytes: 3 } }));
    const error = await reader.read().then(null, (reason: unknown) => reason as WherryError);
    expect(error).toBeInstanceOf(WherryError);
    expect(error).toMatchObject({ code: "storage-full", message: "no room", data: { bytes: 3 } });
  });

  test("a cancelled reader errors the writer", async () => {
    const { writer, reader } = pair();
    await writer.write(Uint8Array.of(1));
    await reader.cancel(new WherryError("cancelled", "enough"));
    await expect(writer.closed).rejects.toMatchObject({ code: "cancelled", message: "enough" });
  });
});
