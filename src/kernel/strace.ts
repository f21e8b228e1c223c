/**
 * System calls as strace(1) prints them, from the argument kinds of their rows:
 *
 *     openat(AT_FDCWD, "/etc/passwd", O_RDONLY|O_CLOEXEC) = 3
 */
import { errnoName } from "../abi/errno.ts";
import { signalName } from "../abi/signal.ts";
import { syscallNumbers } from "../abi/unistd.ts";
import { PageNeeded, UserFault, restart } from "./faults.ts";
import { formatFlags } from "./strace-flags.ts";
import type { ArgumentKind, SyscallRow } from "./syscall-row.ts";
import type { SignalInfo } from "./signal-state.ts";
import type { Task } from "./task.ts";

/** strace's default for strings. */
const stringBytesMax = 128;
const AT_FDCWD = -100;
/** Calls whose result is an address. */
const addressResults = new Set<number>([
  syscallNumbers.mmap,
  syscallNumbers.brk,
  syscallNumbers.mremap,
  syscallNumbers.shmat,
]);

export function formatCall(task: Task, row: SyscallRow, raw: (index: number) => bigint): string {
  const parts = row.arguments.map((kind, index) => formatArgument(task, kind, raw(index)));
  return `${row.name}(${parts.join(", ")})`;
}

export function formatResult(number: number, result: number): string {
  if (result >= 0) return addressResults.has(number) ? `0x${result.toString(16)}` : String(result);
  if (result <= -restart.ERESTARTSYS && result >= -restart.ERESTART_RESTARTBLOCK)
    return "? ERESTART (interrupted by a signal)";
  return `-1 ${errnoName(-result)}`;
}

/** As strace shows a delivered signal: "SIGCHLD {si_signo=SIGCHLD, si_code=1, si_pid=2, …}". */
export function formatSignal(info: SignalInfo): string {
  const name = signalName(info.signal);
  const parts = [`si_signo=${name}`, `si_code=${info.code}`];
  if (info.pid !== undefined) parts.push(`si_pid=${info.pid}`, `si_uid=${info.uid ?? 0}`);
  if (info.status !== undefined) parts.push(`si_status=${info.status}`);
  if (info.address !== undefined)
    parts.push(`si_addr=${info.address === 0 ? "NULL" : `0x${info.address.toString(16)}`}`);
  return `${name} {${parts.join(", ")}}`;
}

/** As strace shows the end of a process. */
export function formatEnd(status: number): string {
  return (status & 0x7f) === 0 ? `exited with ${status >> 8}` : `killed by ${signalName(status & 0x7f)}`;
}

function formatArgument(task: Task, kind: ArgumentKind, raw: bigint): string {
  const int = Number(BigInt.asIntN(32, raw));
  switch (kind) {
    case "int":
      return String(int);
    case "uint":
      return String(int >>> 0);
    case "long":
      return String(BigInt.asIntN(64, raw));
    case "u64":
      return String(raw);
    case "fd":
      return int === AT_FDCWD ? "AT_FDCWD" : String(int);
    case "signal":
      return int === 0 ? "0" : signalName(int);
    case "path":
      return formatString(task, raw);
    case "address":
      return raw < 65536n ? String(raw) : `0x${raw.toString(16)}`;
    case "buffer":
      return raw === 0n ? "NULL" : `0x${raw.toString(16)}`;
    default:
      return formatFlags(kind.slice("flags:".length), int);
  }
}

function formatString(task: Task, raw: bigint): string {
  if (raw === 0n) return "NULL";
  try {
    const bytes = task.user.readCStringBytes(Number(raw));
    return quote(bytes);
  } catch (error) {
    if (error instanceof UserFault || error instanceof PageNeeded) return `0x${raw.toString(16)}`;
    throw error;
  }
}

/** A C string literal; longer ones are cut as strace does. */
export function quote(bytes: Uint8Array): string {
  let text = '"';
  for (const byte of bytes.subarray(0, stringBytesMax)) {
    if (byte === 0x22 || byte === 0x5c) text += `\\${String.fromCharCode(byte)}`;
    else if (byte >= 0x20 && byte < 0x7f) text += String.fromCharCode(byte);
    else if (byte === 0x0a) text += "\\n";
    else if (byte === 0x09) text += "\\t";
    else if (byte === 0x0d) text += "\\r";
    else text += `\\${byte.toString(8).padStart(3, "0")}`;
  }
  return `${text}"${bytes.length > stringBytesMax ? "..." : ""}`;
}
