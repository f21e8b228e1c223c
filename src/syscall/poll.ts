/** Waiting for several files: poll(2), select(2) and their variants. */
import { errno } from "../abi/errno.ts";
import { rlimit } from "../abi/resource.ts";
import { limits } from "../base/limits.ts";
import type { Maybe } from "../base/maybe.ts";
import type { WaitQueue } from "../base/wait-queue.ts";
import { restart } from "../kernel/faults.ts";
import type { Task } from "../kernel/task.ts";
import { poll } from "../vfs/types.ts";
import type { OpenFile } from "../vfs/types.ts";
import { row } from "./row.ts";
import { writeTimespec, writeTimeval } from "./time-structures.ts";
import type { SyscallRow } from "./types.ts";
import { deadlineAfter, deadlineAfterMs, maskDuringCall, timeoutAt } from "./wait-times.ts";

/**
 * Runs `look` until it finds something, sleeping on the files' queues in between. 0 at the deadline. The files are held
 * meanwhile, because another thread may close their descriptors.
 */
function waitForFiles(
  task: Task,
  files: readonly OpenFile[],
  look: () => number,
  deadlineNs: bigint | null,
): Maybe<number> {
  const found = look();
  if (found !== 0) return found;
  if (deadlineNs !== null && deadlineNs <= task.kernel.clock.monotonicNs()) return 0;
  return sleepForFiles(task, files, look, deadlineNs);
}

async function sleepForFiles(
  task: Task,
  files: readonly OpenFile[],
  look: () => number,
  deadlineNs: bigint | null,
): Promise<number> {
  const queues = new Set<WaitQueue>();
  for (const file of files) {
    file.retain();
    if (file.waiters !== null) queues.add(file.waiters);
  }
  const list = [...queues];
  try {
    for (;;) {
      const ended = await task.wait(list, { deadlineNs });
      // A signal counts only if nothing is ready.
      const found = look();
      if (found !== 0) return found;
      if (ended === "timeout") return 0;
      if (ended === "interrupted")
        return task.savedMask !== null || deadlineNs !== null ? -errno.EINTR : -restart.ERESTARTNOHAND;
    }
  } finally {
    for (const file of files) file.release();
  }
}

// ---- poll ----------------------------------------------------------------------------------------------------------

interface Polled {
  readonly file: OpenFile | null;
  readonly events: number;
}

function pollUntil(task: Task, address: number, count: number, deadlineNs: bigint | null): Maybe<number> {
  if (count > task.process.limits.soft(rlimit.NOFILE)) return -errno.EINVAL;
  const bytes = task.user.read(address, count * 8);
  task.user.prepareWrite(address, count * 8);
  const view = new DataView(bytes.buffer);
  const polled: Polled[] = [];
  const files: OpenFile[] = [];
  for (let at = 0; at < bytes.length; at += 8) {
    const fd = view.getInt32(at, true);
    const file = fd < 0 ? null : task.file(fd);
    // A bad descriptor is an event of its own, a negative one none.
    const events = fd < 0 ? 0 : file === null ? poll.invalid : view.getUint16(at + 4, true) | poll.error | poll.hangup;
    polled.push({ file, events });
    if (file !== null) files.push(file);
  }
  const look = (): number => {
    let ready = 0;
    for (let index = 0; index < polled.length; index++) {
      const { file, events } = polled[index]!;
      const found = file === null ? events : file.poll() & events;
      view.setUint16(index * 8 + 6, found, true);
      if (found !== 0) ready++;
    }
    return ready;
  };
  const finish = (result: number): number => {
    if (result >= 0) task.user.write(address, bytes);
    return result;
  };
  const result = waitForFiles(task, files, look, deadlineNs);
  return result instanceof Promise ? result.then(finish) : finish(result);
}

const pollCall = (task: Task, address: number, count: number, timeoutMs: number): Maybe<number> =>
  pollUntil(task, address, count, deadlineAfterMs(task, timeoutMs));

function restUntil(task: Task, deadlineNs: bigint): bigint {
  const left = deadlineNs - task.kernel.clock.monotonicNs();
  return left < 0n ? 0n : left;
}

/** What remains of a timeout goes back to the guest, unless the call is to be restarted. */
function reportingRest(task: Task, address: number, deadlineNs: bigint | null, result: Maybe<number>): Maybe<number> {
  if (address === 0 || deadlineNs === null) return result;
  const report = (value: number): number => {
    writeTimespec(task, address, restUntil(task, deadlineNs));
    return value;
  };
  return result instanceof Promise ? result.then(report) : report(result);
}

