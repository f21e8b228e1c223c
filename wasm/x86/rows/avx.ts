/** What AVX and AVX2 add to SSE, and forms of SSE instructions whose halves depend on each other. */
import type { Expression } from "../../encode/expression.ts";
import type { Local } from "../../encode/module.ts";
import { f32, f64, i32, i64, select } from "../../encode/numeric.ts";
import { f32x4, f64x2, i16x8, i32x4, i64x2, i8x16, v128 } from "../../encode/simd.ts";
import { rows, row, type Emitter } from "../row.ts";
import "../soft.ts";
import { state } from "../state.ts";
import { dwordControl, dwords, fromHalves, fromLow, qwords, zeroVector } from "./lanes.ts";
import { narrowPair } from "./sse-convert.ts";
import { checkSse, refine, suspectResult } from "./sse-float.ts";
import { applied, putVex } from "./vex.ts";

const base = i32.const(0);
const avx = { feature: "avx", unaligned: true };
const avx2 = { feature: "avx2", unaligned: true };

for (const [name, length] of [
  ["VZEROUPPER", "128"],
  ["VZEROALL", "256"],
] as const)
  row(name, `VEX.${length} NP 0F 77`, "", { feature: "avx" }, (e) => {
    for (let i = 0; i < 16; i++) {
      if (name === "VZEROALL") e.setXmm(i, zeroVector);
      e.f.emit(v128.store(base, zeroVector, state.ymmHigh + 16 * i));
    }
  });

type Part = (i: number) => Expression;

/** The same for each half: `compute` is given what reads an operand's half. All is read before anything is written. */
function both(e: Emitter, compute: (part: Part, upper: boolean) => Expression): void {
  const low = e.let(compute((i) => e.v(i), false));
  const high = e.let(compute((i) => e.high(i), true));
  e.putV(0, low);
  e.putHigh(0, high);
}

/** Rows of both lengths, in-lane. Operands are written with `x` for the vector's size. */
function lengths(
  name: string,
  encoding: string,
  operands: string,
  options: typeof avx,
  compute: (e: Emitter, part: Part, upper: boolean) => Expression,
): void {
  row(name, `VEX.128 ${encoding}`, operands.replaceAll("x", "dq"), options, (e) =>
    putVex(
      e,
      compute(e, (i) => e.v(i), false),
    ),
  );
  row(name, `VEX.256 ${encoding}`, operands.replaceAll("x", "qq"), options, (e) =>
    both(e, (part, upper) => compute(e, part, upper)),
  );
}

// Broadcasts.

function broadcast(
  name: string,
  encoding: string,
  source: string,
  options: typeof avx,
  splat: (e: Emitter) => Expression,
  narrow = true,
): void {
  if (narrow) row(name, `VEX.128 66 W0 ${encoding} /r`, `Vdq= ${source}`, options, (e) => putVex(e, splat(e)));
  row(name, `VEX.256 66 W0 ${encoding} /r`, `Vqq= ${source}`, options, (e) => {
    const value = e.let(splat(e));
    e.putV(0, value);
    e.putHigh(0, value);
  });
}
const splatDword = (e: Emitter): Expression => i32x4.splat(e.i32(1));
const splatQword = (e: Emitter): Expression => i64x2.splat(e.i64(1));
const splatWhole = (e: Emitter): Expression => e.v(1);
broadcast("VBROADCASTSS", "0F 38 18", "Md", avx, splatDword);
broadcast("VBROADCASTSS", "0F 38 18", "Ud", avx2, splatDword);
broadcast("VBROADCASTSD", "0F 38 19", "Mq", avx, splatQword, false);
broadcast("VBROADCASTSD", "0F 38 19", "Uq", avx2, splatQword, false);
broadcast("VBROADCASTF128", "0F 38 1A", "Mdq", avx, splatWhole, false);
broadcast("VBROADCASTI128", "0F 38 5A", "Mdq", avx2, splatWhole, false);
broadcast("VPBROADCASTD", "0F 38 58", "Udq/Md", avx2, splatDword);
broadcast("VPBROADCASTQ", "0F 38 59", "Udq/Mq", avx2, splatQword);
const small = (e: Emitter): Expression => (e.isMemory(1) ? e.get(1) : e.i32(1));
broadcast("VPBROADCASTB", "0F 38 78", "Udq/Mb", avx2, (e) => i8x16.splat(small(e)));
broadcast("VPBROADCASTW", "0F 38 79", "Udq/Mw", avx2, (e) => i16x8.splat(small(e)));

