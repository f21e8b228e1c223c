/**
 * The 128-bit SIMD instructions as functions of expressions. Opcodes: WebAssembly core specification 2.0, 5.4.8 Vector
 * Instructions; every one is 0xFD followed by a LEB128 number.
 */
import { apply, immediates, noParts, pushUnsigned, type Expression, type ValueType } from "./expression.ts";
import type { Load, Store } from "./numeric.ts";

type Unary = (a: Expression) => Expression;
type Binary = (a: Expression, b: Expression) => Expression;
type Lane = "i32" | "i64" | "f32" | "f64";

function opcode(n: number): number[] {
  const code = [0xfd];
  pushUnsigned(code, n);
  return code;
}

const one = (name: string, n: number, to: ValueType = "v128", from: ValueType = "v128"): Unary => {
  const code = opcode(n);
  const types = [from];
  return (a) => apply(name, to, code, types, [a]);
};
const two = (name: string, n: number): Binary => {
  const code = opcode(n);
  const types = ["v128", "v128"] as const;
  return (a, b) => apply(name, "v128", code, types, [a, b]);
};
const shift =
  (name: string, n: number): Binary =>
  (a, count) =>
    apply(name, "v128", opcode(n), ["v128", "i32"], [a, count]);
const extract =
  (name: string, n: number, to: Lane) =>
  (a: Expression, lane: number): Expression =>
    apply(name, to, [...opcode(n), lane], ["v128"], [a]);
const replace =
  (name: string, n: number, from: Lane) =>
  (a: Expression, lane: number, value: Expression): Expression =>
    apply(name, "v128", [...opcode(n), lane], ["v128", from], [a, value]);
const load =
  (name: string, n: number): Load =>
  (address, offset = 0) =>
    apply(name, "v128", immediates(opcode(n), 0, offset), ["i32"], [address]);
const loadLane =
  (name: string, n: number) =>
  (address: Expression, a: Expression, lane: number, offset = 0): Expression =>
    apply(name, "v128", [...immediates(opcode(n), 0, offset), lane], ["i32", "v128"], [address, a]);
const storeLane =
  (name: string, n: number) =>
  (address: Expression, a: Expression, lane: number, offset = 0): Expression =>
    apply(name, "void", [...immediates(opcode(n), 0, offset), lane], ["i32", "v128"], [address, a]);

export const v128 = {
  load: load("v128.load", 0),
  load8x8S: load("v128.load8x8_s", 1),
  load8x8U: load("v128.load8x8_u", 2),
  load16x4S: load("v128.load16x4_s", 3),
  load16x4U: load("v128.load16x4_u", 4),
  load32x2S: load("v128.load32x2_s", 5),
  load32x2U: load("v128.load32x2_u", 6),
  load8Splat: load("v128.load8_splat", 7),
  load16Splat: load("v128.load16_splat", 8),
  load32Splat: load("v128.load32_splat", 9),
  load64Splat: load("v128.load64_splat", 10),
  load32Zero: load("v128.load32_zero", 92),
  load64Zero: load("v128.load64_zero", 93),
  load8Lane: loadLane("v128.load8_lane", 84),
  load16Lane: loadLane("v128.load16_lane", 85),
  load32Lane: loadLane("v128.load32_lane", 86),
  load64Lane: loadLane("v128.load64_lane", 87),
  store8Lane: storeLane("v128.store8_lane", 88),
  store16Lane: storeLane("v128.store16_lane", 89),
  store32Lane: storeLane("v128.store32_lane", 90),
  store64Lane: storeLane("v128.store64_lane", 91),
  store: ((address, value, offset = 0) =>
    apply("v128.store", "void", immediates(opcode(11), 0, offset), ["i32", "v128"], [address, value])) as Store,
  /** The sixteen bytes, lowest first. */
  const(bytes: readonly number[]): Expression {
    if (bytes.length !== 16) throw new Error(`v128.const needs 16 bytes, got ${bytes.length}`);
    return { type: "v128", parts: noParts, code: [...opcode(12), ...bytes.map((byte) => byte & 0xff)] };
  },
  not: one("v128.not", 77),
  and: two("v128.and", 78),
  /** a & ~b. x86's PANDN is ~a & b: swap the operands. */
  andnot: two("v128.andnot", 79),
  or: two("v128.or", 80),
  xor: two("v128.xor", 81),
  /** Bits of `a` where `mask` is 1, of `b` where it is 0. */
  bitselect: (a: Expression, b: Expression, mask: Expression): Expression =>
    apply("v128.bitselect", "v128", opcode(82), ["v128", "v128", "v128"], [a, b, mask]),
  anyTrue: one("v128.any_true", 83, "i32"),
};

