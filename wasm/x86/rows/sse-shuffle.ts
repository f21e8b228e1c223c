/** Shuffles: by immediate, through a swizzle whose control is computed; the unpacks of floats; PALIGNR. */
import type { Expression } from "../../encode/expression.ts";
import { i32, select } from "../../encode/numeric.ts";
import { i64x2, i8x16, v128 } from "../../encode/simd.ts";
import { row } from "../row.ts";
import { byteIndexes, dwordControl, fromHalves, fromLow, interleave, qwords, wordControl } from "./lanes.ts";
import { enterMmx } from "./mmx-state.ts";

const highHalf = qwords(0n, 0xffff_ffff_ffff_ffffn);

row("PSHUFD", "66 0F 70 /r", "Vdq= Wdq Ib", { feature: "sse2" }, (e) => {
  const known = e.constant(2);
  if (known !== null) {
    const a = e.let(e.v(1));
    const lanes = [0, 2, 4, 6].flatMap((shift) => [0, 1, 2, 3].map((byte) => ((known >> shift) & 3) * 4 + byte));
    e.putV(0, i8x16.shuffle(a, a, lanes));
    return;
  }
  e.putV(0, i8x16.swizzle(e.v(1), dwordControl(e.let(e.get(2)))));
});
row("PSHUFLW", "F2 0F 70 /r", "Vdq= Wdq Ib", { feature: "sse2" }, (e) =>
  e.putV(0, i8x16.swizzle(e.v(1), v128.bitselect(byteIndexes, wordControl(e.let(e.get(2)), 0), highHalf))),
);
row("PSHUFHW", "F3 0F 70 /r", "Vdq= Wdq Ib", { feature: "sse2" }, (e) =>
  e.putV(0, i8x16.swizzle(e.v(1), v128.bitselect(wordControl(e.let(e.get(2)), 8), byteIndexes, highHalf))),
);
row("PSHUFW", "NP 0F 70 /r", "Pq= Qq Ib", { feature: "sse", faults: true }, (e) => {
  const control = wordControl(e.let(e.get(2)), 0);
  const result = e.let(i64x2.extractLane(i8x16.swizzle(fromLow(e.get(1)), control), 0));
  enterMmx(e);
  e.put(0, result);
});

/** The low two lanes from the first operand, the high two from the second. */
row("SHUFPS", "NP 0F C6 /r", "Vdq! Wdq Ib", { feature: "sse" }, (e) => {
  const control = e.let(dwordControl(e.let(e.get(2))));
  e.putV(0, v128.bitselect(i8x16.swizzle(e.v(1), control), i8x16.swizzle(e.v(0), control), highHalf));
});
row("SHUFPD", "66 0F C6 /r", "Vdq! Wdq Ib", { feature: "sse2" }, (e) => {
  const imm = e.let(e.get(2));
  const a = e.let(e.v(0));
  const b = e.let(e.v(1));
  const pick = (vector: Expression, bit: number): Expression =>
    select(i32.and(imm, i32.const(bit)), i64x2.extractLane(vector, 1), i64x2.extractLane(vector, 0));
  e.putV(0, fromHalves(pick(a, 1), pick(b, 2)));
});

for (const [suffix, prefix, laneBytes, feature] of [
  ["PS", "NP", 4, "sse"],
  ["PD", "66", 8, "sse2"],
] as const) {
  row(`UNPCKL${suffix}`, `${prefix} 0F 14 /r`, "Vdq! Wdq", { feature }, (e) =>
    e.putV(0, interleave(e.v(0), e.v(1), laneBytes, 0)),
  );
  row(`UNPCKH${suffix}`, `${prefix} 0F 15 /r`, "Vdq! Wdq", { feature }, (e) =>
    e.putV(0, interleave(e.v(0), e.v(1), laneBytes, 8)),
  );
}

/** Bytes imm… of the second operand, then those of the first. */
row("PALIGNR", "66 0F 3A 0F /r", "Vdq! Wdq Ib", { feature: "ssse3" }, (e) => {
  const imm = e.let(e.get(2));
  // From 32 on everything is shifted out: 48 keeps both indexes out of range.
  const count = i32.or(imm, i32.mul(i32.gtU(imm, i32.const(31)), i32.const(48)));
  const from = e.let(i8x16.addSatU(byteIndexes, i8x16.splat(count)));
  const high = i8x16.swizzle(e.v(0), i8x16.sub(from, i8x16.splat(i32.const(16))));
  e.putV(0, v128.or(i8x16.swizzle(e.v(1), from), high));
});
row("PALIGNR", "NP 0F 3A 0F /r", "Pq! Qq Ib", { feature: "ssse3", faults: true }, (e) => {
  const imm = e.let(e.get(2));
  const joined = fromHalves(e.get(1), e.get(0));
  const result = e.let(i64x2.extractLane(i8x16.swizzle(joined, i8x16.addSatU(byteIndexes, i8x16.splat(imm))), 0));
  enterMmx(e);
  e.put(0, result);
});
