/** The engine with a fake runtime: a container's "program" is a function over its streams. */
import { beforeEach, describe, expect, test } from "vitest";
import { WherryError } from "../base/errors.ts";
import { LocalContainer, LocalSupervision } from "../container/hosted.ts";
import { loadRecord, saveRecord } from "../container/record.ts";
import type { ExitStatus, ProcessSpec, Runtime, RuntimeIo, RuntimeProcess } from "../runtime/types.ts";
import { MemoryStore } from "../store/memory.ts";
import { createEngine } from "./engine.ts";
import type { ImageService } from "./engine.ts";
import type { Engine, EngineEvent, LogChunk } from "./types.ts";

const bytes = (words: string) => new TextEncoder().encode(words);
const text = (data: Uint8Array) => new TextDecoder().decode(data);

async function read(stream: ReadableStream<Uint8Array>): Promise<string> {
  let all = "";
  const reader = stream.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return all;
    all += text(value);
  }
}

/** Runs "echo …", "fail N", "cat", "wait" (until a signal, which is its exit code + 128) and "missing". */
function fakeProcess(process: ProcessSpec, io: RuntimeIo): RuntimeProcess {
  const [command, ...rest] = process.arguments;
  let resolveSignal: (signal: number) => void;
  const signalled = new Promise<number>((resolve) => {
    resolveSignal = resolve;
  });
  const work = async (): Promise<ExitStatus> => {
    const stdout = io.stdout.getWriter();
    const stderr = io.stderr.getWriter();
    let code = 0;
    if (command === "echo") await stdout.write(bytes(`${rest.join(" ")}\n`));
    if (command === "fail") {
      await stderr.write(bytes("failing\n"));
      code = Number(rest[0]);
    }
    if (command === "cat") {
      const reader = io.stdin.getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        await stdout.write(value);
      }
    }
    if (command === "wait") {
      await stdout.write(bytes("waiting\n"));
      let signal = await signalled;
      // "wait deaf" takes only SIGKILL.
      while (rest[0] === "deaf" && signal !== 9)
        signal = await new Promise<number>((resolve) => {
          resolveSignal = resolve;
        });
      code = 128 + signal;
    }
    await stdout.close().catch(() => {});
    await stderr.close().catch(() => {});
    return { code };
  };
  return { exited: work(), signal: async (signal) => resolveSignal(signal), resize: async () => {} };
}

const fakeRuntime: Runtime = {
  name: "native",
  unavailable: async () => null,
  async start(spec, _store, io) {
    if (spec.process.arguments[0] === "missing")
      throw new WherryError("command-not-found", 'exec: "missing": executable file not found in $PATH');
    const first = fakeProcess(spec.process, io);
    return {
      ...first,
      exec: async (process, execIo) => fakeProcess(process, execIo),
      destroy: async () => first.signal(9),
      missing: async () => [],
    };
  },
};

const imageId = `sha256:${"12".repeat(32)}`;

const fakeImages: ImageService = {
  load: async () => [],
  list: async () => [
    {
      id: imageId,
      references: ["test:latest"],
      createdSeconds: 0,
      sizeBytes: 1,
      platform: { os: "linux", architecture: "amd64" },
      layers: 0,
    },
  ],
  inspect: async () => ({ Id: imageId }),
  remove: async () => ["Untagged: test:latest"],
  async resolve(image) {
    if (image !== "test" && !imageId.startsWith(`sha256:${image}`))
      throw new WherryError("not-found", `No such image: ${image}:latest`);
    return {
      id: imageId,
      layers: [],
      platform: { os: "linux", architecture: "amd64" },
      config: { Cmd: ["echo", "hi"] },
    };
  },
};

let store: MemoryStore;
let engine: Engine;
let events: EngineEvent[];

function open(runtime: Runtime = fakeRuntime): Engine {
  const locator = { kind: "memory", name: "test" } as const;
  return createEngine({
    version: "test",
    host: "node",
    store,
    locator,
    images: fakeImages,
    runtimes: [runtime],
    supervision: new LocalSupervision(
      (record, foreground) => new LocalContainer({ store, locator, runtime, record, foreground }),
    ),
  });
}

