/**
 * SSE floating point: arithmetic, comparison, rounding. The native WebAssembly instruction computes; the soft module
 * (soft.ts, assembly/sse.ts) takes over when the result is a NaN, whose sign and payload WebAssembly leaves open, where
 * something may have been raised that MXCSR does not show yet, and where its modes are not the default ones.
 */
import type { Expression } from "../../encode/expression.ts";
import type { Local } from "../../encode/module.ts";
import { f32, f64, i32, i64, select } from "../../encode/numeric.ts";
import { f32x4, f64x2, i32x4, i64x2, i8x16, v128 } from "../../encode/simd.ts";
import { row, type Emitter, type NumberFormat } from "../row.ts";
import "../soft.ts";
import { state } from "../state.ts";
import { exit } from "../types.ts";
import { everySecond, ones, zeroVector } from "./lanes.ts";

/** An unmasked SSE exception of the soft operation just done: nothing may be written. */
export function checkSse(e: Emitter): void {
  e.faultIf(i32.load(i32.const(0), state.sseFault), exit.simdError);
}

/**
 * Whether what an operation raised is in MXCSR already (i32): `silent` in any mode, because it raised nothing, and no mode
 * matters; the others where inexact is set and modes are the default ones. `else` is asked if `likely` says no.
 */
interface Calm {
  readonly silent?: (r: Local) => Expression;
  readonly likely?: (r: Local) => Expression;
  readonly else?: (r: Local) => Expression;
}

/** Whether the result is a NaN, or may have raised what is to be kept. */
export const suspectResult =
  (e: Emitter, format: NumberFormat) =>
  (r: Local): Expression =>
    e.suspect([r], format);

/** The native result, replaced by the soft one where it is `suspect` (i32) and not known to be calm. */
export function refine(
  e: Emitter,
  native: Expression,
  suspect: (r: Local) => Expression,
  soft: () => Expression,
  calm: Calm = {},
): Local {
  const result = e.let(native);
  const replace = (): void => {
    e.f.set(result, soft());
    checkSse(e);
  };
  const unless = (condition: ((r: Local) => Expression) | undefined, then: () => void): void =>
    condition === undefined ? then() : e.f.if(i32.eqz(condition(result)), then);
  e.f.unlikely(suspect(result), () =>
    unless(calm.silent, () => {
      const { likely } = calm;
      if (likely === undefined) replace();
      else e.f.if(e.watched(), replace, () => unless(likely, () => unless(calm.else, replace)));
    }),
  );
  return result;
}

/**
 * What is known of a number of each format: `plain`, well above the denormals and finite: as a result it raises nothing
 * but inexact. `normal`, zero or not denormal: as an operand it does not raise that. `ordered`: normal and not a NaN.
 */
interface Kinds {
  readonly plain: (x: Expression) => Expression;
  readonly normal: (x: Expression) => Expression;
  readonly ordered: (x: Expression) => Expression;
  /** Plain, or zero as one of `from` is (null: as it may be). */
  readonly plainOrZero: (x: Expression, from: readonly Expression[] | null) => Expression;
}
const either = (or: (a: Expression, b: Expression) => Expression, list: readonly Expression[]): Expression =>
  list.reduce((a, b) => or(a, b));
const twice32 = (x: Expression): Expression => i32.shl(i32.reinterpretF32(x), i32.const(1));
const twice64 = (x: Expression): Expression => i64.shl(i64.reinterpretF64(x), i64.const(1));
const normal32 = (x: Expression): Expression => i32.geU(i32.sub(twice32(x), i32.const(1)), i32.const((1 << 24) - 1));
const normal64 = (x: Expression): Expression => i64.geU(i64.sub(twice64(x), i64.const(1)), i64.const((1n << 53n) - 1n));
const plain32 = (x: Expression): Expression => i32.ltU(i32.sub(twice32(x), i32.const(2 << 24)), i32.const(0xfd << 24));
const plain64 = (x: Expression): Expression =>
  i64.ltU(i64.sub(twice64(x), i64.const(2n << 53n)), i64.const(BigInt.asIntN(64, 0x7fdn << 53n)));
