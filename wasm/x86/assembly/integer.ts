/** Integers of 128 bits: product, quotient, square root, sticky shift. */
import { Wide } from "./registers.ts";

/** High half of the product; the low half is in `Wide.low`. */
export function multiply(a: u64, b: u64): u64 {
  const al = a & 0xffffffff;
  const ah = a >> 32;
  const bl = b & 0xffffffff;
  const bh = b >> 32;
  const ll = al * bl;
  const middle = ah * bl + (ll >> 32);
  const cross = al * bh + (middle & 0xffffffff);
  Wide.low = (cross << 32) | (ll & 0xffffffff);
  return ah * bh + (middle >> 32) + (cross >> 32);
}

/**
 * Quotient of high:low by a divisor with its top bit set, high < divisor; the remainder is in `Wide.remainder`
 * (Knuth, The Art of Computer Programming vol. 2, 4.3.1 D, with two digits of 32 bits).
 */
export function divide(high: u64, low: u64, divisor: u64): u64 {
  const dh = divisor >> 32;
  const dl = divisor & 0xffffffff;
  let q1 = high / dh;
  let r = high - q1 * dh;
  const lowHigh = low >> 32;
  while (q1 >> 32 != 0 || q1 * dl > ((r << 32) | lowHigh)) {
    q1--;
    r += dh;
    if (r >> 32 != 0) break;
  }
  const middle = ((high << 32) | lowHigh) - q1 * divisor;
  let q0 = middle / dh;
  r = middle - q0 * dh;
  const lowLow = low & 0xffffffff;
  while (q0 >> 32 != 0 || q0 * dl > ((r << 32) | lowLow)) {
    q0--;
    r += dh;
    if (r >> 32 != 0) break;
  }
  Wide.remainder = ((middle << 32) | lowLow) - q0 * divisor;
  return (q1 << 32) | q0;
}

/** Shifts high:low right; what falls out is or-ed into the last bit. The low half is in `Wide.low`. */
export function shiftRightSticky(high: u64, low: u64, count: u32): u64 {
  if (count == 0) {
    Wide.low = low;
    return high;
  }
  if (count < 64) {
    Wide.low = (high << (64 - count)) | (low >> count) | u64((low << (64 - count)) != 0);
    return high >> count;
  }
  if (count == 64) {
    Wide.low = high | u64(low != 0);
    return 0;
  }
  if (count < 128) {
    Wide.low = (high >> (count - 64)) | u64(((high << (128 - count)) | low) != 0);
    return 0;
  }
  Wide.low = u64((high | low) != 0);
  return 0;
}

/**
 * Square root of high:low (at least 2^126), rounded down; `Wide.low` says how the rest compares with the next half:
 * 0 exact, 1 below, 2^63 + 1 above, as the bits after the root's last bit.
 */
export function squareRoot(high: u64, low: u64): u64 {
  const estimate = Math.sqrt(f64(high)) * 4294967296.0;
  let root: u64 = estimate >= 18446744073709551615.0 ? u64.MAX_VALUE : u64(estimate);
  const quotient = root > high ? divide(high, low, root) : u64.MAX_VALUE;
  root = (root >> 1) + (quotient >> 1) + (root & quotient & 1);
  // Newton's step lands within a unit or two: walk the rest.
  let squareHigh = multiply(root, root);
  let squareLow = Wide.low;
  while (squareHigh > high || (squareHigh == high && squareLow > low)) {
    root--;
    squareHigh = multiply(root, root);
    squareLow = Wide.low;
  }
  let restLow = low - squareLow;
  let restHigh = high - squareHigh - u64(low < squareLow);
  // rest > 2 * root: the next root fits too.
  while (root != u64.MAX_VALUE && (restHigh > root >> 63 || (restHigh == root >> 63 && restLow > root << 1))) {
    const step = (root << 1) | 1;
    restHigh = restHigh - (root >> 63) - u64(restLow < step);
    restLow -= step;
    root++;
  }
  if ((restHigh | restLow) == 0) Wide.low = 0;
  else Wide.low = restHigh != 0 || restLow > root ? 0x8000000000000001 : 1;
  return root;
}
