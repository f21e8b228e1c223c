/** fprem, fprem1, fscale, fxtract (Intel SDM vol. 2). */
import { nanResult, nanResultOne } from "./arithmetic.ts";
import { copyFirst, noteDenormals, round, setInfinite, setZero, indefinite } from "./format.ts";
import { A, B, Mode, Z, divideByZero, finite, infinite, invalid, zero } from "./registers.ts";
import { begin, c0, c1, c2, c3, finish, isEmpty, setStatus, stackError, status } from "./state.ts";
import { loadFirst, loadSecond, lower, storeIndefinite, storeResult } from "./x87.ts";

/**
 * ST(0) = remainder of ST(0) by ST(1), the quotient chopped (fprem) or rounded to nearest (fprem1). Reduces the
 * exponent by at most 63; C2 says that it is not done yet; C0, C3, C1 are the quotient's low bits.
 */
export function fprem(nearestQuotient: u32): void {
  begin();
  setStatus(status() & ~c2);
  if (isEmpty(0) || isEmpty(1)) {
    if (stackError(false)) storeIndefinite(0);
    return;
  }
  loadSecond(1);
  loadFirst(0);
  let quotient: u64 = 0;
  let partial = false;
  // The quotient's bits stay as they were where there is no quotient.
  let isInvalid = true;
  if (!nanResult(false)) {
    if (A.cls == infinite || B.cls == zero) {
      Mode.raised |= invalid;
      indefinite();
    } else {
      isInvalid = false;
      noteDenormals(true);
      copyFirst();
      if (A.cls == finite && B.cls == finite) {
        const difference = A.exp - B.exp;
        if (difference >= 64) {
          partial = true;
          quotient = reduce((difference & 31) | 32, true);
          quotient = 0;
        } else if (difference >= -1) quotient = reduce(difference, false);
        if (nearestQuotient && !partial && difference >= -1) quotient += toNearest(quotient);
        if (Z.cls == finite) normalize();
      }
    }
  }
  round(0, -16382, 16383, 24576);
  if (!finish()) return;
  storeResult(0);
  if (isInvalid) return;
  let word = status() & ~(c0 | c1 | c2 | c3);
  if (partial) word |= c2;
  else {
    if (quotient & 1) word |= c1;
    if (quotient & 2) word |= c3;
    if (quotient & 4) word |= c0;
  }
  setStatus(word);
}

/**
 * Long division of A by B for quotient bits of weight 2^(exponent difference) down to 2^(difference - steps) (partial)
 * or to 1; the rest goes to Z with B's scale. Returns the low bits of the quotient.
 */
function reduce(steps: i32, isPartial: bool): u64 {
  if (steps < 0) {
    // A is smaller than B by a factor of two at most: nothing to subtract.
    Z.exp = A.exp;
    Z.sig = A.sig;
    return 0;
  }
  let rest = A.sig;
  let carry: bool = false;
  let quotient: u64 = 0;
  const divisor = B.sig;
  for (let i = 0; i <= steps; i++) {
    if (i > 0) {
      carry = rest >> 63 != 0;
      rest <<= 1;
    }
    quotient <<= 1;
    if (carry || rest >= divisor) {
      rest -= divisor;
      quotient |= 1;
    }
  }
  Z.sig = rest;
  Z.exp = isPartial ? A.exp - steps : B.exp;
  if (rest == 0) setZero(A.sign);
  return quotient;
}

/** For fprem1: takes one more divisor off if the rest is more than half of it, or half and the quotient odd. */
function toNearest(quotient: u64): u64 {
  if (Z.cls != finite) return 0;
  const divisor = B.sig;
  if (Z.exp < B.exp) {
    // Rest = Z.sig / 2 in B's scale: more than half of B if Z.sig > B.sig.
    if (Z.sig < divisor || (Z.sig == divisor && !(quotient & 1))) return 0;
    // B - Z/2 = (2B - Z) / 2, and 2B - Z <= B fits.
    Z.sig = divisor - (Z.sig - divisor);
    Z.sign ^= 1;
    return 1;
  }
  const other = divisor - Z.sig;
  if (Z.sig < other || (Z.sig == other && !(quotient & 1))) return 0;
  Z.sig = other;
  Z.sign ^= 1;
  if (other == 0) setZero(Z.sign);
  return 1;
}

function normalize(): void {
  const shift = <i32>clz(Z.sig);
  Z.sig <<= shift;
  Z.exp -= shift;
  Z.low = 0;
}

/** ST(0) times two to the power of ST(1) chopped to an integer. */
export function fscale(): void {
  begin();
  if (isEmpty(0) || isEmpty(1)) {
    if (stackError(false)) storeIndefinite(0);
    return;
  }
  loadSecond(1);
  loadFirst(0);
  if (!nanResult(false)) {
    if (B.cls == infinite) {
      if (B.sign ? A.cls == infinite : A.cls == zero) {
        Mode.raised |= invalid;
        indefinite();
      } else {
        noteDenormals(true);
        if (B.sign) setZero(A.sign);
        else setInfinite(A.sign);
      }
    } else {
      noteDenormals(true);
      copyFirst();
      if (A.cls == finite && B.cls == finite && B.exp >= 0) {
        const amount: i32 = B.exp > 16 ? 0x20000 : i32(B.sig >> (63 - B.exp));
        Z.exp += B.sign ? -amount : amount;
      }
    }
  }
  round(0, -16382, 16383, 24576);
  if (finish()) storeResult(0);
}

/** Exponent of ST(0) to ST(0), then its significand is pushed. */
export function fxtract(): void {
  begin();
  if (isEmpty(0) || !isEmpty(7)) {
    if (!stackError(!isEmpty(0))) return;
    storeIndefinite(0);
    lower();
    storeIndefinite(0);
    return;
  }
  loadFirst(0);
  if (nanResultOne()) {
    if (!finish()) return;
    storeResult(0);
    lower();
    storeResult(0);
    return;
  }
  if (A.cls == zero) {
    Mode.raised |= divideByZero;
    if (!finish()) return;
    setInfinite(1);
    storeResult(0);
    lower();
    setZero(A.sign);
    storeResult(0);
    return;
  }
  if (A.cls == infinite) {
    setInfinite(0);
    storeResult(0);
    lower();
    setInfinite(A.sign);
    storeResult(0);
    return;
  }
  noteDenormals(false);
  if (!finish()) return;
  const exponent = A.exp;
  if (exponent == 0) setZero(0);
  else {
    const magnitude: u64 = exponent < 0 ? 0 - <i64>exponent : <i64>exponent;
    const shift = <i32>clz(magnitude);
    Z.cls = finite;
    Z.sign = u32(exponent < 0);
    Z.sig = magnitude << shift;
    Z.exp = 63 - shift;
  }
  storeResult(0);
  lower();
  Z.cls = finite;
  Z.sign = A.sign;
  Z.sig = A.sig;
  Z.exp = 0;
  storeResult(0);
}