export const kindsF32: Kinds = {
  plain: plain32,
  normal: normal32,
  ordered: (x) => i32.and(normal32(x), i32.leU(twice32(x), i32.const(0xff << 24))),
  plainOrZero: (x, from) => {
    const zero = (y: Expression): Expression => f32.eq(y, f32.const(0));
    return i32.or(plain32(x), from === null ? zero(x) : i32.and(zero(x), either(i32.or, from.map(zero))));
  },
};
export const kindsF64: Kinds = {
  plain: plain64,
  normal: normal64,
  ordered: (x) => i32.and(normal64(x), i64.leU(twice64(x), i64.const(BigInt.asIntN(64, 0x7ffn << 53n)))),
  plainOrZero: (x, from) => {
    const zero = (y: Expression): Expression => f64.eq(y, f64.const(0));
    return i32.or(plain64(x), from === null ? zero(x) : i32.and(zero(x), either(i32.or, from.map(zero))));
  },
};
function kindsOf(
  lanes: typeof f32x4 | typeof f64x2,
  splat: (value: number) => Expression,
  least: number,
  most: number,
  all: (v: Expression) => Expression,
): Kinds {
  const zero = (x: Expression): Expression => lanes.eq(x, splat(0));
  const normal = (x: Expression): Expression => v128.or(lanes.ge(lanes.abs(x), splat(least)), zero(x));
  const plain = (x: Expression): Expression =>
    v128.and(lanes.ge(lanes.abs(x), splat(2 * least)), lanes.le(lanes.abs(x), splat(most)));
  return {
    plain: (x) => all(plain(x)),
    // A NaN is none of these.
    normal: (x) => all(normal(x)),
    ordered: (x) => all(normal(x)),
    plainOrZero: (x, from) =>
      all(v128.or(plain(x), from === null ? zero(x) : v128.and(zero(x), either(v128.or, from.map(zero))))),
  };
}
export const kindsPs = kindsOf(
  f32x4,
  (value) => f32x4.splat(f32.const(value)),
  2 ** -126,
  (2 - 2 ** -23) * 2 ** 127,
  i32x4.allTrue,
);
export const kindsPd = kindsOf(
  f64x2,
  (value) => f64x2.splat(f64.const(value)),
  2 ** -1022,
  Number.MAX_VALUE,
  i64x2.allTrue,
);

/** Of an operation on two numbers, by its opcode digit. Zeros are exact where an operand is zero, or in sums. */
function arithmeticCalm(kinds: Kinds, digit: number, a: Local, b: Local): Calm {
  const operands = i32.and(kinds.normal(a), kinds.normal(b));
  const isSum = digit === 8 || digit === 12;
  const zeroOperand = digit === 9 ? [a, b] : [a];
  return {
    likely: (r) => i32.and(kinds.plain(r), operands),
    else: (r) => i32.and(kinds.plainOrZero(r, isSum ? null : zeroOperand), operands),
  };
}
/** Of a comparison: nothing at all. */
const orderedCalm = (kinds: Kinds, a: Expression, b: Expression): Calm => ({
  silent: () => i32.and(kinds.ordered(a), kinds.ordered(b)),
});
/** Whether operands are not to be compared natively. */
const suspectOperands = (e: Emitter, format: NumberFormat, a: Expression, b: Expression) => (): Expression =>
  e.suspect([a, b], format);

type Operation = (a: Expression, b: Expression) => Expression;
interface Native {
  readonly ss: Operation;
  readonly sd: Operation;
  readonly ps: Operation;
  readonly pd: Operation;
}