function shape(name: string, base: { compare: number; signOnly?: boolean }) {
  const c = base.compare;
  if (base.signOnly === true) {
    return {
      eq: two(`${name}.eq`, c),
      ne: two(`${name}.ne`, c + 1),
      ltS: two(`${name}.lt_s`, c + 2),
      gtS: two(`${name}.gt_s`, c + 3),
      leS: two(`${name}.le_s`, c + 4),
      geS: two(`${name}.ge_s`, c + 5),
    };
  }
  return {
    eq: two(`${name}.eq`, c),
    ne: two(`${name}.ne`, c + 1),
    ltS: two(`${name}.lt_s`, c + 2),
    ltU: two(`${name}.lt_u`, c + 3),
    gtS: two(`${name}.gt_s`, c + 4),
    gtU: two(`${name}.gt_u`, c + 5),
    leS: two(`${name}.le_s`, c + 6),
    leU: two(`${name}.le_u`, c + 7),
    geS: two(`${name}.ge_s`, c + 8),
    geU: two(`${name}.ge_u`, c + 9),
  };
}

type Full = {
  [K in "eq" | "ne" | "ltS" | "ltU" | "gtS" | "gtU" | "leS" | "leU" | "geS" | "geU"]: Binary;
};

export const i8x16 = {
  ...(shape("i8x16", { compare: 35 }) as Full),
  /** Byte i of the result is byte lanes[i] of the 32 bytes a, b. */
  shuffle: (a: Expression, b: Expression, lanes: readonly number[]): Expression => {
    if (lanes.length !== 16) throw new Error(`i8x16.shuffle needs 16 lanes, got ${lanes.length}`);
    return apply("i8x16.shuffle", "v128", [...opcode(13), ...lanes], ["v128", "v128"], [a, b]);
  },
  /** Byte i is a[b[i]], or 0 where b[i] is 16 or more. */
  swizzle: two("i8x16.swizzle", 14),
  splat: one("i8x16.splat", 15, "v128", "i32"),
  extractLaneS: extract("i8x16.extract_lane_s", 21, "i32"),
  extractLaneU: extract("i8x16.extract_lane_u", 22, "i32"),
  replaceLane: replace("i8x16.replace_lane", 23, "i32"),
  abs: one("i8x16.abs", 96),
  neg: one("i8x16.neg", 97),
  popcnt: one("i8x16.popcnt", 98),
  allTrue: one("i8x16.all_true", 99, "i32"),
  bitmask: one("i8x16.bitmask", 100, "i32"),
  narrowI16x8S: two("i8x16.narrow_i16x8_s", 101),
  narrowI16x8U: two("i8x16.narrow_i16x8_u", 102),
  shl: shift("i8x16.shl", 107),
  shrS: shift("i8x16.shr_s", 108),
  shrU: shift("i8x16.shr_u", 109),
  add: two("i8x16.add", 110),
  addSatS: two("i8x16.add_sat_s", 111),
  addSatU: two("i8x16.add_sat_u", 112),
  sub: two("i8x16.sub", 113),
  subSatS: two("i8x16.sub_sat_s", 114),
  subSatU: two("i8x16.sub_sat_u", 115),
  minS: two("i8x16.min_s", 118),
  minU: two("i8x16.min_u", 119),
  maxS: two("i8x16.max_s", 120),
  maxU: two("i8x16.max_u", 121),
  avgrU: two("i8x16.avgr_u", 123),
};