beforeEach(async () => {
  store = new MemoryStore();
  engine = open();
  events = [];
  await engine.subscribe((event) => events.push(event));
});

const create = (command: readonly string[], more: object = {}) =>
  engine.containers.create({ image: "test", command, ...more });

describe("run to the end", () => {
  test("collects the output and removes the container", async () => {
    const result = await engine.run({ image: "test" });
    expect([result.exitCode, text(result.stdout), text(result.stderr)]).toEqual([0, "hi\n", ""]);
    expect(await engine.containers.list({ all: true })).toEqual([]);
    expect(events.map(({ action }) => action)).toContain("create");
  });

  test("gives input, and keeps the container when asked to", async () => {
    const result = await engine.run({ image: "test", command: ["cat"], stdin: "typed", remove: false });
    expect(text(result.stdout)).toBe("typed");
    expect((await engine.containers.list({ all: true }))[0]).toMatchObject({ status: "exited", exitCode: 0 });
  });

  test("tells why it did not start, and leaves nothing", async () => {
    await expect(engine.run({ image: "test", command: ["missing"] })).rejects.toMatchObject({ exitCode: 127 });
    await expect(engine.run({ image: "nosuch" })).rejects.toThrow("No such image: nosuch:latest");
    expect(await engine.containers.list({ all: true })).toEqual([]);
  });

  test("is cancelled by its signal", async () => {
    const abort = new AbortController();
    const running = engine.run({ image: "test", command: ["wait"], signal: abort.signal });
    setTimeout(() => abort.abort(), 50);
    await expect(running).rejects.toMatchObject({ code: "cancelled" });
    expect(await engine.containers.list({ all: true })).toEqual([]);
  });
});

describe("names", () => {
  test("a container is found by name, id and the beginning of its id", async () => {
    const id = await create(["echo"], { name: "mine" });
    for (const wanted of ["mine", "/mine", id, id.slice(0, 5)])
      expect((await engine.containers.inspect(wanted))["Id"]).toBe(id);
    await expect(engine.containers.inspect("other")).rejects.toThrow("No such container: other");
  });

  test("a name belongs to one container, and has a form", async () => {
    const id = await create(["echo"], { name: "mine" });
    await expect(create(["echo"], { name: "mine" })).rejects.toThrow(
      `The container name "/mine" is already in use by container "${id}"`,
    );
    await expect(create(["echo"], { name: "no spaces" })).rejects.toThrow("Invalid container name (no spaces)");
  });

  test("others get a name of two words", async () => {
    const id = await create(["echo"]);
    expect((await engine.containers.inspect(id))["Name"]).toMatch(/^\/[a-z]+_[a-z]+$/);
  });
});

