/** Signal calls (man 7 signal). Sending is in `kernel/signal.ts`, delivery in `kernel/signal-delivery.ts`. */
import { errno } from "../abi/errno.ts";
import {
  MINSIGSTKSZ,
  SIGRTMAX,
  SIG_BLOCK,
  SIG_DFL,
  SIG_IGN,
  SIG_SETMASK,
  SIG_UNBLOCK,
  SS_AUTODISARM,
  SS_DISABLE,
  SS_ONSTACK,
  siCode,
  signals,
} from "../abi/signal.ts";
import type { Maybe } from "../base/maybe.ts";
import { restart } from "../kernel/faults.ts";
import { PidFile } from "../kernel/pidfd.ts";
import type { Process } from "../kernel/process.ts";
import { defaultActionOf } from "../kernel/signal.ts";
import { altStackFlags, encodeSignalInfo, onAltStack, popSignalFrame } from "../kernel/signal-frame.ts";
import { bitOf, unblockable } from "../kernel/signal-state.ts";
import type { SignalInfo, SignalSet } from "../kernel/signal-state.ts";
import type { Task } from "../kernel/task.ts";
import { reg } from "../../wasm/x86/types.ts";
import { partial, row } from "./row.ts";
import { readTimespec } from "./time-structures.ts";

const setBytes = 8;
const actionBytes = 32;

function isValid(signal: number): boolean {
  return signal >= 1 && signal <= SIGRTMAX;
}

function rtSigaction(task: Task, signal: number, address: number, oldAddress: number, size: number): number {
  if (size !== setBytes || !isValid(signal)) return -errno.EINVAL;
  const { actions } = task.process;
  const fresh = address === 0 ? null : task.user.read(address, actionBytes);
  if (fresh !== null && (signal === signals.SIGKILL || signal === signals.SIGSTOP)) return -errno.EINVAL;
  if (oldAddress !== 0) {
    const old = actions.get(signal);
    const bytes = new Uint8Array(actionBytes);
    const view = new DataView(bytes.buffer);
    view.setBigUint64(0, BigInt(old.handler), true);
    view.setBigUint64(8, BigInt(old.flags >>> 0), true);
    view.setBigUint64(16, BigInt(old.restorer), true);
    view.setBigUint64(24, old.mask, true);
    task.user.prepareWrite(oldAddress, actionBytes);
    task.user.write(oldAddress, bytes);
  }
  if (fresh === null) return 0;
  const view = new DataView(fresh.buffer);
  const handler = Number(view.getBigUint64(0, true));
  actions.set(signal, {
    handler,
    flags: view.getUint32(8, true) | 0,
    restorer: Number(view.getBigUint64(16, true)),
    mask: view.getBigUint64(24, true) & ~unblockable,
  });
  // What is now ignored and pending is forgotten (POSIX, sigaction).
  const what = defaultActionOf(signal);
  if (handler === SIG_IGN || (handler === SIG_DFL && (what === "ignore" || what === "continue"))) {
    task.process.pending.remove(bitOf(signal));
    for (const member of task.process.tasks) {
      member.pending.remove(bitOf(signal));
      task.kernel.signals.update(member);
    }
  }
  return 0;
}

function rtSigprocmask(task: Task, how: number, address: number, oldAddress: number, size: number): number {
  if (size !== setBytes) return -errno.EINVAL;
  const given = address === 0 ? null : task.user.readU64(address);
  if (oldAddress !== 0) {
    task.user.prepareWrite(oldAddress, setBytes);
    if (given !== null && how !== SIG_BLOCK && how !== SIG_UNBLOCK && how !== SIG_SETMASK) return -errno.EINVAL;
    task.user.writeU64(oldAddress, task.blocked);
  }
  if (given === null) return 0;
  switch (how) {
    case SIG_BLOCK:
      setMask(task, task.blocked | given);
      return 0;
    case SIG_UNBLOCK:
      setMask(task, task.blocked & ~given);
      return 0;
    case SIG_SETMASK:
      setMask(task, given);
      return 0;
    default:
      return -errno.EINVAL;
  }
}

function setMask(task: Task, mask: SignalSet): void {
  task.blocked = mask & ~unblockable;
  task.kernel.signals.update(task);
}

/**
 * For pselect6, ppoll, epoll_pwait: blocks `mask` for the length of the call. The old mask comes back when the call
 * ends, or after the handler of the signal that ended it.
 */
export function setTemporaryMask(task: Task, mask: SignalSet): void {
  task.savedMask ??= task.blocked;
  setMask(task, mask);
}

function rtSigpending(task: Task, address: number, size: number): number {
  if (size > setBytes) return -errno.EINVAL;
  task.user.writeU64(address, (task.pending.set | task.process.pending.set) & task.blocked);
  return 0;
}

function rtSigsuspend(task: Task, address: number, size: number): Maybe<number> {
  if (size !== setBytes) return -errno.EINVAL;
  setTemporaryMask(task, task.user.readU64(address));
  return sleepForSignal(task);
}

