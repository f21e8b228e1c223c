/**
 * What a signal handler finds on its stack (Linux: arch/x86/include/asm/sigframe.h, uapi/asm/sigcontext.h):
 *
 *     rsp →  return address (the restorer)        8
 *            struct ucontext                    304     flags, link, stack, sigcontext (256), mask
 *            siginfo_t                          128
 *            …
 *            floating-point and vector state    512…836 64-byte aligned, pointed to by sigcontext (signal-fpstate.ts)
 *
 * rt_sigreturn(2) reads it back. The 128 bytes below the interrupted rsp, the red zone, are left alone.
 */
import { SS_AUTODISARM, SS_DISABLE, SS_ONSTACK, sa, siCode, signals } from "../abi/signal.ts";
import { reg } from "../../wasm/x86/types.ts";
import type { Cpu } from "../../wasm/x86/types.ts";
import type { SignalAction, SignalInfo } from "./signal-state.ts";
import { fpstateBytes, readFpstate, resetFpstate, saveFpstate } from "./signal-fpstate.ts";
import { unblockable } from "./signal-state.ts";
import type { Task } from "./task.ts";
import { UserFault } from "./faults.ts";
import { userEnd } from "./user-memory.ts";

const redZoneBytes = 128;
const frameBytes = 440;
const ucontextAt = 8;
const sigcontextAt = ucontextAt + 40;
const maskAt = ucontextAt + 296;
const infoAt = 312;

/** UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS: ss is saved and restored, as 64-bit kernels do since 4.6. */
const ucFlags = 6n;
/** UC_FP_XSTATE: the state is XSAVE's. */
const ucFpXstate = 1n;
const userCs = 0x33;
const userSs = 0x2b;

/** Order of the general registers in struct sigcontext. */
const savedRegisters = [
  reg.r8,
  reg.r9,
  reg.r10,
  reg.r11,
  reg.r12,
  reg.r13,
  reg.r14,
  reg.r15,
  reg.rdi,
  reg.rsi,
  reg.rbp,
  reg.rbx,
  reg.rdx,
  reg.rax,
  reg.rcx,
  reg.rsp,
] as const;
const ripAt = sigcontextAt + savedRegisters.length * 8;

/** Flags a guest may set itself: CF PF AF ZF SF TF DF OF NT AC ID. */
const settableFlags = 0x00244dd5 | 0x4000;
const directionFlag = 0x400;
const trapFlag = 0x100;
const resumeFlag = 0x10000;

/** siginfo_t, 128 bytes (asm-generic/siginfo.h). */
export function encodeSignalInfo(info: SignalInfo): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(128);
  const view = new DataView(bytes.buffer);
  view.setInt32(0, info.signal, true);
  view.setInt32(4, info.errno ?? 0, true);
  view.setInt32(8, info.code, true);
  if (info.address !== undefined) {
    view.setBigUint64(16, BigInt.asUintN(64, BigInt(info.address)), true);
  } else if (info.timerId !== undefined) {
    view.setInt32(16, info.timerId, true);
    view.setInt32(20, info.overrun ?? 0, true);
    view.setBigUint64(24, BigInt.asUintN(64, info.value ?? 0n), true);
  } else if (info.fd !== undefined) {
    view.setBigInt64(16, BigInt(info.band ?? 0), true);
    view.setInt32(24, info.fd, true);
  } else {
    view.setInt32(16, info.pid ?? 0, true);
    view.setUint32(20, info.uid ?? 0, true);
    if (info.signal === signals.SIGCHLD && info.code > 0 && info.code < siCode.SI_KERNEL) {
      view.setInt32(24, info.status ?? 0, true);
      view.setBigInt64(32, BigInt(info.userTicks ?? 0), true);
      view.setBigInt64(40, BigInt(info.systemTicks ?? 0), true);
    } else view.setBigUint64(24, BigInt.asUintN(64, info.value ?? 0n), true);
  }
  return bytes;
}

/** Whether `sp` is on the task's alternate stack; with SS_AUTODISARM one never is. */
export function onAltStack(task: Task, sp: number): boolean {
  const { address, size, flags } = task.altStack;
  if ((flags & SS_AUTODISARM) !== 0) return false;
  return sp > address && sp - address <= size;
}

/** ss_flags as sigaltstack(2) reports them. */
export function altStackFlags(task: Task, sp: number): number {
  if (task.altStack.size === 0) return SS_DISABLE;
  return onAltStack(task, sp) ? SS_ONSTACK : 0;
}

/**
 * Builds the frame and points the registers, which must be loaded, at the handler. May throw `PageNeeded`, before any
 * register changed, and `UserFault` when the stack cannot take the frame.
 */
