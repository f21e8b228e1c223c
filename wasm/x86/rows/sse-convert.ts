/**
 * Conversions of SSE and SSE2. Out of range, and NaN, give the integer indefinite: the most negative number. Natively by
 * saturating truncation and a repair; in exact mode through the soft module, as in sse-float.ts.
 */
import type { Expression } from "../../encode/expression.ts";
import type { Local } from "../../encode/module.ts";
import { f32, f64, i32, i64, select } from "../../encode/numeric.ts";
import { f32x4, f64x2, i32x4, i64x2, i8x16, v128 } from "../../encode/simd.ts";
import { row, type Emitter } from "../row.ts";
import "../soft.ts";
import { dwords, fromLow } from "./lanes.ts";
import { checkPending, enterMmx } from "./mmx-state.ts";
import { checkSse, kindsF32, kindsF64, refine } from "./sse-float.ts";

/** All that an integer raises is inexact. */
const always = { likely: (): Expression => i32.const(1) };
const bits32 = (x: Expression): Expression => i32.reinterpretF32(x);
const bits64 = (x: Expression): Expression => i64.reinterpretF64(x);

// Integer to floating point. From 32 bits to double is exact; the rest rounds.

row("CVTSI2SD", "F2 0F 2A /r", "Vsd= Ey", { feature: "sse2", faults: true }, (e) => {
  const a = e.let(e.get(1));
  if (e.bits(1) === 32) e.putF64(0, f64.convertI32S(a));
  else
    e.putF64(
      0,
      refine(e, f64.convertI64S(a), null, () => f64.reinterpretI64(e.call("soft.integerToF64", a)), always),
    );
});
row("CVTSI2SS", "F3 0F 2A /r", "Vss= Ey", { feature: "sse", faults: true }, (e) => {
  const a = e.let(e.get(1));
  const wide = e.bits(1) === 64;
  const native = wide ? f32.convertI64S(a) : f32.convertI32S(a);
  const soft = (): Expression => f32.reinterpretI32(e.call("soft.integerToF32", wide ? a : i64.extendI32S(a)));
  e.putF32(0, refine(e, native, null, soft, always));
});
row("CVTDQ2PD", "F3 0F E6 /r", "Vdq= Udq/Mq", { feature: "sse2" }, (e) => e.putV(0, f64x2.convertLowI32x4S(e.v(1))));
row("CVTDQ2PS", "NP 0F 5B /r", "Vdq= Wdq", { feature: "sse2", faults: true }, (e) => {
  const a = e.let(e.v(1));
  e.putV(
    0,
    refine(e, f32x4.convertI32x4S(a), null, () => e.call("soft.integersToPs", a), always),
  );
});

// Between the two formats.

row("CVTSS2SD", "F3 0F 5A /r", "Vsd= Wss", { feature: "sse2", faults: true }, (e) => {
  const a = e.let(e.f32(1));
  e.putF64(
    0,
    refine(e, f64.promoteF32(a), "f64", () => f64.reinterpretI64(e.call("soft.widen", bits32(a))), {
      likely: () => kindsF32.ordered(a),
    }),
  );
});
row("CVTSD2SS", "F2 0F 5A /r", "Vss= Wsd", { feature: "sse2", faults: true }, (e) => {
  const a = e.let(e.f64(1));
  e.putF32(
    0,
    refine(e, f32.demoteF64(a), "f32", () => f32.reinterpretI32(e.call("soft.narrow", bits64(a))), {
      likely: (r) => i32.and(kindsF32.plain(r), kindsF64.normal(a)),
    }),
  );
});
row("CVTPS2PD", "NP 0F 5A /r", "Vdq= Udq/Mq", { feature: "sse2", faults: true }, (e) => {
  const a = e.let(e.v(1));
  e.putV(
    0,
    refine(e, f64x2.promoteLowF32x4(a), "pd", () => e.call("soft.widenPs", i64x2.extractLane(a, 0))),
  );
});
row("CVTPD2PS", "66 0F 5A /r", "Vdq= Wdq", { feature: "sse2", faults: true }, (e) => {
  const a = e.let(e.v(1));
  e.putV(
    0,
    refine(e, f32x4.demoteF64x2Zero(a), "ps", () => e.call("soft.narrowPd", a)),
  );
});

// Floating point to a general register.

interface Source {
  readonly name: "F32" | "F64";
  readonly lt: (a: Expression, b: Expression) => Expression;
  readonly ge: (a: Expression, b: Expression) => Expression;
  readonly constant: (value: number) => Expression;
  readonly nearest: (a: Expression) => Expression;
}
const single: Source = { name: "F32", lt: f32.lt, ge: f32.ge, constant: f32.const, nearest: f32.nearest };
const double: Source = { name: "F64", lt: f64.lt, ge: f64.ge, constant: f64.const, nearest: f64.nearest };

/** Saturating truncation is right in range; out of range and for NaN it is replaced by the indefinite. */
function toGeneral(source: Source, a: Local, wide: boolean): Expression {
  const bound = wide ? 2 ** 63 : 2 ** 31;
  const isF32 = source.name === "F32";
  // -2^31 - 1 < a is a >= -2^31 for what has been rounded and for all single numbers.
  const above = wide || isF32 ? source.ge(a, source.constant(-bound)) : source.lt(source.constant(-bound - 1), a);
  const inRange = i32.and(above, source.lt(a, source.constant(bound)));
  if (wide) {
    const whole = isF32 ? i64.truncSatF32S(a) : i64.truncSatF64S(a);
    return select(inRange, whole, i64.const(-(2n ** 63n)));
  }
  return select(inRange, isF32 ? i32.truncSatF32S(a) : i32.truncSatF64S(a), i32.const(-(2 ** 31)));
}

