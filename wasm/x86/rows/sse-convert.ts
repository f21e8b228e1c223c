/**
 * Conversions of SSE and SSE2, refined as in sse-float.ts. Out of range, and NaN, give the integer indefinite, the most
 * negative number, which is invalid: left to the soft module.
 */
import type { Expression } from "../../encode/expression.ts";
import type { Local } from "../../encode/module.ts";
import { f32, f64, i32, i64 } from "../../encode/numeric.ts";
import { f32x4, f64x2, i32x4, i64x2 } from "../../encode/simd.ts";
import { row, type Emitter } from "../row.ts";
import "../soft.ts";
import { fromLow } from "./lanes.ts";
import { checkPending, enterMmx } from "./mmx-state.ts";
import { checkSse, kindsF32, kindsF64, kindsPd, kindsPs, refine, suspectResult } from "./sse-float.ts";

/** All that an integer raises is inexact: nothing if it has no more bits than the significand. */
const ofInteger = (a: Local, bits: number) => ({
  silent: (): Expression =>
    a.type === "i64"
      ? i64.leU(i64.add(a, i64.const(2n ** BigInt(bits))), i64.const(2n ** BigInt(bits + 1)))
      : i32.leU(i32.add(a, i32.const(2 ** bits)), i32.const(2 ** (bits + 1))),
  likely: (): Expression => i32.const(1),
});
const [significandF32, significandF64] = [24, 53];
const bits32 = (x: Expression): Expression => i32.reinterpretF32(x);
const bits64 = (x: Expression): Expression => i64.reinterpretF64(x);

// Integer to floating point. From 32 bits to double is exact; the rest rounds.

row("CVTSI2SD", "F2 0F 2A /r", "Vsd= Ey", { feature: "sse2", faults: true }, (e) => {
  const a = e.let(e.get(1));
  if (e.bits(1) === 32) e.putF64(0, f64.convertI32S(a));
  else
    e.putF64(
      0,
      refine(
        e,
        f64.convertI64S(a),
        () => e.keepsFlags(),
        () => f64.reinterpretI64(e.call("soft.integerToF64", a)),
        ofInteger(a, significandF64),
      ),
    );
});
row("CVTSI2SS", "F3 0F 2A /r", "Vss= Ey", { feature: "sse", faults: true }, (e) => {
  const a = e.let(e.get(1));
  const wide = e.bits(1) === 64;
  const native = wide ? f32.convertI64S(a) : f32.convertI32S(a);
  const soft = (): Expression => f32.reinterpretI32(e.call("soft.integerToF32", wide ? a : i64.extendI32S(a)));
  e.putF32(
    0,
    refine(e, native, () => e.keepsFlags(), soft, ofInteger(a, significandF32)),
  );
});
row("CVTDQ2PD", "F3 0F E6 /r", "Vdq= Udq/Mq", { feature: "sse2" }, (e) => e.putV(0, f64x2.convertLowI32x4S(e.v(1))));
row("CVTDQ2PS", "NP 0F 5B /r", "Vdq= Wdq", { feature: "sse2", faults: true }, (e) => {
  const a = e.let(e.v(1));
  e.putV(
    0,
    refine(
      e,
      f32x4.convertI32x4S(a),
      () => e.keepsFlags(),
      () => e.call("soft.integersToPs", a),
      { likely: () => i32.const(1) },
    ),
  );
});

// Between the two formats.

row("CVTSS2SD", "F3 0F 5A /r", "Vsd= Wss", { feature: "sse2", faults: true }, (e) => {
  const a = e.let(e.f32(1));
  e.putF64(
    0,
    refine(e, f64.promoteF32(a), suspectResult(e, "f64"), () => f64.reinterpretI64(e.call("soft.widen", bits32(a))), {
      silent: () => kindsF32.ordered(a),
    }),
  );
});
row("CVTSD2SS", "F2 0F 5A /r", "Vss= Wsd", { feature: "sse2", faults: true }, (e) => {
  const a = e.let(e.f64(1));
  e.putF32(
    0,
    refine(e, f32.demoteF64(a), suspectResult(e, "f32"), () => f32.reinterpretI32(e.call("soft.narrow", bits64(a))), {
      likely: (r) => i32.and(kindsF32.plain(r), kindsF64.normal(a)),
      else: () => f64.eq(a, f64.const(0)),
    }),
  );
});
row("CVTPS2PD", "NP 0F 5A /r", "Vdq= Udq/Mq", { feature: "sse2", faults: true }, (e) => {
  const a = e.let(e.v(1));
  e.putV(
    0,
    refine(e, f64x2.promoteLowF32x4(a), suspectResult(e, "pd"), () => e.call("soft.widenPs", i64x2.extractLane(a, 0))),
  );
});
/** Two numbers, and zeros above. */
export function narrowPair(e: Emitter, a: Local): Local {
  const twice = (r: Local): Expression => i64x2.splat(i64x2.extractLane(r, 0));
  return refine(e, f32x4.demoteF64x2Zero(a), suspectResult(e, "ps"), () => e.call("soft.narrowPd", a), {
    likely: (r) => i32.and(kindsPs.plain(twice(r)), kindsPd.normal(a)),
  });
}
row("CVTPD2PS", "66 0F 5A /r", "Vdq= Wdq", { feature: "sse2", faults: true }, (e) => {
  e.putV(0, narrowPair(e, e.let(e.v(1))));
});

