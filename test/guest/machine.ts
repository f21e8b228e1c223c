/**
 * A small container for guest tests: kernel, processor and a tmpfs with the program in it, no image and no terminal.
 *
 *     const result = await runGuest({ program: bytes, arguments: ["/test"] });
 *     result.stdout, result.status
 */
import { errnoName } from "../../src/abi/errno.ts";
import { O_CREAT, O_WRONLY } from "../../src/abi/fcntl.ts";
import type { Maybe } from "../../src/base/maybe.ts";
import type { Inode } from "../../src/vfs/types.ts";
import { concat, decodeName } from "../../src/base/bytes.ts";
import { systemClock } from "../../src/base/clock.ts";
import { FrameAllocator } from "../../src/kernel/frames.ts";
import { Kernel } from "../../src/kernel/kernel.ts";
import { KernelProcSource } from "../../src/kernel/proc-source.ts";
import type { IllegalInstructionReport } from "../../src/kernel/kernel.ts";
import type { Process } from "../../src/kernel/process.ts";
import { syscallTable } from "../../src/syscall/table.ts";
import { DevPts } from "../../src/tty/devpts.ts";
import { registerTerminalDrivers } from "../../src/tty/drivers.ts";
import { PtyTable } from "../../src/tty/pty.ts";
import { DeviceDrivers } from "../../src/vfs/devfs/drivers.ts";
import { registerMemoryDevices } from "../../src/vfs/devfs/memory-devices.ts";
import { populateDev } from "../../src/vfs/devfs/populate.ts";
import { Namespace } from "../../src/vfs/namespace.ts";
import { chmod, lookup, mkdir, open } from "../../src/vfs/operations.ts";
import { ProcFileSystem } from "../../src/vfs/procfs/procfs.ts";
import { NamelessFileSystem, SpecialFile, SpecialInode } from "../../src/vfs/special-file.ts";
import { createTmpfs } from "../../src/vfs/tmpfs/tmpfs.ts";
import { createCpu } from "../../wasm/x86/cpu.ts";
import type { CpuLevel } from "../../wasm/x86/types.ts";
import { jitMode } from "../x86/mode.ts";
import type { EngineMode } from "../x86/mode.ts";

export interface GuestRun {
  /** Put at /bin/test. */
  readonly program: Uint8Array;
  /** Other files, by absolute path. */
  readonly files?: ReadonlyMap<string, Uint8Array>;
  readonly arguments?: readonly string[];
  readonly environment?: readonly string[];
  readonly memoryBytes?: number;
  readonly strace?: (line: string) => void;
  readonly timeoutMs?: number;
  readonly engine?: EngineMode | undefined;
  /** x86-64-v2 unless given. */
  readonly level?: CpuLevel;
  /** Called once the program runs. */
  readonly started?: (kernel: Kernel, process: Process) => void;
  /** Called with what the guest writes to its output, as it comes. */
  readonly shown?: (bytes: Uint8Array) => void;
  /** Every page of the program and its files comes late once, as from a browser's storage. */
  readonly slowStorage?: boolean;
}

export interface GuestResult {
  readonly stdout: string;
  readonly stderr: string;
  /** wait(2)'s status word; -1 when the time was up. */
  readonly status: number;
  /** What the guest asked for and the kernel or the processor lacks. */
  readonly missing: readonly string[];
  readonly errors: readonly unknown[];
  readonly framesLeft: number;
  readonly instructions: number;
}

class StreamInode extends SpecialInode {}
const streams = new NamelessFileSystem("streams", 0x0c, 0x5354524d);

/** Takes what the guest writes; reads are at the end at once. */
class CaptureFile extends SpecialFile {
  readonly chunks: Uint8Array[] = [];
  readonly #shown: (bytes: Uint8Array) => void;

  constructor(flags: number, shown: (bytes: Uint8Array) => void = () => {}) {
    super(new StreamInode(streams, streams.nextIno(), 0o010600, { uid: 0, gid: 0 }, systemClock.realtimeNs()), flags);
    this.#shown = shown;
  }
  override read(): number {
    return 0;
  }
  override write(source: Uint8Array): number {
    const chunk = source.slice();
    this.chunks.push(chunk);
    this.#shown(chunk);
    return source.length;
  }
  get text(): string {
    return decodeName(concat(this.chunks));
  }
}

