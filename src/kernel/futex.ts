/**
 * Futexes (man 2 futex): queues of tasks that wait for a word of memory to change. A private futex is named by address
 * space and address, a shared one by the frame that holds the word, so that processes meet wherever they mapped it.
 */
import type { AddressSpace } from "./address-space.ts";
import type { Task } from "./task.ts";
import { WaitQueue } from "../base/wait-queue.ts";

export interface FutexWaiter {
  readonly task: Task;
  readonly bitset: number;
  /** Woken on its own: each waiter has one queue. */
  readonly queue: WaitQueue;
  /** Set by a wake; tells it from a signal or a timeout that came in the same turn. */
  woken: boolean;
  /** Changes when the waiter is requeued. */
  key: FutexKey;
}

/** Unique among live futexes: a number for shared ones (the word's physical address), text for private ones. */
export type FutexKey = number | string;

export const FUTEX_BITSET_MATCH_ANY = 0xffffffff;

const spaceNumbers = new WeakMap<AddressSpace, number>();
let nextSpace = 1;

/** May throw the kernel's faults: a shared key needs the page. */
export function futexKey(task: Task, address: number, isPrivate: boolean): FutexKey {
  const area = task.memory.areas.find(address);
  if (isPrivate || area === null || !area.shared) {
    // Private memory is only ever shared by threads: the address space names it well enough, whatever the flag says.
    task.user.prepareRead(address, 4);
    let number = spaceNumbers.get(task.memory);
    if (number === undefined) spaceNumbers.set(task.memory, (number = nextSpace++));
    return `${number}:${address}`;
  }
  return task.user.physicalAddress(address);
}

export class Futexes {
  #queues = new Map<FutexKey, FutexWaiter[]>();

  add(task: Task, key: FutexKey, bitset: number): FutexWaiter {
    const waiter: FutexWaiter = { task, bitset, queue: new WaitQueue(), woken: false, key };
    const queue = this.#queues.get(key);
    if (queue === undefined) this.#queues.set(key, [waiter]);
    else queue.push(waiter);
    return waiter;
  }

  remove(waiter: FutexWaiter): void {
    const queue = this.#queues.get(waiter.key);
    if (queue === undefined) return;
    const index = queue.indexOf(waiter);
    if (index >= 0) queue.splice(index, 1);
    if (queue.length === 0) this.#queues.delete(waiter.key);
  }

  /** Wakes at most `count` waiters whose bitset meets `bitset`; how many there were. */
  wake(key: FutexKey, count: number, bitset: number = FUTEX_BITSET_MATCH_ANY): number {
    const queue = this.#queues.get(key);
    if (queue === undefined) return 0;
    let woken = 0;
    for (let i = 0; i < queue.length && woken < count;) {
      const waiter = queue[i]!;
      if ((waiter.bitset & bitset) === 0) {
        i++;
        continue;
      }
      queue.splice(i, 1);
      waiter.woken = true;
      waiter.queue.wake();
      woken++;
    }
    if (queue.length === 0) this.#queues.delete(key);
    return woken;
  }

  /** Moves at most `count` waiters to another futex without waking them. */
  requeue(from: FutexKey, to: FutexKey, count: number): number {
    const queue = this.#queues.get(from);
    if (queue === undefined || from === to) return 0;
    const moved = queue.splice(0, count);
    if (queue.length === 0) this.#queues.delete(from);
    if (moved.length === 0) return 0;
    for (const waiter of moved) waiter.key = to;
    const target = this.#queues.get(to);
    if (target === undefined) this.#queues.set(to, moved);
    else target.push(...moved);
    return moved.length;
  }
}
