/**
 * f2xm1, fyl2x, fyl2xp1, fptan, fpatan, fsin, fcos, fsincos: series on 128-bit significands, rounded once, so that a
 * result is the correctly rounded one but for about one argument in 2^40. Like the processors, sine and its kin reduce
 * by a pi of 66 bits (Intel SDM vol. 1, 8.3.8), exactly.
 */
import { nanResult, nanResultOne } from "./arithmetic.ts";
import { copyFirst, indefinite, noteDenormals, round, setInfinite, setZero } from "./format.ts";
import { A, B, Mode, Z, divideByZero, finite, inexact, infinite, invalid, topBit, underflow, zero } from "./registers.ts";
import { begin, c2, finish, isEmpty, pop, setStatus, stackError, status } from "./state.ts";
import {
  add,
  copy,
  divide,
  divideSmall,
  exponent,
  high,
  isZero,
  low,
  mul,
  number,
  set,
  setFirst,
  setInteger,
  setSign,
  sign,
  subtract,
  toResult,
} from "./wide.ts";
import { loadFirst, loadSecond, lower, storeIndefinite, storeResult } from "./x87.ts";

function roundWhole(): void {
  round(0, -16382, 16383, 24576);
}

/** A result that happens to be exact: the processors call it inexact all the same, and tiny ones underflowed. */
function raiseInexact(): void {
  if (Z.cls != finite) return;
  Mode.raised |= inexact;
  if (Z.exp < -16382) Mode.raised |= underflow;
}

/** A factor that came out as exactly one is one less a little. */
function belowOne(a: usize): void {
  if (high(a) == topBit && low(a) == 0 && exponent(a) == 0) set(a, u64.MAX_VALUE, u64.MAX_VALUE, -1, 0);
}

// 2^x - 1.

export function f2xm1(): void {
  begin();
  if (isEmpty(0)) {
    if (stackError(false)) storeIndefinite(0);
    return;
  }
  loadFirst(0);
  if (!nanResultOne()) {
    noteDenormals(false);
    copyFirst();
    if (A.cls == infinite) {
      if (A.sign) {
        Z.cls = finite;
        Z.sig = topBit;
        Z.exp = 0;
      }
    } else if (A.cls == finite && A.exp == 0 && A.sig == topBit) {
      // 2^1 - 1 and 2^-1 - 1 are exact.
      if (A.sign) Z.exp = -1;
      raiseInexact();
    } else if (A.cls == finite && A.exp < 0) {
      const x = number(0);
      const y = number(1);
      const p = number(2);
      const one = number(3);
      setFirst(x);
      set(y, 0xb17217f7d1cf79ab, 0xc9e3b39803f2f6af, -1, 0);
      mul(y, x, y);
      setInteger(one, 1);
      setInteger(p, 1);
      // (e^y - 1) / y = 1 + y/2 (1 + y/3 (1 + …
      for (let k: u32 = 27; k >= 2; k--) {
        mul(p, p, y);
        divideSmall(p, p, k);
        add(p, one, p);
      }
      mul(p, p, y);
      toResult(p, false);
    } else {
      // Beyond ±1 the result is undefined: the operand stays.
      raiseInexact();
    }
  }
  roundWhole();
  if (finish()) storeResult(0);
}

// Logarithms. ln m = 2 s (1 + s²/3 + s⁴/5 + …), s = (m - 1) / (m + 1).

/** log2 of (1 + s) / (1 - s), into number 0; uses 1 to 5. */
function logOfRatio(s: usize): void {
  const result = number(0);
  const square = number(2);
  const term = number(3);
  const one = number(4);
  mul(square, s, s);
  setInteger(one, 1);
  set(result, 0, 0, 0, 0);
  for (let k: i32 = 27; k >= 0; k--) {
    mul(result, result, square);
    divideSmall(term, one, (k << 1) + 1);
    add(result, result, term);
  }
  mul(result, result, s);
  set(term, 0xb8aa3b295c17f0bb, 0xbe87fed0691d3e88, 1, 0);
  mul(result, result, term);
}

/** Z = number 0 times B, which is finite. */
function timesSecond(isExact: bool): void {
  const y = number(6);
  set(y, B.sig, 0, B.exp, B.sign);
  mul(number(0), number(0), y);
  toResult(number(0), isExact);
}

/** ST(1) * log2 ST(0), popped. */
export function fyl2x(): void {
  begin();
  if (isEmpty(0) || isEmpty(1)) {
    if (stackError(false)) {
      storeIndefinite(1);
      pop();
    }
    return;
  }
  loadSecond(1);
  loadFirst(0);
  if (!nanResult(false)) logarithm();
  roundWhole();
  if (!finish()) return;
  storeResult(1);
  pop();
}

