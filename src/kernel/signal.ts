/**
 * Sending signals (man 2 kill, man 7 signal). A signal is dropped here when nobody could ever see it, otherwise it
 * becomes pending and a thread that may take it is woken; `signal-delivery.ts` then acts on it in that thread.
 */
import { errno } from "../abi/errno.ts";
import { SIG_DFL, SIG_IGN, siCode, signals } from "../abi/signal.ts";
import { capability } from "./credentials.ts";
import { exitProcess } from "./exit.ts";
import type { Kernel } from "./kernel.ts";
import type { ProcessGroup } from "./process-group.ts";
import type { Process } from "./process.ts";
import { bitOf } from "./signal-state.ts";
import type { SignalInfo } from "./signal-state.ts";
import type { Task } from "./task.ts";

export type DefaultAction = "terminate" | "core" | "stop" | "continue" | "ignore";

export function defaultActionOf(signal: number): DefaultAction {
  switch (signal) {
    case signals.SIGCHLD:
    case signals.SIGURG:
    case signals.SIGWINCH:
      return "ignore";
    case signals.SIGCONT:
      return "continue";
    case signals.SIGSTOP:
    case signals.SIGTSTP:
    case signals.SIGTTIN:
    case signals.SIGTTOU:
      return "stop";
    case signals.SIGQUIT:
    case signals.SIGILL:
    case signals.SIGTRAP:
    case signals.SIGABRT:
    case signals.SIGBUS:
    case signals.SIGFPE:
    case signals.SIGSEGV:
    case signals.SIGXCPU:
    case signals.SIGXFSZ:
    case signals.SIGSYS:
      return "core";
    default:
      return "terminate";
  }
}

const stopSignals = bitOf(signals.SIGSTOP) | bitOf(signals.SIGTSTP) | bitOf(signals.SIGTTIN) | bitOf(signals.SIGTTOU);

export class Signals {
  readonly #kernel: Kernel;

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  sendToProcess(process: Process, info: SignalInfo): void {
    if (process.isZombie) return;
    if (!this.#prepare(process, null, info)) return;
    if (info.signal === signals.SIGKILL) {
      // Nothing can be done about it, so nothing waits for a thread to see it: a stopped process ends as well.
      exitProcess(process, signals.SIGKILL);
      return;
    }
    process.pending.add(info);
    process.signalWaiters.wake();
    this.#wakeForProcess(process, info.signal);
  }

  sendToTask(task: Task, info: SignalInfo): void {
    if (task.state === "dead") return;
    if (!this.#prepare(task.process, task, info)) return;
    if (info.signal === signals.SIGKILL) {
      exitProcess(task.process, signals.SIGKILL);
      return;
    }
    task.pending.add(info);
    task.process.signalWaiters.wake();
    this.#wakeIfDeliverable(task, info.signal);
  }

  /** Every process of the group; how many there were. */
  sendToGroup(group: ProcessGroup, info: SignalInfo): number {
    let sent = 0;
    for (const process of Array.from(group.members)) {
      if (process.isZombie) continue;
      this.sendToProcess(process, info);
      sent++;
    }
    return sent;
  }

  /** From the kernel itself, as a terminal does: `signal` to the group with this id, if there is one. */
  sendToGroupId(id: number, signal: number): void {
    const group = this.#kernel.processGroup(id);
    if (group !== null) this.sendToGroup(group, { signal, code: siCode.SI_KERNEL });
  }

  /** May `sender` signal `process`? (man 2 kill: same real or effective uid, CAP_KILL, SIGCONT within the session) */
  permitted(sender: Task, process: Process, signal: number): number {
    if (sender.process === process || sender.hasCapability(capability.kill)) return 0;
    const from = sender.credentials;
    const to = process.leader.credentials;
    if (from.euid === to.suid || from.euid === to.ruid || from.ruid === to.suid || from.ruid === to.ruid) return 0;
    if (signal === signals.SIGCONT && sender.process.session === process.session) return 0;
    return -errno.EPERM;
  }

  /**
   * A fault of the task itself: it cannot be blocked or ignored, for the instruction would only fault again. Then the
   * default action applies.
   */
  force(task: Task, info: SignalInfo): void {
    const bit = bitOf(info.signal);
    const action = task.process.actions.get(info.signal);
    if ((task.blocked & bit) !== 0n || action.handler === SIG_IGN) {
      task.blocked &= ~bit;
      task.process.actions.set(info.signal, { ...action, handler: SIG_DFL });
    }
    task.pending.add(info);
    task.signalPending = true;
    task.forcedSignal = info.signal;
  }

  /** Recomputes whether the task has something to do before user mode: after its mask or its pending set changed. */
  update(task: Task): void {
    task.signalPending =
      task.process.exitStatus !== null ||
      task.endsForExec ||
      task.process.stopSignal !== 0 ||
      ((task.pending.set | task.process.pending.set) & ~task.blocked) !== 0n;
  }

  /** Effects that come before delivery; false: the signal is dropped. */
  #prepare(process: Process, task: Task | null, info: SignalInfo): boolean {
    const { signal } = info;
    if (signal === signals.SIGCONT) {
      process.pending.remove(stopSignals);
      for (const member of process.tasks) member.pending.remove(stopSignals);
      this.continueProcess(process);
    } else if ((stopSignals & bitOf(signal)) !== 0n) {
      process.pending.remove(bitOf(signals.SIGCONT));
      for (const member of process.tasks) member.pending.remove(bitOf(signals.SIGCONT));
    }
    const action = process.actions.get(signal);
    const blocked = task !== null ? (task.blocked & bitOf(signal)) !== 0n : this.#allBlock(process, signal);
    // A blocked signal is kept even if ignored now: the action may change before it is unblocked (Linux does so).
    if (blocked || (task?.awaited ?? 0n) !== 0n) return true;
    for (const member of process.tasks) if ((member.awaited & bitOf(signal)) !== 0n) return true;
    if (action.handler === SIG_IGN) return signal === signals.SIGKILL || signal === signals.SIGSTOP;
    if (action.handler !== SIG_DFL) return true;
    // The container's first process takes only the signals it has handlers for, and SIGKILL from outside.
    if (process.isInit && !process.outsideKill) return false;
    const what = defaultActionOf(signal);
    return what !== "ignore" && what !== "continue";
  }

  #allBlock(process: Process, signal: number): boolean {
    for (const task of process.tasks) if ((task.blocked & bitOf(signal)) === 0n) return false;
    return true;
  }

