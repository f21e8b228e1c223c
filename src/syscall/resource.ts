/** Limits, usage, priorities and scheduling (man 2 getrlimit, getrusage, sched_setscheduler). */
import { errno } from "../abi/errno.ts";
import { RLIM_NLIMITS, rlimit } from "../abi/resource.ts";
import { limits } from "../base/limits.ts";
import { capability } from "../kernel/credentials.ts";
import type { Process } from "../kernel/process.ts";
import type { Task } from "../kernel/task.ts";
import { partial, row } from "./row.ts";
import { writeTimespec, writeTimeval } from "./time-structures.ts";

const usageBytes = 144;
const clockTickNs = 10_000_000;
/** The time slice sched_rr_get_interval(2) reports. */
const roundRobinNs = 100_000_000n;

/** struct rusage: the two times and the resident set; what else it holds is zero here. */
export function writeUsage(task: Task, address: number, userNs: number, systemNs: number, residentKib: number): void {
  task.user.prepareWrite(address, usageBytes);
  task.user.fill(address, usageBytes, 0);
  writeTimeval(task, address, BigInt(Math.floor(userNs)));
  writeTimeval(task, address + 16, BigInt(Math.floor(systemNs)));
  task.user.writeNumber(address + 32, residentKib);
}

function getrusage(task: Task, who: number, address: number): number {
  const { process } = task;
  const resident = (task.memory.peakResidentPages * limits.pageBytes) / 1024;
  const now = task.kernel.scheduler.sliceNs(task);
  switch (who) {
    case 0:
      writeUsage(task, address, process.userNs + now, process.systemNs, resident);
      return 0;
    case -1:
      writeUsage(task, address, process.childrenUserNs, process.childrenSystemNs, 0);
      return 0;
    case 1:
      writeUsage(task, address, task.userNs + now, task.systemNs, resident);
      return 0;
    default:
      return -errno.EINVAL;
  }
}

function times(task: Task, address: number): number {
  const { process, kernel } = task;
  if (address !== 0) {
    task.user.prepareWrite(address, 32);
    const values = [process.userNs, process.systemNs, process.childrenUserNs, process.childrenSystemNs];
    for (const [index, ns] of values.entries())
      task.user.writeNumber(address + index * 8, Math.floor(ns / clockTickNs));
  }
  return Number((kernel.clock.monotonicNs() - kernel.bootNs) / BigInt(clockTickNs));
}

function writeLimit(task: Task, process: Process, resource: number, address: number): void {
  const { soft, hard } = process.limits.get(resource);
  task.user.prepareWrite(address, 16);
  task.user.writeU64(address, soft);
  task.user.writeU64(address + 8, hard);
}

function setLimit(task: Task, process: Process, resource: number, soft: bigint, hard: bigint): number {
  if (soft > hard) return -errno.EINVAL;
  const old = process.limits.get(resource);
  if (hard > old.hard && !task.hasCapability(capability.sysResource)) return -errno.EPERM;
  if (resource === rlimit.NOFILE && hard > BigInt(limits.openFilesMax)) return -errno.EPERM;
  process.limits.set(resource, { soft, hard });
  if (resource === rlimit.STACK) {
    for (const member of process.tasks) member.memory.stackLimit = process.limits.soft(rlimit.STACK);
  }
  return 0;
}

function getrlimit(task: Task, resource: number, address: number): number {
  if (resource < 0 || resource >= RLIM_NLIMITS) return -errno.EINVAL;
  writeLimit(task, task.process, resource, address);
  return 0;
}

function setrlimit(task: Task, resource: number, address: number): number {
  if (resource < 0 || resource >= RLIM_NLIMITS) return -errno.EINVAL;
  return setLimit(task, task.process, resource, task.user.readU64(address), task.user.readU64(address + 8));
}

function prlimit64(task: Task, pid: number, resource: number, address: number, oldAddress: number): number {
  if (resource < 0 || resource >= RLIM_NLIMITS) return -errno.EINVAL;
  const process = pid === 0 ? task.process : task.kernel.process(pid);
  if (process === null) return -errno.ESRCH;
  const theirs = process.leader.credentials;
  if (
    process !== task.process &&
    task.credentials.ruid !== theirs.ruid &&
    !task.hasCapability(capability.sysResource)
  ) {
    return -errno.EPERM;
  }
  const soft = address === 0 ? 0n : task.user.readU64(address);
  const hard = address === 0 ? 0n : task.user.readU64(address + 8);
  if (oldAddress !== 0) writeLimit(task, process, resource, oldAddress);
  return address === 0 ? 0 : setLimit(task, process, resource, soft, hard);
}

