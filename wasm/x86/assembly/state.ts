/** The x87 and SSE control state in linear memory, at the addresses of ../state.ts (a test compares them). */
import { Mode, inexact, invalid, stackFault } from "./registers.ts";

export const mxcsrAt: usize = 1208;
const controlAt: usize = 1212;
const statusAt: usize = 1216;
const topAt: usize = 1220;
const tagsAt: usize = 1224;
export const exactAt: usize = 1230;
export const countedAt: usize = 1904;
export const faultAt: usize = 4420;
const registersAt: usize = 1248;
export const scratchAt: usize = 4608;

export class State {
  /** Second word of a result: sign and exponent of an 80-bit number. */
  static high: u32 = 0;
  /** The last store instruction may write its value: no unmasked exception. */
  static writes: bool = true;
}

export const c0: u32 = 0x100;
export const c1: u32 = 0x200;
export const c2: u32 = 0x400;
export const c3: u32 = 0x4000;
const errorSummary: u32 = 0x8080;

@inline
export function control(): u32 {
  return load<u32>(controlAt);
}

@inline
export function setControl(value: u32): void {
  store<u32>(controlAt, value);
}

/** Without TOP. */
@inline
export function status(): u32 {
  return load<u32>(statusAt);
}

@inline
export function setStatus(value: u32): void {
  store<u32>(statusAt, value);
}

@inline
export function tags(): u32 {
  return load<u32>(tagsAt);
}

@inline
export function setTags(value: u32): void {
  store<u32>(tagsAt, value);
}

@inline
export function top(): u32 {
  return load<u32>(topAt);
}

@inline
export function setTop(value: u32): void {
  store<u32>(topAt, value & 7);
}

/** Address of physical register i. */
@inline
export function physical(i: u32): usize {
  return registersAt + (i << 4);
}

/** Address of ST(i). */
@inline
export function st(i: u32): usize {
  return registersAt + (((top() + i) & 7) << 4);
}

@inline
export function isEmpty(i: u32): bool {
  return ((tags() >> ((top() + i) & 7)) & 1) == 0;
}

@inline
export function setFull(i: u32): void {
  setTags(tags() | (1 << ((top() + i) & 7)));
}

@inline
export function setEmpty(i: u32): void {
  setTags(tags() & ~(1 << ((top() + i) & 7)));
}

export function pop(): void {
  setEmpty(0);
  setTop(top() + 1);
}

/** Reads the modes of the control word; nothing is raised yet; C1 is 0 unless the instruction sets it. */
export function begin(): void {
  const word = control();
  Mode.rounding = (word >> 10) & 3;
  Mode.masked = word & 0x3f;
  const precision = (word >> 8) & 3;
  Mode.drop = precision == 3 ? 0 : precision == 2 ? 11 : precision == 0 ? 40 : 0;
  Mode.raised = 0;
  Mode.roundedUp = false;
  Mode.flushToZero = false;
  Mode.denormalsAreZero = false;
  setStatus(status() & ~c1);
}

/**
 * Puts what was raised into the status word. False if an unmasked exception found before the result keeps the
 * instruction from writing anything (Intel SDM vol. 1, 8.5).
 */
export function finish(): bool {
  const open = Mode.raised & ~Mode.masked & 0x3f;
  // Invalid, denormal and zero-divide are found before there is a result that could be inexact.
  if (open & 7) Mode.raised &= 7 | stackFault;
  let word = status() | Mode.raised;
  if (open) word |= errorSummary;
  if (Mode.roundedUp && Mode.raised & inexact) word |= c1;
  setStatus(word);
  return (open & 7) == 0;
}

/** A read of an empty register (C1 = 0) or a push on a full one (C1 = 1). True if masked. */
export function stackError(isPush: bool): bool {
  Mode.raised = invalid | stackFault;
  Mode.roundedUp = false;
  const proceeds = finish();
  if (isPush) setStatus(status() | c1);
  return proceeds;
}

/** Summary bits after the control word or the flags changed. */
export function summarize(): void {
  const word = status();
  if (word & ~control() & 0x3f) setStatus(word | errorSummary);
  else setStatus(word & ~errorSummary);
}
