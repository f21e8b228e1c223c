/** Packed integer instructions of MMX, SSE2, SSSE3 and SSE4: one operation serves the 64-bit and the 128-bit form. */
import type { Expression } from "../../encode/expression.ts";
import { i32, i64 } from "../../encode/numeric.ts";
import { i16x8, i32x4, i64x2, i8x16, v128 } from "../../encode/simd.ts";
import { row, type Emitter } from "../row.ts";
import "../soft.ts";
import {
  byteIndexes,
  dwords,
  everySecond,
  fromHalves,
  fromLow,
  interleave,
  qwords,
  shiftLanes,
  words,
  zeroVector,
} from "./lanes.ts";
import { enterMmx } from "./mmx-state.ts";

/** A lane-wise operation on vectors whose operands may be used more than once. */
type Operation = (a: Expression, b: Expression) => Expression;

function mmxRow(name: string, opcode: string, feature: string, operation: Operation): void {
  row(name, `NP 0F ${opcode} /r`, "Pq! Qq", { feature, faults: true }, (e) => {
    const a = e.let(fromLow(e.get(0)));
    const b = e.let(fromLow(e.get(1)));
    const result = e.let(i64x2.extractLane(operation(a, b), 0));
    enterMmx(e);
    e.put(0, result);
  });
}

function xmmRow(name: string, opcode: string, feature: string, operation: Operation): void {
  row(name, `66 0F ${opcode} /r`, "Vdq! Wdq", { feature }, (e) => {
    // What is usual to clear a register.
    if (name === "PXOR" && e.isSame(0, 1)) {
      e.putV(0, zeroVector);
      return;
    }
    const a = e.let(e.v(0));
    const b = e.let(e.v(1));
    e.putV(0, operation(a, b));
  });
}

/** Both forms; `since` is the feature of the 128-bit one, and of the 64-bit one where MMX itself lacks it. */
function both(name: string, opcode: string, operation: Operation, since = "sse2", mmx = "mmx"): void {
  mmxRow(name, opcode, mmx, operation);
  xmmRow(name, opcode, since, operation);
}

both("PADDB", "FC", i8x16.add);
both("PADDW", "FD", i16x8.add);
both("PADDD", "FE", i32x4.add);
both("PADDQ", "D4", i64x2.add, "sse2", "sse2");
both("PSUBB", "F8", i8x16.sub);
both("PSUBW", "F9", i16x8.sub);
both("PSUBD", "FA", i32x4.sub);
both("PSUBQ", "FB", i64x2.sub, "sse2", "sse2");
both("PADDSB", "EC", i8x16.addSatS);
both("PADDSW", "ED", i16x8.addSatS);
both("PADDUSB", "DC", i8x16.addSatU);
both("PADDUSW", "DD", i16x8.addSatU);
both("PSUBSB", "E8", i8x16.subSatS);
both("PSUBSW", "E9", i16x8.subSatS);
both("PSUBUSB", "D8", i8x16.subSatU);
both("PSUBUSW", "D9", i16x8.subSatU);
both("PAND", "DB", v128.and);
both("PANDN", "DF", (a, b) => v128.andnot(b, a));
both("POR", "EB", v128.or);
both("PXOR", "EF", v128.xor);
both("PCMPEQB", "74", i8x16.eq);
both("PCMPEQW", "75", i16x8.eq);
both("PCMPEQD", "76", i32x4.eq);
both("PCMPGTB", "64", i8x16.gtS);
both("PCMPGTW", "65", i16x8.gtS);
both("PCMPGTD", "66", i32x4.gtS);
both("PMINUB", "DA", i8x16.minU, "sse2", "sse");
both("PMAXUB", "DE", i8x16.maxU, "sse2", "sse");
both("PMINSW", "EA", i16x8.minS, "sse2", "sse");
both("PMAXSW", "EE", i16x8.maxS, "sse2", "sse");
both("PAVGB", "E0", i8x16.avgrU, "sse2", "sse");
both("PAVGW", "E3", i16x8.avgrU, "sse2", "sse");
both("PMULLW", "D5", i16x8.mul);

