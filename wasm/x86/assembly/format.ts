/** Unpacking the formats, rounding to them, packing them. */
import { shiftRightSticky } from "./integer.ts";
import {
  A,
  B,
  Mode,
  Wide,
  Z,
  chop,
  denormal,
  down,
  finite,
  inexact,
  infinite,
  nearest,
  overflow,
  quiet,
  signaling,
  topBit,
  underflow,
  unsupported,
  up,
  zero,
} from "./registers.ts";

export function unpackF80(se: u32, m: u64): void {
  const e: i32 = se & 0x7fff;
  A.sign = (se >> 15) & 1;
  A.sig = m;
  A.denormal = false;
  if (e == 0) {
    if (m == 0) {
      A.cls = zero;
      return;
    }
    const shift = <i32>clz(m);
    A.sig = m << shift;
    A.exp = -16382 - shift;
    A.cls = finite;
    A.denormal = true;
    return;
  }
  if (m >> 63 == 0) A.cls = unsupported;
  else if (e != 0x7fff) {
    A.exp = e - 16383;
    A.cls = finite;
  } else if (m << 1 == 0) A.cls = infinite;
  else A.cls = (m >> 62) & 1 ? quiet : signaling;
}

/** Also NaNs: their payload moves to the top, as a load into an x87 register does. */
export function unpackF64(bits: u64): void {
  const e = <i32>((bits >> 52) & 0x7ff);
  const fraction = bits << 12;
  A.sign = u32(bits >> 63);
  A.denormal = false;
  A.sig = topBit | (fraction >> 1);
  if (e == 0) {
    if (fraction == 0 || Mode.denormalsAreZero) {
      A.cls = zero;
      A.sig = 0;
      return;
    }
    const shift = <i32>clz(fraction) + 1;
    A.sig = (fraction >> 1) << shift;
    A.exp = -1022 - shift;
    A.cls = finite;
    A.denormal = true;
  } else if (e != 0x7ff) {
    A.exp = e - 1023;
    A.cls = finite;
  } else if (fraction == 0) A.cls = infinite;
  else A.cls = fraction >> 63 ? quiet : signaling;
}

export function unpackF32(bits: u32): void {
  const e = <i32>((bits >> 23) & 0xff);
  const fraction = (<u64>bits) << 41;
  A.sign = bits >> 31;
  A.denormal = false;
  A.sig = topBit | (fraction >> 1);
  if (e == 0) {
    if (fraction == 0 || Mode.denormalsAreZero) {
      A.cls = zero;
      A.sig = 0;
      return;
    }
    const shift = <i32>clz(fraction) + 1;
    A.sig = (fraction >> 1) << shift;
    A.exp = -126 - shift;
    A.cls = finite;
    A.denormal = true;
  } else if (e != 0xff) {
    A.exp = e - 127;
    A.cls = finite;
  } else if (fraction == 0) A.cls = infinite;
  else A.cls = fraction >> 63 ? quiet : signaling;
}

export function unpackInteger(value: i64): void {
  A.denormal = false;
  A.sign = u32(value < 0);
  A.cls = value == 0 ? zero : finite;
  const magnitude: u64 = value < 0 ? 0 - value : value;
  const shift = <i32>clz(magnitude);
  A.sig = value == 0 ? 0 : magnitude << shift;
  A.exp = 63 - shift;
}

/** Well above the denormals, and finite: as a result it raises nothing but inexact. */
@inline
export function isPlainF64(bits: u64): bool {
  return u32((bits >> 52) & 0x7ff) - 2 < 0x7fd;
}

@inline
export function isPlainF32(bits: u32): bool {
  return ((bits >> 23) & 0xff) - 2 < 0xfd;
}

/** Zero, or not denormal. */
@inline
export function isNormalF64(bits: u64): bool {
  return (bits << 1) - 1 >= ((<u64>1) << 53) - 1;
}

@inline
export function isNormalF32(bits: u32): bool {
  return (bits << 1) - 1 >= (1 << 24) - 1;
}

/** The operand just unpacked becomes the second one. */
export function toSecond(): void {
  B.cls = A.cls;
  B.sign = A.sign;
  B.exp = A.exp;
  B.sig = A.sig;
  B.denormal = A.denormal;
}

export function secondToFirst(): void {
  A.cls = B.cls;
  A.sign = B.sign;
  A.exp = B.exp;
  A.sig = B.sig;
  A.denormal = B.denormal;
}

export function exchange(): void {
  const cls = A.cls;
  const sign = A.sign;
  const exp = A.exp;
  const sig = A.sig;
  const isDenormal = A.denormal;
  secondToFirst();
  B.cls = cls;
  B.sign = sign;
  B.exp = exp;
  B.sig = sig;
  B.denormal = isDenormal;
}

/** Whether what follows the last kept bit makes the significand one larger. */
function increments(odd: bool, half: bool, sticky: bool): bool {
  const rounding = Mode.rounding;
  if (rounding == nearest) return half && (sticky || odd);
  if (rounding == chop) return false;
  return (half || sticky) && (rounding == down) == (Z.sign != 0);
}