function logarithm(): void {
  if (A.cls == zero) {
    if (B.cls == zero) fail();
    else if (B.cls == infinite) setInfinite(B.sign ^ 1);
    else {
      Mode.raised |= divideByZero;
      setInfinite(B.sign ^ 1);
    }
    return;
  }
  if (A.sign) {
    fail();
    return;
  }
  const isOne = A.cls == finite && A.exp == 0 && A.sig == topBit;
  const logNegative = u32(A.cls == finite && A.exp < 0);
  if (A.cls == infinite) {
    if (B.cls == zero) fail();
    else {
      noteDenormals(true);
      setInfinite(B.sign);
    }
    return;
  }
  if (B.cls == infinite) {
    if (isOne) fail();
    else {
      noteDenormals(true);
      setInfinite(B.sign ^ logNegative);
    }
    return;
  }
  noteDenormals(true);
  if (B.cls == zero || isOne) {
    setZero(B.sign ^ logNegative);
    return;
  }
  let exp = A.exp;
  let sig = A.sig;
  if (sig == topBit) {
    setInteger(number(0), exp);
    timesSecond(true);
    raiseInexact();
    return;
  }
  const m = number(1);
  const s = number(5);
  const one = number(7);
  // Into [1/√2, √2).
  let scale = 0;
  if (sig >= 0xb504f333f9de6484) {
    exp++;
    scale = -1;
  }
  set(m, sig, 0, scale, 0);
  setInteger(one, 1);
  subtract(s, m, one);
  add(m, m, one);
  divide(s, s, m);
  logOfRatio(s);
  setInteger(number(1), exp);
  add(number(0), number(0), number(1));
  timesSecond(false);
}

function fail(): void {
  Mode.raised |= invalid;
  indefinite();
}

/** ST(1) * log2(ST(0) + 1), popped. */
export function fyl2xp1(): void {
  begin();
  if (isEmpty(0) || isEmpty(1)) {
    if (stackError(false)) {
      storeIndefinite(1);
      pop();
    }
    return;
  }
  loadSecond(1);
  loadFirst(0);
  if (!nanResult(false)) logarithmPlusOne();
  roundWhole();
  if (!finish()) return;
  storeResult(1);
  pop();
}

function logarithmPlusOne(): void {
  if (A.cls == infinite) {
    if (A.sign || B.cls == zero) fail();
    else {
      noteDenormals(true);
      setInfinite(B.sign);
    }
    return;
  }
  if (B.cls == infinite) {
    if (A.cls == zero) fail();
    else {
      noteDenormals(true);
      setInfinite(A.sign ^ B.sign);
    }
    return;
  }
  noteDenormals(true);
  if (A.cls == zero || B.cls == zero) {
    setZero(A.sign ^ B.sign);
    return;
  }
  if (A.sign && A.exp >= 0) {
    // Not above -1: undefined.
    fail();
    return;
  }
  const x = number(1);
  const s = number(5);
  const two = number(7);
  if (A.exp >= -1) {
    // Outside the range of the instruction, but it has a value: log2 of the sum.
    setFirst(x);
    setInteger(two, 1);
    add(x, x, two);
    let exp = exponent(x);
    let scale = 0;
    if (high(x) >= 0xb504f333f9de6484) {
      exp++;
      scale = -1;
    }
    set(x, high(x), low(x), scale, 0);
    subtract(s, x, two);
    add(x, x, two);
    divide(s, s, x);
    logOfRatio(s);
    setInteger(number(1), exp);
    add(number(0), number(0), number(1));
    timesSecond(false);
    return;
  }
  setFirst(x);
  setInteger(two, 2);
  add(two, two, x);
  divide(s, x, two);
  logOfRatio(s);
  timesSecond(false);
}

// Arc tangent of ST(1) / ST(0), with the quadrant of the point, popped.

const piHigh: u64 = 0xc90fdaa22168c234;
const piLow: u64 = 0xc4c6628b80dc1cd1;

export function fpatan(): void {
  begin();
  if (isEmpty(0) || isEmpty(1)) {
    if (stackError(false)) {
      storeIndefinite(1);
      pop();
    }
    return;
  }
  loadSecond(1);
  loadFirst(0);
  if (!nanResult(false)) arcTangent();
  roundWhole();
  if (!finish()) return;
  storeResult(1);
  pop();
}