async function sleepForSignal(task: Task): Promise<number> {
  while ((await task.wait([])) !== "interrupted");
  return -restart.ERESTARTNOHAND;
}

function rtSigreturn(task: Task): number {
  const restore = popSignalFrame(task, task.kernel.cpu);
  task.onResume = restore;
  return 0;
}

function sigaltstack(task: Task, address: number, oldAddress: number): number {
  const sp = task.kernel.cpu.registerNumber(reg.rsp);
  const old = task.altStack;
  const oldFlags = altStackFlags(task, sp) | (old.flags & SS_AUTODISARM);
  if (address !== 0) {
    const start = task.user.readNumber(address);
    const flags = task.user.readI32(address + 8);
    const size = task.user.readNumber(address + 16);
    if (oldAddress !== 0) task.user.prepareWrite(oldAddress, 24);
    if (onAltStack(task, sp)) return -errno.EPERM;
    const mode = flags & ~SS_AUTODISARM;
    if (mode !== 0 && mode !== SS_ONSTACK && mode !== SS_DISABLE) return -errno.EINVAL;
    if (mode === SS_DISABLE) task.altStack = { address: 0, size: 0, flags: SS_DISABLE };
    else {
      if (size < MINSIGSTKSZ) return -errno.ENOMEM;
      task.altStack = { address: start, size, flags: flags & SS_AUTODISARM };
    }
  }
  if (oldAddress !== 0) {
    task.user.writeNumber(oldAddress, old.address);
    task.user.writeU32(oldAddress + 8, oldFlags);
    task.user.writeU32(oldAddress + 12, 0);
    task.user.writeNumber(oldAddress + 16, old.size);
  }
  return 0;
}

// ---- sending -------------------------------------------------------------------------------------------------------

function fromUser(task: Task, signal: number, code: number): SignalInfo {
  return { signal, code, pid: task.pid, uid: task.credentials.ruid };
}

function sendTo(task: Task, process: Process, info: SignalInfo): number {
  const denied = task.kernel.signals.permitted(task, process, info.signal);
  if (denied < 0) return denied;
  if (info.signal !== 0) process.sendSignal(info);
  return 0;
}

function kill(task: Task, pid: number, signal: number): number {
  if (signal !== 0 && !isValid(signal)) return -errno.EINVAL;
  const info = fromUser(task, signal, siCode.SI_USER);
  const { kernel } = task;
  if (pid > 0) {
    const process = kernel.process(pid) ?? kernel.task(pid)?.process ?? null;
    return process === null ? -errno.ESRCH : sendTo(task, process, info);
  }
  if (pid === -1) {
    let [sent, found] = [0, 0];
    for (const process of Array.from(kernel.processes.values())) {
      if (process.isInit || process === task.process || process.isZombie) continue;
      found++;
      if (sendTo(task, process, info) === 0) sent++;
    }
    return sent > 0 ? 0 : found > 0 ? -errno.EPERM : -errno.ESRCH;
  }
  const group = pid === 0 ? task.process.group : kernel.processGroup(-pid);
  if (group === null || group.members.size === 0) return -errno.ESRCH;
  let result = -errno.ESRCH;
  for (const process of Array.from(group.members)) {
    const sent = sendTo(task, process, info);
    if (sent === 0 || result !== 0) result = sent;
  }
  return result;
}

function sendToThread(task: Task, pid: number | null, tid: number, info: SignalInfo): number {
  const target = task.kernel.task(tid);
  if (target === null || (pid !== null && target.pid !== pid)) {
    // A leader that has ended while other threads live on still has its number.
    const process = task.kernel.process(tid);
    return process !== null && (pid === null || process.pid === pid) ? 0 : -errno.ESRCH;
  }
  const denied = task.kernel.signals.permitted(task, target.process, info.signal);
  if (denied < 0) return denied;
  if (info.signal !== 0) target.sendSignal(info);
  return 0;
}

function tkill(task: Task, tid: number, signal: number): number {
  if (tid <= 0 || (signal !== 0 && !isValid(signal))) return -errno.EINVAL;
  return sendToThread(task, null, tid, fromUser(task, signal, siCode.SI_TKILL));
}

function tgkill(task: Task, pid: number, tid: number, signal: number): number {
  if (pid <= 0 || tid <= 0 || (signal !== 0 && !isValid(signal))) return -errno.EINVAL;
  return sendToThread(task, pid, tid, fromUser(task, signal, siCode.SI_TKILL));
}

/** siginfo_t as sigqueue(3) fills it in. */
function readInfo(task: Task, signal: number, address: number): SignalInfo {
  const bytes = new DataView(task.user.read(address, 128).buffer);
  return {
    signal,
    errno: bytes.getInt32(4, true),
    code: bytes.getInt32(8, true),
    pid: bytes.getInt32(16, true),
    uid: bytes.getUint32(20, true),
    value: bytes.getBigUint64(24, true),
  };
}

