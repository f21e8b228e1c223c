/** Moves, exchanges, extensions, the stack. */
import type { Expression } from "../../encode/expression.ts";
import { i32, i64 } from "../../encode/numeric.ts";
import { row, type Emitter } from "../row.ts";

const copy = (e: Emitter): void => e.put(0, e.get(1));
row("MOV", "88 /r", "Eb= Gb", {}, copy);
row("MOV", "89 /r", "Ev= Gv", {}, copy);
row("MOV", "8A /r", "Gb= Eb", {}, copy);
row("MOV", "8B /r", "Gv= Ev", {}, copy);
row("MOV", "A0", "AL= Ob", {}, copy);
row("MOV", "A1", "rAX= Ov", {}, copy);
row("MOV", "A2", "Ob= AL", {}, copy);
row("MOV", "A3", "Ov= rAX", {}, copy);
row("MOV", "B0 +r", "Zb= Ib", {}, copy);
row("MOV", "B8 +r", "Zv= Iv", {}, copy);
row("MOV", "C6 /0", "Eb= Ib", {}, copy);
row("MOV", "C7 /0", "Ev= Iz", {}, copy);
row("MOVNTI", "NP 0F C3 /r", "My= Gy", { feature: "sse2" }, copy);

const extended = (e: Emitter, signed: boolean): void => {
  if (e.size === 64) e.put(0, signed ? e.get64S(1) : e.get64(1));
  else e.put(0, signed ? e.getS(1) : e.get(1));
};
row("MOVZX", "0F B6 /r", "Gv= Eb", {}, (e) => extended(e, false));
row("MOVZX", "0F B7 /r", "Gv= Ew", {}, (e) => extended(e, false));
row("MOVSX", "0F BE /r", "Gv= Eb", {}, (e) => extended(e, true));
row("MOVSX", "0F BF /r", "Gv= Ew", {}, (e) => extended(e, true));
row("MOVSXD", "63 /r", "Gv= Ed", { sizes: [32, 64] }, (e) => extended(e, true));

row("LEA", "8D /r", "Gv= M", {}, (e) => {
  const address = e.address(1);
  e.put(0, e.size === 64 ? address : i32.wrapI64(address));
});

row("CDQE", "98", "rAX!", {}, (e) => {
  if (e.size === 16) e.put(0, i32.extend8S(e.reg(0, 8)));
  else if (e.size === 32) e.put(0, i32.extend16S(e.reg(0, 16)));
  else e.put(0, i64.extendI32S(e.reg(0, 32)));
});
row("CDQ", "99", "rDX= rAX", {}, (e) => {
  const value = e.getS(1);
  e.put(0, e.w.shrS(value, e.w.const(e.size - 1 > 31 ? 63 : 31)));
});

row("XCHG", "86 /r", "Eb! Gb!", { lock: true }, (e) => {
  const a = e.let(e.get(0));
  const b = e.let(e.get(1));
  e.put(1, a);
  e.put(0, b);
});
row("XCHG", "87 /r", "Ev! Gv!", { lock: true }, (e) => {
  const a = e.let(e.get(0));
  const b = e.let(e.get(1));
  e.put(1, a);
  e.put(0, b);
});
row("XCHG", "90 +r", "Zv! rAX!", {}, (e) => {
  const a = e.let(e.get(0));
  const b = e.let(e.get(1));
  e.put(0, b);
  e.put(1, a);
});

/** The bytes of an operand in reverse order. */
function swapped(e: Emitter, operand: number): Expression {
  const swap = (x: Expression): Expression =>
    i32.or(
      i32.and(i32.rotl(x, i32.const(8)), i32.const(0x00ff00ff)),
      i32.and(i32.rotr(x, i32.const(8)), i32.const(0xff00ff00)),
    );
  const a = e.let(e.get(operand));
  if (e.size === 16) return i32.shrU(swap(a), i32.const(16));
  if (e.size === 32) return swap(a);
  const low = e.let(i32.wrapI64(a));
  const high = e.let(i32.wrapI64(i64.shrU(a, i64.const(32))));
  return i64.or(i64.shl(i64.extendI32U(swap(low)), i64.const(32)), i64.extendI32U(swap(high)));
}
row("BSWAP", "0F C8 +r", "Zv!", { sizes: [32, 64] }, (e) => e.put(0, swapped(e, 0)));
row("MOVBE", "NFx 0F 38 F0 /r", "Gv= Mv", { feature: "movbe" }, (e) => e.put(0, swapped(e, 1)));
row("MOVBE", "NFx 0F 38 F1 /r", "Mv= Gv", { feature: "movbe" }, (e) => e.put(0, swapped(e, 1)));

