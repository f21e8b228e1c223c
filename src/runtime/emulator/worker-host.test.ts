import { describe, expect, test } from "vitest";
import { concat, encodeUtf8 } from "../../base/bytes.ts";
import { WherryError } from "../../base/errors.ts";
import type { ContainerSpec, ExitStatus, ProcessSpec, RuntimeContainer, RuntimeIo } from "../types.ts";
import { MemoryStore } from "../../store/memory.ts";
import { writableLayerJournal } from "./journal.ts";
import { FakeCpu } from "../../kernel/fake-cpu.ts";
import { createWorkerRuntime } from "./worker-host.ts";
import type { ContainerWorker } from "./worker-host.ts";
import { serveContainer } from "./worker-server.ts";
import type { StartContainer } from "./worker-server.ts";

const process: ProcessSpec = {
  arguments: ["cat"],
  environment: [],
  workingDirectory: "/",
  user: "",
  tty: false,
  interactive: true,
  columns: 80,
  rows: 24,
};
const spec: ContainerSpec = {
  id: "c1",
  hostname: "c1",
  layers: [],
  process,
  readOnly: false,
  mounts: [],
  memoryBytes: 1 << 20,
  stopSignal: "SIGTERM",
  strace: false,
};
const store = { kind: "indexeddb", name: "test" } as const;

let deafen = (): void => {};

/** A scripted "guest": `cat` copies its input; "fail" cannot start; "hang" never ends, "busy" neither, and its worker hears nothing. */
const fakeStart: StartContainer = async (given, _store, io) => {
  if (given.process.arguments[0] === "fail") throw new WherryError("command-not-found", "fail: not found");
  if (given.process.arguments[0] === "never") await new Promise(() => {});
  return container(given.process, io);
};

function container(given: ProcessSpec, io: RuntimeIo): RuntimeContainer {
  let end!: (status: ExitStatus) => void;
  const exited = new Promise<ExitStatus>((resolve) => {
    end = resolve;
  });
  const finish = async (code: number) => {
    await Promise.allSettled([io.stdout.close(), io.stderr.close()]);
    end({ code });
  };
  if (given.arguments[0] === "busy") setTimeout(deafen, 0);
  if (given.arguments[0] === "cat") {
    void io.stdin.pipeTo(io.stdout, { preventClose: true }).then(
      () => finish(0),
      () => finish(1),
    );
  }
  return {
    exited,
    signal: (signal) => finish(128 + signal),
    resize: async () => {},
    exec: async (execSpec, execIo) => container(execSpec, execIo),
    destroy: async () => {},
    leavesClean: given.arguments[0] === "cat",
    missing: async () => [{ kind: "syscall", name: "io_uring_setup", count: 2 }],
    counters: async () => ({ ...new FakeCpu().counters, instructions: 12 }),
  };
}

function host(keepSpare = false) {
  const kept = new MemoryStore();
  const workers: { terminated: boolean; rests: number; crash: (reason: string) => void }[] = [];
  const runtime = createWorkerRuntime({
    name: "emulator",
    keepSpare,
    openStore: async () => kept,
    spawn: () => {
      const state = { terminated: false, rests: 0, crash: (_reason: string) => {} };
      workers.push(state);
      const crashed = new Promise<string>((resolve) => {
        state.crash = resolve;
      });
      const connect = (): ContainerWorker => {
        const { port1, port2 } = new MessageChannel();
        serveContainer(port2, fakeStart, () => state.rests++);
        // A worker that computes without end no longer hears its messages.
        deafen = () => {
          port2.onmessage = null;
        };
        const terminate = () => {
          state.terminated = true;
          port2.close();
        };
        return { port: port1, terminate, crashed, again: connect };
      };
      return connect();
    },
  });
  return { runtime, workers, kept };
}

function streams() {
  const stdin = new TransformStream<Uint8Array, Uint8Array>();
  const collect = () => {
    const chunks: Uint8Array[] = [];
    let closed!: () => void;
    const done = new Promise<void>((resolve) => {
      closed = resolve;
    });
    const writable = new WritableStream<Uint8Array>({
      write: (chunk) => void chunks.push(chunk),
      close: () => closed(),
    });
    return { writable, text: async () => (await done, new TextDecoder().decode(concat(chunks))) };
  };
  const [stdout, stderr] = [collect(), collect()];
  return { io: { stdin: stdin.readable, stdout: stdout.writable, stderr: stderr.writable }, stdin, stdout, stderr };
}

