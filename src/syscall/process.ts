/** Processes and threads: clone, execve, exit, wait, groups, sessions. The work is in `kernel/`. */
import { errno } from "../abi/errno.ts";
import { AT_EMPTY_PATH, AT_FDCWD, AT_SYMLINK_NOFOLLOW } from "../abi/fcntl.ts";
import { siCode, signals } from "../abi/signal.ts";
import type { Maybe } from "../base/maybe.ts";
import { clone, cloneTask, openPidfd } from "../kernel/clone.ts";
import { argumentLimit, exec, stringBytesMax } from "../kernel/exec.ts";
import { exitProcess, exitTask, reap } from "../kernel/exit.ts";
import { restart } from "../kernel/faults.ts";
import { PidFile } from "../kernel/pidfd.ts";
import type { Process } from "../kernel/process.ts";
import { encodeSignalInfo } from "../kernel/signal-frame.ts";
import type { Task } from "../kernel/task.ts";
import { writeUsage } from "./resource.ts";
import { missing, partial, row } from "./row.ts";

function fork(task: Task): Maybe<number> {
  return cloneTask(task, cloneArguments({ exitSignal: signals.SIGCHLD }));
}

function vfork(task: Task): Maybe<number> {
  return cloneTask(task, cloneArguments({ flags: clone.VM | clone.VFORK, exitSignal: signals.SIGCHLD }));
}

function cloneArguments(given: Partial<Parameters<typeof cloneTask>[1]>): Parameters<typeof cloneTask>[1] {
  return { flags: 0, exitSignal: 0, stackPointer: 0, parentTid: 0, childTid: 0, pidfd: 0, tls: 0, ...given };
}

function sysClone(
  task: Task,
  flags: number,
  stack: number,
  parentTid: number,
  childTid: number,
  tls: number,
): Maybe<number> {
  return cloneTask(task, {
    flags: (flags & ~0xff) >>> 0,
    exitSignal: flags & 0xff,
    stackPointer: stack,
    parentTid,
    childTid,
    // The old call has no argument of its own for it.
    pidfd: parentTid,
    tls,
  });
}

/** struct clone_args: eleven 64-bit words, of which callers may know only the first eight. */
const cloneArgumentsMin = 64;
const cloneArgumentsMax = 88;

function clone3(task: Task, address: number, size: number): Maybe<number> {
  if (size < cloneArgumentsMin) return -errno.EINVAL;
  if (size > 4096) return -errno.E2BIG;
  const bytes = task.user.read(address, size);
  if (bytes.subarray(cloneArgumentsMax).some((byte) => byte !== 0)) return -errno.E2BIG;
  const view = new DataView(bytes.buffer);
  const word = (index: number) => (index * 8 < size ? Number(view.getBigUint64(index * 8, true)) : 0);
  const [flags, exitSignal, stack, stackSize] = [word(0), word(4), word(5), word(6)];
  if (exitSignal > 64) return -errno.EINVAL;
  const shares = Math.floor(flags / clone.THREAD) % 2 === 1 || Math.floor(flags / clone.PARENT) % 2 === 1;
  if (shares && exitSignal !== 0) return -errno.EINVAL;
  if ((stack === 0) !== (stackSize === 0)) return -errno.EINVAL;
  // set_tid and cgroup choose things only a privileged caller may.
  if (word(9) !== 0) return -errno.EPERM;
  return cloneTask(task, {
    flags,
    exitSignal,
    stackPointer: stack + stackSize,
    parentTid: word(3),
    childTid: word(2),
    pidfd: word(1),
    tls: word(7),
  });
}

function readStrings(task: Task, address: number): Uint8Array[] | number {
  const strings: Uint8Array[] = [];
  if (address === 0) return strings;
  // Too much is noticed while it is read: a wild pointer must not be followed for ever.
  let room = argumentLimit(task);
  for (let at = address; ; at += 8) {
    const pointer = task.user.readNumber(at);
    if (pointer === 0) return strings;
    const text = task.user.readCStringBytes(pointer, stringBytesMax, errno.E2BIG);
    room -= text.length + 9;
    if (room < 0) return -errno.E2BIG;
    strings.push(text);
  }
}

