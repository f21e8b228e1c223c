/** Moves of SSE to SSE4.1: whole registers, halves, lanes, masks, non-temporal stores. */
import type { Expression } from "../../encode/expression.ts";
import { f32, f64, i32, i64, select } from "../../encode/numeric.ts";
import { i32x4, i64x2, i8x16, v128 } from "../../encode/simd.ts";
import { row, type Emitter } from "../row.ts";
import { byteIndexes, dwords, fromLow } from "./lanes.ts";
import { enterMmx } from "./mmx-state.ts";

/** Whole registers: 128 bits, loaded and stored. */
function whole(name: string, prefix: string, load: string, store: string, feature: string, unaligned = false): void {
  const options = { feature, ...(unaligned ? { unaligned } : {}) };
  row(name, `${prefix} 0F ${load} /r`, "Vdq= Wdq", options, (e) => e.putV(0, e.v(1)));
  row(name, `${prefix} 0F ${store} /r`, "Wdq= Vdq", options, (e) => e.putV(0, e.v(1)));
}
whole("MOVUPS", "NP", "10", "11", "sse", true);
whole("MOVUPD", "66", "10", "11", "sse2", true);
whole("MOVAPS", "NP", "28", "29", "sse");
whole("MOVAPD", "66", "28", "29", "sse2");
whole("MOVDQA", "66", "6F", "7F", "sse2");
whole("MOVDQU", "F3", "6F", "7F", "sse2", true);

row("LDDQU", "F2 0F F0 /r", "Vdq= Mdq", { feature: "sse3", unaligned: true }, (e) => e.putV(0, e.v(1)));
row("MOVNTPS", "NP 0F 2B /r", "Mdq= Vdq", { feature: "sse" }, (e) => e.putV(0, e.v(1)));
row("MOVNTPD", "66 0F 2B /r", "Mdq= Vdq", { feature: "sse2" }, (e) => e.putV(0, e.v(1)));
row("MOVNTDQ", "66 0F E7 /r", "Mdq= Vdq", { feature: "sse2" }, (e) => e.putV(0, e.v(1)));
row("MOVNTDQA", "66 0F 38 2A /r", "Vdq= Mdq", { feature: "sse4.1" }, (e) => e.putV(0, e.v(1)));

// Scalars: a load clears the rest of the register, a move between registers keeps it.

// WebAssembly moves the bits of floating-point numbers as they are, NaNs as well.

row("MOVSS", "F3 0F 10 /r", "Vdq= Md", { feature: "sse" }, (e) => e.putF32Zero(0, e.f32(1)));
row("MOVSS", "F3 0F 10 /r", "Vss= Uss", { feature: "sse" }, (e) => e.putF32(0, e.f32(1)));
row("MOVSS", "F3 0F 11 /r", "Wss= Vss", { feature: "sse" }, (e) => e.putF32(0, e.f32(1)));
row("MOVSD", "F2 0F 10 /r", "Vdq= Mq", { feature: "sse2" }, (e) => e.putF64Zero(0, e.f64(1)));
row("MOVSD", "F2 0F 10 /r", "Vsd= Usd", { feature: "sse2" }, (e) => e.putF64(0, e.f64(1)));
row("MOVSD", "F2 0F 11 /r", "Wsd= Vsd", { feature: "sse2" }, (e) => e.putF64(0, e.f64(1)));

// Halves.

const highOf = (vector: Expression): Expression => i64x2.extractLane(vector, 1);

for (const [suffix, prefix, feature] of [
  ["PS", "NP", "sse"],
  ["PD", "66", "sse2"],
] as const) {
  row(`MOVL${suffix}`, `${prefix} 0F 12 /r`, "Vq! Mq", { feature }, (e) => e.putI64(0, e.get(1)));
  row(`MOVL${suffix}`, `${prefix} 0F 13 /r`, "Mq= Vq", { feature }, (e) => e.put(0, e.i64(1)));
  row(`MOVH${suffix}`, `${prefix} 0F 16 /r`, "Vdq! Mq", { feature }, (e) =>
    e.putV(0, i64x2.replaceLane(e.v(0), 1, e.get(1))),
  );
  row(`MOVH${suffix}`, `${prefix} 0F 17 /r`, "Mq= Vdq", { feature }, (e) => e.put(0, highOf(e.v(1))));
}
row("MOVHLPS", "NP 0F 12 /r", "Vq! Udq", { feature: "sse" }, (e) => e.putI64(0, highOf(e.v(1))));
row("MOVLHPS", "NP 0F 16 /r", "Vdq! Uq", { feature: "sse" }, (e) => e.putV(0, i64x2.replaceLane(e.v(0), 1, e.i64(1))));

