/** The x87 instructions but the transcendental ones, each a function on the state (Intel SDM vol. 1, chapter 8). */
import {
  add,
  compare,
  divideNumbers,
  multiplyNumbers,
  nanResultOne,
  roundToIntegral,
  squareRootNumber,
  subtract,
  toInteger,
} from "./arithmetic.ts";
import {
  copyFirst,
  exchange,
  indefinite,
  packF32,
  packF64,
  packF80,
  round,
  roundF80,
  toSecond,
  unpackF32,
  unpackF64,
  unpackF80,
  unpackInteger,
} from "./format.ts";
import { A, Mode, Z, chop, denormal, finite, inexact, infinite, invalid, overflow, quiet, topBit, underflow, zero } from "./registers.ts";
import {
  State,
  begin,
  c0,
  c1,
  c2,
  c3,
  control,
  finish,
  isEmpty,
  pop,
  physical,
  setControl,
  setEmpty,
  setFull,
  setStatus,
  setTags,
  setTop,
  st,
  stackError,
  status,
  summarize,
  tags,
  top,
} from "./state.ts";

/** ST(i) into A. */
export function loadFirst(i: u32): void {
  const at = st(i);
  unpackF80(load<u16>(at, 8), load<u64>(at));
}

export function loadSecond(i: u32): void {
  loadFirst(i);
  toSecond();
}

/** Z, rounded already, into ST(i). */
export function storeResult(i: u32): void {
  const at = st(i);
  const se = packF80();
  store<u64>(at, Z.sig);
  store<u64>(at, se, 8);
  setFull(i);
}

export function storeIndefinite(i: u32): void {
  indefinite();
  storeResult(i);
}

/** Makes room for a push; the new register is ST(0). */
export function lower(): void {
  setTop(top() - 1);
}

function pushIndefinite(): void {
  if (stackError(true)) {
    lower();
    storeIndefinite(0);
  }
}

export function second(): u32 {
  return State.high;
}

export function writes(): u32 {
  return u32(State.writes);
}

// Loads.

/** Pushes A as it is, quieting a signaling NaN. */
function pushFirst(): void {
  if (!isEmpty(7)) {
    pushIndefinite();
    return;
  }
  if (!nanResultOne()) {
    if (A.denormal) Mode.raised |= denormal;
    copyFirst();
  }
  // A denormal is pushed even if its exception is unmasked, as measured.
  const refused = (Mode.raised & ~Mode.masked & invalid) != 0;
  finish();
  if (refused) return;
  lower();
  storeResult(0);
}

export function fldF32(bits: u32): void {
  begin();
  unpackF32(bits);
  pushFirst();
}

export function fldF64(bits: u64): void {
  begin();
  unpackF64(bits);
  pushFirst();
}

export function fild(value: i64): void {
  begin();
  unpackInteger(value);
  pushFirst();
}

export function fldF80(mantissa: u64, se: u32): void {
  begin();
  if (!isEmpty(7)) {
    pushIndefinite();
    return;
  }
  lower();
  const at = st(0);
  store<u64>(at, mantissa);
  store<u64>(at, se & 0xffff, 8);
  setFull(0);
}

export function fldSt(i: u32): void {
  begin();
  if (isEmpty(i) || !isEmpty(7)) {
    if (stackError(!isEmpty(i))) {
      lower();
      storeIndefinite(0);
    }
    return;
  }
  const at = st(i);
  const mantissa = load<u64>(at);
  const se = load<u64>(at, 8);
  lower();
  store<u64>(st(0), mantissa);
  store<u64>(st(0), se, 8);
  setFull(0);
}

/** fld1, fldl2t, fldl2e, fldpi, fldlg2, fldln2, fldz: the constants with the bits that follow decide by rounding. */
export function fldConstant(index: u32): void {
  begin();
  const rounding = Mode.rounding;
  let mantissa: u64 = topBit;
  let se: u32 = 0x3fff;
  const low = rounding == 1 || rounding == 3;
  if (index == 1) {
    se = 0x4000;
    mantissa = rounding == 2 ? 0xd49a784bcd1b8aff : 0xd49a784bcd1b8afe;
  } else if (index == 2) {
    mantissa = low ? 0xb8aa3b295c17f0bb : 0xb8aa3b295c17f0bc;
  } else if (index == 3) {
    se = 0x4000;
    mantissa = low ? 0xc90fdaa22168c234 : 0xc90fdaa22168c235;
  } else if (index == 4) {
    se = 0x3ffd;
    mantissa = low ? 0x9a209a84fbcff798 : 0x9a209a84fbcff799;
  } else if (index == 5) {
    se = 0x3ffe;
    mantissa = low ? 0xb17217f7d1cf79ab : 0xb17217f7d1cf79ac;
  } else if (index == 6) {
    se = 0;
    mantissa = 0;
  }
  fldF80(mantissa, se);
}