function execve(task: Task, path: string, argvAddress: number, envpAddress: number): Maybe<number> {
  const argv = readStrings(task, argvAddress);
  if (typeof argv === "number") return argv;
  const envp = readStrings(task, envpAddress);
  if (typeof envp === "number") return envp;
  return exec(task, { start: task.fs.cwd, path, shownPath: path, argv: withName(argv), envp });
}

/** An empty argument vector becomes one empty string (Linux 5.18). */
function withName(argv: Uint8Array[]): Uint8Array[] {
  return argv.length === 0 ? [new Uint8Array(0)] : argv;
}

function execveat(
  task: Task,
  fd: number,
  path: string,
  argvAddress: number,
  envpAddress: number,
  flags: number,
): Maybe<number> {
  if ((flags & ~(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW)) !== 0) return -errno.EINVAL;
  const argv = readStrings(task, argvAddress);
  if (typeof argv === "number") return argv;
  const envp = readStrings(task, envpAddress);
  if (typeof envp === "number") return envp;
  const shared = { argv: withName(argv), envp, followLast: (flags & AT_SYMLINK_NOFOLLOW) === 0 };
  if (path.startsWith("/") || fd === AT_FDCWD) {
    if (path === "" && (flags & AT_EMPTY_PATH) === 0) return -errno.ENOENT;
    return exec(task, { start: task.fs.cwd, path, shownPath: path, ...shared });
  }
  const file = task.file(fd);
  if (file === null) return -errno.EBADF;
  if (path === "") {
    if ((flags & AT_EMPTY_PATH) === 0) return -errno.ENOENT;
    if (file.dentry === null) return -errno.EACCES;
    return exec(task, { start: task.fs.cwd, path, shownPath: `/dev/fd/${fd}`, dentry: file.dentry, ...shared });
  }
  if (file.dentry === null) return -errno.ENOTDIR;
  return exec(task, { start: file.dentry, path, shownPath: `/dev/fd/${fd}/${path}`, ...shared });
}

function exit(task: Task, code: number): number {
  exitTask(task, (code & 0xff) << 8);
  return 0;
}

function exitGroup(task: Task, code: number): number {
  exitProcess(task.process, (code & 0xff) << 8);
  return 0;
}

// ---- waiting -------------------------------------------------------------------------------------------------------

const waitOption = {
  NOHANG: 1,
  STOPPED: 2,
  EXITED: 4,
  CONTINUED: 8,
  NOWAIT: 0x01000000,
  NOTHREAD: 0x20000000,
  ALL: 0x40000000,
  CLONE: 0x80000000 | 0,
} as const;

interface WaitEvent {
  readonly process: Process;
  readonly kind: "exited" | "stopped" | "continued";
  readonly status: number;
}

/** The first event of a child that `matches`; null for none yet; -ECHILD when no child could ever match. */
function findEvent(
  task: Task,
  matches: (child: Process) => boolean,
  options: number,
  waitsForExit: boolean,
): WaitEvent | null | number {
  let candidates = 0;
  for (const child of task.process.children) {
    if (!matches(child)) continue;
    const isCloneChild = child.exitSignal !== signals.SIGCHLD;
    if ((options & waitOption.ALL) === 0 && isCloneChild !== ((options & waitOption.CLONE) !== 0)) continue;
    candidates++;
    if (child.isZombie) {
      if (waitsForExit) return { process: child, kind: "exited", status: child.exitStatus ?? 0 };
      continue;
    }
    if (child.unreportedStop && (options & waitOption.STOPPED) !== 0) {
      return { process: child, kind: "stopped", status: (child.stopSignal << 8) | 0x7f };
    }
    if (child.unreportedContinue && (options & waitOption.CONTINUED) !== 0) {
      return { process: child, kind: "continued", status: 0xffff };
    }
  }
  return candidates === 0 ? -errno.ECHILD : null;
}

/** The event has been reported: it will not be again, and a zombie is gone. */
function consume(event: WaitEvent): void {
  if (event.kind === "exited") reap(event.process);
  else if (event.kind === "stopped") event.process.unreportedStop = false;
  else event.process.unreportedContinue = false;
}

