/** Bit tests, bit scans, population count. */
import type { Expression } from "../../encode/expression.ts";
import { i32, i64, select } from "../../encode/numeric.ts";
import { arithmeticMask, rflags } from "../flags.ts";
import { row, type Emitter } from "../row.ts";

type Change = ((e: Emitter, value: Expression, mask: Expression) => Expression) | null;

function setCarry(e: Emitter, carry: Expression): void {
  if (!e.wantsFlags) return;
  const kept = i32.and(e.arithmeticFlags(), i32.const(arithmeticMask & ~rflags.carry));
  e.flags("explicit", e.let(i32.or(kept, carry)));
}

const bitOf = (e: Emitter, value: Expression, index: Expression): Expression => {
  const bit = e.w.and(e.w.shrU(value, index), e.w.const(1));
  return e.size === 64 ? i32.wrapI64(bit) : bit;
};

/** Register, or memory with an immediate index: the index is taken modulo the operand size. */
function near(change: Change): (e: Emitter) => void {
  return (e) => {
    const raw = e.get(1);
    const natural = e.size === 64 && raw.type === "i32" ? i64.extendI32U(raw) : raw;
    const index = e.let(e.w.and(natural, e.w.const(e.size - 1)));
    const value = e.let(e.get(0));
    const carry = e.let(bitOf(e, value, index));
    if (change !== null) e.put(0, change(e, value, e.w.shl(e.w.const(1), index)));
    setCarry(e, carry);
  };
}

/** Memory with an index in a register: a string of bits that reaches in both directions. */
function far(change: Change): (e: Emitter) => void {
  return (e) => {
    const index = e.let(e.get64S(1));
    const shift = Math.log2(e.size);
    const step = i64.shl(i64.shrS(index, i64.const(shift)), i64.const(shift - 3));
    const bytes = e.size / 8;
    const { host } = e.translate(i64.add(e.address(0), step), bytes, change === null ? "read" : "write");
    const at = e.let(
      e.size === 64 ? i64.and(index, i64.const(63)) : i32.and(i32.wrapI64(index), i32.const(e.size - 1)),
    );
    const value = e.let(e.size === 64 ? i64.load(host) : e.size === 32 ? i32.load(host) : i32.load16U(host));
    const carry = e.let(bitOf(e, value, at));
    if (change !== null) {
      const changed = change(e, value, e.w.shl(e.w.const(1), at));
      e.f.emit(e.size === 16 ? i32.store16(host, changed) : e.w.store(host, changed));
    }
    setCarry(e, carry);
  };
}

const families: readonly [string, number, Change][] = [
  ["BT", 4, null],
  ["BTS", 5, (e, value, mask) => e.w.or(value, mask)],
  ["BTR", 6, (e, value, mask) => e.w.and(value, e.w.xor(mask, e.w.const(-1)))],
  ["BTC", 7, (e, value, mask) => e.w.xor(value, mask)],
];
for (const [name, digit, change] of families) {
  const options = { writes: "c", reads: "oszap", lock: change !== null };
  const access = change === null ? "" : "!";
  const opcode = (0xa3 + 8 * (digit - 4)).toString(16);
  row(name, `0F ${opcode} /r`, `Rv${access} Gv`, options, near(change));
  row(name, `0F ${opcode} /r`, "M Gv", options, far(change));
  row(name, `0F BA /${digit}`, `Ev${access} Ib`, options, near(change));
}

/** The destination stays as it was if the source is zero (documented by AMD, done by Intel). */
function scan(forward: boolean): (e: Emitter) => void {
  return (e) => {
    const source = e.let(e.get(1));
    const zero = e.let(e.w.eqz(source));
    const width = e.size === 64 ? 63 : 31;
    e.f.if(i32.eqz(zero), () => e.put(0, forward ? e.w.ctz(source) : e.w.sub(e.w.const(width), e.w.clz(source))));
    e.flags("explicit", e.let(i32.shl(zero, i32.const(6))));
  };
}
const scanOptions = { writes: "z", undefined: "osapc" };
row("BSF", "0F BC /r", "Gv! Ev", scanOptions, scan(true));
row("BSR", "0F BD /r", "Gv! Ev", scanOptions, scan(false));

row("POPCNT", "F3 0F B8 /r", "Gv= Ev", { writes: "oszapc", feature: "popcnt" }, (e) => {
  const source = e.let(e.get(1));
  e.put(0, e.w.popcnt(source));
  e.flags("explicit", e.let(select(e.w.eqz(source), i32.const(rflags.zero), i32.const(0))));
});