// 128-bit halves.

/** A half of either operand by two bits of the immediate, or zero by the fourth. */
function pickHalf(e: Emitter, imm: Local, shift: number, parts: readonly Local[]): Expression {
  const bit = (n: number): Expression => i32.and(imm, i32.const(1 << (shift + n)));
  const [a0, a1, b0, b1] = parts as readonly [Local, Local, Local, Local];
  const chosen = select(bit(1), select(bit(0), b1, b0), select(bit(0), a1, a0));
  return e.let(select(bit(3), zeroVector, chosen));
}
for (const [suffix, permute, insert, extract, options] of [
  ["F128", "06", "18", "19", avx],
  ["I128", "46", "38", "39", avx2],
] as const) {
  row(`VPERM2${suffix}`, `VEX.256 66 W0 0F 3A ${permute} /r`, "Vqq= Hqq Wqq Ib", options, (e) => {
    const imm = e.let(e.get(3));
    const parts = [e.let(e.v(1)), e.let(e.high(1)), e.let(e.v(2)), e.let(e.high(2))];
    const low = pickHalf(e, imm, 0, parts) as Local;
    const high = pickHalf(e, imm, 4, parts) as Local;
    e.putV(0, low);
    e.putHigh(0, high);
  });
  row(`VINSERT${suffix}`, `VEX.256 66 W0 0F 3A ${insert} /r`, "Vqq= Hqq Wdq Ib", options, (e) => {
    const upper = e.let(i32.and(e.get(3), i32.const(1)));
    const value = e.let(e.v(2));
    const low = e.let(select(upper, e.v(1), value));
    const high = e.let(select(upper, value, e.high(1)));
    e.putV(0, low);
    e.putHigh(0, high);
  });
  row(`VEXTRACT${suffix}`, `VEX.256 66 W0 0F 3A ${extract} /r`, "Wdq= Vqq Ib", options, (e) =>
    putVex(e, e.let(select(i32.and(e.get(2), i32.const(1)), e.high(1), e.v(1)))),
  );
}

// Permutations within halves.

/** Bytes of 32-bit lanes whose numbers are in the lanes of `index` (their low two bits). */
function laneControl(index: Expression): Expression {
  const lane = v128.and(index, dwords(3, 3, 3, 3));
  return i32x4.add(i32x4.mul(lane, i32x4.splat(i32.const(0x04040404))), i32x4.splat(i32.const(0x03020100)));
}
lengths("VPERMILPS", "66 W0 0F 38 0C /r", "Vx= Hx Wx", avx, (_, part) => i8x16.swizzle(part(1), laneControl(part(2))));
lengths("VPERMILPS", "66 W0 0F 3A 04 /r", "Vx= Wx Ib", avx, (e, part) =>
  i8x16.swizzle(part(1), dwordControl(e.let(e.get(2)))),
);
/** Of each 64-bit lane the low or the high one, by masks. */
const chooseQword = (e: Emitter, value: Expression, mask: Expression): Expression => {
  const a = e.let(value);
  return v128.bitselect(
    i8x16.shuffle(a, a, [8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15]),
    i64x2.splat(i64x2.extractLane(a, 0)),
    mask,
  );
};
lengths("VPERMILPD", "66 W0 0F 38 0D /r", "Vx= Hx Wx", avx, (e, part) =>
  chooseQword(e, part(1), i64x2.shrS(i64x2.shl(part(2), i32.const(62)), i32.const(63))),
);
lengths("VPERMILPD", "66 W0 0F 3A 05 /r", "Vx= Wx Ib", avx, (e, part, upper) => {
  const bits = qwords(upper ? 4n : 1n, upper ? 8n : 2n);
  return chooseQword(e, part(1), i64x2.eq(v128.and(i64x2.splat(i64.extendI32U(e.get(2))), bits), bits));
});