/** Z = pi * quarters / 4, signed. */
function quartersOfPi(quarters: u32, isNegative: u32): void {
  const p = number(0);
  const q = number(1);
  set(p, piHigh, piLow, -1, 0);
  setInteger(q, quarters);
  mul(p, p, q);
  setSign(p, isNegative);
  toResult(p, false);
}

function arcTangent(): void {
  const isNegative = B.sign;
  if (B.cls == infinite) {
    noteDenormals(true);
    if (A.cls == infinite) quartersOfPi(A.sign ? 3 : 1, isNegative);
    else quartersOfPi(2, isNegative);
    return;
  }
  if (A.cls == infinite) {
    noteDenormals(true);
    if (A.sign) quartersOfPi(4, isNegative);
    else setZero(isNegative);
    return;
  }
  if (B.cls == zero) {
    noteDenormals(true);
    if (A.sign) quartersOfPi(4, isNegative);
    else setZero(isNegative);
    return;
  }
  noteDenormals(true);
  if (A.cls == zero) {
    quartersOfPi(2, isNegative);
    return;
  }
  const x = number(0);
  const y = number(1);
  set(x, A.sig, 0, A.exp, 0);
  set(y, B.sig, 0, B.exp, 0);
  const swap = B.exp > A.exp || (B.exp == A.exp && B.sig > A.sig);
  const q = number(2);
  const t = number(3);
  const scratch = number(4);
  const one = number(5);
  if (swap) divide(q, x, y);
  else divide(q, y, x);
  setInteger(one, 1);
  // atan q = atan c + atan((q - c) / (1 + q c)), c = 0, 1/2 or 1.
  let center = 0;
  if (!isZero(q) && exponent(q) >= -2) {
    if (exponent(q) >= 0 || (exponent(q) == -1 && high(q) >= 0xc000000000000000)) {
      center = 2;
      subtract(t, q, one);
      add(scratch, q, one);
      divide(t, t, scratch);
    } else {
      center = 1;
      set(scratch, topBit, 0, -1, 0);
      subtract(t, q, scratch);
      mul(scratch, q, scratch);
      add(scratch, one, scratch);
      divide(t, t, scratch);
    }
  } else copy(t, q);
  const square = number(6);
  const p = number(7);
  const term = number(8);
  mul(square, t, t);
  set(p, 0, 0, 0, 0);
  for (let k: i32 = 31; k >= 0; k--) {
    mul(p, p, square);
    divideSmall(term, one, (k << 1) + 1);
    subtract(p, term, p);
  }
  belowOne(p);
  mul(p, p, t);
  if (center == 1) {
    set(scratch, 0xed63382b0dda7b45, 0x6fe445ecbc3a8d03, -2, 0);
    add(p, p, scratch);
  } else if (center == 2) {
    set(scratch, piHigh, piLow, -1, 0);
    add(p, p, scratch);
  }
  if (swap) {
    set(scratch, piHigh, piLow, 0, 0);
    subtract(p, scratch, p);
  }
  if (A.sign) {
    set(scratch, piHigh, piLow, 1, 0);
    subtract(p, scratch, p);
  }
  setSign(p, isNegative);
  toResult(p, false);
}

// Sine, cosine, tangent.

const pi66Low: u64 = 0xc000000000000000;

class Angle {
  static quadrant: u32 = 0;
}

/** A reduced to [-pi/4, pi/4] into number 0, its quadrant to `Angle`. Exact. */
function reduceAngle(): void {
  const r = number(0);
  setFirst(r);
  setSign(r, 0);
  Angle.quadrant = 0;
  // Multiples of pi/2, whose exponent is 0.
  if (A.exp >= -1) {
    let h = A.sig;
    let l: u64 = 0;
    let quotient: u32 = 0;
    let carry = false;
    let exp = A.exp;
    if (exp < 0) {
      l = h << 63;
      h >>= 1;
      exp = 0;
    }
    for (let i = 0; i <= exp; i++) {
      if (i > 0) {
        carry = h >> 63 != 0;
        h = (h << 1) | (l >> 63);
        l <<= 1;
      }
      quotient <<= 1;
      if (carry || h > piHigh || (h == piHigh && l >= pi66Low)) {
        h = h - piHigh - u64(l < pi66Low);
        l -= pi66Low;
        quotient |= 1;
      }
    }
    // More than pi/4: nearer to the next multiple.
    let isNegative: u32 = 0;
    const half = piHigh >> 1;
    if (h > half || (h == half && l > ((piHigh << 63) | (pi66Low >> 1)))) {
      h = piHigh - h - u64(pi66Low < l);
      l = pi66Low - l;
      quotient++;
      isNegative = 1;
    }
    Angle.quadrant = quotient & 3;
    let shift = 0;
    if (h == 0) {
      h = l;
      l = 0;
      shift = 64;
    }
    if (h != 0) {
      const zeros = <i32>clz(h);
      h = zeros == 0 ? h : (h << zeros) | (l >> (64 - zeros));
      l <<= zeros;
      shift += zeros;
    }
    set(r, h, l, -shift, isNegative);
  }
  if (A.sign) {
    setSign(r, sign(r) ^ 1);
    Angle.quadrant = (0 - Angle.quadrant) & 3;
  }
}

