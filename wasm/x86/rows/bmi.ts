/**
 * BMI1, BMI2 and LZCNT. TZCNT and LZCNT take the bytes of BSF and BSR with F3: only x86-64-v3 has them (opcodes.ts). BMI's
 * others are VEX-encoded, and leave the flags they do not define as they are or undefined (Intel SDM vol. 2).
 */
import type { Expression } from "../../encode/expression.ts";
import { i32, i64, select } from "../../encode/numeric.ts";
import { helper } from "../helpers.ts";
import { row, type Emitter } from "../row.ts";

const bmi1 = { feature: "bmi1", undefined: "ap", writes: "oszc" };
const bmi2 = { feature: "bmi2" };

/** ZF, SF of the result and CF (i32); OF, AF, PF are cleared. */
function setFlags(e: Emitter, result: Expression, carry: Expression, sign = true): void {
  const negative = e.w.ltS(result, e.w.const(0));
  const zero = i32.shl(e.w.eqz(result), i32.const(6));
  const both = sign ? i32.or(zero, i32.shl(negative, i32.const(7))) : zero;
  e.flags("explicit", e.let(i32.or(both, carry)));
}

for (const [name, opcode, feature, forward] of [
  ["TZCNT", "BC", "bmi1", true],
  ["LZCNT", "BD", "lzcnt", false],
] as const)
  row(name, `F3 0F ${opcode} /r`, "Gv= Ev", { feature, writes: "zc", undefined: "osap" }, (e) => {
    const source = e.let(e.get(1));
    const narrow = e.size === 16;
    // A bit behind the operand stops the count of trailing zeros at 16.
    let count = forward ? e.w.ctz(narrow ? i32.or(source, i32.const(0x10000)) : source) : e.w.clz(source);
    if (!forward && narrow) count = i32.sub(count, i32.const(16));
    const result = e.let(count);
    e.put(0, result);
    setFlags(e, result, e.w.eqz(source), false);
  });

row("ANDN", "VEX.LZ NP 0F 38 F2 /r", "Gy= By Ey", bmi1, (e) => {
  const result = e.let(e.w.and(e.w.xor(e.get(1), e.w.const(-1)), e.get(2)));
  e.put(0, result);
  setFlags(e, result, i32.const(0));
});

/** The lowest set bit: isolated, cleared, or the mask up to it. CF says whether there is none, for BLSI whether there is. */
for (const [name, digit, compute] of [
  ["BLSR", 1, (e: Emitter, a: Expression) => e.w.and(e.w.sub(a, e.w.const(1)), a)],
  ["BLSMSK", 2, (e: Emitter, a: Expression) => e.w.xor(e.w.sub(a, e.w.const(1)), a)],
  ["BLSI", 3, (e: Emitter, a: Expression) => e.w.and(e.w.sub(e.w.const(0), a), a)],
] as const)
  row(name, `VEX.LZ NP 0F 38 F3 /${digit}`, "By= Ey", bmi1, (e) => {
    const source = e.let(e.get(1));
    const result = e.let(compute(e, source));
    const none = e.w.eqz(source);
    e.put(0, result);
    setFlags(e, result, e.let(name === "BLSI" ? i32.eqz(none) : none));
  });

row("BEXTR", "VEX.LZ NP 0F 38 F7 /r", "Gy= Ey By", { feature: "bmi1", undefined: "sap", writes: "ozc" }, (e) => {
  const control = e.let(e.size === 64 ? i32.wrapI64(e.get(2)) : e.get(2));
  const start = e.let(i32.and(control, i32.const(0xff)));
  const length = e.let(i32.and(i32.shrU(control, i32.const(8)), i32.const(0xff)));
  const wide = (x: Expression): Expression => (e.size === 64 ? i64.extendI32U(x) : x);
  const shifted = select(i32.ltU(start, i32.const(e.size)), e.w.shrU(e.get(1), wide(start)), e.w.const(0));
  const mask = e.w.sub(e.w.shl(e.w.const(1), wide(length)), e.w.const(1));
  const kept = select(i32.ltU(length, i32.const(e.size)), mask, e.w.const(-1));
  const result = e.let(e.w.and(shifted, kept));
  e.put(0, result);
  setFlags(e, result, i32.const(0), false);
});

