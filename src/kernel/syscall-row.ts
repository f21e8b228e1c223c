/**
 * One row a system call. Docs (`docs/syscalls.md`) and strace output come from the row, so an argument's kind is said
 * once. Handlers live in one file per family (`src/syscall`) and take the arguments already converted:
 *
 *     int      signed 32-bit (a C int: file descriptors, flags, pids)
 *     uint     unsigned 32-bit
 *     address  a guest pointer, and size_t: an unsigned number, exact below 2^53
 *     long     a signed 64-bit number (off_t, time_t)
 *     u64      BigInt, where all 64 bits matter
 *     path     a guest pointer to a NUL-terminated path: the handler receives the string
 *     buffer   as address; strace shows it as a pointer
 *     fd       as int; strace shows AT_FDCWD by name
 *     signal   as int; strace shows the signal's name
 *     flags:X  as int; strace shows the names of flag set X (`kernel/strace-flags.ts`)
 *
 * A handler returns the value or -errno, or a promise of it. It starts with its task's registers loaded in the
 * processor; after its first `await` another task's may be. It may be run again from the start when it touched guest
 * memory that still has to come from storage: so it reads and `prepareWrite`s all guest memory before it has effects.
 */
import type { Maybe } from "../base/maybe.ts";
import type { Task } from "./task.ts";

export type ArgumentKind =
  | "int"
  | "uint"
  | "address"
  | "long"
  | "u64"
  | "path"
  | `flags:${string}`
  | "fd"
  | "buffer"
  | "signal";

export type Support =
  | { readonly level: "full" }
  | { readonly level: "partial"; readonly note: string }
  | { readonly level: "missing"; readonly note: string };

// oxlint-disable-next-line no-explicit-any -- argument types follow the row's kinds; each family file states its own.
export type Handler = (task: Task, ...args: any[]) => Maybe<number>;

export interface SyscallRow {
  readonly number: number;
  readonly name: string;
  readonly handler: Handler | null;
  readonly arguments: readonly ArgumentKind[];
  readonly support: Support;
}

/** Indexed by number; a hole is a call that no row names. */
export type SyscallTable = readonly (SyscallRow | undefined)[];