export function pushSignalFrame(task: Task, cpu: Cpu, info: SignalInfo, action: SignalAction): void {
  const sp = cpu.registerNumber(reg.rsp);
  const nested = onAltStack(task, sp);
  let top = sp - redZoneBytes;
  const switching = (action.flags & sa.ONSTACK) !== 0 && !nested && task.altStack.size !== 0;
  if (switching) top = task.altStack.address + task.altStack.size;
  const fpBytes = fpstateBytes(cpu);
  const fpAddress = top - fpBytes - ((top - fpBytes) % 64);
  const unaligned = fpAddress - frameBytes;
  const frame = unaligned - (unaligned % 16) - 8;
  if (!(frame > 0 && top < userEnd)) throw new UserFault();
  // A handler that overran its alternate stack must not trample what lies below it.
  if ((nested || switching) && frame < task.altStack.address) throw new UserFault();
  if ((action.flags & sa.RESTORER) === 0) throw new UserFault();

  const bytes = new Uint8Array(frameBytes);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(action.restorer), true);
  view.setBigUint64(ucontextAt, cpu.level === "x86-64-v3" ? ucFlags | ucFpXstate : ucFlags, true);
  view.setBigUint64(ucontextAt + 16, BigInt(task.altStack.address), true);
  view.setInt32(ucontextAt + 24, altStackFlags(task, sp) | (task.altStack.flags & SS_AUTODISARM), true);
  view.setBigUint64(ucontextAt + 32, BigInt(task.altStack.size), true);
  for (const [index, register] of savedRegisters.entries()) {
    view.setBigUint64(sigcontextAt + index * 8, cpu.register(register), true);
  }
  view.setBigUint64(ripAt, BigInt(cpu.rip), true);
  view.setBigUint64(ripAt + 8, BigInt(cpu.flags), true);
  view.setUint16(ripAt + 16, userCs, true);
  view.setUint16(ripAt + 22, userSs, true);
  view.setBigUint64(ripAt + 24, BigInt(task.trap.error), true);
  view.setBigUint64(ripAt + 32, BigInt(task.trap.number), true);
  const mask = task.savedMask ?? task.blocked;
  view.setBigUint64(ripAt + 40, mask, true);
  view.setBigUint64(ripAt + 48, BigInt(task.trap.address), true);
  view.setBigUint64(ripAt + 56, BigInt(fpAddress), true);
  view.setBigUint64(maskAt, mask, true);
  bytes.set(encodeSignalInfo(info), infoAt);

  task.user.prepareWrite(frame, frameBytes);
  task.user.prepareWrite(fpAddress, fpBytes);
  task.user.write(fpAddress, saveFpstate(cpu));
  task.user.write(frame, bytes);

  resetFpstate(cpu);
  cpu.setRegisterNumber(reg.rsp, frame);
  cpu.setRegisterNumber(reg.rdi, info.signal);
  cpu.setRegisterNumber(reg.rsi, frame + infoAt);
  cpu.setRegisterNumber(reg.rdx, frame + ucontextAt);
  cpu.setRegisterNumber(reg.rax, 0);
  cpu.rip = action.handler;
  cpu.flags = cpu.flags & ~(directionFlag | trapFlag | resumeFlag);
  if (switching && (task.altStack.flags & SS_AUTODISARM) !== 0) {
    task.altStack = { address: 0, size: 0, flags: SS_DISABLE };
  }
}

/**
 * Reads the frame back and returns what puts its registers in place; the caller runs that when they are loaded. Throws
 * `PageNeeded` or `UserFault` before anything changed.
 */
export function popSignalFrame(task: Task, cpu: Cpu): () => void {
  const frame = cpu.registerNumber(reg.rsp) - 8;
  const bytes = task.user.read(frame, frameBytes);
  const view = new DataView(bytes.buffer);
  const loadFpstate = readFpstate(task, cpu, Number(view.getBigUint64(ripAt + 56, true)));
  return () => {
    for (const [index, register] of savedRegisters.entries()) {
      cpu.setRegister(register, view.getBigUint64(sigcontextAt + index * 8, true));
    }
    const rip = Number(view.getBigUint64(ripAt, true));
    cpu.rip = rip;
    const flags = Number(BigInt.asUintN(32, view.getBigUint64(ripAt + 8, true)));
    cpu.flags = (cpu.flags & ~settableFlags) | (flags & settableFlags);
    loadFpstate();
    task.blocked = view.getBigUint64(maskAt, true) & ~unblockable;
    const stackFlags = view.getInt32(ucontextAt + 24, true);
    const size = Number(view.getBigUint64(ucontextAt + 32, true));
    if (!onAltStack(task, cpu.registerNumber(reg.rsp))) {
      task.altStack = {
        address: Number(view.getBigUint64(ucontextAt + 16, true)),
        size: (stackFlags & SS_DISABLE) !== 0 ? 0 : size,
        flags: (stackFlags & SS_DISABLE) !== 0 ? SS_DISABLE : stackFlags & SS_AUTODISARM,
      };
    }
    task.kernel.signals.update(task);
  };
}