/** Series of sine (first = 2) or cosine (first = 1) over number 0's square, into `to`. */
function series(to: usize, first: u32): void {
  const square = number(1);
  const one = number(2);
  const r = number(0);
  mul(square, r, r);
  setInteger(one, 1);
  setInteger(to, 1);
  for (let k: i32 = 16; k >= 0; k--) {
    mul(to, to, square);
    const n = first + (k << 1);
    divideSmall(to, to, n * (n + 1));
    subtract(to, one, to);
  }
  belowOne(to);
}

/** Sine of number 0 in quadrant q (cosine is the next quadrant's sine), into `to`. */
function sineIn(to: usize, q: u32): void {
  if (q & 1) series(to, 1);
  else {
    series(to, 2);
    mul(to, to, number(0));
  }
  if (q & 2) setSign(to, sign(to) ^ 1);
}

/** What all four begin with. True if ST(0) is finite, not zero and in range. */
function beginAngle(): bool {
  begin();
  setStatus(status() & ~c2);
  return true;
}

function isTooLarge(): bool {
  return A.cls == finite && A.exp >= 63;
}

/** fsin (0) and fcos (1). */
function sineOrCosine(shift: u32): void {
  beginAngle();
  if (isEmpty(0)) {
    if (stackError(false)) storeIndefinite(0);
    return;
  }
  loadFirst(0);
  if (isTooLarge()) {
    setStatus(status() | c2);
    return;
  }
  if (!nanResultOne()) {
    if (A.cls == infinite) fail();
    else {
      noteDenormals(false);
      trigonometric(shift);
    }
  }
  roundWhole();
  if (finish()) storeResult(0);
}

/** Sine or cosine of A, finite or zero, into Z. */
function trigonometric(shift: u32): void {
  if (A.cls == zero) {
    if (shift) one();
    else setZero(A.sign);
    return;
  }
  reduceAngle();
  sineIn(number(4), (Angle.quadrant + shift) & 3);
  toResult(number(4), false);
}

function one(): void {
  Z.cls = finite;
  Z.sign = 0;
  Z.sig = topBit;
  Z.low = 0;
  Z.exp = 0;
}

export function fsin(): void {
  sineOrCosine(0);
}

export function fcos(): void {
  sineOrCosine(1);
}

/** fsincos: sine to ST(0), then cosine is pushed. fptan: tangent, then 1. */
function two(isTangent: bool): void {
  beginAngle();
  if (isEmpty(0) || !isEmpty(7)) {
    if (!stackError(!isEmpty(0))) return;
    storeIndefinite(0);
    lower();
    storeIndefinite(0);
    return;
  }
  loadFirst(0);
  if (isTooLarge()) {
    setStatus(status() | c2);
    return;
  }
  let isNumber = true;
  if (nanResultOne()) isNumber = false;
  else if (A.cls == infinite) {
    fail();
    isNumber = false;
  }
  if (!isNumber) {
    if (!finish()) return;
    storeResult(0);
    lower();
    storeResult(0);
    return;
  }
  noteDenormals(false);
  if (isTangent) {
    tangent();
    roundWhole();
    if (!finish()) return;
    storeResult(0);
    lower();
    one();
    storeResult(0);
    return;
  }
  trigonometric(0);
  roundWhole();
  const isUp = Mode.roundedUp;
  if (Mode.raised & ~Mode.masked & 2) {
    finish();
    return;
  }
  storeResult(0);
  trigonometric(1);
  roundWhole();
  Mode.roundedUp = Mode.roundedUp || isUp;
  finish();
  lower();
  storeResult(0);
}

function tangent(): void {
  if (A.cls == zero) {
    setZero(A.sign);
    return;
  }
  reduceAngle();
  const sine = number(4);
  const cosine = number(5);
  sineIn(sine, Angle.quadrant);
  sineIn(cosine, (Angle.quadrant + 1) & 3);
  divide(number(6), sine, cosine);
  toResult(number(6), false);
}

export function fsincos(): void {
  two(false);
}

export function fptan(): void {
  two(true);
}
