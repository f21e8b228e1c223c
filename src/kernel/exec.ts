/**
 * execve(2): finds out what a file is (ELF or script), builds a new address space beside the old one, and only when all
 * of it is there makes the change. So every failure leaves the caller as it was.
 *
 * Top of the new stack, from high to low (Linux: fs/binfmt_elf.c, create_elf_tables):
 *
 *     NUL word, file name, environment strings, argument strings, platform, 16 random bytes,
 *     auxiliary vector, NULL, environment pointers, NULL, argument pointers, argc  ← rsp, 16-byte aligned
 */
import { auxv } from "../abi/auxv.ts";
import { errno } from "../abi/errno.ts";
import { O_RDONLY } from "../abi/fcntl.ts";
import { prot } from "../abi/mman.ts";
import { rlimit } from "../abi/resource.ts";
import { SS_DISABLE } from "../abi/signal.ts";
import { S_IFMT, S_IFREG } from "../abi/stat.ts";
import { decodeName, encodeName } from "../base/bytes.ts";
import { limits } from "../base/limits.ts";
import { isPromise } from "../base/maybe.ts";
import { fillRandom } from "../base/random.ts";
import { MAY_EXEC, lookup, openDentry, pathOf, permission } from "../vfs/operations.ts";
import type { Dentry, OpenFile } from "../vfs/types.ts";
import { access, reg } from "../../wasm/x86/types.ts";
import { AddressSpace } from "./address-space.ts";
import { FileBacking } from "./backing.ts";
import { credentialsAfterExec } from "./exec-credentials.ts";
import { elfHeaderBytes, isElf, parseElfHeader, parseProgramHeaders, programHeaderBytes, programType } from "./elf.ts";
import type { ElfHeader, ProgramHeader } from "./elf.ts";
import { endSoon, releaseVfork, clearChildTid } from "./exit.ts";
import { releaseRobustMutexes } from "./robust-list.ts";
import { PageNeeded, UserFault } from "./faults.ts";
import { mapArea, roundDown, roundUp } from "./mmap.ts";
import { parseScript, scriptLineBytes } from "./script.ts";
import { fpstateBytes } from "./signal-fpstate.ts";
import type { Task } from "./task.ts";
import { userEnd } from "./user-memory.ts";

const pageBytes = limits.pageBytes;
/** A script's interpreter may be a script, this many times. */
const scriptDepthMax = 5;
/** MAX_ARG_STRLEN: one argument or environment string, its NUL included. */
export const stringBytesMax = 131072;
/** Pages of stack that exist from the start, beyond the strings. */
const stackExtraBytes = 131072;
/** Where relocatable programs go: ELF_ET_DYN_BASE, two thirds of the address space. */
const programBase = 0x5555_5555_4000;
const platform = "x86_64";
/** What CPUID leaf 1 says in EDX: FPU TSC MSR CX8 CMOV CLFSH MMX FXSR SSE SSE2 and the usual others. */
const hardwareCapabilities = 0x078bfbff;
/** HWCAP2_FSGSBASE: the bases of FS and GS may be written by the program itself. */
const fsGsBase = 2;
const clockTicks = 100;
/** Of a signal's frame: the frame, alignment and red zone, without the floating-point state. */
const signalFrameBytes = 928;

interface Image {
  readonly file: OpenFile;
  readonly header: ElfHeader;
  readonly segments: readonly ProgramHeader[];
  /** The program headers' own place in memory, or 0. */
  readonly headersAddress: number;
}

export interface ExecRequest {
  readonly start: Dentry;
  readonly path: string;
  /** What AT_EXECFN and a script's argument say: the path as given, or /dev/fd/N for execveat. */
  readonly shownPath: string;
  /** Given for execveat with AT_EMPTY_PATH: the file itself, instead of a path. */
  readonly dentry?: Dentry;
  readonly followLast?: boolean;
  readonly argv: readonly Uint8Array[];
  readonly envp: readonly Uint8Array[];
}

/** 0 once the task has become the new program (its registers change when it next runs), or -errno. */
export async function exec(task: Task, request: ExecRequest): Promise<number> {
  const opened: OpenFile[] = [];
  try {
    return await load(task, request, opened);
  } finally {
    for (const file of opened) file.release();
  }
}