row("MOVSLDUP", "F3 0F 12 /r", "Vdq= Wdq", { feature: "sse3" }, (e) => {
  const a = e.let(e.v(1));
  e.putV(0, i8x16.shuffle(a, a, [0, 1, 2, 3, 0, 1, 2, 3, 8, 9, 10, 11, 8, 9, 10, 11]));
});
row("MOVSHDUP", "F3 0F 16 /r", "Vdq= Wdq", { feature: "sse3" }, (e) => {
  const a = e.let(e.v(1));
  e.putV(0, i8x16.shuffle(a, a, [4, 5, 6, 7, 4, 5, 6, 7, 12, 13, 14, 15, 12, 13, 14, 15]));
});
row("MOVDDUP", "F2 0F 12 /r", "Vdq= Udq/Mq", { feature: "sse3" }, (e) => e.putV(0, i64x2.splat(e.i64(1))));

// Between general, MMX and XMM registers.

const isWide = (e: Emitter, operand: number): boolean => e.bits(operand) === 64;

row("MOVD", "66 0F 6E /r", "Vdq= Ey", { feature: "sse2" }, (e) =>
  isWide(e, 1) ? e.putF64Zero(0, f64.reinterpretI64(e.get(1))) : e.putF32Zero(0, f32.reinterpretI32(e.get(1))),
);
row("MOVD", "66 0F 7E /r", "Ey= Vdq", { feature: "sse2" }, (e) => e.put(0, isWide(e, 0) ? e.i64(1) : e.i32(1)));
row("MOVD", "NP 0F 6E /r", "Pq= Ey", { feature: "mmx", faults: true }, (e) => {
  enterMmx(e);
  e.put(0, isWide(e, 1) ? e.get(1) : i64.extendI32U(e.get(1)));
});
row("MOVD", "NP 0F 7E /r", "Ey= Pq", { feature: "mmx", faults: true }, (e) => {
  enterMmx(e);
  e.put(0, isWide(e, 0) ? e.get(1) : i32.wrapI64(e.get(1)));
});
row("MOVQ", "F3 0F 7E /r", "Vdq= Udq/Mq", { feature: "sse2" }, (e) => e.putF64Zero(0, e.f64(1)));
row("MOVQ", "66 0F D6 /r", "Mq= Vdq", { feature: "sse2" }, (e) => e.put(0, e.i64(1)));
row("MOVQ", "66 0F D6 /r", "Udq= Vdq", { feature: "sse2" }, (e) => e.putF64Zero(0, e.f64(1)));
row("MOVQ", "NP 0F 6F /r", "Pq= Qq", { feature: "mmx", faults: true }, (e) => {
  enterMmx(e);
  e.put(0, e.get(1));
});
row("MOVQ", "NP 0F 7F /r", "Qq= Pq", { feature: "mmx", faults: true }, (e) => {
  enterMmx(e);
  e.put(0, e.get(1));
});
row("MOVNTQ", "NP 0F E7 /r", "Mq= Pq", { feature: "sse", faults: true }, (e) => {
  enterMmx(e);
  e.put(0, e.get(1));
});
row("MOVQ2DQ", "F3 0F D6 /r", "Vdq= Nq", { feature: "sse2", faults: true }, (e) => {
  enterMmx(e);
  e.putV(0, fromLow(e.get(1)));
});
row("MOVDQ2Q", "F2 0F D6 /r", "Pq= Udq", { feature: "sse2", faults: true }, (e) => {
  enterMmx(e);
  e.put(0, e.i64(1));
});

// Masks of sign bits.

