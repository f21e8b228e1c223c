/** MUL, IMUL, DIV, IDIV. */
import type { Expression } from "../../encode/expression.ts";
import type { FunctionBuilder } from "../../encode/module.ts";
import { i32, i64 } from "../../encode/numeric.ts";
import { helper } from "../helpers.ts";
import { row, type Emitter } from "../row.ts";
import { state } from "../state.ts";
import { exit } from "../types.ts";

const low32 = i64.const(0xffffffff);
const high = (x: Expression): Expression => i64.shrU(x, i64.const(32));

/** The high half of a 64 × 64 bit product, schoolbook with 32-bit digits. */
helper("mulHighU", ["i64", "i64"], ["i64"], (f) => {
  const [a, b] = [f.param(0), f.param(1)];
  const a0 = f.let(i64.and(a, low32));
  const a1 = f.let(high(a));
  const b0 = f.let(i64.and(b, low32));
  const b1 = f.let(high(b));
  const middle = f.let(i64.add(i64.mul(a1, b0), high(i64.mul(a0, b0))));
  const cross = f.let(i64.add(i64.mul(a0, b1), i64.and(middle, low32)));
  f.result(i64.add(i64.add(i64.mul(a1, b1), high(middle)), high(cross)));
});

helper("mulHighS", ["i64", "i64"], ["i64"], (f, context) => {
  const [a, b] = [f.param(0), f.param(1)];
  const sign = (x: Expression, y: Expression): Expression => i64.and(i64.shrS(x, i64.const(63)), y);
  f.result(i64.sub(i64.sub(context.call("mulHighU", a, b), sign(a, b)), sign(b, a)));
});

/**
 * Two-operand IMUL. CF = OF = the product does not fit. Intel SDM vol. 2, IMUL; SF, ZF, AF and PF are undefined: SF and
 * PF follow the result here.
 */
function multiplySigned(e: Emitter, target: number, x: number, y: number): void {
  if (e.size === 64) {
    const a = e.let(e.get(x));
    const b = e.let(e.get(y));
    const product = e.let(i64.mul(a, b));
    e.put(target, product);
    if (e.wantsFlags)
      e.flags("mul", product, e.let(i64.ne(e.call("mulHighS", a, b), i64.shrS(product, i64.const(63)))));
    return;
  }
  const product = e.let(i64.mul(e.get64S(x), e.get64S(y)));
  const low = e.let(i32.wrapI64(product));
  e.put(target, low);
  if (e.wantsFlags)
    e.flags("mul", low, e.let(i64.ne(product, e.size === 16 ? i64.extend16S(product) : i64.extend32S(product))));
}

const options = { writes: "oszapc", undefined: "szap" };
row("IMUL", "0F AF /r", "Gv! Ev", options, (e) => multiplySigned(e, 0, 0, 1));
row("IMUL", "6B /r", "Gv= Ev Ibs", options, (e) => multiplySigned(e, 0, 1, 2));
row("IMUL", "69 /r", "Gv= Ev Iz", options, (e) => multiplySigned(e, 0, 1, 2));

function multiplyWide(signed: boolean): (e: Emitter) => void {
  return (e) => {
    if (e.size === 8) {
      const product = e.let(signed ? i32.mul(e.getS(0), i32.extend8S(e.reg(0, 8))) : i32.mul(e.get(0), e.reg(0, 8)));
      e.setReg(0, 16, product);
      const fits = signed ? i32.extend8S(product) : i32.and(product, i32.const(0xff));
      e.flags("mul", product, e.let(i32.ne(product, fits)));
      return;
    }
    if (e.size === 64) {
      const a = e.let(e.get(0));
      const b = e.let(e.reg(0, 64));
      const product = e.let(i64.mul(a, b));
      const upper = e.let(e.call(signed ? "mulHighS" : "mulHighU", a, b));
      e.setReg(0, 64, product);
      e.setReg(2, 64, upper);
      e.flags("mul", product, e.let(i64.ne(upper, signed ? i64.shrS(product, i64.const(63)) : i64.const(0))));
      return;
    }
    const accumulator = e.reg(0, e.size);
    const a = signed ? e.get64S(0) : e.get64(0);
    const wide = i64.extendI32U(accumulator);
    const b = signed ? (e.size === 16 ? i64.extend16S(wide) : i64.extend32S(wide)) : wide;
    const product = e.let(i64.mul(a, b));
    const low = e.let(i32.wrapI64(product));
    e.setReg(0, e.size, low);
    e.setReg(2, e.size, i32.wrapI64(i64.shrU(product, i64.const(e.size))));
    const fits = signed
      ? e.size === 16
        ? i64.extend16S(product)
        : i64.extend32S(product)
      : i64.and(product, i64.const(2 ** e.size - 1));
    e.flags("mul", low, e.let(i64.ne(product, fits)));
  };
}

