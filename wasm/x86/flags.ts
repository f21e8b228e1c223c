/**
 * Lazy flags. An instruction that sets the arithmetic flags stores its kind and its operands; CF and the rest are
 * computed when read, which is rare, because most compares are fused with their branch.
 *
 * `flagsKind` is a class (below) << 8 | shift, where shift = 64 - operand size: the stored operands are shifted left by
 * it first, so that all sizes are handled as 64-bit arithmetic at the top of the word, and garbage above an operand does
 * not matter.
 */
import type { Expression } from "../encode/expression.ts";
import { call, type FunctionBuilder, type FunctionRef, type Local, type ModuleBuilder } from "../encode/module.ts";
import { i32, i64, select, type IntegerOps } from "../encode/numeric.ts";
import type { FlagsKind, OperandSize } from "./row.ts";
import { state } from "./state.ts";

export const flagClass = {
  explicit: 0,
  add: 1,
  sub: 2,
  logic: 3,
  inc: 4,
  dec: 5,
  adc: 6,
  sbb: 7,
  shl: 8,
  shr: 9,
  sar: 10,
  mul: 11,
} as const;

export const rflags = {
  carry: 1,
  one: 2,
  parity: 4,
  adjust: 16,
  zero: 64,
  sign: 128,
  trap: 0x100,
  interrupt: 0x200,
  direction: 0x400,
  overflow: 0x800,
  alignment: 0x40000,
  id: 0x200000,
  nested: 0x4000,
  /** Those user mode may change besides the arithmetic ones (Intel SDM vol. 2, POPF). */
  userOther: 0x244500,
} as const;

export const arithmeticMask = 0x8d5;

export interface FlagFunctions {
  /** CF as 0 or 1. */
  readonly carry: FunctionRef;
  /** All six as RFLAGS bits. */
  readonly all: FunctionRef;
  /** The eight even conditions: O B Z BE S P L LE. */
  readonly conditions: readonly FunctionRef[];
}

const base = i32.const(0);
export const loadKind = (): Expression => i32.load(base, state.flagsKind);
const shiftOf = (kind: Expression): Expression => i64.extendI32U(i32.and(kind, i32.const(63)));

/** Code that dispatches on the class: `arms` by class name; `otherwise` for the rest. Each arm returns. */
function byClass(
  f: FunctionBuilder,
  kind: Expression,
  arms: Partial<Record<keyof typeof flagClass, () => void>>,
  otherwise: () => void,
): void {
  const names = Object.keys(flagClass) as (keyof typeof flagClass)[];
  const present = names.filter((name) => arms[name] !== undefined);
  const labels = new Map<string, ReturnType<FunctionBuilder["open"]>>();
  const rest = f.open();
  for (const name of present.toReversed()) labels.set(name, f.open());
  f.brTable(
    i32.shrU(kind, i32.const(8)),
    names.map((name) => labels.get(name) ?? rest),
    rest,
  );
  for (const name of present) {
    f.end();
    arms[name]!();
  }
  f.end();
  otherwise();
  f.unreachable();
}

interface Operands {
  kind: Local;
  shift: Local;
  a: Local;
  b: Local;
}

/** Where a function finds the flags: in memory, or in its parameters (kind, a, b), as a compiled region calls it. */
type Source = "state" | "parameters";

const parametersOf = { state: [], parameters: ["i32", "i64", "i64"] } as const;

function rawOperands(f: FunctionBuilder, source: Source): readonly [kind: Expression, a: Expression, b: Expression] {
  if (source === "parameters") return [f.param(0), f.param(1), f.param(2)];
  return [loadKind(), i64.load(base, state.flagsA), i64.load(base, state.flagsB)];
}

function operands(f: FunctionBuilder, source: Source): Operands {
  const [rawKind, rawA, rawB] = rawOperands(f, source);
  const kind = f.let(rawKind);
  const shift = f.let(shiftOf(kind));
  return { kind, shift, a: f.let(i64.shl(rawA, shift)), b: f.let(rawB) };
}

const one = i64.const(1);

/** Result at the top of the word, by class. `b` is as stored: not shifted. */
function resultOf(f: FunctionBuilder, o: Operands, result: Local): void {
  const done = f.open();
  const arm = (value: Expression): (() => void) => {
    return () => {
      f.set(result, value);
      f.br(done);
    };
  };
  const bs = i64.shl(o.b, o.shift);
  const unit = i64.shl(one, o.shift);
  byClass(
    f,
    o.kind,
    {
      add: arm(i64.add(o.a, bs)),
      sub: arm(i64.sub(o.a, bs)),
      inc: arm(i64.add(o.a, unit)),
      dec: arm(i64.sub(o.a, unit)),
      adc: arm(i64.add(i64.add(o.a, bs), unit)),
      sbb: arm(i64.sub(i64.sub(o.a, bs), unit)),
      shl: arm(i64.shl(o.a, o.b)),
      shr: arm(i64.shl(i64.shrU(i64.shrU(o.a, o.shift), o.b), o.shift)),
      sar: arm(i64.shl(i64.shrS(i64.shrS(o.a, o.shift), o.b), o.shift)),
    },
    arm(o.a),
  );
  f.end();
}