row("MOVMSKPS", "NP 0F 50 /r", "Gy= Udq", { feature: "sse" }, (e) => putMask(e, i32x4.bitmask(e.v(1))));
row("MOVMSKPD", "66 0F 50 /r", "Gy= Udq", { feature: "sse2" }, (e) => putMask(e, i64x2.bitmask(e.v(1))));
row("PMOVMSKB", "66 0F D7 /r", "Gy= Udq", { feature: "sse2" }, (e) => putMask(e, i8x16.bitmask(e.v(1))));
row("PMOVMSKB", "NP 0F D7 /r", "Gy= Nq", { feature: "sse", faults: true }, (e) => {
  enterMmx(e);
  putMask(e, i8x16.bitmask(fromLow(e.get(1))));
});

function putMask(e: Emitter, mask: Expression): void {
  e.put(0, isWide(e, 0) ? i64.extendI32U(mask) : mask);
}

// Stores of the bytes whose mask is negative, to the address in RDI. Whether a mask of zeros faults is up to the
// processor (Intel SDM vol. 2, MASKMOVDQU); ours does.

const implied = (e: Emitter): Expression => i64.add(e.segmentBase(), i64.and(e.reg(7, 64), e.addressMask()));
row("MASKMOVDQU", "66 0F F7 /r", "Vdq Udq", { feature: "sse2", faults: true }, (e) => {
  const mask = e.let(i8x16.shrS(e.v(1), i32.const(7)));
  const target = e.translate(implied(e), 16, "write").host;
  e.f.emit(v128.store(target, v128.bitselect(e.v(0), v128.load(target), mask)));
});
row("MASKMOVQ", "NP 0F F7 /r", "Pq Nq", { feature: "sse", faults: true }, (e) => {
  const data = fromLow(e.get(0));
  const mask = e.let(i8x16.shrS(fromLow(e.get(1)), i32.const(7)));
  enterMmx(e);
  const target = e.translate(implied(e), 8, "write").host;
  const merged = e.let(i64x2.extractLane(v128.bitselect(data, fromLow(i64.load(target)), mask), 0));
  e.f.emit(i64.store(target, merged));
});

// Single lanes, by immediate. As data a lane is reached through a swizzle.

const laneImmediate = (e: Emitter, operand: number, mask: number): Expression =>
  e.let(i32.and(e.get(operand), i32.const(mask)));
/** Bytes of the lane of `laneBytes` bytes at `lane`, in every lane. */
function laneControl(lane: Expression, laneBytes: 1 | 2 | 4): Expression {
  const repeat = laneBytes === 1 ? 0x01010101 : laneBytes === 2 ? 0x02020202 : 0x04040404;
  const within = laneBytes === 1 ? 0 : laneBytes === 2 ? 0x01000100 : 0x03020100;
  return i32x4.splat(i32.add(i32.mul(lane, i32.const(repeat)), i32.const(within)));
}
function extractLane(vector: Expression, lane: Expression, laneBytes: 1 | 2 | 4): Expression {
  const value = i32x4.extractLane(i8x16.swizzle(vector, laneControl(lane, laneBytes)), 0);
  return laneBytes === 4 ? value : i32.and(value, i32.const(laneBytes === 1 ? 0xff : 0xffff));
}
/** All ones in the bytes of one lane. */
function laneMask(lane: Expression, laneBytes: 1 | 2 | 4 | 8): Expression {
  const shift = Math.log2(laneBytes);
  const lanes = i8x16.shrU(byteIndexes, i32.const(shift));
  return i8x16.eq(lanes, i8x16.splat(lane));
}
function splatBytes(value: Expression, laneBytes: 1 | 2 | 4): Expression {
  if (laneBytes === 1) return i8x16.splat(value);
  return laneBytes === 2
    ? i32x4.splat(i32.mul(i32.and(value, i32.const(0xffff)), i32.const(0x10001)))
    : i32x4.splat(value);
}