const highWords = (low: Expression, high: Expression): Expression =>
  i8x16.shuffle(low, high, [2, 3, 6, 7, 10, 11, 14, 15, 18, 19, 22, 23, 26, 27, 30, 31]);
both("PMULHW", "E5", (a, b) => highWords(i32x4.extmulLowI16x8S(a, b), i32x4.extmulHighI16x8S(a, b)));
both("PMULHUW", "E4", (a, b) => highWords(i32x4.extmulLowI16x8U(a, b), i32x4.extmulHighI16x8U(a, b)), "sse2", "sse");
both("PMADDWD", "F5", i32x4.dotI16x8S);
const lowDwords = qwords(0xffffffffn, 0xffffffffn);
both("PMULUDQ", "F4", (a, b) => i64x2.mul(v128.and(a, lowDwords), v128.and(b, lowDwords)), "sse2", "sse2");
both(
  "PSADBW",
  "F6",
  (a, b) => {
    const difference = i8x16.sub(i8x16.maxU(a, b), i8x16.minU(a, b));
    // Sums of four fit 16 bits; shifting left and right again adds the upper pair to the lower one.
    const quarter = i32x4.extaddPairwiseI16x8U(i16x8.extaddPairwiseI8x16U(difference));
    return i64x2.shrU(i64x2.mul(quarter, qwords(0x1_0000_0001n, 0x1_0000_0001n)), i32.const(32));
  },
  "sse2",
  "sse",
);

// Interleaving. The 64-bit forms read the second operand's low 32 bits only where the low half is meant.

function unpack(name: string, opcode: string, laneBytes: number, high: boolean): void {
  row(name, `NP 0F ${opcode} /r`, high ? "Pq! Qq" : "Pq! Nq/Md", { feature: "mmx", faults: true }, (e) => {
    const a = e.let(fromLow(e.get(0)));
    const second = e.isMemory(1) && !high ? i64.extendI32U(e.get(1)) : e.get(1);
    const b = e.let(fromLow(second));
    const result = e.let(i64x2.extractLane(interleave(a, b, laneBytes, high ? 4 : 0), 0));
    enterMmx(e);
    e.put(0, result);
  });
  row(name, `66 0F ${opcode} /r`, "Vdq! Wdq", { feature: "sse2" }, (e) =>
    e.putV(0, interleave(e.v(0), e.v(1), laneBytes, high ? 8 : 0)),
  );
}
unpack("PUNPCKLBW", "60", 1, false);
unpack("PUNPCKLWD", "61", 2, false);
unpack("PUNPCKLDQ", "62", 4, false);
unpack("PUNPCKHBW", "68", 1, true);
unpack("PUNPCKHWD", "69", 2, true);
unpack("PUNPCKHDQ", "6A", 4, true);
xmmRow("PUNPCKLQDQ", "6C", "sse2", (a, b) => interleave(a, b, 8, 0));
xmmRow("PUNPCKHQDQ", "6D", "sse2", (a, b) => interleave(a, b, 8, 8));

/** Narrowing: in the 64-bit form both operands make one vector. */
function pack(name: string, opcode: string, narrow: Operation): void {
  row(name, `NP 0F ${opcode} /r`, "Pq! Qq", { feature: "mmx", faults: true }, (e) => {
    const joined = e.let(fromHalves(e.get(0), e.get(1)));
    const result = e.let(i64x2.extractLane(narrow(joined, joined), 0));
    enterMmx(e);
    e.put(0, result);
  });
  xmmRow(name, opcode, "sse2", narrow);
}
pack("PACKSSWB", "63", i8x16.narrowI16x8S);
pack("PACKUSWB", "67", i8x16.narrowI16x8U);
pack("PACKSSDW", "6B", i16x8.narrowI32x4S);
xmmRow("PACKUSDW", "38 2B", "sse4.1", i16x8.narrowI32x4U);

// Shifts: by a register or memory (all 64 bits count), and by an immediate.

type Shift = (a: Expression, count: Expression) => Expression;