const rsp = 4;
const rbp = 5;

/** Stores a value of the operand size below the stack pointer. The value must be bound already. */
export function push(e: Emitter, value: Expression): void {
  const bytes = e.size / 8;
  const top = e.let(i64.sub(e.reg(rsp, 64), i64.const(bytes)));
  const { host } = e.translate(top, bytes, "write");
  e.f.emit(e.size === 64 ? i64.store(host, value) : i32.store16(host, value));
  e.setReg(rsp, 64, top);
}

/** Loads what the stack pointer points to and moves it. */
export function pop(e: Emitter): Expression {
  const bytes = e.size / 8;
  const top = e.let(e.reg(rsp, 64));
  const { host } = e.translate(top, bytes, "read");
  const value = e.let(e.size === 64 ? i64.load(host) : i32.load16U(host));
  e.setReg(rsp, 64, i64.add(top, i64.const(bytes)));
  return value;
}

const stack = { default64: true, faults: true };
row("PUSH", "50 +r", "Zv", stack, (e) => push(e, e.let(e.get(0))));
row("PUSH", "FF /6", "Ev", stack, (e) => push(e, e.let(e.get(0))));
row("PUSH", "6A", "Ibs", { ...stack, sizes: [16, 64] }, (e) => push(e, e.let(e.get(0))));
row("PUSH", "68", "Iz", { ...stack, sizes: [16, 64] }, (e) => push(e, e.let(e.get(0))));
row("POP", "58 +r", "Zv=", stack, (e) => e.put(0, pop(e)));
/** The decoder adds the operand size to the displacement if the base is RSP: the address is that after the pop. */
row("POP", "8F /0", "Ev=", stack, (e) => e.put(0, pop(e)));

// Intel SDM vol. 2, ENTER: nesting levels over 0 copy frame pointers.
row("ENTER", "C8", "Iw Ib", { interpreted: true, ...stack, sizes: [64] }, (e) =>
  e.inState("enter", e.get(0), e.get(1)),
);
row("LEAVE", "C9", "", { ...stack, sizes: [64] }, (e) => {
  const frame = e.let(e.reg(rbp, 64));
  const { host } = e.translate(frame, 8, "read");
  e.setReg(rbp, 64, i64.load(host));
  e.setReg(rsp, 64, i64.add(frame, i64.const(8)));
});

row("XLAT", "D7", "", { faults: true }, (e) => {
  const offset = i64.and(i64.add(e.reg(3, 64), i64.extendI32U(e.reg(0, 8))), e.addressMask());
  const { host } = e.translate(i64.add(e.segmentBase(), offset), 1, "read");
  e.setReg(0, 8, i32.load8U(host));
});

const conditions = ["O", "NO", "B", "AE", "E", "NE", "BE", "A", "S", "NS", "P", "NP", "L", "GE", "LE", "G"];
/** The flags each pair of conditions reads. */
export const conditionReads = ["o", "c", "z", "cz", "s", "p", "so", "szo"];

conditions.forEach((name, code) => {
  const hex = code.toString(16);
  const options = { reads: conditionReads[code >> 1]! };
  row(`SET${name}`, `0F 9${hex} /r`, "Eb=", options, (e) => e.put(0, e.condition(code)));
  row(`CMOV${name}`, `0F 4${hex} /r`, "Gv! Ev", options, (e) => {
    const source = e.let(e.get(1));
    // A 32-bit destination is zero-extended even if the condition is false: write in both cases.
    const old = e.let(e.get(0));
    const holds = e.let(e.condition(code));
    e.f.if(
      holds,
      () => e.put(0, source),
      () => {
        if (e.size === 32) e.put(0, old);
      },
    );
  });
});
