/** Runs commands of an image under the emulator in this very process: no worker, no build, an in-memory store. */
import { openAsBlob } from "node:fs";
import { concat } from "../../src/base/bytes.ts";
import { randomId } from "../../src/base/random.ts";
import { StoredImages } from "../../src/engine/images.ts";
import { createEmulator } from "../../src/runtime/emulator/start.ts";
import type { ContainerSpec } from "../../src/runtime/types.ts";
import { MemoryStore } from "../../src/store/memory.ts";
import { createHostFileSystem } from "../../src/vfs/hostfs/hostfs.ts";
import { interpreterModule } from "../../wasm/x86/cpu.ts";
import type { CpuCounters } from "../../wasm/x86/types.ts";
import { jitMode } from "../x86/mode.ts";
import type { EngineMode } from "../x86/mode.ts";

export interface Result {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
}

export interface RunOptions {
  readonly stdin?: string;
  readonly strace?: boolean;
  /** To run again on the files of an earlier run. */
  readonly id?: string;
  readonly mounts?: ContainerSpec["mounts"];
}

export interface Machine {
  run(command: readonly string[], options?: RunOptions): Promise<Result>;
  /** Of the last run. */
  readonly counters: CpuCounters;
}

/** `archive` is the path of a `docker save` archive. */
export async function machine(archive: string, engine?: EngineMode): Promise<Machine> {
  const store = new MemoryStore();
  const images = new StoredImages(store);
  const [summary] = await images.load({ kind: "blob", blob: await openAsBlob(archive) });
  const record = (await store.getDocument("image", summary!.id)) as { layers: readonly string[] };
  // The container closes the store it was given, which here is everybody's.
  const shared = new Proxy(store, {
    get: (target, name) => {
      if (name === "close") return async () => {};
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  const start = createEmulator({
    openStore: async () => shared,
    core: async () => interpreterModule(),
    hostDirectory: createHostFileSystem,
  });
  let counters: CpuCounters | null = null;
  return {
    get counters() {
      return counters!;
    },
    async run(command, options = {}) {
      const spec: ContainerSpec = {
        id: options.id ?? randomId(),
        hostname: "guest",
        layers: record.layers,
        process: {
          arguments: command,
          environment: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
          workingDirectory: "/",
          user: "",
          tty: false,
          interactive: options.stdin !== undefined,
          columns: 80,
          rows: 24,
        },
        readOnly: false,
        mounts: options.mounts ?? [],
        memoryBytes: 1 << 30,
        stopSignal: "SIGTERM",
        strace: options.strace ?? false,
        jit: jitMode(engine),
      };
      const out: Uint8Array[] = [];
      const err: Uint8Array[] = [];
      const collect = (parts: Uint8Array[]) =>
        new WritableStream<Uint8Array>({ write: (part) => void parts.push(part) });
      const stdin = new ReadableStream<Uint8Array>({
        start(controller) {
          if (options.stdin) controller.enqueue(new TextEncoder().encode(options.stdin));
          controller.close();
        },
      });
      const locator = { kind: "indexeddb", name: "unused" } as const;
      const container = await start(spec, locator, { stdin, stdout: collect(out), stderr: collect(err) });
      const { code } = await container.exited;
      counters = (await container.counters!()) as CpuCounters;
      await container.destroy();
      const text = (parts: Uint8Array[]) => new TextDecoder().decode(concat(parts));
      return { stdout: text(out), stderr: text(err), exitCode: code };
    },
  };
}