async function load(task: Task, request: ExecRequest, opened: OpenFile[]): Promise<number> {
  let argv = [...request.argv];
  let dentry = request.dentry ?? lookup(task.caller, request.start, request.path, request.followLast ?? true);
  let shownPath = request.shownPath;
  let file: OpenFile;
  for (let depth = 0; ; depth++) {
    if (typeof dentry === "number") return dentry;
    const program = await openProgram(task, dentry);
    if (typeof program === "number") return program;
    opened.push(program);
    const head = await readFile(program, 0, scriptLineBytes);
    if (typeof head === "number") return head;
    const script = parseScript(head);
    if (script === null) {
      file = program;
      break;
    }
    if (typeof script === "number") return script;
    if (depth >= scriptDepthMax) return -errno.ELOOP;
    const inserted = script.argument === null ? [script.interpreter] : [script.interpreter, script.argument];
    argv = [...inserted, encodeName(shownPath), ...argv.slice(1)];
    shownPath = decodeName(script.interpreter);
    dentry = lookup(task.caller, task.fs.cwd, shownPath);
  }
  const main = await readImage(file, -errno.ENOEXEC);
  if (typeof main === "number") return main;
  let interpreter: Image | null = null;
  const named = main.segments.find((segment) => segment.type === programType.INTERP);
  if (named !== undefined) {
    const found = await openInterpreter(task, main, named, opened);
    if (typeof found === "number") return found;
    interpreter = found;
  }
  const argumentBytes = stringsBytes(argv) + stringsBytes(request.envp) + 8 * (argv.length + request.envp.length);
  if (argumentBytes > argumentLimit(task)) return -errno.E2BIG;

  let space: AddressSpace;
  try {
    space = new AddressSpace(task.kernel.mmu);
  } catch (error) {
    if (typeof error === "number") return error;
    throw error;
  }
  const become = await build(task, space, main, interpreter, shownPath, argv, request.envp);
  if (typeof become === "number") {
    space.release();
    return become;
  }
  if (task.isDying) {
    space.release();
    return -errno.EINTR;
  }
  await endOtherThreads(task);
  commit(task, space, main.file, argv, become);
  return 0;
}

/** A regular file that the task may execute, open; or -errno. */
async function openProgram(task: Task, dentry: Dentry): Promise<OpenFile | number> {
  const { inode } = dentry;
  if ((inode.mode & S_IFMT) !== S_IFREG) return -errno.EACCES;
  if (dentry.mount.noExec) return -errno.EACCES;
  const denied = permission(task.fileCredentials, inode, MAY_EXEC);
  if (denied < 0) return denied;
  // A program may be executable and not readable: it is the kernel that reads.
  const reader = { ...task.caller, credentials: { uid: 0, gid: 0, groups: [] } };
  const file = await openDentry(reader, dentry, O_RDONLY);
  if (typeof file !== "number" && file.inode.mapping === null) {
    file.release();
    return -errno.EACCES;
  }
  return file;
}

/** At most `length` bytes; shorter at the end of the file. */
async function readFile(file: OpenFile, position: number, length: number): Promise<Uint8Array | number> {
  const bytes = new Uint8Array(length);
  let done = 0;
  while (done < length) {
    const count = await file.read(bytes.subarray(done), position + done);
    if (count < 0) return count;
    if (count === 0) break;
    done += count;
  }
  return bytes.subarray(0, done);
}

/** Headers of an ELF file; `invalid` is the error for anything that is none. */
async function readImage(file: OpenFile, invalid: number): Promise<Image | number> {
  const head = await readFile(file, 0, elfHeaderBytes);
  if (typeof head === "number") return head;
  if (!isElf(head)) return invalid;
  const header = parseElfHeader(head);
  if (typeof header === "number") return invalid;
  const table = await readFile(file, header.programHeadersAt, header.programHeaderCount * programHeaderBytes);
  if (typeof table === "number") return table;
  const segments = parseProgramHeaders(table, header.programHeaderCount);
  if (typeof segments === "number") return invalid;
  const loads = segments.filter((segment) => segment.type === programType.LOAD);
  if (loads.length === 0) return invalid;
  const holder = loads.find(
    (segment) =>
      segment.offset <= header.programHeadersAt && header.programHeadersAt < segment.offset + segment.fileBytes,
  );
  const headersAddress = holder === undefined ? 0 : header.programHeadersAt - holder.offset + holder.address;
  return { file, header, segments, headersAddress };
}

