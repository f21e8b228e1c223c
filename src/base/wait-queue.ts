/**
 * A wait queue as in Linux: whoever waits is called back when the thing waited for may have changed, then looks again.
 * A wake-up is a hint, never a promise that the operation succeeds.
 */
export class WaitQueue {
  #waiters = new Set<() => void>();

  /** Registers `callback` for every wake-up until the returned function is called. */
  add(callback: () => void): () => void {
    this.#waiters.add(callback);
    return () => this.#waiters.delete(callback);
  }

  /** Calls every waiter registered at this moment. */
  wake(): void {
    if (this.#waiters.size === 0) return;
    for (const waiter of Array.from(this.#waiters)) waiter();
  }

  get size(): number {
    return this.#waiters.size;
  }
}
