/** What is left: the system's name and memory, random numbers, prctl and arch_prctl, and calls a container refuses. */
import { kernelRelease, kernelVersion } from "../abi/uts.ts";
import { errno } from "../abi/errno.ts";
import { SIGRTMAX } from "../abi/signal.ts";
import { decodeName, encodeName } from "../base/bytes.ts";
import { limits } from "../base/limits.ts";
import { fillRandom } from "../base/random.ts";
import { capability } from "../kernel/credentials.ts";
import type { Task } from "../kernel/task.ts";
import { userEnd } from "../kernel/user-memory.ts";
import { missing, partial, row } from "./row.ts";

const utsFieldBytes = 65;
function uname(task: Task, address: number): number {
  const { kernel } = task;
  const bytes = new Uint8Array(utsFieldBytes * 6);
  const fields = ["Linux", kernel.hostname, kernelRelease, kernelVersion, "x86_64", kernel.domainname];
  for (const [index, field] of fields.entries()) {
    bytes.set(encodeName(field).subarray(0, utsFieldBytes - 1), index * utsFieldBytes);
  }
  task.user.prepareWrite(address, bytes.length);
  task.user.write(address, bytes);
  return 0;
}

/** Docker's default capabilities do not include CAP_SYS_ADMIN: a container's name is set from outside. */
function sethostname(task: Task, address: number, length: number): number {
  if (!task.hasCapability(capability.sysAdmin)) return -errno.EPERM;
  if (length < 0 || length > 64) return -errno.EINVAL;
  task.kernel.hostname = decodeName(task.user.read(address, length));
  return 0;
}

function setdomainname(task: Task, address: number, length: number): number {
  if (!task.hasCapability(capability.sysAdmin)) return -errno.EPERM;
  if (length < 0 || length > 64) return -errno.EINVAL;
  task.kernel.domainname = decodeName(task.user.read(address, length));
  return 0;
}

const sysinfoBytes = 112;

function sysinfo(task: Task, address: number): number {
  const { kernel } = task;
  const bytes = new Uint8Array(sysinfoBytes);
  const view = new DataView(bytes.buffer);
  const total = kernel.frames.framesTotal * limits.pageBytes;
  const free = total - kernel.frames.framesInUse * limits.pageBytes;
  view.setBigInt64(0, (kernel.clock.monotonicNs() - kernel.bootNs) / 1_000_000_000n, true);
  const load = BigInt(Math.round(kernel.scheduler.readyCount * 65536));
  for (const index of [8, 16, 24]) view.setBigUint64(index, load, true);
  view.setBigUint64(32, BigInt(total), true);
  view.setBigUint64(40, BigInt(free), true);
  view.setUint16(80, kernel.tasks.size, true);
  view.setUint32(104, 1, true);
  task.user.prepareWrite(address, sysinfoBytes);
  task.user.write(address, bytes);
  return 0;
}

const GRND_NONBLOCK = 1;
const GRND_RANDOM = 2;
const GRND_INSECURE = 4;
/** Linux stops at this much in one call. */
const randomBytesMax = 0x1ffffff;

function getrandom(task: Task, address: number, length: number, flags: number): number {
  if ((flags & ~(GRND_NONBLOCK | GRND_RANDOM | GRND_INSECURE)) !== 0) return -errno.EINVAL;
  if ((flags & GRND_RANDOM) !== 0 && (flags & GRND_INSECURE) !== 0) return -errno.EINVAL;
  const bytes = new Uint8Array(Math.min(length, randomBytesMax));
  task.user.prepareWrite(address, bytes.length);
  fillRandom(bytes);
  task.user.write(address, bytes);
  return bytes.length;
}

// ---- arch_prctl ----------------------------------------------------------------------------------------------------

const arch = { SET_GS: 0x1001, SET_FS: 0x1002, GET_FS: 0x1003, GET_GS: 0x1004 } as const;

function archPrctl(task: Task, code: number, address: number): number {
  const { cpu } = task.kernel;
  switch (code) {
    case arch.SET_FS:
      if (address >= userEnd) return -errno.EPERM;
      cpu.fsBase = address;
      return 0;
    case arch.SET_GS:
      if (address >= userEnd) return -errno.EPERM;
      cpu.gsBase = address;
      return 0;
    case arch.GET_FS:
      task.user.prepareWrite(address, 8);
      task.user.writeNumber(address, cpu.fsBase);
      return 0;
    case arch.GET_GS:
      task.user.prepareWrite(address, 8);
      task.user.writeNumber(address, cpu.gsBase);
      return 0;
    default:
      // CPUID faulting, shadow stacks and the rest: what a processor without them answers.
      return -errno.EINVAL;
  }
}

// ---- prctl ---------------------------------------------------------------------------------------------------------

