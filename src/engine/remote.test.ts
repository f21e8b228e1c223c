import { describe, expect, test, vi } from "vitest";
import { WherryError } from "../base/errors.ts";
import { connectEngine, exposeEngine } from "./remote.ts";
import type { AttachedProcess, Engine, EngineEvent, LoadProgress } from "./types.ts";

function connect(engine: object): Engine {
  const { port1, port2 } = new MessageChannel();
  exposeEngine(Promise.resolve(engine as Engine), port1);
  const remote = connectEngine(port2);
  // comlink starts only the exposed end by itself.
  port2.start();
  return remote;
}

async function text(stream: ReadableStream<Uint8Array>): Promise<string> {
  return new Response(stream).text();
}

describe("the engine behind a port", () => {
  test("plain results and arguments arrive unchanged", async () => {
    const engine = connect({
      images: { inspect: async (image: string) => ({ image, layers: [1n, new Uint8Array(2)] }) },
    });
    expect(await engine.images.inspect("debian")).toEqual({ image: "debian", layers: [1n, new Uint8Array(2)] });
  });

  test("a WherryError keeps its class, code, exit code and data", async () => {
    const engine = connect({
      containers: {
        start: async () => {
          throw new WherryError("command-not-found", "nope: not found", { data: { path: "nope" } });
        },
      },
    });
    const error = await engine.containers.start("x").then(null, (reason: unknown) => reason);
    expect(error).toBeInstanceOf(WherryError);
    expect(error).toMatchObject({ code: "command-not-found", exitCode: 127, data: { path: "nope" } });
  });

  test("progress callbacks and an abort signal inside options work", async () => {
    const engine = connect({
      images: {
        load: async (_source: unknown, options: { onProgress: (p: LoadProgress) => void; signal: AbortSignal }) => {
          options.onProgress({ layer: 0, layers: 1, phase: "reading", doneBytes: 5, totalBytes: 9, digest: "d" });
          await new Promise((_resolve, reject) => {
            options.signal.addEventListener("abort", () => reject(options.signal.reason as Error));
          });
        },
      },
    });
    const controller = new AbortController();
    const seen: LoadProgress[] = [];
    const loading = engine.images.load(
      { kind: "blob", blob: new Blob(["x"]) },
      {
        signal: controller.signal,
        onProgress: (progress) => {
          seen.push(progress);
          controller.abort();
        },
      },
    );
    await expect(loading).rejects.toMatchObject({ code: "cancelled" });
    expect(seen).toEqual([{ layer: 0, layers: 1, phase: "reading", doneBytes: 5, totalBytes: 9, digest: "d" }]);
  });

  test("an attached process: streams both ways, methods, and the promise of its end", async () => {
    const pipe = new TransformStream<Uint8Array, Uint8Array>();
    const sizes: number[][] = [];
    let end!: (status: { code: number }) => void;
    const process: AttachedProcess = {
      stdin: pipe.writable,
      stdout: pipe.readable,
      stderr: new ReadableStream({ start: (controller) => controller.close() }),
      detach: async () => {},
      resize: async (columns, rows) => void sizes.push([columns, rows]),
      signal: async (signal) => end({ code: Number(signal) }),
      exited: new Promise((resolve) => {
        end = resolve;
      }),
    };
    const engine = connect({ containers: { attach: async () => process } });
    const attached = await engine.containers.attach("x");
    const writer = attached.stdin.getWriter();
    void writer.write(new TextEncoder().encode("hello"));
    void writer.close();
    expect(await text(attached.stdout)).toBe("hello");
    expect(await text(attached.stderr)).toBe("");
    await attached.resize(80, 24);
    expect(sizes).toEqual([[80, 24]]);
    await attached.signal(9);
    expect(await attached.exited).toEqual({ code: 9 });
  });

  test("subscribe hands back a function that stops it", async () => {
    const listeners = new Set<(event: EngineEvent) => void>();
    const engine = connect({
      subscribe: (listener: (event: EngineEvent) => void) => {
        listeners.add(listener);
        return () => void listeners.delete(listener);
      },
    });
    const events: EngineEvent[] = [];
    const stop = await engine.subscribe((event) => void events.push(event));
    for (const listener of listeners) listener({ type: "image", action: "load", id: "a" });
    await vi.waitFor(() => expect(events).toHaveLength(1), 10_000);
    expect(events).toEqual([{ type: "image", action: "load", id: "a" }]);
    await (stop() as unknown as Promise<void>);
    expect(listeners.size).toBe(0);
  });
});
