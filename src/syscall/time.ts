/** Clocks, sleeping and timers (man 7 time). */
import { errno } from "../abi/errno.ts";
import { SIGRTMAX, signals } from "../abi/signal.ts";
import type { Maybe } from "../base/maybe.ts";
import { restart } from "../kernel/faults.ts";
import { ITIMER_PROF, ITIMER_REAL } from "../kernel/process-timers.ts";
import type { PosixTimer } from "../kernel/process-timers.ts";
import type { Task } from "../kernel/task.ts";
import { partial, row } from "./row.ts";
import { readTimespec, readTimeval, timespecBytes, writeTimespec, writeTimeval } from "./time-structures.ts";

export const clockId = {
  REALTIME: 0,
  MONOTONIC: 1,
  PROCESS_CPUTIME: 2,
  THREAD_CPUTIME: 3,
  MONOTONIC_RAW: 4,
  REALTIME_COARSE: 5,
  MONOTONIC_COARSE: 6,
  BOOTTIME: 7,
  REALTIME_ALARM: 8,
  BOOTTIME_ALARM: 9,
  TAI: 11,
} as const;

const TIMER_ABSTIME = 1;
const coarseResolutionNs = 4_000_000n;

/** What the clock says, in nanoseconds; null when there is no such clock. */
export function readClock(task: Task, clock: number): bigint | null {
  const host = task.kernel.clock;
  switch (clock) {
    case clockId.REALTIME:
    case clockId.REALTIME_COARSE:
    case clockId.REALTIME_ALARM:
    case clockId.TAI:
      return host.realtimeNs();
    case clockId.MONOTONIC:
    case clockId.MONOTONIC_RAW:
    case clockId.MONOTONIC_COARSE:
    case clockId.BOOTTIME:
    case clockId.BOOTTIME_ALARM:
      return host.monotonicNs();
    case clockId.PROCESS_CPUTIME:
      return BigInt(Math.floor(task.process.userNs + task.process.systemNs + task.kernel.scheduler.sliceNs(task)));
    case clockId.THREAD_CPUTIME:
      return BigInt(Math.floor(task.userNs + task.systemNs + task.kernel.scheduler.sliceNs(task)));
    default:
      return clock < 0 ? readCpuClock(task, clock) : null;
  }
}

/** clock_getcpuclockid(3)'s numbers: ~pid << 3 | kind, with bit 2 for a thread. */
function readCpuClock(task: Task, clock: number): bigint | null {
  if ((clock & 3) === 3) return null;
  const id = ~(clock >> 3);
  if ((clock & 4) !== 0) {
    const thread = id === 0 ? task : task.kernel.task(id);
    return thread === null || thread.process !== task.process
      ? null
      : BigInt(Math.floor(thread.userNs + thread.systemNs));
  }
  const process = id === 0 ? task.process : task.kernel.process(id);
  return process === null ? null : BigInt(Math.floor(process.userNs + process.systemNs));
}

function isWallClock(clock: number): boolean {
  return (
    clock === clockId.REALTIME ||
    clock === clockId.TAI ||
    clock === clockId.REALTIME_ALARM ||
    clock === clockId.REALTIME_COARSE
  );
}

/** A moment on `clock` as one on the monotonic clock, which is what the kernel's timers count. */
export function toMonotonic(task: Task, clock: number, ns: bigint): bigint {
  const host = task.kernel.clock;
  return isWallClock(clock) ? ns - host.realtimeNs() + host.monotonicNs() : ns;
}

function clockGettime(task: Task, clock: number, address: number): number {
  const ns = readClock(task, clock);
  if (ns === null) return -errno.EINVAL;
  writeTimespec(task, address, ns);
  return 0;
}

function clockGetres(task: Task, clock: number, address: number): number {
  if (readClock(task, clock) === null) return -errno.EINVAL;
  const coarse = clock === clockId.REALTIME_COARSE || clock === clockId.MONOTONIC_COARSE;
  if (address !== 0) writeTimespec(task, address, coarse ? coarseResolutionNs : 1n);
  return 0;
}

function clockSettime(task: Task, clock: number, address: number): number {
  if (readTimespec(task, address) < 0n) return -errno.EINVAL;
  return clock === clockId.REALTIME ? -errno.EPERM : -errno.EINVAL;
}

