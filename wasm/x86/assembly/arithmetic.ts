/** Addition, multiplication, division, square root, comparison on unpacked numbers; NaN rules of x87 and of SSE. */
import { copyFirst, exchange, indefinite, noteDenormals, secondToFirst, setInfinite, setZero } from "./format.ts";
import { divide, multiply, shiftRightSticky, squareRoot } from "./integer.ts";
import {
  A,
  B,
  Mode,
  Wide,
  Z,
  divideByZero,
  down,
  finite,
  infinite,
  invalid,
  quiet,
  signaling,
  topBit,
  unsupported,
  zero,
} from "./registers.ts";

const quietBit: u64 = 0x4000000000000000;

/**
 * True if a NaN or an unsupported operand decided the result, which is then in Z.
 * x87 (Intel SDM vol. 1, table 4-7): a quiet NaN beats a signaling one, else the larger significand wins, else the
 * positive one. SSE: the first operand that is a NaN.
 */
export function nanResult(sse: bool): bool {
  const a = A.cls;
  const b = B.cls;
  if (a < quiet && b < quiet) return false;
  if (a == unsupported || b == unsupported) {
    Mode.raised |= invalid;
    indefinite();
    return true;
  }
  if (a == signaling || b == signaling) Mode.raised |= invalid;
  let second: bool;
  if (a < quiet) second = true;
  else if (sse || b < quiet) second = false;
  else if (a != b) second = b == quiet;
  else if (A.sig != B.sig) second = A.sig < B.sig;
  else second = A.sign > B.sign;
  if (second) secondToFirst();
  copyFirst();
  Z.sig |= quietBit;
  Z.cls = quiet;
  return true;
}

/** The same for one operand. */
export function nanResultOne(): bool {
  if (A.cls < quiet) return false;
  if (A.cls == unsupported) {
    Mode.raised |= invalid;
    indefinite();
    return true;
  }
  if (A.cls == signaling) Mode.raised |= invalid;
  copyFirst();
  Z.sig |= quietBit;
  Z.cls = quiet;
  return true;
}

function invalidResult(): void {
  Mode.raised |= invalid;
  indefinite();
}

export function add(sse: bool): void {
  if (nanResult(sse)) return;
  if (A.cls == infinite || B.cls == infinite) {
    if (A.cls == B.cls && A.sign != B.sign) {
      invalidResult();
      return;
    }
    noteDenormals(true);
    setInfinite(A.cls == infinite ? A.sign : B.sign);
    return;
  }
  noteDenormals(true);
  if (A.cls == zero && B.cls == zero) {
    setZero(A.sign == B.sign ? A.sign : u32(Mode.rounding == down));
    return;
  }
  if (A.cls == zero) secondToFirst();
  else if (B.cls != zero) {
    addFinite();
    return;
  }
  copyFirst();
}

function addFinite(): void {
  if (A.exp < B.exp || (A.exp == B.exp && A.sig < B.sig)) exchange();
  Z.cls = finite;
  Z.sign = A.sign;
  Z.exp = A.exp;
  const high = shiftRightSticky(B.sig, 0, A.exp - B.exp);
  const low = Wide.low;
  if (A.sign == B.sign) {
    const sum = A.sig + high;
    if (sum < high) {
      Z.low = (sum << 63) | (low >> 1) | (low & 1);
      Z.sig = topBit | (sum >> 1);
      Z.exp++;
    } else {
      Z.sig = sum;
      Z.low = low;
    }
    return;
  }
  Z.low = 0 - low;
  Z.sig = A.sig - high - u64(low != 0);
  if (Z.sig == 0) {
    if (Z.low == 0) {
      setZero(u32(Mode.rounding == down));
      return;
    }
    Z.sig = Z.low;
    Z.low = 0;
    Z.exp -= 64;
  }
  const shift = <i32>clz(Z.sig);
  if (shift) {
    Z.sig = (Z.sig << shift) | (Z.low >> (64 - shift));
    Z.low <<= shift;
    Z.exp -= shift;
  }
}

/** A - B. */
export function subtract(sse: bool): void {
  // A NaN keeps its sign.
  if (B.cls < quiet) B.sign ^= 1;
  add(sse);
}

export function multiplyNumbers(sse: bool): void {
  if (nanResult(sse)) return;
  const sign = A.sign ^ B.sign;
  if (A.cls == infinite || B.cls == infinite) {
    if (A.cls == zero || B.cls == zero) {
      invalidResult();
      return;
    }
    noteDenormals(true);
    setInfinite(sign);
    return;
  }
  noteDenormals(true);
  if (A.cls == zero || B.cls == zero) {
    setZero(sign);
    return;
  }
  Z.cls = finite;
  Z.sign = sign;
  Z.exp = A.exp + B.exp + 1;
  Z.sig = multiply(A.sig, B.sig);
  Z.low = Wide.low;
  if (Z.sig >> 63 == 0) {
    Z.sig = (Z.sig << 1) | (Z.low >> 63);
    Z.low <<= 1;
    Z.exp--;
  }
}