export const i16x8 = {
  ...(shape("i16x8", { compare: 45 }) as Full),
  splat: one("i16x8.splat", 16, "v128", "i32"),
  extractLaneS: extract("i16x8.extract_lane_s", 24, "i32"),
  extractLaneU: extract("i16x8.extract_lane_u", 25, "i32"),
  replaceLane: replace("i16x8.replace_lane", 26, "i32"),
  extaddPairwiseI8x16S: one("i16x8.extadd_pairwise_i8x16_s", 124),
  extaddPairwiseI8x16U: one("i16x8.extadd_pairwise_i8x16_u", 125),
  abs: one("i16x8.abs", 128),
  neg: one("i16x8.neg", 129),
  q15mulrSatS: two("i16x8.q15mulr_sat_s", 130),
  allTrue: one("i16x8.all_true", 131, "i32"),
  bitmask: one("i16x8.bitmask", 132, "i32"),
  narrowI32x4S: two("i16x8.narrow_i32x4_s", 133),
  narrowI32x4U: two("i16x8.narrow_i32x4_u", 134),
  extendLowI8x16S: one("i16x8.extend_low_i8x16_s", 135),
  extendHighI8x16S: one("i16x8.extend_high_i8x16_s", 136),
  extendLowI8x16U: one("i16x8.extend_low_i8x16_u", 137),
  extendHighI8x16U: one("i16x8.extend_high_i8x16_u", 138),
  shl: shift("i16x8.shl", 139),
  shrS: shift("i16x8.shr_s", 140),
  shrU: shift("i16x8.shr_u", 141),
  add: two("i16x8.add", 142),
  addSatS: two("i16x8.add_sat_s", 143),
  addSatU: two("i16x8.add_sat_u", 144),
  sub: two("i16x8.sub", 145),
  subSatS: two("i16x8.sub_sat_s", 146),
  subSatU: two("i16x8.sub_sat_u", 147),
  mul: two("i16x8.mul", 149),
  minS: two("i16x8.min_s", 150),
  minU: two("i16x8.min_u", 151),
  maxS: two("i16x8.max_s", 152),
  maxU: two("i16x8.max_u", 153),
  avgrU: two("i16x8.avgr_u", 155),
  extmulLowI8x16S: two("i16x8.extmul_low_i8x16_s", 156),
  extmulHighI8x16S: two("i16x8.extmul_high_i8x16_s", 157),
  extmulLowI8x16U: two("i16x8.extmul_low_i8x16_u", 158),
  extmulHighI8x16U: two("i16x8.extmul_high_i8x16_u", 159),
};

export const i32x4 = {
  ...(shape("i32x4", { compare: 55 }) as Full),
  splat: one("i32x4.splat", 17, "v128", "i32"),
  extractLane: extract("i32x4.extract_lane", 27, "i32"),
  replaceLane: replace("i32x4.replace_lane", 28, "i32"),
  extaddPairwiseI16x8S: one("i32x4.extadd_pairwise_i16x8_s", 126),
  extaddPairwiseI16x8U: one("i32x4.extadd_pairwise_i16x8_u", 127),
  abs: one("i32x4.abs", 160),
  neg: one("i32x4.neg", 161),
  allTrue: one("i32x4.all_true", 163, "i32"),
  bitmask: one("i32x4.bitmask", 164, "i32"),
  extendLowI16x8S: one("i32x4.extend_low_i16x8_s", 167),
  extendHighI16x8S: one("i32x4.extend_high_i16x8_s", 168),
  extendLowI16x8U: one("i32x4.extend_low_i16x8_u", 169),
  extendHighI16x8U: one("i32x4.extend_high_i16x8_u", 170),
  shl: shift("i32x4.shl", 171),
  shrS: shift("i32x4.shr_s", 172),
  shrU: shift("i32x4.shr_u", 173),
  add: two("i32x4.add", 174),
  sub: two("i32x4.sub", 177),
  mul: two("i32x4.mul", 181),
  minS: two("i32x4.min_s", 182),
  minU: two("i32x4.min_u", 183),
  maxS: two("i32x4.max_s", 184),
  maxU: two("i32x4.max_u", 185),
  dotI16x8S: two("i32x4.dot_i16x8_s", 186),
  extmulLowI16x8S: two("i32x4.extmul_low_i16x8_s", 188),
  extmulHighI16x8S: two("i32x4.extmul_high_i16x8_s", 189),
  extmulLowI16x8U: two("i32x4.extmul_low_i16x8_u", 190),
  extmulHighI16x8U: two("i32x4.extmul_high_i16x8_u", 191),
  truncSatF32x4S: one("i32x4.trunc_sat_f32x4_s", 248),
  truncSatF32x4U: one("i32x4.trunc_sat_f32x4_u", 249),
  truncSatF64x2SZero: one("i32x4.trunc_sat_f64x2_s_zero", 252),
  truncSatF64x2UZero: one("i32x4.trunc_sat_f64x2_u_zero", 253),
};

type SignOnly = { [K in "eq" | "ne" | "ltS" | "gtS" | "leS" | "geS"]: Binary };