function gettimeofday(task: Task, address: number, zone: number): number {
  if (address !== 0) writeTimeval(task, address, task.kernel.clock.realtimeNs());
  if (zone !== 0) task.user.fill(zone, 8, 0);
  return 0;
}

function settimeofday(): number {
  return -errno.EPERM;
}

function time(task: Task, address: number): number {
  const seconds = Number(task.kernel.clock.realtimeNs() / 1_000_000_000n);
  if (address !== 0) {
    task.user.prepareWrite(address, 8);
    task.user.writeNumber(address, seconds);
  }
  return seconds;
}

// ---- sleeping ------------------------------------------------------------------------------------------------------

async function sleepUntil(task: Task, deadlineNs: bigint, remainAddress: number): Promise<number> {
  const ended = await task.wait([], { deadlineNs });
  if (ended === "timeout") return 0;
  if (remainAddress !== 0) {
    const left = deadlineNs - task.kernel.clock.monotonicNs();
    writeTimespec(task, remainAddress, left > 0n ? left : 0n);
  }
  task.restartBlock = () => sleepUntil(task, deadlineNs, remainAddress);
  return -restart.ERESTART_RESTARTBLOCK;
}

function nanosleep(task: Task, address: number, remainAddress: number): Maybe<number> {
  const ns = readTimespec(task, address);
  if (ns < 0n) return -errno.EINVAL;
  if (remainAddress !== 0) task.user.prepareWrite(remainAddress, timespecBytes);
  return sleepUntil(task, task.kernel.clock.monotonicNs() + ns, remainAddress);
}

function clockNanosleep(
  task: Task,
  clock: number,
  flags: number,
  address: number,
  remainAddress: number,
): Maybe<number> {
  if (readClock(task, clock) === null || clock === clockId.THREAD_CPUTIME) return -errno.EINVAL;
  const ns = readTimespec(task, address);
  if (ns < 0n) return -errno.EINVAL;
  if ((flags & TIMER_ABSTIME) === 0) {
    if (remainAddress !== 0) task.user.prepareWrite(remainAddress, timespecBytes);
    return sleepUntil(task, task.kernel.clock.monotonicNs() + ns, remainAddress);
  }
  const deadlineNs = toMonotonic(task, clock, ns);
  return task.wait([], { deadlineNs }).then((ended) => (ended === "timeout" ? 0 : -restart.ERESTARTNOHAND));
}

// ---- interval timers -----------------------------------------------------------------------------------------------

function alarm(task: Task, seconds: number): number {
  const { itimers } = task.kernel;
  const { valueNs } = itimers.get(task.process, ITIMER_REAL);
  itimers.set(task.process, ITIMER_REAL, seconds * 1e9, 0);
  // Rounded to the nearest second, but never to "no alarm" when there was one.
  return valueNs === 0 ? 0 : Math.max(1, Math.round(valueNs / 1e9));
}

function getitimer(task: Task, which: number, address: number): number {
  if (which < ITIMER_REAL || which > ITIMER_PROF) return -errno.EINVAL;
  const { valueNs, intervalNs } = task.kernel.itimers.get(task.process, which);
  task.user.prepareWrite(address, 32);
  writeTimeval(task, address, BigInt(Math.floor(intervalNs)));
  writeTimeval(task, address + 16, BigInt(Math.floor(valueNs)));
  return 0;
}

function setitimer(task: Task, which: number, address: number, oldAddress: number): number {
  if (which < ITIMER_REAL || which > ITIMER_PROF) return -errno.EINVAL;
  // A null new value disarms (and is a thing Linux warns about).
  const intervalNs = address === 0 ? 0n : readTimeval(task, address);
  const valueNs = address === 0 ? 0n : readTimeval(task, address + 16);
  if (intervalNs < 0n || valueNs < 0n) return -errno.EINVAL;
  if (oldAddress !== 0) getitimer(task, which, oldAddress);
  task.kernel.itimers.set(task.process, which, Number(valueNs), Number(intervalNs));
  return 0;
}

const SIGEV_SIGNAL = 0;
const SIGEV_NONE = 1;
const SIGEV_THREAD = 2;
const SIGEV_THREAD_ID = 4;

