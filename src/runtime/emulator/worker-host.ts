/**
 * The engine's end of the protocol: a Runtime whose containers each live in a worker of their own. Spawning the worker
 * is the host's business (a Web Worker in the page, a worker thread in Node), so it is handed in.
 *
 * Whatever happens in a container's worker, here every stream ends and `exited` resolves: a crash is told on the
 * process's output and counts as exit code 125.
 */
import { signals } from "../../abi/signal.ts";
import { encodeUtf8 } from "../../base/bytes.ts";
import { WherryError } from "../../base/errors.ts";
import { limits } from "../../base/limits.ts";
import { readableFromPort, writableToPort } from "../../base/port-stream.ts";
import type { StoreLocator } from "../../store/types.ts";
import type {
  ContainerSpec,
  ExitStatus,
  ProcessSpec,
  Runtime,
  RuntimeContainer,
  RuntimeCounters,
  RuntimeIo,
  RuntimeProcess,
  RuntimeStats,
} from "../types.ts";
import type { ContainerMessage, HostMessage, HostRequest, StreamPorts } from "./protocol.ts";
import { stoppedContainers } from "./stopped.ts";
import type { OpenStore } from "./stopped.ts";

/** One spawned worker, as its host hands it over. */
export interface ContainerWorker {
  /** Our end of the channel; the other end has been sent to the worker. */
  readonly port: MessagePort;
  terminate(): void;
  /** Resolves with a reason when the worker stops by itself; never rejects. */
  readonly crashed: Promise<string>;
  /** The same worker for another container, over a channel of its own; not there where none is reused. */
  readonly again?: () => ContainerWorker;
}

export interface WorkerRuntimeOptions {
  readonly name: Runtime["name"];
  readonly spawn: () => ContainerWorker;
  readonly unavailable?: () => Promise<string | null>;
  /** For what is done without a worker, to the files of containers that do not run. */
  readonly openStore: OpenStore;
  /**
   * Keep workers in reserve (`limits.spareWorkersMax`), so that the next container need not wait for its code to load;
   * more than one, so that runs which follow back to back find one too. A worker whose container has ended in good
   * order goes back to the reserve, where it is worth more than a new one: its code is compiled and optimised.
   */
  readonly keepSpare?: boolean;
}