/** Packed decimal: 18 digits and a sign. */
export function fbld(digits: u64, high: u32): void {
  begin();
  let value: u64 = 0;
  let word: u64 = high & 0xff;
  value = (word >> 4) * 10 + (word & 15);
  for (let shift: i32 = 60; shift >= 0; shift -= 4) value = value * 10 + ((digits >> shift) & 15);
  unpackInteger(value);
  A.sign = (high >> 15) & 1;
  pushFirst();
}

// Stores. Each returns the value; `writes` tells whether it may be written; the pop is done here.

function storeDone(proceeds: bool, pops: u32): void {
  State.writes = proceeds;
  if (proceeds && pops) pop();
}

/** An unmasked overflow or underflow leaves memory as it was, and nothing has been rounded. */
function isUnstorable(): bool {
  if (!(Mode.raised & ~Mode.masked & (overflow | underflow))) return false;
  Mode.raised &= ~inexact;
  Mode.roundedUp = false;
  return true;
}

export function fstF64(pops: u32): u64 {
  begin();
  if (isEmpty(0)) {
    storeDone(stackError(false), pops);
    return 0xfff8000000000000;
  }
  loadFirst(0);
  if (!nanResultOne()) {
    copyFirst();
    round(11, -1022, 1023, 0);
  }
  const proceeds = !isUnstorable();
  storeDone(finish() && proceeds, pops);
  return packF64();
}

export function fstF32(pops: u32): u32 {
  begin();
  if (isEmpty(0)) {
    storeDone(stackError(false), pops);
    return 0xffc00000;
  }
  loadFirst(0);
  if (!nanResultOne()) {
    copyFirst();
    round(40, -126, 127, 0);
  }
  const proceeds = !isUnstorable();
  storeDone(finish() && proceeds, pops);
  return packF32();
}

/** The mantissa; `second` has sign and exponent. */
export function fstpF80(): u64 {
  begin();
  if (isEmpty(0)) {
    State.high = 0xffff;
    storeDone(stackError(false), 1);
    return 0xc000000000000000;
  }
  const at = st(0);
  State.high = load<u16>(at, 8);
  const mantissa = load<u64>(at);
  storeDone(true, 1);
  return mantissa;
}

export function fist(bits: u32, pops: u32, chops: u32): i64 {
  begin();
  if (isEmpty(0)) {
    storeDone(stackError(false), pops);
    return (<i64>-1) << (bits - 1);
  }
  if (chops) Mode.rounding = chop;
  loadFirst(0);
  const value = toInteger(bits);
  storeDone(finish(), pops);
  return value;
}

/** The low 16 digits; `second` has sign and the two high ones. */
export function fbstp(): u64 {
  begin();
  if (isEmpty(0)) {
    State.high = 0xffff;
    storeDone(stackError(false), 1);
    return 0xc000000000000000;
  }
  loadFirst(0);
  let value = toInteger(64);
  let magnitude: u64 = value < 0 ? 0 - value : value;
  if (magnitude > 999999999999999999) {
    Mode.raised = invalid;
    Mode.roundedUp = false;
    State.high = 0xffff;
    storeDone(finish(), 1);
    return 0xc000000000000000;
  }
  let digits: u64 = 0;
  for (let shift: i32 = 0; shift < 64; shift += 4) {
    digits |= (magnitude % 10) << shift;
    magnitude /= 10;
  }
  State.high = (A.sign << 15) | u32(magnitude % 10) | (u32(magnitude / 10) << 4);
  storeDone(finish(), 1);
  return digits;
}

