/** timerfd_create(2): a timer that is read. */
import { errno } from "../abi/errno.ts";
import { O_CLOEXEC, O_NONBLOCK, O_RDWR } from "../abi/fcntl.ts";
import { WaitQueue } from "../base/wait-queue.ts";
import { IntervalTimer } from "../kernel/interval-timer.ts";
import type { Kernel } from "../kernel/kernel.ts";
import type { Task } from "../kernel/task.ts";
import { SpecialFile } from "../vfs/special-file.ts";
import { poll } from "../vfs/types.ts";
import { anonymousDentry } from "./anonymous.ts";
import { partial, row } from "./row.ts";
import { readTimespec, writeTimespec } from "./time-structures.ts";
import { clockId, toMonotonic } from "./time.ts";

const TFD_TIMER_ABSTIME = 1;
const TFD_TIMER_CANCEL_ON_SET = 2;

class TimerFile extends SpecialFile {
  readonly clock: number;
  readonly timer: IntervalTimer;
  /** Expiries that were not read yet. */
  expirations = 0;
  readonly #waiters = new WaitQueue();

  constructor(kernel: Kernel, clock: number, flags: number) {
    const dentry = anonymousDentry("[timerfd]");
    super(dentry.inode, O_RDWR | flags, dentry);
    this.clock = clock;
    this.timer = new IntervalTimer(kernel.timers, kernel.clock, (count) => {
      this.expirations += count;
      this.#waiters.wake();
    });
  }

  override get waiters(): WaitQueue {
    return this.#waiters;
  }

  override read(target: Uint8Array): number {
    if (target.length < 8) return -errno.EINVAL;
    if (this.expirations === 0) return -errno.EAGAIN;
    new DataView(target.buffer, target.byteOffset).setBigUint64(0, BigInt(this.expirations), true);
    this.expirations = 0;
    return 8;
  }

  override poll(): number {
    return this.expirations > 0 ? poll.in | poll.readNormal : 0;
  }

  protected override closed(): void {
    this.timer.disarm();
  }
}

function timerfdCreate(task: Task, clock: number, flags: number): number {
  if ((flags & ~(O_CLOEXEC | O_NONBLOCK)) !== 0) return -errno.EINVAL;
  if (clock === clockId.REALTIME_ALARM || clock === clockId.BOOTTIME_ALARM) return -errno.EPERM;
  if (clock !== clockId.REALTIME && clock !== clockId.MONOTONIC && clock !== clockId.BOOTTIME) return -errno.EINVAL;
  return task.allocateFd(new TimerFile(task.kernel, clock, flags & O_NONBLOCK), (flags & O_CLOEXEC) !== 0);
}

function timerOf(task: Task, fd: number): TimerFile | number {
  const file = task.file(fd);
  if (file === null) return -errno.EBADF;
  return file instanceof TimerFile ? file : -errno.EINVAL;
}

function writeValue(task: Task, address: number, { timer }: TimerFile): void {
  task.user.prepareWrite(address, 32);
  writeTimespec(task, address, timer.intervalNs);
  writeTimespec(task, address + 16, timer.remainingNs);
}

function timerfdSettime(task: Task, fd: number, flags: number, address: number, oldAddress: number): number {
  if ((flags & ~(TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET)) !== 0) return -errno.EINVAL;
  const intervalNs = readTimespec(task, address);
  const valueNs = readTimespec(task, address + 16);
  if (intervalNs < 0n || valueNs < 0n) return -errno.EINVAL;
  const file = timerOf(task, fd);
  if (typeof file === "number") return file;
  if (oldAddress !== 0) writeValue(task, oldAddress, file);
  file.expirations = 0;
  if (valueNs === 0n) file.timer.disarm();
  else {
    const absolute = (flags & TFD_TIMER_ABSTIME) !== 0;
    const now = task.kernel.clock.monotonicNs();
    file.timer.arm(absolute ? toMonotonic(task, file.clock, valueNs) : now + valueNs, intervalNs);
  }
  return 0;
}

function timerfdGettime(task: Task, fd: number, address: number): number {
  const file = timerOf(task, fd);
  if (typeof file === "number") return file;
  writeValue(task, address, file);
  return 0;
}

export const timerfdRows = [
  row("timerfd_create", timerfdCreate, ["flags:clock", "flags:open"]),
  partial(
    "timerfd_settime",
    timerfdSettime,
    ["fd", "int", "buffer", "buffer"],
    "TFD_TIMER_CANCEL_ON_SET never cancels: the clock is not set",
  ),
  row("timerfd_gettime", timerfdGettime, ["fd", "buffer"]),
];
