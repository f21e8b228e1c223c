/**
 * SSE arithmetic in software: every rounding mode, flush-to-zero, denormals-are-zero, exception flags, NaN rules.
 *
 * The rows compute natively and come here where that is not all: when a result is a NaN, because WebAssembly leaves its
 * sign and payload open; when it may have raised what MXCSR does not show yet; and for every operation until inexact is set
 * there, or while it has other modes than the default ones (../state.ts, `exactness`).
 */
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
  isNormalF32,
  isNormalF64,
  isPlainF32,
  isPlainF64,
  noteDenormals,
  packF32,
  packF64,
  roundF32,
  roundF64,
  toSecond,
  unpackF32,
  unpackF64,
  unpackInteger,
} from "./format.ts";
import { fusedF32, fusedF64, narrowToHalf, widenHalf } from "./fused.ts";
import { A, B, Mode, chop, denormal, divideByZero, inexact, invalid, quiet, signaling, zero } from "./registers.ts";
import { countedAt, exactAt, faultAt, mxcsrAt } from "./state.ts";

/** Low digit of the opcode 0F 5x. */
const opSqrt: u32 = 1;
const opAdd: u32 = 8;
const opMul: u32 = 9;
const opSub: u32 = 12;
const opMin: u32 = 13;
const opDiv: u32 = 14;

/** Modes and masks of MXCSR, and what they are by default; the inexact flag. */
const modes: u32 = 0xffc0;
const defaultModes: u32 = 0x1f80;
/** Bits of `exactness`. */
const watched: u32 = 1;
const counted: u32 = 4;

function begin(): void {
  const word = load<u32>(mxcsrAt);
  Mode.rounding = (word >> 13) & 3;
  Mode.masked = (word >> 7) & 0x3f;
  Mode.flushToZero = (word & 0x8000) != 0 && (Mode.masked & 16) != 0;
  Mode.denormalsAreZero = (word & 0x40) != 0;
  Mode.raised = 0;
}

/** Puts what was raised into MXCSR. After an unmasked exception the result must not be written. */
function finish(): void {
  const open = Mode.raised & ~Mode.masked & 0x3f;
  if (open & 7) Mode.raised &= 7;
  store<u32>(faultAt, u32(open != 0));
  const word = load<u32>(mxcsrAt) | (Mode.raised & 0x3f);
  store<u32>(mxcsrAt, word);
  // From now on the rows need not come here for ordinary numbers.
  if ((word & (modes | inexact)) == (defaultModes | inexact)) store<u16>(exactAt, load<u16>(exactAt) & ~watched);
  count();
}

function count(): void {
  const exact = load<u16>(exactAt);
  if (!(exact & counted)) return;
  const left = load<u32>(countedAt);
  if (left) store<u32>(countedAt, left - 1);
  else store<u16>(exactAt, exact & ~counted);
}

/** The end of an operation that raised nothing new. */
function finishQuickly(): void {
  store<u32>(faultAt, 0);
  count();
}

/** Whether a product has no more significant bits than a number holds. */
@inline
function productFits(a: u64, b: u64): bool {
  const hidden: u64 = (<u64>1) << 52;
  return ctz(a | hidden) + ctz(b | hidden) >= 53;
}

@inline
function sumIsExact(a: f64, b: f64, r: f64): bool {
  // Of the operands the larger one tells: taking it away again is exact.
  return r - a == b && r - b == a;
}

/** The result where modes do not matter and nothing new is raised, as far as that is easy to see; else a NaN. */
function quickF64(operation: u32, a: u64, b: u64): f64 {
  const word = load<u32>(mxcsrAt);
  if ((word & modes) != defaultModes || !isNormalF64(a) || !isNormalF64(b)) return NaN;
  const rough = (word & inexact) != 0;
  const x = reinterpret<f64>(a);
  const y = reinterpret<f64>(b);
  let r: f64 = NaN;
  let exact = false;
  if (operation == opAdd) {
    r = x + y;
    exact = sumIsExact(x, y, r);
  } else if (operation == opMul) {
    r = x * y;
    exact = isPlainF64(reinterpret<u64>(r)) ? productFits(a, b) : r == 0 && (x == 0 || y == 0);
  } else if (operation == opSub) {
    r = x - y;
    exact = sumIsExact(x, -y, r);
  } else if (operation == opDiv) {
    r = x / y;
    const bits = reinterpret<u64>(r);
    exact = isPlainF64(bits) ? productFits(bits, b) && r * y == x : r == 0 && x == 0;
  } else if (operation == opSqrt) {
    r = sqrt(y);
    const bits = reinterpret<u64>(r);
    exact = isPlainF64(bits) ? productFits(bits, bits) && r * r == y : y == 0;
  }
  return exact || (rough && isPlainF64(reinterpret<u64>(r))) ? r : NaN;
}