row("PEXTRB", "66 0F 3A 14 /r", "Ry/Mb= Vdq Ib", { feature: "sse4.1" }, (e) =>
  putLane(e, extractLane(e.v(1), laneImmediate(e, 2, 15), 1)),
);
row("PEXTRW", "66 0F 3A 15 /r", "Ry/Mw= Vdq Ib", { feature: "sse4.1" }, (e) =>
  putLane(e, extractLane(e.v(1), laneImmediate(e, 2, 7), 2)),
);
row("PEXTRW", "66 0F C5 /r", "Gy= Udq Ib", { feature: "sse2" }, (e) =>
  putLane(e, extractLane(e.v(1), laneImmediate(e, 2, 7), 2)),
);
row("PEXTRD", "66 W0 0F 3A 16 /r", "Ed= Vdq Ib", { feature: "sse4.1" }, (e) =>
  e.put(0, extractLane(e.v(1), laneImmediate(e, 2, 3), 4)),
);
row("PEXTRQ", "66 W1 0F 3A 16 /r", "Eq= Vdq Ib", { feature: "sse4.1" }, (e) => {
  const a = e.let(e.v(1));
  e.put(0, select(i32.and(e.get(2), i32.const(1)), i64x2.extractLane(a, 1), i64x2.extractLane(a, 0)));
});
row("EXTRACTPS", "66 0F 3A 17 /r", "Ry/Md= Vdq Ib", { feature: "sse4.1" }, (e) =>
  putLane(e, extractLane(e.v(1), laneImmediate(e, 2, 3), 4)),
);
row("PEXTRW", "NP 0F C5 /r", "Gy= Nq Ib", { feature: "sse", faults: true }, (e) => {
  const lane = laneImmediate(e, 2, 3);
  const value = e.let(extractLane(fromLow(e.get(1)), lane, 2));
  enterMmx(e);
  putLane(e, value);
});

function putLane(e: Emitter, value: Expression): void {
  e.put(0, isWide(e, 0) ? i64.extendI32U(value) : value);
}

function insert(
  name: string,
  encoding: string,
  operands: string,
  feature: string,
  laneBytes: 1 | 2 | 4,
  lanes: number,
): void {
  row(name, encoding, operands, { feature }, (e) => {
    const lane = laneImmediate(e, 2, lanes - 1);
    e.putV(0, v128.bitselect(splatBytes(e.get(1), laneBytes), e.v(0), laneMask(lane, laneBytes)));
  });
}
insert("PINSRB", "66 0F 3A 20 /r", "Vdq! Rd/Mb Ib", "sse4.1", 1, 16);
insert("PINSRW", "66 0F C4 /r", "Vdq! Rd/Mw Ib", "sse2", 2, 8);
insert("PINSRD", "66 W0 0F 3A 22 /r", "Vdq! Ed Ib", "sse4.1", 4, 4);
row("PINSRQ", "66 W1 0F 3A 22 /r", "Vdq! Eq Ib", { feature: "sse4.1" }, (e) => {
  const lane = laneImmediate(e, 2, 1);
  e.putV(0, v128.bitselect(i64x2.splat(e.get(1)), e.v(0), laneMask(lane, 8)));
});
row("PINSRW", "NP 0F C4 /r", "Pq! Rd/Mw Ib", { feature: "sse", faults: true }, (e) => {
  const lane = laneImmediate(e, 2, 3);
  const inserted = v128.bitselect(splatBytes(e.get(1), 2), fromLow(e.get(0)), laneMask(lane, 2));
  const result = e.let(i64x2.extractLane(inserted, 0));
  enterMmx(e);
  e.put(0, result);
});

/** INSERTPS: which lane from (register form only), which lane to, which lanes become zero. */
row("INSERTPS", "66 0F 3A 21 /r", "Vdq! Udq/Md Ib", { feature: "sse4.1" }, (e) => {
  const imm = e.let(e.get(2));
  const from = e.let(i32.shrU(imm, i32.const(6)));
  const to = e.let(i32.and(i32.shrU(imm, i32.const(4)), i32.const(3)));
  const value = e.isMemory(1) ? e.i32(1) : extractLane(e.v(1), from, 4);
  const inserted = v128.bitselect(i32x4.splat(value), e.v(0), laneMask(to, 4));
  const bits = dwords(1, 2, 4, 8);
  e.putV(0, v128.andnot(inserted, i32x4.eq(v128.and(i32x4.splat(imm), bits), bits)));
});