function shifts(name: string, opcode: string, group: string, digit: number, shift: Shift, laneBits: number): void {
  const arithmetic = name.startsWith("PSRA");
  const mmx = (e: Emitter, count: Expression): void => {
    const counted = e.let(count);
    const result = e.let(i64x2.extractLane(shiftLanes(shift, fromLow(e.get(0)), counted, laneBits, arithmetic), 0));
    enterMmx(e);
    e.put(0, result);
  };
  const xmm = (e: Emitter, count: Expression): void => {
    const counted = e.let(count);
    e.putV(0, shiftLanes(shift, e.v(0), counted, laneBits, arithmetic));
  };
  row(name, `NP 0F ${opcode} /r`, "Pq! Qq", { feature: "mmx", faults: true }, (e) => mmx(e, e.get(1)));
  row(name, `66 0F ${opcode} /r`, "Vdq! Wdq", { feature: "sse2" }, (e) => xmm(e, i64x2.extractLane(e.v(1), 0)));
  row(name, `NP 0F ${group} /${digit}`, "Nq! Ib", { feature: "mmx", faults: true }, (e) =>
    mmx(e, i64.extendI32U(e.get(1))),
  );
  row(name, `66 0F ${group} /${digit}`, "Udq! Ib", { feature: "sse2" }, (e) => xmm(e, i64.extendI32U(e.get(1))));
}
shifts("PSRLW", "D1", "71", 2, i16x8.shrU, 16);
shifts("PSRLD", "D2", "72", 2, i32x4.shrU, 32);
shifts("PSRLQ", "D3", "73", 2, i64x2.shrU, 64);
shifts("PSRAW", "E1", "71", 4, i16x8.shrS, 16);
shifts("PSRAD", "E2", "72", 4, i32x4.shrS, 32);
shifts("PSLLW", "F1", "71", 6, i16x8.shl, 16);
shifts("PSLLD", "F2", "72", 6, i32x4.shl, 32);
shifts("PSLLQ", "F3", "73", 6, i64x2.shl, 64);

/** The count of a byte shift, at most 16, in all bytes. */
const byteCount = (e: Emitter): Expression => {
  const count = e.let(e.get(1));
  return i8x16.splat(i32.or(count, i32.sub(i32.const(0), i32.gtU(count, i32.const(15)))));
};
row("PSRLDQ", "66 0F 73 /3", "Udq! Ib", { feature: "sse2" }, (e) =>
  // Saturating: a count of 255 (16 and more) keeps every index out of range.
  e.putV(0, i8x16.swizzle(e.v(0), i8x16.addSatU(byteIndexes, byteCount(e)))),
);
row("PSLLDQ", "66 0F 73 /7", "Udq! Ib", { feature: "sse2" }, (e) => {
  const count = e.let(e.get(1));
  const bounded = i32.or(count, i32.and(i32.sub(i32.const(0), i32.gtU(count, i32.const(15))), i32.const(16)));
  // Indexes below zero are 240 and more.
  e.putV(0, i8x16.swizzle(e.v(0), i8x16.sub(byteIndexes, i8x16.splat(i32.and(bounded, i32.const(31))))));
});

// SSSE3, in both widths.

const ssse3 = (name: string, opcode: string, operation: Operation): void =>
  both(name, `38 ${opcode}`, operation, "ssse3", "ssse3");

row("PSHUFB", "NP 0F 38 00 /r", "Pq! Qq", { feature: "ssse3", faults: true }, (e) => {
  const control = v128.and(fromLow(e.get(1)), qwords(0x8787878787878787n, 0n));
  const result = e.let(i64x2.extractLane(i8x16.swizzle(fromLow(e.get(0)), control), 0));
  enterMmx(e);
  e.put(0, result);
});
xmmRow("PSHUFB", "38 00", "ssse3", (a, b) => i8x16.swizzle(a, v128.and(b, i8x16.splat(i32.const(0x8f)))));

