/**
 * Fused multiply-add: a product of 128 bits and a sum, rounded once; and half precision (F16C). Ordinary numbers take
 * error-free transformations in native arithmetic in default modes once inexact is set.
 */
import { nanResultOne } from "./arithmetic.ts";
import { indefinite, isNormalF32, isPlainF32, packF32, packF64, round, roundF32, roundF64, setInfinite, setZero, toSecond, unpackF32, unpackF64 } from "./format.ts";
import { multiply, shiftRightSticky } from "./integer.ts";
import { A, B, Mode, Wide, Z, denormal, down, finite, infinite, invalid, quiet, signaling, topBit, zero } from "./registers.ts";
import { mxcsrAt } from "./state.ts";

/** The addend. */
class C {
  static cls: i32 = 0;
  static sign: u32 = 0;
  static exp: i32 = 0;
  static sig: u64 = 0;
  static denormal: bool = false;
}

/** A becomes the addend. */
function toThird(): void {
  C.cls = A.cls;
  C.sign = A.sign;
  C.exp = A.exp;
  C.sig = A.sig;
  C.denormal = A.denormal;
}

/** Bits of `negate`: the product; the addend of even lanes, of odd ones. A NaN keeps its sign. */
function fuse(negateProduct: bool, negateAddend: bool): void {
  if (negateAddend && C.cls < quiet) C.sign ^= 1;
  if (A.cls >= quiet || B.cls >= quiet || C.cls >= quiet) {
    if (A.cls == signaling || B.cls == signaling || C.cls == signaling) Mode.raised |= invalid;
    // The first that is a NaN; infinity times zero is no invalid operation if the addend is one.
    if (A.cls < quiet) {
      const useB = B.cls >= quiet;
      A.cls = useB ? B.cls : C.cls;
      A.sign = useB ? B.sign : C.sign;
      A.exp = useB ? B.exp : C.exp;
      A.sig = useB ? B.sig : C.sig;
    }
    nanResultOne();
    return;
  }
  const sign: u32 = A.sign ^ B.sign ^ u32(negateProduct);
  const endless = A.cls == infinite || B.cls == infinite;
  if ((endless && (A.cls == zero || B.cls == zero)) || (endless && C.cls == infinite && C.sign != sign)) {
    Mode.raised |= invalid;
    indefinite();
    return;
  }
  if (A.denormal || B.denormal || C.denormal) Mode.raised |= denormal;
  if (endless || C.cls == infinite) {
    setInfinite(endless ? sign : C.sign);
    return;
  }
  if (A.cls == zero || B.cls == zero) {
    if (C.cls == zero) setZero(sign == C.sign ? sign : u32(Mode.rounding == down));
    else {
      Z.cls = finite;
      Z.sign = C.sign;
      Z.exp = C.exp;
      Z.sig = C.sig;
      Z.low = 0;
    }
    return;
  }
  let high = multiply(A.sig, B.sig);
  let low = Wide.low;
  let exp = A.exp + B.exp + 1;
  if (high >> 63 == 0) {
    high = (high << 1) | (low >> 63);
    low <<= 1;
    exp--;
  }
  Z.cls = finite;
  Z.sign = sign;
  Z.exp = exp;
  Z.sig = high;
  Z.low = low;
  if (C.cls == zero) return;
  let smallHigh = C.sig;
  let smallLow: u64 = 0;
  let distance = exp - C.exp;
  if (distance < 0 || (distance == 0 && (high < C.sig))) {
    smallHigh = high;
    smallLow = low;
    distance = -distance;
    Z.sign = C.sign;
    Z.exp = C.exp;
    Z.sig = C.sig;
    Z.low = 0;
  }
  smallHigh = shiftRightSticky(smallHigh, smallLow, distance);
  smallLow = Wide.low;
  if (sign == C.sign) {
    const sumLow = Z.low + smallLow;
    const carry = u64(sumLow < smallLow);
    const partial = Z.sig + smallHigh;
    const sum = partial + carry;
    if (partial < smallHigh || sum < partial) {
      Z.low = (sum << 63) | (sumLow >> 1) | (sumLow & 1);
      Z.sig = topBit | (sum >> 1);
      Z.exp++;
    } else {
      Z.sig = sum;
      Z.low = sumLow;
    }
    return;
  }
  const borrow = u64(Z.low < smallLow);
  Z.low -= smallLow;
  Z.sig = Z.sig - smallHigh - borrow;
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

/** a + b rounded to odd: what it lost shows in its last bit, so that rounding again is right. */
@inline
function oddSum(a: f64, b: f64): f64 {
  const s = a + b;
  const t = s - a;
  const error = a - (s - t) + (b - t);
  const bits = reinterpret<u64>(s);
  if (error == 0 || (bits & 1) != 0) return s;
  return reinterpret<f64>(error > 0 == s > 0 ? bits + 1 : bits - 1);
}

/** Nothing is raised by a plain result. */
@inline
function isSettled(): bool {
  return (load<u32>(mxcsrAt) & 0xffe0) == 0x1fa0;
}

export function fusedF32(a: u32, b: u32, c: u32, negateProduct: bool, negateAddend: bool): u32 {
  if (isSettled() && isNormalF32(a) && isNormalF32(b) && isNormalF32(c)) {
    // The product of two singles is exact in double.
    let p = <f64>reinterpret<f32>(a) * <f64>reinterpret<f32>(b);
    if (negateProduct) p = -p;
    let z = <f64>reinterpret<f32>(c);
    if (negateAddend) z = -z;
    const s = p + z;
    if (s == 0) return reinterpret<u32>(<f32>s);
    const r = reinterpret<u32>(<f32>oddSum(p, z));
    if (isPlainF32(r)) return r;
  }
  unpackF32(c);
  toThird();
  unpackF32(b);
  toSecond();
  unpackF32(a);
  fuse(negateProduct, negateAddend);
  roundF32();
  return packF32();
}

/** Exponents so far from the ends that no step below overflows or loses bits. */
@inline
function isModerate(bits: u64, span: u32): bool {
  return u32((bits >> 52) & 0x7ff) - (1023 - span) < 2 * span;
}

/** Boldo and Melquiond, "Emulation of a FMA and correctly rounded sums: proved algorithms using rounding to odd". */
function moderate(a: f64, b: f64, c: f64): f64 {
  const high = a * b;
  // Veltkamp and Dekker: the error of the product.
  const as: f64 = 134217729.0 * a;
  const ah = as - (as - a);
  const al = a - ah;
  const bs: f64 = 134217729.0 * b;
  const bh = bs - (bs - b);
  const bl = b - bh;
  const low = al * bl - (high - ah * bh - al * bh - ah * bl);
  const th = c + low;
  const tt = th - c;
  const tl = c - (th - tt) + (low - tt);
  const vh = high + th;
  const vt = vh - high;
  const vl = high - (vh - vt) + (th - vt);
  return vh + oddSum(tl, vl);
}

export function fusedF64(a: u64, b: u64, c: u64, negateProduct: bool, negateAddend: bool): u64 {
  if (isSettled() && isModerate(a, 400) && isModerate(b, 400) && isModerate(c, 800)) {
    const x = reinterpret<f64>(a);
    const z = reinterpret<f64>(c);
    return reinterpret<u64>(moderate(negateProduct ? -x : x, reinterpret<f64>(b), negateAddend ? -z : z));
  }
  unpackF64(c);
  toThird();
  unpackF64(b);
  toSecond();
  unpackF64(a);
  fuse(negateProduct, negateAddend);
  roundF64();
  return packF64();
}





/** Exact; a denormal half is nothing to report, whatever DAZ says. */
export function widenHalf(half: u32): u32 {
  const sign = (half & 0x8000) << 16;
  const e = (half >> 10) & 31;
  const fraction = half & 0x3ff;
  if (e == 31) {
    if (fraction != 0 && (fraction & 0x200) == 0) Mode.raised |= invalid;
    return sign | 0x7f800000 | (fraction != 0 ? 0x400000 | (fraction << 13) : 0);
  }
  if (e != 0) return sign | ((e + 112) << 23) | (fraction << 13);
  return sign | reinterpret<u32>(<f32>fraction * <f32>(1.0 / 16777216.0));
}


export function narrowToHalf(bits: u32): u64 {
  unpackF32(bits);
  if (!nanResultOne()) {
    if (A.denormal) Mode.raised |= denormal;
    Z.cls = A.cls;
    Z.sign = A.sign;
    Z.exp = A.exp;
    Z.sig = A.sig;
    Z.low = 0;
    round(53, -14, 15, 0);
  }
  const sign = (<u64>Z.sign) << 15;
  if (Z.cls == zero) return sign;
  if (Z.cls == infinite) return sign | 0x7c00;
  if (Z.cls == finite) {
    const e: u64 = Z.sig >> 63 ? Z.exp + 15 : 0;
    return sign | (e << 10) | ((Z.sig << 1) >> 54);
  }
  return sign | 0x7c00 | ((Z.sig << 1) >> 54);
}

