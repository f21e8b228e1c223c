/**
 * Floating point with 128-bit significands, for the transcendental functions: numbers live in scratch memory and are
 * named by their address. Operations truncate; each is wrong by at most a few units in bit 127.
 *
 *     +0 high half of the significand (top bit set, 0 for zero)   +8 low half   +16 exponent   +20 sign
 */
import { multiply } from "./integer.ts";
import { A, Wide, Z, finite, topBit, zero } from "./registers.ts";
import { scratchAt } from "./state.ts";

/** The n-th number. */
@inline
export function number(n: usize): usize {
  return scratchAt + (n << 5);
}

@inline
export function high(a: usize): u64 {
  return load<u64>(a);
}
@inline
export function low(a: usize): u64 {
  return load<u64>(a, 8);
}
@inline
export function exponent(a: usize): i32 {
  return load<i32>(a, 16);
}
@inline
export function sign(a: usize): u32 {
  return load<u32>(a, 20);
}
@inline
export function isZero(a: usize): bool {
  return load<u64>(a) == 0;
}
@inline
export function setSign(a: usize, value: u32): void {
  store<u32>(a, value, 20);
}

export function set(a: usize, highHalf: u64, lowHalf: u64, exp: i32, isNegative: u32): void {
  store<u64>(a, highHalf);
  store<u64>(a, lowHalf, 8);
  store<i32>(a, exp, 16);
  store<u32>(a, isNegative, 20);
}

export function copy(to: usize, from: usize): void {
  set(to, high(from), low(from), exponent(from), sign(from));
}

export function setInteger(a: usize, value: i32): void {
  const magnitude: u64 = value < 0 ? 0 - <i64>value : <i64>value;
  const shift = <i32>clz(magnitude);
  set(a, value == 0 ? 0 : magnitude << shift, 0, 63 - shift, u32(value < 0));
}

/** The unpacked operand A. */
export function setFirst(a: usize): void {
  set(a, A.cls == zero ? 0 : A.sig, 0, A.exp, A.sign);
}

/** Into the result, to be rounded. `isExact` false: what is below the last bit is not nothing. */
export function toResult(a: usize, isExact: bool): void {
  Z.cls = isZero(a) ? zero : finite;
  Z.sign = sign(a);
  Z.exp = exponent(a);
  Z.sig = high(a);
  Z.low = low(a) | u64(!isExact);
}

function normalize(a: usize, h: u64, l: u64, exp: i32, isNegative: u32): void {
  if (h == 0) {
    if (l == 0) {
      set(a, 0, 0, 0, isNegative);
      return;
    }
    h = l;
    l = 0;
    exp -= 64;
  }
  const shift = clz(h);
  if (shift != 0) {
    h = (h << shift) | (l >> (64 - shift));
    l <<= shift;
  }
  set(a, h, l, exp - <i32>shift, isNegative);
}

export function mul(to: usize, a: usize, b: usize): void {
  const isNegative = sign(a) ^ sign(b);
  if (isZero(a) || isZero(b)) {
    set(to, 0, 0, 0, isNegative);
    return;
  }
  let h = multiply(high(a), high(b));
  let l = Wide.low;
  const cross1 = multiply(high(a), low(b));
  const cross2 = multiply(low(a), high(b));
  l += cross1;
  h += u64(l < cross1);
  l += cross2;
  h += u64(l < cross2);
  normalize(to, h, l, exponent(a) + exponent(b) + 1, isNegative);
}

/** |a| < |b|. */
export function isBelow(a: usize, b: usize): bool {
  if (isZero(a) || isZero(b)) return isZero(a) && !isZero(b);
  if (exponent(a) != exponent(b)) return exponent(a) < exponent(b);
  return high(a) < high(b) || (high(a) == high(b) && low(a) < low(b));
}

export function add(to: usize, a: usize, b: usize): void {
  if (isBelow(a, b)) {
    const other = a;
    a = b;
    b = other;
  }
  if (isZero(b)) {
    copy(to, a);
    return;
  }
  const distance = exponent(a) - exponent(b);
  let h: u64 = 0;
  let l: u64 = 0;
  if (distance == 0) {
    h = high(b);
    l = low(b);
  } else if (distance < 64) {
    h = high(b) >> distance;
    l = (high(b) << (64 - distance)) | (low(b) >> distance);
  } else if (distance < 128) l = high(b) >> (distance - 64);
  const isNegative = sign(a);
  let exp = exponent(a);
  if (sign(a) == sign(b)) {
    l += low(a);
    const carry = u64(l < low(a));
    h += high(a);
    let over = h < high(a);
    h += carry;
    over = over || (carry != 0 && h == 0);
    if (over) {
      l = (h << 63) | (l >> 1);
      h = topBit | (h >> 1);
      exp++;
    }
  } else {
    const difference = low(a) - l;
    h = high(a) - h - u64(low(a) < l);
    l = difference;
  }
  normalize(to, h, l, exp, isNegative);
}

export function subtract(to: usize, a: usize, b: usize): void {
  const was = sign(b);
  // Flipped in place for the addition; a may be b.
  if (a == b) {
    set(to, 0, 0, 0, 0);
    return;
  }
  setSign(b, was ^ 1);
  add(to, a, b);
  if (to != b) setSign(b, was);
}

/** By a small integer: schoolbook over digits of 32 bits. */
export function divideSmall(to: usize, a: usize, divisor: u32): void {
  const d: u64 = divisor;
  const h = high(a);
  const l = low(a);
  const q3 = (h >> 32) / d;
  let rest = (h >> 32) - q3 * d;
  let digit = (rest << 32) | (h & 0xffffffff);
  const q2 = digit / d;
  rest = digit - q2 * d;
  digit = (rest << 32) | (l >> 32);
  const q1 = digit / d;
  rest = digit - q1 * d;
  digit = (rest << 32) | (l & 0xffffffff);
  const q0 = digit / d;
  normalize(to, (q3 << 32) | q2, (q1 << 32) | q0, exponent(a), sign(a));
}

/** a / b by Newton's iteration for 1 / b; numbers 29 to 31 are used. */
export function divide(to: usize, a: usize, b: usize): void {
  const guess = 1.0 / (f64(high(b)) * (1.0 / 9223372036854775808.0));
  const bits = reinterpret<u64>(guess);
  const inverse = number(31);
  const step = number(30);
  const two = number(29);
  set(inverse, topBit | (bits << 11), 0, i32((bits >> 52) & 0x7ff) - 1023 - exponent(b), sign(b));
  for (let i = 0; i < 2; i++) {
    mul(step, inverse, b);
    setInteger(two, 2);
    subtract(step, two, step);
    mul(inverse, inverse, step);
  }
  mul(to, a, inverse);
}
