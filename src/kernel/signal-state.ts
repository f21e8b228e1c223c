/**
 * The data of signals (man 7 signal): what is pending, for a thread or for its process, and what each signal does.
 * Sending and delivery are in `signal.ts` and `signal-delivery.ts`.
 */
import { SIG_DFL, SIG_IGN, SIGRTMIN, sa } from "../abi/signal.ts";

/** A set of signals; signal n is bit n - 1, as in the C structures. */
export type SignalSet = bigint;

export function bitOf(signal: number): SignalSet {
  return 1n << BigInt(signal - 1);
}

/** Never blocked, caught or ignored: SIGKILL and SIGSTOP. */
export const unblockable: SignalSet = (1n << 8n) | (1n << 18n);

/** siginfo_t, as far as signals carry it. */
export interface SignalInfo {
  readonly signal: number;
  /** si_code. */
  readonly code: number;
  readonly errno?: number;
  /** Sender, or the child of SIGCHLD. */
  readonly pid?: number;
  readonly uid?: number;
  /** SIGCHLD: exit code or signal. */
  readonly status?: number;
  /** SIGCHLD: clock ticks. */
  readonly userTicks?: number;
  readonly systemTicks?: number;
  /** sigqueue's and timers' value. */
  readonly value?: bigint;
  /** The address of a fault. */
  readonly address?: number;
  readonly timerId?: number;
  /** Grows while the signal is pending. */
  overrun?: number;
  /** SIGIO: band event and descriptor. */
  readonly band?: number;
  readonly fd?: number;
}

/** struct sigaction as the kernel keeps it. */
export interface SignalAction {
  /** SIG_DFL, SIG_IGN or an address. */
  readonly handler: number;
  readonly flags: number;
  readonly restorer: number;
  readonly mask: SignalSet;
}

export const defaultAction: SignalAction = { handler: SIG_DFL, flags: 0, restorer: 0, mask: 0n };

/** A process's signal actions; shared by tasks made with CLONE_SIGHAND. */
export class SignalActions {
  #actions: SignalAction[] = [];

  get(signal: number): SignalAction {
    return this.#actions[signal] ?? defaultAction;
  }

  set(signal: number, action: SignalAction): void {
    this.#actions[signal] = action;
  }

  copy(): SignalActions {
    const copy = new SignalActions();
    copy.#actions = [...this.#actions];
    return copy;
  }

  /** execve(2): handlers go back to the default, ignored signals stay ignored. */
  resetOnExec(): void {
    this.#actions = this.#actions.map((action) =>
      action?.handler === SIG_IGN ? { ...defaultAction, handler: SIG_IGN } : defaultAction,
    );
  }

  /** Sets for /proc/PID/status. */
  get ignored(): SignalSet {
    return this.#setOf((action) => action.handler === SIG_IGN);
  }

  get caught(): SignalSet {
    return this.#setOf((action) => action.handler !== SIG_IGN && action.handler !== SIG_DFL);
  }

  /** Children of a process that ignores SIGCHLD, or asked so, leave no zombies. */
  get reapsChildren(): boolean {
    const action = this.get(17);
    return action.handler === SIG_IGN || (action.flags & sa.NOCLDWAIT) !== 0;
  }

  #setOf(test: (action: SignalAction) => boolean): SignalSet {
    let set = 0n;
    for (let signal = 1; signal < this.#actions.length; signal++) {
      const action = this.#actions[signal];
      if (action !== undefined && test(action)) set |= bitOf(signal);
    }
    return set;
  }
}

/** Signals sent and not yet delivered. A standard signal is pending once; real-time signals queue. */
export class PendingSignals {
  set: SignalSet = 0n;
  #queue: SignalInfo[] = [];

  get count(): number {
    return this.#queue.length;
  }

  add(info: SignalInfo): void {
    const bit = bitOf(info.signal);
    if (info.signal < SIGRTMIN && (this.set & bit) !== 0n) return;
    this.set |= bit;
    this.#queue.push(info);
  }

  /** Takes the first signal of `wanted`, lowest number first, synchronous ones (faults) before all others. */
  take(wanted: SignalSet): SignalInfo | null {
    const candidates = this.set & wanted;
    if (candidates === 0n) return null;
    const synchronous = candidates & synchronousSignals;
    const from = synchronous !== 0n ? synchronous : candidates;
    let signal = 1;
    while ((from & bitOf(signal)) === 0n) signal++;
    const index = this.#queue.findIndex((info) => info.signal === signal);
    const [info] = this.#queue.splice(index, 1);
    if (!this.#queue.some((other) => other.signal === signal)) this.set &= ~bitOf(signal);
    return info!;
  }

  has(info: SignalInfo): boolean {
    return this.#queue.includes(info);
  }

  /** Drops all signals of `set`. */
  remove(set: SignalSet): void {
    if ((this.set & set) === 0n) return;
    this.set &= ~set;
    this.#queue = this.#queue.filter((info) => (bitOf(info.signal) & set) === 0n);
  }
}

const synchronousSignals = bitOf(4) | bitOf(5) | bitOf(7) | bitOf(8) | bitOf(11) | bitOf(31);