/** The four forms of an operation; `digit` is the low opcode digit, by which the soft module knows it. */
function arithmetic(name: string, digit: number, native: Native): void {
  const opcode = `0F 5${digit.toString(16).toUpperCase()}`;
  const operation = i32.const(digit);
  // Of a division by zero the result tells.
  const suspectArithmetic =
    (e: Emitter, format: NumberFormat) =>
    (r: Local): Expression =>
      name === "DIV" ? e.suspectFinite(r, format) : e.suspect([r], format);
  const write = name === "SQRT" ? "=" : "!";
  row(`${name}SS`, `F3 ${opcode} /r`, `Vss${write} Wss`, { feature: "sse", faults: true }, (e) => {
    const b = e.let(e.f32(1));
    const a = write === "=" ? b : e.let(e.f32(0));
    const bits = (x: Expression): Expression => i32.reinterpretF32(x);
    e.putF32(
      0,
      refine(
        e,
        native.ss(a, b),
        suspectArithmetic(e, "f32"),
        () => f32.reinterpretI32(e.call("soft.arithSs", operation, bits(a), bits(b))),
        arithmeticCalm(kindsF32, digit, a, b),
      ),
    );
  });
  row(`${name}SD`, `F2 ${opcode} /r`, `Vsd${write} Wsd`, { feature: "sse2", faults: true }, (e) => {
    const b = e.let(e.f64(1));
    const a = write === "=" ? b : e.let(e.f64(0));
    const bits = (x: Expression): Expression => i64.reinterpretF64(x);
    e.putF64(
      0,
      refine(
        e,
        native.sd(a, b),
        suspectArithmetic(e, "f64"),
        () => f64.reinterpretI64(e.call("soft.arithSd", operation, bits(a), bits(b))),
        arithmeticCalm(kindsF64, digit, a, b),
      ),
    );
  });
  row(`${name}PS`, `NP ${opcode} /r`, `Vdq${write} Wdq`, { feature: "sse", faults: true }, (e) => {
    const b = e.let(e.v(1));
    const a = write === "=" ? b : e.let(e.v(0));
    e.putV(
      0,
      refine(
        e,
        native.ps(a, b),
        suspectArithmetic(e, "ps"),
        () => e.call("soft.arithPs", operation, a, b),
        arithmeticCalm(kindsPs, digit, a, b),
      ),
    );
  });
  row(`${name}PD`, `66 ${opcode} /r`, `Vdq${write} Wdq`, { feature: "sse2", faults: true }, (e) => {
    const b = e.let(e.v(1));
    const a = write === "=" ? b : e.let(e.v(0));
    e.putV(
      0,
      refine(
        e,
        native.pd(a, b),
        suspectArithmetic(e, "pd"),
        () => e.call("soft.arithPd", operation, a, b),
        arithmeticCalm(kindsPd, digit, a, b),
      ),
    );
  });
}
arithmetic("ADD", 8, { ss: f32.add, sd: f64.add, ps: f32x4.add, pd: f64x2.add });
arithmetic("MUL", 9, { ss: f32.mul, sd: f64.mul, ps: f32x4.mul, pd: f64x2.mul });
arithmetic("SUB", 12, { ss: f32.sub, sd: f64.sub, ps: f32x4.sub, pd: f64x2.sub });
arithmetic("DIV", 14, { ss: f32.div, sd: f64.div, ps: f32x4.div, pd: f64x2.div });
arithmetic("SQRT", 1, {
  ss: (_, b) => f32.sqrt(b),
  sd: (_, b) => f64.sqrt(b),
  ps: (_, b) => f32x4.sqrt(b),
  pd: (_, b) => f64x2.sqrt(b),
});

/** MIN is a < b ? a : b, MAX is a > b ? a : b: the second operand for NaNs and for two zeros. Bits pass unchanged. */
function choose(name: string, digit: number, isMin: boolean): void {
  const opcode = `0F 5${digit.toString(16).toUpperCase()}`;
  const operation = i32.const(digit);
  row(`${name}SS`, `F3 ${opcode} /r`, "Vss! Wss", { feature: "sse", faults: true }, (e) => {
    const a = e.let(e.i32(0));
    const b = e.let(e.i32(1));
    const float = (x: Expression): Expression => f32.reinterpretI32(x);
    const first = isMin ? f32.lt(float(a), float(b)) : f32.gt(float(a), float(b));
    e.putI32(
      0,
      refine(
        e,
        select(first, a, b),
        suspectOperands(e, "f32", float(a), float(b)),
        () => e.call("soft.arithSs", operation, a, b),
        orderedCalm(kindsF32, float(a), float(b)),
      ),
    );
  });
  row(`${name}SD`, `F2 ${opcode} /r`, "Vsd! Wsd", { feature: "sse2", faults: true }, (e) => {
    const a = e.let(e.i64(0));
    const b = e.let(e.i64(1));
    const float = (x: Expression): Expression => f64.reinterpretI64(x);
    const first = isMin ? f64.lt(float(a), float(b)) : f64.gt(float(a), float(b));
    e.putI64(
      0,
      refine(
        e,
        select(first, a, b),
        suspectOperands(e, "f64", float(a), float(b)),
        () => e.call("soft.arithSd", operation, a, b),
        orderedCalm(kindsF64, float(a), float(b)),
      ),
    );
  });
  row(`${name}PS`, `NP ${opcode} /r`, "Vdq! Wdq", { feature: "sse", faults: true }, (e) => {
    const a = e.let(e.v(0));
    const b = e.let(e.v(1));
    const native = isMin ? f32x4.pmin(b, a) : f32x4.pmax(b, a);
    e.putV(
      0,
      refine(
        e,
        native,
        suspectOperands(e, "ps", a, b),
        () => e.call("soft.arithPs", operation, a, b),
        orderedCalm(kindsPs, a, b),
      ),
    );
  });
  row(`${name}PD`, `66 ${opcode} /r`, "Vdq! Wdq", { feature: "sse2", faults: true }, (e) => {
    const a = e.let(e.v(0));
    const b = e.let(e.v(1));
    const native = isMin ? f64x2.pmin(b, a) : f64x2.pmax(b, a);
    e.putV(
      0,
      refine(
        e,
        native,
        suspectOperands(e, "pd", a, b),
        () => e.call("soft.arithPd", operation, a, b),
        orderedCalm(kindsPd, a, b),
      ),
    );
  });
}
choose("MIN", 13, true);
choose("MAX", 15, false);

