/**
 * A process: a thread group with its parent, children and everything its threads share by POSIX. `pid` is what
 * getpid(2) returns; the threads are `Task`s.
 */
import { WaitQueue } from "../base/wait-queue.ts";
import type { Dentry, OpenFile } from "../vfs/types.ts";
import type { ProcessGroup, Session } from "./process-group.ts";
import { ResourceLimits } from "./resource-limits.ts";
import { PendingSignals } from "./signal-state.ts";
import type { SignalActions, SignalInfo } from "./signal-state.ts";
import type { Kernel } from "./kernel.ts";
import type { Task } from "./task.ts";

/** How a process ended, in the form of wait(2)'s status word. */
export type WaitStatus = number;

export class Process {
  readonly kernel: Kernel;
  readonly pid: number;
  readonly startTimeNs: bigint;
  parent: Process | null;
  readonly children = new Set<Process>();
  readonly tasks = new Set<Task>();
  /** The first thread; after execve by another thread, that one. */
  leader!: Task;
  group: ProcessGroup;
  actions: SignalActions;
  readonly pending = new PendingSignals();
  limits: ResourceLimits;

  /** What /proc/PID/exe names; null for a process that never ran a program. */
  executable: OpenFile | null = null;
  executablePath = "";
  /** Signal sent to the parent at the end: SIGCHLD, or what clone(2) asked for; 0 for none. */
  exitSignal: number;
  hasExeced = false;
  isSubreaper = false;
  dumpable = 1;
  personality = 0;
  niceness = 0;

  /** Set when the whole process is to end: the status every thread ends with. */
  exitStatus: WaitStatus | null = null;
  isZombie = false;
  /** Set while the container is being killed from outside: then SIGKILL reaches the first process too. */
  outsideKill = false;
  /** Job control: the signal that stopped it, or 0. */
  stopSignal = 0;
  /** Called when one of its threads has had a slice: timers that count processor time. */
  afterSlice: (() => void) | null = null;
  /** Called once, with the status word, when the process has ended: for who started it from outside. */
  onExit: ((status: WaitStatus) => void) | null = null;
  /** A stop or continuation that wait(2) has not reported yet. */
  unreportedStop = false;
  unreportedContinue = false;
  /** Woken when a child changes state. */
  readonly childWaiters = new WaitQueue();
  /** Woken when the process continues after a stop. */
  readonly continueWaiters = new WaitQueue();
  /** Woken at execve and at the end: vfork(2)'s parent waits, pidfds poll. */
  readonly releaseWaiters = new WaitQueue();
  readonly exitWaiters = new WaitQueue();
  /** Woken when a signal becomes pending: signalfd. */
  readonly signalWaiters = new WaitQueue();

  /** CPU time, in nanoseconds: of ended threads, and of waited-for children. */
  endedUserNs = 0;
  endedSystemNs = 0;
  childrenUserNs = 0;
  childrenSystemNs = 0;

  constructor(
    kernel: Kernel,
    pid: number,
    parent: Process | null,
    group: ProcessGroup,
    actions: SignalActions,
    limits: ResourceLimits,
    exitSignal: number,
  ) {
    this.kernel = kernel;
    this.pid = pid;
    this.parent = parent;
    this.group = group;
    this.actions = actions;
    this.limits = limits;
    this.exitSignal = exitSignal;
    this.startTimeNs = kernel.clock.monotonicNs();
    parent?.children.add(this);
    group.members.add(this);
  }

  /** The container's first process: signals without a handler do not reach it from inside (man 7 pid_namespaces). */
  get isInit(): boolean {
    return this.pid === 1;
  }

  get session(): Session {
    return this.group.session;
  }

  get isSessionLeader(): boolean {
    return this.group.session.leader === this;
  }

  get userNs(): number {
    let sum = this.endedUserNs;
    for (const task of this.tasks) sum += task.userNs;
    return sum;
  }

  get systemNs(): number {
    let sum = this.endedSystemNs;
    for (const task of this.tasks) sum += task.systemNs;
    return sum;
  }

  /** Sends to the process as a whole: any thread that does not block the signal takes it. */
  sendSignal(info: SignalInfo): void {
    this.kernel.signals.sendToProcess(this, info);
  }

  /** Root of the executable's dentry, for /proc/PID/exe. */
  get executableDentry(): Dentry | null {
    return this.executable?.dentry ?? null;
  }
}