// ---- priorities ----------------------------------------------------------------------------------------------------

const PRIO_PROCESS = 0;
const PRIO_PGRP = 1;
const PRIO_USER = 2;

function priorityTargets(task: Task, which: number, who: number): Process[] | null {
  const { kernel, process } = task;
  if (which === PRIO_PROCESS) {
    const found = who === 0 ? process : (kernel.process(who) ?? kernel.task(who)?.process ?? null);
    return found === null ? [] : [found];
  }
  if (which === PRIO_PGRP) {
    const group = who === 0 ? process.group : kernel.processGroup(who);
    return group === null ? [] : [...group.members];
  }
  if (which === PRIO_USER) {
    const uid = who === 0 ? task.credentials.ruid : who;
    return [...kernel.processes.values()].filter((other) => other.leader.credentials.ruid === uid);
  }
  return null;
}

/** The raw call returns 20 - nice, so that errors and values do not meet. */
function getpriority(task: Task, which: number, who: number): number {
  const targets = priorityTargets(task, which, who);
  if (targets === null) return -errno.EINVAL;
  if (targets.length === 0) return -errno.ESRCH;
  return 20 - Math.min(...targets.map((process) => process.niceness));
}

function setpriority(task: Task, which: number, who: number, value: number): number {
  const targets = priorityTargets(task, which, who);
  if (targets === null) return -errno.EINVAL;
  if (targets.length === 0) return -errno.ESRCH;
  const niceness = Math.max(-20, Math.min(19, value));
  for (const process of targets) {
    if (niceness < process.niceness && !task.hasCapability(capability.sysNice)) return -errno.EACCES;
    process.niceness = niceness;
  }
  return 0;
}

// ---- scheduling ----------------------------------------------------------------------------------------------------

const policy = { OTHER: 0, FIFO: 1, RR: 2, BATCH: 3, IDLE: 5 } as const;
const realtimePriorityMax = 99;

function schedTarget(task: Task, pid: number): Task | null {
  return pid === 0 ? task : (task.kernel.task(pid) ?? task.kernel.process(pid)?.leader ?? null);
}

function schedYield(task: Task): number {
  task.kernel.scheduler.yieldCurrent();
  return 0;
}

/** There is one processor. */
function schedGetaffinity(task: Task, pid: number, size: number, address: number): number {
  if (schedTarget(task, pid) === null) return -errno.ESRCH;
  if (size < 8 || size % 8 !== 0) return -errno.EINVAL;
  task.user.writeU64(address, 1n);
  return 8;
}

function schedSetaffinity(task: Task, pid: number, size: number, address: number): number {
  if (schedTarget(task, pid) === null) return -errno.ESRCH;
  if (size === 0) return -errno.EINVAL;
  return (task.user.readU8(address) & 1) === 0 ? -errno.EINVAL : 0;
}

function schedGetscheduler(task: Task, pid: number): number {
  if (pid < 0) return -errno.EINVAL;
  return schedTarget(task, pid) === null ? -errno.ESRCH : policy.OTHER;
}

function schedSetscheduler(task: Task, pid: number, wanted: number, address: number): number {
  if (pid < 0) return -errno.EINVAL;
  if (schedTarget(task, pid) === null) return -errno.ESRCH;
  const priority = task.user.readI32(address);
  return checkPolicy(wanted & ~0x40000000, priority);
}

function checkPolicy(wanted: number, priority: number): number {
  switch (wanted) {
    case policy.OTHER:
    case policy.BATCH:
    case policy.IDLE:
      return priority === 0 ? 0 : -errno.EINVAL;
    case policy.FIFO:
    case policy.RR:
      return priority < 1 || priority > realtimePriorityMax ? -errno.EINVAL : -errno.EPERM;
    default:
      return -errno.EINVAL;
  }
}