/** The same. Products of two singles are exact as doubles. */
function quickF32(operation: u32, a: u32, b: u32): f32 {
  const word = load<u32>(mxcsrAt);
  if ((word & modes) != defaultModes || !isNormalF32(a) || !isNormalF32(b)) return NaN;
  const rough = (word & inexact) != 0;
  const x = reinterpret<f32>(a);
  const y = reinterpret<f32>(b);
  let r: f32 = NaN;
  let exact = false;
  if (operation == opAdd) {
    r = x + y;
    exact = r - x == y && r - y == x;
  } else if (operation == opMul) {
    r = x * y;
    exact = <f64>x * <f64>y == <f64>r;
  } else if (operation == opSub) {
    r = x - y;
    exact = r - x == -y && r + y == x;
  } else if (operation == opDiv) {
    r = x / y;
    exact = <f64>r * <f64>y == <f64>x;
  } else if (operation == opSqrt) {
    r = sqrt(y);
    exact = <f64>r * <f64>r == <f64>y;
  }
  return exact || (rough && isPlainF32(reinterpret<u32>(r))) ? r : NaN;
}

/** min and max: the second operand if either is a NaN or both are zeros. */
function chooseSecond(isMin: bool): bool {
  if (A.cls >= quiet || B.cls >= quiet) {
    Mode.raised |= invalid;
    return true;
  }
  const order = compare(true);
  return isMin ? order >= 0 : order <= 0;
}

function operate(operation: u32): void {
  if (operation == opAdd) add(true);
  else if (operation == opMul) multiplyNumbers(true);
  else if (operation == opSub) subtract(true);
  else if (operation == opDiv) divideNumbers(true);
  else squareRootNumber();
}

function f64Lane(operation: u32, a: u64, b: u64): u64 {
  const quickly = quickF64(operation, a, b);
  if (quickly == quickly) return reinterpret<u64>(quickly);
  unpackF64(b);
  if (operation != opSqrt) {
    toSecond();
    unpackF64(a);
    if (operation == opMin || operation == 15) {
      if (!chooseSecond(operation == opMin)) b = a;
      if (Mode.denormalsAreZero && ((b >> 52) & 0x7ff) == 0) b &= 0x8000000000000000;
      return b;
    }
  }
  operate(operation);
  roundF64();
  return packF64();
}

function f32Lane(operation: u32, a: u32, b: u32): u32 {
  const quickly = quickF32(operation, a, b);
  if (quickly == quickly) return reinterpret<u32>(quickly);
  unpackF32(b);
  if (operation != opSqrt) {
    toSecond();
    unpackF32(a);
    if (operation == opMin || operation == 15) {
      if (!chooseSecond(operation == opMin)) b = a;
      if (Mode.denormalsAreZero && ((b >> 23) & 0xff) == 0) b &= 0x80000000;
      return b;
    }
  }
  operate(operation);
  roundF32();
  return packF32();
}

export function arithPd(operation: u32, a: v128, b: v128): v128 {
  begin();
  const r0 = f64Lane(operation, i64x2.extract_lane(a, 0), i64x2.extract_lane(b, 0));
  const r1 = f64Lane(operation, i64x2.extract_lane(a, 1), i64x2.extract_lane(b, 1));
  finish();
  return i64x2.replace_lane(i64x2.splat(r0), 1, r1);
}

export function arithSd(operation: u32, a: u64, b: u64): u64 {
  const quickly = quickF64(operation, a, b);
  if (quickly == quickly) {
    finishQuickly();
    return reinterpret<u64>(quickly);
  }
  begin();
  const r = f64Lane(operation, a, b);
  finish();
  return r;
}

