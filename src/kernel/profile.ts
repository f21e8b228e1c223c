/**
 * Where a container's time goes: interpreted code, compiled code, compiling, decoding, page faults, system calls, idle.
 *
 * Counts and the length of every slice are kept always; they cost an addition each. Single system calls and page faults
 * are timed only while somebody watches (`watch`), because reading the clock costs as much as a short call. What ran
 * unwatched is reckoned with the mean of what was watched, or with a usual cost until there is one. Interpreted and
 * compiled code share the rest by what each instruction costs, which follows from slices that held different parts of
 * both (least squares over two unknowns).
 */
import { limits } from "../base/limits.ts";
import type { CpuCounters } from "../../wasm/x86/types.ts";

export interface SyscallTime {
  readonly name: string;
  readonly count: number;
  readonly ms: number;
}

export interface TimeAccounts {
  readonly interpreterMs: number;
  readonly compiledMs: number;
  readonly compilingMs: number;
  readonly decodingMs: number;
  readonly faultsMs: number;
  readonly kernelMs: number;
  /** Nothing to run, or the worker was doing something else. */
  readonly idleMs: number;
}

/** `compiledRun`: guest instructions executed in compiled code. */
export type ProfileCounters = CpuCounters & { readonly compiledRun?: number };

/** Until a call, a fault and a decoded instruction have been timed. */
const usualNs = { syscall: 1000, fault: 3000, decode: 600 } as const;
/** Until both have been seen: interpreted instructions take so many times as long as compiled ones. */
const usualRatio = 8;

/** A kind of short work: how often, and how long those took that were timed. */
class Account {
  count = 0;
  timed = 0;
  timedMs = 0;

  ms(usual: number): number {
    return this.count * (this.timed > 0 ? this.timedMs / this.timed : usual / 1e6);
  }
}

export class Profile {
  readonly #started = performance.now();
  #watchedUntil = 0;
  /** Whether calls and faults are timed; looked at by the scheduler, brought up to date at each slice's end. */
  watched = false;
  busyMs = 0;
  readonly #syscalls: Account[] = [];
  readonly #faults = new Account();
  // Sums of the least squares: interpreted × interpreted, interpreted × compiled, …, × milliseconds.
  #ii = 0;
  #ic = 0;
  #cc = 0;
  #it = 0;
  #ct = 0;
  #last: { interpreted: number; compiled: number; otherMs: number } | null = null;

  /** Times everything for a while: whoever watches asks again before that is over. */
  watch(): void {
    this.#watchedUntil = performance.now() + limits.profileWatchMs;
    this.watched = true;
  }

  syscall(number: number, ms: number): void {
    const account = (this.#syscalls[number] ??= new Account());
    account.count++;
    if (ms < 0) return;
    account.timed++;
    account.timedMs += ms;
  }

  /** A page fault; `ms` is negative where it was not timed. */
  fault(ms: number): void {
    this.#faults.count++;
    if (ms < 0) return;
    this.#faults.timed++;
    this.#faults.timedMs += ms;
  }

  /** A slice has ended. `counters` is asked for only while somebody watches. */
  slice(elapsedMs: number, now: number, counters: () => ProfileCounters): void {
    this.busyMs += elapsedMs;
    if (!this.watched) return;
    if (now > this.#watchedUntil) {
      this.watched = false;
      this.#last = null;
      return;
    }
    const all = counters();
    const compiled = all.compiledRun ?? 0;
    const interpreted = all.instructions - compiled;
    const otherMs = this.#otherMs(all);
    if (this.#last !== null) {
      const i = interpreted - this.#last.interpreted;
      const c = compiled - this.#last.compiled;
      const t = Math.max(0, elapsedMs - (otherMs - this.#last.otherMs));
      this.#ii += i * i;
      this.#ic += i * c;
      this.#cc += c * c;
      this.#it += i * t;
      this.#ct += c * t;
    }
    this.#last = { interpreted, compiled, otherMs };
  }

  get faults(): number {
    return this.#faults.count;
  }

  get syscalls(): number {
    return this.#syscalls.reduce((sum, account) => sum + account.count, 0);
  }

  #kernelMs(): number {
    return this.#syscalls.reduce((sum, account) => sum + account.ms(usualNs.syscall), 0);
  }

  #otherMs(counters: ProfileCounters): number {
    const decodingMs = (counters.instructionsDecoded * usualNs.decode) / 1e6;
    return this.#kernelMs() + this.#faults.ms(usualNs.fault) + counters.compileMs + decodingMs;
  }

  /** How many times as long an interpreted instruction takes as a compiled one. */
  #ratio(): number {
    const determinant = this.#ii * this.#cc - this.#ic * this.#ic;
    // Slices that all held the same mixture tell nothing.
    if (determinant <= this.#ii * this.#cc * 1e-3) return usualRatio;
    const interpreted = (this.#it * this.#cc - this.#ct * this.#ic) / determinant;
    const compiled = (this.#ct * this.#ii - this.#it * this.#ic) / determinant;
    return interpreted > 0 && compiled > 0 ? Math.min(100, Math.max(1, interpreted / compiled)) : usualRatio;
  }

  accounts(counters: ProfileCounters): TimeAccounts {
    const { busyMs } = this;
    const kernelMs = this.#kernelMs();
    const faultsMs = this.#faults.ms(usualNs.fault);
    const compilingMs = counters.compileMs;
    const decodingMs = (counters.instructionsDecoded * usualNs.decode) / 1e6;
    const others = kernelMs + faultsMs + compilingMs + decodingMs;
    // What was reckoned may be more than there was.
    const scale = others > busyMs && others > 0 ? busyMs / others : 1;
    const guestMs = Math.max(0, busyMs - others);
    const compiled = counters.compiledRun ?? 0;
    const interpreted = Math.max(0, counters.instructions - compiled) * (compiled > 0 ? this.#ratio() : 1);
    const part = interpreted + compiled > 0 ? compiled / (interpreted + compiled) : 0;
    return {
      interpreterMs: guestMs * (1 - part),
      compiledMs: guestMs * part,
      compilingMs: compilingMs * scale,
      decodingMs: decodingMs * scale,
      faultsMs: faultsMs * scale,
      kernelMs: kernelMs * scale,
      idleMs: Math.max(0, performance.now() - this.#started - busyMs),
    };
  }

  /** The system calls that took longest. */
  topSyscalls(name: (number: number) => string): readonly SyscallTime[] {
    const all: SyscallTime[] = [];
    this.#syscalls.forEach((account, number) => {
      all.push({ name: name(number), count: account.count, ms: account.ms(usualNs.syscall) });
    });
    return all.toSorted((a, b) => b.ms - a.ms || b.count - a.count).slice(0, limits.profileSyscallsShown);
  }
}
