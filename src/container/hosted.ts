/**
 * A container hosted in this very process or worker: starts it under its runtime, copies its output to the log and to
 * everyone attached, feeds its input, and writes its state to the store.
 *
 *     runtime ── stdout, stderr ──> log
 *                              └──> attachments, followers
 *     attachments ── stdin ──> runtime
 */
import { systemClock } from "../base/clock.ts";
import { WherryError } from "../base/errors.ts";
import type {
  ExitStatus,
  Runtime,
  RuntimeContainer,
  RuntimeCounters,
  RuntimeStats,
  RuntimeIo,
} from "../runtime/types.ts";
import type { Store, StoreLocator } from "../store/types.ts";
import { Attachment } from "./attachment.ts";
import type { AttachmentHost } from "./attachment.ts";
import { LogWriter, readLog, tailLog } from "./log.ts";
import { deleteContainer, loadRecord, saveRecord } from "./record.ts";
import type { ContainerRecord, ContainerState } from "./record.ts";
import { parseSignal } from "./signals.ts";
import { makeExecSpec } from "./spec.ts";
import type { HostedContainer, Supervision } from "./supervision.ts";
import type { AttachedProcess, ExecOptions, LogChunk, LogOptions } from "./types.ts";

export interface HostOptions {
  readonly store: Store;
  readonly locator: StoreLocator;
  readonly runtime: Runtime;
  readonly record: ContainerRecord;
  /** Kept in the record while the container runs. */
  readonly host?: ContainerState["host"];
  /** Output that nobody attached can take any more breaks the container's pipe, as a shell's pipeline would. */
  readonly foreground?: boolean;
  /** Called when the container is let go of without running: what was set up for it can go. */
  readonly onUnused?: () => void;
}

interface Follower {
  push(chunk: LogChunk): void;
  end(): void;
}

export class LocalContainer implements HostedContainer, AttachmentHost {
  readonly exited: Promise<ExitStatus>;
  readonly #options: HostOptions;
  #record: ContainerRecord;
  readonly #log: LogWriter;
  readonly #attachments = new Set<Attachment>();
  readonly #followers = new Set<Follower>();
  readonly #stdin: WritableStreamDefaultWriter<Uint8Array>;
  readonly #io: RuntimeIo;
  #running: RuntimeContainer | null = null;
  #brokenOutput = false;
  #size: readonly [number, number] | null = null;
  #starting = false;
  #ended = false;
  #saving: Promise<void> = Promise.resolve();
  #resolveExited!: (status: ExitStatus) => void;

  constructor(options: HostOptions) {
    this.#options = options;
    this.#record = options.record;
    this.#log = new LogWriter(options.store, options.record.id);
    this.exited = new Promise((resolve) => {
      this.#resolveExited = resolve;
    });
    const input = new TransformStream<Uint8Array, Uint8Array>();
    this.#stdin = input.writable.getWriter();
    this.#stdin.closed.catch(() => {});
    this.#io = { stdin: input.readable, stdout: this.#output("stdout"), stderr: this.#output("stderr") };
    if (!options.record.spec.process.interactive) this.closeStdin();
  }

  get isStarted(): boolean {
    return this.#starting;
  }

  async attach(): Promise<AttachedProcess> {
    const attachment = new Attachment(this);
    this.#attachments.add(attachment);
    return attachment;
  }