describe("life", () => {
  test("attach, start, wait: nothing is missed, and the record tells the end", async () => {
    const id = await create(["fail", "3"]);
    const process = await engine.containers.attach(id);
    const output = Promise.all([read(process.stdout), read(process.stderr)]);
    await engine.containers.start(id);
    expect(await process.exited).toEqual({ code: 3 });
    expect(await output).toEqual(["", "failing\n"]);
    expect(await engine.containers.wait(id)).toEqual({ code: 3 });
    expect((await engine.containers.list({ all: true }))[0]).toMatchObject({ status: "exited", exitCode: 3 });
    // It may be started again; the log goes on.
    await engine.containers.start(id);
    await engine.containers.wait(id);
    expect(await read(logText(await engine.containers.logs(id)))).toBe("failing\nfailing\n");
  });

  test("stop sends the stop signal, then SIGKILL", async () => {
    const id = await create(["wait"]);
    await engine.containers.start(id);
    await engine.containers.stop(id);
    expect(await engine.containers.wait(id)).toEqual({ code: 143 });
    const deaf = await create(["wait", "deaf"]);
    await engine.containers.start(deaf);
    await engine.containers.stop(deaf, { timeoutMs: 20 });
    expect(await engine.containers.wait(deaf)).toEqual({ code: 137 });
  });

  test("kill needs a running container and a known signal", async () => {
    const id = await create(["wait"]);
    await expect(engine.containers.kill(id)).rejects.toThrow(`container ${id} is not running`);
    await engine.containers.start(id);
    await expect(engine.containers.kill(id, "NOPE")).rejects.toThrow("Invalid signal: NOPE");
    await engine.containers.kill(id, "USR1");
    expect(await engine.containers.wait(id)).toEqual({ code: 138 });
  });

  test("exec runs beside the first process", async () => {
    const id = await create(["wait"]);
    await expect(engine.containers.exec(id, { command: ["echo"] })).rejects.toThrow("is not running");
    await engine.containers.start(id);
    const process = await engine.containers.exec(id, { command: ["cat"], interactive: true });
    const output = read(process.stdout);
    const writer = process.stdin.getWriter();
    await writer.write(bytes("in"));
    await writer.close();
    expect([await output, await process.exited]).toEqual(["in", { code: 0 }]);
    await engine.containers.remove(id, { force: true });
  });

  test("remove refuses a running container unless forced", async () => {
    const id = await create(["wait"]);
    await engine.containers.start(id);
    await expect(engine.containers.remove(id)).rejects.toThrow(/^cannot remove container .* container is running/);
    await engine.containers.remove(id, { force: true });
    expect(await engine.containers.list({ all: true })).toEqual([]);
    expect(await store.listDocuments("container")).toEqual([]);
  });

  test("logs follow until the end", async () => {
    const id = await create(["wait"]);
    await engine.containers.start(id);
    const followed = read(logText(await engine.containers.logs(id, { follow: true })));
    await engine.containers.kill(id, "TERM");
    expect(await followed).toBe("waiting\n");
  });

  test("a container whose host is gone counts as killed", async () => {
    const id = await create(["wait"]);
    const record = (await loadRecord(store, id))!;
    await saveRecord(store, { ...record, state: { ...record.state, status: "running", startedMs: 1 } });
    const later = open();
    expect((await later.containers.list({ all: true }))[0]).toMatchObject({ status: "exited", exitCode: 137 });
  });
});

test("an image in use is not removed", async () => {
  const id = await create(["wait"]);
  await expect(engine.images.remove("test")).rejects.toThrow(
    `conflict: unable to remove repository reference "test" (must force) - container ${id.slice(0, 12)} is using its referenced image`,
  );
  expect(await engine.images.remove("test", { force: true })).toEqual(["Untagged: test:latest"]);
  await engine.containers.start(id);
  await expect(engine.images.remove(imageId.slice(7, 19), { force: true })).rejects.toThrow(
    "(cannot be forced) - image is being used by running container",
  );
  await engine.containers.remove(id, { force: true });
});

test("a processor can be chosen for the emulator only", async () => {
  const refused = create(["echo"], { runtime: "native", cpu: "v3" });
  await expect(refused).rejects.toMatchObject({
    exitCode: 125,
    message: "cpu is an option of the emulator: the native runtime has no processor of its own",
  });
  engine = open({ ...fakeRuntime, name: "emulator" });
  await expect(create(["echo"], { jit: "often" })).rejects.toThrow("unknown jit mode: often");
  const id = await create(["echo"], { cpu: "v3", jit: "off" });
  expect(await engine.containers.inspect(id)).toMatchObject({
    HostConfig: { Runtime: "emulator", Cpu: "x86-64-v3", Jit: "off" },
  });
});

test("a runtime that does not work here is named with its reason", async () => {
  await expect(create(["echo"], { runtime: "wasi" })).rejects.toThrow("this host has no wasi runtime");
});

function logText(stream: ReadableStream<LogChunk>): ReadableStream<Uint8Array> {
  return stream.pipeThrough(
    new TransformStream<LogChunk, Uint8Array>({ transform: (chunk, controller) => controller.enqueue(chunk.bytes) }),
  );
}