function schedGetparam(task: Task, pid: number, address: number): number {
  if (pid < 0 || address === 0) return -errno.EINVAL;
  if (schedTarget(task, pid) === null) return -errno.ESRCH;
  task.user.writeU32(address, 0);
  return 0;
}

function schedSetparam(task: Task, pid: number, address: number): number {
  if (pid < 0 || address === 0) return -errno.EINVAL;
  if (schedTarget(task, pid) === null) return -errno.ESRCH;
  return checkPolicy(policy.OTHER, task.user.readI32(address));
}

function schedPriorityRange(wanted: number, realtime: number): number {
  if (wanted === policy.FIFO || wanted === policy.RR) return realtime;
  return wanted === policy.OTHER || wanted === policy.BATCH || wanted === policy.IDLE ? 0 : -errno.EINVAL;
}

function schedRrGetInterval(task: Task, pid: number, address: number): number {
  if (schedTarget(task, pid) === null) return -errno.ESRCH;
  writeTimespec(task, address, roundRobinNs);
  return 0;
}

const schedAttributeBytes = 48;

function schedGetattr(task: Task, pid: number, address: number, size: number, flags: number): number {
  if (flags !== 0 || size < schedAttributeBytes) return -errno.EINVAL;
  const target = schedTarget(task, pid);
  if (target === null) return -errno.ESRCH;
  task.user.prepareWrite(address, schedAttributeBytes);
  task.user.fill(address, schedAttributeBytes, 0);
  task.user.writeU32(address, schedAttributeBytes);
  task.user.writeU32(address + 16, target.process.niceness);
  return 0;
}

function schedSetattr(task: Task, pid: number, address: number, flags: number): number {
  if ((flags & ~1) !== 0) return -errno.EINVAL;
  if (schedTarget(task, pid) === null) return -errno.ESRCH;
  return checkPolicy(task.user.readI32(address + 4), task.user.readI32(address + 20));
}

function getcpu(task: Task, cpuAddress: number, nodeAddress: number): number {
  if (cpuAddress !== 0) task.user.writeU32(cpuAddress, 0);
  if (nodeAddress !== 0) task.user.writeU32(nodeAddress, 0);
  return 0;
}

export const resourceRows = [
  partial("getrusage", getrusage, ["int", "buffer"], "times and resident set; the counters are zero"),
  row("times", times, ["buffer"]),
  row("getrlimit", getrlimit, ["flags:rlimit", "buffer"]),
  row("setrlimit", setrlimit, ["flags:rlimit", "buffer"]),
  partial(
    "prlimit64",
    prlimit64,
    ["int", "flags:rlimit", "buffer", "buffer"],
    "enforced: NOFILE, STACK, DATA, AS, NPROC, FSIZE; the others are kept",
  ),
  partial("getpriority", getpriority, ["int", "int"], "niceness is kept, and does not change shares"),
  partial("setpriority", setpriority, ["int", "int", "int"], "niceness is kept, and does not change shares"),
  row("sched_yield", schedYield, []),
  row("sched_getaffinity", schedGetaffinity, ["int", "address", "buffer"]),
  row("sched_setaffinity", schedSetaffinity, ["int", "address", "buffer"]),
  row("sched_getscheduler", schedGetscheduler, ["int"]),
  partial("sched_setscheduler", schedSetscheduler, ["int", "int", "buffer"], "real-time policies are EPERM"),
  row("sched_getparam", schedGetparam, ["int", "buffer"]),
  row("sched_setparam", schedSetparam, ["int", "buffer"]),
  row("sched_get_priority_max", (_task: Task, wanted: number) => schedPriorityRange(wanted, realtimePriorityMax), [
    "int",
  ]),
  row("sched_get_priority_min", (_task: Task, wanted: number) => schedPriorityRange(wanted, 1), ["int"]),
  row("sched_rr_get_interval", schedRrGetInterval, ["int", "buffer"]),
  row("sched_getattr", schedGetattr, ["int", "buffer", "uint", "uint"]),
  partial("sched_setattr", schedSetattr, ["int", "buffer", "uint"], "real-time policies are EPERM"),
  row("getcpu", getcpu, ["buffer", "buffer", "buffer"]),
  partial("ioprio_get", () => 0, ["int", "int"], "there is one priority"),
  partial("ioprio_set", () => 0, ["int", "int", "int"], "there is one priority"),
];
