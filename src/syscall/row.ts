/** Builders of table rows: `row("dup", dup, ["fd"])`. The number comes from `abi/unistd.ts` by name. */
import { syscallNumbers } from "../abi/unistd.ts";
import type { ArgumentKind, Handler, SyscallRow } from "./types.ts";

export type SyscallName = keyof typeof syscallNumbers;

/** A call that does all that Linux documents. */
export function row(name: SyscallName, handler: Handler, kinds: readonly ArgumentKind[]): SyscallRow {
  return { number: syscallNumbers[name], name, handler, arguments: kinds, support: { level: "full" } };
}

/** A call that lacks something: the note says what. */
export function partial(name: SyscallName, handler: Handler, kinds: readonly ArgumentKind[], note: string): SyscallRow {
  return { number: syscallNumbers[name], name, handler, arguments: kinds, support: { level: "partial", note } };
}

/** A call that answers ENOSYS (and is counted and shown to the user): the note says why. */
export function missing(name: SyscallName, note: string): SyscallRow {
  return { number: syscallNumbers[name], name, handler: null, arguments: [], support: { level: "missing", note } };
}