for (const [opcode, operand] of [
  ["F6", "Eb"],
  ["F7", "Ev"],
] as const) {
  row("MUL", `${opcode} /4`, operand, options, multiplyWide(false));
  row("IMUL", `${opcode} /5`, operand, options, multiplyWide(true));
}

/** Body shared by the 128-bit divisions: Knuth's algorithm D with two 32-bit digits. Assumes hi < d, d ≠ 0. */
function divideUnsigned(f: FunctionBuilder, hi: Expression, lo: Expression, d: Expression): void {
  const shift = f.let(i64.clz(d));
  const v = f.let(i64.shl(d, shift));
  const v1 = f.let(high(v));
  const v0 = f.let(i64.and(v, low32));
  // The bits of `lo` that move up: shifted in two steps, because a shift by 64 would be one by 0.
  const u = f.let(i64.or(i64.shl(hi, shift), i64.shrU(i64.shrU(lo, i64.const(1)), i64.sub(i64.const(63), shift))));
  const rest = f.let(i64.shl(lo, shift));
  const quotient = f.let(i64.const(0));
  const q = f.temporary("i64");
  const r = f.temporary("i64");
  for (const digit of [high(rest), i64.and(rest, low32)]) {
    const next = f.let(digit);
    f.set(q, i64.divU(u, v1));
    f.set(r, i64.sub(u, i64.mul(q, v1)));
    f.block((enough) => {
      f.loop((again) => {
        const tooBig = i32.or(i64.gtU(q, low32), i64.gtU(i64.mul(q, v0), i64.or(i64.shl(r, i64.const(32)), next)));
        f.brIf(enough, i32.eqz(tooBig));
        f.set(q, i64.sub(q, i64.const(1)));
        f.set(r, i64.add(r, v1));
        f.brIf(again, i64.leU(r, low32));
      });
    });
    f.set(u, i64.sub(i64.or(i64.shl(u, i64.const(32)), next), i64.mul(q, v)));
    f.set(quotient, i64.or(i64.shl(quotient, i64.const(32)), q));
  }
  f.emit(i64.store(i32.const(0), quotient, state.helper));
  f.emit(i64.store(i32.const(0), i64.shrU(u, shift), state.helper + 8));
}

/** (hi, lo, divisor): quotient and remainder at `state.helper`; returns 1 for #DE. */
helper("divide128U", ["i64", "i64", "i64"], ["i32"], (f) => {
  const [hi, lo, d] = [f.param(0), f.param(1), f.param(2)];
  f.if(i64.geU(hi, d), () => f.return(i32.const(1)));
  f.if(
    i64.eqz(hi),
    () => {
      f.emit(i64.store(i32.const(0), i64.divU(lo, d), state.helper));
      f.emit(i64.store(i32.const(0), i64.remU(lo, d), state.helper + 8));
    },
    () => divideUnsigned(f, hi, lo, d),
  );
  f.result(i32.const(0));
});

