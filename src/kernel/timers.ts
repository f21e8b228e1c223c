/**
 * Deadlines on the monotonic clock, in a binary heap. The scheduler asks for expired ones between slices and sleeps
 * until the next one when nothing can run.
 */
import type { Clock } from "../base/clock.ts";

interface Entry {
  readonly deadlineNs: bigint;
  /** Null once cancelled. */
  callback: (() => void) | null;
}

export class Timers {
  readonly #clock: Clock;
  #heap: Entry[] = [];
  /** Called when a new deadline is earlier than all others: the scheduler may be asleep. */
  onEarlier: () => void = () => {};

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Calls back once the monotonic clock reaches `deadlineNs`; the returned function cancels. */
  at(deadlineNs: bigint, callback: () => void): () => void {
    const entry: Entry = { deadlineNs, callback };
    this.#push(entry);
    if (this.#heap[0] === entry) this.onEarlier();
    return () => {
      entry.callback = null;
      // A cancelled entry at the top is dropped now, so that the scheduler does not wake up for it.
      while (this.#heap.length > 0 && this.#heap[0]!.callback === null) this.#pop();
    };
  }

  after(delayNs: bigint, callback: () => void): () => void {
    return this.at(this.#clock.monotonicNs() + delayNs, callback);
  }

  /** Nanoseconds to the next deadline, 0 if it has passed, null when there is none. */
  get nextNs(): bigint | null {
    const first = this.#heap[0];
    if (first === undefined) return null;
    const left = first.deadlineNs - this.#clock.monotonicNs();
    return left > 0n ? left : 0n;
  }

  get isEmpty(): boolean {
    return this.#heap.length === 0;
  }

  /** Runs what is due. */
  expire(): void {
    if (this.#heap.length === 0) return;
    const now = this.#clock.monotonicNs();
    while (this.#heap.length > 0 && (this.#heap[0]!.callback === null || this.#heap[0]!.deadlineNs <= now)) {
      const callback = this.#pop().callback;
      callback?.();
    }
  }

  #push(entry: Entry): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(entry);
    while (at > 0) {
      const parent = (at - 1) >>> 1;
      if (heap[parent]!.deadlineNs <= entry.deadlineNs) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = entry;
  }

  #pop(): Entry {
    const heap = this.#heap;
    const top = heap[0]!;
    const last = heap.pop()!;
    if (heap.length > 0) {
      let at = 0;
      for (;;) {
        let child = 2 * at + 1;
        if (child >= heap.length) break;
        if (child + 1 < heap.length && heap[child + 1]!.deadlineNs < heap[child]!.deadlineNs) child++;
        if (heap[child]!.deadlineNs >= last.deadlineNs) break;
        heap[at] = heap[child]!;
        at = child;
      }
      heap[at] = last;
    }
    return top;
  }
}