/** A / B. */
export function divideNumbers(sse: bool): void {
  if (nanResult(sse)) return;
  const sign = A.sign ^ B.sign;
  if (A.cls == infinite) {
    if (B.cls == infinite) {
      invalidResult();
      return;
    }
    noteDenormals(true);
    setInfinite(sign);
    return;
  }
  if (B.cls == infinite) {
    noteDenormals(true);
    setZero(sign);
    return;
  }
  if (B.cls == zero) {
    if (A.cls == zero) {
      invalidResult();
      return;
    }
    Mode.raised |= divideByZero;
    setInfinite(sign);
    return;
  }
  noteDenormals(true);
  if (A.cls == zero) {
    setZero(sign);
    return;
  }
  Z.cls = finite;
  Z.sign = sign;
  Z.exp = A.exp - B.exp;
  const divisor = B.sig;
  if (A.sig < divisor) {
    Z.exp--;
    Z.sig = divide(A.sig, 0, divisor);
  } else {
    Z.sig = divide(A.sig >> 1, A.sig << 63, divisor);
  }
  const rest = Wide.remainder;
  if (rest == 0) Z.low = 0;
  else if (rest > divisor - rest) Z.low = topBit | 1;
  else Z.low = rest == divisor - rest ? topBit : 1;
}

export function squareRootNumber(): void {
  if (nanResultOne()) return;
  if (A.cls == zero) {
    copyFirst();
    return;
  }
  if (A.sign) {
    invalidResult();
    return;
  }
  if (A.cls == infinite) {
    copyFirst();
    return;
  }
  noteDenormals(false);
  Z.cls = finite;
  Z.sign = 0;
  Z.exp = A.exp >> 1;
  Z.sig = A.exp & 1 ? squareRoot(A.sig, 0) : squareRoot(A.sig >> 1, A.sig << 63);
  Z.low = Wide.low;
}

/**
 * Compares A with B: -1, 0, 1, or 2 for unordered. `quietly`: only signaling NaNs are invalid.
 */
export function compare(quietly: bool): i32 {
  if (A.cls >= quiet || B.cls >= quiet) {
    if (!quietly || A.cls > quiet || B.cls > quiet) Mode.raised |= invalid;
    return 2;
  }
  noteDenormals(true);
  if (A.cls == zero && B.cls == zero) return 0;
  if (A.sign != B.sign) {
    if (A.cls == zero) return B.sign ? 1 : -1;
    if (B.cls == zero) return A.sign ? -1 : 1;
    return A.sign ? -1 : 1;
  }
  const magnitude = compareMagnitudes();
  return A.sign ? -magnitude : magnitude;
}

export function compareMagnitudes(): i32 {
  if (A.cls != B.cls) return A.cls < B.cls ? -1 : 1;
  if (A.cls != finite) return 0;
  if (A.exp != B.exp) return A.exp < B.exp ? -1 : 1;
  return A.sig == B.sig ? 0 : A.sig < B.sig ? -1 : 1;
}

/** Rounds A to an integer in Z, still a number (frndint, roundsd). `loud`: inexact is raised. */
export function roundToIntegral(loud: bool): void {
  if (nanResultOne()) return;
  copyFirst();
  if (A.cls != finite) return;
  noteDenormals(false);
  if (A.exp >= 63) return;
  const fractionBits: u32 = 63 - A.exp;
  Z.sig = shiftRightSticky(A.sig, 0, fractionBits);
  Z.low = Wide.low;
  if (roundInteger() && loud) Mode.raised |= 32;
  if (Z.sig == 0) {
    Z.cls = zero;
    return;
  }
  const shift = <i32>clz(Z.sig);
  Z.sig <<= shift;
  Z.exp = 63 - shift;
}

/** Rounds the integer Z.sig by the bits in Z.low; returns whether it was inexact. */
function roundInteger(): bool {
  const half = Z.low >> 63 != 0;
  const sticky = Z.low << 1 != 0;
  Z.low = 0;
  Mode.roundedUp = false;
  if (!half && !sticky) return false;
  let increment: bool;
  if (Mode.rounding == 0) increment = half && (sticky || (Z.sig & 1) != 0);
  else increment = Mode.rounding != 3 && (Mode.rounding == down) == (Z.sign != 0);
  if (increment) {
    Z.sig++;
    Mode.roundedUp = true;
  }
  return true;
}

/**
 * A as a signed integer of `bits` bits by the rounding in force; out of range, infinite or NaN is invalid and gives
 * the integer indefinite, the most negative number.
 */
export function toInteger(bits: u32): i64 {
  const least: i64 = (<i64>-1) << (bits - 1);
  Mode.roundedUp = false;
  if (A.cls == zero) return 0;
  if (A.cls != finite || A.exp > 63) {
    Mode.raised |= invalid;
    return least;
  }
  Z.sign = A.sign;
  Z.sig = shiftRightSticky(A.sig, 0, 63 - A.exp);
  Z.low = Wide.low;
  const rough = roundInteger();
  const bound: u64 = (<u64>1) << (bits - 1);
  if (A.sign ? Z.sig > bound : Z.sig >= bound) {
    Mode.raised |= invalid;
    Mode.roundedUp = false;
    return least;
  }
  if (rough) Mode.raised |= 32;
  return A.sign ? 0 - <i64>Z.sig : <i64>Z.sig;
}
