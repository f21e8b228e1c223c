/**
 * One thread of a guest process (Linux: struct task_struct). Handlers get it as their first argument; everything a
 * system call may need hangs off it.
 */
import type { Maybe } from "../base/maybe.ts";
import { WaitQueue } from "../base/wait-queue.ts";
import { SIG_IGN, SS_DISABLE } from "../abi/signal.ts";
import { rlimit } from "../abi/resource.ts";
import type { Caller, ControllingTerminal, Credentials, IoctlCaller, OpenFile } from "../vfs/types.ts";
import type { AddressSpace } from "./address-space.ts";
import { fileCredentials, hasCapability } from "./credentials.ts";
import type { TaskCredentials } from "./credentials.ts";
import type { FdTable } from "./fd-table.ts";
import type { FsContext } from "./fs-context.ts";
import type { Kernel } from "./kernel.ts";
import type { RestartableSequences } from "./rseq.ts";
import type { Process } from "./process.ts";
import { PendingSignals, bitOf } from "./signal-state.ts";
import type { SignalInfo, SignalSet } from "./signal-state.ts";
import type { UserMemory } from "./user-memory.ts";

/** What ended a wait. A wake-up is a hint: look again. */
export type WaitResult = "woken" | "interrupted" | "timeout";

export interface WaitOptions {
  /** On the monotonic clock; null or absent waits for ever. */
  readonly deadlineNs?: bigint | null;
  /** False: only the end of the process interrupts the wait. */
  readonly interruptible?: boolean;
}

/** Where a task is in its life, as `/proc/PID/stat` shows it: R, S, T, Z. */
export type TaskState = "running" | "sleeping" | "stopped" | "dead";

/** The parts a new task is made of; shared or copied as clone(2) says. */
export interface TaskParts {
  readonly process: Process;
  readonly memory: AddressSpace;
  readonly files: FdTable;
  readonly fs: FsContext;
  readonly credentials: TaskCredentials;
  readonly name: string;
}

export class Task {
  readonly kernel: Kernel;
  tid: number;
  process: Process;
  memory: AddressSpace;
  files: FdTable;
  fs: FsContext;
  /** Program name, at most 15 bytes: PR_SET_NAME. */
  name: string;
  #credentials: TaskCredentials;
  #fileCredentials: Credentials | null = null;

  state: TaskState = "running";
  /** The saved registers while another task is loaded. */
  readonly context: Uint8Array;

  // Signals.
  blocked: SignalSet = 0n;
  readonly pending = new PendingSignals();
  /** A deliverable signal, a stop or the end of the process may be waiting: checked at each return to user mode. */
  signalPending = false;
  /** rt_sigsuspend and ppoll: the mask to return to once a handler has run. */
  savedMask: SignalSet | null = null;
  altStack = { address: 0, size: 0, flags: SS_DISABLE };
  parentDeathSignal = 0;
  /** A fault of this task that must be acted on although nothing else may be delivered: see `Signals.force`. */
  forcedSignal = 0;
  /** The last processor exception, for the signal frame: number, error code, address (cr2). */
  trap = { number: 0, error: 0, address: 0 };
  /** rt_sigtimedwait: signals it takes although they are blocked. */
  awaited: SignalSet = 0n;

  // Threads.
  clearChildTid = 0;
  robustList = 0;
  rseq: RestartableSequences | null = null;
  /** Made by vfork and not yet let go of its parent. */
  isVforkChild = false;
  /** Another thread of the process calls execve: this one ends. */
  endsForExec = false;
  /** Who made it: PR_SET_PDEATHSIG is about this thread's end. */
  parentTask: Task | null = null;
  noNewPrivileges = false;

  /** Continues a call that a signal interrupted, from restart_syscall(2). */
  restartBlock: (() => Maybe<number>) | null = null;

  // Accounting, in nanoseconds.
  userNs = 0;
  systemNs = 0;
  timerSlackNs = 50000;

  // The scheduler's.
  /** What to do with the task when it gets the processor: run it, make its system call, or give it the result. */
  next: "user" | "dispatch" | "result" = "user";
  result = 0;
  /** Milliseconds of processor it had, adjusted when it wakes up: the smallest runs next. */
  virtualMs = 0;
  /** One of `restart` while an interrupted call awaits its fate; else 0. */
  restartCode = 0;
  /** Replaces registers once a call has ended, when they are loaded again: execve, rt_sigreturn. */
  onResume: (() => void) | null = null;

  /** Set while the task waits: ends the wait early. `fatal` alone ends an uninterruptible one. */
  #interrupt: ((fatal: boolean) => void) | null = null;
  /** The system call being made: for strace, restarts and /proc/PID/syscall. */
  syscallNumber = -1;
  /** The call as strace prints it, until its result is known; "" when not tracing. */
  straceText = "";

