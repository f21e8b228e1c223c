/** Shifts, rotates and double shifts. Intel SDM vol. 2: SAL/SAR/SHL/SHR, RCL/RCR/ROL/ROR, SHLD, SHRD. */
import type { Expression } from "../../encode/expression.ts";
import { i32, i64, select } from "../../encode/numeric.ts";
import { arithmeticMask, rflags } from "../flags.ts";
import { helper } from "../helpers.ts";
import { row, type Emitter } from "../row.ts";

/** The count as the processor takes it: 5 bits, 6 for 64-bit operands. As i32. */
function count(e: Emitter): Expression {
  return e.let(i32.and(e.get(1), i32.const(e.size === 64 ? 63 : 31)));
}

const wide = (e: Emitter, value: Expression): Expression => (e.size === 64 ? i64.extendI32U(value) : value);

function shift(kind: "shl" | "shr" | "sar"): (e: Emitter) => void {
  return (e) => {
    const n = count(e);
    const a = e.let(kind === "sar" ? e.getS(0) : e.get(0));
    const by = wide(e, n);
    e.put(0, kind === "shl" ? e.w.shl(a, by) : kind === "shr" ? e.w.shrU(a, by) : e.w.shrS(a, by));
    // A count of zero leaves the flags alone.
    if (e.wantsFlags) e.f.if(n, () => e.flags(kind, a, n));
  };
}

const bit = (value: Expression, at: number): Expression => {
  if (value.type === "i64") return i32.wrapI64(i64.and(i64.shrU(value, i64.const(at)), i64.const(1)));
  return i32.and(i32.shrU(value, i32.const(at)), i32.const(1));
};

/** Sets CF and OF, keeps the rest. */
function carryOverflow(e: Emitter, carry: Expression, overflow: Expression): void {
  const kept = i32.and(e.arithmeticFlags(), i32.const(arithmeticMask & ~(rflags.carry | rflags.overflow)));
  e.flags("explicit", e.let(i32.or(kept, i32.or(carry, i32.shl(overflow, i32.const(11))))));
}

function rotate(left: boolean): (e: Emitter) => void {
  return (e) => {
    const n = count(e);
    const a = e.let(e.get(0));
    let value: Expression;
    if (e.size >= 32) value = left ? e.w.rotl(a, wide(e, n)) : e.w.rotr(a, wide(e, n));
    else {
      const by = e.let(i32.and(n, i32.const(e.size - 1)));
      const back = i32.sub(i32.const(e.size), by);
      value = left ? i32.or(i32.shl(a, by), i32.shrU(a, back)) : i32.or(i32.shrU(a, by), i32.shl(a, back));
    }
    const r = e.let(value);
    e.put(0, r);
    if (!e.wantsFlags) return;
    const top = bit(r, e.size - 1);
    e.f.if(n, () => {
      if (left) carryOverflow(e, bit(r, 0), i32.xor(top, bit(r, 0)));
      else carryOverflow(e, top, i32.xor(top, bit(r, e.size - 2)));
    });
  };
}

function rotateCarry(left: boolean): (e: Emitter) => void {
  return (e) => {
    const masked = count(e);
    const n = e.size < 32 ? e.let(i32.remU(masked, i32.const(e.size + 1))) : masked;
    const carry = e.let(i64.extendI32U(e.carry()));
    const a = e.let(e.get64(0));
    const by = e.let(i64.extendI32U(n));
    const put = (r: Expression): void => e.put(0, e.size === 64 ? r : i32.wrapI64(r));
    // With a count of zero nothing changes, though a 32-bit register is still zero-extended.
    e.f.if(
      n,
      () => {
        const back = i64.sub(i64.const(e.size), by);
        // Two steps, because `back` + 1 may be 64.
        const r = e.let(
          left
            ? i64.or(
                i64.or(i64.shl(a, by), i64.shl(carry, i64.sub(by, i64.const(1)))),
                i64.shrU(i64.shrU(a, i64.const(1)), back),
              )
            : i64.or(i64.or(i64.shrU(a, by), i64.shl(carry, back)), i64.shl(i64.shl(a, i64.const(1)), back)),
        );
        const out = e.let(i32.wrapI64(i64.and(i64.shrU(a, left ? back : i64.sub(by, i64.const(1))), i64.const(1))));
        put(r);
        const top = bit(r, e.size - 1);
        carryOverflow(e, out, i32.xor(top, left ? out : bit(r, e.size - 2)));
      },
      () => put(a),
    );
  };
}

