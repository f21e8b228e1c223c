/** Making tasks: fork, vfork, clone and clone3 (man 2 clone). */
import { errno } from "../abi/errno.ts";
import { rlimit } from "../abi/resource.ts";
import { limits } from "../base/limits.ts";
import type { Maybe } from "../base/maybe.ts";
import { reg } from "../../wasm/x86/types.ts";
import { PidFile } from "./pidfd.ts";
import { Process } from "./process.ts";
import { SignalActions } from "./signal-state.ts";
import { Task } from "./task.ts";
import { SS_DISABLE } from "../abi/signal.ts";

export const clone = {
  VM: 0x100,
  FS: 0x200,
  FILES: 0x400,
  SIGHAND: 0x800,
  PIDFD: 0x1000,
  VFORK: 0x4000,
  PARENT: 0x8000,
  THREAD: 0x10000,
  NEWNS: 0x20000,
  SYSVSEM: 0x40000,
  SETTLS: 0x80000,
  PARENT_SETTID: 0x100000,
  CHILD_CLEARTID: 0x200000,
  DETACHED: 0x400000,
  CHILD_SETTID: 0x1000000,
  NEWCGROUP: 0x02000000,
  NEWUTS: 0x04000000,
  NEWIPC: 0x08000000,
  NEWUSER: 0x10000000,
  NEWPID: 0x20000000,
  NEWNET: 0x40000000,
  CLEAR_SIGHAND: 0x1_0000_0000,
} as const;

const namespaceFlags =
  clone.NEWNS | clone.NEWCGROUP | clone.NEWUTS | clone.NEWIPC | clone.NEWUSER | clone.NEWPID | clone.NEWNET;

export interface CloneArguments {
  /** CLONE_ flags without the exit signal; may exceed 32 bits. */
  readonly flags: number;
  readonly exitSignal: number;
  /** The child's stack pointer; 0 keeps the parent's. */
  readonly stackPointer: number;
  readonly parentTid: number;
  readonly childTid: number;
  readonly pidfd: number;
  readonly tls: number;
}

