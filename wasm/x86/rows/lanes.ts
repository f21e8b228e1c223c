/** Vector expressions that several files of rows use. */
import type { Expression } from "../../encode/expression.ts";
import { i32, i64, select } from "../../encode/numeric.ts";
import { i16x8, i32x4, i64x2, i8x16, v128 } from "../../encode/simd.ts";

const range = (from: number): number[] => Array.from({ length: 16 }, (_, i) => from + i);

export const zeroVector = v128.const(range(0).map(() => 0));
/** 0, 1, … 15. */
export const byteIndexes = v128.const(range(0));
export const ones = v128.const(range(0).map(() => 0xff));

/** Constants by lane. */
export function bytes(...lanes: number[]): Expression {
  return v128.const(lanes);
}
export function words(...lanes: number[]): Expression {
  return v128.const(lanes.flatMap((lane) => [lane & 0xff, (lane >> 8) & 0xff]));
}
export function dwords(...lanes: number[]): Expression {
  return v128.const(lanes.flatMap((lane) => [lane & 0xff, (lane >> 8) & 0xff, (lane >> 16) & 0xff, lane >>> 24]));
}
export function qwords(low: bigint, high: bigint): Expression {
  return v128.const(
    [low, high].flatMap((lane) => Array.from({ length: 8 }, (_, i) => Number((lane >> BigInt(8 * i)) & 0xffn))),
  );
}

/** 64 bits, zeros above. */
export function fromLow(value: Expression): Expression {
  return i64x2.replaceLane(zeroVector, 0, value);
}

/** Two halves of 64 bits. */
export function fromHalves(low: Expression, high: Expression): Expression {
  return i64x2.replaceLane(i64x2.splat(low), 1, high);
}

/** Lanes i, i + 1… of `count` bytes from the low half or from the high one interleaved: punpck, unpck. */
export function interleave(a: Expression, b: Expression, laneBytes: number, start: number): Expression {
  const lanes: number[] = [];
  for (let at = start; lanes.length < 16; at += laneBytes) {
    for (let i = 0; i < laneBytes; i++) lanes.push((at + i) & 15);
    for (let i = 0; i < laneBytes; i++) lanes.push(16 + ((at + i) & 15));
  }
  return i8x16.shuffle(a, b, lanes);
}

/** Even or odd lanes of a, then of b: for horizontal operations. */
export function everySecond(a: Expression, b: Expression, laneBytes: number, odd: boolean): Expression {
  const lanes: number[] = [];
  for (let at = odd ? laneBytes : 0; at < 32; at += 2 * laneBytes)
    for (let i = 0; i < laneBytes; i++) lanes.push(at + i);
  return i8x16.shuffle(a, b, lanes);
}

/** Swizzle control that takes 32-bit lane (imm >> 2i) & 3 to lane i. `imm` is an i32 local. */
export function dwordControl(imm: Expression): Expression {
  const lane = v128.and(
    i32x4.shrU(i32x4.mul(i32x4.splat(imm), dwords(64, 16, 4, 1)), i32.const(6)),
    dwords(3, 3, 3, 3),
  );
  return i32x4.add(i32x4.mul(lane, i32x4.splat(i32.const(0x04040404))), i32x4.splat(i32.const(0x03020100)));
}

/** The same for the four 16-bit lanes of a half; `offset` is the byte the half starts at. In all eight lanes. */
export function wordControl(imm: Expression, offset: number): Expression {
  const shifted = i16x8.mul(i16x8.splat(imm), words(64, 16, 4, 1, 64, 16, 4, 1));
  const lane = v128.and(i16x8.shrU(shifted, i32.const(6)), i16x8.splat(i32.const(3)));
  return i16x8.add(i16x8.mul(lane, i16x8.splat(i32.const(0x0202))), i16x8.splat(i32.const(0x0100 + offset * 0x0101)));
}

/** A shift of every lane by a 64-bit count: zero, or the sign, when the count is as large as the lane. */
export function shiftLanes(
  shift: (a: Expression, count: Expression) => Expression,
  a: Expression,
  count: Expression,
  laneBits: number,
  arithmetic: boolean,
): Expression {
  const fits = i64.ltU(count, i64.const(laneBits));
  if (arithmetic) return shift(a, i32.wrapI64(select(fits, count, i64.const(laneBits - 1))));
  return select(fits, shift(a, i32.wrapI64(count)), zeroVector);
}