function waitForEvent(
  task: Task,
  matches: (child: Process) => boolean,
  options: number,
  waitsForExit: boolean,
  report: (event: WaitEvent | null) => number,
): Maybe<number> {
  const found = findEvent(task, matches, options, waitsForExit);
  if (typeof found === "number") return found;
  if (found !== null) return report(found);
  if ((options & waitOption.NOHANG) !== 0) return report(null);
  return (async () => {
    for (;;) {
      const ended = await task.wait([task.process.childWaiters]);
      // A child's end and the SIGCHLD that tells of it come together: the child counts.
      const event = findEvent(task, matches, options, waitsForExit);
      if (typeof event === "number") return event;
      if (event !== null) return report(event);
      if (ended === "interrupted") return -restart.ERESTARTSYS;
    }
  })();
}

function wait4(task: Task, pid: number, statusAddress: number, options: number, usageAddress: number): Maybe<number> {
  const known =
    waitOption.NOHANG |
    waitOption.STOPPED |
    waitOption.CONTINUED |
    waitOption.NOTHREAD |
    waitOption.CLONE |
    waitOption.ALL;
  if ((options & ~known) !== 0) return -errno.EINVAL;
  if (pid === -0x80000000) return -errno.ESRCH;
  if (statusAddress !== 0) task.user.prepareWrite(statusAddress, 4);
  if (usageAddress !== 0) task.user.prepareWrite(usageAddress, 144);
  const group = pid === 0 ? task.process.group.id : -pid;
  const matches = (child: Process) => (pid > 0 ? child.pid === pid : pid === -1 || child.group.id === group);
  return waitForEvent(task, matches, options, true, (event) => {
    if (event === null) return 0;
    if (statusAddress !== 0) task.user.writeU32(statusAddress, event.status);
    if (usageAddress !== 0) writeUsage(task, usageAddress, event.process.userNs, event.process.systemNs, 0);
    consume(event);
    return event.process.pid;
  });
}

const idType = { ALL: 0, PID: 1, PGID: 2, PIDFD: 3 } as const;

function waitid(
  task: Task,
  type: number,
  id: number,
  infoAddress: number,
  options: number,
  usageAddress: number,
): Maybe<number> {
  const kinds = waitOption.EXITED | waitOption.STOPPED | waitOption.CONTINUED;
  const known = kinds | waitOption.NOHANG | waitOption.NOWAIT | waitOption.NOTHREAD | waitOption.CLONE | waitOption.ALL;
  if ((options & ~known) !== 0 || (options & kinds) === 0) return -errno.EINVAL;
  let matches: (child: Process) => boolean;
  if (type === idType.ALL) matches = () => true;
  else if (type === idType.PID) {
    if (id <= 0) return -errno.EINVAL;
    matches = (child) => child.pid === id;
  } else if (type === idType.PGID) {
    if (id < 0) return -errno.EINVAL;
    const group = id === 0 ? task.process.group.id : id;
    matches = (child) => child.group.id === group;
  } else if (type === idType.PIDFD) {
    const file = task.file(id);
    if (!(file instanceof PidFile)) return -errno.EBADF;
    matches = (child) => child === file.process;
  } else return -errno.EINVAL;
  if (infoAddress !== 0) task.user.prepareWrite(infoAddress, 128);
  if (usageAddress !== 0) task.user.prepareWrite(usageAddress, 144);
  return waitForEvent(task, matches, options, (options & waitOption.EXITED) !== 0, (event) => {
    if (event === null) {
      if (infoAddress !== 0) task.user.fill(infoAddress, 128, 0);
      return 0;
    }
    if (infoAddress !== 0) task.user.write(infoAddress, encodeSignalInfo(childInfo(event)));
    if (usageAddress !== 0) writeUsage(task, usageAddress, event.process.userNs, event.process.systemNs, 0);
    if ((options & waitOption.NOWAIT) === 0) consume(event);
    return 0;
  });
}

function childInfo(event: WaitEvent) {
  const { process, kind, status } = event;
  const exited = (status & 0x7f) === 0;
  const [code, value] = {
    exited: [exited ? siCode.CLD_EXITED : siCode.CLD_KILLED, exited ? status >> 8 : status & 0x7f],
    stopped: [siCode.CLD_STOPPED, status >> 8],
    continued: [siCode.CLD_CONTINUED, signals.SIGCONT],
  }[kind] as [number, number];
  return {
    signal: signals.SIGCHLD,
    code,
    pid: process.pid,
    uid: process.leader.credentials.ruid,
    status: value,
  };
}

