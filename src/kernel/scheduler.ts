/**
 * Shares the processor between the tasks of one container. It is one asynchronous loop: run a slice of the task that
 * had least, let promises settle, and every few milliseconds give the host's event loop its turn.
 *
 *     running     in `#ready`, or on the processor
 *     sleeping    inside a system call or a page fault that waits for something; its promise makes it ready
 *     stopped     by job control
 *     dead        no more
 */
import { isPromise } from "../base/maybe.ts";
import { exit } from "../../wasm/x86/types.ts";
import { reg } from "../../wasm/x86/types.ts";
import { PageNeeded, UserFault } from "./faults.ts";
import { errno } from "../abi/errno.ts";
import type { Kernel } from "./kernel.ts";
import { Profile } from "./profile.ts";
import { restartSequence } from "./rseq.ts";
import type { Task } from "./task.ts";
import { yieldToHost } from "./host-loop.ts";

/** The host's loop gets a turn at least this often. */
const hostTurnMs = 8;
/** A slice when others wait, and when none do. */
const sharedSliceMs = 3;
const aloneSliceMs = 8;
/** First slices are short: the host's compiler optimises a function when it is entered again. */
const firstBudget = 200_000;
const budgetMin = 20_000;
/** One call of `run` aims at this long, so that a kill or a keystroke waits no longer. */
const runTargetMs = 2;
/** It ends after this long in any case: slow instructions may come after fast ones. */
const runMsMax = 3;
/** Timers closer than this are waited for by turns of the host's loop: host timers are that coarse. */
const coarseTimerMs = 2;
/** A system call counts as this much system time: cheaper than two clock readings for each. */
const syscallNsEstimate = 1000;
/** System calls and page faults between two looks at the clock. */
const turnsPerClock = 32;