// Permutations across halves.

/** 32-bit lanes of eight by an index vector's half. */
function acrossDwords(e: Emitter, low: Local, high: Local, index: Expression): Expression {
  const i = e.let(index);
  const control = e.let(laneControl(i));
  const mask = i32x4.shrS(i32x4.shl(i, i32.const(29)), i32.const(31));
  return v128.bitselect(i8x16.swizzle(high, control), i8x16.swizzle(low, control), mask);
}
for (const [name, opcode] of [
  ["VPERMPS", "16"],
  ["VPERMD", "36"],
] as const)
  row(name, `VEX.256 66 W0 0F 38 ${opcode} /r`, "Vqq= Hqq Wqq", avx2, (e) => {
    const [low, high] = [e.let(e.v(2)), e.let(e.high(2))];
    both(e, (part) => acrossDwords(e, low, high, part(1)));
  });
for (const [name, opcode] of [
  ["VPERMQ", "00"],
  ["VPERMPD", "01"],
] as const)
  row(name, `VEX.256 66 W1 0F 3A ${opcode} /r`, "Vqq= Wqq Ib", avx2, (e) => {
    const imm = e.let(e.get(2));
    const [low, high] = [e.let(e.v(1)), e.let(e.high(1))];
    const lane = (shift: number): Expression => {
      const half = e.let(select(i32.and(imm, i32.const(2 << shift)), high, low));
      return select(i32.and(imm, i32.const(1 << shift)), i64x2.extractLane(half, 1), i64x2.extractLane(half, 0));
    };
    const first = e.let(fromHalves(lane(0), lane(2)));
    const second = e.let(fromHalves(lane(4), lane(6)));
    e.putV(0, first);
    e.putHigh(0, second);
  });

// Blends.

for (const [name, opcode, mask] of [
  ["VBLENDVPS", "4A", (x: Expression) => i32x4.shrS(x, i32.const(31))],
  ["VBLENDVPD", "4B", (x: Expression) => i64x2.shrS(x, i32.const(63))],
] as const)
  lengths(name, `66 W0 0F 3A ${opcode} /r`, "Vx= Hx Wx Lx", avx, (_, part) =>
    v128.bitselect(part(2), part(1), mask(part(3))),
  );
for (const [length, size, options] of [
  ["128", "dq", avx],
  ["256", "qq", avx2],
] as const) {
  row(
    "VPBLENDVB",
    `VEX.${length} 66 W0 0F 3A 4C /r`,
    `V${size}= H${size} W${size} L${size}`,
    options,
    length === "128"
      ? (e) => putVex(e, v128.bitselect(e.v(2), e.v(1), i8x16.shrS(e.v(3), i32.const(7))))
      : (e) => both(e, (part) => v128.bitselect(part(2), part(1), i8x16.shrS(part(3), i32.const(7)))),
  );
}
lengths("VPBLENDD", "66 W0 0F 3A 02 /r", "Vx= Hx Wx Ib", avx2, (e, part, upper) => {
  const bits = upper ? dwords(16, 32, 64, 128) : dwords(1, 2, 4, 8);
  return v128.bitselect(part(2), part(1), i32x4.eq(v128.and(i32x4.splat(e.get(3)), bits), bits));
});

// Shifts of each lane by a count of its own; counts as large as the lane give zero, or the sign.