@inline
function promoteHigh(v: v128): v128 {
  return f64x2.promote_low_f32x4(v128.shuffle<u64>(v, v, 1, 1));
}

/** Whether a sum or a product is exact in default modes and of no denormal. */
function isExactPs(operation: u32, a: v128, b: v128, r: v128): bool {
  if ((load<u32>(mxcsrAt) & modes) != defaultModes) return false;
  const least = f32x4.splat(1.17549435e-38);
  const none = f32x4.splat(0);
  let yes = v128.and(
    v128.or(f32x4.ge(f32x4.abs(a), least), f32x4.eq(a, none)),
    v128.or(f32x4.ge(f32x4.abs(b), least), f32x4.eq(b, none)),
  );
  if (operation != opMul) {
    yes = v128.and(yes, v128.and(f32x4.eq(f32x4.sub(r, a), b), f32x4.eq(f32x4.sub(r, b), a)));
    return i32x4.all_true(yes);
  }
  const product = f64x2.mul(f64x2.promote_low_f32x4(a), f64x2.promote_low_f32x4(b));
  const same = v128.and(
    f64x2.eq(product, f64x2.promote_low_f32x4(r)),
    f64x2.eq(f64x2.mul(promoteHigh(a), promoteHigh(b)), promoteHigh(r)),
  );
  return i32x4.all_true(v128.and(yes, same));
}

export function arithPs(operation: u32, a: v128, b: v128): v128 {
  if (operation == opAdd || operation == opMul || operation == opSub) {
    const second = operation == opSub ? f32x4.neg(b) : b;
    const quickly = operation == opMul ? f32x4.mul(a, b) : f32x4.add(a, second);
    if (isExactPs(operation, a, second, quickly)) {
      finishQuickly();
      return quickly;
    }
  }
  begin();
  let r = i32x4.splat(f32Lane(operation, i32x4.extract_lane(a, 0), i32x4.extract_lane(b, 0)));
  r = i32x4.replace_lane(r, 1, f32Lane(operation, i32x4.extract_lane(a, 1), i32x4.extract_lane(b, 1)));
  r = i32x4.replace_lane(r, 2, f32Lane(operation, i32x4.extract_lane(a, 2), i32x4.extract_lane(b, 2)));
  r = i32x4.replace_lane(r, 3, f32Lane(operation, i32x4.extract_lane(a, 3), i32x4.extract_lane(b, 3)));
  finish();
  return r;
}

export function arithSs(operation: u32, a: u32, b: u32): u32 {
  const quickly = quickF32(operation, a, b);
  if (quickly == quickly) {
    finishQuickly();
    return reinterpret<u32>(quickly);
  }
  begin();
  const r = f32Lane(operation, a, b);
  finish();
  return r;
}

/** Horizontal and alternating forms: haddpd, hsubpd, addsubpd by lane operations and shuffles. */
export function addsubPd(a: v128, b: v128): v128 {
  begin();
  const r0 = f64Lane(opSub, i64x2.extract_lane(a, 0), i64x2.extract_lane(b, 0));
  const r1 = f64Lane(opAdd, i64x2.extract_lane(a, 1), i64x2.extract_lane(b, 1));
  finish();
  return i64x2.replace_lane(i64x2.splat(r0), 1, r1);
}

export function addsubPs(a: v128, b: v128): v128 {
  begin();
  let r = i32x4.splat(f32Lane(opSub, i32x4.extract_lane(a, 0), i32x4.extract_lane(b, 0)));
  r = i32x4.replace_lane(r, 1, f32Lane(opAdd, i32x4.extract_lane(a, 1), i32x4.extract_lane(b, 1)));
  r = i32x4.replace_lane(r, 2, f32Lane(opSub, i32x4.extract_lane(a, 2), i32x4.extract_lane(b, 2)));
  r = i32x4.replace_lane(r, 3, f32Lane(opAdd, i32x4.extract_lane(a, 3), i32x4.extract_lane(b, 3)));
  finish();
  return r;
}

// Conversions between the formats and to and from integers.