describe("a container in a worker", () => {
  test("its counters can be asked for while it runs, as it ends, and afterwards", async () => {
    const { runtime } = host();
    const { io, stdin } = streams();
    const running = await runtime.start(spec, store, io);
    const counted = { ...new FakeCpu().counters, instructions: 12 };
    expect(await running.counters?.()).toEqual(counted);
    await stdin.writable.close();
    await running.exited;
    expect(await running.counters?.()).toEqual(counted);
    await running.destroy();
    expect(await running.counters?.()).toEqual(counted);
  });

  test("gets its input, gives its output and its exit code, and the worker ends where none is kept", async () => {
    const { runtime, workers } = host();
    const { io, stdin, stdout } = streams();
    const running = await runtime.start(spec, store, io);
    const writer = stdin.writable.getWriter();
    await writer.write(encodeUtf8("hello "));
    await writer.write(encodeUtf8("there"));
    await writer.close();
    expect(await running.exited).toEqual({ code: 0 });
    expect(await stdout.text()).toBe("hello there");
    await running.destroy();
    expect(workers[0]!.terminated).toBe(true);
    expect(await running.missing()).toEqual([{ kind: "syscall", name: "io_uring_setup", count: 2 }]);
  });

  test("a second process by exec, a signal and a resize", async () => {
    const { runtime } = host();
    const first = streams();
    const running = await runtime.start({ ...spec, process: { ...process, arguments: ["hang"] } }, store, first.io);
    const second = streams();
    const executed = await running.exec(process, second.io);
    await executed.resize(100, 40);
    await second.stdin.writable.getWriter().close();
    expect(await executed.exited).toEqual({ code: 0 });
    await running.signal(15);
    expect(await running.exited).toEqual({ code: 143 });
  });

  test("a start that fails keeps its code and frees the worker", async () => {
    const { runtime, workers } = host();
    const failing = { ...spec, process: { ...process, arguments: ["fail"] } };
    await expect(runtime.start(failing, store, streams().io)).rejects.toMatchObject({
      code: "command-not-found",
      exitCode: 127,
      message: "fail: not found",
    });
    expect(workers[0]!.terminated).toBe(true);
  });

  test("a crash ends the streams and says why", async () => {
    const { runtime, workers } = host();
    const { io, stderr, stdout } = streams();
    const running = await runtime.start({ ...spec, process: { ...process, arguments: ["hang"] } }, store, io);
    workers[0]!.crash("out of memory");
    expect(await running.exited).toEqual({ code: 125 });
    expect(await stdout.text()).toBe("");
    expect(await stderr.text()).toBe("wherry: The container's worker stopped unexpectedly: out of memory\n");
  });

  test("a worker that crashes before the program starts is told once, as the error", async () => {
    const { runtime, workers } = host();
    const { io, stderr } = streams();
    const starting = runtime.start({ ...spec, process: { ...process, arguments: ["never"] } }, store, io);
    workers[0]!.crash("no memory");
    await expect(starting).rejects.toMatchObject({ message: /no memory$/ });
    expect(await stderr.text()).toBe("");
  });

  test("a worker that no longer hears ends by SIGKILL alone", async () => {
    const { runtime, workers } = host();
    const running = await runtime.start({ ...spec, process: { ...process, arguments: ["busy"] } }, store, streams().io);
    await new Promise((resolve) => setTimeout(resolve, 20));
    await running.signal(15);
    expect(workers[0]!.terminated).toBe(false);
    await running.signal(9);
    expect(await running.exited).toEqual({ code: 137 });
    expect(workers[0]!.terminated).toBe(true);
  });

  test("a worker whose container ended in good order serves the next one", async () => {
    const { runtime, workers } = host(true);
    for (let run = 0; run < 3; run++) {
      const { io, stdin, stdout } = streams();
      const running = await runtime.start(spec, store, io);
      const writer = stdin.writable.getWriter();
      await writer.write(encodeUtf8(`run ${run}`));
      await writer.close();
      expect(await running.exited).toEqual({ code: 0 });
      expect(await stdout.text()).toBe(`run ${run}`);
      await running.destroy();
    }
    expect(workers.map(({ terminated }) => terminated)).toEqual([false]);
  });

  test("workers that wait rest while another one's container starts, and serve theirs afterwards", async () => {
    const { runtime, workers } = host(true);
    while (workers.length < 2) await new Promise((resolve) => setTimeout(resolve, 50));
    const both = [streams(), streams()];
    const running = [];
    for (const { io } of both) running.push(await runtime.start(spec, store, io));
    expect(workers.map(({ rests }) => rests)).toEqual([0, 1]);
    for (const { stdin } of both) await stdin.writable.close();
    for (const { exited } of running) expect(await exited).toEqual({ code: 0 });
  });

  test("a worker that holds something of its container does not", async () => {
    const { runtime, workers } = host(true);
    const running = await runtime.start({ ...spec, process: { ...process, arguments: ["hang"] } }, store, streams().io);
    await running.signal(15);
    await running.exited;
    await running.destroy();
    expect(workers[0]!.terminated).toBe(true);
    workers[1]?.crash("over");
  });

  test("discarding a container deletes its writable layer, and no other's", async () => {
    const { runtime, kept } = host();
    for (const id of ["c1", "c2"]) await kept.appendJournal(writableLayerJournal(id), encodeUtf8("changes"));
    await runtime.discard!(spec, store);
    await runtime.discard!(spec, store);
    const left = async (id: string) => {
      let records = 0;
      for await (const _ of kept.readJournal(writableLayerJournal(id))) records++;
      return records;
    };
    expect(await left("c1")).toBe(0);
    expect(await left("c2")).toBe(1);
  });
});