/** fst st(i), fstp st(i). `pops` of 2 is the alias that does not complain of an empty register but pops it. */
export function fstSt(i: u32, pops: u32): void {
  begin();
  if (isEmpty(0)) {
    if (pops == 2) {
      pop();
      return;
    }
    if (!stackError(false)) return;
    storeIndefinite(i);
    if (pops) pop();
    return;
  }
  const from = st(0);
  const to = st(i);
  store<u64>(to, load<u64>(from));
  store<u64>(to, load<u64>(from, 8), 8);
  setFull(i);
  if (pops) pop();
}

// Arithmetic. `operation` is the digit of the opcode: add, mul, com, comp, sub, subr, div, divr; A is ST(0).

function operate(operation: u32): void {
  if (operation == 0) add(false);
  else if (operation == 1) multiplyNumbers(false);
  else if (operation == 4) subtract(false);
  else if (operation == 6) divideNumbers(false);
  else {
    exchange();
    if (operation == 5) subtract(false);
    else divideNumbers(false);
  }
  roundF80();
}

function arithWithSecond(operation: u32): void {
  if (operation == 2 || operation == 3) {
    if (isEmpty(0)) {
      compareEmpty(operation == 3 ? 1 : 0);
      return;
    }
    loadFirst(0);
    setConditions(compare(false));
    if (finish() && operation == 3) pop();
    return;
  }
  if (isEmpty(0)) {
    if (stackError(false)) storeIndefinite(0);
    return;
  }
  loadFirst(0);
  operate(operation);
  if (finish()) storeResult(0);
}

export function arithF32(operation: u32, bits: u32): void {
  begin();
  unpackF32(bits);
  toSecond();
  arithWithSecond(operation);
}

export function arithF64(operation: u32, bits: u64): void {
  begin();
  unpackF64(bits);
  toSecond();
  arithWithSecond(operation);
}

export function arithInteger(operation: u32, value: i64): void {
  begin();
  unpackInteger(value);
  toSecond();
  arithWithSecond(operation);
}

/** Between ST(0) and ST(i), into ST(target). */
export function arithSt(operation: u32, i: u32, target: u32, pops: u32): void {
  begin();
  if (isEmpty(0) || isEmpty(i)) {
    if (!stackError(false)) return;
    storeIndefinite(target);
    if (pops) pop();
    return;
  }
  loadSecond(i);
  loadFirst(0);
  operate(operation);
  if (!finish()) return;
  storeResult(target);
  if (pops) pop();
}

// Comparisons.

function conditionBits(order: i32): u32 {
  return order == 2 ? c3 | c2 | c0 : order == 0 ? c3 : order < 0 ? c0 : 0;
}

function setConditions(order: i32): void {
  setStatus((status() & ~(c0 | c1 | c2 | c3)) | conditionBits(order));
}

function popTimes(count: u32): void {
  if (count > 0) pop();
  if (count > 1) pop();
}

function compareEmpty(pops: u32): void {
  setConditions(2);
  if (stackError(false)) popTimes(pops);
}

export function fcomSt(i: u32, quietly: u32, pops: u32): void {
  begin();
  if (isEmpty(0) || isEmpty(i)) {
    compareEmpty(pops);
    return;
  }
  loadSecond(i);
  loadFirst(0);
  setConditions(compare(quietly != 0));
  if (finish()) popTimes(pops);
}

/** fcomi and its kin: ZF (bit 6), PF (bit 2) and CF (bit 0) as in RFLAGS. */
export function fcomiSt(i: u32, quietly: u32, pops: u32): u32 {
  begin();
  if (isEmpty(0) || isEmpty(i)) {
    if (stackError(false)) popTimes(pops);
    return 0x45;
  }
  loadSecond(i);
  loadFirst(0);
  const order = compare(quietly != 0);
  if (finish()) popTimes(pops);
  return order == 2 ? 0x45 : order == 0 ? 0x40 : order < 0 ? 1 : 0;
}

export function ftst(): void {
  begin();
  if (isEmpty(0)) {
    compareEmpty(0);
    return;
  }
  unpackInteger(0);
  toSecond();
  loadFirst(0);
  setConditions(compare(false));
  finish();
}

