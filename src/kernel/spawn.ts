/** Starting a process from outside the container: the first one, and those of `docker exec`. */
import { errno, errnoName } from "../abi/errno.ts";
import { encodeName } from "../base/bytes.ts";
import { WherryError } from "../base/errors.ts";
import { lookup } from "../vfs/operations.ts";
import type { Namespace } from "../vfs/namespace.ts";
import type { Dentry, OpenFile } from "../vfs/types.ts";
import { AddressSpace } from "./address-space.ts";
import { initialCredentials } from "./credentials.ts";
import { exec } from "./exec.ts";
import { exitTask } from "./exit.ts";
import { FdTable } from "./fd-table.ts";
import { FsContext } from "./fs-context.ts";
import type { Kernel } from "./kernel.ts";
import { ProcessGroup, Session } from "./process-group.ts";
import { Process } from "./process.ts";
import type { WaitStatus } from "./process.ts";
import { ResourceLimits } from "./resource-limits.ts";
import { SignalActions } from "./signal-state.ts";
import { Task } from "./task.ts";

export interface SpawnOptions {
  readonly namespace: Namespace;
  /** What to run, looked up in PATH of `environment` if it has no slash. */
  readonly arguments: readonly string[];
  /** "KEY=value". */
  readonly environment: readonly string[];
  readonly root: Dentry;
  readonly cwd: Dentry;
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
  /** Descriptors 0, 1, 2…; the kernel takes over one reference each, also on failure. */
  readonly files: readonly OpenFile[];
  /** Called before the first instruction: to give the session its terminal. */
  readonly prepare?: (task: Task) => void;
}

export interface SpawnedProcess {
  readonly process: Process;
  /** The status word of wait(2). */
  readonly exited: Promise<WaitStatus>;
}

/** docker's words and exit codes: 127 not found, 126 not executable. */
function startError(name: string, result: number, looked: boolean): WherryError {
  const reason = {
    [errno.ENOENT]: looked ? "executable file not found in $PATH" : "no such file or directory",
    [errno.ENOTDIR]: "not a directory",
    [errno.EACCES]: "permission denied",
    [errno.ENOEXEC]: "exec format error",
    [errno.ELIBBAD]: "accessing a corrupted shared library",
    [errno.ENOMEM]: "cannot allocate memory",
    [errno.E2BIG]: "argument list too long",
    [errno.EISDIR]: "is a directory",
  }[-result];
  const text = `exec: "${name}": ${reason ?? errnoName(-result)}`;
  if (result === -errno.ENOENT || result === -errno.ENOTDIR) return new WherryError("command-not-found", text);
  if (result === -errno.ENOEXEC || result === -errno.ELIBBAD) {
    return new WherryError("invalid-executable", text, { exitCode: 126 });
  }
  return new WherryError("not-executable", text);
}

/** Rejects with command-not-found, not-executable or invalid-executable; nothing of the process is left then. */
export async function spawnProcess(kernel: Kernel, options: SpawnOptions): Promise<SpawnedProcess> {
  const task = makeTask(kernel, options);
  const { process } = task;
  const exited = new Promise<WaitStatus>((resolve) => {
    process.onExit = resolve;
  });
  const name = options.arguments[0]!;
  const argv = options.arguments.map(encodeName);
  const envp = options.environment.map(encodeName);
  let result: number = -errno.ENOENT;
  for (const path of candidates(name, options.environment)) {
    // A PATH search goes on past what is not there, and past what may not be executed (as execvp(3)).
    if (typeof lookup(task.caller, task.fs.cwd, path) === "number" && !name.includes("/")) continue;
    const outcome = await exec(task, { start: task.fs.cwd, path, shownPath: path, argv, envp });
    result = outcome;
    if (outcome === 0 || (outcome !== -errno.EACCES && outcome !== -errno.ENOENT)) break;
  }
  if (result !== 0) {
    process.onExit = null;
    process.exitStatus = 0;
    kernel.abandon(process);
    exitTask(task, 0);
    throw startError(name, result, !name.includes("/"));
  }
  options.prepare?.(task);
  task.next = "result";
  task.result = 0;
  kernel.scheduler.enqueue(task);
  kernel.scheduler.start();
  return { process, exited };
}

function makeTask(kernel: Kernel, options: SpawnOptions): Task {
  const pid = kernel.allocatePid();
  // The session's leader is the process itself, which does not exist before its group does.
  const session = new Session(pid);
  const group = new ProcessGroup(pid, session);
  const process = new Process(kernel, pid, null, group, new SignalActions(), new ResourceLimits(), 0);
  session.leader = process;
  kernel.sessions.set(pid, session);
  kernel.groups.set(pid, group);
  const files = new FdTable();
  for (const [fd, file] of options.files.entries()) files.set(fd, file, false);
  const task = new Task(kernel, pid, {
    process,
    memory: new AddressSpace(kernel.mmu),
    files,
    fs: new FsContext(options.namespace, options.root, options.cwd, 0o022),
    credentials: initialCredentials(options.uid, options.gid, options.groups),
    name: "",
  });
  process.leader = task;
  process.tasks.add(task);
  kernel.processes.set(pid, process);
  kernel.tasks.set(pid, task);
  return task;
}

/** Where to look: the name itself if it has a slash, else under each directory of PATH. */
function candidates(name: string, environment: readonly string[]): string[] {
  if (name.includes("/")) return [name];
  if (name === "") return [];
  const variable = environment.find((text) => text.startsWith("PATH="));
  const path = variable?.slice("PATH=".length) ?? "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  return path.split(":").map((directory) => `${directory === "" ? "." : directory}/${name}`);
}