export const i64x2 = {
  ...(shape("i64x2", { compare: 214, signOnly: true }) as SignOnly),
  splat: one("i64x2.splat", 18, "v128", "i64"),
  extractLane: extract("i64x2.extract_lane", 29, "i64"),
  replaceLane: replace("i64x2.replace_lane", 30, "i64"),
  abs: one("i64x2.abs", 192),
  neg: one("i64x2.neg", 193),
  allTrue: one("i64x2.all_true", 195, "i32"),
  bitmask: one("i64x2.bitmask", 196, "i32"),
  extendLowI32x4S: one("i64x2.extend_low_i32x4_s", 199),
  extendHighI32x4S: one("i64x2.extend_high_i32x4_s", 200),
  extendLowI32x4U: one("i64x2.extend_low_i32x4_u", 201),
  extendHighI32x4U: one("i64x2.extend_high_i32x4_u", 202),
  shl: shift("i64x2.shl", 203),
  shrS: shift("i64x2.shr_s", 204),
  shrU: shift("i64x2.shr_u", 205),
  add: two("i64x2.add", 206),
  sub: two("i64x2.sub", 209),
  mul: two("i64x2.mul", 213),
  extmulLowI32x4S: two("i64x2.extmul_low_i32x4_s", 220),
  extmulHighI32x4S: two("i64x2.extmul_high_i32x4_s", 221),
  extmulLowI32x4U: two("i64x2.extmul_low_i32x4_u", 222),
  extmulHighI32x4U: two("i64x2.extmul_high_i32x4_u", 223),
};

export const f32x4 = {
  splat: one("f32x4.splat", 19, "v128", "f32"),
  extractLane: extract("f32x4.extract_lane", 31, "f32"),
  replaceLane: replace("f32x4.replace_lane", 32, "f32"),
  eq: two("f32x4.eq", 65),
  ne: two("f32x4.ne", 66),
  lt: two("f32x4.lt", 67),
  gt: two("f32x4.gt", 68),
  le: two("f32x4.le", 69),
  ge: two("f32x4.ge", 70),
  demoteF64x2Zero: one("f32x4.demote_f64x2_zero", 94),
  ceil: one("f32x4.ceil", 103),
  floor: one("f32x4.floor", 104),
  trunc: one("f32x4.trunc", 105),
  nearest: one("f32x4.nearest", 106),
  abs: one("f32x4.abs", 224),
  neg: one("f32x4.neg", 225),
  sqrt: one("f32x4.sqrt", 227),
  add: two("f32x4.add", 228),
  sub: two("f32x4.sub", 229),
  mul: two("f32x4.mul", 230),
  div: two("f32x4.div", 231),
  min: two("f32x4.min", 232),
  max: two("f32x4.max", 233),
  /** b < a ? b : a. x86's MINPS(a, b) is a < b ? a : b, that is pmin(b, a). */
  pmin: two("f32x4.pmin", 234),
  /** a < b ? b : a. x86's MAXPS(a, b) is a > b ? a : b, that is pmax(b, a). */
  pmax: two("f32x4.pmax", 235),
  convertI32x4S: one("f32x4.convert_i32x4_s", 250),
  convertI32x4U: one("f32x4.convert_i32x4_u", 251),
};

export const f64x2 = {
  splat: one("f64x2.splat", 20, "v128", "f64"),
  extractLane: extract("f64x2.extract_lane", 33, "f64"),
  replaceLane: replace("f64x2.replace_lane", 34, "f64"),
  eq: two("f64x2.eq", 71),
  ne: two("f64x2.ne", 72),
  lt: two("f64x2.lt", 73),
  gt: two("f64x2.gt", 74),
  le: two("f64x2.le", 75),
  ge: two("f64x2.ge", 76),
  promoteLowF32x4: one("f64x2.promote_low_f32x4", 95),
  ceil: one("f64x2.ceil", 116),
  floor: one("f64x2.floor", 117),
  trunc: one("f64x2.trunc", 122),
  nearest: one("f64x2.nearest", 148),
  abs: one("f64x2.abs", 236),
  neg: one("f64x2.neg", 237),
  sqrt: one("f64x2.sqrt", 239),
  add: two("f64x2.add", 240),
  sub: two("f64x2.sub", 241),
  mul: two("f64x2.mul", 242),
  div: two("f64x2.div", 243),
  min: two("f64x2.min", 244),
  max: two("f64x2.max", 245),
  pmin: two("f64x2.pmin", 246),
  pmax: two("f64x2.pmax", 247),
  convertLowI32x4S: one("f64x2.convert_low_i32x4_s", 254),
  convertLowI32x4U: one("f64x2.convert_low_i32x4_u", 255),
};