// ---- identity ------------------------------------------------------------------------------------------------------

function getppid(task: Task): number {
  return task.process.parent?.pid ?? 0;
}

function setTidAddress(task: Task, address: number): number {
  task.clearChildTid = address;
  return task.tid;
}

function getpgid(task: Task, pid: number): number {
  const process = pid === 0 ? task.process : task.kernel.process(pid);
  return process === null ? -errno.ESRCH : process.group.id;
}

function getsid(task: Task, pid: number): number {
  const process = pid === 0 ? task.process : task.kernel.process(pid);
  return process === null ? -errno.ESRCH : process.session.id;
}

/** man 2 setpgid: oneself or a child that has not called execve, within one session. */
function setpgid(task: Task, pid: number, pgid: number): number {
  const own = task.process;
  if (pgid < 0) return -errno.EINVAL;
  const process = pid === 0 || pid === own.pid ? own : task.kernel.process(pid);
  if (process === null) return -errno.ESRCH;
  if (process !== own) {
    if (process.parent !== own) return -errno.ESRCH;
    if (process.session !== own.session) return -errno.EPERM;
    if (process.hasExeced) return -errno.EACCES;
  }
  if (process.isSessionLeader) return -errno.EPERM;
  const id = pgid === 0 ? process.pid : pgid;
  if (id !== process.pid) {
    const group = task.kernel.processGroup(id);
    if (group === null || group.session !== own.session) return -errno.EPERM;
  }
  task.kernel.joinGroup(process, id);
  return 0;
}

function setsid(task: Task): number {
  return task.kernel.newSession(task.process);
}

function pidfdOpen(task: Task, pid: number, flags: number): number {
  if ((flags & ~0o4000) !== 0 || pid <= 0) return -errno.EINVAL;
  const process = task.kernel.process(pid);
  if (process === null) return task.kernel.task(pid) === null ? -errno.ESRCH : -errno.EINVAL;
  return openPidfd(task, process, flags);
}

function unshare(task: Task, flags: number): number {
  const harmless = clone.FS | clone.FILES | clone.SYSVSEM;
  if ((flags & ~harmless) !== 0) return -errno.EPERM;
  if ((flags & clone.FS) !== 0) task.fs = task.fs.copy();
  if ((flags & clone.FILES) !== 0 && task.files.isShared) {
    const own = task.files.copy();
    task.files.release();
    task.files = own;
  }
  return 0;
}

export const processRows = [
  row("fork", fork, []),
  row("vfork", vfork, []),
  partial("clone", sysClone, ["flags:clone", "buffer", "buffer", "buffer", "address"], "new namespaces are EPERM"),
  partial("clone3", clone3, ["buffer", "address"], "new namespaces, set_tid and cgroup are EPERM"),
  row("execve", execve, ["path", "buffer", "buffer"]),
  row("execveat", execveat, ["fd", "path", "buffer", "buffer", "flags:at"]),
  row("exit", exit, ["int"]),
  row("exit_group", exitGroup, ["int"]),
  row("wait4", wait4, ["int", "buffer", "flags:wait", "buffer"]),
  row("waitid", waitid, ["int", "int", "buffer", "flags:wait", "buffer"]),
  row("getpid", (task: Task) => task.pid, []),
  row("gettid", (task: Task) => task.tid, []),
  row("getppid", getppid, []),
  row("set_tid_address", setTidAddress, ["buffer"]),
  row("getpgid", getpgid, ["int"]),
  row("getpgrp", (task: Task) => task.process.group.id, []),
  row("setpgid", setpgid, ["int", "int"]),
  row("getsid", getsid, ["int"]),
  row("setsid", setsid, []),
  partial("pidfd_open", pidfdOpen, ["int", "int"], "no descriptors for threads"),
  partial("unshare", unshare, ["flags:clone"], "new namespaces are EPERM"),
  partial("setns", () => -errno.EPERM, ["fd", "int"], "namespaces are the container's: EPERM"),
  missing("pidfd_getfd", "taking descriptors from another process"),
  missing("ptrace", "debuggers"),
  missing("process_vm_readv", "reading another process's memory"),
  missing("process_vm_writev", "writing another process's memory"),
  missing("kcmp", "comparing kernel objects"),
];
