/**
 * The timers a process owns: setitimer's three (man 2 setitimer) and those of timer_create. Real-time ones run off the
 * kernel's timer queue; the two that count processor time are looked at when a slice ends.
 */
import { siCode, signals } from "../abi/signal.ts";
import { IntervalTimer } from "./interval-timer.ts";
import type { Kernel } from "./kernel.ts";
import type { Process } from "./process.ts";
import type { SignalInfo } from "./signal-state.ts";
import type { Task } from "./task.ts";

export const ITIMER_REAL = 0;
export const ITIMER_VIRTUAL = 1;
export const ITIMER_PROF = 2;

/** How timer_create's timer tells of its expiry (sigevent). */
export interface TimerEvent {
  /** 0 for SIGEV_NONE. */
  readonly signal: number;
  readonly value: bigint;
  /** SIGEV_THREAD_ID: this thread only. */
  readonly task: Task | null;
}

export interface PosixTimer {
  readonly id: number;
  readonly clock: number;
  readonly event: TimerEvent;
  readonly timer: IntervalTimer;
  overrun: number;
  /** The last signal it sent: while that is pending no second one is sent, it only counts (timer_getoverrun(2)). */
  sent: SignalInfo | null;
}

interface CpuTimer {
  /** Processor time at which it fires; null when disarmed. */
  atNs: number | null;
  intervalNs: number;
}

interface TimersOfProcess {
  readonly real: IntervalTimer;
  /** ITIMER_VIRTUAL and ITIMER_PROF. */
  readonly cpu: { readonly virtual: CpuTimer; readonly profile: CpuTimer };
  readonly posix: Map<number, PosixTimer>;
  nextId: number;
}

export class ProcessTimers {
  readonly #kernel: Kernel;
  #all = new Map<Process, TimersOfProcess>();

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  of(process: Process): TimersOfProcess {
    let timers = this.#all.get(process);
    if (timers === undefined) {
      timers = {
        real: new IntervalTimer(this.#kernel.timers, this.#kernel.clock, () =>
          process.sendSignal({ signal: signals.SIGALRM, code: siCode.SI_KERNEL }),
        ),
        cpu: { virtual: { atNs: null, intervalNs: 0 }, profile: { atNs: null, intervalNs: 0 } },
        posix: new Map(),
        nextId: 0,
      };
      this.#all.set(process, timers);
    }
    return timers;
  }

  /** Remaining time and interval, in nanoseconds. */
  get(process: Process, which: number): { valueNs: number; intervalNs: number } {
    const timers = this.of(process);
    if (which === ITIMER_REAL) {
      return { valueNs: Number(timers.real.remainingNs), intervalNs: Number(timers.real.intervalNs) };
    }
    const timer = which === ITIMER_VIRTUAL ? timers.cpu.virtual : timers.cpu.profile;
    if (timer.atNs === null) return { valueNs: 0, intervalNs: timer.intervalNs };
    return { valueNs: Math.max(1, timer.atNs - cpuNs(process, which)), intervalNs: timer.intervalNs };
  }

  set(process: Process, which: number, valueNs: number, intervalNs: number): void {
    const timers = this.of(process);
    if (which === ITIMER_REAL) {
      if (valueNs === 0) timers.real.disarm();
      else timers.real.arm(this.#kernel.clock.monotonicNs() + BigInt(valueNs), BigInt(intervalNs));
      return;
    }
    const timer = which === ITIMER_VIRTUAL ? timers.cpu.virtual : timers.cpu.profile;
    timer.intervalNs = intervalNs;
    timer.atNs = valueNs === 0 ? null : cpuNs(process, which) + valueNs;
    const { virtual, profile } = timers.cpu;
    process.afterSlice = virtual.atNs === null && profile.atNs === null ? null : () => this.#checkCpu(process, timers);
  }

  createPosix(process: Process, clock: number, event: TimerEvent): PosixTimer {
    const timers = this.of(process);
    const id = timers.nextId++;
    const posix: PosixTimer = {
      id,
      clock,
      event,
      overrun: 0,
      sent: null,
      timer: new IntervalTimer(this.#kernel.timers, this.#kernel.clock, (count) => fire(process, posix, count)),
    };
    timers.posix.set(id, posix);
    return posix;
  }

  deletePosix(process: Process, id: number): boolean {
    const timers = this.of(process);
    timers.posix.get(id)?.timer.disarm();
    return timers.posix.delete(id);
  }

  /** Interval timers survive execve, timer_create's do not (man 2 execve). */
  processExeced(process: Process): void {
    const timers = this.#all.get(process);
    if (timers === undefined) return;
    for (const id of Array.from(timers.posix.keys())) this.deletePosix(process, id);
  }

  processEnded(process: Process): void {
    const timers = this.#all.get(process);
    if (timers === undefined) return;
    timers.real.disarm();
    for (const id of Array.from(timers.posix.keys())) this.deletePosix(process, id);
    process.afterSlice = null;
    this.#all.delete(process);
  }

  #checkCpu(process: Process, timers: TimersOfProcess): void {
    const check = (timer: CpuTimer, which: number, signal: number) => {
      const now = cpuNs(process, which);
      if (timer.atNs === null || now < timer.atNs) return;
      timer.atNs = timer.intervalNs > 0 ? now + timer.intervalNs : null;
      process.sendSignal({ signal, code: siCode.SI_KERNEL });
    };
    check(timers.cpu.virtual, ITIMER_VIRTUAL, signals.SIGVTALRM);
    check(timers.cpu.profile, ITIMER_PROF, signals.SIGPROF);
  }
}

function cpuNs(process: Process, which: number): number {
  return which === ITIMER_VIRTUAL ? process.userNs : process.userNs + process.systemNs;
}

function fire(process: Process, posix: PosixTimer, count: number): void {
  const { event } = posix;
  if (event.signal === 0) return;
  const pending = event.task === null ? process.pending : event.task.pending;
  if (posix.sent !== null && pending.has(posix.sent)) {
    posix.overrun = posix.sent.overrun = Math.min((posix.sent.overrun ?? 0) + count, 0x7fffffff);
    return;
  }
  posix.overrun = count - 1;
  const info: SignalInfo = {
    signal: event.signal,
    code: siCode.SI_TIMER,
    timerId: posix.id,
    overrun: posix.overrun,
    value: event.value,
  };
  posix.sent = info;
  if (event.task !== null) event.task.sendSignal(info);
  else process.sendSignal(info);
}