function narrowLane(bits: u64): u32 {
  const narrow = <f32>reinterpret<f64>(bits);
  // Exact: no mode matters.
  if (<f64>narrow == reinterpret<f64>(bits) && isPlainF32(reinterpret<u32>(narrow))) return reinterpret<u32>(narrow);
  unpackF64(bits);
  if (!nanResultOne()) {
    noteDenormals(false);
    copyFirst();
  }
  roundF32();
  return packF32();
}

function widenLane(bits: u32): u64 {
  unpackF32(bits);
  if (!nanResultOne()) {
    noteDenormals(false);
    copyFirst();
  }
  return packF64();
}

export function narrow(bits: u64): u32 {
  begin();
  const r = narrowLane(bits);
  finish();
  return r;
}

export function widen(bits: u32): u64 {
  begin();
  const r = widenLane(bits);
  finish();
  return r;
}

/** cvtpd2ps: two numbers, then zeros. */
export function narrowPd(a: v128): v128 {
  begin();
  const r0 = narrowLane(i64x2.extract_lane(a, 0));
  const r1 = narrowLane(i64x2.extract_lane(a, 1));
  finish();
  return i64x2.replace_lane(i64x2.splat(0), 0, (<u64>r1 << 32) | r0);
}

/** cvtps2pd. */
export function widenPs(low: u64): v128 {
  begin();
  const r0 = widenLane(u32(low));
  const r1 = widenLane(u32(low >> 32));
  finish();
  return i64x2.replace_lane(i64x2.splat(r0), 1, r1);
}

export function integerToF64(value: i64): u64 {
  begin();
  unpackInteger(value);
  copyFirst();
  roundF64();
  finish();
  return packF64();
}

export function integerToF32(value: i64): u32 {
  begin();
  unpackInteger(value);
  copyFirst();
  roundF32();
  finish();
  return packF32();
}

/** cvtdq2ps. */
export function integersToPs(a: v128): v128 {
  begin();
  let r = i32x4.splat(integerLane(i32x4.extract_lane(a, 0)));
  r = i32x4.replace_lane(r, 1, integerLane(i32x4.extract_lane(a, 1)));
  r = i32x4.replace_lane(r, 2, integerLane(i32x4.extract_lane(a, 2)));
  r = i32x4.replace_lane(r, 3, integerLane(i32x4.extract_lane(a, 3)));
  finish();
  return r;
}

function integerLane(value: i32): u32 {
  unpackInteger(value);
  copyFirst();
  roundF32();
  return packF32();
}

export function f64ToInteger(value: u64, bits: u32, chops: u32): i64 {
  begin();
  if (chops) Mode.rounding = chop;
  unpackF64(value);
  const r = toInteger(bits);
  finish();
  return r;
}

export function f32ToInteger(value: u32, bits: u32, chops: u32): i64 {
  begin();
  if (chops) Mode.rounding = chop;
  unpackF32(value);
  const r = toInteger(bits);
  finish();
  return r;
}

function f32ToIntegerLane(value: u32): i32 {
  unpackF32(value);
  return i32(toInteger(32));
}

/** cvtps2dq, cvttps2dq. */
export function psToIntegers(a: v128, chops: u32): v128 {
  begin();
  if (chops) Mode.rounding = chop;
  let r = i32x4.splat(f32ToIntegerLane(i32x4.extract_lane(a, 0)));
  r = i32x4.replace_lane(r, 1, f32ToIntegerLane(i32x4.extract_lane(a, 1)));
  r = i32x4.replace_lane(r, 2, f32ToIntegerLane(i32x4.extract_lane(a, 2)));
  r = i32x4.replace_lane(r, 3, f32ToIntegerLane(i32x4.extract_lane(a, 3)));
  finish();
  return r;
}

/** cvtps2pi, cvttps2pi: the low two. */
export function psToPair(a: u64, chops: u32): u64 {
  begin();
  if (chops) Mode.rounding = chop;
  const r0 = f32ToIntegerLane(u32(a));
  const r1 = f32ToIntegerLane(u32(a >> 32));
  finish();
  return (<u64>r1 << 32) | <u64>(<u32>r0);
}

/** cvtpi2ps: two integers to two numbers. */
export function pairToPs(a: u64): u64 {
  begin();
  const r0 = integerLane(i32(a));
  const r1 = integerLane(i32(a >> 32));
  finish();
  return (<u64>r1 << 32) | <u64>r0;
}