async function openInterpreter(
  task: Task,
  main: Image,
  named: ProgramHeader,
  opened: OpenFile[],
): Promise<Image | number> {
  if (named.fileBytes < 2 || named.fileBytes > limits.pathBytesMax) return -errno.ENOEXEC;
  const text = await readFile(main.file, named.offset, named.fileBytes);
  if (typeof text === "number") return text;
  if (text.length < named.fileBytes) return -errno.EIO;
  if (text[text.length - 1] !== 0) return -errno.ENOEXEC;
  const path = decodeName(text.subarray(0, text.indexOf(0)));
  const dentry = lookup(task.caller, task.fs.cwd, path);
  if (typeof dentry === "number") return dentry;
  const file = await openProgram(task, dentry);
  if (typeof file === "number") return file;
  opened.push(file);
  return readImage(file, -errno.ELIBBAD);
}

interface Start {
  readonly entry: number;
  readonly stackPointer: number;
}

/** Fills the new address space; nothing of the old one changes. */
async function build(
  task: Task,
  space: AddressSpace,
  main: Image,
  interpreter: Image | null,
  shownPath: string,
  argv: readonly Uint8Array[],
  envp: readonly Uint8Array[],
): Promise<Start | number> {
  const stackLimit = Math.min(task.process.limits.soft(rlimit.STACK), userEnd / 6);
  space.stackLimit = stackLimit;
  const stackTop = userEnd - randomPages(2 ** 22);
  const gap = Math.max(128 << 20, stackLimit) + (2 << 20);
  // Program and libraries move by one random distance, so that code compiled across both fits every process.
  const distance = randomPages(2 ** 24);
  space.mmapBase = roundDown(userEnd - 2 ** 22 * pageBytes - gap - distance);

  const shift = 2 ** 24 * pageBytes - distance;
  const bias = main.header.relocatable ? programBase + aligned(shift, main) - lowestPage(main) : 0;
  const mainEnd = await mapImage(space, main, bias);
  if (mainEnd < 0) return mainEnd;
  let entry = main.header.entry + bias;
  let interpreterBase = 0;
  if (interpreter !== null) {
    const span = imageSpan(interpreter);
    // One reservation finds the place and keeps the segments' distances.
    const place = interpreter.header.relocatable
      ? mapArea(
          space,
          { length: span, protection: 0, shared: false, backing: null, offset: 0 },
          { kind: "hint", address: 0 },
        )
      : lowestPage(interpreter);
    if (place < 0) return place;
    interpreterBase = place - lowestPage(interpreter);
    const end = await mapImage(space, interpreter, interpreterBase);
    if (end < 0) return end;
    entry = interpreter.header.entry + interpreterBase;
  }
  space.heapStart = space.heapEnd = roundUp(mainEnd) + randomPages(2 ** 13);

  const strings = stringsBytes(argv) + stringsBytes(envp);
  const stackBytes = roundUp(strings + 8 * (argv.length + envp.length) + stackExtraBytes);
  const executableStack = main.segments.some((s) => s.type === programType.GNU_STACK && (s.flags & 1) !== 0);
  const stack = mapArea(
    space,
    {
      length: stackBytes,
      protection: prot.READ | prot.WRITE | (executableStack ? prot.EXEC : 0),
      shared: false,
      backing: null,
      offset: 0,
      growsDown: true,
      name: "[stack]",
    },
    { kind: "fixed", address: stackTop - stackBytes },
  );
  if (stack < 0) return stack;
  const credentials = credentialsAfterExec(task, main.file);
  const secure = credentials.secure ? 1 : 0;
  const auxiliary: [number, number][] = [
    [auxv.HWCAP, hardwareCapabilities],
    [auxv.PAGESZ, pageBytes],
    [auxv.CLKTCK, clockTicks],
    [auxv.PHDR, main.headersAddress === 0 ? 0 : main.headersAddress + bias],
    [auxv.PHENT, programHeaderBytes],
    [auxv.PHNUM, main.header.programHeaderCount],
    [auxv.BASE, interpreter === null ? 0 : interpreterBase],
    [auxv.FLAGS, 0],
    [auxv.ENTRY, main.header.entry + bias],
    [auxv.UID, credentials.after.ruid],
    [auxv.EUID, credentials.after.euid],
    [auxv.GID, credentials.after.rgid],
    [auxv.EGID, credentials.after.egid],
    [auxv.SECURE, secure],
    [auxv.HWCAP2, fsGsBase],
    [auxv.MINSIGSTKSZ, Math.ceil((signalFrameBytes + fpstateBytes(task.kernel.cpu)) / 16) * 16],
  ];
  try {
    const stackPointer = writeStack(space, stackTop, encodeName(shownPath), argv, envp, auxiliary);
    return { entry, stackPointer };
  } catch (error) {
    // The stack is anonymous memory: it can only fail for want of memory.
    if (error instanceof UserFault || error instanceof PageNeeded) return -errno.ENOMEM;
    throw error;
  }
}

