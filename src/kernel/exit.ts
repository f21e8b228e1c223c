/** The end of threads and processes: what they held goes, parents hear of it, children get a new parent. */
import { siCode, signals } from "../abi/signal.ts";
import { PageNeeded, UserFault } from "./faults.ts";
import { futexKey } from "./futex.ts";
import type { ProcessGroup } from "./process-group.ts";
import type { Process, WaitStatus } from "./process.ts";
import { releaseRobustMutexes } from "./robust-list.ts";
import { formatEnd } from "./strace.ts";
import type { Task } from "./task.ts";

/** The whole process ends with `status`, a status word of wait(2): each thread as soon as it notices. */
export function exitProcess(process: Process, status: WaitStatus): void {
  if (process.exitStatus !== null) return;
  process.exitStatus = status;
  for (const task of process.tasks) endSoon(task);
}

/** Makes a thread whose end is decided notice: it wakes up, or is preempted. */
export function endSoon(task: Task): void {
  const { scheduler } = task.kernel;
  task.signalPending = true;
  task.interrupt(true);
  scheduler.resumeStopped(task);
  scheduler.preempt(task);
}

/** One thread ends, with `status` if it is the last one of its process. */
export function exitTask(task: Task, status: WaitStatus): void {
  if (task.state === "dead") return;
  const { kernel, process } = task;
  releaseRobustMutexes(task);
  releaseVfork(task);
  clearChildTid(task);
  kernel.strace?.(task, `+++ ${formatEnd(process.exitStatus ?? status)} +++`);
  task.state = "dead";
  kernel.scheduler.forget(task);
  process.endedUserNs += task.userNs;
  process.endedSystemNs += task.systemNs;
  process.tasks.delete(task);
  kernel.tasks.delete(task.tid);
  for (const child of process.children) {
    for (const childTask of child.tasks) {
      if (childTask.parentDeathSignal !== 0 && childTask.parentTask === task) {
        childTask.sendSignal({ signal: childTask.parentDeathSignal, code: siCode.SI_USER, pid: process.pid });
      }
    }
  }
  task.files.release();
  task.memory.release();
  if (process.tasks.size === 0) endProcess(process, process.exitStatus ?? status);
  process.releaseWaiters.wake();
}

/** The parent of a vfork child may go on. */
export function releaseVfork(task: Task): void {
  if (!task.isVforkChild) return;
  task.isVforkChild = false;
  task.process.releaseWaiters.wake();
}

/** CLONE_CHILD_CLEARTID: pthread_join waits for this word. */
export function clearChildTid(task: Task): void {
  const address = task.clearChildTid;
  task.clearChildTid = 0;
  if (address === 0 || task.memory.users < 2) return;
  try {
    task.user.writeU32(address, 0);
    task.kernel.futexes.wake(futexKey(task, address, false), 1);
  } catch (error) {
    if (!(error instanceof UserFault || error instanceof PageNeeded)) throw error;
  }
}

function endProcess(process: Process, status: WaitStatus): void {
  const { kernel } = process;
  process.exitStatus = status;
  process.executable?.release();
  process.executable = null;
  kernel.itimers.processEnded(process);
  const mayBecomeOrphaned = groupsHeldBy(process);
  adoptChildren(process);
  const { session } = process;
  if (session.leader === process) {
    session.leader = null;
    const { terminal } = session;
    session.terminal = null;
    terminal?.sessionEnded();
  }
  process.isZombie = true;
  hangUpOrphans(mayBecomeOrphaned);
  const exited = (status & 0x7f) === 0;
  const code = exited ? siCode.CLD_EXITED : siCode.CLD_KILLED;
  const { parent } = process;
  if (process.isInit) kernel.initEnded(process);
  if (parent === null) {
    reap(process);
  } else {
    kernel.signals.notifyParent(process, code, exited ? status >> 8 : status & 0x7f);
    if (process.exitSignal === signals.SIGCHLD && parent.actions.reapsChildren) {
      reap(process);
      parent.childWaiters.wake();
    }
  }
  process.exitWaiters.wake();
  kernel.processWaiters.wake();
  process.onExit?.(status);
}

/** Children of the dead go to the nearest subreaper above, or to the container's first process. */
function adoptChildren(process: Process): void {
  const { kernel } = process;
  if (process.children.size === 0) return;
  let heir = process.parent;
  while (heir !== null && (!heir.isSubreaper || heir.isZombie || heir.exitStatus !== null)) heir = heir.parent;
  heir ??= kernel.process(1);
  if (heir === process || heir?.isZombie) heir = null;
  for (const child of process.children) {
    child.parent = heir;
    heir?.children.add(child);
    if (!child.isZombie) continue;
    if (heir === null || heir.actions.reapsChildren) reap(child);
    else kernel.signals.notifyParent(child, siCode.CLD_EXITED, (child.exitStatus ?? 0) >> 8);
  }
  process.children.clear();
}

/** Groups that this process keeps from being orphaned: by its own parent, or by being a parent (Linux: kill_orphaned_pgrp). */
function groupsHeldBy(process: Process): Set<ProcessGroup> {
  const { group, parent } = process;
  const held = new Set<ProcessGroup>();
  if (parent !== null && parent.group !== group && parent.session === process.session) held.add(group);
  for (const child of process.children) {
    if (child.group !== group && child.session === process.session) held.add(child.group);
  }
  return held;
}

/** A group that has become orphaned and has stopped members gets SIGHUP and SIGCONT (POSIX, _exit). */
function hangUpOrphans(groups: Iterable<ProcessGroup>): void {
  for (const group of groups) {
    if (!group.isOrphaned) continue;
    const members = [...group.members];
    const stopped = members.find((member) => !member.isZombie && member.stopSignal !== 0);
    if (stopped === undefined) continue;
    stopped.kernel.signals.sendToGroup(group, { signal: signals.SIGHUP, code: siCode.SI_KERNEL });
    stopped.kernel.signals.sendToGroup(group, { signal: signals.SIGCONT, code: siCode.SI_KERNEL });
  }
}

/** The last trace of a process goes: wait(2) has reported it, or nobody will ask. */
export function reap(process: Process): void {
  const { kernel, parent } = process;
  parent?.children.delete(process);
  if (parent !== null) {
    parent.childrenUserNs += process.userNs + process.childrenUserNs;
    parent.childrenSystemNs += process.systemNs + process.childrenSystemNs;
  }
  kernel.processes.delete(process.pid);
  kernel.leaveGroup(process);
}
