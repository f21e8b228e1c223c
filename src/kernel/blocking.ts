/** How system calls sleep: try, wait for the file to say that something changed, try again. */
import { errno } from "../abi/errno.ts";
import { isPromise } from "../base/maybe.ts";
import type { Maybe } from "../base/maybe.ts";
import type { WaitQueue } from "../base/wait-queue.ts";
import { restart } from "./faults.ts";
import type { Task } from "./task.ts";

export interface BlockOptions {
  /** O_NONBLOCK: -EAGAIN goes to the guest at once. */
  readonly nonblocking?: boolean;
  /** On the monotonic clock. */
  readonly deadlineNs?: bigint | null;
  /** What the call returns when the deadline passes: -EAGAIN unless said otherwise. */
  readonly timeoutResult?: number;
  /** What it returns when a signal comes: -ERESTARTSYS unless said otherwise. */
  readonly interruptedResult?: number;
}

/**
 * Runs `attempt` until it returns something other than -EAGAIN, sleeping on `queues` in between. Answers at once,
 * without a promise, when the first attempt does.
 *
 *     blockUntil(task, [file.waiters], () => file.read(buffer, null), { nonblocking: (file.flags & O_NONBLOCK) !== 0 })
 */
export function blockUntil(
  task: Task,
  queues: readonly (WaitQueue | null)[],
  attempt: () => Maybe<number>,
  options: BlockOptions = {},
): Maybe<number> {
  const first = attempt();
  if (!isPromise(first) && (first !== -errno.EAGAIN || options.nonblocking === true)) return first;
  return sleepUntil(
    task,
    queues.filter((queue) => queue !== null),
    first,
    attempt,
    options,
  );
}

async function sleepUntil(
  task: Task,
  queues: readonly WaitQueue[],
  first: Maybe<number>,
  attempt: () => Maybe<number>,
  options: BlockOptions,
): Promise<number> {
  let outcome = first;
  for (;;) {
    if (isPromise(outcome)) {
      // Storage answers later: a wake-up in the meantime must not be lost, so look again rather than sleep.
      const result = await outcome;
      if (result !== -errno.EAGAIN || options.nonblocking === true) return result;
      const again = attempt();
      if (isPromise(again)) {
        outcome = again;
        continue;
      }
      outcome = again;
    }
    if (outcome !== -errno.EAGAIN || options.nonblocking === true) return outcome;
    const ended = await task.wait(queues, { deadlineNs: options.deadlineNs ?? null });
    if (ended === "interrupted") return options.interruptedResult ?? -restart.ERESTARTSYS;
    if (ended === "timeout") return options.timeoutResult ?? -errno.EAGAIN;
    outcome = attempt();
  }
}
