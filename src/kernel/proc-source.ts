/** What procfs and sysfs show of a kernel: their narrow view (`vfs/procfs/source.ts`) over its own structures. */
import { RLIM_INFINITY } from "../abi/resource.ts";
import type { Clock } from "../base/clock.ts";
import { limits } from "../base/limits.ts";
import { Terminal } from "../tty/terminal.ts";
import type { CpuLevel } from "../../wasm/x86/types.ts";
import type { ProcArea, ProcIds, ProcMemory, ProcSource, ProcTask } from "../vfs/procfs/source.ts";
import type { Dentry, OpenFile } from "../vfs/types.ts";
import type { AddressSpace } from "./address-space.ts";
import type { Kernel } from "./kernel.ts";
import type { Process } from "./process.ts";
import type { Task } from "./task.ts";

export class KernelProcSource implements ProcSource {
  readonly #kernel: Kernel;
  readonly #views = new WeakMap<Task, TaskView>();

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  get clock(): Clock {
    return this.#kernel.clock;
  }
  get bootNs(): bigint {
    return this.#kernel.bootNs;
  }
  get lastPid(): number {
    return this.#kernel.lastPid;
  }
  get hostname(): string {
    return this.#kernel.hostname;
  }
  set hostname(name: string) {
    this.#kernel.hostname = name;
  }
  get domainname(): string {
    return this.#kernel.domainname;
  }

  get cpuLevel(): CpuLevel {
    return this.#kernel.cpu.level;
  }

  current(): { pid: number; tid: number } | null {
    const task = this.#kernel.scheduler.current;
    return task === null ? null : { pid: task.pid, tid: task.tid };
  }