/** Horizontal: in the 64-bit form the lanes of both operands are one vector. */
function horizontal(name: string, opcode: string, laneBytes: number, combine: Operation): void {
  row(name, `NP 0F 38 ${opcode} /r`, "Pq! Qq", { feature: "ssse3", faults: true }, (e) => {
    const joined = e.let(fromHalves(e.get(0), e.get(1)));
    const even = everySecond(joined, joined, laneBytes, false);
    const odd = everySecond(joined, joined, laneBytes, true);
    const result = e.let(i64x2.extractLane(combine(even, odd), 0));
    enterMmx(e);
    e.put(0, result);
  });
  xmmRow(name, `38 ${opcode}`, "ssse3", (a, b) =>
    combine(everySecond(a, b, laneBytes, false), everySecond(a, b, laneBytes, true)),
  );
}
horizontal("PHADDW", "01", 2, i16x8.add);
horizontal("PHADDD", "02", 4, i32x4.add);
horizontal("PHADDSW", "03", 2, i16x8.addSatS);
horizontal("PHSUBW", "05", 2, i16x8.sub);
horizontal("PHSUBD", "06", 4, i32x4.sub);
horizontal("PHSUBSW", "07", 2, i16x8.subSatS);

ssse3("PMADDUBSW", "04", (a, b) => {
  const low = i16x8.mul(i16x8.extendLowI8x16U(a), i16x8.extendLowI8x16S(b));
  const high = i16x8.mul(i16x8.extendHighI8x16U(a), i16x8.extendHighI8x16S(b));
  return i16x8.addSatS(everySecond(low, high, 2, false), everySecond(low, high, 2, true));
});
ssse3("PMULHRSW", "0B", (a, b) => {
  // WebAssembly saturates the one product that x86 lets wrap: -1 times -1.
  const least = i16x8.splat(i32.const(0x8000));
  return v128.xor(i16x8.q15mulrSatS(a, b), v128.and(i16x8.eq(a, least), i16x8.eq(b, least)));
});

function sign(
  name: string,
  opcode: string,
  lanes: { neg: (a: Expression) => Expression; ltS: Operation; eq: Operation },
): void {
  ssse3(name, opcode, (a, b) => {
    const signed = v128.bitselect(lanes.neg(a), a, lanes.ltS(b, zeroVector));
    return v128.andnot(signed, lanes.eq(b, zeroVector));
  });
}
sign("PSIGNB", "08", i8x16);
sign("PSIGNW", "09", i16x8);
sign("PSIGND", "0A", i32x4);
ssse3("PABSB", "1C", (_, b) => i8x16.abs(b));
ssse3("PABSW", "1D", (_, b) => i16x8.abs(b));
ssse3("PABSD", "1E", (_, b) => i32x4.abs(b));

// SSE4.1 and SSE4.2, 128 bits only.

const sse41 = (name: string, opcode: string, operation: Operation): void =>
  xmmRow(name, `38 ${opcode}`, "sse4.1", operation);
sse41("PCMPEQQ", "29", i64x2.eq);
xmmRow("PCMPGTQ", "38 37", "sse4.2", i64x2.gtS);
sse41("PMINSB", "38", i8x16.minS);
sse41("PMINSD", "39", i32x4.minS);
sse41("PMINUW", "3A", i16x8.minU);
sse41("PMINUD", "3B", i32x4.minU);
sse41("PMAXSB", "3C", i8x16.maxS);
sse41("PMAXSD", "3D", i32x4.maxS);
sse41("PMAXUW", "3E", i16x8.maxU);
sse41("PMAXUD", "3F", i32x4.maxU);
sse41("PMULLD", "40", i32x4.mul);
sse41("PMULDQ", "28", (a, b) => {
  const evenLanes = (x: Expression): Expression =>
    i8x16.shuffle(x, x, [0, 1, 2, 3, 8, 9, 10, 11, 0, 1, 2, 3, 8, 9, 10, 11]);
  return i64x2.extmulLowI32x4S(evenLanes(a), evenLanes(b));
});

row("PHMINPOSUW", "66 0F 38 41 /r", "Vdq= Wdq", { feature: "sse4.1" }, (e) =>
  e.putV(0, e.call("soft.leastWord", e.v(1))),
);
row("MPSADBW", "66 0F 3A 42 /r", "Vdq! Wdq Ib", { feature: "sse4.1" }, (e) =>
  e.putV(0, e.call("soft.sumsOfDifferences", e.v(0), e.v(1), e.get(2))),
);