for (const [name, encoding, operand, source, chops] of [
  ["CVTTSS2SI", "F3 0F 2C /r", "Wss", single, 1],
  ["CVTSS2SI", "F3 0F 2D /r", "Wss", single, 0],
  ["CVTTSD2SI", "F2 0F 2C /r", "Wsd", double, 1],
  ["CVTSD2SI", "F2 0F 2D /r", "Wsd", double, 0],
] as const)
  row(name, encoding, `Gy= ${operand}`, { feature: "sse2", faults: true }, (e) => {
    const a = e.let(source.name === "F32" ? e.f32(1) : e.f64(1));
    const wide = e.bits(0) === 64;
    const whole = chops === 1 ? a : e.let(source.nearest(a));
    const soft = (): Expression => {
      const value = e.call(
        source.name === "F32" ? "soft.f32ToInteger" : "soft.f64ToInteger",
        source.name === "F32" ? bits32(a) : bits64(a),
        i32.const(wide ? 64 : 32),
        i32.const(chops),
      );
      return wide ? value : i32.wrapI64(value);
    };
    // The indefinite may stand for what is out of range.
    const least = (r: Local): Expression =>
      wide ? i64.ne(r, i64.const(-(2n ** 63n))) : i32.ne(r, i32.const(-(2 ** 31)));
    e.put(0, refine(e, toGeneral(source, whole, wide), null, soft, { likely: least }));
  });

// Packed floating point to packed integers.

for (const [name, encoding, chops] of [
  ["CVTPS2DQ", "66 0F 5B /r", 0],
  ["CVTTPS2DQ", "F3 0F 5B /r", 1],
] as const)
  row(name, encoding, "Vdq= Wdq", { feature: "sse2", faults: true }, (e) => {
    const a = e.let(e.v(1));
    const whole = chops === 1 ? a : e.let(f32x4.nearest(a));
    // Not below 2^31, which NaN is not either.
    const fits = f32x4.lt(whole, f32x4.splat(f32.const(2 ** 31)));
    const least = dwords(-(2 ** 31), -(2 ** 31), -(2 ** 31), -(2 ** 31));
    const native = v128.bitselect(i32x4.truncSatF32x4S(whole), least, fits);
    e.putV(
      0,
      refine(e, native, null, () => e.call("soft.psToIntegers", a, i32.const(chops)), {
        likely: (r) => i32.eqz(v128.anyTrue(i32x4.eq(r, least))),
      }),
    );
  });

/** Two doubles to two integers, as one i64. */
function pair(e: Emitter, a: Local, chops: number): Expression {
  const whole = chops === 1 ? a : e.let(f64x2.nearest(a));
  const fits = f64x2.lt(whole, f64x2.splat(f64.const(2 ** 31)));
  const narrowFits = i8x16.shuffle(fits, fits, [0, 1, 2, 3, 8, 9, 10, 11, 0, 1, 2, 3, 8, 9, 10, 11]);
  const least = dwords(-(2 ** 31), -(2 ** 31), 0, 0);
  return i64x2.extractLane(v128.bitselect(i32x4.truncSatF64x2SZero(whole), least, narrowFits), 0);
}
for (const [name, encoding, chops] of [
  ["CVTPD2DQ", "F2 0F E6 /r", 0],
  ["CVTTPD2DQ", "66 0F E6 /r", 1],
] as const)
  row(name, encoding, "Vdq= Wdq", { feature: "sse2", faults: true }, (e) => {
    const a = e.let(e.v(1));
    const soft = (): Expression => e.call("soft.pdToPair", a, i32.const(chops));
    e.putV(0, fromLow(refine(e, pair(e, a, chops), null, soft)));
  });

// With MMX registers: rare, so always through the soft module.

for (const [name, encoding, chops] of [
  ["CVTPD2PI", "66 0F 2D /r", 0],
  ["CVTTPD2PI", "66 0F 2C /r", 1],
] as const)
  row(name, encoding, "Pq= Wdq", { feature: "sse2", faults: true }, (e) => {
    checkPending(e);
    const value = e.let(e.call("soft.pdToPair", e.v(1), i32.const(chops)));
    // The change to MMX state happens even if the conversion faults.
    enterMmx(e);
    checkSse(e);
    e.put(0, value);
  });
for (const [name, encoding, chops] of [
  ["CVTPS2PI", "NP 0F 2D /r", 0],
  ["CVTTPS2PI", "NP 0F 2C /r", 1],
] as const)
  row(name, encoding, "Pq= Uq/Mq", { feature: "sse", faults: true }, (e) => {
    checkPending(e);
    const value = e.let(e.call("soft.psToPair", e.i64(1), i32.const(chops)));
    // The change to MMX state happens even if the conversion faults.
    enterMmx(e);
    checkSse(e);
    e.put(0, value);
  });
row("CVTPI2PS", "NP 0F 2A /r", "Vq= Qq", { feature: "sse", faults: true }, (e) => {
  if (!e.isMemory(1)) checkPending(e);
  const value = e.let(e.call("soft.pairToPs", e.get(1)));
  // The form with a memory operand leaves the x87 state alone (Intel SDM vol. 2, CVTPI2PS).
  if (!e.isMemory(1)) enterMmx(e);
  checkSse(e);
  e.putI64(0, value);
});
row("CVTPI2PD", "66 0F 2A /r", "Vdq= Qq", { feature: "sse2", faults: true }, (e) => {
  const value = e.let(f64x2.convertLowI32x4S(fromLow(e.get(1))));
  if (!e.isMemory(1)) enterMmx(e);
  e.putV(0, value);
});