  constructor(kernel: Kernel, tid: number, parts: TaskParts) {
    this.kernel = kernel;
    this.tid = tid;
    this.process = parts.process;
    this.memory = parts.memory;
    this.files = parts.files;
    this.fs = parts.fs;
    this.#credentials = parts.credentials;
    this.name = parts.name;
    this.context = new Uint8Array(kernel.cpu.contextBytes);
  }

  /** The process id (Linux: tgid). */
  get pid(): number {
    return this.process.pid;
  }

  /** Guest memory by address; its accessors throw the kernel's private faults. */
  get user(): UserMemory {
    return this.memory.user;
  }

  get credentials(): TaskCredentials {
    return this.#credentials;
  }

  set credentials(value: TaskCredentials) {
    this.#credentials = value;
    this.#fileCredentials = null;
  }

  /** The ids that file access is checked with. */
  get fileCredentials(): Credentials {
    return (this.#fileCredentials ??= fileCredentials(this.#credentials));
  }

  hasCapability(number: number): boolean {
    return hasCapability(this.#credentials, number);
  }

  /** The open file at `fd`, or null (EBADF). */
  file(fd: number): OpenFile | null {
    return this.files.get(fd);
  }

  /** Lowest free descriptor for `file` within RLIMIT_NOFILE; on -EMFILE the reference is released. */
  allocateFd(file: OpenFile, closeOnExec: boolean, minimum = 0): number {
    const fd = this.files.allocate(file, closeOnExec, this.process.limits.soft(rlimit.NOFILE), minimum);
    if (fd < 0) file.release();
    return fd;
  }

  /** This task as path operations see it (`vfs/operations.ts`). */
  readonly caller: Caller = this.#makeCaller();

  #makeCaller(): Caller {
    // oxlint-disable-next-line no-this-alias -- the getters below need both objects.
    const task = this;
    return {
      get namespace() {
        return task.fs.namespace;
      },
      get root() {
        return task.fs.root;
      },
      get cwd() {
        return task.fs.cwd;
      },
      get credentials() {
        return task.fileCredentials;
      },
      get umask() {
        return task.fs.umask;
      },
      openControllingTerminal: (flags) => {
        const terminal = task.process.session.terminal;
        return terminal === null ? null : terminal.openControlling(flags);
      },
    };
  }

  /** This task as a terminal sees it. */
  get ioctlCaller(): IoctlCaller {
    const process = this.process;
    const kernel = this.kernel;
    return {
      pid: process.pid,
      processGroup: process.group.id,
      session: process.session.id,
      isSessionLeader: process.isSessionLeader,
      isPrivileged: this.credentials.euid === 0,
      controllingTerminal: process.session.terminal,
      setControllingTerminal: (terminal) => {
        process.session.terminal = terminal as ControllingTerminal;
        return 0;
      },
      clearControllingTerminal: () => {
        process.session.terminal = null;
      },
      clearSessionTerminal: (id) => {
        const session = kernel.sessions.get(id);
        if (session !== undefined) session.terminal = null;
      },
      isSignalIgnored: (signal) =>
        (this.blocked & bitOf(signal)) !== 0n || process.actions.get(signal).handler === SIG_IGN,
      isGroupOrphaned: () => process.group.isOrphaned,
      signalGroup: (id, signal) => kernel.signals.sendToGroupId(id, signal),
      sessionOfGroup: (id) => kernel.processGroup(id)?.session.id ?? null,
    };
  }

  /** Sends to this thread. */
  sendSignal(info: SignalInfo): void {
    this.kernel.signals.sendToTask(this, info);
  }

  /** The process is ending, or this thread is: it must not start anything new. */
  get isDying(): boolean {
    return this.process.exitStatus !== null || this.endsForExec;
  }

  /**
   * Sleeps until one of `queues` is woken, a signal comes, or the deadline passes. Register before you look: call it
   * in the same turn as the failed attempt.
   */
  wait(queues: readonly WaitQueue[], options: WaitOptions = {}): Promise<WaitResult> {
    const interruptible = options.interruptible !== false;
    if (this.isDying || (interruptible && this.signalPending)) return Promise.resolve("interrupted");
    return new Promise((resolve) => {
      const leave: (() => void)[] = [];
      let done = false;
      const finish = (result: WaitResult) => {
        if (done) return;
        done = true;
        for (const step of leave) step();
        this.#interrupt = null;
        this.kernel.scheduler.expectWake();
        resolve(result);
      };
      for (const queue of queues) leave.push(queue.add(() => finish("woken")));
      const deadlineNs = options.deadlineNs ?? null;
      if (deadlineNs !== null) leave.push(this.kernel.timers.at(deadlineNs, () => finish("timeout")));
      this.#interrupt = (fatal) => {
        if (interruptible || fatal) finish("interrupted");
      };
    });
  }

  /** Ends the task's wait, if it is in one. */
  interrupt(fatal: boolean): void {
    this.#interrupt?.(fatal);
  }
}
