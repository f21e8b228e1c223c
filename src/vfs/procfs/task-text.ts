/** The texts of /proc/PID, in Linux's formats (man 5 proc). */
import { rlimit } from "../../abi/resource.ts";
import { deviceMajor, deviceMinor } from "../../abi/stat.ts";
import { ticksPerSecond } from "../../abi/uts.ts";
import { encodeName } from "../../base/bytes.ts";
import { limits } from "../../base/limits.ts";
import { pathOf } from "../dentry.ts";
import type { ProcIds, ProcSource, ProcTask } from "./source.ts";

const nsPerTick = 1e9 / ticksPerSecond;

export const ticks = (ns: number): number => Math.floor(ns / nsPerTick);

/** /proc/PID/stat: one line of 52 numbers, the name in parentheses second. */
export function statText(task: ProcTask, source: ProcSource): string {
  const memory = task.memory;
  const start = ticks(Number(task.startNs - source.bootNs));
  const fields: (number | string | bigint)[] = [
    task.tid,
    `(${task.name})`,
    task.state,
    task.parentPid,
    task.processGroup,
    task.session,
    encodedDevice(task.terminalDevice),
    task.terminalGroup,
    // flags, and faults, which are not counted
    0x400000,
    0,
    0,
    0,
    0,
    ticks(task.userNs),
    ticks(task.systemNs),
    ticks(task.childrenUserNs),
    ticks(task.childrenSystemNs),
    20 + task.niceness,
    task.niceness,
    task.threads().length,
    0,
    start,
    memory?.virtualBytes ?? 0,
    memory?.residentPages ?? 0,
    "18446744073709551615",
    memory?.codeStart ?? 0,
    memory?.codeEnd ?? 0,
    memory?.stackStart ?? 0,
    // kstkesp and kstkeip are 0 except in core dumps; signals are shown in status
    0,
    0,
    low31(task.signals.pending),
    low31(task.signals.blocked),
    low31(task.signals.ignored),
    low31(task.signals.caught),
    0,
    0,
    0,
    17,
    // processor, real-time priority, policy, block I/O delay, guest times
    0,
    0,
    0,
    0,
    0,
    0,
    memory?.dataStart ?? 0,
    memory?.dataEnd ?? 0,
    memory?.heapStart ?? 0,
    memory?.argumentsStart ?? 0,
    memory?.argumentsEnd ?? 0,
    memory?.environmentStart ?? 0,
    memory?.environmentEnd ?? 0,
    task.exitStatus,
  ];
  return `${fields.join(" ")}\n`;
}

/** tty_nr keeps the minor's high bits above the major (man 5 proc, "stat"). */
function encodedDevice(device: number): number {
  const minor = deviceMinor(device);
  return (minor & 0xff) | (deviceMajor(device) << 8) | ((minor & ~0xff) << 12);
}

const low31 = (set: bigint): bigint => set & 0x7fff_ffffn;

/** Pages: size, resident, shared, text, 0, data, 0. */
export function statmText(task: ProcTask): string {
  const memory = task.memory;
  if (memory === null) return "0 0 0 0 0 0 0\n";
  const pages = (bytes: number): number => Math.ceil(bytes / limits.pageBytes);
  let shared = 0;
  let data = 0;
  for (const area of memory.areas()) {
    if (area.shared) shared += pages(area.end - area.start);
    else if ((area.protection & 2) !== 0) data += pages(area.end - area.start);
  }
  const text = pages(memory.codeEnd) - Math.floor(memory.codeStart / limits.pageBytes);
  return `${pages(memory.virtualBytes)} ${memory.residentPages} ${Math.min(shared, memory.residentPages)} ${text} 0 ${data} 0\n`;
}

const stateNames: Readonly<Record<string, string>> = {
  R: "running",
  S: "sleeping",
  D: "disk sleep",
  T: "stopped",
  Z: "zombie",
};

