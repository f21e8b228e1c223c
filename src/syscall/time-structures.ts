/** struct timespec, timeval, itimerspec and their kin: seconds and a fraction, 64 bits each. */
import type { Task } from "../kernel/task.ts";

export const timespecBytes = 16;
const nsPerSecond = 1_000_000_000n;

/** Nanoseconds, or -1n when the structure holds no valid time. */
export function readTimespec(task: Task, address: number): bigint {
  const seconds = task.user.readI64(address);
  const nanoseconds = task.user.readI64(address + 8);
  if (seconds < 0n || nanoseconds < 0n || nanoseconds >= nsPerSecond) return -1n;
  return seconds * nsPerSecond + nanoseconds;
}

export function writeTimespec(task: Task, address: number, ns: bigint): void {
  task.user.prepareWrite(address, timespecBytes);
  task.user.writeU64(address, BigInt.asUintN(64, ns / nsPerSecond));
  task.user.writeU64(address + 8, ns % nsPerSecond);
}

/** Nanoseconds, or -1n when the structure holds no valid time. */
export function readTimeval(task: Task, address: number): bigint {
  const seconds = task.user.readI64(address);
  const microseconds = task.user.readI64(address + 8);
  if (seconds < 0n || microseconds < 0n || microseconds >= 1_000_000n) return -1n;
  return seconds * nsPerSecond + microseconds * 1000n;
}

export function writeTimeval(task: Task, address: number, ns: bigint): void {
  task.user.write(address, encodeTimeval(ns));
}

export function encodeTimeval(ns: bigint): Uint8Array {
  return new Uint8Array(BigInt64Array.of(ns / nsPerSecond, (ns % nsPerSecond) / 1000n).buffer);
}