row("BZHI", "VEX.LZ NP 0F 38 F5 /r", "Gy= Ey By", { feature: "bmi2", undefined: "ap", writes: "oszc" }, (e) => {
  const index = e.let(i32.and(e.size === 64 ? i32.wrapI64(e.get(2)) : e.get(2), i32.const(0xff)));
  const wide = e.size === 64 ? i64.extendI32U(index) : index;
  const mask = e.w.sub(e.w.shl(e.w.const(1), wide), e.w.const(1));
  const inside = e.let(i32.ltU(index, i32.const(e.size)));
  const result = e.let(e.w.and(e.get(1), select(inside, mask, e.w.const(-1))));
  e.put(0, result);
  setFlags(e, result, i32.eqz(inside));
});

/** The low half goes to the second operand; the high half wins if both are one register. */
row("MULX", "VEX.LZ F2 0F 38 F6 /r", "Gy= By= Ey", bmi2, (e) => {
  if (e.size === 32) {
    const product = e.let(i64.mul(i64.extendI32U(e.reg(2, 32)), i64.extendI32U(e.get(2))));
    e.put(1, i32.wrapI64(product));
    e.put(0, i32.wrapI64(i64.shrU(product, i64.const(32))));
    return;
  }
  const a = e.let(e.reg(2, 64));
  const b = e.let(e.get(2));
  const high = e.let(e.call("mulhu", a, b));
  e.put(1, i64.mul(a, b));
  e.put(0, high);
});
helper("mulhu", ["i64", "i64"], ["i64"], (f) => {
  const low = (x: Expression): Expression => i64.and(x, i64.const(0xffff_ffff));
  const top = (x: Expression): Expression => i64.shrU(x, i64.const(32));
  const [a, b] = [f.param(0), f.param(1)];
  const middle = f.let(i64.add(i64.mul(top(a), low(b)), top(i64.mul(low(a), low(b)))));
  const other = f.let(i64.add(i64.mul(low(a), top(b)), low(middle)));
  f.result(i64.add(i64.mul(top(a), top(b)), i64.add(top(middle), top(other))));
});

row("RORX", "VEX.LZ F2 0F 3A F0 /r", "Gy= Ey Ib", bmi2, (e) =>
  e.put(0, e.w.rotr(e.get(1), e.size === 64 ? i64.extendI32U(e.get(2)) : e.get(2))),
);
// WebAssembly takes counts modulo the size, as these do.
row("SHLX", "VEX.LZ 66 0F 38 F7 /r", "Gy= Ey By", bmi2, (e) => e.put(0, e.w.shl(e.get(1), e.get(2))));
row("SARX", "VEX.LZ F3 0F 38 F7 /r", "Gy= Ey By", bmi2, (e) => e.put(0, e.w.shrS(e.get(1), e.get(2))));
row("SHRX", "VEX.LZ F2 0F 38 F7 /r", "Gy= Ey By", bmi2, (e) => e.put(0, e.w.shrU(e.get(1), e.get(2))));

/** One bit of the mask a turn. (value, mask) */
function spread(name: string, extract: boolean): void {
  helper(name, ["i64", "i64"], ["i64"], (f) => {
    const value = f.param(0);
    const mask = f.let(f.param(1));
    const result = f.let(i64.const(0));
    const bit = f.let(i64.const(1));
    f.loop((again) => {
      f.if(i64.ne(mask, i64.const(0)), () => {
        const lowest = f.let(i64.and(mask, i64.sub(i64.const(0), mask)));
        const [test, set] = extract ? [lowest, bit] : [bit, lowest];
        f.if(i64.ne(i64.and(value, test), i64.const(0)), () => f.set(result, i64.or(result, set)));
        f.set(mask, i64.xor(mask, lowest));
        f.set(bit, i64.shl(bit, i64.const(1)));
        f.br(again);
      });
    });
    f.result(result);
  });
}
spread("pdep", false);
spread("pext", true);
for (const [name, prefix] of [
  ["PDEP", "F2"],
  ["PEXT", "F3"],
] as const)
  row(name, `VEX.LZ ${prefix} 0F 38 F5 /r`, "Gy= By Ey", bmi2, (e) => {
    const value = e.call(name.toLowerCase(), e.get64(1), e.get64(2));
    e.put(0, e.size === 64 ? value : i32.wrapI64(value));
  });
