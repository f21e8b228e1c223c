/**
 * THE API over a store, an image service, runtimes and a supervision: the same in the page, in Node and in tests with
 * fakes. Errors are in docker's words.
 */
import { concat, encodeUtf8 } from "../base/bytes.ts";
import { WherryError } from "../base/errors.ts";
import type { Maybe } from "../base/maybe.ts";
import { randomId } from "../base/random.ts";
import type { ResolvedImage } from "../container/image.ts";
import { randomName, namePattern } from "../container/names.ts";
import { readLog, tailLog } from "../container/log.ts";
import { defaultCpuLevel, defaultJitMode } from "../container/processor.ts";
import { createdState, deleteContainer, findRecord, listRecords, loadRecord, saveRecord } from "../container/record.ts";
import type { ContainerRecord } from "../container/record.ts";
import { parseSignal } from "../container/signals.ts";
import { makeContainerSpec } from "../container/spec.ts";
import type { HostedContainer, Supervision } from "../container/supervision.ts";
import type { Runtime } from "../runtime/types.ts";
import type { Store, StoreLocator } from "../store/types.ts";
import { inspectContainer, summarize } from "./inspect.ts";
import type {
  AttachedProcess,
  ContainerStats,
  ContainerSummary,
  Containers,
  Engine,
  EngineEvent,
  EngineInfo,
  ExecOptions,
  ExitStatus,
  Images,
  LogChunk,
  LogOptions,
  RunOptions,
  RunResult,
  RuntimeCounters,
  StartOptions,
} from "./types.ts";

/** The API's images, and what the engine itself needs of one. */
export interface ImageService extends Images {
  /** By id, id prefix or reference; throws docker's "No such image: …". */
  resolve(image: string, platform?: string): Promise<ResolvedImage>;
}

export interface EngineOptions {
  readonly version: string;
  readonly host: EngineInfo["host"];
  readonly store: Store;
  readonly locator: StoreLocator;
  readonly images: ImageService;
  /** In order of preference. */
  readonly runtimes: readonly Runtime[];
  readonly supervision: Supervision;
}

/** How long a container has between the stop signal and SIGKILL: docker's ten seconds. */
const stopTimeoutMs = 10_000;

export function createEngine(options: EngineOptions): Engine {
  return new HostEngine(options);
}

class HostEngine implements Engine {
  readonly images: Images;
  readonly containers: Containers;
  readonly #options: EngineOptions;
  readonly #listeners = new Set<(event: EngineEvent) => void>();
  /** Attached to but not started yet, or found running: kept so that one connection serves all calls. */
  readonly #hosted = new Map<string, Promise<HostedContainer>>();
  readonly #missing = new Map<string, EngineInfo["missing"][number]>();