function writeStack(
  space: AddressSpace,
  top: number,
  fileName: Uint8Array,
  argv: readonly Uint8Array[],
  envp: readonly Uint8Array[],
  auxiliary: [number, number][],
): number {
  const { user } = space;
  let at = top - 8;
  const put = (text: Uint8Array): number => {
    at -= text.length + 1;
    user.write(at, text);
    return at;
  };
  const nameAddress = put(fileName);
  const environment = [...envp].reverse().map(put).reverse();
  space.environmentEnd = nameAddress;
  space.environmentStart = at;
  const pointers = [...argv].reverse().map(put).reverse();
  space.argumentsEnd = space.environmentStart;
  space.argumentsStart = at;
  const platformAddress = put(encodeName(platform));
  const random = new Uint8Array(16);
  fillRandom(random);
  at -= 16;
  user.write(at, random);
  auxiliary.push([auxv.RANDOM, at], [auxv.EXECFN, nameAddress], [auxv.PLATFORM, platformAddress], [auxv.NULL, 0]);

  const words = 1 + pointers.length + 1 + environment.length + 1 + auxiliary.length * 2;
  const lowest = at - words * 8;
  const stackPointer = lowest - (lowest % 16);
  const bytes = new Uint8Array(words * 8);
  const view = new DataView(bytes.buffer);
  let slot = 0;
  const word = (value: number) => {
    view.setBigUint64(slot, BigInt(value), true);
    slot += 8;
  };
  word(pointers.length);
  for (const pointer of pointers) word(pointer);
  word(0);
  for (const pointer of environment) word(pointer);
  word(0);
  const auxvAt = slot;
  for (const [type, value] of auxiliary) {
    word(type);
    word(value);
  }
  user.write(stackPointer, bytes);
  space.auxv = bytes.slice(auxvAt);
  space.stackStart = stackPointer;
  return stackPointer;
}

/** Maps the segments `bias` above their addresses; the end of the highest one, or -errno. */
async function mapImage(space: AddressSpace, image: Image, bias: number): Promise<number> {
  const { mapping } = image.file.inode;
  if (mapping === null) return -errno.ENOEXEC;
  const backing = new FileBacking(image.file, mapping);
  try {
    let highest = 0;
    for (const segment of image.segments) {
      if (segment.type !== programType.LOAD || segment.memoryBytes === 0) continue;
      const protection =
        ((segment.flags & 4) !== 0 ? prot.READ : 0) |
        ((segment.flags & 2) !== 0 ? prot.WRITE : 0) |
        ((segment.flags & 1) !== 0 ? prot.EXEC : 0);
      const start = roundDown(segment.address + bias);
      const fileEnd = segment.address + bias + segment.fileBytes;
      const end = segment.address + bias + segment.memoryBytes;
      if (segment.fileBytes > 0) {
        backing.retain();
        const mapped = mapArea(
          space,
          {
            length: roundUp(fileEnd) - start,
            protection,
            shared: false,
            backing,
            offset: roundDown(segment.offset),
          },
          { kind: "fixed", address: start },
        );
        if (mapped < 0) return mapped;
      }
      const zeroFrom = segment.fileBytes > 0 ? roundUp(fileEnd) : start;
      if (end > zeroFrom) {
        const mapped = mapArea(
          space,
          { length: roundUp(end) - zeroFrom, protection, shared: false, backing: null, offset: 0 },
          { kind: "fixed", address: zeroFrom },
        );
        if (mapped < 0) return mapped;
      }
      if (segment.fileBytes > 0 && end > fileEnd && fileEnd % pageBytes !== 0 && (protection & prot.WRITE) !== 0) {
        // A file that ends before its data segment does: nothing of it could run.
        if (segment.offset + segment.fileBytes > image.file.inode.size) return -errno.ENOEXEC;
        const cleared = await clearTail(space, fileEnd);
        if (cleared < 0) return cleared;
      }
      highest = Math.max(highest, end);
      if ((segment.flags & 1) !== 0) {
        space.codeStart ||= start;
        space.codeEnd = fileEnd;
      } else {
        space.dataStart ||= start;
        space.dataEnd = fileEnd;
      }
    }
    return highest;
  } finally {
    backing.release();
  }
}