export function statusText(task: ProcTask): string {
  const ids = ({ real, effective, saved, fileSystem }: ProcIds): string =>
    `${real}\t${effective}\t${saved}\t${fileSystem}`;
  const lines: string[] = [
    `Name:\t${escapeName(task.name)}`,
    `Umask:\t${task.umask.toString(8).padStart(4, "0")}`,
    `State:\t${task.state} (${stateNames[task.state] ?? ""})`,
    `Tgid:\t${task.pid}`,
    "Ngid:\t0",
    `Pid:\t${task.tid}`,
    `PPid:\t${task.parentPid}`,
    "TracerPid:\t0",
    `Uid:\t${ids(task.users)}`,
    `Gid:\t${ids(task.groups)}`,
    `FDSize:\t${descriptorSlots(task)}`,
    `Groups:\t${task.supplementaryGroups.map((group) => `${group} `).join("")}`,
    `NStgid:\t${task.pid}`,
    `NSpid:\t${task.tid}`,
    `NSpgid:\t${task.processGroup}`,
    `NSsid:\t${task.session}`,
  ];
  const memory = task.memory;
  if (memory !== null) {
    const kib = (bytes: number): string => `${Math.floor(bytes / 1024)}`.padStart(8);
    let data = 0;
    let stack = 0;
    let libraries = 0;
    for (const area of memory.areas()) {
      const size = area.end - area.start;
      if (area.name === "[stack]") stack += size;
      else if ((area.protection & 2) !== 0 && !area.shared) data += size;
      else if ((area.protection & 4) !== 0) libraries += size;
    }
    const code = memory.codeEnd - memory.codeStart;
    const resident = memory.residentPages * limits.pageBytes;
    lines.push(
      `VmPeak:\t${kib(memory.virtualBytes)} kB`,
      `VmSize:\t${kib(memory.virtualBytes)} kB`,
      "VmLck:\t       0 kB",
      "VmPin:\t       0 kB",
      `VmHWM:\t${kib(memory.peakResidentPages * limits.pageBytes)} kB`,
      `VmRSS:\t${kib(resident)} kB`,
      `VmData:\t${kib(data)} kB`,
      `VmStk:\t${kib(stack)} kB`,
      `VmExe:\t${kib(code)} kB`,
      `VmLib:\t${kib(Math.max(0, libraries - code))} kB`,
      "VmSwap:\t       0 kB",
    );
  }
  const { signals, capabilities } = task;
  lines.push(
    `Threads:\t${task.threads().length}`,
    `SigQ:\t${signals.queued}/${task.limit(rlimit.SIGPENDING)[0] ?? 0}`,
    `SigPnd:\t${mask(signals.pending)}`,
    `ShdPnd:\t${mask(signals.processPending)}`,
    `SigBlk:\t${mask(signals.blocked)}`,
    `SigIgn:\t${mask(signals.ignored)}`,
    `SigCgt:\t${mask(signals.caught)}`,
    `CapInh:\t${mask(capabilities.inheritable)}`,
    `CapPrm:\t${mask(capabilities.permitted)}`,
    `CapEff:\t${mask(capabilities.effective)}`,
    `CapBnd:\t${mask(capabilities.bounding)}`,
    `CapAmb:\t${mask(capabilities.ambient)}`,
    `NoNewPrivs:\t${task.noNewPrivileges ? 1 : 0}`,
    "Seccomp:\t0",
    "Seccomp_filters:\t0",
    "Cpus_allowed:\t1",
    "Cpus_allowed_list:\t0",
    "Mems_allowed:\t1",
    "Mems_allowed_list:\t0",
  );
  return `${lines.join("\n")}\n`;
}

const mask = (set: bigint): string => set.toString(16).padStart(16, "0");

/** Newlines and backslashes in a name would break the format. */
const escapeName = (name: string): string => name.replace(/[\\\n]/g, (c) => (c === "\n" ? "\\n" : "\\\\"));

/** Linux's tables grow by powers of two, 64 at least. */
function descriptorSlots(task: ProcTask): number {
  let slots = 64;
  for (const [fd] of task.descriptors()) while (fd >= slots) slots *= 2;
  return slots;
}

const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, "0");