export async function runGuest(run: GuestRun): Promise<GuestResult> {
  const memoryBytes = run.memoryBytes ?? 512 << 20;
  const cpu = createCpu({ memoryBytesMax: memoryBytes, jit: jitMode(run.engine), level: run.level });
  const frames = new FrameAllocator(cpu, memoryBytes);
  const errors: unknown[] = [];
  const missing = new Set<string>();
  const kernel = new Kernel({
    cpu,
    frames,
    table: syscallTable,
    memoryBytes,
    hostname: "guest",
    sinks: {
      missingSyscall: (name) => missing.add(name),
      illegalInstruction: (report) => missing.add(describe(report)),
      internalError: (error) => errors.push(error),
      strace: run.strace,
    },
  });
  const tmpfs = (mode: number) =>
    createTmpfs(frames, systemClock, { size: null, inodes: Infinity, mode, uid: 0, gid: 0 });
  const namespace = new Namespace(tmpfs(0o755), { source: "tmpfs", options: "rw" });
  const caller = namespace.caller();
  for (const [path, mode] of [
    ["/bin", 0o755],
    ["/dev", 0o755],
    ["/proc", 0o755],
    ["/tmp", 0o1777],
  ] as const) {
    mkdir(caller, caller.root, path, mode);
    const made = lookup(caller, caller.root, path);
    if (typeof made !== "number") await chmod(caller, { inode: made.inode, mount: made.mount }, mode);
  }
  const drivers = new DeviceDrivers();
  const ptys = new PtyTable(kernel.forTerminals);
  registerMemoryDevices(drivers);
  registerTerminalDrivers(drivers, ptys);
  namespace.openSpecial = drivers.open;
  populateDev(namespace, { dev: tmpfs(0o755), shm: tmpfs(0o1777), pts: new DevPts(ptys, systemClock) }, false);
  const proc = lookup(caller, caller.root, "/proc");
  if (typeof proc !== "number") namespace.mount(proc, new ProcFileSystem(new KernelProcSource(kernel)), "proc", "rw");
  const put = async (path: string, bytes: Uint8Array) => {
    const parts = path.split("/").slice(1, -1);
    for (let depth = 1; depth <= parts.length; depth++) {
      mkdir(caller, caller.root, `/${parts.slice(0, depth).join("/")}`, 0o755);
    }
    const file = await open(caller, caller.root, path, O_WRONLY | O_CREAT, 0o755);
    if (typeof file === "number") throw new Error(`${path}: ${errnoName(-file)}`);
    await file.write(bytes, null);
    if (run.slowStorage === true) slowDown(file.inode);
    file.release();
  };
  for (const [path, bytes] of run.files ?? []) await put(path, bytes);
  await put("/bin/test", run.program);

  const [stdin, stdout, stderr] = [new CaptureFile(0), new CaptureFile(1, run.shown), new CaptureFile(1)];
  const { exited, process } = await kernel.spawn({
    namespace,
    arguments: run.arguments ?? ["/bin/test"],
    environment: run.environment ?? ["PATH=/bin"],
    root: caller.root,
    cwd: caller.root,
    uid: 0,
    gid: 0,
    groups: [],
    files: [stdin, stdout, stderr],
  });
  run.started?.(kernel, process);
  let timer: ReturnType<typeof setTimeout> | undefined;
  const timeout = new Promise<number>((resolve) => {
    timer = setTimeout(() => resolve(-1), run.timeoutMs ?? 120_000);
  });
  const status = await Promise.race([exited, timeout]);
  clearTimeout(timer);
  kernel.destroy();
  return {
    stdout: stdout.text,
    stderr: stderr.text,
    status,
    missing: [...missing],
    errors,
    framesLeft: frames.framesInUse,
    instructions: cpu.counters.instructions,
  };
}

/** Makes the inode's content answer with a promise the first time each page is asked for, and every read late. */
function slowDown(inode: Inode): void {
  const content = inode.mapping;
  if (content === null) return;
  const late = <T>(answer: () => Maybe<T>): Promise<T> =>
    new Promise((resolve) => setImmediate(() => resolve(answer() as T)));
  const seen = new Set<string>();
  const once = (kind: string, index: number, answer: () => Maybe<number>): Maybe<number> => {
    const key = `${kind} ${index}`;
    if (seen.has(key)) return answer();
    seen.add(key);
    return late(answer);
  };
  const slow = new Proxy(content, {
    get(target, name) {
      if (name === "page") return (index: number) => once("page", index, () => target.page(index));
      if (name === "writablePage") return (index: number) => once("write", index, () => target.writablePage(index));
      if (name === "read") return (into: Uint8Array, at: number) => late(() => target.read(into, at));
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? (value as (...a: unknown[]) => unknown).bind(target) : value;
    },
  });
  Object.defineProperty(inode, "mapping", { get: () => slow });
}

function describe(report: IllegalInstructionReport): string {
  const bytes = [...report.bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
  return `${report.name ?? "unknown instruction"} (${bytes}) at 0x${report.address.toString(16)}`;
}
