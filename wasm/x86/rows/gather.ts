/**
 * Gathers (Intel SDM vol. 2, VPGATHERDD and its neighbours): for each element whose mask has its sign set, a load at base
 * + index << scale + displacement, where the indexes are the elements of a vector. Each element done is written and its
 * mask cleared at once, so that a fault leaves the progress made. They work on registers in memory.
 */
import type { Expression } from "../../encode/expression.ts";
import type { FunctionBuilder, Local } from "../../encode/module.ts";
import { i32, i64, select } from "../../encode/numeric.ts";
import { v128 } from "../../encode/simd.ts";
import { helper } from "../helpers.ts";
import { row } from "../row.ts";
import { state } from "../state.ts";
import { zeroVector } from "./lanes.ts";

/** Where the byte at an offset of a vector is, given where its lower half is: the upper half lies elsewhere. */
const place = (vector: Expression, offset: Local): Expression =>
  i32.add(
    i32.add(vector, offset),
    select(i32.geU(offset, i32.const(16)), i32.const(state.ymmHigh - state.xmm - 16), i32.const(0)),
  );

function clearFrom(f: FunctionBuilder, vector: Expression, bytes: Local): void {
  f.if(i32.leU(bytes, i32.const(16)), () => f.emit(v128.store(vector, zeroVector, state.ymmHigh - state.xmm)));
  f.if(i32.leU(bytes, i32.const(8)), () => f.emit(i64.store(vector, i64.const(0), 8)));
}

/** Destination, mask, index (addresses of lower halves); base and displacement; the segment's base, the mask of offsets;
 * the scale, as a shift; how many elements, bytes of one, bytes of an index. */
helper("gather", ["i32", "i32", "i32", "i64", "i64", "i64", "i32", "i32", "i32", "i32"], ["i32"], (f, context) => {
  const [target, mask, index] = [f.param(0), f.param(1), f.param(2)];
  const [start, segment, offsets] = [f.param(3), f.param(4), f.param(5)];
  const [scale, count, bytes, indexBytes] = [f.param(6), f.param(7), f.param(8), f.param(9)];
  const number = f.let(i32.const(0));
  f.loop((again) => {
    const at = f.let(i32.mul(number, bytes));
    const maskAt = f.let(place(mask, at));
    const isDword = f.let(i32.eq(bytes, i32.const(4)));
    // The sign is in the element's last byte.
    f.if(i32.ltS(i32.load8S(i32.add(maskAt, i32.sub(bytes, i32.const(1)))), i32.const(0)), () => {
      const indexAt = f.let(place(index, f.let(i32.mul(number, indexBytes))));
      const value = f.let(select(i32.eq(indexBytes, i32.const(4)), i64.load32S(indexAt), i64.load(indexAt)));
      const offset = i64.add(start, i64.shl(value, i64.extendI32U(scale)));
      const address = i64.add(segment, i64.and(offset, offsets));
      const host = f.let(context.call("readHost", address, bytes, i32.const(0)));
      f.if(i32.eqz(host), () => f.return(i32.const(1)));
      f.if(
        isDword,
        () => f.emit(i32.store(place(target, at), i32.load(host))),
        () => f.emit(i64.store(place(target, at), i64.load(host))),
      );
    });
    f.if(
      isDword,
      () => f.emit(i32.store(maskAt, i32.const(0))),
      () => f.emit(i64.store(maskAt, i64.const(0))),
    );
    f.set(number, i32.add(number, i32.const(1)));
    f.brIf(again, i32.ltU(number, count));
  });
  const size = f.let(i32.mul(count, bytes));
  clearFrom(f, target, size);
  clearFrom(f, mask, size);
  f.result(i32.const(0));
});

for (const [name, opcode, w, bytes, indexBytes] of [
  ["VPGATHERDD", "90", 0, 4, 4],
  ["VPGATHERDQ", "90", 1, 8, 4],
  ["VPGATHERQD", "91", 0, 4, 8],
  ["VPGATHERQQ", "91", 1, 8, 8],
  ["VGATHERDPS", "92", 0, 4, 4],
  ["VGATHERDPD", "92", 1, 8, 4],
  ["VGATHERQPS", "93", 0, 4, 8],
  ["VGATHERQPD", "93", 1, 8, 8],
] as const)
  for (const length of [128, 256] as const) {
    const size = length === 256 ? "qq" : "dq";
    const count = length / 8 / Math.max(bytes, indexBytes);
    row(
      name,
      `VEX.${length} 66 W${w} 0F 38 ${opcode} /r`,
      `V${size}! M H${size}! X${size}`,
      { feature: "avx2", faults: true, interpreted: true },
      (e) =>
        e.inState(
          "gather",
          e.host(0),
          e.host(2),
          e.host(3),
          e.address(1),
          e.segmentBase(),
          e.addressMask(),
          e.indexScale(),
          i32.const(count),
          i32.const(bytes),
          i32.const(indexBytes),
        ),
    );
  }