/** The child's thread id, or -errno. The parent's registers must be loaded. */
export function cloneTask(parent: Task, given: CloneArguments): Maybe<number> {
  const { kernel } = parent;
  const { cpu } = kernel;
  const has = (flag: number) => Math.floor(given.flags / flag) % 2 === 1;
  const thread = has(clone.THREAD);
  if (has(clone.SIGHAND) && !has(clone.VM)) return -errno.EINVAL;
  if (thread && !has(clone.SIGHAND)) return -errno.EINVAL;
  if (has(clone.CLEAR_SIGHAND) && has(clone.SIGHAND)) return -errno.EINVAL;
  if (has(clone.NEWNS) && has(clone.FS)) return -errno.EINVAL;
  // New namespaces need CAP_SYS_ADMIN, which a container's root does not have.
  if ((given.flags & namespaceFlags) !== 0) return -errno.EPERM;
  if (has(clone.PIDFD) && has(clone.PARENT_SETTID) && given.pidfd === given.parentTid) return -errno.EINVAL;
  if (kernel.tasks.size >= limits.tasksMax) return -errno.EAGAIN;
  if (!thread && exceedsProcessLimit(parent)) return -errno.EAGAIN;

  if (has(clone.PARENT_SETTID)) parent.user.prepareWrite(given.parentTid, 4);
  if (has(clone.PIDFD)) parent.user.prepareWrite(given.pidfd, 4);
  if (has(clone.CHILD_SETTID)) parent.user.prepareWrite(given.childTid, 4);

  const memory = has(clone.VM) ? parent.memory : parent.memory.copy();
  if (typeof memory === "number") return memory;
  if (memory === parent.memory) memory.retain();
  const files = has(clone.FILES) ? parent.files : parent.files.copy();
  if (files === parent.files) files.retain();
  const fs = has(clone.FS) ? parent.fs : parent.fs.copy();

  const tid = kernel.allocatePid();
  const process = thread ? parent.process : makeProcess(parent, tid, given, has);
  const child = new Task(kernel, tid, {
    process,
    memory,
    files,
    fs,
    credentials: parent.credentials,
    name: parent.name,
  });
  process.tasks.add(child);
  if (!thread) {
    process.leader = child;
    kernel.processes.set(tid, process);
  }
  kernel.tasks.set(tid, child);
  kernel.forks++;

  child.blocked = parent.blocked;
  child.parentTask = parent;
  child.noNewPrivileges = parent.noNewPrivileges;
  child.timerSlackNs = parent.timerSlackNs;
  // A task with a memory of its own keeps the alternate stack; one that shares it, save for vfork, starts without.
  child.altStack =
    has(clone.VM) && !has(clone.VFORK) ? { address: 0, size: 0, flags: SS_DISABLE } : { ...parent.altStack };
  // A thread registers its own; a copy of the process keeps the caller's (Linux: rseq_fork).
  if (!has(clone.VM)) child.rseq = parent.rseq;
  if (has(clone.CHILD_CLEARTID)) child.clearChildTid = given.childTid;

  cpu.saveContext(parent.context);
  cpu.setRegisterNumber(reg.rax, 0);
  if (given.stackPointer !== 0) cpu.setRegisterNumber(reg.rsp, given.stackPointer);
  if (has(clone.SETTLS)) cpu.fsBase = given.tls;
  cpu.saveContext(child.context);
  cpu.loadContext(parent.context);

  if (has(clone.PARENT_SETTID)) parent.user.writeU32(given.parentTid, tid);
  if (has(clone.CHILD_SETTID)) child.user.writeU32(given.childTid, tid);
  if (has(clone.PIDFD)) {
    const fd = parent.allocateFd(new PidFile(process, 0), true);
    if (fd >= 0) parent.user.writeU32(given.pidfd, fd);
  }
  child.virtualMs = parent.virtualMs;
  kernel.scheduler.enqueue(child);
  if (!has(clone.VFORK)) return tid;
  child.isVforkChild = true;
  return waitForVfork(parent, child);
}

function makeProcess(parent: Task, pid: number, given: CloneArguments, has: (flag: number) => boolean): Process {
  const own = parent.process;
  const actions = has(clone.SIGHAND) ? own.actions : own.actions.copy();
  if (has(clone.CLEAR_SIGHAND)) clearHandlers(actions);
  const father = has(clone.PARENT) ? own.parent : own;
  const process = new Process(
    own.kernel,
    pid,
    father,
    own.group,
    actions,
    own.limits.copy(),
    has(clone.PARENT) ? own.exitSignal : given.exitSignal,
  );
  own.executable?.retain();
  process.executable = own.executable;
  process.executablePath = own.executablePath;
  process.personality = own.personality;
  process.niceness = own.niceness;
  process.dumpable = own.dumpable;
  return process;
}

function clearHandlers(actions: SignalActions): void {
  actions.resetOnExec();
}

/** The parent sleeps until the child has a memory of its own or is gone; only its own end wakes it before. */
async function waitForVfork(parent: Task, child: Task): Promise<number> {
  while (child.isVforkChild && child.state !== "dead") {
    const ended = await parent.wait([child.process.releaseWaiters], { interruptible: false });
    if (ended === "interrupted") break;
  }
  return child.tid;
}

function exceedsProcessLimit(task: Task): boolean {
  const uid = task.credentials.ruid;
  if (uid === 0) return false;
  const limit = task.process.limits.soft(rlimit.NPROC);
  let count = 0;
  for (const other of task.kernel.tasks.values()) if (other.credentials.ruid === uid) count++;
  return count >= limit;
}

/** pidfd_open(2). */
export function openPidfd(task: Task, process: Process, flags: number): number {
  return task.allocateFd(new PidFile(process, flags), true);
}
