/**
 * What a worker does that waits for its container: it starts some of no use, over layers in memory, so that the host's
 * compiler has seen the way of a start (file tree, exec, page faults, the system calls of programs that start) before
 * the first program comes; then it rehearses the processor (wasm/x86/rehearsal). Otherwise all that is parsed, compiled
 * and run cold beside the program.
 */
import { signals } from "../../../abi/signal.ts";
import { encodeUtf8 } from "../../../base/bytes.ts";
import { limits } from "../../../base/limits.ts";
import { readableFromPort, writableToPort } from "../../../base/port-stream.ts";
import type { LayerEntry, LayerIndex } from "../../../oci/layer-index.ts";
import { MemoryStore } from "../../../store/memory.ts";
import { newCpu, rehearseCpu, touchPrepared } from "../../../../wasm/x86/cpu.ts";
import type { Store } from "../../../store/types.ts";
import type { ContainerSpec, RuntimeIo } from "../../types.ts";
import { createEmulator } from "../start.ts";
import { program } from "./program.ts";

const layer = "sha256:rehearsal";
/** What program.c maps as a library. */
const dataBytes = 128 * 1024;
/** Files of a directory it lists. */
const files = 40;
const memoryBytes = 64 << 20;
/** Of what runs too long, or is in the way of a real container, no more is needed. */
const watchMs = 5;
const containerMsMax = 2000;

let containersLeft: number = limits.rehearsedContainers;
let processor: ReturnType<typeof rehearseCpu> | null = null;
let restsUntil = 0;
let begun = false;

/** Another worker's container starts: that is over in a while. */
export function rest(): void {
  restsUntil = performance.now() + limits.spareWorkerDelayMs;
}

/**
 * Touches the memory of the processor that waits, then rehearses: as long as the worker `waits`, and from where it was
 * left when it waits again.
 */
export async function rehearse(core: WebAssembly.Module, waits: () => boolean): Promise<void> {
  // Not before the page's first work is done, which may be a container.
  await pause(begun ? limits.touchAfterMs : limits.rehearsalAfterMs);
  const touching = touchPrepared();
  while (waits() && touching.next().done !== true) await pause(limits.rehearsalPauseMs);
  if (begun) await pause(limits.rehearsalAfterMs);
  begun = true;
  // Built without a compiler.
  if (program === "") return;
  const rehearseContainer = containersLeft > 0 && waits() ? await containerRehearsal(core) : null;
  for (; containersLeft > 0 && waits(); containersLeft--) {
    await rehearseContainer!(() => waits() && performance.now() >= restsUntil);
    await pause(limits.rehearsedContainerPauseMs);
  }
  // A real one is better, and it is what the worker should remember.
  if (!waits()) containersLeft = 0;
  processor ??= rehearseCpu(core);
  while (waits() && processor.next().done !== true) await pause(limits.rehearsalPauseMs);
}

async function pause(ms: number): Promise<void> {
  const end = performance.now() + ms;
  for (let left = ms; left > 0; left = Math.max(end, restsUntil) - performance.now())
    await new Promise((resolve) => setTimeout(resolve, left));
}

/** Starts a container and waits for its end. `goesOn`: whether the worker still waits. The exit code. */
export type RehearseContainer = (goesOn: () => boolean) => Promise<number>;

export async function containerRehearsal(core: WebAssembly.Module): Promise<RehearseContainer> {
  const store = await makeStore();
  const start = createEmulator({
    openStore: async () => store,
    keepsStore: true,
    core: async () => core,
    makeCpu: newCpu,
    hostDirectory: null,
  });
  return async (goesOn) => {
    const container = await start(spec, { kind: "memory", name: spec.id }, streams());
    const end = performance.now() + containerMsMax;
    const look = (): void => {
      if (!goesOn() || performance.now() > end) void container.signal(signals.SIGKILL);
    };
    look();
    const watch = setInterval(look, watchMs);
    const { code } = await container.exited;
    clearInterval(watch);
    await container.destroy();
    return code;
  };
}

const spec: ContainerSpec = {
  id: "rehearsal",
  hostname: "rehearsal",
  layers: [layer],
  process: {
    arguments: ["/bin/rehearsal"],
    environment: ["PATH=/usr/local/bin:/usr/bin:/bin", "HOME=/root"],
    workingDirectory: "/",
    user: "",
    tty: false,
    interactive: false,
    columns: 80,
    rows: 24,
  },
  readOnly: false,
  mounts: [],
  memoryBytes,
  stopSignal: "SIGTERM",
  strace: false,
  temporary: true,
};

/** Output goes over ports, as a container's does. */
function streams(): RuntimeIo {
  const sink = (): WritableStream<Uint8Array> => {
    const { port1, port2 } = new MessageChannel();
    const close = (): void => port2.close();
    void readableFromPort(port2).pipeTo(new WritableStream<Uint8Array>()).then(close, close);
    return writableToPort(port1);
  };
  return { stdin: new ReadableStream(), stdout: sink(), stderr: sink() };
}

async function makeStore(): Promise<MemoryStore> {
  const store = new MemoryStore();
  // Reads take a turn of the event loop, as IndexedDB's do.
  const { readPackSync } = store;
  const readPack: Store["readPack"] = async (...range) => readPackSync(...range);
  Object.assign(store, { readPack, readPackSync: null });
  const entries: LayerEntry[] = [];
  const writer = await store.createPack();
  let offset = 0;
  const add = async (path: string, content: Uint8Array | null): Promise<void> => {
    entries.push({
      path,
      type: content === null ? "directory" : "file",
      mode: 0o755,
      uid: 0,
      gid: 0,
      size: content?.length ?? 0,
      offset,
      mtimeSeconds: 0,
      mtimeNanoseconds: 0,
    });
    if (content === null) return;
    await writer.write(content);
    offset += content.length;
  };
  for (const path of ["", "bin", "etc", "lib"]) await add(path, null);
  await add(
    "bin/rehearsal",
    Uint8Array.from(atob(program), (char) => char.charCodeAt(0)),
  );
  await add("lib/data", new Uint8Array(dataBytes));
  await add("etc/passwd", encodeUtf8("root:x:0:0:root:/root:/bin/rehearsal\n"));
  for (let i = 0; i < files; i++) await add(`etc/${i}`, new Uint8Array(0));
  await writer.commit(layer);
  const index: LayerIndex = { version: 1, diffId: layer, tarBytes: offset, entries };
  await store.putDocument("layer-index", layer, index);
  return store;
}
