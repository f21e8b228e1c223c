/**
 * A process that is a WebAssembly program: recognised by its first bytes, as Linux's binfmt would, and run as WASI over
 * the container's file tree and streams.
 */
import { errno } from "../../abi/errno.ts";
import { O_DIRECTORY, O_RDONLY } from "../../abi/fcntl.ts";
import { S_IFMT, S_IFREG } from "../../abi/stat.ts";
import { concat } from "../../base/bytes.ts";
import { systemClock } from "../../base/clock.ts";
import { limits } from "../../base/limits.ts";
import { WherryError } from "../../base/errors.ts";
import type { Namespace } from "../../vfs/namespace.ts";
import { lookup, open, openDentry } from "../../vfs/operations.ts";
import { SpecialFile } from "../../vfs/special-file.ts";
import type { Caller, Dentry, OpenFile } from "../../vfs/types.ts";
import { compileWasi, runWasi, wasiCanWait } from "../../wasi/run.ts";
import { woken } from "../pipe-streams.ts";
import type { ProcessSpec } from "../types.ts";
import type { ResolvedUser } from "../user.ts";

/** "\0asm", little-endian. */
const wasmMagic = 0x6d736100;

export interface WasiProcess {
  /** The exit code. */
  readonly exited: Promise<number>;
  /** A WASI program has no signal handlers: any that would end it does, at its next wait. */
  signal(signal: number): void;
}

/**
 * Null when the program is not WebAssembly (or not there: the kernel says so better). Otherwise the descriptors in
 * `standard` are taken over. Throws invalid-executable (126) for a module that does not validate.
 */
export async function startWasi(
  spec: ProcessSpec,
  namespace: Namespace,
  user: ResolvedUser,
  cwd: Dentry,
  standard: readonly OpenFile[],
): Promise<WasiProcess | null> {
  const caller: Caller = {
    namespace,
    root: namespace.root,
    cwd,
    credentials: { uid: user.uid, gid: user.gid, groups: user.groups },
    umask: 0o022,
    openControllingTerminal: () => null,
  };
  const name = spec.arguments[0]!;
  const program = find(caller, spec);
  if (program === null || program.inode.size < 8) return null;
  const file = await openDentry(caller, program, O_RDONLY);
  if (typeof file === "number") return null;
  let code: Uint8Array<ArrayBuffer>;
  try {
    const head = await readExactly(file, 4);
    if (head === null || new DataView(head.buffer).getUint32(0, true) !== wasmMagic) return null;
    if (program.inode.size > limits.wasmModuleBytesMax) {
      throw new WherryError("limit-exceeded", `${name}: larger than a WebAssembly module may be`, { exitCode: 126 });
    }
    await file.seek(0, 0);
    const all = await readExactly(file, program.inode.size);
    if (all === null) throw new WherryError("internal", `${name}: cannot be read`);
    code = all;
  } finally {
    file.release();
  }
  const module = await compileWasi(name, code);
  const root = await open(caller, namespace.root, "/", O_RDONLY | O_DIRECTORY, 0);
  if (typeof root === "number") throw new WherryError("internal", "the container's root cannot be opened");
  let end!: (code: number) => void;
  const killed = new Promise<number>((resolve) => {
    end = resolve;
  });
  // Not awaited here: the host sends input only to a process that has started.
  const run = async () => {
    const stdin = wasiCanWait || spec.tty ? standard[0]! : await completeInput(standard[0]!);
    const program = {
      arguments: spec.arguments,
      environment: spec.environment,
      caller,
      clock: systemClock,
      standard: [stdin, ...standard.slice(1)],
      root,
    };
    return runWasi(program, module);
  };
  return { exited: Promise.race([run(), killed]), signal: (signal) => end(128 + signal) };
}

/** The program's dentry: a path, or a name looked up in PATH. */
function find(caller: Caller, spec: ProcessSpec): Dentry | null {
  const name = spec.arguments[0]!;
  const path = spec.environment.findLast((entry) => entry.startsWith("PATH="))?.slice("PATH=".length) ?? "/bin";
  const candidates = name.includes("/") ? [name] : path.split(":").map((folder) => `${folder}/${name}`);
  for (const candidate of candidates) {
    const found = lookup(caller, caller.cwd, candidate);
    if (typeof found !== "number" && (found.inode.mode & S_IFMT) === S_IFREG) return found;
  }
  return null;
}

async function readExactly(file: OpenFile, length: number): Promise<Uint8Array<ArrayBuffer> | null> {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length;) {
    const count = await file.read(bytes.subarray(at), null);
    if (count <= 0) return null;
    at += count;
  }
  return bytes;
}

/** Input that is all there before the program starts: for engines in which a program cannot wait. */
class CompleteInput extends SpecialFile {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(pipe: OpenFile, bytes: Uint8Array) {
    super(pipe.inode, pipe.flags, pipe.dentry);
    this.#bytes = bytes;
  }

  override read(target: Uint8Array, position: number | null): number {
    if (position !== null) return -errno.ESPIPE;
    const part = this.#bytes.subarray(this.#at, this.#at + target.length);
    target.set(part);
    this.#at += part.length;
    return part.length;
  }
}

async function completeInput(pipe: OpenFile): Promise<OpenFile> {
  const parts: Uint8Array[] = [];
  const buffer = new Uint8Array(limits.pipeBytesMax);
  for (let total = 0; total < limits.wasiInputBytesMax;) {
    const count = await pipe.read(buffer, null);
    if (count > 0) parts.push(buffer.slice(0, count));
    else if (count === -errno.EAGAIN) await woken(pipe);
    else break;
    total += count > 0 ? count : 0;
  }
  const input = new CompleteInput(pipe, concat(parts));
  pipe.release();
  return input;
}