const pr = {
  SET_PDEATHSIG: 1,
  GET_PDEATHSIG: 2,
  GET_DUMPABLE: 3,
  SET_DUMPABLE: 4,
  GET_KEEPCAPS: 7,
  SET_KEEPCAPS: 8,
  GET_TIMING: 13,
  SET_TIMING: 14,
  SET_NAME: 15,
  GET_NAME: 16,
  GET_SECCOMP: 21,
  SET_SECCOMP: 22,
  CAPBSET_READ: 23,
  CAPBSET_DROP: 24,
  GET_TSC: 25,
  GET_SECUREBITS: 27,
  SET_SECUREBITS: 28,
  SET_TIMERSLACK: 29,
  GET_TIMERSLACK: 30,
  SET_MM: 35,
  SET_CHILD_SUBREAPER: 36,
  GET_CHILD_SUBREAPER: 37,
  SET_NO_NEW_PRIVS: 38,
  GET_NO_NEW_PRIVS: 39,
  SET_THP_DISABLE: 41,
  GET_THP_DISABLE: 42,
  CAP_AMBIENT: 47,
  SET_VMA: 0x53564d41,
} as const;
const capabilityLast = 40;
const defaultTimerSlackNs = 50000;

function prctl(task: Task, option: number, a: number, b: number, c: number, d: number): number {
  const { process } = task;
  switch (option) {
    case pr.SET_PDEATHSIG:
      if (a > SIGRTMAX) return -errno.EINVAL;
      task.parentDeathSignal = a;
      return 0;
    case pr.GET_PDEATHSIG:
      task.user.writeU32(a, task.parentDeathSignal);
      return 0;
    case pr.GET_DUMPABLE:
      return process.dumpable;
    case pr.SET_DUMPABLE:
      if (a > 1) return -errno.EINVAL;
      process.dumpable = a;
      return 0;
    case pr.GET_KEEPCAPS:
      return task.credentials.keepCapabilities ? 1 : 0;
    case pr.SET_KEEPCAPS:
      if (a > 1) return -errno.EINVAL;
      task.credentials = { ...task.credentials, keepCapabilities: a === 1 };
      return 0;
    case pr.GET_TIMING:
      return 0;
    case pr.SET_TIMING:
      return a === 0 ? 0 : -errno.EINVAL;
    case pr.SET_NAME:
      task.name = readName(task, a);
      return 0;
    case pr.GET_NAME: {
      const bytes = new Uint8Array(16);
      bytes.set(encodeName(task.name).subarray(0, 15));
      task.user.prepareWrite(a, 16);
      task.user.write(a, bytes);
      return 0;
    }
    case pr.GET_SECCOMP:
      return 0;
    case pr.CAPBSET_READ:
      if (a > capabilityLast) return -errno.EINVAL;
      return Number((task.credentials.capabilities.bounding >> BigInt(a)) & 1n);
    case pr.CAPBSET_DROP: {
      if (!task.hasCapability(capability.setpcap)) return -errno.EPERM;
      if (a > capabilityLast) return -errno.EINVAL;
      const { capabilities } = task.credentials;
      task.credentials = {
        ...task.credentials,
        capabilities: { ...capabilities, bounding: capabilities.bounding & ~(1n << BigInt(a)) },
      };
      return 0;
    }
    case pr.GET_TSC:
      task.user.writeU32(a, 1);
      return 0;
    case pr.GET_SECUREBITS:
      return task.credentials.keepCapabilities ? 1 << 4 : 0;
    case pr.SET_TIMERSLACK:
      task.timerSlackNs = a === 0 ? defaultTimerSlackNs : a;
      return 0;
    case pr.GET_TIMERSLACK:
      return task.timerSlackNs;
    case pr.SET_CHILD_SUBREAPER:
      process.isSubreaper = a !== 0;
      return 0;
    case pr.GET_CHILD_SUBREAPER:
      task.user.writeU32(a, process.isSubreaper ? 1 : 0);
      return 0;
    case pr.SET_NO_NEW_PRIVS:
      if (a !== 1 || b !== 0 || c !== 0 || d !== 0) return -errno.EINVAL;
      task.noNewPrivileges = true;
      return 0;
    case pr.GET_NO_NEW_PRIVS:
      return task.noNewPrivileges ? 1 : 0;
    case pr.SET_THP_DISABLE:
      return 0;
    case pr.GET_THP_DISABLE:
      return 0;
    case pr.CAP_AMBIENT:
      return ambient(task, a, b);
    default:
      return -errno.EINVAL;
  }
}

/** At most 15 bytes: longer names are cut, and need not end within the page they begin in. */
function readName(task: Task, address: number): string {
  const bytes: number[] = [];
  for (let index = 0; index < 15; index++) {
    const byte = task.user.readU8(address + index);
    if (byte === 0) break;
    bytes.push(byte);
  }
  return decodeName(Uint8Array.from(bytes));
}

const PR_CAP_AMBIENT_IS_SET = 1;
const PR_CAP_AMBIENT_RAISE = 2;
const PR_CAP_AMBIENT_LOWER = 3;
const PR_CAP_AMBIENT_CLEAR_ALL = 4;