  processes(): readonly number[] {
    return [...this.#kernel.processes.keys()].sort((a, b) => a - b);
  }

  task(id: number): ProcTask | null {
    const task = this.#kernel.tasks.get(id) ?? this.#kernel.processes.get(id)?.leader;
    if (task === undefined) return null;
    let view = this.#views.get(task);
    if (view === undefined) {
      view = new TaskView(task);
      this.#views.set(task, view);
    }
    return view;
  }

  taskCounts(): { all: number; runnable: number } {
    return { all: this.#kernel.tasks.size, runnable: this.#kernel.scheduler.readyCount };
  }

  memory(): { totalBytes: number; freeBytes: number } {
    const { framesTotal, framesInUse } = this.#kernel.frames;
    return { totalBytes: framesTotal * limits.pageBytes, freeBytes: (framesTotal - framesInUse) * limits.pageBytes };
  }

  usage(): { userNs: number; systemNs: number; forks: number } {
    // What ended is in the sums of the first process, which inherits every orphan.
    const first = this.#kernel.processes.get(1);
    let userNs = first?.childrenUserNs ?? 0;
    let systemNs = first?.childrenSystemNs ?? 0;
    for (const process of this.#kernel.processes.values()) {
      userNs += process.userNs;
      systemNs += process.systemNs;
    }
    return { userNs, systemNs, forks: this.#kernel.forks };
  }
}

const oomScores = new WeakMap<Process, number>();

class TaskView implements ProcTask {
  readonly #task: Task;
  #memory: MemoryView | null = null;

  constructor(task: Task) {
    this.#task = task;
  }

  get #process(): Process {
    return this.#task.process;
  }
  /** Its threads are gone; only the parent's wait is awaited. */
  get #ended(): boolean {
    return this.#process.isZombie || this.#task.state === "dead";
  }

  get tid(): number {
    return this.#task.tid;
  }
  get pid(): number {
    return this.#process.pid;
  }
  get parentPid(): number {
    return this.#process.parent?.pid ?? 0;
  }
  threads(): readonly number[] {
    const found = Array.from(this.#process.tasks, (task) => task.tid).sort((a, b) => a - b);
    return found.length === 0 ? [this.tid] : found;
  }
  get name(): string {
    return this.#task.name;
  }
  set name(name: string) {
    this.#task.name = name;
  }
  get state(): string {
    if (this.#ended) return "Z";
    if (this.#process.stopSignal !== 0) return "T";
    return this.#task.state === "running" ? "R" : this.#task.state === "stopped" ? "T" : "S";
  }
  get processGroup(): number {
    return this.#process.group.id;
  }
  get session(): number {
    return this.#process.session.id;
  }
  get terminalDevice(): number {
    const { terminal } = this.#process.session;
    return terminal instanceof Terminal ? terminal.rdev : 0;
  }
  get terminalGroup(): number {
    return this.#process.session.terminal?.foregroundGroup ?? -1;
  }
  get userNs(): number {
    return this.#process.userNs;
  }
  get systemNs(): number {
    return this.#process.systemNs;
  }
  get childrenUserNs(): number {
    return this.#process.childrenUserNs;
  }
  get childrenSystemNs(): number {
    return this.#process.childrenSystemNs;
  }
  get niceness(): number {
    return this.#process.niceness;
  }
  get startNs(): bigint {
    return this.#process.startTimeNs;
  }
  get exitStatus(): number {
    return this.#process.exitStatus ?? 0;
  }
  get users(): ProcIds {
    const { ruid, euid, suid, fsuid } = this.#task.credentials;
    return { real: ruid, effective: euid, saved: suid, fileSystem: fsuid };
  }
  get groups(): ProcIds {
    const { rgid, egid, sgid, fsgid } = this.#task.credentials;
    return { real: rgid, effective: egid, saved: sgid, fileSystem: fsgid };
  }
  get supplementaryGroups(): readonly number[] {
    return this.#task.credentials.groups;
  }
  get capabilities(): ProcTask["capabilities"] {
    return this.#task.credentials.capabilities;
  }
  get noNewPrivileges(): boolean {
    return this.#task.noNewPrivileges;
  }
  get umask(): number {
    return this.#task.fs.umask;
  }
  get signals(): ProcTask["signals"] {
    const { pending, actions } = this.#process;
    return {
      queued: this.#task.pending.count + pending.count,
      pending: this.#task.pending.set,
      processPending: pending.set,
      blocked: this.#task.blocked,
      ignored: actions.ignored,
      caught: actions.caught,
    };
  }
  get memory(): ProcMemory | null {
    if (this.#ended) return null;
    // execve replaces the address space.
    if (this.#memory?.space !== this.#task.memory) this.#memory = new MemoryView(this.#task.memory);
    return this.#memory;
  }
  get executable(): Dentry | null {
    return this.#ended ? null : this.#process.executableDentry;
  }
  get cwd(): Dentry | null {
    return this.#ended ? null : this.#task.fs.cwd;
  }
  get root(): Dentry | null {
    return this.#ended ? null : this.#task.fs.root;
  }
  descriptors(): Iterable<readonly [fd: number, file: OpenFile]> {
    return this.#ended ? [] : this.#task.files;
  }
  descriptor(fd: number): OpenFile | null {
    return this.#ended ? null : this.#task.files.get(fd);
  }
  closesOnExec(fd: number): boolean {
    return this.#task.files.closesOnExec(fd);
  }
  limit(resource: number): readonly [bigint | null, bigint | null] {
    const { soft, hard } = this.#process.limits.get(resource);
    return [soft === RLIM_INFINITY ? null : soft, hard === RLIM_INFINITY ? null : hard];
  }
  mounts(): string {
    const { namespace, root } = this.#task.fs;
    return namespace.mountsText(root);
  }
  mountinfo(): string {
    const { namespace, root } = this.#task.fs;
    return namespace.mountinfoText(root);
  }
  get oomScoreAdjustment(): number {
    return oomScores.get(this.#process) ?? 0;
  }
  set oomScoreAdjustment(value: number) {
    oomScores.set(this.#process, value);
  }
}

class MemoryView implements ProcMemory {
  readonly space: AddressSpace;

  constructor(space: AddressSpace) {
    this.space = space;
  }
  get virtualBytes(): number {
    return this.space.virtualBytes;
  }
  get residentPages(): number {
    return this.space.residentPages;
  }
  get peakResidentPages(): number {
    return Math.max(this.space.peakResidentPages, this.space.residentPages);
  }
  get codeStart(): number {
    return this.space.codeStart;
  }
  get codeEnd(): number {
    return this.space.codeEnd;
  }
  get dataStart(): number {
    return this.space.dataStart;
  }
  get dataEnd(): number {
    return this.space.dataEnd;
  }
  get heapStart(): number {
    return this.space.heapStart;
  }
  get stackStart(): number {
    return this.space.stackStart;
  }
  get argumentsStart(): number {
    return this.space.argumentsStart;
  }
  get argumentsEnd(): number {
    return this.space.argumentsEnd;
  }
  get environmentStart(): number {
    return this.space.environmentStart;
  }
  get environmentEnd(): number {
    return this.space.environmentEnd;
  }
  get auxv(): Uint8Array {
    return this.space.auxv;
  }
  areas(): readonly ProcArea[] {
    return this.space.areas.all.map((area) => ({
      start: area.start,
      end: area.end,
      protection: area.protection,
      shared: area.shared,
      offset: area.offset,
      dentry: area.backing?.file?.dentry ?? null,
      name: area.name,
    }));
  }
  read(address: number, length: number): Uint8Array {
    return this.space.user.read(address, length);
  }
}