export function fxam(): void {
  const at = st(0);
  const se = load<u32>(at, 8);
  let word = status() & ~(c0 | c1 | c2 | c3);
  if (se & 0x8000) word |= c1;
  unpackF80(se, load<u64>(at));
  if (isEmpty(0)) word |= c3 | c0;
  else if (A.cls == zero) word |= c3;
  else if (A.cls == infinite) word |= c2 | c0;
  else if (A.cls == finite) word |= A.denormal ? c3 | c2 : c2;
  else if (A.cls == quiet || A.cls == 4) word |= c0;
  setStatus(word);
}

// Moves within the stack.

export function fxch(i: u32): void {
  begin();
  if (isEmpty(0) || isEmpty(i)) {
    const first = isEmpty(0);
    const other = isEmpty(i);
    if (!stackError(false)) return;
    if (first) storeIndefinite(0);
    if (other) storeIndefinite(i);
  }
  const a = st(0);
  const b = st(i);
  const mantissa = load<u64>(a);
  const se = load<u64>(a, 8);
  store<u64>(a, load<u64>(b));
  store<u64>(a, load<u64>(b, 8), 8);
  store<u64>(b, mantissa);
  store<u64>(b, se, 8);
}

export function fcmov(i: u32, condition: u32): void {
  begin();
  if (isEmpty(0) || isEmpty(i)) {
    if (stackError(false)) storeIndefinite(0);
    return;
  }
  if (!condition) return;
  store<u64>(st(0), load<u64>(st(i)));
  store<u64>(st(0), load<u64>(st(i), 8), 8);
}

export function fchs(): void {
  begin();
  if (isEmpty(0)) {
    if (stackError(false)) storeIndefinite(0);
    return;
  }
  store<u16>(st(0), load<u16>(st(0), 8) ^ 0x8000, 8);
}

export function fabs(): void {
  begin();
  if (isEmpty(0)) {
    if (stackError(false)) storeIndefinite(0);
    return;
  }
  store<u16>(st(0), load<u16>(st(0), 8) & 0x7fff, 8);
}

export function ffree(i: u32, pops: u32): void {
  setEmpty(i);
  if (pops) pop();
}

/** fincstp (1) and fdecstp (7). */
export function rotate(by: u32): void {
  setStatus(status() & ~c1);
  setTop(top() + by);
}

export function fsqrt(): void {
  begin();
  if (isEmpty(0)) {
    if (stackError(false)) storeIndefinite(0);
    return;
  }
  loadFirst(0);
  squareRootNumber();
  roundF80();
  if (finish()) storeResult(0);
}

export function frndint(): void {
  begin();
  if (isEmpty(0)) {
    if (stackError(false)) storeIndefinite(0);
    return;
  }
  loadFirst(0);
  roundToIntegral(true);
  if (finish()) storeResult(0);
}

// Control.

export function fninit(): void {
  setControl(0x37f);
  setStatus(0);
  setTop(0);
  setTags(0);
}

export function fldcw(word: u32): void {
  setControl((word & 0x1f3f) | 0x40);
  summarize();
}

export function fnclex(): void {
  setStatus(status() & 0x4700);
}

/** The 16-bit tag word of the environment: valid, zero, special, empty. */
export function tagWord(): u32 {
  let word: u32 = 0;
  for (let i: u32 = 0; i < 8; i++) {
    let tag: u32 = 3;
    if ((tags() >> i) & 1) {
      const at = physical(i);
      const e = load<u16>(at, 8) & 0x7fff;
      const mantissa = load<u64>(at);
      if (e == 0 && mantissa == 0) tag = 1;
      else if (e == 0 || e == 0x7fff || mantissa >> 63 == 0) tag = 2;
      else tag = 0;
    }
    word |= tag << (i << 1);
  }
  return word;
}

/** Sets control, status and tags from an environment (fldenv). */
export function setEnvironment(controlWord: u32, statusWord: u32, fullTags: u32): void {
  let inUse: u32 = 0;
  for (let i: u32 = 0; i < 8; i++) if (((fullTags >> (i << 1)) & 3) != 3) inUse |= 1 << i;
  setTags(inUse);
  setStatus(statusWord & 0xc7ff);
  setTop(statusWord >> 11);
  fldcw(controlWord);
}

/** After fnstenv all exceptions are masked. */
export function maskAll(): void {
  setControl(control() | 0x3f);
  summarize();
}