export function buildFlagFunctions(m: ModuleBuilder, source: Source = "state"): FlagFunctions {
  const parameters = parametersOf[source];
  const suffix = source === "state" ? "" : "Of";
  const carry = m.function(`carry${suffix}`, parameters, ["i32"]);
  {
    const f = carry;
    const o = operands(f, source);
    const bs = f.let(i64.shl(o.b, o.shift));
    const unit = i64.shl(one, o.shift);
    const r = f.temporary("i64");
    const negative = (x: Expression): Expression => i32.wrapI64(i64.shrU(x, i64.const(63)));
    const count = i64.sub(o.b, one);
    byClass(
      f,
      o.kind,
      {
        explicit: () => f.return(i32.and(i32.wrapI64(o.a), i32.const(1))),
        add: () => f.return(i64.ltU(i64.add(o.a, bs), o.a)),
        sub: () => f.return(i64.ltU(o.a, bs)),
        inc: () => f.return(i32.wrapI64(o.b)),
        dec: () => f.return(i32.wrapI64(o.b)),
        adc: () => {
          f.set(r, i64.add(i64.add(o.a, bs), unit));
          f.return(i64.leU(r, o.a));
        },
        sbb: () => f.return(i64.leU(o.a, bs)),
        shl: () => f.return(negative(i64.shl(o.a, count))),
        shr: () => f.return(i32.wrapI64(i64.and(i64.shrU(i64.shrU(o.a, o.shift), count), one))),
        sar: () => f.return(i32.wrapI64(i64.and(i64.shrS(i64.shrS(o.a, o.shift), count), one))),
        mul: () => f.return(i32.wrapI64(o.b)),
      },
      () => f.return(i32.const(0)),
    );
  }

  const all = m.function(`arithmeticFlags${suffix}`, parameters, ["i32"]);
  {
    const f = all;
    const o = operands(f, source);
    f.if(i32.eqz(i32.shrU(o.kind, i32.const(8))), () =>
      f.return(i32.and(i32.wrapI64(rawOperands(f, source)[1]), i32.const(arithmeticMask))),
    );
    const r = f.temporary("i64");
    resultOf(f, o, r);
    const bs = f.let(i64.shl(o.b, o.shift));
    const unit = f.let(i64.shl(one, o.shift));
    const low = f.let(i32.wrapI64(i64.shrU(r, o.shift)));
    const flags = f.let(
      i32.or(
        call(carry, ...(source === "state" ? [] : rawOperands(f, source))),
        i32.or(
          select(i64.eqz(r), i32.const(rflags.zero), i32.const(0)),
          select(i64.ltS(r, i64.const(0)), i32.const(rflags.sign), i32.const(0)),
        ),
      ),
    );
    f.set(
      flags,
      i32.or(
        flags,
        i32.shl(i32.and(i32.xor(i32.popcnt(i32.and(low, i32.const(0xff))), i32.const(1)), i32.const(1)), i32.const(2)),
      ),
    );
    const overflow = f.temporary("i64");
    const adjust = f.temporary("i64");
    const done = f.open();
    const arm = (o2: Expression, a2: Expression | null): (() => void) => {
      return () => {
        f.set(overflow, o2);
        f.set(adjust, a2 === null ? i64.const(0) : i64.shrU(a2, o.shift));
        f.br(done);
      };
    };
    const x3 = (p: Expression, q: Expression, s: Expression): Expression => i64.xor(i64.xor(p, q), s);
    const addOverflow = (b2: Expression): Expression => i64.and(i64.xor(o.a, r), i64.xor(b2, r));
    const subOverflow = (b2: Expression): Expression => i64.and(i64.xor(o.a, b2), i64.xor(o.a, r));
    byClass(
      f,
      o.kind,
      {
        add: arm(addOverflow(bs), x3(o.a, bs, r)),
        adc: arm(addOverflow(bs), x3(o.a, bs, r)),
        sub: arm(subOverflow(bs), x3(o.a, bs, r)),
        sbb: arm(subOverflow(bs), x3(o.a, bs, r)),
        inc: arm(i64.and(i64.xor(r, o.a), r), x3(o.a, unit, r)),
        dec: arm(i64.and(i64.xor(r, o.a), o.a), x3(o.a, unit, r)),
        shl: arm(i64.xor(r, i64.shl(o.a, i64.sub(o.b, one))), null),
        shr: arm(o.a, null),
        mul: arm(i64.shl(o.b, i64.const(63)), null),
      },
      arm(i64.const(0), null),
    );
    f.end();
    f.set(flags, i32.or(flags, i32.and(i32.wrapI64(adjust), i32.const(rflags.adjust))));
    f.result(i32.or(flags, i32.wrapI64(i64.shl(i64.shrU(overflow, i64.const(63)), i64.const(11)))));
  }

  // Conditions: the common classes are answered directly, the rest from the canonical flags.
  const conditions: FunctionRef[] = [];
  for (let code = 0; code < 16; code += 2) {
    const f = m.function(`condition${suffix}${code}`, parameters, ["i32"]);
    const o = operands(f, source);
    const bs = i64.shl(o.b, o.shift);
    const zero = i64.const(0);
    const sub: (Expression | null)[] = [
      null,
      i64.ltU(o.a, bs),
      i64.eq(o.a, bs),
      i64.leU(o.a, bs),
      i64.ltS(i64.sub(o.a, bs), zero),
      null,
      i64.ltS(o.a, bs),
      i64.leS(o.a, bs),
    ];
    const logic: (Expression | null)[] = [
      i32.const(0),
      i32.const(0),
      i64.eqz(o.a),
      i64.eqz(o.a),
      i64.ltS(o.a, zero),
      null,
      i64.ltS(o.a, zero),
      i64.leS(o.a, zero),
    ];
    const r = i64.add(o.a, bs);
    const add: (Expression | null)[] = [null, i64.ltU(r, o.a), i64.eqz(r), null, i64.ltS(r, zero), null, null, null];
    const arms: Parameters<typeof byClass>[2] = {};
    const s = sub[code >> 1];
    const l = logic[code >> 1];
    const a = add[code >> 1];
    if (s) arms.sub = () => f.return(s);
    if (l) arms.logic = () => f.return(l);
    if (a) arms.add = () => f.return(a);
    byClass(f, o.kind, arms, () => {
      const v = f.let(call(all, ...(source === "state" ? [] : rawOperands(f, source))));
      f.return(conditionOfFlags(code, v));
    });
    conditions.push(f);
  }
  return { carry, all, conditions };
}