/** The rest of a segment's last file page belongs to the program's zeroed data. */
async function clearTail(space: AddressSpace, address: number): Promise<number> {
  for (;;) {
    const outcome = space.fault(address, access.write);
    const fault = isPromise(outcome) ? await outcome : outcome;
    if (fault !== null) return -errno.EIO;
    if (!isPromise(outcome)) break;
  }
  space.user.fill(address, roundUp(address) - address, 0);
  return 0;
}

/** Every other thread of the process ends; the caller becomes its leader (Linux: de_thread). */
async function endOtherThreads(task: Task): Promise<void> {
  const { process } = task;
  for (const other of process.tasks) {
    if (other === task) continue;
    other.endsForExec = true;
    endSoon(other);
  }
  while (process.tasks.size > 1 && process.exitStatus === null) {
    await task.wait([process.releaseWaiters], { interruptible: false });
  }
}

function commit(task: Task, space: AddressSpace, file: OpenFile, argv: readonly Uint8Array[], start: Start): void {
  const { process, kernel } = task;
  const credentials = credentialsAfterExec(task, file);
  releaseRobustMutexes(task);
  clearChildTid(task);
  task.robustList = 0;
  task.rseq = null;
  const old = task.memory;
  task.memory = space;
  old.release();
  releaseVfork(task);
  if (task.tid !== process.pid) kernel.renumber(task, process.pid);
  process.leader = task;
  if (task.files.isShared) {
    const own = task.files.copy();
    task.files.release();
    task.files = own;
  }
  task.files.closeAllOnExec();
  process.actions = process.actions.copy();
  process.actions.resetOnExec();
  task.altStack = { address: 0, size: 0, flags: SS_DISABLE };
  task.credentials = credentials.after;
  if (credentials.secure) task.parentDeathSignal = 0;
  process.dumpable = credentials.secure ? 0 : 1;
  kernel.itimers.processExeced(process);
  process.hasExeced = true;
  file.retain();
  process.executable?.release();
  process.executable = file;
  process.executablePath = file.dentry === null ? "" : pathOf(file.dentry, task.fs.root);
  task.name = programName(file, argv);
  task.onResume = () => {
    const { cpu } = kernel;
    space.activate();
    cpu.resetContext();
    cpu.rip = start.entry;
    cpu.setRegisterNumber(reg.rsp, start.stackPointer);
  };
}

/** The last part of the executed file's path, cut to the 15 bytes of `comm`. */
function programName(file: OpenFile, argv: readonly Uint8Array[]): string {
  const name = file.dentry?.name ?? (argv[0] === undefined ? "" : decodeName(argv[0]));
  return decodeName(encodeName(name).subarray(0, 15));
}

function lowestPage(image: Image): number {
  let lowest = Infinity;
  for (const segment of image.segments) {
    if (segment.type === programType.LOAD) lowest = Math.min(lowest, roundDown(segment.address));
  }
  return lowest;
}

function imageSpan(image: Image): number {
  let highest = 0;
  for (const segment of image.segments) {
    if (segment.type === programType.LOAD) highest = Math.max(highest, roundUp(segment.address + segment.memoryBytes));
  }
  return highest - lowestPage(image);
}

/** A distance from `programBase` that keeps the largest alignment any segment asks for. */
function aligned(distance: number, image: Image): number {
  let align: number = pageBytes;
  for (const segment of image.segments) {
    const power = segment.align > 0 && (segment.align & (segment.align - 1)) === 0;
    if (segment.type === programType.LOAD && power && segment.align <= 1 << 30) align = Math.max(align, segment.align);
  }
  const base = programBase % align;
  return distance - (distance % align) + (base === 0 ? 0 : align - base);
}

function randomPages(count: number): number {
  const bytes = new Uint8Array(4);
  fillRandom(bytes);
  return (new DataView(bytes.buffer).getUint32(0) % count) * pageBytes;
}

function stringsBytes(texts: readonly Uint8Array[]): number {
  let bytes = 0;
  for (const text of texts) bytes += text.length + 1;
  return bytes;
}

/** A quarter of the stack limit, at least 128 KiB, at most 6 MiB (man 2 execve, "Limits on size of arguments"). */
export function argumentLimit(task: Task): number {
  return Math.min(6 << 20, Math.max(128 << 10, task.process.limits.soft(rlimit.STACK) / 4));
}