function ppoll(
  task: Task,
  address: number,
  count: number,
  timeout: number,
  mask: number,
  maskSize: number,
): Maybe<number> {
  const ns = timeoutAt(task, timeout);
  if (typeof ns === "number") return ns;
  if (timeout !== 0) task.user.prepareWrite(timeout, 16);
  task.user.prepareWrite(address, count * 8);
  const failed = maskDuringCall(task, mask, maskSize);
  if (failed < 0) return failed;
  const deadlineNs = deadlineAfter(task, ns);
  return reportingRest(task, timeout, deadlineNs, pollUntil(task, address, count, deadlineNs));
}

// ---- select --------------------------------------------------------------------------------------------------------

/** What each of select's three sets asks for (Linux: POLLIN_SET, POLLOUT_SET, POLLEX_SET). */
const setEvents = [
  poll.in | poll.readNormal | poll.hangup | poll.error,
  poll.out | poll.writeNormal | poll.error,
  poll.priority,
] as const;

function selectUntil(task: Task, count: number, sets: readonly number[], deadlineNs: bigint | null): Maybe<number> {
  if (count < 0) return -errno.EINVAL;
  const size = Math.min(count, limits.openFilesMax);
  const bytes = Math.ceil(size / 64) * 8;
  const asked = sets.map((address) => (address === 0 ? null : task.user.read(address, bytes)));
  for (const address of sets) if (address !== 0) task.user.prepareWrite(address, bytes);
  const files: OpenFile[] = [];
  const polled: { readonly fd: number; readonly file: OpenFile }[] = [];
  for (let fd = 0; fd < size; fd++) {
    const bit = 1 << (fd & 7);
    if (!asked.some((set) => set !== null && (set[fd >> 3]! & bit) !== 0)) continue;
    const file = task.file(fd);
    if (file === null) return -errno.EBADF;
    files.push(file);
    polled.push({ fd, file });
  }
  const answers = asked.map((set) => (set === null ? null : new Uint8Array(bytes)));
  const look = (): number => {
    let ready = 0;
    for (const answer of answers) answer?.fill(0);
    for (const { fd, file } of polled) {
      const events = file.poll();
      const bit = 1 << (fd & 7);
      for (let index = 0; index < 3; index++) {
        const set = asked[index];
        if (set == null || (set[fd >> 3]! & bit) === 0 || (events & setEvents[index]!) === 0) continue;
        answers[index]![fd >> 3]! |= bit;
        ready++;
      }
    }
    return ready;
  };
  const finish = (result: number): number => {
    if (result < 0) return result;
    for (let index = 0; index < 3; index++) if (answers[index] != null) task.user.write(sets[index]!, answers[index]!);
    return result;
  };
  const result = waitForFiles(task, files, look, deadlineNs);
  return result instanceof Promise ? result.then(finish) : finish(result);
}

function select(
  task: Task,
  count: number,
  reads: number,
  writes: number,
  exceptions: number,
  timeout: number,
): Maybe<number> {
  let deadlineNs: bigint | null = null;
  if (timeout !== 0) {
    const seconds = task.user.readLong(timeout);
    const micros = task.user.readLong(timeout + 8);
    if (seconds < 0 || micros < 0) return -errno.EINVAL;
    deadlineNs = deadlineAfter(task, BigInt(seconds) * 1_000_000_000n + BigInt(micros) * 1000n);
    task.user.prepareWrite(timeout, 16);
  }
  const result = selectUntil(task, count, [reads, writes, exceptions], deadlineNs);
  if (deadlineNs === null) return result;
  const end = deadlineNs;
  const report = (value: number): number => {
    writeTimeval(task, timeout, restUntil(task, end));
    return value;
  };
  return result instanceof Promise ? result.then(report) : report(result);
}

function pselect6(
  task: Task,
  count: number,
  reads: number,
  writes: number,
  exceptions: number,
  timeout: number,
  maskPair: number,
): Maybe<number> {
  const ns = timeoutAt(task, timeout);
  if (typeof ns === "number") return ns;
  if (timeout !== 0) task.user.prepareWrite(timeout, 16);
  if (maskPair !== 0) {
    const failed = maskDuringCall(task, task.user.readNumber(maskPair), task.user.readNumber(maskPair + 8));
    if (failed < 0) return failed;
  }
  const deadlineNs = deadlineAfter(task, ns);
  return reportingRest(task, timeout, deadlineNs, selectUntil(task, count, [reads, writes, exceptions], deadlineNs));
}

export const pollRows: readonly SyscallRow[] = [
  row("poll", pollCall, ["address", "uint", "int"]),
  row("ppoll", ppoll, ["address", "uint", "address", "address", "address"]),
  row("select", select, ["int", "address", "address", "address", "address"]),
  row("pselect6", pselect6, ["int", "address", "address", "address", "address", "address"]),
];
