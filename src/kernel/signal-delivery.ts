/**
 * Acting on signals just before a task goes back to user mode: handlers, default actions, stops, the end; and what
 * becomes of an interrupted system call. Processor exceptions become signals here too.
 */
import { errno } from "../abi/errno.ts";
import { SIG_DFL, SIG_IGN, sa, siCode, signals } from "../abi/signal.ts";
import { syscallNumbers } from "../abi/unistd.ts";
import { access, exit, reg } from "../../wasm/x86/types.ts";
import type { Exit } from "../../wasm/x86/types.ts";
import type { AccessFault } from "./address-space.ts";
import { exitProcess, exitTask } from "./exit.ts";
import { PageNeeded, UserFault, restart } from "./faults.ts";
import type { Kernel } from "./kernel.ts";
import { restartSequence } from "./rseq.ts";
import { defaultActionOf } from "./signal.ts";
import { pushSignalFrame } from "./signal-frame.ts";
import { formatSignal } from "./strace.ts";
import { bitOf, defaultAction, unblockable } from "./signal-state.ts";
import type { SignalInfo } from "./signal-state.ts";
import type { Task } from "./task.ts";

export type DeliveryOutcome = "user" | "stopped" | "gone" | Promise<unknown>;

/** Length of the SYSCALL instruction: a restarted call executes it again. */
const syscallBytes = 2;

export class Delivery {
  readonly #kernel: Kernel;

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  beforeUserMode(task: Task): DeliveryOutcome {
    const process = task.process;
    for (;;) {
      if (task.endsForExec) {
        exitTask(task, 0);
        return "gone";
      }
      if (process.exitStatus !== null) {
        exitTask(task, process.exitStatus);
        return "gone";
      }
      if (process.stopSignal !== 0) return "stopped";
      const info = task.pending.take(~task.blocked) ?? process.pending.take(~task.blocked);
      if (info === null) break;
      const outcome = this.#deliver(task, info);
      if (outcome !== "user") return outcome;
    }
    this.#settleCall(task, null);
    if (task.savedMask !== null) {
      task.blocked = task.savedMask;
      task.savedMask = null;
      this.#kernel.signals.update(task);
      // The old mask may let something through that the temporary one held back.
      if (task.signalPending) return this.beforeUserMode(task);
    }
    task.forcedSignal = 0;
    task.signalPending = false;
    return "user";
  }