function variable(name: string, opcode: string, w: 0 | 1, shift: "shl" | "shrU" | "shrS"): void {
  lengths(name, `66 W${w} 0F 38 ${opcode} /r`, "Vx= Hx Wx", avx2, (e, part) => {
    const a = e.let(part(1));
    const counts = e.let(part(2));
    let result: Expression = zeroVector;
    if (w === 0)
      for (let i = 0; i < 4; i++) {
        const count = e.let(i32x4.extractLane(counts, i));
        const value = i32x4.extractLane(a, i);
        const fits = i32.ltU(count, i32.const(32));
        const shifted =
          shift === "shrS"
            ? i32.shrS(value, select(fits, count, i32.const(31)))
            : select(fits, i32[shift](value, count), i32.const(0));
        result = e.let(i32x4.replaceLane(result, i, shifted));
      }
    else
      for (let i = 0; i < 2; i++) {
        const count = e.let(i64x2.extractLane(counts, i));
        const shifted = select(i64.ltU(count, i64.const(64)), i64[shift](i64x2.extractLane(a, i), count), i64.const(0));
        result = e.let(i64x2.replaceLane(result, i, shifted));
      }
    return result;
  });
}
variable("VPSRLVD", "45", 0, "shrU");
variable("VPSRLVQ", "45", 1, "shrU");
variable("VPSRAVD", "46", 0, "shrS");
variable("VPSLLVD", "47", 0, "shl");
variable("VPSLLVQ", "47", 1, "shl");

// Widening: the low half of the source fills the whole destination.

for (const narrow of rows.filter(({ name, operands }) => /^PMOV[SZ]X/.test(name) && operands.startsWith("V"))) {
  // Bits of a source element, and of the destination's: from the letters at the end of the name.
  const bits = { B: 8, W: 16, D: 32, Q: 64 } as const;
  const from = bits[narrow.name.at(-2) as "B"];
  const to = bits[narrow.name.at(-1) as "B"];
  const sourceBits = (256 * from) / to;
  const memory = { 32: "d", 64: "q", 128: "dq" }[sourceBits]!;
  row(`V${narrow.name}`, `VEX.256 ${narrow.encoding}`, `Vqq= Udq/M${memory}`, avx2, (e) => {
    const source = e.let(e.v(1));
    const step = sourceBits / 16;
    const moved = e.let(
      i8x16.swizzle(source, v128.const(Array.from({ length: 16 }, (_, i) => Math.min(255, i + step)))),
    );
    const low = applied(e, narrow.body, source);
    const high = applied(e, narrow.body, moved);
    e.putV(0, low);
    e.putHigh(0, high);
  });
}

// Masks and tests of the whole register.

const putMask = (e: Emitter, mask: Expression): void => e.put(0, e.bits(0) === 64 ? i64.extendI32U(mask) : mask);
for (const [name, prefix, lanes, count] of [
  ["VMOVMSKPS", "NP", i32x4, 4],
  ["VMOVMSKPD", "66", i64x2, 2],
] as const)
  row(name, `VEX.256 ${prefix} 0F 50 /r`, "Gy= Uqq", avx, (e) =>
    putMask(e, i32.or(lanes.bitmask(e.v(1)), i32.shl(lanes.bitmask(e.high(1)), i32.const(count)))),
  );
row("VPMOVMSKB", "VEX.256 66 0F D7 /r", "Gy= Uqq", avx2, (e) =>
  putMask(e, i32.or(i8x16.bitmask(e.v(1)), i32.shl(i8x16.bitmask(e.high(1)), i32.const(16)))),
);

/** ZF if a & b is zero, CF if ~a & b is, in the bits of `mask`. */
function test(e: Emitter, wide: boolean, mask: Expression | null): void {
  const masked = (x: Expression): Expression => v128.anyTrue(mask === null ? x : v128.and(x, mask));
  const halves: Part[] = wide ? [(i) => e.v(i), (i) => e.high(i)] : [(i) => e.v(i)];
  const any = (combine: (a: Expression, b: Expression) => Expression): Expression =>
    halves.map((part) => masked(combine(part(0), part(1)))).reduce((a, b) => i32.or(a, b));
  const zf = i32.shl(i32.eqz(any(v128.and)), i32.const(6));
  const cf = i32.eqz(any((a, b) => v128.andnot(b, a)));
  e.flags("explicit", e.let(i32.or(zf, cf)));
}
const testOptions = { ...avx, writes: "oszapc" };
row("VPTEST", "VEX.256 66 0F 38 17 /r", "Vqq Wqq", testOptions, (e) => test(e, true, null));
const signs32 = dwords(-(2 ** 31), -(2 ** 31), -(2 ** 31), -(2 ** 31));
const signs64 = qwords(1n << 63n, 1n << 63n);
for (const [name, opcode, mask] of [
  ["VTESTPS", "0E", signs32],
  ["VTESTPD", "0F", signs64],
] as const) {
  row(name, `VEX.128 66 W0 0F 38 ${opcode} /r`, "Vdq Wdq", testOptions, (e) => test(e, false, mask));
  row(name, `VEX.256 66 W0 0F 38 ${opcode} /r`, "Vqq Wqq", testOptions, (e) => test(e, true, mask));
}

