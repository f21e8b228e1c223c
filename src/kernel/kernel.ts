/**
 * One container's kernel: its processes, memory, clock and scheduler, over one processor and one view of the file
 * tree. It knows nothing of workers, terminals or images: those are given to it.
 *
 *     const kernel = new Kernel({ cpu, namespace, table, … });
 *     const init = await kernel.spawn({ path: "/bin/sh", arguments: ["sh"], … });
 *     await init.exited;
 */
import { WaitQueue } from "../base/wait-queue.ts";
import { systemClock } from "../base/clock.ts";
import type { Clock } from "../base/clock.ts";
import { limits } from "../base/limits.ts";
import { errno } from "../abi/errno.ts";
import { siCode, signals } from "../abi/signal.ts";
import type { Cpu } from "../../wasm/x86/types.ts";
import { Delivery } from "./signal-delivery.ts";
import { Dispatcher } from "./dispatcher.ts";
import { exitTask } from "./exit.ts";
import { FrameAllocator } from "./frames.ts";
import { Futexes } from "./futex.ts";
import { Mmu } from "./mmu.ts";
import { ProcessGroup, Session } from "./process-group.ts";
import { ProcessTimers } from "./process-timers.ts";
import type { Process } from "./process.ts";
import { Scheduler } from "./scheduler.ts";
import { Signals } from "./signal.ts";
import { spawnProcess } from "./spawn.ts";
import type { SpawnOptions, SpawnedProcess } from "./spawn.ts";
import type { SyscallTable } from "./syscall-row.ts";
import type { Task } from "./task.ts";
import { Timers } from "./timers.ts";

/** kernel.pid_max, and where numbering goes on after it (Linux: RESERVED_PIDS). */
const pidMax = 32767;
const firstReusedPid = 300;

/** A missing instruction, as the user is told. */
export interface IllegalInstructionReport {
  readonly program: string;
  readonly pid: number;
  readonly address: number;
  readonly bytes: Uint8Array;
  /** The mnemonic, or null for bytes that encode nothing. */
  readonly name: string | null;
}

/** Where the kernel tells the user things. All optional. */
export interface KernelSinks {
  /** Called at the first use of each missing call, with the program's name. */
  missingSyscall?(name: string, program: string): void;
  illegalInstruction?(report: IllegalInstructionReport): void;
  /** A process was killed because the container's memory is used up. */
  outOfMemory?(program: string, pid: number): void;
  /** One line of strace output. */
  strace?: ((line: string) => void) | undefined;
  /** A broken invariant of our own: the process that met it may misbehave. */
  internalError?(error: unknown): void;
}

export interface KernelOptions {
  readonly cpu: Cpu;
  readonly table: SyscallTable;
  readonly sinks?: KernelSinks;
  readonly clock?: Clock;
  readonly memoryBytes?: number;
  /** Given when the page cache needs it before the kernel exists; otherwise made here. */
  readonly frames?: FrameAllocator;
  readonly hostname?: string;
}

export class Kernel {
  readonly cpu: Cpu;
  readonly clock: Clock;
  readonly frames: FrameAllocator;
  readonly mmu: Mmu;
  readonly timers: Timers;
  readonly scheduler: Scheduler;
  readonly signals: Signals;
  readonly delivery: Delivery;
  readonly dispatcher: Dispatcher;
  readonly futexes = new Futexes();
  readonly itimers: ProcessTimers;
  readonly sinks: KernelSinks;

  /** Every live thread and every process that has not been waited for. */
  readonly tasks = new Map<number, Task>();
  readonly processes = new Map<number, Process>();
  readonly groups = new Map<number, ProcessGroup>();
  readonly sessions = new Map<number, Session>();

  hostname: string;
  domainname = "(none)";
  /** Set to trace: receives each call as it ends. */
  strace: ((task: Task, line: string) => void) | null = null;
  /** Calls that answered ENOSYS, by name. */
  readonly missingSyscalls = new Map<string, number>();
  /** Instructions that raised SIGILL because we lack them, by name. */
  readonly missingInstructions = new Map<string, number>();
  /** Monotonic time of the start: uptime counts from here. */
  readonly bootNs: bigint;
  /** Processes ever made: /proc/stat. */
  forks = 0;
  /** Woken when any process ends or starts; for /proc watchers and tests. */
  readonly processWaiters = new WaitQueue();

  #lastPid = 0;
  #destroyed = false;

  constructor(options: KernelOptions) {
    this.cpu = options.cpu;
    this.clock = options.clock ?? systemClock;
    this.sinks = options.sinks ?? {};
    this.frames = options.frames ?? new FrameAllocator(options.cpu, options.memoryBytes ?? limits.memoryBytesDefault);
    this.mmu = new Mmu(options.cpu, this.frames);
    this.timers = new Timers(this.clock);
    this.itimers = new ProcessTimers(this);
    this.signals = new Signals(this);
    this.delivery = new Delivery(this);
    this.dispatcher = new Dispatcher(this, options.table);
    this.scheduler = new Scheduler(this);
    options.cpu.compileFailed = (error) => this.sinks.internalError?.(error);
    this.hostname = options.hostname ?? "wherry";
    this.bootNs = this.clock.monotonicNs();
    const strace = this.sinks.strace;
    if (strace !== undefined) {
      this.strace = (task, line) => strace(this.tasks.size > 1 ? `[pid ${task.tid}] ${line}` : line);
    }
  }