// Approximations: no flags, no modes.

for (const [name, opcode, root] of [
  ["RSQRT", "52", 1],
  ["RCP", "53", 0],
] as const) {
  row(`${name}PS`, `NP 0F ${opcode} /r`, "Vdq= Wdq", { feature: "sse" }, (e) =>
    e.putV(0, e.call("soft.reciprocalPs", e.v(1), i32.const(root))),
  );
  row(`${name}SS`, `F3 0F ${opcode} /r`, "Vss= Wss", { feature: "sse" }, (e) =>
    e.putI32(0, e.call("soft.reciprocalSs", e.i32(1), i32.const(root))),
  );
}

// Bitwise, on any bits.

for (const [name, opcode, operation] of [
  ["AND", "54", v128.and],
  ["ANDN", "55", (a: Expression, b: Expression) => v128.andnot(b, a)],
  ["OR", "56", v128.or],
  ["XOR", "57", v128.xor],
] as const) {
  const body = (e: Emitter): void =>
    e.putV(0, name === "XOR" && e.isSame(0, 1) ? zeroVector : operation(e.v(0), e.v(1)));
  row(`${name}PS`, `NP 0F ${opcode} /r`, "Vdq! Wdq", { feature: "sse" }, body);
  row(`${name}PD`, `66 0F ${opcode} /r`, "Vdq! Wdq", { feature: "sse2" }, body);
}

// Horizontal and alternating: sums of lanes brought side by side.

for (const [name, opcode, digit] of [
  ["HADD", "7C", 8],
  ["HSUB", "7D", 12],
] as const) {
  for (const [suffix, prefix, laneBytes] of [
    ["PS", "F2", 4],
    ["PD", "66", 8],
  ] as const)
    row(`${name}${suffix}`, `${prefix} 0F ${opcode} /r`, "Vdq! Wdq", { feature: "sse3", faults: true }, (e) => {
      const a = e.let(e.v(0));
      const b = e.let(e.v(1));
      const even = e.let(everySecond(a, b, laneBytes, false));
      const odd = e.let(everySecond(a, b, laneBytes, true));
      const lanes = suffix === "PS" ? f32x4 : f64x2;
      const native = digit === 8 ? lanes.add(even, odd) : lanes.sub(even, odd);
      const soft = suffix === "PS" ? "soft.arithPs" : "soft.arithPd";
      e.putV(
        0,
        refine(
          e,
          native,
          suspectResult(e, suffix === "PS" ? "ps" : "pd"),
          () => e.call(soft, i32.const(digit), even, odd),
          arithmeticCalm(suffix === "PS" ? kindsPs : kindsPd, digit, even, odd),
        ),
      );
    });
}
row("ADDSUBPS", "F2 0F D0 /r", "Vdq! Wdq", { feature: "sse3", faults: true }, (e) => {
  const a = e.let(e.v(0));
  const b = e.let(e.v(1));
  const native = i8x16.shuffle(
    f32x4.sub(a, b),
    f32x4.add(a, b),
    [0, 1, 2, 3, 20, 21, 22, 23, 8, 9, 10, 11, 28, 29, 30, 31],
  );
  e.putV(
    0,
    refine(e, native, suspectResult(e, "ps"), () => e.call("soft.addsubPs", a, b), arithmeticCalm(kindsPs, 8, a, b)),
  );
});
row("ADDSUBPD", "66 0F D0 /r", "Vdq! Wdq", { feature: "sse3", faults: true }, (e) => {
  const a = e.let(e.v(0));
  const b = e.let(e.v(1));
  const native = i8x16.shuffle(
    f64x2.sub(a, b),
    f64x2.add(a, b),
    [0, 1, 2, 3, 4, 5, 6, 7, 24, 25, 26, 27, 28, 29, 30, 31],
  );
  e.putV(
    0,
    refine(e, native, suspectResult(e, "pd"), () => e.call("soft.addsubPd", a, b), arithmeticCalm(kindsPd, 8, a, b)),
  );
});
for (const [name, opcode] of [
  ["DPPS", "40"],
  ["DPPD", "41"],
] as const)
  row(name, `66 0F 3A ${opcode} /r`, "Vdq! Wdq Ib", { feature: "sse4.1", faults: true }, (e) => {
    const result = e.let(e.call(name === "DPPS" ? "soft.dpps" : "soft.dppd", e.v(0), e.v(1), e.get(2)));
    checkSse(e);
    e.putV(0, result);
  });