row("VMOVDDUP", "VEX.256 F2 0F 12 /r", "Vqq= Wqq", avx, (e) =>
  both(e, (part) => i64x2.splat(i64x2.extractLane(part(1), 0))),
);
row("VMPSADBW", "VEX.256 66 0F 3A 42 /r", "Vqq= Hqq Wqq Ib", avx2, (e) =>
  both(e, (part, upper) =>
    e.call(
      "soft.sumsOfDifferences",
      part(1),
      part(2),
      upper ? i32.shrU(e.get(3), i32.const(3)) : i32.and(e.get(3), i32.const(7)),
    ),
  ),
);

// Conversions between lanes of different sizes.

const floats = { ...avx, faults: true };
row("VCVTDQ2PD", "VEX.256 F3 0F E6 /r", "Vqq= Wdq", avx, (e) => {
  const a = e.let(e.v(1));
  e.putV(0, f64x2.convertLowI32x4S(a));
  e.putHigh(0, f64x2.convertLowI32x4S(fromLow(i64x2.extractLane(a, 1))));
});
row("VCVTPS2PD", "VEX.256 NP 0F 5A /r", "Vqq= Wdq", floats, (e) => {
  const a = e.let(e.v(1));
  const half = (lane: number): Local => {
    const part = e.let(fromLow(i64x2.extractLane(a, lane)));
    return refine(e, f64x2.promoteLowF32x4(part), suspectResult(e, "pd"), () =>
      e.call("soft.widenPs", i64x2.extractLane(part, 0)),
    );
  };
  const low = half(0);
  const high = half(1);
  e.putV(0, low);
  e.putHigh(0, high);
});
row("VCVTPD2PS", "VEX.256 66 0F 5A /r", "Vdq= Wqq", floats, (e) => {
  const low = narrowPair(e, e.let(e.v(1)));
  const high = narrowPair(e, e.let(e.high(1)));
  putVex(e, fromHalves(i64x2.extractLane(low, 0), i64x2.extractLane(high, 0)));
});
for (const narrow of rows.filter(({ name }) => /^CVTT?PD2DQ$/.test(name)))
  row(`V${narrow.name}`, `VEX.256 ${narrow.encoding}`, "Vdq= Wqq", floats, (e) => {
    const low = applied(e, narrow.body, e.let(e.v(1)));
    const high = applied(e, narrow.body, e.let(e.high(1)));
    putVex(e, fromHalves(i64x2.extractLane(low, 0), i64x2.extractLane(high, 0)));
  });

// Comparison with 32 predicates: which of less, equal, greater, unordered hold, as bits, for each of sixteen; the other
// sixteen differ in whether a quiet NaN is an invalid operation.

const relations = 0xf465_0b9a_7ced_8312n;
/** Whether a quiet NaN is invalid: 1, 2, 5, 6 and so on, the other way round from 16 on. */
function signals(p: Local): Expression {
  return i32.and(i32.xor(i32.xor(p, i32.shrU(p, i32.const(1))), i32.shrU(p, i32.const(4))), i32.const(1));
}
const isDaz = (): Expression => i32.and(i32.load(base, state.mxcsr), i32.const(0x40));

