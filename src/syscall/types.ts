/** The row of the system call table; the type itself is in the kernel room, whose dispatcher reads it. */
export type { ArgumentKind, Handler, Support, SyscallRow, SyscallTable } from "../kernel/syscall-row.ts";