type Widen = (a: Expression) => Expression;
function extend(name: string, opcode: string, memory: string, widen: Widen): void {
  row(name, `66 0F 38 ${opcode} /r`, `Vdq= Udq/M${memory}`, { feature: "sse4.1" }, (e) => {
    const two = memory === "w" && e.isMemory(1);
    e.putV(0, widen(two ? i32x4.replaceLane(zeroVector, 0, e.get(1)) : e.v(1)));
  });
}
extend("PMOVSXBW", "20", "q", i16x8.extendLowI8x16S);
extend("PMOVSXBD", "21", "d", (a) => i32x4.extendLowI16x8S(i16x8.extendLowI8x16S(a)));
extend("PMOVSXBQ", "22", "w", (a) => i64x2.extendLowI32x4S(i32x4.extendLowI16x8S(i16x8.extendLowI8x16S(a))));
extend("PMOVSXWD", "23", "q", i32x4.extendLowI16x8S);
extend("PMOVSXWQ", "24", "d", (a) => i64x2.extendLowI32x4S(i32x4.extendLowI16x8S(a)));
extend("PMOVSXDQ", "25", "q", i64x2.extendLowI32x4S);
extend("PMOVZXBW", "30", "q", i16x8.extendLowI8x16U);
extend("PMOVZXBD", "31", "d", (a) => i32x4.extendLowI16x8U(i16x8.extendLowI8x16U(a)));
extend("PMOVZXBQ", "32", "w", (a) => i64x2.extendLowI32x4U(i32x4.extendLowI16x8U(i16x8.extendLowI8x16U(a))));
extend("PMOVZXWD", "33", "q", i32x4.extendLowI16x8U);
extend("PMOVZXWQ", "34", "d", (a) => i64x2.extendLowI32x4U(i32x4.extendLowI16x8U(a)));
extend("PMOVZXDQ", "35", "q", i64x2.extendLowI32x4U);

row("PTEST", "66 0F 38 17 /r", "Vdq Wdq", { feature: "sse4.1", writes: "oszapc" }, (e) => {
  const a = e.let(e.v(0));
  const b = e.let(e.v(1));
  const zf = i32.shl(i32.eqz(v128.anyTrue(v128.and(a, b))), i32.const(6));
  const cf = i32.eqz(v128.anyTrue(v128.andnot(b, a)));
  e.flags("explicit", i32.or(zf, cf));
});

// Blends: by the sign of XMM0's lanes, or by immediate bits.

function blend(name: string, opcode: string, mask: (signs: Expression) => Expression): void {
  row(name, `66 0F 38 ${opcode} /r`, "Vdq! Wdq", { feature: "sse4.1" }, (e) =>
    e.putV(0, v128.bitselect(e.v(1), e.v(0), mask(e.xmm(0)))),
  );
}
blend("PBLENDVB", "10", (signs) => i8x16.shrS(signs, i32.const(7)));
blend("BLENDVPS", "14", (signs) => i32x4.shrS(signs, i32.const(31)));
blend("BLENDVPD", "15", (signs) => i64x2.shrS(signs, i32.const(63)));

function blendImmediate(name: string, opcode: string, mask: (imm: Expression) => Expression): void {
  row(name, `66 0F 3A ${opcode} /r`, "Vdq! Wdq Ib", { feature: "sse4.1" }, (e) =>
    e.putV(0, v128.bitselect(e.v(1), e.v(0), mask(e.get(2)))),
  );
}
const bitsOfWords = words(1, 2, 4, 8, 16, 32, 64, 128);
const bitsOfDwords = dwords(1, 2, 4, 8);
const bitsOfQwords = qwords(1n, 2n);
blendImmediate("PBLENDW", "0E", (imm) => i16x8.eq(v128.and(i16x8.splat(imm), bitsOfWords), bitsOfWords));
blendImmediate("BLENDPS", "0C", (imm) => i32x4.eq(v128.and(i32x4.splat(imm), bitsOfDwords), bitsOfDwords));
blendImmediate("BLENDPD", "0D", (imm) =>
  i64x2.eq(v128.and(i64x2.splat(i64.extendI32U(imm)), bitsOfQwords), bitsOfQwords),
);