  #wakeForProcess(process: Process, signal: number): void {
    const bit = bitOf(signal);
    // The main thread first, as Linux does; a thread that does not block it, or waits for it.
    let chosen: Task | null = null;
    for (const task of process.tasks) {
      if ((task.blocked & bit) !== 0n && (task.awaited & bit) === 0n) continue;
      if (task.signalPending && chosen !== null) continue;
      if (chosen === null || task === process.leader) chosen = task;
    }
    if (chosen !== null) this.#wakeIfDeliverable(chosen, signal);
  }

  #wakeIfDeliverable(task: Task, signal: number): void {
    const bit = bitOf(signal);
    if ((task.awaited & bit) !== 0n) {
      task.interrupt(false);
      return;
    }
    if ((task.blocked & bit) !== 0n) return;
    task.signalPending = true;
    task.interrupt(false);
    this.#kernel.scheduler.preempt(task);
  }

  /** SIGCONT's first half: a stopped process runs on, whatever the signal's action. */
  continueProcess(process: Process): void {
    if (process.stopSignal === 0) return;
    process.stopSignal = 0;
    process.unreportedStop = false;
    process.unreportedContinue = true;
    for (const task of process.tasks) {
      this.update(task);
      if (task.state === "stopped") this.#kernel.scheduler.resumeStopped(task);
    }
    this.notifyParent(process, siCode.CLD_CONTINUED, signals.SIGCONT);
  }

  /** SIGSTOP and its kin took effect in one thread: all stop, and the parent hears of it. */
  stopProcess(process: Process, signal: number): void {
    if (process.stopSignal !== 0 || process.exitStatus !== null) return;
    process.stopSignal = signal;
    process.unreportedStop = true;
    process.unreportedContinue = false;
    for (const task of process.tasks) {
      task.signalPending = true;
      task.interrupt(false);
      this.#kernel.scheduler.preempt(task);
    }
    this.notifyParent(process, siCode.CLD_STOPPED, signal);
  }

  /** SIGCHLD for a stop, a continuation or an end, and a wake-up for wait(2). */
  notifyParent(process: Process, code: number, status: number): void {
    const parent = process.parent;
    if (parent === null) return;
    const jobControl = code === siCode.CLD_STOPPED || code === siCode.CLD_CONTINUED;
    const signal = jobControl ? signals.SIGCHLD : process.exitSignal;
    const quiet = jobControl && (parent.actions.get(signals.SIGCHLD).flags & 1) !== 0;
    if (signal !== 0 && !quiet) {
      this.sendToProcess(parent, {
        signal,
        code,
        pid: process.pid,
        uid: process.leader.credentials.ruid,
        status,
        userTicks: Math.floor(process.userNs / 1e7),
        systemTicks: Math.floor(process.systemNs / 1e7),
      });
    }
    parent.childWaiters.wake();
  }
}
