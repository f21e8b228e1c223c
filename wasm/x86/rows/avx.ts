/** What AVX and AVX2 add to SSE, and forms of SSE instructions whose halves depend on each other. */
import { i32 } from "../../encode/numeric.ts";
import { v128 } from "../../encode/simd.ts";
import { row } from "../row.ts";
import { state } from "../state.ts";
import { zeroVector } from "./lanes.ts";

const avx = { feature: "avx", unaligned: true };

for (const [name, length] of [
  ["VZEROUPPER", "128"],
  ["VZEROALL", "256"],
] as const)
  row(name, `VEX.${length} NP 0F 77`, "", avx, (e) => {
    for (let i = 0; i < 16; i++) {
      if (name === "VZEROALL") e.setXmm(i, zeroVector);
      e.f.emit(v128.store(i32.const(0), zeroVector, state.ymmHigh + 16 * i));
    }
  });