function ambient(task: Task, what: number, number: number): number {
  const { capabilities } = task.credentials;
  const change = (set: bigint) => {
    task.credentials = { ...task.credentials, capabilities: { ...capabilities, ambient: set } };
    return 0;
  };
  if (what === PR_CAP_AMBIENT_CLEAR_ALL) return change(0n);
  if (number > capabilityLast) return -errno.EINVAL;
  const bit = 1n << BigInt(number);
  if (what === PR_CAP_AMBIENT_IS_SET) return (capabilities.ambient & bit) !== 0n ? 1 : 0;
  if (what === PR_CAP_AMBIENT_LOWER) return change(capabilities.ambient & ~bit);
  if (what !== PR_CAP_AMBIENT_RAISE) return -errno.EINVAL;
  if ((capabilities.permitted & capabilities.inheritable & bit) === 0n) return -errno.EPERM;
  return change(capabilities.ambient | bit);
}

const personalityQuery = 0xffffffff;

function personality(task: Task, wanted: number): number {
  const old = task.process.personality;
  if (wanted !== personalityQuery) task.process.personality = wanted;
  return old;
}

const membarrierCommand = { QUERY: 0, GLOBAL: 1, PRIVATE_EXPEDITED: 8, REGISTER_PRIVATE_EXPEDITED: 16 } as const;

/** One processor runs all threads in turn: every barrier has happened already. */
function membarrier(_task: Task, command: number, flags: number): number {
  if (flags !== 0) return -errno.EINVAL;
  switch (command) {
    case membarrierCommand.QUERY:
      return (
        membarrierCommand.GLOBAL | membarrierCommand.PRIVATE_EXPEDITED | membarrierCommand.REGISTER_PRIVATE_EXPEDITED
      );
    case membarrierCommand.GLOBAL:
    case membarrierCommand.PRIVATE_EXPEDITED:
    case membarrierCommand.REGISTER_PRIVATE_EXPEDITED:
      return 0;
    default:
      return -errno.EINVAL;
  }
}

const RSEQ_FLAG_UNREGISTER = 1;
/** The structure of the first version, which every later one begins with. */
const rseqBytes = 32;

function rseq(task: Task, address: number, length: number, flags: number, signature: number): number {
  const old = task.rseq;
  if ((flags & RSEQ_FLAG_UNREGISTER) !== 0) {
    if (flags !== RSEQ_FLAG_UNREGISTER || old === null || old.address !== address) return -errno.EINVAL;
    if (old.length !== length) return -errno.EINVAL;
    if (old.signature !== signature) return -errno.EPERM;
    task.user.writeU32(address + 4, -1);
    task.rseq = null;
    return 0;
  }
  if (flags !== 0) return -errno.EINVAL;
  if (old !== null) {
    if (old.address !== address || old.length !== length) return -errno.EINVAL;
    return old.signature === signature ? -errno.EBUSY : -errno.EPERM;
  }
  if (address % rseqBytes !== 0 || length < rseqBytes) return -errno.EINVAL;
  task.user.prepareWrite(address, rseqBytes);
  // There is one processor, numbered 0.
  task.user.writeU64(address, 0n);
  task.rseq = { address, length, signature };
  return 0;
}

const refuse = () => -errno.EPERM;

export const systemRows = [
  row("uname", uname, ["buffer"]),
  row("sethostname", sethostname, ["buffer", "int"]),
  row("setdomainname", setdomainname, ["buffer", "int"]),
  partial("sysinfo", sysinfo, ["buffer"], "load is the number of tasks that could run"),
  row("getrandom", getrandom, ["buffer", "address", "uint"]),
  row("arch_prctl", archPrctl, ["int", "buffer"]),
  partial(
    "prctl",
    prctl,
    ["int", "address", "address", "address", "address"],
    "seccomp, speculation and PR_SET_MM are EINVAL",
  ),
  partial("personality", personality, ["uint"], "kept, and changes nothing"),
  row("rseq", rseq, ["buffer", "uint", "int", "uint"]),
  row("membarrier", membarrier, ["int", "uint"]),
  partial("syslog", refuse, ["int", "buffer", "int"], "EPERM, as in a container"),
  partial("reboot", refuse, ["int", "int", "uint", "buffer"], "EPERM, as in a container"),
  partial("acct", refuse, ["buffer"], "EPERM, as in a container"),
  partial("init_module", refuse, [], "EPERM, as in a container"),
  partial("finit_module", refuse, [], "EPERM, as in a container"),
  partial("delete_module", refuse, [], "EPERM, as in a container"),
  partial("kexec_load", refuse, [], "EPERM, as in a container"),
  partial("iopl", refuse, ["int"], "EPERM: there are no ports"),
  partial("ioperm", refuse, [], "EPERM: there are no ports"),
  partial("vhangup", refuse, [], "EPERM, as in a container"),
  partial("bpf", refuse, [], "EPERM, as in a container"),
  partial("perf_event_open", refuse, [], "EPERM, as in a container"),
  partial("add_key", refuse, [], "EPERM, as in a container"),
  partial("request_key", refuse, [], "EPERM, as in a container"),
  partial("keyctl", refuse, [], "EPERM, as in a container"),
  missing("seccomp", "filters for system calls"),
  missing("modify_ldt", "16- and 32-bit segments"),
  missing("landlock_create_ruleset", "sandboxes"),
  missing("landlock_add_rule", "sandboxes"),
  missing("landlock_restrict_self", "sandboxes"),
];