// Floating point to a general register.

interface Source {
  readonly name: "F32" | "F64";
  readonly lt: (a: Expression, b: Expression) => Expression;
  readonly eq: (a: Expression, b: Expression) => Expression;
  readonly abs: (a: Expression) => Expression;
  readonly constant: (value: number) => Expression;
  readonly nearest: (a: Expression) => Expression;
  readonly toI32: (a: Expression) => Expression;
  readonly toI64: (a: Expression) => Expression;
}
const single: Source = { ...f32, name: "F32", constant: f32.const, toI32: i32.truncSatF32S, toI64: i64.truncSatF32S };
const double: Source = { ...f64, name: "F64", constant: f64.const, toI32: i32.truncSatF64S, toI64: i64.truncSatF64S };

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
    // Not a NaN. The most negative number is in range, but not worth another comparison.
    const fits = e.let(source.lt(source.abs(whole), source.constant(wide ? 2 ** 63 : 2 ** 31)));
    const soft = (): Expression => {
      const value = e.call(
        source.name === "F32" ? "soft.f32ToInteger" : "soft.f64ToInteger",
        source.name === "F32" ? bits32(a) : bits64(a),
        i32.const(wide ? 64 : 32),
        i32.const(chops),
      );
      return wide ? value : i32.wrapI64(value);
    };
    e.put(
      0,
      refine(e, wide ? source.toI64(whole) : source.toI32(whole), () => i32.or(e.keepsFlags(), i32.eqz(fits)), soft, {
        silent: () => i32.and(fits, source.eq(source.nearest(a), a)),
        likely: () => fits,
      }),
    );
  });

// Packed floating point to packed integers.

for (const [name, encoding, chops] of [
  ["CVTPS2DQ", "66 0F 5B /r", 0],
  ["CVTTPS2DQ", "F3 0F 5B /r", 1],
] as const)
  row(name, encoding, "Vdq= Wdq", { feature: "sse2", faults: true }, (e) => {
    const a = e.let(e.v(1));
    const whole = chops === 1 ? a : e.let(f32x4.nearest(a));
    const fits = e.let(f32x4.lt(f32x4.abs(whole), f32x4.splat(f32.const(2 ** 31))));
    e.putV(
      0,
      refine(
        e,
        i32x4.truncSatF32x4S(whole),
        () => i32.or(e.keepsFlags(), i32.eqz(i32x4.allTrue(fits))),
        () => e.call("soft.psToIntegers", a, i32.const(chops)),
        { likely: () => i32x4.allTrue(fits) },
      ),
    );
  });

for (const [name, encoding, chops] of [
  ["CVTPD2DQ", "F2 0F E6 /r", 0],
  ["CVTTPD2DQ", "66 0F E6 /r", 1],
] as const)
  row(name, encoding, "Vdq= Wdq", { feature: "sse2", faults: true }, (e) => {
    const a = e.let(e.v(1));
    const whole = chops === 1 ? a : e.let(f64x2.nearest(a));
    const fits = e.let(f64x2.lt(f64x2.abs(whole), f64x2.splat(f64.const(2 ** 31))));
    const integers = refine(
      e,
      i64x2.extractLane(i32x4.truncSatF64x2SZero(whole), 0),
      () => i32.or(e.keepsFlags(), i32.eqz(i64x2.allTrue(fits))),
      () => e.call("soft.pdToPair", a, i32.const(chops)),
      { likely: () => i64x2.allTrue(fits) },
    );
    e.putV(0, fromLow(integers));
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
