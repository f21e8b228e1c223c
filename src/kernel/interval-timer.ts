/** A timer that may repeat: what setitimer, timer_create and timerfd have in common. */
import type { Timers } from "./timers.ts";
import type { Clock } from "../base/clock.ts";

export class IntervalTimer {
  readonly #timers: Timers;
  readonly #clock: Clock;
  readonly #expired: (count: number) => void;
  #cancel: (() => void) | null = null;
  #deadlineNs = 0n;
  #intervalNs = 0n;

  /** `expired` is called with the number of periods that passed since the last call, at least 1. */
  constructor(timers: Timers, clock: Clock, expired: (count: number) => void) {
    this.#timers = timers;
    this.#clock = clock;
    this.#expired = expired;
  }

  get intervalNs(): bigint {
    return this.#intervalNs;
  }

  get isArmed(): boolean {
    return this.#cancel !== null;
  }

  /** Nanoseconds to the next expiry; 0 when disarmed. */
  get remainingNs(): bigint {
    if (this.#cancel === null) return 0n;
    const left = this.#deadlineNs - this.#clock.monotonicNs();
    return left > 0n ? left : 1n;
  }

  /** `deadlineNs` on the monotonic clock; a zero interval fires once. */
  arm(deadlineNs: bigint, intervalNs: bigint): void {
    this.disarm();
    this.#deadlineNs = deadlineNs;
    this.#intervalNs = intervalNs;
    this.#wait();
  }

  disarm(): void {
    this.#cancel?.();
    this.#cancel = null;
    this.#intervalNs = 0n;
  }

  #wait(): void {
    this.#cancel = this.#timers.at(this.#deadlineNs, () => {
      this.#cancel = null;
      let count = 1;
      if (this.#intervalNs > 0n) {
        const late = this.#clock.monotonicNs() - this.#deadlineNs;
        if (late > 0n) count += Number(late / this.#intervalNs);
        this.#deadlineNs += this.#intervalNs * BigInt(count);
        this.#wait();
      }
      this.#expired(count);
    });
  }
}