export function createWorkerRuntime(options: WorkerRuntimeOptions): Runtime {
  const spares: ContainerWorker[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;

  function keep(worker: ContainerWorker): void {
    void worker.crashed.then(() => {
      const index = spares.indexOf(worker);
      if (index >= 0) spares.splice(index, 1);
    });
  }

  /** One at a time: two that load their code at once are ready no sooner than one after the other. */
  function refill(): void {
    clearTimeout(timer);
    if (options.keepSpare !== true || spares.length >= limits.spareWorkersMax) return;
    const worker = options.spawn();
    spares.push(worker);
    keep(worker);
    refillLater(limits.spareWorkerGapMs);
  }

  /** The worker of a container that has ended: used next, before those that never ran one. */
  function recycle(used: ContainerWorker): void {
    const worker = options.keepSpare === true ? used.again?.() : undefined;
    if (worker === undefined) return used.terminate();
    spares.unshift(worker);
    keep(worker);
    if (spares.length > limits.spareWorkersMax) spares.pop()!.terminate();
  }

  function refillLater(delayMs: number): void {
    clearTimeout(timer);
    if (options.keepSpare === true && spares.length < limits.spareWorkersMax) timer = setTimeout(refill, delayMs);
  }

  refill();
  return {
    name: options.name,
    unavailable: options.unavailable ?? (async () => null),
    ...stoppedContainers(options.openStore),
    async start(spec, store, io) {
      const link = new ContainerLink(spares.shift() ?? options.spawn(), recycle);
      // Nobody waits for the answer.
      for (const { port } of spares) port.postMessage({ request: 0, type: "rest" } satisfies HostMessage);
      // Not now, when it would take time from the program that is starting.
      refillLater(limits.spareWorkerDelayMs);
      try {
        const container = await link.start(spec, store, io);
        refillLater(limits.spareWorkerDelayMs);
        return container;
      } catch (error) {
        refill();
        throw error;
      }
    },
  };
}

type Missing = Awaited<ReturnType<RuntimeContainer["missing"]>>;

class ContainerLink {
  readonly #worker: ContainerWorker;
  readonly #recycle: (worker: ContainerWorker) => void;
  readonly #pending = new Map<number, { resolve: (value: unknown) => void; reject: (error: unknown) => void }>();
  readonly #processes = new Map<number, HostedProcess>();
  #nextRequest = 1;
  #nextProcess = 1;
  #gone: WherryError | null = null;
  #lastMissing: Missing = [];
  #lastCounters: RuntimeCounters | null = null;

  constructor(worker: ContainerWorker, recycle: (worker: ContainerWorker) => void) {
    this.#worker = worker;
    this.#recycle = recycle;
    worker.port.onmessage = (event: MessageEvent) => this.#receive(event.data as ContainerMessage);
    void worker.crashed.then((reason) =>
      this.#close(new WherryError("internal", `The container's worker stopped unexpectedly: ${reason}`), 125),
    );
  }

  async start(spec: ContainerSpec, store: StoreLocator, io: RuntimeIo): Promise<RuntimeContainer> {
    const process = new HostedProcess(io, spec.process.tty);
    this.#processes.set(0, process);
    try {
      await this.#request({ type: "start", spec, store, streams: process.streams }, process.transfer);
    } catch (error) {
      this.#close(WherryError.from(error), 125);
      throw error;
    }
    process.started = true;
    // Memory and the worker go with the first process, as a container's other processes do in Linux (PID 1 of a
    // PID namespace).
    void process.exited.then(() => this.#finish());
    return {
      ...this.#control(0, process),
      exec: (execSpec, execIo) => this.#exec(execSpec, execIo),
      destroy: () => this.#destroy(),
      copyOut: (path) => this.#copyOut(path),
      copyIn: (path, tar) => this.#copyIn(path, tar),
      missing: () => this.#missing(),
      counters: () => this.#counters(),
      stats: () => this.#stats(),
    };
  }

  async #exec(spec: ProcessSpec, io: RuntimeIo): Promise<RuntimeProcess> {
    const number = this.#nextProcess++;
    const process = new HostedProcess(io, spec.tty);
    this.#processes.set(number, process);
    try {
      await this.#request({ type: "exec", process: number, spec, streams: process.streams }, process.transfer);
    } catch (error) {
      this.#processes.delete(number);
      process.cut(null);
      throw error;
    }
    process.started = true;
    return this.#control(number, process);
  }

  #control(number: number, process: HostedProcess): RuntimeProcess {
    return {
      exited: process.exited,
      signal: async (signal) => {
        if (this.#gone !== null) return;
        const heard = this.#request({ type: "signal", process: number, signal });
        // A signal that is not heard in time still stands in line; SIGKILL to the first process does not wait for that.
        const answered = await this.#within(limits.signalAnswerMs, heard);
        if (answered) await heard;
        else if (number === 0 && signal === signals.SIGKILL)
          this.#close(new WherryError("cancelled", "The container was killed."), 137);
      },
      resize: async (columns, rows) => {
        if (this.#gone === null) await this.#request({ type: "resize", process: number, columns, rows });
      },
    };
  }

  async #copyOut(path: string): Promise<ReadableStream<Uint8Array>> {
    const { port1, port2 } = new MessageChannel();
    await this.#request({ type: "copy-out", path, tar: port2 }, [port2]);
    return readableFromPort(port1);
  }

  async #copyIn(path: string, tar: ReadableStream<Uint8Array>): Promise<void> {
    const { port1, port2 } = new MessageChannel();
    const stop = new AbortController();
    // Why it broke off is in the answer.
    const sent = tar.pipeTo(writableToPort(port1), { signal: stop.signal }).catch(() => {});
    try {
      await this.#request({ type: "copy-in", path, tar: port2 }, [port2]);
    } finally {
      stop.abort();
      await sent;
      port1.close();
    }
  }

  /** Still answered after the container has ended. */
  async #missing(): ReturnType<RuntimeContainer["missing"]> {
    if (this.#gone === null) {
      this.#lastMissing = (await this.#request({ type: "missing" })) as Missing;
    }
    return this.#lastMissing;
  }

  async #counters(): Promise<RuntimeCounters | null> {
    if (this.#gone === null) {
      // A container that ends meanwhile has left its last ones.
      const asked = this.#request({ type: "counters" }).catch(() => this.#lastCounters);
      this.#lastCounters = (await asked) as RuntimeCounters | null;
    }
    return this.#lastCounters;
  }

  async #stats(): Promise<RuntimeStats | null> {
    if (this.#gone !== null) return null;
    // One that ends meanwhile uses nothing any more.
    return (await this.#request({ type: "stats" }).catch(() => null)) as RuntimeStats | null;
  }

  async #finish(): Promise<void> {
    await this.#within(limits.containerFlushMs, Promise.all([this.#missing(), this.#counters()]));
    await this.#destroy();
  }

  async #destroy(): Promise<void> {
    if (this.#gone !== null) return;
    // The worker gets a moment to write what it holds; one that is stuck is ended all the same.
    let clean = false;
    const asked = this.#request({ type: "destroy" }).then((answer) => {
      clean = answer === true;
    });
    await this.#within(limits.containerFlushMs, asked);
    this.#close(new WherryError("cancelled", "The container was ended."), 137, clean);
  }

  /** Whether the work ended, well or not, before the time was over. */
  async #within(timeoutMs: number, work: Promise<unknown>): Promise<boolean> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<boolean>((resolve) => {
      timer = setTimeout(() => resolve(false), timeoutMs);
    });
    const ended = () => true;
    const inTime = await Promise.race([work.then(ended, ended), late]);
    clearTimeout(timer);
    return inTime;
  }

  /** `clean`: the worker holds nothing of the container any more. */
  #close(error: WherryError, code: number, clean = false): void {
    if (this.#gone !== null) return;
    this.#gone = error;
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
    for (const process of this.#processes.values()) {
      // Before it has started, the error is the caller's to tell.
      process.cut(process.started && error.code === "internal" ? error.message : null);
      process.ended({ code });
    }
    this.#worker.port.close();
    if (clean) this.#recycle(this.#worker);
    else this.#worker.terminate();
  }

  #receive(message: ContainerMessage): void {
    if (message.type === "exited") {
      this.#processes.get(message.process)?.ended({ code: message.code });
      return;
    }
    const pending = this.#pending.get(message.request);
    this.#pending.delete(message.request);
    if (message.type === "failed") pending?.reject(WherryError.from(message.error));
    else pending?.resolve(message.value);
  }

  #request(request: HostRequest, transfer: Transferable[] = []): Promise<unknown> {
    if (this.#gone !== null) return Promise.reject(this.#gone);
    const number = this.#nextRequest++;
    return new Promise((resolve, reject) => {
      this.#pending.set(number, { resolve, reject });
      this.#worker.port.postMessage({ request: number, ...request } satisfies HostMessage, transfer);
    });
  }
}

