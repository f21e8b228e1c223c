/** Three rows that show the vector helpers; the SSE files grow from here. */
import { f64, i32 } from "../../encode/numeric.ts";
import { i8x16 } from "../../encode/simd.ts";
import { row } from "../row.ts";

row("PADDB", "66 0F FC /r", "Vdq! Wdq", { feature: "sse2" }, (e) => e.putV(0, i8x16.add(e.v(0), e.v(1))));
row("ADDSD", "F2 0F 58 /r", "Vsd! Wsd", { feature: "sse2" }, (e) => e.putF64(0, f64.add(e.f64(0), e.f64(1))));
row("PEXTRB", "66 0F 3A 14 /r", "Rd/Mb= Vdq Ib", { feature: "sse4.1" }, (e) => {
  // The immediate is data here: a constant lane would need one arm for each.
  const lane = e.let(i32.and(e.get(2), i32.const(15)));
  e.put(0, e.call("vectorByte", e.v(1), lane));
});