/** An even condition computed from RFLAGS bits. */
function conditionOfFlags(code: number, v: Expression): Expression {
  const any = (mask: number): Expression => i32.ne(i32.and(v, i32.const(mask)), i32.const(0));
  const less = i32.ne(i32.and(i32.xor(v, i32.shrU(v, i32.const(4))), i32.const(rflags.sign)), i32.const(0));
  switch (code) {
    case 0:
      return any(rflags.overflow);
    case 2:
      return any(rflags.carry);
    case 4:
      return any(rflags.zero);
    case 6:
      return any(rflags.carry | rflags.zero);
    case 8:
      return any(rflags.sign);
    case 10:
      return any(rflags.parity);
    case 12:
      return less;
    case 14:
      return i32.or(any(rflags.zero), less);
    default:
      throw new Error(`condition ${code} is odd`);
  }
}

/**
 * A condition straight from the operands of the instruction that sets the flags, for fused compare-and-branch; null
 * where that is not simple. Operands are of the integer type `w`, zero-extended.
 */
export function fusedCondition(
  code: number,
  kind: FlagsKind,
  size: OperandSize,
  w: IntegerOps,
  a: Expression,
  b: Expression,
): Expression | null {
  const narrow = size < 32;
  const signed = (x: Expression): Expression => (size === 8 ? i32.extend8S(x) : size === 16 ? i32.extend16S(x) : x);
  const mask = (x: Expression): Expression => (narrow ? i32.and(x, i32.const((1 << size) - 1)) : x);
  const zero = w.const(0);
  const even = code & ~1;
  const odd = (code & 1) === 1;
  const pick = (yes: Expression, no: Expression): Expression => (odd ? no : yes);
  if (kind === "sub") {
    switch (even) {
      case 2:
        return pick(w.ltU(a, b), w.geU(a, b));
      case 4:
        return pick(w.eq(a, b), w.ne(a, b));
      case 6:
        return pick(w.leU(a, b), w.gtU(a, b));
      case 8: {
        const r = signed(w.sub(a, b));
        return pick(w.ltS(r, zero), w.geS(r, zero));
      }
      case 12:
        return pick(w.ltS(signed(a), signed(b)), w.geS(signed(a), signed(b)));
      case 14:
        return pick(w.leS(signed(a), signed(b)), w.gtS(signed(a), signed(b)));
      default:
        return null;
    }
  }
  if (kind === "logic") {
    const r = mask(a);
    switch (even) {
      case 4:
      case 6:
        return pick(w.eqz(r), w.ne(r, zero));
      case 8:
      case 12:
        return pick(w.ltS(signed(a), zero), w.geS(signed(a), zero));
      case 14:
        return pick(w.leS(signed(a), zero), w.gtS(signed(a), zero));
      default:
        return null;
    }
  }
  if (kind === "add" || kind === "inc" || kind === "dec") {
    const r = kind === "add" ? w.add(a, b) : kind === "inc" ? w.add(a, w.const(1)) : w.sub(a, w.const(1));
    if (even === 4) return pick(w.eqz(mask(r)), w.ne(mask(r), zero));
    if (even === 8) return pick(w.ltS(signed(r), zero), w.geS(signed(r), zero));
    if (even === 2 && kind === "add") return pick(w.ltU(mask(r), a), w.geU(mask(r), a));
  }
  return null;
}