  constructor(options: EngineOptions) {
    this.#options = options;
    const { images } = options;
    this.images = {
      load: async (source, loadOptions) => {
        const loaded = await images.load(source, loadOptions);
        for (const image of loaded) this.#emit({ type: "image", action: "load", id: image.id });
        return loaded;
      },
      list: () => images.list(),
      inspect: (image) => images.inspect(image),
      remove: (image, removeOptions) => this.#removeImage(image, removeOptions?.force === true),
    };
    this.containers = {
      create: (runOptions) => this.#create(runOptions),
      start: (container, startOptions) => this.#start(container, startOptions),
      attach: (container, startOptions) => this.#attach(container, startOptions),
      exec: (container, execOptions) => this.#exec(container, execOptions),
      list: (listOptions) => this.#list(listOptions?.all === true),
      inspect: async (container) => inspectContainer(await this.#record(container)),
      logs: (container, logOptions) => this.#logs(container, logOptions ?? {}),
      stop: (container, stopOptions) => this.#stop(container, stopOptions?.timeoutMs ?? stopTimeoutMs),
      kill: (container, signal) => this.#kill(container, signal ?? "SIGKILL"),
      wait: (container) => this.#wait(container),
      remove: (container, removeOptions) => this.#remove(container, removeOptions?.force === true),
      stats: (container) => this.#stats(container),
      copyOut: (container, path) => this.#copyOut(container, path),
      copyIn: (container, path, tar) => this.#copyIn(container, path, tar),
    };
  }

  async run(
    options: RunOptions & { readonly stdin?: Uint8Array | string; readonly signal?: AbortSignal },
  ): Promise<RunResult> {
    const { stdin, signal, ...rest } = options;
    signal?.throwIfAborted();
    const remove = rest.remove ?? true;
    const id = await this.#create({ ...rest, remove, interactive: rest.interactive ?? stdin !== undefined });
    const abort = (): void => void this.#remove(id, true).catch(() => {});
    try {
      const process = await this.#attach(id, { foreground: true });
      const output = [collect(process.stdout), collect(process.stderr)] as const;
      output[0].catch(() => {});
      output[1].catch(() => {});
      const host = await this.#hosted.get(id);
      await this.#start(id, { foreground: true });
      signal?.addEventListener("abort", abort, { once: true });
      if (signal?.aborted === true) abort();
      const writer = process.stdin.getWriter();
      if (stdin !== undefined) writer.write(typeof stdin === "string" ? encodeUtf8(stdin) : stdin).catch(() => {});
      writer.close().catch(() => {});
      const [stdout, stderr, status] = await Promise.all([...output, process.exited]);
      if (signal?.aborted === true)
        throw new WherryError("cancelled", "the run was cancelled", { cause: signal.reason });
      const counters = (await host?.counters?.()) ?? null;
      return { exitCode: status.code, stdout, stderr, ...(counters === null ? {} : { counters }) };
    } catch (error) {
      // One that ended is gone already; one that never started is not.
      if (remove) await this.#remove(id, true).catch(() => {});
      throw error;
    } finally {
      signal?.removeEventListener("abort", abort);
    }
  }

  async info(): Promise<EngineInfo> {
    const runtimes = await Promise.all(
      this.#options.runtimes.map(async (runtime) => {
        const reason = await runtime.unavailable();
        const description = reason ?? (await runtime.description?.()) ?? "available";
        return { name: runtime.name, available: reason === null, reason: description };
      }),
    );
    for (const hosted of this.#hosted.values()) await this.#noteMissing(await hosted);
    return {
      version: this.#options.version,
      host: this.#options.host,
      runtimes,
      storage: await this.#options.store.usage(),
      missing: [...this.#missing.values()],
      emulator: await this.#emulator(),
    };
  }

  async #emulator(): Promise<EngineInfo["emulator"]> {
    const running = (await this.#records()).filter(
      ({ runtime, state }) => runtime === "emulator" && state.status === "running",
    );
    const counted = (
      await Promise.all(
        running.map(async (record) => (await (await this.#find(record))?.counters?.().catch(() => null)) ?? null),
      )
    ).filter((counters) => counters !== null);
    const cached = await this.#options.store.listCache();
    return {
      cpu: defaultCpuLevel,
      jit: defaultJitMode,
      cacheBytes: cached.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
      containers: counted.length,
      counters: counted.length === 0 ? null : counted.reduce(sumOf),
    };
  }

  subscribe(listener: (event: EngineEvent) => void): Maybe<() => void> {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  async close(): Promise<void> {
    for (const hosted of this.#hosted.values()) await (await hosted.catch(() => null))?.close();
    this.#hosted.clear();
    await this.#options.supervision.close();
    await this.#options.store.close();
  }

  #emit(event: EngineEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  // --- records

  /** All records, with those whose host is gone marked as ended: 137, as if killed. */
  async #records(): Promise<readonly ContainerRecord[]> {
    const records = await listRecords(this.#options.store);
    return (await Promise.all(records.map((record) => this.#checkAlive(record)))).filter((record) => record !== null);
  }

  async #record(container: string): Promise<ContainerRecord> {
    // A whole id is one read; anything else needs the list.
    const direct = /^[0-9a-f]{64}$/.test(container) ? await loadRecord(this.#options.store, container) : null;
    const record = await this.#checkAlive(direct ?? findRecord(await listRecords(this.#options.store), container));
    if (record === null) throw noSuchContainer(container);
    return record;
  }

  async #checkAlive(record: ContainerRecord): Promise<ContainerRecord | null> {
    if (record.state.status !== "running" && record.state.status !== "paused") return record;
    const { supervision } = this.#options;
    if (this.#hosted.has(record.id)) return record;
    if (await (supervision.isAlive === undefined ? this.#find(record) : supervision.isAlive(record))) return record;
    // It may have ended between the read of its record and the look for its host.
    const current = await loadRecord(this.#options.store, record.id);
    if (current === null || current.state.status !== "running") return current;
    const runtime = this.#runtimeOf(current);
    await runtime?.reap?.(current.spec, this.#options.locator);
    if (current.remove) {
      await deleteContainer(this.#options.store, this.#options.locator, runtime, current);
      return null;
    }
    const ended: ContainerRecord = {
      ...current,
      state: {
        ...current.state,
        status: "exited",
        exitCode: 137,
        finishedMs: Date.now(),
        pid: 0,
        error: "the process that hosted the container ended unexpectedly",
        host: null,
      },
    };
    await saveRecord(this.#options.store, ended);
    return ended;
  }

  #runtimeOf(record: ContainerRecord): Runtime | undefined {
    return this.#options.runtimes.find((runtime) => runtime.name === record.runtime);
  }

  // --- hosts

  async #find(record: ContainerRecord): Promise<HostedContainer | null> {
    const known = this.#hosted.get(record.id);
    if (known !== undefined) return known;
    const found = await this.#options.supervision.find(record);
    if (found !== null) this.#keep(record.id, Promise.resolve(found));
    return found;
  }

  /** The host of a container to attach to: the one it has, or a new one that waits for the start. */
  async #host(record: ContainerRecord, options: StartOptions | undefined): Promise<HostedContainer> {
    const known = await this.#find(record);
    if (known !== null) return known;
    const prepared = this.#options.supervision.prepare(record, options?.foreground === true);
    this.#keep(record.id, prepared);
    return prepared;
  }

  #keep(id: string, hosted: Promise<HostedContainer>): void {
    this.#hosted.set(id, hosted);
    const forget = (): void => {
      if (this.#hosted.get(id) === hosted) this.#hosted.delete(id);
    };
    void hosted.then(async (container) => {
      const status = await container.exited;
      forget();
      await this.#noteMissing(container).catch(() => {});
      this.#emit({ type: "container", action: "die", id });
      return status;
    }, forget);
  }

  async #running(container: string): Promise<{ record: ContainerRecord; host: HostedContainer }> {
    const record = await this.#record(container);
    const host = record.state.status === "running" ? await this.#find(record) : null;
    if (host === null)
      throw new WherryError("conflict", `container ${record.id} is not running`, { data: { container: record.id } });
    return { record, host };
  }

  async #noteMissing(container: HostedContainer): Promise<void> {
    for (const entry of await container.missing()) {
      const key = `${entry.kind} ${entry.name}`;
      this.#missing.set(key, { ...entry, count: Math.max(entry.count, this.#missing.get(key)?.count ?? 0) });
    }
  }

  // --- life

  async #create(options: RunOptions): Promise<string> {
    const { store, images } = this.#options;
    const image = await images.resolve(options.image, options.platform);
    const runtime = await this.#chooseRuntime(options, image);
    const id = randomId();
    const spec = makeContainerSpec(id, options, image);
    const record: ContainerRecord = {
      version: 1,
      id,
      name: await this.#chooseName(options.name),
      image: options.image,
      imageId: image.id,
      createdMs: Date.now(),
      runtime: runtime.name,
      remove: options.remove === true,
      labels: { ...image.config.Labels, ...options.labels },
      entrypointLength: (options.entrypoint?.filter((part) => part !== "") ?? image.config.Entrypoint ?? []).length,
      spec,
      state: createdState,
    };
    await saveRecord(store, record);
    this.#emit({ type: "container", action: "create", id });
    return id;
  }

  async #chooseName(wanted: string | undefined): Promise<string> {
    if (wanted !== undefined && !namePattern.test(wanted.replace(/^\//, "")))
      throw new WherryError("usage", `Invalid container name (${wanted}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`, {
        exitCode: 125,
      });
    const records = await listRecords(this.#options.store);
    const taken = new Map(records.map((record) => [record.name, record.id]));
    if (wanted !== undefined) {
      const name = wanted.replace(/^\//, "");
      const holder = taken.get(name);
      if (holder !== undefined)
        throw new WherryError(
          "conflict",
          `Conflict. The container name "/${name}" is already in use by container "${holder}". You have to remove (or rename) that container to be able to reuse that name.`,
          { exitCode: 125 },
        );
      return name;
    }
    for (;;) {
      const name = randomName();
      if (!taken.has(name)) return name;
    }
  }

  /** The runtime asked for, or the first that works here and runs such images. */
  async #chooseRuntime(options: RunOptions, image: ResolvedImage): Promise<Runtime> {
    const wasi = image.platform.architecture === "wasm" || image.platform.os.startsWith("wasi");
    // Who chooses a processor wants the emulator.
    const processor = options.cpu !== undefined || options.jit !== undefined;
    const wanted = options.runtime ?? (wasi ? "wasi" : processor ? "emulator" : undefined);
    if (processor && wanted !== "emulator")
      throw new WherryError(
        "usage",
        `${options.cpu === undefined ? "jit" : "cpu"} is an option of the emulator: the ${wanted} runtime has no processor of its own`,
        { exitCode: 125 },
      );
    const candidates = this.#options.runtimes.filter((runtime) =>
      wanted === undefined ? runtime.name !== "wasi" : runtime.name === wanted,
    );
    const reasons: string[] = [];
    for (const runtime of candidates) {
      const reason = await runtime.unavailable();
      if (reason === null) return runtime;
      reasons.push(`${runtime.name}: ${reason}`);
    }
    const why = reasons.length > 0 ? reasons.join("; ") : `this host has no ${wanted ?? "container"} runtime`;
    throw new WherryError("unsupported", `cannot run the container here: ${why}`, { exitCode: 125 });
  }

  async #start(container: string, options: StartOptions | undefined): Promise<void> {
    const record = await this.#record(container);
    if (record.state.status === "running") return;
    const host = await this.#host(record, options);
    try {
      await host.start();
    } catch (error) {
      this.#hosted.delete(record.id);
      await host.close();
      throw error;
    }
    this.#emit({ type: "container", action: "start", id: record.id });
  }

  async #attach(container: string, options: StartOptions | undefined): Promise<AttachedProcess> {
    const record = await this.#record(container);
    return (await this.#host(record, options)).attach();
  }

  async #exec(container: string, options: ExecOptions): Promise<AttachedProcess> {
    const { host } = await this.#running(container);
    return host.exec(options);
  }

  async #list(all: boolean): Promise<readonly ContainerSummary[]> {
    const records = await this.#records();
    return records.filter((record) => all || record.state.status === "running").map(summarize);
  }

  async #logs(container: string, options: LogOptions): Promise<ReadableStream<LogChunk>> {
    const record = await this.#record(container);
    if (record.state.status === "running") {
      const host = await this.#find(record);
      if (host !== null) return host.logs(options);
    }
    const chunks = tailLog(await readLog(this.#options.store, record.id), options.tail);
    return new ReadableStream<LogChunk>({
      start(controller) {
        for (const chunk of chunks) controller.enqueue(chunk);
        controller.close();
      },
    });
  }

  async #stop(container: string, timeoutMs: number): Promise<void> {
    const record = await this.#record(container);
    if (record.state.status !== "running") return;
    const host = await this.#find(record);
    if (host === null) return;
    await signalUnlessEnded(host, parseSignal(record.spec.stopSignal));
    if (!(await endsWithin(host, timeoutMs))) {
      await signalUnlessEnded(host, 9);
      await host.exited;
    }
    this.#emit({ type: "container", action: "stop", id: record.id });
  }

  async #kill(container: string, signal: string | number): Promise<void> {
    const number = parseSignal(signal);
    const record = await this.#record(container);
    const host = record.state.status === "running" ? await this.#find(record) : null;
    if (host === null)
      throw new WherryError("conflict", `cannot kill container: ${container}: container ${record.id} is not running`);
    await host.signal(number);
    if (number === 9) await host.exited;
    this.#emit({ type: "container", action: "kill", id: record.id });
  }

  async #wait(container: string): Promise<ExitStatus> {
    const record = await this.#record(container);
    const host = record.state.status === "running" ? await this.#find(record) : this.#hosted.get(record.id);
    if (host !== null && host !== undefined) return (await host).exited;
    return { code: record.state.exitCode ?? 0 };
  }

  async #remove(container: string, force: boolean): Promise<void> {
    const { store, locator } = this.#options;
    const record = await this.#record(container);
    if (record.state.status === "running") {
      if (!force)
        throw new WherryError(
          "conflict",
          `cannot remove container "${container}": container is running: stop the container before removing or force remove`,
        );
      const host = await this.#find(record);
      if (host !== null) {
        await signalUnlessEnded(host, 9);
        await host.exited;
      }
    }
    const prepared = this.#hosted.get(record.id);
    this.#hosted.delete(record.id);
    if (prepared !== undefined) await (await prepared.catch(() => null))?.close();
    if ((await loadRecord(store, record.id)) !== null)
      await deleteContainer(store, locator, this.#runtimeOf(record), record);
    this.#emit({ type: "container", action: "destroy", id: record.id });
  }

  async #stats(container: string): Promise<ContainerStats> {
    const { record, host } = await this.#running(container);
    const stats = (await host.stats?.()) ?? null;
    if (stats === null)
      throw new WherryError("unsupported", `what a container uses is not measured by the ${record.runtime} runtime`);
    return { ...stats, id: record.id, name: record.name, readMs: Date.now() };
  }

  // --- files

  async #copyOut(container: string, path: string): Promise<ReadableStream<Uint8Array>> {
    const record = await this.#record(container);
    const host = record.state.status === "running" ? await this.#find(record) : null;
    if (host !== null) return host.copyOut(path);
    const runtime = this.#runtimeOf(record);
    if (runtime?.copyOut === undefined) throw noCopy(record);
    return runtime.copyOut(record.spec, this.#options.locator, path);
  }

  async #copyIn(container: string, path: string, tar: ReadableStream<Uint8Array>): Promise<void> {
    const record = await this.#record(container);
    const host = record.state.status === "running" ? await this.#find(record) : null;
    if (host !== null) return host.copyIn(path, tar);
    const runtime = this.#runtimeOf(record);
    if (runtime?.copyIn === undefined) throw noCopy(record);
    await runtime.copyIn(record.spec, this.#options.locator, path, tar);
  }

  // --- images

  async #removeImage(image: string, force: boolean): Promise<readonly string[]> {
    const { images } = this.#options;
    const resolved = await images.resolve(image);
    const references = (await images.list()).find((summary) => summary.id === resolved.id)?.references ?? [];
    // Untagging one of several names never takes anything from a container.
    const byId = references.length === 0 || resolved.id.replace("sha256:", "").startsWith(image.replace("sha256:", ""));
    const users = byId || references.length <= 1 ? await this.#usersOf(resolved.id) : [];
    const running = users.find((record) => record.state.status === "running");
    const user = running ?? users[0];
    if (user !== undefined && (running !== undefined || !force)) {
      const shortUser = user.id.slice(0, 12);
      const shortImage = resolved.id.replace("sha256:", "").slice(0, 12);
      const how = running === undefined ? "must force" : force ? "cannot be forced" : "must force";
      const text = byId
        ? `unable to delete ${shortImage} (${how}) - image is being used by ${running === undefined ? "stopped" : "running"} container ${shortUser}`
        : `unable to remove repository reference "${image}" (${how}) - container ${shortUser} is using its referenced image ${shortImage}`;
      throw new WherryError("conflict", `conflict: ${text}`);
    }
    const lines = await images.remove(image, { force });
    await this.#collectLayers();
    this.#emit({ type: "image", action: "remove", id: resolved.id });
    return lines;
  }

  /** Runtimes drop what they made of layers that went with the image. */
  async #collectLayers(): Promise<void> {
    const { images, runtimes, locator } = this.#options;
    const collecting = runtimes.filter((runtime) => runtime.collect !== undefined);
    if (collecting.length === 0) return;
    const kept = await Promise.all((await images.list()).map(async ({ id }) => (await images.resolve(id)).layers));
    const inContainers = (await listRecords(this.#options.store)).map((record) => record.spec.layers);
    for (const runtime of collecting) await runtime.collect!([...kept, ...inContainers], locator);
  }

  async #usersOf(imageId: string): Promise<readonly ContainerRecord[]> {
    return (await this.#records()).filter((record) => record.imageId === imageId);
  }
}

function noSuchContainer(container: string): WherryError {
  return new WherryError("not-found", `No such container: ${container}`, { data: { container } });
}

/** Counters of several engines: all of them are counts, or sums of milliseconds. */
function sumOf(a: RuntimeCounters, b: RuntimeCounters): RuntimeCounters {
  const [left, right] = [a, b] as unknown as Readonly<Record<string, number>>[];
  return Object.fromEntries(Object.keys(b).map((key) => [key, (left![key] ?? 0) + right![key]!])) as never;
}

function noCopy(record: ContainerRecord): WherryError {
  return new WherryError("unsupported", `the ${record.runtime} runtime cannot copy files yet`);
}

async function collect(stream: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  const reader = stream.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return concat(parts);
    parts.push(value);
  }
}

/** Between finding a container running and signalling it, it may end: that is what was wanted. */
async function signalUnlessEnded(host: HostedContainer, signal: number): Promise<void> {
  await host.signal(signal).catch((error: unknown) => {
    if (!(error instanceof WherryError && error.code === "conflict")) throw error;
  });
}

async function endsWithin(host: HostedContainer, timeoutMs: number): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), timeoutMs);
  });
  const ended = await Promise.race([host.exited.then(() => true), late]);
  clearTimeout(timer);
  return ended;
}