helper("divide128S", ["i64", "i64", "i64"], ["i32"], (f, context) => {
  const [hi, lo, d] = [f.param(0), f.param(1), f.param(2)];
  const base = i32.const(0);
  f.if(i64.eqz(d), () => f.return(i32.const(1)));
  // The usual case, after CQO: the dividend fits 64 bits. Only the least number over -1 overflows.
  f.if(i32.and(i64.eq(hi, i64.shrS(lo, i64.const(63))), i64.ne(lo, i64.const(-(1n << 63n)))), () => {
    f.emit(i64.store(base, i64.divS(lo, d), state.helper));
    f.emit(i64.store(base, i64.remS(lo, d), state.helper + 8));
    f.return(i32.const(0));
  });
  const negative = f.let(i64.shrS(hi, i64.const(63)));
  const flip = f.let(i64.xor(negative, i64.shrS(d, i64.const(63))));
  f.if(i32.wrapI64(negative), () => {
    f.set(lo, i64.sub(i64.const(0), lo));
    f.set(hi, i64.sub(i64.xor(hi, i64.const(-1)), i64.const(0)));
    f.if(i64.eqz(lo), () => f.set(hi, i64.add(hi, i64.const(1))));
  });
  f.if(i64.ltS(d, i64.const(0)), () => f.set(d, i64.sub(i64.const(0), d)));
  f.if(context.call("divide128U", hi, lo, d), () => f.return(i32.const(1)));
  const q = f.let(i64.load(base, state.helper));
  const r = f.let(i64.load(base, state.helper + 8));
  // The magnitude may reach 2^63 only if the quotient is negative.
  f.if(i64.gtU(q, i64.sub(i64.const((1n << 63n) - 1n), flip)), () => f.return(i32.const(1)));
  f.emit(i64.store(base, i64.sub(i64.xor(q, flip), flip), state.helper));
  f.emit(i64.store(base, i64.sub(i64.xor(r, negative), negative), state.helper + 8));
  f.result(i32.const(0));
});

function divide(signed: boolean): (e: Emitter) => void {
  return (e) => {
    if (e.size === 64) {
      const failed = e.call(signed ? "divide128S" : "divide128U", e.reg(2, 64), e.reg(0, 64), e.get(0));
      e.faultIf(failed, exit.divideError);
      e.setReg(0, 64, i64.load(i32.const(0), state.helper));
      e.setReg(2, 64, i64.load(i32.const(0), state.helper + 8));
      return;
    }
    const divisor = e.let(signed ? e.get64S(0) : e.get64(0));
    e.faultIf(i64.eqz(divisor), exit.divideError);
    let dividend: Expression;
    if (e.size === 8) {
      const ax = i64.extendI32U(e.reg(0, 16));
      dividend = signed ? i64.extend16S(ax) : ax;
    } else {
      const pair = i64.or(
        i64.shl(i64.extendI32U(e.reg(2, e.size)), i64.const(e.size)),
        i64.extendI32U(e.reg(0, e.size)),
      );
      dividend = signed && e.size === 16 ? i64.extend32S(pair) : pair;
    }
    const n = e.let(dividend);
    if (signed && e.size === 32)
      e.faultIf(i32.and(i64.eq(n, i64.const(-(1n << 63n))), i64.eq(divisor, i64.const(-1))), exit.divideError);
    const q = e.let(signed ? i64.divS(n, divisor) : i64.divU(n, divisor));
    const limit = 1n << BigInt(e.size - 1);
    e.faultIf(
      signed ? i64.geU(i64.add(q, i64.const(limit)), i64.const(2n * limit)) : i64.geU(q, i64.const(2n * limit)),
      exit.divideError,
    );
    const r = e.let(i32.wrapI64(signed ? i64.remS(n, divisor) : i64.remU(n, divisor)));
    const quotient = i32.wrapI64(q);
    if (e.size === 8)
      e.setReg(0, 16, i32.or(i32.and(quotient, i32.const(0xff)), i32.shl(i32.and(r, i32.const(0xff)), i32.const(8))));
    else {
      e.setReg(0, e.size, quotient);
      e.setReg(2, e.size, r);
    }
  };
}

const divideOptions = { undefined: "oszapc", faults: true };
for (const [opcode, operand] of [
  ["F6", "Eb"],
  ["F7", "Ev"],
] as const) {
  row("DIV", `${opcode} /6`, operand, divideOptions, divide(false));
  row("IDIV", `${opcode} /7`, operand, divideOptions, divide(true));
}