/** cvtpd2dq, cvttpd2dq, and to MMX: two integers. */
export function pdToPair(a: v128, chops: u32): u64 {
  begin();
  if (chops) Mode.rounding = chop;
  unpackF64(i64x2.extract_lane(a, 0));
  const r0 = i32(toInteger(32));
  unpackF64(i64x2.extract_lane(a, 1));
  const r1 = i32(toInteger(32));
  finish();
  return (<u64>r1 << 32) | <u64>(<u32>r0);
}

// Comparison.

/** comisd, ucomisd: ZF, PF and CF as in RFLAGS. */
export function comiF64(a: u64, b: u64, quietly: u32): u32 {
  begin();
  unpackF64(b);
  toSecond();
  unpackF64(a);
  const order = compare(quietly != 0);
  finish();
  return order == 2 ? 0x45 : order == 0 ? 0x40 : order < 0 ? 1 : 0;
}

export function comiF32(a: u32, b: u32, quietly: u32): u32 {
  begin();
  unpackF32(b);
  toSecond();
  unpackF32(a);
  const order = compare(quietly != 0);
  finish();
  return order == 2 ? 0x45 : order == 0 ? 0x40 : order < 0 ? 1 : 0;
}

/** Predicates 0…7: eq, lt, le, unord, neq, nlt, nle, ord. */
function holds(predicate: u32): bool {
  const p = predicate & 3;
  const order = compare(p == 0 || p == 3);
  let yes: bool;
  if (p == 0) yes = order == 0;
  else if (p == 1) yes = order == -1;
  else if (p == 2) yes = order == 0 || order == -1;
  else yes = order == 2;
  return yes != ((predicate & 4) != 0);
}

function compareF64Lane(predicate: u32, a: u64, b: u64): u64 {
  unpackF64(b);
  toSecond();
  unpackF64(a);
  return holds(predicate) ? 0xffffffffffffffff : 0;
}

function compareF32Lane(predicate: u32, a: u32, b: u32): u32 {
  unpackF32(b);
  toSecond();
  unpackF32(a);
  return holds(predicate) ? 0xffffffff : 0;
}

export function comparePd(predicate: u32, a: v128, b: v128): v128 {
  begin();
  const r0 = compareF64Lane(predicate, i64x2.extract_lane(a, 0), i64x2.extract_lane(b, 0));
  const r1 = compareF64Lane(predicate, i64x2.extract_lane(a, 1), i64x2.extract_lane(b, 1));
  finish();
  return i64x2.replace_lane(i64x2.splat(r0), 1, r1);
}

export function compareSd(predicate: u32, a: u64, b: u64): u64 {
  begin();
  const r = compareF64Lane(predicate, a, b);
  finish();
  return r;
}

export function comparePs(predicate: u32, a: v128, b: v128): v128 {
  begin();
  let r = i32x4.splat(compareF32Lane(predicate, i32x4.extract_lane(a, 0), i32x4.extract_lane(b, 0)));
  r = i32x4.replace_lane(r, 1, compareF32Lane(predicate, i32x4.extract_lane(a, 1), i32x4.extract_lane(b, 1)));
  r = i32x4.replace_lane(r, 2, compareF32Lane(predicate, i32x4.extract_lane(a, 2), i32x4.extract_lane(b, 2)));
  r = i32x4.replace_lane(r, 3, compareF32Lane(predicate, i32x4.extract_lane(a, 3), i32x4.extract_lane(b, 3)));
  finish();
  return r;
}

export function compareSs(predicate: u32, a: u32, b: u32): u32 {
  begin();
  const r = compareF32Lane(predicate, a, b);
  finish();
  return r;
}

// Rounding (roundsd and its kin): bits 0-1 the mode, bit 2 the mode of MXCSR, bit 3 no inexact.

function roundLane64(bits: u64, control: u32): u64 {
  unpackF64(bits);
  roundToIntegral((control & 8) == 0);
  Mode.raised &= ~denormal;
  return packF64();
}

function roundLane32(bits: u32, control: u32): u32 {
  unpackF32(bits);
  roundToIntegral((control & 8) == 0);
  Mode.raised &= ~denormal;
  return packF32();
}