  task(tid: number): Task | null {
    return this.tasks.get(tid) ?? null;
  }

  process(pid: number): Process | null {
    return this.processes.get(pid) ?? null;
  }

  processGroup(id: number): ProcessGroup | null {
    return this.groups.get(id) ?? null;
  }

  /** Starts a process from outside: the container's first, or one of `docker exec`. */
  spawn(options: SpawnOptions): Promise<SpawnedProcess> {
    return spawnProcess(this, options);
  }

  /** What terminals ask of the kernel (`tty/terminal.ts`). */
  readonly forTerminals = {
    signalGroup: (id: number, signal: number): void => this.signals.sendToGroupId(id, signal),
    hangUpSession: (id: number): void => {
      const session = this.sessions.get(id);
      if (session === undefined) return;
      session.terminal = null;
      session.leader?.sendSignal({ signal: signals.SIGHUP, code: siCode.SI_KERNEL });
      session.leader?.sendSignal({ signal: signals.SIGCONT, code: siCode.SI_KERNEL });
    },
  };

  /** From outside the container, as docker kill: reaches the first process even with SIGKILL. */
  signalFromOutside(process: Process, signal: number): void {
    if (signal === signals.SIGKILL || signal === signals.SIGSTOP) process.outsideKill = true;
    process.sendSignal({ signal, code: siCode.SI_USER, pid: 0, uid: 0 });
  }

  /** Ends everything at once; nothing runs afterwards. */
  destroy(): void {
    this.#destroyed = true;
    this.scheduler.stop();
    for (const task of this.tasks.values()) task.state = "dead";
    this.tasks.clear();
    this.processes.clear();
  }

  get isDestroyed(): boolean {
    return this.#destroyed;
  }

  /** A number no task, process, group or session has. The first is 1. */
  allocatePid(): number {
    do this.#lastPid = this.#lastPid >= pidMax ? firstReusedPid : this.#lastPid + 1;
    while (
      this.tasks.has(this.#lastPid) ||
      this.processes.has(this.#lastPid) ||
      this.groups.has(this.#lastPid) ||
      this.sessions.has(this.#lastPid)
    );
    return this.#lastPid;
  }

  get lastPid(): number {
    return this.#lastPid;
  }

  /** setpgid(2): the group with this id in the process's session, made if need be. */
  joinGroup(process: Process, id: number): void {
    const group = this.groups.get(id) ?? new ProcessGroup(id, process.session);
    if (group === process.group) return;
    this.groups.set(id, group);
    this.leaveGroup(process);
    process.group = group;
    group.members.add(process);
  }

  /** setsid(2): a session and a group of its own, without a terminal. */
  newSession(process: Process): number {
    if (this.groups.has(process.pid)) return -errno.EPERM;
    const session = new Session(process.pid);
    session.leader = process;
    const group = new ProcessGroup(process.pid, session);
    this.sessions.set(session.id, session);
    this.groups.set(group.id, group);
    this.leaveGroup(process);
    process.group = group;
    group.members.add(process);
    return session.id;
  }

  leaveGroup(process: Process): void {
    const { group } = process;
    group.members.delete(process);
    if (group.members.size > 0) return;
    if (this.groups.get(group.id) === group) this.groups.delete(group.id);
    for (const other of this.groups.values()) if (other.session === group.session) return;
    if (this.sessions.get(group.session.id) === group.session) this.sessions.delete(group.session.id);
  }

  /** The container's first process has ended: all others are killed, as the end of a pid namespace does. */
  initEnded(_init: Process): void {
    for (const process of this.processes.values()) {
      if (process.isInit || process.isZombie) continue;
      process.sendSignal({ signal: signals.SIGKILL, code: siCode.SI_KERNEL });
    }
  }

  /** A process whose program could not be started: its number is free again. */
  abandon(process: Process): void {
    if (process.pid === this.#lastPid) this.#lastPid--;
  }

  /** execve by a thread other than the leader: it takes over the process's number. */
  renumber(task: Task, tid: number): void {
    this.tasks.delete(task.tid);
    task.tid = tid;
    this.tasks.set(tid, task);
  }

  countMissing(task: Task, name: string): void {
    const count = this.missingSyscalls.get(name) ?? 0;
    this.missingSyscalls.set(name, count + 1);
    if (count === 0) this.sinks.missingSyscall?.(name, task.name);
  }

  /** A broken invariant while serving `task`. */
  internalError(_task: Task, error: unknown): void {
    this.sinks.internalError?.(error);
  }

  /**
   * The scheduler itself failed: nothing can run any more. Whoever waits for a process hears that it was killed, and what
   * was written is kept.
   */
  crash(error: unknown): void {
    this.sinks.internalError?.(error);
    for (const task of this.tasks.values())
      try {
        task.process.exitStatus ??= signals.SIGKILL;
        exitTask(task, signals.SIGKILL);
      } catch (other) {
        this.sinks.internalError?.(other);
      }
  }
}