/** Rounds Z's significand so that its last `drop` bits are zero. Returns 1 if it was inexact; may carry into exp. */
function roundSignificand(drop: u32): bool {
  let half: bool;
  let sticky: bool;
  const unit: u64 = (<u64>1) << drop;
  if (drop == 0) {
    half = Z.low >> 63 != 0;
    sticky = Z.low << 1 != 0;
  } else {
    half = (Z.sig & (unit >> 1)) != 0;
    sticky = ((Z.sig & ((unit >> 1) - 1)) | Z.low) != 0;
    Z.sig &= ~(unit - 1);
  }
  Z.low = 0;
  Mode.roundedUp = false;
  if (!half && !sticky) return false;
  if (increments((Z.sig & unit) != 0, half, sticky)) {
    Mode.roundedUp = true;
    Z.sig += unit;
    if (Z.sig == 0) {
      Z.sig = topBit;
      Z.exp++;
    }
  }
  return true;
}

/**
 * Rounds Z to `64 - drop` bits and the exponents minExp…maxExp. A result below minExp comes out with exp = minExp and
 * the top bit of its significand clear. Tiny is what is tiny after rounding (Intel SDM vol. 1, 4.9.1.5).
 * `bias` is what an unmasked overflow or underflow takes off or adds to the exponent; 0 leaves the result alone.
 */
export function round(drop: u32, minExp: i32, maxExp: i32, bias: i32): void {
  if (Z.cls != finite) return;
  if (Z.exp < minExp) {
    const exp = Z.exp;
    const sig = Z.sig;
    const low = Z.low;
    const rough = roundSignificand(drop);
    const tiny = Z.exp < minExp;
    if (tiny && !(Mode.masked & underflow)) {
      Mode.raised |= underflow;
      if (rough) Mode.raised |= inexact;
      Z.exp += bias;
      // Only FSCALE gets so far that even the bias does not help.
      if (Z.exp < minExp && bias) {
        Mode.raised |= inexact;
        Z.cls = zero;
      }
      return;
    }
    if (tiny && Mode.flushToZero) {
      Mode.raised |= underflow | inexact;
      Z.cls = zero;
      return;
    }
    Z.sig = shiftRightSticky(sig, low, minExp - exp);
    Z.low = Wide.low;
    Z.exp = minExp;
    if (roundSignificand(drop)) Mode.raised |= tiny ? underflow | inexact : inexact;
    if (Z.sig == 0) Z.cls = zero;
    return;
  }
  if (roundSignificand(drop)) Mode.raised |= inexact;
  if (Z.exp > maxExp) {
    Mode.raised |= overflow;
    if (!(Mode.masked & overflow)) {
      Z.exp -= bias;
      if (Z.exp > maxExp && bias) {
        Mode.raised |= inexact;
        Mode.roundedUp = true;
        Z.cls = infinite;
      }
      return;
    }
    Mode.raised |= inexact;
    const rounding = Mode.rounding;
    if (rounding == nearest || (rounding != chop && (rounding == up) == (Z.sign == 0))) {
      Z.cls = infinite;
      Mode.roundedUp = true;
    } else {
      Z.exp = maxExp;
      Z.sig = ~(((<u64>1) << drop) - 1);
      Mode.roundedUp = false;
    }
  }
}

/** Z's sign and exponent field as an 80-bit number; `Z.sig` becomes the mantissa. */
export function packF80(): u32 {
  const sign = Z.sign << 15;
  if (Z.cls == finite) {
    if (Z.sig >> 63 == 0) return sign;
    return sign | (Z.exp + 16383);
  }
  if (Z.cls == zero) {
    Z.sig = 0;
    return sign;
  }
  if (Z.cls == infinite) Z.sig = topBit;
  return sign | 0x7fff;
}

export function roundF80(): void {
  round(Mode.drop, -16382, 16383, 24576);
}

export function packF64(): u64 {
  const sign = (<u64>Z.sign) << 63;
  if (Z.cls == finite) {
    const e: u64 = Z.sig >> 63 ? Z.exp + 1023 : 0;
    return sign | (e << 52) | ((Z.sig << 1) >> 12);
  }
  if (Z.cls == zero) return sign;
  if (Z.cls == infinite) return sign | 0x7ff0000000000000;
  return sign | 0x7ff0000000000000 | ((Z.sig << 1) >> 12);
}

export function packF32(): u32 {
  const sign = Z.sign << 31;
  if (Z.cls == finite) {
    const e: u32 = Z.sig >> 63 ? Z.exp + 127 : 0;
    return sign | (e << 23) | u32((Z.sig << 1) >> 41);
  }
  if (Z.cls == zero) return sign;
  if (Z.cls == infinite) return sign | 0x7f800000;
  return sign | 0x7f800000 | u32((Z.sig << 1) >> 41);
}

export function roundF64(): void {
  round(11, -1022, 1023, 0);
}

export function roundF32(): void {
  round(40, -126, 127, 0);
}

/** Z becomes A as it is. */
export function copyFirst(): void {
  Z.cls = A.cls;
  Z.sign = A.sign;
  Z.exp = A.exp;
  Z.sig = A.sig;
  Z.low = 0;
}

/** The real indefinite: the negative quiet NaN without payload. */
export function indefinite(): void {
  Z.cls = quiet;
  Z.sign = 1;
  Z.sig = 0xc000000000000000;
  Z.low = 0;
}

/** Z is zero. */
export function setZero(sign: u32): void {
  Z.cls = zero;
  Z.sign = sign;
  Z.sig = 0;
  Z.low = 0;
}

export function setInfinite(sign: u32): void {
  Z.cls = infinite;
  Z.sign = sign;
  Z.low = 0;
}

/** Raises the denormal-operand exception for A, or for both. */
export function noteDenormals(both: bool): void {
  if (A.denormal || (both && B.denormal)) Mode.raised |= denormal;
}