function compare(
  e: Emitter,
  lanes: typeof f32x4 | typeof f64x2,
  imm: number,
  a: Local,
  b: Local,
  scalar: boolean,
): Local {
  const p = e.let(e.get(imm));
  const relation = e.let(
    i32.wrapI64(
      i64.shrU(
        i64.const(BigInt.asIntN(64, relations)),
        i64.extendI32U(i32.shl(i32.and(p, i32.const(15)), i32.const(2))),
      ),
    ),
  );
  const single = lanes === f32x4;
  const [x, y] = [e.let(a), e.let(b)];
  e.f.unlikely(e.suspect([a, b], single ? "ps" : "pd"), () => {
    const predicate = signals(p);
    const low32 = (value: Local): Expression => i32x4.extractLane(value, 0);
    const low64Of = (value: Local): Expression => i64x2.extractLane(value, 0);
    // For its flags only.
    if (scalar && single) e.let(e.call("soft.compareSs", predicate, low32(a), low32(b)));
    else if (scalar) e.let(e.call("soft.compareSd", predicate, low64Of(a), low64Of(b)));
    else e.let(e.call(single ? "soft.comparePs" : "soft.comparePd", predicate, a, b));
    checkSse(e);
    e.f.if(isDaz(), () => {
      const least = single ? f32x4.splat(f32.const(2 ** -126)) : f64x2.splat(f64.const(2 ** -1022));
      for (const value of [x, y])
        e.f.set(
          value,
          v128.bitselect(v128.and(value, single ? signs32 : signs64), value, lanes.lt(lanes.abs(value), least)),
        );
    });
  });
  const chosen = (bit: number, mask: Expression): Expression =>
    v128.and(mask, i32x4.splat(i32.sub(i32.const(0), i32.and(i32.shrU(relation, i32.const(bit)), i32.const(1)))));
  const unordered = v128.or(lanes.ne(x, x), lanes.ne(y, y));
  return e.let(
    v128.or(
      v128.or(chosen(0, lanes.lt(x, y)), chosen(1, lanes.eq(x, y))),
      v128.or(chosen(2, lanes.gt(x, y)), chosen(3, unordered)),
    ),
  );
}
for (const [suffix, prefix, lanes] of [
  ["PS", "NP", f32x4],
  ["PD", "66", f64x2],
] as const)
  lengths(`VCMP${suffix}`, `${prefix} 0F C2 /r`, "Vx= Hx Wx Ib", floats, (e, part) =>
    compare(e, lanes, 3, e.let(part(1)), e.let(part(2)), false),
  );
row("VCMPSS", "VEX.LIG F3 0F C2 /r", "Vdq= Hdq Wss Ib", floats, (e) => {
  const result = compare(e, f32x4, 3, e.let(e.v(1)), e.let(i32x4.replaceLane(zeroVector, 0, e.i32(2))), true);
  putVex(e, i32x4.replaceLane(e.v(1), 0, i32x4.extractLane(result, 0)));
});
row("VCMPSD", "VEX.LIG F2 0F C2 /r", "Vdq= Hdq Wsd Ib", floats, (e) => {
  const result = compare(e, f64x2, 3, e.let(e.v(1)), e.let(fromLow(e.i64(2))), true);
  putVex(e, i64x2.replaceLane(e.v(1), 0, i64x2.extractLane(result, 0)));
});

// Masked moves: an element is accessed only if its mask's sign is set.

function isNegative(bits: 32 | 64, mask: Local, lane: number): Expression {
  return bits === 32
    ? i32.ltS(i32x4.extractLane(mask, lane), i32.const(0))
    : i64.ltS(i64x2.extractLane(mask, lane), i64.const(0));
}
const replace = (bits: 32 | 64, vector: Local, lane: number, host: Local): Expression =>
  bits === 32 ? i32x4.replaceLane(vector, lane, i32.load(host)) : i64x2.replaceLane(vector, lane, i64.load(host));

function maskedLoad(e: Emitter, bits: 32 | 64, mask: Local, offset: number): Local {
  const result = e.let(zeroVector);
  for (let lane = 0; lane < 128 / bits; lane++)
    e.f.if(isNegative(bits, mask, lane), () => {
      const address = e.let(i64.add(e.address(2), i64.const(offset + (lane * bits) / 8)));
      const { host } = e.translate(address, bits / 8, "read");
      e.f.set(result, replace(bits, result, lane, host));
    });
  return result;
}