/** Only the kernel may claim to be the kernel, or kill(2). */
function mayClaim(task: Task, info: SignalInfo, pid: number): boolean {
  return (info.code < 0 && info.code !== siCode.SI_TKILL) || pid === task.pid;
}

function rtSigqueueinfo(task: Task, pid: number, signal: number, address: number): number {
  const info = readInfo(task, signal, address);
  if (signal !== 0 && !isValid(signal)) return -errno.EINVAL;
  if (!mayClaim(task, info, pid)) return -errno.EPERM;
  const process = task.kernel.process(pid);
  return process === null ? -errno.ESRCH : sendTo(task, process, info);
}

function rtTgsigqueueinfo(task: Task, pid: number, tid: number, signal: number, address: number): number {
  const info = readInfo(task, signal, address);
  if (pid <= 0 || tid <= 0 || (signal !== 0 && !isValid(signal))) return -errno.EINVAL;
  if (!mayClaim(task, info, pid)) return -errno.EPERM;
  return sendToThread(task, pid, tid, info);
}

function pidfdSendSignal(task: Task, fd: number, signal: number, address: number, flags: number): number {
  if (flags !== 0 || (signal !== 0 && !isValid(signal))) return -errno.EINVAL;
  const file = task.file(fd);
  if (!(file instanceof PidFile)) return -errno.EBADF;
  if (task.kernel.process(file.process.pid) !== file.process) return -errno.ESRCH;
  if (address === 0) return sendTo(task, file.process, fromUser(task, signal, siCode.SI_USER));
  const info = readInfo(task, signal, address);
  if (!mayClaim(task, info, file.process.pid)) return -errno.EPERM;
  return sendTo(task, file.process, info);
}

// ---- taking --------------------------------------------------------------------------------------------------------

function rtSigtimedwait(
  task: Task,
  setAddress: number,
  infoAddress: number,
  timeoutAddress: number,
  size: number,
): Maybe<number> {
  if (size !== setBytes) return -errno.EINVAL;
  const wanted = task.user.readU64(setAddress) & ~unblockable;
  const timeoutNs = timeoutAddress === 0 ? null : readTimespec(task, timeoutAddress);
  if (timeoutNs !== null && timeoutNs < 0n) return -errno.EINVAL;
  if (infoAddress !== 0) task.user.prepareWrite(infoAddress, 128);
  const take = () => {
    const info = task.pending.take(wanted) ?? task.process.pending.take(wanted);
    if (info === null) return null;
    task.kernel.signals.update(task);
    if (infoAddress !== 0) task.user.write(infoAddress, encodeSignalInfo(info));
    return info.signal;
  };
  const now = take();
  if (now !== null) return now;
  if (timeoutNs === 0n) return -errno.EAGAIN;
  const deadlineNs = timeoutNs === null ? null : task.kernel.clock.monotonicNs() + timeoutNs;
  return (async () => {
    task.awaited = wanted;
    try {
      for (;;) {
        const ended = await task.wait([], { deadlineNs });
        const signal = take();
        if (signal !== null) return signal;
        if (ended === "timeout") return -errno.EAGAIN;
        if (task.signalPending) return -errno.EINTR;
      }
    } finally {
      task.awaited = 0n;
    }
  })();
}

function pause(task: Task): Maybe<number> {
  return sleepForSignal(task);
}

function restartSyscall(task: Task): Maybe<number> {
  const block = task.restartBlock;
  task.restartBlock = null;
  return block === null ? -errno.EINTR : block();
}

export const signalRows = [
  row("rt_sigaction", rtSigaction, ["signal", "buffer", "buffer", "address"]),
  row("rt_sigprocmask", rtSigprocmask, ["flags:sigprocmask", "buffer", "buffer", "address"]),
  row("rt_sigpending", rtSigpending, ["buffer", "address"]),
  row("rt_sigsuspend", rtSigsuspend, ["buffer", "address"]),
  row("rt_sigreturn", rtSigreturn, []),
  row("rt_sigtimedwait", rtSigtimedwait, ["buffer", "buffer", "buffer", "address"]),
  row("rt_sigqueueinfo", rtSigqueueinfo, ["int", "signal", "buffer"]),
  row("rt_tgsigqueueinfo", rtTgsigqueueinfo, ["int", "int", "signal", "buffer"]),
  row("sigaltstack", sigaltstack, ["buffer", "buffer"]),
  row("kill", kill, ["int", "signal"]),
  row("tkill", tkill, ["int", "signal"]),
  row("tgkill", tgkill, ["int", "int", "signal"]),
  partial("pidfd_send_signal", pidfdSendSignal, ["fd", "signal", "buffer", "int"], "no flags"),
  row("pause", pause, []),
  row("restart_syscall", restartSyscall, []),
];
