/** FMA and F16C: the arithmetic is in the soft module (assembly/fused.ts). */
import { i32x4, i64x2 } from "../../encode/simd.ts";
import { i32 } from "../../encode/numeric.ts";
import { row, type Emitter } from "../row.ts";
import "../soft.ts";
import { fromHalves, fromLow } from "./lanes.ts";
import { checkSse } from "./sse-float.ts";
import { putVex } from "./vex.ts";

const fma = { feature: "fma", unaligned: true, faults: true };

/** What is negated: 1 the product, 2 the addend of even lanes, 4 that of odd ones. */
const packed = [
  ["VFMADDSUB", 6, 2],
  ["VFMSUBADD", 7, 4],
  ["VFMADD", 8, 0],
  ["VFMSUB", 10, 6],
  ["VFNMADD", 12, 1],
  ["VFNMSUB", 14, 7],
] as const;
/** Operands by the digits of the name: factor, factor, addend. */
const orders = [
  ["132", 9, [0, 2, 1]],
  ["213", 10, [1, 0, 2]],
  ["231", 11, [1, 2, 0]],
] as const;

for (const [name, low, negate] of packed)
  for (const [digits, high, [a, b, c]] of orders) {
    const opcode = (high * 16 + low).toString(16).toUpperCase();
    for (const [suffix, w, soft] of [
      ["PS", "W0", "soft.fusedPs"],
      ["PD", "W1", "soft.fusedPd"],
    ] as const) {
      const half = (e: Emitter, part: (i: number) => ReturnType<Emitter["v"]>) => {
        const result = e.let(e.call(soft, part(a), part(b), part(c), i32.const(negate)));
        checkSse(e);
        return result;
      };
      const encoding = `66 ${w} 0F 38 ${opcode} /r`;
      row(`${name}${digits}${suffix}`, `VEX.128 ${encoding}`, "Vdq! Hdq Wdq", fma, (e) =>
        putVex(
          e,
          half(e, (i) => e.v(i)),
        ),
      );
      row(`${name}${digits}${suffix}`, `VEX.256 ${encoding}`, "Vqq! Hqq Wqq", fma, (e) => {
        const lower = half(e, (i) => e.v(i));
        const upper = half(e, (i) => e.high(i));
        e.putV(0, lower);
        e.putHigh(0, upper);
      });
    }
    if (low < 8) continue;
    const scalar = (high * 16 + low + 1).toString(16).toUpperCase();
    row(`${name}${digits}SS`, `VEX.LIG 66 W0 0F 38 ${scalar} /r`, "Vdq! Hss Wss", fma, (e) => {
      const result = e.let(e.call("soft.fusedSs", e.i32(a), e.i32(b), e.i32(c), i32.const(negate)));
      checkSse(e);
      putVex(e, i32x4.replaceLane(e.v(0), 0, result));
    });
    row(`${name}${digits}SD`, `VEX.LIG 66 W1 0F 38 ${scalar} /r`, "Vdq! Hsd Wsd", fma, (e) => {
      const result = e.let(e.call("soft.fusedSd", e.i64(a), e.i64(b), e.i64(c), i32.const(negate)));
      checkSse(e);
      putVex(e, i64x2.replaceLane(e.v(0), 0, result));
    });
  }

const f16c = { feature: "f16c", unaligned: true, faults: true };
row("VCVTPH2PS", "VEX.128 66 W0 0F 38 13 /r", "Vdq= Udq/Mq", f16c, (e) => {
  const result = e.let(e.call("soft.halvesToPs", e.i64(1)));
  checkSse(e);
  putVex(e, result);
});
row("VCVTPH2PS", "VEX.256 66 W0 0F 38 13 /r", "Vqq= Wdq", f16c, (e) => {
  const source = e.let(e.v(1));
  const low = e.let(e.call("soft.halvesToPs", i64x2.extractLane(source, 0)));
  checkSse(e);
  const high = e.let(e.call("soft.halvesToPs", i64x2.extractLane(source, 1)));
  checkSse(e);
  e.putV(0, low);
  e.putHigh(0, high);
});
row("VCVTPS2PH", "VEX.128 66 W0 0F 3A 1D /r", "Udq/Mq= Vdq Ib", f16c, (e) => {
  const result = e.let(e.call("soft.psToHalves", e.v(1), e.get(2)));
  checkSse(e);
  if (e.isMemory(0)) e.put(0, result);
  else putVex(e, fromLow(result));
});
row("VCVTPS2PH", "VEX.256 66 W0 0F 3A 1D /r", "Wdq= Vqq Ib", f16c, (e) => {
  const low = e.let(e.call("soft.psToHalves", e.v(1), e.get(2)));
  checkSse(e);
  const high = e.let(e.call("soft.psToHalves", e.high(1), e.get(2)));
  checkSse(e);
  putVex(e, fromHalves(low, high));
});