/** Bytes of a masked store, and their masks, lie here, with as many zeros on both sides. */
const storeData = state.soft;
const storeMask = state.soft + 96;

/**
 * The bytes from the first element stored to the last one lie in at most two pages, both of them stored to. The window
 * of as many bytes as the operand has is moved so that it lies in these pages only, and its bytes are merged.
 */
function maskedStore(e: Emitter, bits: 32 | 64, wide: boolean): void {
  const size = wide ? 32 : 16;
  const masks = [e.let(e.v(1)), ...(wide ? [e.let(e.high(1))] : [])];
  const lanes = bits === 32 ? i32x4 : i64x2;
  const perHalf = 128 / bits;
  let all: Expression = lanes.bitmask(masks[0]!);
  if (wide) all = i32.or(all, i32.shl(lanes.bitmask(masks[1]!), i32.const(perHalf)));
  const set = e.let(all);
  e.f.if(set, () => {
    const step = bits / 8;
    const first = e.let(i32.mul(i32.ctz(set), i32.const(step)));
    const end = e.let(i32.mul(i32.sub(i32.const(32), i32.clz(set)), i32.const(step)));
    const start = e.let(i64.add(e.address(0), i64.extendI32U(first)));
    // Where the next page begins, counted from the operand.
    const toPage = e.let(i32.sub(i32.const(4096), i32.and(i32.wrapI64(e.address(0)), i32.const(4095))));
    const move = e.let(i32.const(0));
    e.f.if(i32.ltU(toPage, i32.const(size)), () => {
      e.f.if(i32.leU(end, toPage), () => e.f.set(move, i32.sub(toPage, i32.const(size))));
      e.f.if(i32.geU(first, toPage), () => e.f.set(move, toPage));
    });
    // The fault is that of the first element.
    e.translate(start, step, "write");
    const { host } = e.translate(e.let(i64.add(e.address(0), i64.extendI32S(move))), size, "write");
    for (const [at, part] of [
      [storeData, (upper: boolean) => (upper ? e.high(2) : e.v(2))],
      [storeMask, (upper: boolean) => lanes.shrS(upper ? masks[1]! : masks[0]!, i32.const(bits - 1))],
    ] as const) {
      for (let i = 0; i < 96; i += 16) e.f.emit(v128.store(base, zeroVector, at + i));
      e.f.emit(v128.store(base, part(false), at + 32));
      if (wide) e.f.emit(v128.store(base, part(true), at + 48));
    }
    // Added, not a constant of the access: those are never taken below zero by what they are added to.
    const data = e.let(i32.add(move, i32.const(storeData + 32)));
    const mask = e.let(i32.add(move, i32.const(storeMask + 32)));
    for (let i = 0; i < size; i += 16)
      e.f.emit(v128.store(host, v128.bitselect(v128.load(data, i), v128.load(host, i), v128.load(mask, i)), i));
  });
}

for (const [name, load, store, bits, w, options] of [
  ["VMASKMOVPS", "2C", "2E", 32, "W0", avx],
  ["VMASKMOVPD", "2D", "2F", 64, "W0", avx],
  ["VPMASKMOVD", "8C", "8E", 32, "W0", avx2],
  ["VPMASKMOVQ", "8C", "8E", 64, "W1", avx2],
] as const)
  for (const wide of [false, true]) {
    const [length, size] = wide ? ["256", "qq"] : ["128", "dq"];
    const masked = { ...options, faults: true };
    row(name, `VEX.${length} 66 ${w} 0F 38 ${load} /r`, `V${size}= H${size} M`, masked, (e) => {
      const low = maskedLoad(e, bits, e.let(e.v(1)), 0);
      if (!wide) {
        putVex(e, low);
        return;
      }
      const high = maskedLoad(e, bits, e.let(e.high(1)), 16);
      e.putV(0, low);
      e.putHigh(0, high);
    });
    row(name, `VEX.${length} 66 ${w} 0F 38 ${store} /r`, `M H${size} V${size}`, masked, (e) =>
      maskedStore(e, bits, wide),
    );
  }