export function mapsText(task: ProcTask): string {
  if (task.memory === null || task.root === null) return "";
  let text = "";
  for (const area of task.memory.areas()) {
    const p = area.protection;
    const flags = `${p & 1 ? "r" : "-"}${p & 2 ? "w" : "-"}${p & 4 ? "x" : "-"}${area.shared ? "s" : "p"}`;
    const inode = area.dentry?.inode;
    const device = inode?.fs.device ?? 0;
    const numbers = `${hex(area.start, 8)}-${hex(area.end, 8)} ${flags} ${hex(area.offset, 8)} ${hex(deviceMajor(device), 2)}:${hex(deviceMinor(device), 2)} ${inode?.ino ?? 0} `;
    const name = area.dentry !== null ? pathOf(area.dentry, task.root) : area.name;
    // Names start in column 74 of the line, as Linux pads them.
    text += name === null ? `${numbers}\n` : `${numbers.padEnd(73)}${name.replaceAll("\n", "\\012")}\n`;
  }
  return text;
}

const limitRows: readonly (readonly [title: string, resource: number, unit: string])[] = [
  ["Max cpu time", rlimit.CPU, "seconds"],
  ["Max file size", rlimit.FSIZE, "bytes"],
  ["Max data size", rlimit.DATA, "bytes"],
  ["Max stack size", rlimit.STACK, "bytes"],
  ["Max core file size", rlimit.CORE, "bytes"],
  ["Max resident set", rlimit.RSS, "bytes"],
  ["Max processes", rlimit.NPROC, "processes"],
  ["Max open files", rlimit.NOFILE, "files"],
  ["Max locked memory", rlimit.MEMLOCK, "bytes"],
  ["Max address space", rlimit.AS, "bytes"],
  ["Max file locks", rlimit.LOCKS, "locks"],
  ["Max pending signals", rlimit.SIGPENDING, "signals"],
  ["Max msgqueue size", rlimit.MSGQUEUE, "bytes"],
  ["Max nice priority", rlimit.NICE, ""],
  ["Max realtime priority", rlimit.RTPRIO, ""],
  ["Max realtime timeout", rlimit.RTTIME, "us"],
];

export function limitsText(task: ProcTask): string {
  const line = (a: string, b: string, c: string, d: string): string =>
    `${a.padEnd(25)} ${b.padEnd(20)} ${c.padEnd(20)} ${d.padEnd(10)}\n`;
  let text = line("Limit", "Soft Limit", "Hard Limit", "Units");
  const show = (value: bigint | null): string => (value === null ? "unlimited" : `${value}`);
  for (const [title, resource, unit] of limitRows) {
    const [soft, hard] = task.limit(resource);
    text += line(title, show(soft), show(hard), unit);
  }
  return text;
}

/**
 * The argument strings as they are in memory now, NUL behind each. A program that overwrote its arguments for a longer
 * title (setproctitle) has no NUL at the end: then the title goes on where the environment was.
 */
export function cmdlineBytes(task: ProcTask): Uint8Array {
  const memory = task.memory;
  if (memory === null || memory.argumentsEnd <= memory.argumentsStart) return new Uint8Array(0);
  const length = memory.argumentsEnd - memory.argumentsStart;
  const bytes = memory.read(memory.argumentsStart, length);
  if (bytes[length - 1] === 0) return bytes;
  const all = memory.read(memory.argumentsStart, memory.environmentEnd - memory.argumentsStart);
  const nul = all.indexOf(0);
  return nul < 0 ? all : all.subarray(0, nul);
}

export function environBytes(task: ProcTask): Uint8Array {
  const memory = task.memory;
  if (memory === null || memory.environmentEnd <= memory.environmentStart) return new Uint8Array(0);
  return memory.read(memory.environmentStart, memory.environmentEnd - memory.environmentStart);
}

export function commText(task: ProcTask): string {
  return `${task.name}\n`;
}

/** PR_SET_NAME keeps 15 bytes. */
export function setComm(task: ProcTask, text: string): number {
  const name = text.replace(/\n$/, "");
  let end = name.length;
  while (encodeName(name.slice(0, end)).length > 15) end--;
  task.name = name.slice(0, end);
  return 0;
}