  async start(): Promise<void> {
    const { runtime, locator } = this.#options;
    const size = this.#size;
    const { spec } = this.#record;
    const process = size === null ? spec.process : { ...spec.process, columns: size[0], rows: size[1] };
    // The log of a container started again goes on in the same journal.
    let running: RuntimeContainer;
    this.#starting = true;
    try {
      running = await runtime.start({ ...spec, process }, locator, this.#io);
    } catch (reason) {
      this.#starting = false;
      const error = WherryError.from(reason);
      await this.#save({ status: "created", exitCode: startExitCode(error), error: error.message, host: null });
      for (const attachment of this.#attachments) attachment.fail(error);
      throw error;
    }
    this.#running = running;
    void running.exited.then((status) => this.#finish(status));
    await this.#save({
      status: "running",
      startedMs: Date.now(),
      finishedMs: null,
      exitCode: null,
      error: "",
      pid: running.pid ?? 0,
      host: this.#options.host ?? null,
    });
  }

  async exec(options: ExecOptions): Promise<AttachedProcess> {
    const running = this.#must();
    const spec = makeExecSpec(this.#record.spec, options);
    const [input, output, errors] = [pipe(), pipe(), pipe()];
    if (!spec.interactive) void input.writable.close();
    const process = await running.exec(spec, {
      stdin: input.readable,
      stdout: output.writable,
      stderr: errors.writable,
    });
    return {
      stdin: spec.interactive ? input.writable : new WritableStream<Uint8Array>(),
      stdout: output.readable,
      stderr: errors.readable,
      exited: process.exited,
      resize: (columns, rows) => process.resize(columns, rows),
      signal: (signal) => process.signal(parseSignal(signal)),
      detach: async () => {
        // The process runs on; nobody reads it.
        for (const { readable } of [output, errors]) if (!readable.locked) void drain(readable);
      },
    };
  }

  async signal(signal: string | number): Promise<void> {
    await this.#must().signal(parseSignal(signal));
  }

  async resize(columns: number, rows: number): Promise<void> {
    this.#size = [columns, rows];
    await this.#running?.resize(columns, rows);
  }

  async logs(options: LogOptions): Promise<ReadableStream<LogChunk>> {
    const { store, record } = this.#options;
    let follower: Follower | null = null;
    // What comes while the log is read waits here, so that nothing is missed and nothing comes twice.
    const early: LogChunk[] = [];
    let reading = true;
    let over = options.follow !== true;
    return new ReadableStream<LogChunk>({
      start: async (controller) => {
        await this.#log.flush();
        const since = systemClock.realtimeNs();
        if (this.#ended) over = true;
        if (!over) {
          follower = {
            push: (chunk) => void (reading ? early.push(chunk) : controller.enqueue(chunk)),
            end: () => {
              over = true;
              if (!reading) controller.close();
            },
          };
          this.#followers.add(follower);
        }
        const history = await readLog(store, record.id);
        const past = follower === null ? history : history.filter((chunk) => chunk.timeNs <= since);
        for (const chunk of [...tailLog(past, options.tail), ...early]) controller.enqueue(chunk);
        reading = false;
        if (over) controller.close();
      },
      cancel: () => {
        if (follower !== null) this.#followers.delete(follower);
      },
    });
  }

  async copyOut(path: string): Promise<ReadableStream<Uint8Array>> {
    const running = this.#must();
    if (running.copyOut === undefined) throw noCopy(this.#options.runtime.name);
    return running.copyOut(path);
  }

  async copyIn(path: string, tar: ReadableStream<Uint8Array>): Promise<void> {
    const running = this.#must();
    if (running.copyIn === undefined) throw noCopy(this.#options.runtime.name);
    await running.copyIn(path, tar);
  }

  async missing(): ReturnType<RuntimeContainer["missing"]> {
    return (await this.#running?.missing()) ?? [];
  }

  async counters(): Promise<RuntimeCounters | null> {
    return (await this.#running?.counters?.()) ?? null;
  }

  async stats(): Promise<RuntimeStats | null> {
    return (await this.#must().stats?.()) ?? null;
  }

  async close(): Promise<void> {
    if (!this.#starting) this.#options.onUnused?.();
  }

  /** Ends the container at once: its host is going away. */
  async destroy(): Promise<void> {
    await this.#running?.destroy();
  }

  async writeStdin(bytes: Uint8Array): Promise<void> {
    // A process that has closed its input or ended takes no more: not the caller's error.
    await this.#stdin.write(bytes).catch(() => {});
  }

  closeStdin(): void {
    this.#stdin.close().catch(() => {});
  }

  leave(attachment: Attachment, outputBroken: boolean): void {
    if (!this.#attachments.delete(attachment)) return;
    if (outputBroken && this.#attachments.size === 0 && this.#options.foreground === true) this.#brokenOutput = true;
  }

  #must(): RuntimeContainer {
    if (this.#running === null || this.#ended)
      throw new WherryError("conflict", `container ${this.#record.id} is not running`);
    return this.#running;
  }

  #output(stream: LogChunk["stream"]): WritableStream<Uint8Array> {
    return new WritableStream<Uint8Array>({
      write: async (bytes) => {
        if (this.#brokenOutput) throw new WherryError("cancelled", "nobody reads the output any more");
        const chunk: LogChunk = { stream, bytes: bytes.slice(), timeNs: systemClock.realtimeNs() };
        const waits: Promise<void>[] = [this.#log.append(chunk)];
        for (const attachment of this.#attachments) waits.push(attachment.push(stream, bytes));
        for (const follower of this.#followers) follower.push(chunk);
        await Promise.all(waits);
      },
    });
  }

  async #finish(status: ExitStatus): Promise<void> {
    const { store, locator, runtime } = this.#options;
    this.#ended = true;
    for (const attachment of this.#attachments) attachment.end();
    this.#stdin.abort().catch(() => {});
    try {
      if (this.#record.remove) {
        this.#log.drop();
        await this.#saving;
        await deleteContainer(store, locator, runtime, this.#record);
      } else {
        await this.#log.flush();
        await this.#save({ status: "exited", finishedMs: Date.now(), exitCode: status.code, pid: 0, host: null });
      }
    } finally {
      for (const follower of this.#followers) follower.end();
      this.#followers.clear();
      this.#resolveExited(status);
    }
  }

  /** One change after the other: the news of the start must not overtake that of the end. */
  #save(changes: Partial<ContainerState>): Promise<void> {
    this.#saving = this.#saving.then(async () => {
      if (this.#ended && changes.status === "running") return;
      const { store } = this.#options;
      // Its name may have changed meanwhile.
      const current = (await loadRecord(store, this.#record.id)) ?? this.#record;
      this.#record = { ...current, state: { ...this.#record.state, ...changes } };
      await saveRecord(store, this.#record);
    });
    return this.#saving;
  }
}

/** Hosts every container here: the page, tests, and the process that supervises one container. */
export class LocalSupervision implements Supervision {
  readonly #make: (record: ContainerRecord, foreground: boolean) => LocalContainer;
  readonly #containers = new Map<string, LocalContainer>();

  constructor(make: (record: ContainerRecord, foreground: boolean) => LocalContainer) {
    this.#make = make;
  }

  async prepare(record: ContainerRecord, foreground: boolean): Promise<HostedContainer> {
    const container = this.#make(record, foreground);
    this.#containers.set(record.id, container);
    void container.exited.then(() => {
      if (this.#containers.get(record.id) === container) this.#containers.delete(record.id);
    });
    return container;
  }

  async isAlive(record: ContainerRecord): Promise<boolean> {
    return this.#containers.has(record.id);
  }

  async find(record: ContainerRecord): Promise<HostedContainer | null> {
    return this.#containers.get(record.id) ?? null;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#containers.values()].map((container) => container.destroy()));
  }
}

/** Docker's exit code for a container that did not start. */
function startExitCode(error: WherryError): number {
  return error.exitCode === 126 || error.exitCode === 127 ? error.exitCode : 128;
}

function pipe(): TransformStream<Uint8Array, Uint8Array> {
  return new TransformStream<Uint8Array, Uint8Array>();
}

async function drain(readable: ReadableStream<Uint8Array>): Promise<void> {
  const reader = readable.getReader();
  while (!(await reader.read()).done);
}

function noCopy(runtime: string): WherryError {
  return new WherryError("unsupported", `the ${runtime} runtime cannot copy files yet`);
}
