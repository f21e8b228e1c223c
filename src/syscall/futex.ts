/** futex(2) and robust lists. The queues are in `kernel/futex.ts`. */
import { errno } from "../abi/errno.ts";
import type { Maybe } from "../base/maybe.ts";
import { restart } from "../kernel/faults.ts";
import { FUTEX_BITSET_MATCH_ANY, futexKey } from "../kernel/futex.ts";
import type { Task } from "../kernel/task.ts";
import { readTimespec } from "./time-structures.ts";
import { missing, partial, row } from "./row.ts";

const operation = {
  WAIT: 0,
  WAKE: 1,
  REQUEUE: 3,
  CMP_REQUEUE: 4,
  WAKE_OP: 5,
  LOCK_PI: 6,
  UNLOCK_PI: 7,
  TRYLOCK_PI: 8,
  WAIT_BITSET: 9,
  WAKE_BITSET: 10,
  WAIT_REQUEUE_PI: 11,
  CMP_REQUEUE_PI: 12,
  LOCK_PI2: 13,
} as const;
const FUTEX_PRIVATE_FLAG = 0x80;
const FUTEX_CLOCK_REALTIME = 0x100;

function futex(
  task: Task,
  address: number,
  op: number,
  value: number,
  timeoutOrCount: number,
  address2: number,
  value3: number,
): Maybe<number> {
  const isPrivate = (op & FUTEX_PRIVATE_FLAG) !== 0;
  const realtime = (op & FUTEX_CLOCK_REALTIME) !== 0;
  const command = op & ~(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME);
  if (realtime && command !== operation.WAIT_BITSET && command !== operation.WAIT) return -errno.ENOSYS;
  if (address % 4 !== 0) return -errno.EINVAL;
  const { futexes } = task.kernel;
  switch (command) {
    case operation.WAIT:
      return wait(task, address, isPrivate, value, FUTEX_BITSET_MATCH_ANY, relativeDeadline(task, timeoutOrCount));
    case operation.WAIT_BITSET:
      if (value3 === 0) return -errno.EINVAL;
      return wait(task, address, isPrivate, value, value3, absoluteDeadline(task, timeoutOrCount, realtime));
    case operation.WAKE:
      return futexes.wake(futexKey(task, address, isPrivate), value | 0);
    case operation.WAKE_BITSET:
      if (value3 === 0) return -errno.EINVAL;
      return futexes.wake(futexKey(task, address, isPrivate), value | 0, value3);
    case operation.REQUEUE:
    case operation.CMP_REQUEUE: {
      const count = timeoutOrCount | 0;
      if ((value | 0) < 0 || count < 0 || address2 % 4 !== 0) return -errno.EINVAL;
      const from = futexKey(task, address, isPrivate);
      const to = futexKey(task, address2, isPrivate);
      if (command === operation.CMP_REQUEUE && task.user.readU32(address) !== value3) return -errno.EAGAIN;
      const woken = futexes.wake(from, value | 0);
      return woken + futexes.requeue(from, to, count);
    }
    case operation.WAKE_OP:
      return wakeOp(task, address, isPrivate, value | 0, timeoutOrCount | 0, address2, value3);
    default:
      // Priority inheritance: the C library falls back to its own, or reports ENOTSUP.
      task.kernel.countMissing(task, `futex operation ${command}`);
      return -errno.ENOSYS;
  }
}

function relativeDeadline(task: Task, address: number): bigint | null | number {
  if (address === 0) return null;
  const ns = readTimespec(task, address);
  return ns < 0n ? -errno.EINVAL : task.kernel.clock.monotonicNs() + ns;
}

function absoluteDeadline(task: Task, address: number, realtime: boolean): bigint | null | number {
  if (address === 0) return null;
  const ns = readTimespec(task, address);
  if (ns < 0n) return -errno.EINVAL;
  const { clock } = task.kernel;
  return realtime ? ns - clock.realtimeNs() + clock.monotonicNs() : ns;
}

function wait(
  task: Task,
  address: number,
  isPrivate: boolean,
  expected: number,
  bitset: number,
  deadlineNs: bigint | null | number,
): Maybe<number> {
  if (typeof deadlineNs === "number") return deadlineNs;
  const key = futexKey(task, address, isPrivate);
  if (task.user.readU32(address) !== expected >>> 0) return -errno.EAGAIN;
  return sleep(task, key, bitset, deadlineNs);
}

async function sleep(task: Task, key: string | number, bitset: number, deadlineNs: bigint | null): Promise<number> {
  const { futexes } = task.kernel;
  const waiter = futexes.add(task, key, bitset);
  const ended = await task.wait([waiter.queue], { deadlineNs });
  if (waiter.woken) return 0;
  futexes.remove(waiter);
  if (ended === "timeout") return -errno.ETIMEDOUT;
  if (deadlineNs === null) return -restart.ERESTARTSYS;
  // With a timeout the deadline must not start anew: the rest of the wait is a call of its own.
  task.restartBlock = () => sleep(task, key, bitset, deadlineNs);
  return -restart.ERESTART_RESTARTBLOCK;
}

/** FUTEX_WAKE_OP: an atomic operation on the second word, and a second wake if its old value compares so. */
function wakeOp(
  task: Task,
  address: number,
  isPrivate: boolean,
  count: number,
  count2: number,
  address2: number,
  encoded: number,
): number {
  if (address2 % 4 !== 0) return -errno.EINVAL;
  const first = futexKey(task, address, isPrivate);
  const second = futexKey(task, address2, isPrivate);
  let operand = (encoded << 8) >> 20;
  const comparand = (encoded << 20) >> 20;
  const op = (encoded >>> 28) & 7;
  if ((encoded & 0x80000000) !== 0) operand = 1 << (operand & 31);
  const old = task.user.readI32(address2);
  const values = [operand, old + operand, old | operand, old & ~operand, old ^ operand];
  const value = values[op];
  if (value === undefined) return -errno.ENOSYS;
  const compare = (encoded >>> 24) & 15;
  const comparisons = [
    old === comparand,
    old !== comparand,
    old < comparand,
    old <= comparand,
    old > comparand,
    old >= comparand,
  ];
  const met = comparisons[compare];
  if (met === undefined) return -errno.ENOSYS;
  task.user.writeU32(address2, value | 0);
  const { futexes } = task.kernel;
  let woken = futexes.wake(first, count);
  if (met) woken += futexes.wake(second, count2);
  return woken;
}

const robustHeadBytes = 24;

function setRobustList(task: Task, head: number, length: number): number {
  if (length !== robustHeadBytes) return -errno.EINVAL;
  task.robustList = head;
  return 0;
}

function getRobustList(task: Task, tid: number, head: number, length: number): number {
  const of = tid === 0 ? task : task.kernel.task(tid);
  if (of === null) return -errno.ESRCH;
  task.user.prepareWrite(head, 8);
  task.user.writeNumber(length, robustHeadBytes);
  task.user.writeNumber(head, of.robustList);
  return 0;
}

export const futexRows = [
  partial(
    "futex",
    futex,
    ["buffer", "flags:futex", "uint", "address", "address", "uint"],
    "priority-inheritance operations are ENOSYS",
  ),
  row("set_robust_list", setRobustList, ["buffer", "address"]),
  row("get_robust_list", getRobustList, ["int", "buffer", "buffer"]),
  missing("futex_waitv", "waiting on several futexes at once"),
];