/** One process's streams, joined to their ports. `exited` resolves once the process has ended and its output is in. */
class HostedProcess {
  readonly streams: StreamPorts;
  readonly transfer: Transferable[];
  readonly exited: Promise<ExitStatus>;
  started = false;
  readonly #cut = new AbortController();
  readonly #outputs: Promise<unknown>;
  #message: string | null = null;
  #resolve!: (status: ExitStatus) => void;

  constructor(io: RuntimeIo, tty: boolean) {
    const [stdin, stdout, stderr] = [new MessageChannel(), new MessageChannel(), new MessageChannel()];
    this.streams = { stdin: stdin.port2, stdout: stdout.port2, stderr: stderr.port2 };
    this.transfer = [stdin.port2, stdout.port2, stderr.port2];
    this.exited = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    const signal = this.#cut.signal;
    // A process that ends early leaves its input unread; that is no error.
    io.stdin.pipeTo(writableToPort(stdin.port1), { signal }).catch(() => {});
    // With a terminal only stdout is shown, so the last words go there.
    const words = (here: boolean) => () => (here ? this.#message : null);
    this.#outputs = Promise.all([
      this.#join(stdout.port1, io.stdout, words(tty)),
      this.#join(stderr.port1, io.stderr, words(!tty)),
    ]);
  }

  async #join(port: MessagePort, target: WritableStream<Uint8Array>, lastWords: () => string | null): Promise<void> {
    const readable = readableFromPort(port);
    await readable.pipeTo(target, { signal: this.#cut.signal, preventAbort: true, preventClose: true }).catch(() => {});
    port.close();
    try {
      const writer = target.getWriter();
      const words = lastWords();
      if (words !== null) await writer.write(encodeUtf8(`wherry: ${words}\n`));
      await writer.close();
    } catch {
      // The caller no longer reads.
    }
  }

  /** Ends the streams now, with what is left unsaid as the last line. */
  cut(message: string | null): void {
    this.#message = message;
    this.#cut.abort(new WherryError("cancelled", "The process has ended."));
  }

  ended(status: ExitStatus): void {
    // Output is on other ports than the news of the end, and may still be on its way.
    const late = setTimeout(() => this.cut(null), limits.containerFlushMs);
    void this.#outputs.then(() => {
      clearTimeout(late);
      this.#cut.abort(new WherryError("cancelled", "The process has ended."));
      this.#resolve(status);
    });
  }
}