export class Scheduler {
  readonly profile = new Profile();
  readonly #kernel: Kernel;
  #ready: Task[] = [];
  #current: Task | null = null;
  /** Whose registers are in the processor. */
  #loaded: Task | null = null;
  #wakeIdle: (() => void) | null = null;
  #expectedWakes = 0;
  #stopped = false;
  #budget = firstBudget;
  #running = false;
  /** Virtual time of the task that last ran: a woken task starts there, not at its old value. */
  #virtualMs = 0;
  #preempt = false;
  #sliceStart = 0;
  #timed = false;
  #budgetUsed = false;

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
    kernel.timers.onEarlier = () => this.#kick();
  }

  /** The task on the processor, during its slice. */
  get current(): Task | null {
    return this.#current;
  }

  /** Nanoseconds the task has had of its present slice, not yet in its accounts. */
  sliceNs(task: Task): number {
    return task === this.#current ? (performance.now() - this.#sliceStart) * 1e6 : 0;
  }

  get isIdle(): boolean {
    return this.#ready.length === 0 && this.#current === null;
  }

  get readyCount(): number {
    return this.#ready.length + (this.#current === null ? 0 : 1);
  }

  start(): void {
    if (this.#running) return;
    this.#running = true;
    void this.#loop().catch((error: unknown) => {
      this.#stopped = true;
      this.#kernel.crash(error);
    });
  }

  stop(): void {
    this.#stopped = true;
    this.#kernel.cpu.interrupt();
    this.#kick();
  }

  /** Makes the task ready to run. */
  enqueue(task: Task): void {
    if (task.state === "dead") return;
    task.state = "running";
    if (task.virtualMs < this.#virtualMs - aloneSliceMs) task.virtualMs = this.#virtualMs - aloneSliceMs;
    this.#ready.push(task);
    this.#kick();
  }

  resumeStopped(task: Task): void {
    if (task.state === "stopped") this.enqueue(task);
  }

  /** A wait has ended and its promise will make a task ready within a few microtasks. */
  expectWake(): void {
    this.#expectedWakes++;
  }

  /** The task has a signal: if it is on the processor, its slice ends soon. */
  preempt(task: Task): void {
    // Never called while guest code runs: there is nothing to interrupt.
    if (task === this.#current) this.#preempt = true;
  }

  /** The current task gives up the rest of its slice: sched_yield(2). */
  yieldCurrent(): void {
    this.#preempt = true;
  }

  /** The registers of a task that is no more need not be saved. */
  forget(task: Task): void {
    if (this.#loaded === task) this.#loaded = null;
    const index = this.#ready.indexOf(task);
    if (index >= 0) this.#ready.splice(index, 1);
  }

  /** The registers of `task` as they are now, for copying: saves them first if they are in the processor. */
  contextOf(task: Task): Uint8Array {
    if (this.#loaded === task) this.#kernel.cpu.saveContext(task.context);
    return task.context;
  }

  #kick(): void {
    const wake = this.#wakeIdle;
    this.#wakeIdle = null;
    wake?.();
  }

  async #loop(): Promise<void> {
    let lastTurn = performance.now();
    while (!this.#stopped) {
      this.#kernel.timers.expire();
      const task = this.#pick();
      if (task === null) {
        await this.#idle();
      } else {
        this.#runSlice(task);
        // Whoever was woken by this slice gets to the queue before the next choice is made.
        for (let turns = 0; turns < 8 && (turns === 0 || this.#expectedWakes > 0); turns++) await Promise.resolve();
        this.#expectedWakes = 0;
      }
      const now = performance.now();
      if (now - lastTurn >= hostTurnMs) {
        await yieldToHost();
        lastTurn = performance.now();
      }
    }
  }

  async #idle(): Promise<void> {
    const nextNs = this.#kernel.timers.nextNs;
    if (nextNs !== null && nextNs < BigInt(coarseTimerMs * 1_000_000)) {
      await yieldToHost();
      return;
    }
    let timer: ReturnType<typeof setTimeout> | null = null;
    await new Promise<void>((resolve) => {
      this.#wakeIdle = resolve;
      if (nextNs !== null) {
        const ms = Math.min(2 ** 31 - 1, Number(nextNs / 1_000_000n) - 1);
        timer = setTimeout(resolve, ms);
      }
    });
    this.#wakeIdle = null;
    if (timer !== null) clearTimeout(timer);
  }

  #pick(): Task | null {
    const ready = this.#ready;
    if (ready.length === 0) return null;
    let best = 0;
    for (let i = 1; i < ready.length; i++) if (ready[i]!.virtualMs < ready[best]!.virtualMs) best = i;
    const task = ready[best]!;
    ready.splice(best, 1);
    return task;
  }

  #runSlice(task: Task): void {
    const started = performance.now();
    this.#sliceStart = started;
    this.#virtualMs = Math.max(this.#virtualMs, task.virtualMs);
    this.#current = task;
    this.#preempt = false;
    this.#load(task);
    let calls = 0;
    const limitMs = this.#ready.length > 0 ? sharedSliceMs : aloneSliceMs;
    try {
      for (let turns = 1; ; turns++) {
        const goesOn = this.#step(task);
        if (!goesOn) break;
        if (task.next === "dispatch") calls++;
        // System calls and page faults are short: the clock is asked only now and then.
        if (!this.#budgetUsed && !this.#preempt && turns % turnsPerClock !== 0) continue;
        this.#budgetUsed = false;
        if (this.#preempt || performance.now() - started >= (this.#ready.length > 0 ? sharedSliceMs : limitMs)) {
          this.#current = null;
          this.enqueue(task);
          break;
        }
        // Timers must not wait for the end of a long slice, nor whoever slept until then.
        const wakes = this.#expectedWakes;
        this.#kernel.timers.expire();
        if (this.#expectedWakes > wakes) {
          this.#current = null;
          this.enqueue(task);
          break;
        }
      }
    } finally {
      this.#current = null;
      const now = performance.now();
      const elapsed = now - started;
      this.profile.slice(elapsed, now, this.#counters);
      task.virtualMs += elapsed;
      const systemNs = Math.min(elapsed * 1e6, calls * syscallNsEstimate);
      task.systemNs += systemNs;
      task.userNs += elapsed * 1e6 - systemNs;
      task.process.afterSlice?.();
    }
  }

  readonly #counters = () => this.#kernel.cpu.counters;

  #load(task: Task): void {
    const cpu = this.#kernel.cpu;
    if (this.#loaded !== task) {
      if (this.#loaded !== null) cpu.saveContext(this.#loaded.context);
      cpu.loadContext(task.context);
      this.#loaded = task;
      if (task.rseq !== null) restartSequence(task);
    }
    task.memory.activate();
  }

  /** One piece of work for the task; false when it cannot go on now (asleep, stopped or dead). */
  #step(task: Task): boolean {
    const kernel = this.#kernel;
    if (task.next === "dispatch" && !this.#settle(task)) return false;
    if (task.next === "result") {
      task.next = "user";
      kernel.dispatcher.finish(task, task.result);
    }
    // execve and rt_sigreturn replaced the registers, or a new space was made current.
    if (task.signalPending || task.restartCode !== 0 || task.savedMask !== null) {
      const outcome = kernel.delivery.beforeUserMode(task);
      if (outcome === "gone") return false;
      if (outcome === "stopped") {
        task.state = "stopped";
        return false;
      }
      if (isPromise(outcome)) {
        this.#sleep(task, outcome, "user");
        return false;
      }
    }
    return this.#runUser(task);
  }

  #runUser(task: Task): boolean {
    const kernel = this.#kernel;
    const cpu = kernel.cpu;
    const budget = this.#budget;
    // The clock is read only where it is likely to be of use: after a run that used its budget up.
    const started = this.#timed ? performance.now() : 0;
    const reason = cpu.run(budget, runMsMax);
    if (reason === exit.syscall) {
      this.#timed = false;
      task.next = "dispatch";
      task.syscallNumber = cpu.registerInt(reg.rax);
      return true;
    }
    if (reason === exit.budget) {
      this.#budgetUsed = true;
      const elapsed = this.#timed ? performance.now() - started : 0;
      if (!this.#timed) this.#timed = true;
      else if (elapsed > 0.2) {
        const scaled = Math.floor((budget * runTargetMs) / elapsed);
        // Halfway to the new estimate: one slow run (a compile, a page in) says little.
        this.#budget = Math.max(budgetMin, Math.floor((this.#budget + Math.min(scaled, this.#budget * 2)) / 2));
      } else if (!this.#preempt) this.#budget = Math.min(this.#budget * 2, 50_000_000);
      return true;
    }
    if (reason === exit.pageFault) {
      const { profile } = this;
      const before = profile.watched ? performance.now() : 0;
      const outcome = task.memory.fault(cpu.faultAddress, cpu.faultAccess);
      profile.fault(profile.watched ? performance.now() - before : -1);
      if (outcome === null) return true;
      if (!isPromise(outcome)) {
        kernel.delivery.memoryFault(task, outcome, cpu.faultAddress);
        return true;
      }
      const address = cpu.faultAddress;
      const mapped = outcome.then((fault) => {
        if (fault !== null) kernel.delivery.memoryFault(task, fault, address);
      });
      this.#sleep(task, mapped, "user");
      return false;
    }
    kernel.delivery.exception(task, reason);
    return true;
  }

  /** Acts on what a handler did: a result now, a result later, or one of the two faults. */
  #settle(task: Task): boolean {
    let outcome: number | Promise<number>;
    const { profile } = this;
    const number = task.syscallNumber;
    const before = profile.watched ? performance.now() : 0;
    try {
      outcome = this.#kernel.dispatcher.dispatch(task);
    } catch (error) {
      return this.#caught(task, error);
    } finally {
      profile.syscall(number, profile.watched ? performance.now() - before : -1);
    }
    if (task.state === "dead") return false;
    if (!isPromise(outcome)) {
      task.result = outcome;
      task.next = "result";
      return true;
    }
    task.state = "sleeping";
    outcome.then(
      (result) => {
        if (task.state === "dead") return;
        task.result = result;
        task.next = "result";
        this.enqueue(task);
      },
      (error: unknown) => {
        if (task.state === "dead") return;
        if (this.#caught(task, error)) this.enqueue(task);
      },
    );
    return false;
  }

  /** True when the task goes on at once. */
  #caught(task: Task, error: unknown): boolean {
    if (error instanceof PageNeeded) {
      this.#sleep(task, error.ready, "dispatch");
      return false;
    }
    task.next = "result";
    if (error instanceof UserFault) task.result = -error.error;
    else {
      this.#kernel.internalError(task, error);
      task.result = -errno.EIO;
    }
    return true;
  }

  #sleep(task: Task, ready: Promise<unknown>, next: "dispatch" | "user"): void {
    task.state = "sleeping";
    task.next = next;
    const wake = () => {
      if (task.state === "sleeping") this.enqueue(task);
    };
    ready.then(wake, (error: unknown) => {
      this.#kernel.internalError(task, error);
      wake();
    });
  }
}
