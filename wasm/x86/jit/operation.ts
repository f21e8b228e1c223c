/** A decoded guest instruction, kept while its region is compiled. */
import { armTable, type Form } from "../forms.ts";
import { addressing, type InstructionDecoder } from "../instruction.ts";
import { state } from "../state.ts";
import { allFlags, formTraits } from "../traits.ts";

export interface Operation {
  readonly form: Form;
  /** Bytes from the region's origin to the instruction, and its length. */
  readonly offset: number;
  readonly length: number;
  /** Addresses of registers in the state, as in a record (layout.ts). */
  readonly r: number;
  readonly m: number;
  readonly x: number;
  readonly scale: number;
  readonly displacement: number;
  readonly addressing: number;
  readonly segment: number;
  readonly address32: boolean;
  readonly ripRelative: boolean;
  readonly immediateLow: number;
  readonly immediateHigh: number;
  readonly secondImmediate: number;
  /** Offset from the origin of a direct branch's target, or null. */
  readonly target: number | null;
  /** Arithmetic flags certainly overwritten. */
  readonly kills: number;
  /** Whether somebody may read the flags it sets: found by `markLiveFlags`. */
  wantsFlags: boolean;
}

export function operationOf(one: InstructionDecoder, offset: number): Operation {
  const traits = formTraits();
  const end = offset + one.length;
  const certain = traits.conditional[one.form] === 1 && (one.immediateLow & 31) !== 0;
  return {
    form: armTable().forms[one.form]!,
    offset,
    length: one.length,
    r: one.r,
    m: one.m,
    x: one.x,
    scale: one.scale,
    displacement: one.disp,
    addressing: one.addressing,
    segment: one.segment,
    address32: one.address32,
    ripRelative: one.ripRelative,
    immediateLow: one.immediateLow,
    immediateHigh: one.immediateHigh,
    secondImmediate: one.secondImmediate,
    target: one.hasRelative ? end + one.relative : null,
    kills: certain ? traits.writes[one.form]! : traits.kills[one.form]!,
    wantsFlags: true,
  };
}

/** Number of the general register an address in the state belongs to, or -1. */
export function generalRegister(address: number): number {
  const at = address - state.gpr;
  return at >= 0 && at < 128 ? at >> 3 : -1;
}

/** Number of the vector register at an address in the state, or -1. */
export function vectorRegister(address: number): number {
  const at = address - state.xmm;
  return at >= 0 && at < 256 ? at >> 4 : -1;
}

/** Bits of the flags live before an operation, given those live after it; notes whether its own are wanted. */
export function liveBefore(operation: Operation, live: number): number {
  const traits = formTraits();
  const { id } = operation.form;
  operation.wantsFlags = (traits.writes[id]! & live) !== 0;
  if (traits.faults[id] === 1) return allFlags;
  return (live & ~operation.kills) | traits.reads[id]!;
}

/** General registers the operands write, as bits. */
export function registersWritten(operation: Operation): number {
  let written = 0;
  for (const operand of operation.form.parsed.operands) {
    if (!operand.write) continue;
    if (operand.kind === "fixed") written |= 1 << operand.index;
    else if (operand.kind === "G") written |= bit(operation.r);
    else if (operand.kind === "B") written |= bit(operation.secondImmediate & 0xffff);
    else if (operand.kind === "Z" || (operand.kind === "E" && !operation.form.memory)) written |= bit(operation.m);
  }
  return written;
}

function bit(address: number): number {
  const register = generalRegister(address);
  return register < 0 ? 0 : 1 << register;
}

export const rsp = 4;

/** A general register that becomes another one, or itself, plus a constant. */
interface Derived {
  readonly to: number;
  readonly from: number;
  readonly by: number;
}

/** What an operation without memory derives from a register, or null. */
export function derived(operation: Operation): Derived | null {
  const { parsed, size, memory } = operation.form;
  if (size !== 64) return null;
  const [r, m] = [generalRegister(operation.r), generalRegister(operation.m)];
  const { name } = parsed.row;
  const found = (to: number, from: number, by: number): Derived | null =>
    to < 0 || from < 0 ? null : { to, from, by };
  if (name === "LEA") {
    const isPlain = operation.addressing === addressing.base && !operation.ripRelative;
    return isPlain ? found(r, m, operation.displacement) : null;
  }
  if (memory) return null;
  if (name === "INC") return found(m, m, 1);
  if (name === "DEC") return found(m, m, -1);
  if ((name === "ADD" || name === "SUB") && parsed.operands[0]?.kind === "E" && /I[bz]/.test(parsed.row.operands))
    return found(m, m, name === "ADD" ? operation.immediateLow : -operation.immediateLow);
  if (name === "MOV" && parsed.operands[1]?.kind === "G") return found(m, r, 0);
  if (name === "MOV" && parsed.operands[0]?.kind === "G") return found(r, m, 0);
  return null;
}