// Comparison. Predicates: eq, lt, le, unord, and with bit 2 their opposites. What is unordered is left to the soft module.

interface Compare {
  readonly eq: Operation;
  readonly lt: Operation;
  readonly le: Operation;
}

/** Mask of a predicate that is data: all four are cheap. */
function vectorPredicate(e: Emitter, lanes: Compare, predicate: Local, a: Local, b: Local): Expression {
  const bit = (mask: number): Expression => i32.and(predicate, i32.const(mask));
  const low = select(bit(1), lanes.lt(a, b), lanes.eq(a, b));
  const high = select(bit(1), zeroVector, lanes.le(a, b));
  const base = e.let(select(bit(2), high, low));
  return select(bit(4), v128.xor(base, ones), base);
}
function scalarPredicate(e: Emitter, float: Compare, predicate: Local, a: Local, b: Local): Expression {
  const bit = (mask: number): Expression => i32.and(predicate, i32.const(mask));
  const low = select(bit(1), float.lt(a, b), float.eq(a, b));
  const high = select(bit(1), i32.const(0), float.le(a, b));
  const base = e.let(select(bit(2), high, low));
  return i32.sub(i32.const(0), i32.xor(base, i32.shrU(bit(4), i32.const(2))));
}

row("CMPPS", "NP 0F C2 /r", "Vdq! Wdq Ib", { feature: "sse", faults: true }, (e) => {
  const p = e.let(e.get(2));
  const a = e.let(e.v(0));
  const b = e.let(e.v(1));
  e.putV(
    0,
    refine(
      e,
      vectorPredicate(e, f32x4, p, a, b),
      suspectOperands(e, "ps", a, b),
      () => e.call("soft.comparePs", p, a, b),
      orderedCalm(kindsPs, a, b),
    ),
  );
});
row("CMPPD", "66 0F C2 /r", "Vdq! Wdq Ib", { feature: "sse2", faults: true }, (e) => {
  const p = e.let(e.get(2));
  const a = e.let(e.v(0));
  const b = e.let(e.v(1));
  e.putV(
    0,
    refine(
      e,
      vectorPredicate(e, f64x2, p, a, b),
      suspectOperands(e, "pd", a, b),
      () => e.call("soft.comparePd", p, a, b),
      orderedCalm(kindsPd, a, b),
    ),
  );
});
row("CMPSS", "F3 0F C2 /r", "Vss! Wss Ib", { feature: "sse", faults: true }, (e) => {
  const p = e.let(e.get(2));
  const a = e.let(e.f32(0));
  const b = e.let(e.f32(1));
  e.putI32(
    0,
    refine(
      e,
      scalarPredicate(e, f32, p, a, b),
      suspectOperands(e, "f32", a, b),
      () => e.call("soft.compareSs", p, i32.reinterpretF32(a), i32.reinterpretF32(b)),
      orderedCalm(kindsF32, a, b),
    ),
  );
});
row("CMPSD", "F2 0F C2 /r", "Vsd! Wsd Ib", { feature: "sse2", faults: true }, (e) => {
  const p = e.let(e.get(2));
  const a = e.let(e.f64(0));
  const b = e.let(e.f64(1));
  e.putI64(
    0,
    refine(
      e,
      i64.extendI32S(scalarPredicate(e, f64, p, a, b)),
      suspectOperands(e, "f64", a, b),
      () => e.call("soft.compareSd", p, i64.reinterpretF64(a), i64.reinterpretF64(b)),
      orderedCalm(kindsF64, a, b),
    ),
  );
});

/** ZF for equal, CF for less, none for greater; with PF all for unordered, which the soft module does. */
const orderFlags = (float: Compare, a: Local, b: Local): Expression =>
  i32.or(float.lt(a, b), i32.shl(float.eq(a, b), i32.const(6)));
