/** What procfs shows comes from here: the kernel implements it (`kernel/proc-source.ts`). */
import type { CpuLevel } from "../../../wasm/x86/types.ts";
import type { Clock } from "../../base/clock.ts";
import type { Dentry, OpenFile } from "../types.ts";

export interface ProcSource {
  readonly clock: Clock;
  /** On the monotonic clock: uptime counts from it. */
  readonly bootNs: bigint;
  /** The task that makes the present system call: what "self" and "thread-self" mean. Null outside of one. */
  current(): { readonly pid: number; readonly tid: number } | null;
  /** Process ids, ascending; those of threads are found by `task` only. */
  processes(): readonly number[];
  /** A process's main thread, or a thread, by number. The same object each time, while it lives. */
  task(id: number): ProcTask | null;
  readonly lastPid: number;
  /** Number of threads that exist, and of those that could run now. */
  taskCounts(): { readonly all: number; readonly runnable: number };
  memory(): { readonly totalBytes: number; readonly freeBytes: number };
  /** Since the start: nanoseconds of guest code, of system calls, and processes made. */
  usage(): { readonly userNs: number; readonly systemNs: number; readonly forks: number };
  hostname: string;
  readonly domainname: string;
  /** What the processor has, for cpuinfo. */
  readonly cpuLevel: CpuLevel;
}

export interface ProcArea {
  readonly start: number;
  readonly end: number;
  /** PROT_ bits. */
  readonly protection: number;
  readonly shared: boolean;
  readonly offset: number;
  readonly dentry: Dentry | null;
  /** "[heap]" and the like; null for none. */
  readonly name: string | null;
}

export interface ProcMemory {
  readonly virtualBytes: number;
  readonly residentPages: number;
  readonly peakResidentPages: number;
  readonly codeStart: number;
  readonly codeEnd: number;
  readonly dataStart: number;
  readonly dataEnd: number;
  readonly heapStart: number;
  readonly stackStart: number;
  readonly argumentsStart: number;
  readonly argumentsEnd: number;
  readonly environmentStart: number;
  readonly environmentEnd: number;
  readonly auxv: Uint8Array;
  areas(): readonly ProcArea[];
  /** Guest memory; may throw the kernel's private faults, which start the reading call over. */
  read(address: number, length: number): Uint8Array;
}

export interface ProcIds {
  readonly real: number;
  readonly effective: number;
  readonly saved: number;
  readonly fileSystem: number;
}

export interface ProcTask {
  readonly tid: number;
  readonly pid: number;
  readonly parentPid: number;
  /** The other threads of its process and itself, ascending. */
  threads(): readonly number[];
  /** At most 15 bytes; PR_SET_NAME. */
  name: string;
  /** R, S, D, T or Z. */
  readonly state: string;
  readonly processGroup: number;
  readonly session: number;
  /** st_rdev of the controlling terminal, 0 without one; and its foreground process group, -1 without one. */
  readonly terminalDevice: number;
  readonly terminalGroup: number;
  readonly userNs: number;
  readonly systemNs: number;
  readonly childrenUserNs: number;
  readonly childrenSystemNs: number;
  readonly niceness: number;
  /** On the monotonic clock. */
  readonly startNs: bigint;
  /** The status word of wait(2), once it has ended. */
  readonly exitStatus: number;
  readonly users: ProcIds;
  readonly groups: ProcIds;
  readonly supplementaryGroups: readonly number[];
  readonly capabilities: {
    readonly inheritable: bigint;
    readonly permitted: bigint;
    readonly effective: bigint;
    readonly bounding: bigint;
    readonly ambient: bigint;
  };
  readonly noNewPrivileges: boolean;
  readonly umask: number;
  readonly signals: {
    readonly queued: number;
    readonly pending: bigint;
    readonly processPending: bigint;
    readonly blocked: bigint;
    readonly ignored: bigint;
    readonly caught: bigint;
  };
  /** Null once it has ended. */
  readonly memory: ProcMemory | null;
  readonly executable: Dentry | null;
  readonly cwd: Dentry | null;
  readonly root: Dentry | null;
  /** Open descriptors, ascending; and one of them. */
  descriptors(): Iterable<readonly [fd: number, file: OpenFile]>;
  descriptor(fd: number): OpenFile | null;
  closesOnExec(fd: number): boolean;
  /** Resource limits by their numbers of man 2 getrlimit; null is "unlimited". */
  limit(resource: number): readonly [soft: bigint | null, hard: bigint | null];
  mounts(): string;
  mountinfo(): string;
  /** Mutable, as /proc/PID/oom_score_adj. */
  oomScoreAdjustment: number;
}
