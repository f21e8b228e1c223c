/** Timeouts and signal masks of the calls that wait for several files. */
import { errno } from "../abi/errno.ts";
import type { Task } from "../kernel/task.ts";
import { setTemporaryMask } from "./signal.ts";
import { readTimespec } from "./time-structures.ts";

/** A timeout a call was given: null for none, nanoseconds, or -EINVAL. */
export function timeoutAt(task: Task, address: number): bigint | null | number {
  if (address === 0) return null;
  const ns = readTimespec(task, address);
  return ns < 0n ? -errno.EINVAL : ns;
}

/** The moment `ns` from now; null stays "never". */
export function deadlineAfter(task: Task, ns: bigint | null): bigint | null {
  return ns === null ? null : task.kernel.clock.monotonicNs() + ns;
}

/** Milliseconds as poll(2) and epoll_wait(2) take them: negative waits for ever. */
export function deadlineAfterMs(task: Task, milliseconds: number): bigint | null {
  return milliseconds < 0 ? null : deadlineAfter(task, BigInt(milliseconds) * 1_000_000n);
}

/**
 * ppoll, pselect6 and epoll_pwait: the mask at `address`, if any, holds for the call alone. 0 or -EINVAL.
 */
export function maskDuringCall(task: Task, address: number, size: number): number {
  if (address === 0) return 0;
  if (size !== 8) return -errno.EINVAL;
  setTemporaryMask(task, task.user.readU64(address));
  return 0;
}
