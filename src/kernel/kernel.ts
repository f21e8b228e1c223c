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
import type { Namespace } from "../vfs/namespace.ts";
import type { Dentry, OpenFile } from "../vfs/types.ts";
import type { Cpu } from "../../wasm/x86/types.ts";
import { Delivery } from "./signal-delivery.ts";
import { Dispatcher } from "./dispatcher.ts";
import { FrameAllocator } from "./frames.ts";
import { Mmu } from "./mmu.ts";
import type { ProcessGroup, Session } from "./process-group.ts";
import type { Process, WaitStatus } from "./process.ts";
import { Scheduler } from "./scheduler.ts";
import { Signals } from "./signal.ts";
import type { SyscallTable } from "./syscall-row.ts";
import type { Task } from "./task.ts";
import { Timers } from "./timers.ts";

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

export interface SpawnOptions {
  readonly namespace: Namespace;
  /** What to run, looked up in PATH of `environment` if it has no slash. */
  readonly arguments: readonly string[];
  readonly environment: readonly string[];
  readonly root: Dentry;
  readonly cwd: Dentry;
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
  /** Descriptors 0, 1, 2…; the kernel takes over one reference each. */
  readonly files: readonly OpenFile[];
  /** Called before the first instruction: to give the session its terminal. */
  readonly prepare?: (task: Task) => void;
}

export interface SpawnedProcess {
  readonly process: Process;
  /** The status word of wait(2). */
  readonly exited: Promise<WaitStatus>;
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

  constructor(options: KernelOptions) {
    this.cpu = options.cpu;
    this.clock = options.clock ?? systemClock;
    this.sinks = options.sinks ?? {};
    this.frames = options.frames ?? new FrameAllocator(options.cpu, options.memoryBytes ?? limits.memoryBytesDefault);
    this.mmu = new Mmu(options.cpu, this.frames);
    this.timers = new Timers(this.clock);
    this.signals = new Signals(this);
    this.delivery = new Delivery(this);
    this.dispatcher = new Dispatcher(this, options.table);
    this.scheduler = new Scheduler(this);
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

  countMissing(task: Task, name: string): void {
    const count = this.missingSyscalls.get(name) ?? 0;
    this.missingSyscalls.set(name, count + 1);
    if (count === 0) this.sinks.missingSyscall?.(name, task.name);
  }

  /** A broken invariant while serving `task`. */
  internalError(_task: Task, error: unknown): void {
    this.sinks.internalError?.(error);
  }

  /** The scheduler itself failed: nothing runs any more. */
  crash(error: unknown): void {
    this.sinks.internalError?.(error);
  }
}
