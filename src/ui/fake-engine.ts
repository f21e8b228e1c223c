/**
 * An engine for tests of the page: images that load in steps, containers whose "programs" are scripted here, and a
 * terminal that echoes. Not part of the page.
 */
import { encodeUtf8 } from "../base/bytes.ts";
import { WherryError } from "../base/errors.ts";
import { randomId } from "../base/random.ts";
import type {
  AttachedProcess,
  ContainerStats,
  ContainerSummary,
  Engine,
  EngineEvent,
  ImageSummary,
  LoadOptions,
  LoadProgress,
  LogChunk,
  RunOptions,
  RuntimeCounters,
} from "../engine/types.ts";

export interface FakeOptions {
  /** Milliseconds between two steps of a load. */
  readonly stepMs?: number;
  readonly images?: readonly string[];
}

interface FakeContainer {
  summary: ContainerSummary;
  readonly options: RunOptions;
  readonly log: LogChunk[];
  stdout: ReadableStreamDefaultController<Uint8Array> | null;
  end: ((code: number) => void) | null;
  process: AttachedProcess | null;
}

const mebibyte = 1 << 20;

export function createFakeEngine(options: FakeOptions = {}): Engine {
  const images: ImageSummary[] = (options.images ?? []).map(fakeImage);
  const containers = new Map<string, FakeContainer>();
  const listeners = new Set<(event: EngineEvent) => void>();
  const emit = (type: EngineEvent["type"], action: string, id: string) => {
    for (const listener of listeners) listener({ type, action, id });
  };

  const find = (wanted: string): FakeContainer => {
    for (const [id, container] of containers) {
      if (id.startsWith(wanted) || container.summary.name === wanted) return container;
    }
    throw new WherryError("not-found", `No such container: ${wanted}`);
  };

  async function load(name: string, loadOptions: LoadOptions): Promise<readonly ImageSummary[]> {
    if (name.includes("broken")) throw new WherryError("digest-mismatch", "layer 1 is not what its digest says");
    const layers = 2;
    for (let layer = 0; layer < layers; layer++) {
      for (let step = 0; step <= 10; step++) {
        loadOptions.signal?.throwIfAborted();
        const progress: LoadProgress = {
          layer,
          layers,
          phase: step === 10 ? "done" : "unpacking",
          doneBytes: step * mebibyte,
          totalBytes: 10 * mebibyte,
          digest: `sha256:${String(layer + 1).repeat(64)}`,
        };
        loadOptions.onProgress?.(progress);
        await new Promise((resolve) => setTimeout(resolve, options.stepMs ?? 0));
      }
    }
    const image = fakeImage(name.replace(/^.*\//, "").replace(/\.tar$/, ""));
    if (!images.some((each) => each.id === image.id)) images.push(image);
    emit("image", "load", image.id);
    return [image];
  }

  function attach(container: FakeContainer): AttachedProcess {
    if (container.process !== null) return container.process;
    let end!: (code: number) => void;
    const exited = new Promise<{ code: number }>((resolve) => {
      end = (code) => resolve({ code });
    });
    const { process, print, controller } = echoProcess(exited, (code) => container.end?.(code));
    container.stdout = controller;
    container.end = (code) => {
      container.summary = {
        ...container.summary,
        status: "exited",
        exitCode: code,
        finishedSeconds: Date.now() / 1000,
      };
      container.process = null;
      controller.close();
      end(code);
      emit("container", "die", container.summary.id);
    };
    print(`${container.summary.command.join(" ")} in ${container.summary.image}\r\n$ `);
    container.log.push({ stream: "stdout", bytes: encodeUtf8("\x1b[32mhello\x1b[0m from the log\r\n"), timeNs: 1n });
    container.process = process;
    return process;
  }

  const engine: Engine = {
    images: {
      load: (source, loadOptions) =>
        load(source.kind === "url" ? source.url : source.kind === "path" ? source.path : (source.name ?? "image"), {
          ...loadOptions,
        }),
      list: async () => [...images],
      inspect: async (image) => ({ Id: image }),
      remove: async (image) => {
        const at = images.findIndex((each) => each.id === image || each.references.includes(image));
        if (at < 0) throw new WherryError("not-found", `No such image: ${image}`);
        const [removed] = images.splice(at, 1);
        emit("image", "remove", removed!.id);
        return [`Deleted: ${removed!.id}`];
      },
    },
    containers: {
      create: async (runOptions) => {
        if (runOptions.command?.[0] === "nope") {
          throw new WherryError("command-not-found", `exec: "nope": executable file not found in $PATH`);
        }
        const id = randomId();
        const summary: ContainerSummary = {
          id,
          name: runOptions.name ?? `quiet_${["heron", "otter", "teal", "reed"][containers.size % 4]!}`,
          image: runOptions.image,
          imageId: images.find((image) => image.references.includes(runOptions.image))?.id ?? "",
          command: runOptions.command ?? ["sh"],
          createdSeconds: Date.now() / 1000,
          status: "created",
          exitCode: null,
          startedSeconds: null,
          finishedSeconds: null,
          tty: runOptions.tty === true,
          runtime: "emulator",
        };
        containers.set(id, { summary, options: runOptions, log: [], stdout: null, end: null, process: null });
        emit("container", "create", id);
        return id;
      },
      start: async (id) => {
        const container = find(id);
        container.summary = { ...container.summary, status: "running", startedSeconds: Date.now() / 1000 };
        emit("container", "start", container.summary.id);
      },
      attach: async (id) => attach(find(id)),
      exec: async (_id, execOptions) => {
        let end!: (code: number) => void;
        const exited = new Promise<{ code: number }>((resolve) => {
          end = (code) => resolve({ code });
        });
        const { process, print } = echoProcess(exited, end);
        print(`${execOptions.command.join(" ")}\r\n$ `);
        return process;
      },
      list: async () => [...containers.values()].map((container) => container.summary).toReversed(),
      inspect: async (id) => {
        const { options: given } = find(id);
        return {
          Config: {
            Cmd: given.command ?? ["sh"],
            Env: ["PATH=/bin", ...(given.environment ?? [])],
            WorkingDir: given.workingDirectory ?? "",
            User: given.user ?? "",
          },
        };
      },
      logs: async (id) => {
        const { log } = find(id);
        return new ReadableStream<LogChunk>({
          start(controller) {
            for (const chunk of log) controller.enqueue(chunk);
            controller.close();
          },
        });
      },
      stop: async (id) => find(id).end?.(143),
      kill: async (id) => find(id).end?.(137),
      wait: async (id) => ({ code: find(id).summary.exitCode ?? 0 }),
      remove: async (id) => {
        const container = find(id);
        container.end?.(137);
        containers.delete(container.summary.id);
        emit("container", "destroy", container.summary.id);
      },
      stats: async (id) => fakeStats(find(id).summary),
      copyOut: async () => new ReadableStream(),
      copyIn: async () => {},
    },
    run: async () => ({ exitCode: 0, stdout: new Uint8Array(), stderr: new Uint8Array() }),
    info: async () => ({
      version: "0.1.0",
      host: "page",
      runtimes: [{ name: "emulator", available: true, reason: "" }],
      storage: { usedBytes: 180 * mebibyte, quotaBytes: 4000 * mebibyte },
      missing: [{ kind: "syscall", name: "io_uring_setup", count: 3 }],
      emulator: { cpu: "x86-64-v2", jit: "on", cacheBytes: 3 * mebibyte, containers: 1, counters: fakeCounters },
    }),
    subscribe: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    close: async () => {},
  };
  return engine;
}

const fakeCounters: RuntimeCounters = {
  instructions: 120_000_000,
  blocksDecoded: 900,
  instructionsDecoded: 5000,
  tlbMisses: 700,
  codeInvalidations: 0,
  compiledRun: 900_000,
  regionEntries: 4000,
  regions: 12,
  modules: 12,
  compiledInstructions: 1800,
  compileMs: 40,
  cacheHits: 2,
  cacheMisses: 1,
  invalidatedRegions: 0,
};

function fakeStats({ id, name }: ContainerSummary): ContainerStats {
  return {
    id,
    name,
    readMs: Date.now(),
    cpuMs: 1000,
    memoryBytes: 20 * mebibyte,
    memoryBytesMax: 512 * mebibyte,
    pids: 2,
    blockReadBytes: null,
    blockWrittenBytes: null,
    networkReceivedBytes: 0,
    networkSentBytes: 0,
    engine: {
      cpu: "x86-64-v2",
      jit: "on",
      wasmBytes: 40 * mebibyte,
      counters: fakeCounters,
      accounts: {
        interpreterMs: 500,
        compiledMs: 200,
        compilingMs: 100,
        decodingMs: 50,
        faultsMs: 50,
        kernelMs: 100,
        idleMs: 1000,
      },
      pageFaults: 40,
      syscalls: 300,
      topSyscalls: [{ name: "read", count: 300, ms: 100 }],
      missing: [],
    },
  };
}

function fakeImage(name: string): ImageSummary {
  const reference = name.includes(":") ? name : `${name}:latest`;
  let hash = 7;
  for (const character of reference) hash = (hash * 31 + character.charCodeAt(0)) >>> 0;
  return {
    id: `sha256:${hash.toString(16).padStart(8, "0").repeat(8)}`,
    references: [reference],
    createdSeconds: 1_760_000_000,
    sizeBytes: 74 * mebibyte,
    platform: { os: "linux", architecture: "amd64" },
    layers: 2,
  };
}

/** A shell of sorts: echoes, answers `size`, and ends on `exit N` or Ctrl-D. */
function echoProcess(exited: Promise<{ code: number }>, end: (code: number) => void) {
  let controller!: ReadableStreamDefaultController<Uint8Array>;
  const stdout = new ReadableStream<Uint8Array>({
    start: (given) => {
      controller = given;
    },
  });
  const print = (text: string) => controller.enqueue(encodeUtf8(text));
  let line = "";
  let size = "unknown";
  const decoder = new TextDecoder();
  const stdin = new WritableStream<Uint8Array>({
    write(bytes) {
      for (const character of decoder.decode(bytes, { stream: true })) {
        if (character === "\x04") end(0);
        else if (character === "\x03") print("^C\r\n$ ");
        else if (character === "\r") {
          print("\r\n");
          const [word, argument] = line.split(" ");
          line = "";
          if (word === "exit") return end(Number(argument ?? 0));
          if (word === "size") print(`${size}\r\n`);
          else if (word !== "") print(`${word}: ${argument ?? ""}\r\n`);
          print("$ ");
        } else {
          line += character;
          print(character);
        }
      }
    },
  });
  const process: AttachedProcess = {
    stdin,
    stdout,
    stderr: new ReadableStream({ start: (given) => given.close() }),
    exited,
    detach: async () => {},
    resize: async (columns, rows) => {
      size = `${columns} ${rows}`;
    },
    signal: async () => end(130),
  };
  return { process, print, controller };
}