const bodies: readonly [string, (e: Emitter) => void, object][] = [
  ["ROL", rotate(true), { writes: "oc", reads: "szap" }],
  ["ROR", rotate(false), { writes: "oc", reads: "szap" }],
  ["RCL", rotateCarry(true), { writes: "oc", reads: "szapc" }],
  ["RCR", rotateCarry(false), { writes: "oc", reads: "szapc" }],
  ["SHL", shift("shl"), { writes: "oszapc", undefined: "oa" }],
  ["SHR", shift("shr"), { writes: "oszapc", undefined: "oa" }],
  ["SHL", shift("shl"), { writes: "oszapc", undefined: "oa" }],
  ["SAR", shift("sar"), { writes: "oszapc", undefined: "oa" }],
];

bodies.forEach(([name, body, flags], digit) => {
  const conditional = { ...flags, conditional: true };
  row(name, `C0 /${digit}`, "Eb! Ib", conditional, body);
  row(name, `C1 /${digit}`, "Ev! Ib", conditional, body);
  row(name, `D0 /${digit}`, "Eb! 1", flags, body);
  row(name, `D1 /${digit}`, "Ev! 1", flags, body);
  row(name, `D2 /${digit}`, "Eb! CL", conditional, body);
  row(name, `D3 /${digit}`, "Ev! CL", conditional, body);
});

/** ZF, SF and PF of a result shifted to the top of the word, and its low byte. */
helper("resultFlags", ["i64", "i32"], ["i32"], (f) => {
  const [top, low] = [f.param(0), f.param(1)];
  const parity = i32.and(i32.xor(i32.popcnt(i32.and(low, i32.const(0xff))), i32.const(1)), i32.const(1));
  f.result(
    i32.or(
      i32.or(
        select(i64.eqz(top), i32.const(rflags.zero), i32.const(0)),
        select(i64.ltS(top, i64.const(0)), i32.const(rflags.sign), i32.const(0)),
      ),
      i32.shl(parity, i32.const(2)),
    ),
  );
});

function doubleShift(left: boolean): (e: Emitter) => void {
  return (e) => {
    const raw = e.get(2);
    const n = e.let(i32.and(raw, i32.const(e.size === 64 ? 63 : 31)));
    const by = e.let(i64.extendI32U(n));
    const a = e.let(e.get64(0));
    const b = e.let(e.get64(1));
    const size = i64.const(e.size);
    let value: Expression;
    if (e.size === 64) {
      const back = i64.sub(i64.const(63), by);
      value = left
        ? i64.or(i64.shl(a, by), i64.shrU(i64.shrU(b, i64.const(1)), back))
        : i64.or(i64.shrU(a, by), i64.shl(i64.shl(b, i64.const(1)), back));
    } else if (e.size === 32) {
      value = left
        ? i64.shrU(i64.shl(i64.or(i64.shl(a, size), b), by), size)
        : i64.shrU(i64.or(i64.shl(b, size), a), by);
    } else {
      // Counts over 16 are undefined for 16 bits; Intel's processors shift a:b:a.
      value = left
        ? i64.shrU(i64.shl(i64.or(i64.or(i64.shl(a, i64.const(32)), i64.shl(b, size)), a), by), i64.const(32))
        : i64.shrU(i64.or(i64.or(i64.shl(a, i64.const(32)), i64.shl(b, size)), a), by);
    }
    const r = e.let(value);
    e.put(0, e.size === 64 ? r : i32.wrapI64(r));
    if (!e.wantsFlags) return;
    e.f.if(n, () => {
      const last = left ? i64.sub(size, by) : i64.sub(by, i64.const(1));
      const carry = i32.wrapI64(i64.and(i64.shrU(a, last), i64.const(1)));
      const top = i64.shl(r, i64.const(64 - e.size));
      const overflow = i32.xor(bit(r, e.size - 1), bit(a, e.size - 1));
      e.flags(
        "explicit",
        e.let(i32.or(e.call("resultFlags", top, i32.wrapI64(r)), i32.or(carry, i32.shl(overflow, i32.const(11))))),
      );
    });
  };
}

const doubleOptions = { writes: "oszapc", undefined: "oa", conditional: true };
row("SHLD", "0F A4 /r", "Ev! Gv Ib", doubleOptions, doubleShift(true));
row("SHLD", "0F A5 /r", "Ev! Gv CL", doubleOptions, doubleShift(true));
row("SHRD", "0F AC /r", "Ev! Gv Ib", doubleOptions, doubleShift(false));
row("SHRD", "0F AD /r", "Ev! Gv CL", doubleOptions, doubleShift(false));