function beginRound(control: u32): void {
  begin();
  if (!(control & 4)) Mode.rounding = control & 3;
}

export function roundPd(a: v128, control: u32): v128 {
  beginRound(control);
  const r0 = roundLane64(i64x2.extract_lane(a, 0), control);
  const r1 = roundLane64(i64x2.extract_lane(a, 1), control);
  finish();
  return i64x2.replace_lane(i64x2.splat(r0), 1, r1);
}

export function roundPs(a: v128, control: u32): v128 {
  beginRound(control);
  let r = i32x4.splat(roundLane32(i32x4.extract_lane(a, 0), control));
  r = i32x4.replace_lane(r, 1, roundLane32(i32x4.extract_lane(a, 1), control));
  r = i32x4.replace_lane(r, 2, roundLane32(i32x4.extract_lane(a, 2), control));
  r = i32x4.replace_lane(r, 3, roundLane32(i32x4.extract_lane(a, 3), control));
  finish();
  return r;
}

export function roundSd(bits: u64, control: u32): u64 {
  beginRound(control);
  const r = roundLane64(bits, control);
  finish();
  return r;
}

export function roundSs(bits: u32, control: u32): u32 {
  beginRound(control);
  const r = roundLane32(bits, control);
  finish();
  return r;
}

// Dot products (Intel SDM vol. 2, DPPS): products, then sums of neighbours, each rounded. Each step is an operation of its
// own: where one raises an unmasked exception, the next is not done.

/** The end of a step. Whether there is another. */
function nextStep(): bool {
  finish();
  Mode.raised = 0;
  return !load<u32>(faultAt);
}

export function dpps(a: v128, b: v128, control: u32): v128 {
  begin();
  const p0 = control & 16 ? f32Lane(opMul, i32x4.extract_lane(a, 0), i32x4.extract_lane(b, 0)) : 0;
  const p1 = control & 32 ? f32Lane(opMul, i32x4.extract_lane(a, 1), i32x4.extract_lane(b, 1)) : 0;
  const p2 = control & 64 ? f32Lane(opMul, i32x4.extract_lane(a, 2), i32x4.extract_lane(b, 2)) : 0;
  const p3 = control & 128 ? f32Lane(opMul, i32x4.extract_lane(a, 3), i32x4.extract_lane(b, 3)) : 0;
  if (!nextStep()) return a;
  const low = f32Lane(opAdd, p0, p1);
  const high = f32Lane(opAdd, p2, p3);
  if (!nextStep()) return a;
  const sum = f32Lane(opAdd, low, high);
  finish();
  let r = i32x4.splat(0);
  if (control & 1) r = i32x4.replace_lane(r, 0, sum);
  if (control & 2) r = i32x4.replace_lane(r, 1, sum);
  if (control & 4) r = i32x4.replace_lane(r, 2, sum);
  if (control & 8) r = i32x4.replace_lane(r, 3, sum);
  return r;
}

export function dppd(a: v128, b: v128, control: u32): v128 {
  begin();
  const p0 = control & 16 ? f64Lane(opMul, i64x2.extract_lane(a, 0), i64x2.extract_lane(b, 0)) : 0;
  const p1 = control & 32 ? f64Lane(opMul, i64x2.extract_lane(a, 1), i64x2.extract_lane(b, 1)) : 0;
  if (!nextStep()) return a;
  const sum = f64Lane(opAdd, p0, p1);
  finish();
  let r = i64x2.splat(0);
  if (control & 1) r = i64x2.replace_lane(r, 0, sum);
  if (control & 2) r = i64x2.replace_lane(r, 1, sum);
  return r;
}

// rcpps and rsqrtps are approximations with an error below 1.5 * 2^-12; ours are the rounded exact values, which are
// allowed (Intel SDM vol. 2) though no processor gives the same bits. They raise nothing.

function reciprocalLane(bits: u32, root: bool): u32 {
  const e = (bits >> 23) & 0xff;
  const sign = bits & 0x80000000;
  if (e == 0xff && bits << 9 != 0) return bits | 0x400000;
  if (e == 0) return sign | 0x7f800000;
  if (root && sign) return 0xffc00000;
  const x = reinterpret<f32>(bits);
  const r: f32 = root ? f32(1.0 / Math.sqrt(f64(x))) : f32(1.0) / x;
  const result = reinterpret<u32>(r);
  return ((result >> 23) & 0xff) == 0 ? sign : result;
}

