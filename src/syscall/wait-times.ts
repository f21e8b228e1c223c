/** Timeouts and signal masks of the calls that wait for several files. */
import { errno } from "../abi/errno.ts";
import type { Task } from "../kernel/task.ts";

const nsPerSecond = 1_000_000_000n;

/** A struct timespec as nanoseconds, or -EINVAL. */
export function readTimespec(task: Task, address: number): bigint | number {
  const seconds = task.user.readLong(address);
  const nanoseconds = task.user.readLong(address + 8);
  if (seconds < 0 || nanoseconds < 0 || nanoseconds > 999_999_999) return -errno.EINVAL;
  return BigInt(seconds) * nsPerSecond + BigInt(nanoseconds);
}

export function writeTimespec(task: Task, address: number, ns: bigint): void {
  const left = ns < 0n ? 0n : ns;
  task.user.writeNumber(address, Number(left / nsPerSecond));
  task.user.writeNumber(address + 8, Number(left % nsPerSecond));
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
 * ppoll, pselect6 and epoll_pwait: the mask at `address` holds for the call alone. The dispatcher puts the old one back
 * when the call ends, or signal delivery does after the handler. 0 or -EINVAL.
 */
export function maskDuringCall(task: Task, address: number, size: number): number {
  if (address === 0) return 0;
  if (size !== 8) return -errno.EINVAL;
  // SIGKILL and SIGSTOP cannot be blocked.
  const mask = task.user.readU64(address) & ~((1n << 8n) | (1n << 18n));
  task.savedMask ??= task.blocked;
  task.blocked = mask;
  task.kernel.signals.update(task);
  return 0;
}

/** A struct timeval as nanoseconds, or -EINVAL. */
export function readTimeval(task: Task, address: number): bigint | number {
  const seconds = task.user.readLong(address);
  const micros = task.user.readLong(address + 8);
  if (seconds < 0 || micros < 0 || micros > 999_999) return -errno.EINVAL;
  return BigInt(seconds) * nsPerSecond + BigInt(micros) * 1000n;
}

export function writeTimeval(ns: bigint): Uint8Array {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setBigInt64(0, ns / nsPerSecond, true);
  view.setBigInt64(8, (ns % nsPerSecond) / 1000n, true);
  return bytes;
}