for (const [name, opcode, quietly] of [
  ["UCOMIS", "2E", 1],
  ["COMIS", "2F", 0],
] as const) {
  row(`${name}S`, `NP 0F ${opcode} /r`, "Vss Wss", { feature: "sse", writes: "oszapc", faults: true }, (e) => {
    const a = e.let(e.f32(0));
    const b = e.let(e.f32(1));
    const soft = (): Expression =>
      e.call("soft.comiF32", i32.reinterpretF32(a), i32.reinterpretF32(b), i32.const(quietly));
    e.flags(
      "explicit",
      refine(e, orderFlags(f32, a, b), suspectOperands(e, "f32", a, b), soft, orderedCalm(kindsF32, a, b)),
    );
  });
  row(`${name}D`, `66 0F ${opcode} /r`, "Vsd Wsd", { feature: "sse2", writes: "oszapc", faults: true }, (e) => {
    const a = e.let(e.f64(0));
    const b = e.let(e.f64(1));
    const soft = (): Expression =>
      e.call("soft.comiF64", i64.reinterpretF64(a), i64.reinterpretF64(b), i32.const(quietly));
    e.flags(
      "explicit",
      refine(e, orderFlags(f64, a, b), suspectOperands(e, "f64", a, b), soft, orderedCalm(kindsF64, a, b)),
    );
  });
}

// Rounding to integral values. Bits 0–1 are the mode, bit 2 takes MXCSR's instead (nearest, unless others are loaded).

interface Rounding {
  readonly nearest: (a: Expression) => Expression;
  readonly floor: (a: Expression) => Expression;
  readonly ceil: (a: Expression) => Expression;
  readonly trunc: (a: Expression) => Expression;
}
function rounded(e: Emitter, lanes: Rounding, control: Local, a: Local): Local {
  const mode = e.let(select(i32.and(control, i32.const(4)), i32.const(0), i32.and(control, i32.const(3))));
  const result = e.let(lanes.nearest(a));
  e.f.if(mode, () =>
    e.f.if(
      i32.eq(mode, i32.const(1)),
      () => e.f.set(result, lanes.floor(a)),
      () =>
        e.f.if(
          i32.eq(mode, i32.const(2)),
          () => e.f.set(result, lanes.ceil(a)),
          () => e.f.set(result, lanes.trunc(a)),
        ),
    ),
  );
  return result;
}
row("ROUNDPS", "66 0F 3A 08 /r", "Vdq= Wdq Ib", { feature: "sse4.1", faults: true }, (e) => {
  const control = e.let(e.get(2));
  const a = e.let(e.v(1));
  e.putV(
    0,
    refine(e, rounded(e, f32x4, control, a), suspectResult(e, "ps"), () => e.call("soft.roundPs", a, control)),
  );
});
row("ROUNDPD", "66 0F 3A 09 /r", "Vdq= Wdq Ib", { feature: "sse4.1", faults: true }, (e) => {
  const control = e.let(e.get(2));
  const a = e.let(e.v(1));
  e.putV(
    0,
    refine(e, rounded(e, f64x2, control, a), suspectResult(e, "pd"), () => e.call("soft.roundPd", a, control)),
  );
});
row("ROUNDSS", "66 0F 3A 0A /r", "Vss= Wss Ib", { feature: "sse4.1", faults: true }, (e) => {
  const control = e.let(e.get(2));
  const a = e.let(e.f32(1));
  const soft = (): Expression => f32.reinterpretI32(e.call("soft.roundSs", i32.reinterpretF32(a), control));
  e.putF32(
    0,
    refine(e, rounded(e, f32, control, a), suspectResult(e, "f32"), soft, {
      silent: (r) => f32.eq(r, a),
      likely: (r) => f32.eq(r, r),
    }),
  );
});
row("ROUNDSD", "66 0F 3A 0B /r", "Vsd= Wsd Ib", { feature: "sse4.1", faults: true }, (e) => {
  const control = e.let(e.get(2));
  const a = e.let(e.f64(1));
  const soft = (): Expression => f64.reinterpretI64(e.call("soft.roundSd", i64.reinterpretF64(a), control));
  e.putF64(
    0,
    refine(e, rounded(e, f64, control, a), suspectResult(e, "f64"), soft, {
      silent: (r) => f64.eq(r, a),
      likely: (r) => f64.eq(r, r),
    }),
  );
});