export function reciprocalPs(a: v128, root: u32): v128 {
  const isRoot = root != 0;
  let r = i32x4.splat(reciprocalLane(i32x4.extract_lane(a, 0), isRoot));
  r = i32x4.replace_lane(r, 1, reciprocalLane(i32x4.extract_lane(a, 1), isRoot));
  r = i32x4.replace_lane(r, 2, reciprocalLane(i32x4.extract_lane(a, 2), isRoot));
  return i32x4.replace_lane(r, 3, reciprocalLane(i32x4.extract_lane(a, 3), isRoot));
}

export function reciprocalSs(bits: u32, root: u32): u32 {
  return reciprocalLane(bits, root != 0);
}

// FMA and F16C (fused.ts).

export function fusedSs(a: u32, b: u32, c: u32, negate: u32): u32 {
  begin();
  const r = fusedF32(a, b, c, (negate & 1) != 0, (negate & 2) != 0);
  finish();
  return r;
}

export function fusedSd(a: u64, b: u64, c: u64, negate: u32): u64 {
  begin();
  const r = fusedF64(a, b, c, (negate & 1) != 0, (negate & 2) != 0);
  finish();
  return r;
}

export function fusedPs(a: v128, b: v128, c: v128, negate: u32): v128 {
  begin();
  const p = (negate & 1) != 0;
  const even = (negate & 2) != 0;
  const odd = (negate & 4) != 0;
  let r = i32x4.splat(
    fusedF32(i32x4.extract_lane(a, 0), i32x4.extract_lane(b, 0), i32x4.extract_lane(c, 0), p, even),
  );
  r = i32x4.replace_lane(
    r,
    1,
    fusedF32(i32x4.extract_lane(a, 1), i32x4.extract_lane(b, 1), i32x4.extract_lane(c, 1), p, odd),
  );
  r = i32x4.replace_lane(
    r,
    2,
    fusedF32(i32x4.extract_lane(a, 2), i32x4.extract_lane(b, 2), i32x4.extract_lane(c, 2), p, even),
  );
  r = i32x4.replace_lane(
    r,
    3,
    fusedF32(i32x4.extract_lane(a, 3), i32x4.extract_lane(b, 3), i32x4.extract_lane(c, 3), p, odd),
  );
  finish();
  return r;
}

export function fusedPd(a: v128, b: v128, c: v128, negate: u32): v128 {
  begin();
  const p = (negate & 1) != 0;
  const r0 = fusedF64(i64x2.extract_lane(a, 0), i64x2.extract_lane(b, 0), i64x2.extract_lane(c, 0), p, (negate & 2) != 0);
  const r1 = fusedF64(i64x2.extract_lane(a, 1), i64x2.extract_lane(b, 1), i64x2.extract_lane(c, 1), p, (negate & 4) != 0);
  finish();
  return i64x2.replace_lane(i64x2.splat(r0), 1, r1);
}

/** Four halves to four singles. */
export function halvesToPs(halves: u64): v128 {
  begin();
  let r = i32x4.splat(widenHalf(u32(halves) & 0xffff));
  r = i32x4.replace_lane(r, 1, widenHalf(u32(halves >> 16) & 0xffff));
  r = i32x4.replace_lane(r, 2, widenHalf(u32(halves >> 32) & 0xffff));
  r = i32x4.replace_lane(r, 3, widenHalf(u32(halves >> 48)));
  finish();
  return r;
}

/** Four singles to four halves. Bit 2 of the immediate takes MXCSR's rounding; FTZ is ignored. */
export function psToHalves(a: v128, control: u32): u64 {
  begin();
  if ((control & 4) == 0) Mode.rounding = control & 3;
  Mode.flushToZero = false;
  const r =
    narrowToHalf(i32x4.extract_lane(a, 0)) |
    (narrowToHalf(i32x4.extract_lane(a, 1)) << 16) |
    (narrowToHalf(i32x4.extract_lane(a, 2)) << 32) |
    (narrowToHalf(i32x4.extract_lane(a, 3)) << 48);
  finish();
  return r;
}
