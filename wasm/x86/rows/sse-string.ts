/** SSE4.2 string comparison and CRC32. */
import { i32, i64, select } from "../../encode/numeric.ts";
import { v128 } from "../../encode/simd.ts";
import { row, type Emitter } from "../row.ts";
import "../soft.ts";
import { state } from "../state.ts";
import type { Expression } from "../../encode/expression.ts";
import type { Local } from "../../encode/module.ts";

const base = i32.const(0);
const firstAt = state.soft;
const secondAt = state.soft + 16;

/** |RAX|, |RDX| in bounds: 32 bits, or 64 with REX.W. Larger than any string counts as the whole register. */
function explicitLength(e: Emitter, register: number): Expression {
  if (e.size === 64) {
    const value = e.let(e.reg(register, 64));
    const magnitude = e.let(select(i64.ltS(value, i64.const(0)), i64.sub(i64.const(0), value), value));
    return i32.wrapI64(select(i64.gtU(magnitude, i64.const(16)), i64.const(16), magnitude));
  }
  const value = e.let(e.reg(register, 32));
  const magnitude = e.let(select(i32.ltS(value, i32.const(0)), i32.sub(i32.const(0), value), value));
  return select(i32.gtU(magnitude, i32.const(16)), i32.const(16), magnitude);
}

/** The mask of matches; flags set. The operands go through memory, where elements are easily reached. */
function compare(e: Emitter, explicit: boolean, control: Local): Local {
  e.f.emit(v128.store(base, e.v(0), firstAt));
  e.f.emit(v128.store(base, e.v(1), secondAt));
  const lengthA = explicit ? explicitLength(e, 0) : i32.const(-1);
  const lengthB = explicit ? explicitLength(e, 2) : i32.const(-1);
  const mask = e.let(e.call("soft.compareStrings", i32.const(firstAt), i32.const(secondAt), control, lengthA, lengthB));
  e.flags("explicit", e.call("soft.stringFlags"));
  return mask;
}

for (const [name, opcode, explicit] of [
  ["PCMPESTR", "60", true],
  ["PCMPISTR", "62", false],
] as const) {
  const options = {
    feature: "sse4.2",
    writes: "oszapc",
    unaligned: true,
    ...(explicit ? { sizes: [32, 64] as const } : {}),
  };
  row(`${name}M`, `66 0F 3A ${opcode} /r`, "Vdq Wdq Ib", options, (e) => {
    const control = e.let(e.get(2));
    const mask = compare(e, explicit, control);
    e.setXmm(0, e.call("soft.stringMask", mask, control));
  });
  const index = (Number.parseInt(opcode, 16) + 1).toString(16);
  row(`${name}I`, `66 0F 3A ${index} /r`, "Vdq Wdq Ib", options, (e) => {
    const control = e.let(e.get(2));
    const mask = compare(e, explicit, control);
    e.setReg(1, 32, e.call("soft.stringIndex", mask, control));
  });
}

row("CRC32", "F2 0F 38 F0 /r", "Gy! Eb", { feature: "sse4.2" }, (e) => {
  const crc = e.bits(0) === 64 ? i32.wrapI64(e.get(0)) : e.get(0);
  const result = e.call("soft.crc32c", crc, i64.extendI32U(e.get(1)), i32.const(1));
  e.put(0, e.bits(0) === 64 ? i64.extendI32U(result) : result);
});
row("CRC32", "F2 0F 38 F1 /r", "Gy! Ev", { feature: "sse4.2" }, (e) => {
  const wide = e.bits(0) === 64;
  const crc = wide ? i32.wrapI64(e.get(0)) : e.get(0);
  const value = e.bits(1) === 64 ? e.get(1) : i64.extendI32U(e.get(1));
  const result = e.call("soft.crc32c", crc, value, i32.const(e.bits(1) >> 3));
  e.put(0, wide ? i64.extendI32U(result) : result);
});