function timerCreate(task: Task, clock: number, eventAddress: number, idAddress: number): number {
  if (readClock(task, clock) === null) return -errno.EINVAL;
  task.user.prepareWrite(idAddress, 4);
  let value: bigint | null = null;
  let signal: number = signals.SIGALRM;
  let target: Task | null = null;
  if (eventAddress !== 0) {
    value = task.user.readU64(eventAddress);
    signal = task.user.readI32(eventAddress + 8);
    const notify = task.user.readI32(eventAddress + 12);
    const tid = task.user.readI32(eventAddress + 16);
    if (notify === SIGEV_NONE) signal = 0;
    else if (signal < 1 || signal > SIGRTMAX) return -errno.EINVAL;
    else if (notify === SIGEV_THREAD_ID) {
      target = task.kernel.task(tid);
      if (target === null || target.process !== task.process) return -errno.EINVAL;
    } else if (notify !== SIGEV_SIGNAL && notify !== SIGEV_THREAD) return -errno.EINVAL;
  }
  const { itimers } = task.kernel;
  const nextId = itimers.of(task.process).nextId;
  itimers.createPosix(task.process, clock, { signal, value: value ?? BigInt(nextId), task: target });
  task.user.writeU32(idAddress, nextId);
  return 0;
}

function posixTimer(task: Task, id: number): PosixTimer | null {
  return task.kernel.itimers.of(task.process).posix.get(id) ?? null;
}

function writeTimerValue(task: Task, address: number, posix: PosixTimer): void {
  task.user.prepareWrite(address, 32);
  writeTimespec(task, address, posix.timer.intervalNs);
  writeTimespec(task, address + 16, posix.timer.remainingNs);
}

function timerSettime(task: Task, id: number, flags: number, address: number, oldAddress: number): number {
  const posix = posixTimer(task, id);
  if (posix === null) return -errno.EINVAL;
  const intervalNs = readTimespec(task, address);
  const valueNs = readTimespec(task, address + 16);
  if (intervalNs < 0n || valueNs < 0n) return -errno.EINVAL;
  if (oldAddress !== 0) writeTimerValue(task, oldAddress, posix);
  posix.overrun = 0;
  if (valueNs === 0n) {
    posix.timer.disarm();
    return 0;
  }
  const absolute = (flags & TIMER_ABSTIME) !== 0;
  const now = task.kernel.clock.monotonicNs();
  posix.timer.arm(absolute ? toMonotonic(task, posix.clock, valueNs) : now + valueNs, intervalNs);
  return 0;
}

function timerGettime(task: Task, id: number, address: number): number {
  const posix = posixTimer(task, id);
  if (posix === null) return -errno.EINVAL;
  writeTimerValue(task, address, posix);
  return 0;
}

function timerGetoverrun(task: Task, id: number): number {
  return posixTimer(task, id)?.overrun ?? -errno.EINVAL;
}

function timerDelete(task: Task, id: number): number {
  return task.kernel.itimers.deletePosix(task.process, id) ? 0 : -errno.EINVAL;
}

export const timeRows = [
  partial("clock_gettime", clockGettime, ["flags:clock", "buffer"], "CLOCK_TAI is CLOCK_REALTIME"),
  row("clock_getres", clockGetres, ["flags:clock", "buffer"]),
  partial("clock_settime", clockSettime, ["flags:clock", "buffer"], "the host's clock: EPERM"),
  partial("clock_adjtime", () => -errno.EPERM, ["flags:clock", "buffer"], "the host's clock: EPERM"),
  partial("adjtimex", () => -errno.EPERM, ["buffer"], "the host's clock: EPERM"),
  row("gettimeofday", gettimeofday, ["buffer", "buffer"]),
  partial("settimeofday", settimeofday, ["buffer", "buffer"], "the host's clock: EPERM"),
  row("time", time, ["buffer"]),
  row("nanosleep", nanosleep, ["buffer", "buffer"]),
  row("clock_nanosleep", clockNanosleep, ["flags:clock", "int", "buffer", "buffer"]),
  row("alarm", alarm, ["uint"]),
  row("getitimer", getitimer, ["int", "buffer"]),
  row("setitimer", setitimer, ["int", "buffer", "buffer"]),
  partial("timer_create", timerCreate, ["flags:clock", "buffer", "buffer"], "processor-time clocks count real time"),
  row("timer_settime", timerSettime, ["int", "int", "buffer", "buffer"]),
  row("timer_gettime", timerGettime, ["int", "buffer"]),
  row("timer_getoverrun", timerGetoverrun, ["int"]),
  row("timer_delete", timerDelete, ["int"]),
];
