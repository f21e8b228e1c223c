/**
 * What the helpers hand each other: WebAssembly globals, because an AssemblyScript function returns one value.
 *
 * An unpacked number is a class, a sign, an unbiased exponent and a significand with its top bit set:
 * value = significand / 2^63 * 2^exponent.
 */

/** Classes of numbers. */
export const zero: i32 = 0;
export const finite: i32 = 1;
export const infinite: i32 = 2;
export const quiet: i32 = 3;
export const signaling: i32 = 4;
/** Encodings the 80387 and later refuse: unnormals, pseudo-infinities, pseudo-NaNs (Intel SDM vol. 1, 8.2.2). */
export const unsupported: i32 = 5;

/** Exceptions, as in the x87 status word and in MXCSR. */
export const invalid: u32 = 1;
export const denormal: u32 = 2;
export const divideByZero: u32 = 4;
export const overflow: u32 = 8;
export const underflow: u32 = 16;
export const inexact: u32 = 32;
export const stackFault: u32 = 64;

/** Rounding control, as in the x87 control word and in MXCSR. */
export const nearest: u32 = 0;
export const down: u32 = 1;
export const up: u32 = 2;
export const chop: u32 = 3;

export const topBit: u64 = 0x8000000000000000;

/** First operand. */
export class A {
  static cls: i32 = 0;
  static sign: u32 = 0;
  static exp: i32 = 0;
  static sig: u64 = 0;
  static denormal: bool = false;
}

/** Second operand. */
export class B {
  static cls: i32 = 0;
  static sign: u32 = 0;
  static exp: i32 = 0;
  static sig: u64 = 0;
  static denormal: bool = false;
}

/** Result: before rounding its significand goes on in `low`, whose last bit is sticky. */
export class Z {
  static cls: i32 = 0;
  static sign: u32 = 0;
  static exp: i32 = 0;
  static sig: u64 = 0;
  static low: u64 = 0;
}

/** What holds for the operation in progress, and what it raised. */
export class Mode {
  static rounding: u32 = 0;
  /** Exceptions that are masked. */
  static masked: u32 = 0x3f;
  static raised: u32 = 0;
  /** The last rounding went away from zero (x87's C1). */
  static roundedUp: bool = false;
  /** Low bits of the significand that precision control takes away: 0, 11 or 40. */
  static drop: u32 = 0;
  static flushToZero: bool = false;
  static denormalsAreZero: bool = false;
}

/** Second results of 128-bit integer helpers. */
export class Wide {
  static low: u64 = 0;
  static remainder: u64 = 0;
}