  #deliver(task: Task, info: SignalInfo): DeliveryOutcome {
    const process = task.process;
    const { signal } = info;
    const action = process.actions.get(signal);
    if (action.handler === SIG_IGN) return "user";
    this.#kernel.strace?.(task, `--- ${formatSignal(info)} ---`);
    if (action.handler !== SIG_DFL) return this.#runHandler(task, info);
    if (process.isInit && task.forcedSignal !== signal && !process.outsideKill) return "user";
    switch (defaultActionOf(signal)) {
      case "ignore":
      case "continue":
        return "user";
      case "stop":
        if (signal !== signals.SIGSTOP && process.group.isOrphaned) return "user";
        this.#kernel.signals.stopProcess(process, signal);
        return "user";
      default:
        exitProcess(process, signal);
        return "user";
    }
  }

  #runHandler(task: Task, info: SignalInfo): DeliveryOutcome {
    const process = task.process;
    const { signal } = info;
    const action = process.actions.get(signal);
    this.#settleCall(task, action.flags);
    if (task.rseq !== null) restartSequence(task);
    try {
      pushSignalFrame(task, this.#kernel.cpu, info, action);
    } catch (error) {
      if (error instanceof PageNeeded) {
        task.pending.add(info);
        return error.ready;
      }
      if (!(error instanceof UserFault)) throw error;
      // No stack for the handler: SIGSEGV, and if that is what was to be delivered, the default action.
      if (signal === signals.SIGSEGV) process.actions.set(signal, defaultAction);
      this.#kernel.signals.force(task, { signal: signals.SIGSEGV, code: siCode.SI_KERNEL, address: 0 });
      return "user";
    }
    if ((action.flags & sa.RESETHAND) !== 0) process.actions.set(signal, { ...action, handler: SIG_DFL });
    task.savedMask = null;
    let blocked = task.blocked | action.mask;
    if ((action.flags & sa.NODEFER) === 0) blocked |= bitOf(signal);
    task.blocked = blocked & ~unblockable;
    return "user";
  }

  /** What becomes of an interrupted call: `handlerFlags` of the handler about to run, or null when none does. */
  #settleCall(task: Task, handlerFlags: number | null): void {
    const code = task.restartCode;
    if (code === 0) return;
    task.restartCode = 0;
    const cpu = this.#kernel.cpu;
    const fails =
      handlerFlags !== null &&
      (code === restart.ERESTARTNOHAND ||
        code === restart.ERESTART_RESTARTBLOCK ||
        (code === restart.ERESTARTSYS && (handlerFlags & sa.RESTART) === 0));
    if (fails) {
      cpu.setRegister(reg.rax, BigInt.asUintN(64, BigInt(-errno.EINTR)));
      return;
    }
    const again = code === restart.ERESTART_RESTARTBLOCK ? syscallNumbers.restart_syscall : task.syscallNumber;
    cpu.setRegisterNumber(reg.rax, again);
    cpu.rip -= syscallBytes;
  }

  /** A page fault that is the guest's own doing. */
  memoryFault(task: Task, fault: AccessFault, address: number): void {
    const cpu = this.#kernel.cpu;
    const present = fault.code === siCode.SEGV_ACCERR ? 1 : 0;
    const how = cpu.faultAccess === access.write ? 2 : cpu.faultAccess === access.execute ? 16 : 0;
    task.trap = { number: 14, error: 4 | how | present, address };
    if (fault.signal === signals.SIGKILL) {
      this.#kernel.sinks.outOfMemory?.(task.name, task.pid);
      exitProcess(task.process, signals.SIGKILL);
      return;
    }
    this.#kernel.signals.force(task, { signal: fault.signal, code: fault.code, address });
  }

  exception(task: Task, reason: Exit): void {
    const cpu = this.#kernel.cpu;
    const rip = cpu.rip;
    const force = (trap: number, signal: number, code: number, address: number | undefined, error = 0) => {
      task.trap = { number: trap, error, address: 0 };
      this.#kernel.signals.force(task, address === undefined ? { signal, code } : { signal, code, address });
    };
    switch (reason) {
      case exit.divideError:
        force(0, signals.SIGFPE, siCode.FPE_INTDIV, rip);
        break;
      case exit.singleStep:
        force(1, signals.SIGTRAP, siCode.TRAP_TRACE, rip);
        break;
      case exit.debug:
        force(1, signals.SIGTRAP, siCode.TRAP_BRKPT, rip);
        break;
      case exit.overflow:
        force(4, signals.SIGSEGV, siCode.SI_KERNEL, undefined);
        break;
      case exit.breakpoint:
        force(3, signals.SIGTRAP, siCode.SI_KERNEL, undefined);
        break;
      case exit.invalidOpcode:
        this.#reportIllegal(task, rip);
        force(6, signals.SIGILL, siCode.ILL_ILLOPN, rip);
        break;
      case exit.x87Error:
        force(16, signals.SIGFPE, this.#x87Code(), rip);
        break;
      case exit.simdError:
        force(19, signals.SIGFPE, this.#simdCode(), rip);
        break;
      case exit.interrupt80:
        force(13, signals.SIGSEGV, siCode.SI_KERNEL, 0, 0x402);
        break;
      default:
        force(13, signals.SIGSEGV, siCode.SI_KERNEL, 0);
    }
  }

  /** Tells the user which instruction we lack. UD0, UD1 and UD2 are programs' own way to stop. */
  #reportIllegal(task: Task, address: number): void {
    const { bytes, name } = this.#kernel.cpu.describeIllegal();
    if (bytes[0] === 0x0f && (bytes[1] === 0x0b || bytes[1] === 0xb9 || bytes[1] === 0xff)) return;
    const key = name ?? [...bytes.subarray(0, 4)].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
    const count = this.#kernel.missingInstructions.get(key) ?? 0;
    this.#kernel.missingInstructions.set(key, count + 1);
    if (count === 0) {
      this.#kernel.sinks.illegalInstruction?.({ program: task.name, pid: task.pid, address, bytes, name });
    }
  }

  #fx(): DataView {
    const image = new Uint8Array(512);
    this.#kernel.cpu.saveFx(image);
    return new DataView(image.buffer);
  }

  #x87Code(): number {
    const fx = this.#fx();
    return floatCode(fx.getUint16(2, true) & ~fx.getUint16(0, true));
  }

  #simdCode(): number {
    const mxcsr = this.#fx().getUint32(24, true);
    return floatCode(mxcsr & ~(mxcsr >>> 7));
  }
}

/** The six exception bits are the same in x87's status word and MXCSR (Intel SDM vol. 1, 8.1.3.3 and 10.2.3). */
function floatCode(raised: number): number {
  if ((raised & 0x01) !== 0) return siCode.FPE_FLTINV;
  if ((raised & 0x04) !== 0) return siCode.FPE_FLTDIV;
  if ((raised & 0x08) !== 0) return siCode.FPE_FLTOVF;
  if ((raised & 0x12) !== 0) return siCode.FPE_FLTUND;
  if ((raised & 0x20) !== 0) return siCode.FPE_FLTRES;
  return siCode.FPE_FLTINV;
}
