/**
 * The x87 instructions. What they do is in the soft module (assembly/x87.ts), because 80-bit arithmetic is all calls
 * anyway; the rows bring operands there and results back. Exceptions are raised by the next waiting instruction.
 */
import type { Expression } from "../../encode/expression.ts";
import { i32, i64 } from "../../encode/numeric.ts";
import { row, type Emitter, type RowOptions } from "../row.ts";
import "../soft.ts";
import { state } from "../state.ts";
import { checkPending } from "./mmx-state.ts";

const base = i32.const(0);
const faults: RowOptions = { feature: "fpu", faults: true };

/** A waiting instruction that is for control: it leaves the pointers alone (Intel SDM vol. 1, 8.1.8). */
function waiting(name: string, encoding: string, operands: string, body: (e: Emitter) => void, options = faults): void {
  row(name, encoding, operands, options, (e) => {
    checkPending(e);
    body(e);
  });
}

/** Any other waiting instruction: the pointers to the last of them, and to the last operand in memory, are kept. */
function x87(name: string, encoding: string, operands: string, body: (e: Emitter) => void, options = faults): void {
  waiting(
    name,
    encoding,
    operands,
    (e) => {
      body(e);
      e.f.emit(i64.store(base, e.thisRip(), state.x87Ip));
      if (operands.startsWith("M")) e.f.emit(i64.store(base, e.address(0), state.x87Dp));
    },
    options,
  );
}

function emit(e: Emitter, name: string, ...args: Expression[]): void {
  e.f.emit(e.call(`soft.${name}`, ...args));
}
const c = i32.const;

// Arithmetic with ST(0). The digit of the opcode is the operation.

const operations = ["FADD", "FMUL", "FCOM", "FCOMP", "FSUB", "FSUBR", "FDIV", "FDIVR"] as const;
operations.forEach((name, digit) => {
  const integer = `FI${name.slice(1)}`;
  x87(name, `D8 /${digit}`, "Md", (e) => emit(e, "arithF32", c(digit), e.get(0)));
  x87(name, `DC /${digit}`, "Mq", (e) => emit(e, "arithF64", c(digit), e.get(0)));
  x87(integer, `DA /${digit}`, "Md", (e) => emit(e, "arithInteger", c(digit), i64.extendI32S(e.get(0))));
  x87(integer, `DE /${digit}`, "Mw", (e) => emit(e, "arithInteger", c(digit), i64.extendI32S(e.getS(0))));
  if (name === "FCOM" || name === "FCOMP") {
    const pops = c(name === "FCOMP" ? 1 : 0);
    x87(name, `D8 /${digit}`, "STi", (e) => emit(e, "fcomSt", e.get(0), c(0), pops));
    // An alias that assemblers do not use.
    x87(name, `DC /${digit}`, "STi", (e) => emit(e, "fcomSt", e.get(0), c(0), pops));
    return;
  }
  x87(name, `D8 /${digit}`, "STi", (e) => emit(e, "arithSt", c(digit), e.get(0), c(0), c(0)));
  // With ST(i) as the target the mnemonics of the reversed forms change places; the operation stays ST(0) op ST(i).
  const reversed = digit >= 4 ? operations[digit ^ 1]! : name;
  x87(reversed, `DC /${digit}`, "STi", (e) => {
    const i = e.let(e.get(0));
    emit(e, "arithSt", c(digit), i, i, c(0));
  });
  x87(`${reversed}P`, `DE /${digit}`, "STi", (e) => {
    const i = e.let(e.get(0));
    emit(e, "arithSt", c(digit), i, i, c(1));
  });
});
x87("FCOMP", "DE /2", "STi", (e) => emit(e, "fcomSt", e.get(0), c(0), c(1)));
x87("FCOMPP", "DE D9", "", (e) => emit(e, "fcomSt", c(1), c(0), c(2)));
x87("FUCOM", "DD /4", "STi", (e) => emit(e, "fcomSt", e.get(0), c(1), c(0)));
x87("FUCOMP", "DD /5", "STi", (e) => emit(e, "fcomSt", e.get(0), c(1), c(1)));
x87("FUCOMPP", "DA E9", "", (e) => emit(e, "fcomSt", c(1), c(1), c(2)));

const setsFlags: RowOptions = { ...faults, writes: "oszapc" };
for (const [name, encoding, quietly, pops] of [
  ["FUCOMI", "DB /5", 1, 0],
  ["FCOMI", "DB /6", 0, 0],
  ["FUCOMIP", "DF /5", 1, 1],
  ["FCOMIP", "DF /6", 0, 1],
] as const)
  x87(
    name,
    encoding,
    "STi",
    (e) => e.flags("explicit", e.let(e.call("soft.fcomiSt", e.get(0), c(quietly), c(pops)))),
    setsFlags,
  );

// Loads.

x87("FLD", "D9 /0", "Md", (e) => emit(e, "fldF32", e.get(0)));
x87("FLD", "DD /0", "Mq", (e) => emit(e, "fldF64", e.get(0)));
x87("FLD", "DB /5", "Mt", (e) => {
  const host = e.let(e.host(0));
  emit(e, "fldF80", i64.load(host), i32.load16U(host, 8));
});
x87("FLD", "D9 /0", "STi", (e) => emit(e, "fldSt", e.get(0)));
x87("FILD", "DF /0", "Mw", (e) => emit(e, "fild", i64.extendI32S(e.getS(0))));
x87("FILD", "DB /0", "Md", (e) => emit(e, "fild", i64.extendI32S(e.get(0))));
x87("FILD", "DF /5", "Mq", (e) => emit(e, "fild", e.get(0)));
x87("FBLD", "DF /4", "Mt", (e) => {
  const host = e.let(e.host(0));
  emit(e, "fbld", i64.load(host), i32.load16U(host, 8));
});
["FLD1", "FLDL2T", "FLDL2E", "FLDPI", "FLDLG2", "FLDLN2", "FLDZ"].forEach((name, index) =>
  x87(name, `D9 ${(0xe8 + index).toString(16)}`, "", (e) => emit(e, "fldConstant", c(index))),
);

// Stores. With an unmasked exception nothing is written, so the operand is one that is read too.

function stores(name: string, encoding: string, operands: string, value: (e: Emitter) => Expression): void {
  x87(name, encoding, operands, (e) => {
    const result = e.let(value(e));
    e.f.if(e.call("soft.writes"), () => e.put(0, result));
  });
}
for (const [suffix, pops] of [
  ["", 0],
  ["P", 1],
] as const) {
  stores(`FST${suffix}`, `D9 /${2 + pops}`, "Md!", (e) => e.call("soft.fstF32", c(pops)));
  stores(`FST${suffix}`, `DD /${2 + pops}`, "Mq!", (e) => e.call("soft.fstF64", c(pops)));
  x87(`FST${suffix}`, `DD /${2 + pops}`, "STi", (e) => emit(e, "fstSt", e.get(0), c(pops)));
  stores(`FIST${suffix}`, `DF /${2 + pops}`, "Mw!", (e) => i32.wrapI64(e.call("soft.fist", c(16), c(pops), c(0))));
  stores(`FIST${suffix}`, `DB /${2 + pops}`, "Md!", (e) => i32.wrapI64(e.call("soft.fist", c(32), c(pops), c(0))));
}
// More aliases: the first of them does not complain of an empty register.
x87("FSTP", "D9 /3", "STi", (e) => emit(e, "fstSt", e.get(0), c(2)));
for (const digit of [2, 3]) x87("FSTP", `DF /${digit}`, "STi", (e) => emit(e, "fstSt", e.get(0), c(1)));
stores("FISTP", "DF /7", "Mq!", (e) => e.call("soft.fist", c(64), c(1), c(0)));
stores("FISTTP", "DF /1", "Mw!", (e) => i32.wrapI64(e.call("soft.fist", c(16), c(1), c(1))));
stores("FISTTP", "DB /1", "Md!", (e) => i32.wrapI64(e.call("soft.fist", c(32), c(1), c(1))));
stores("FISTTP", "DD /1", "Mq!", (e) => e.call("soft.fist", c(64), c(1), c(1)));
for (const [name, encoding, helper] of [
  ["FSTP", "DB /7", "fstpF80"],
  ["FBSTP", "DF /6", "fbstp"],
] as const)
  x87(name, encoding, "Mt!", (e) => {
    const low = e.let(e.call(`soft.${helper}`));
    const host = e.let(e.host(0));
    e.f.if(e.call("soft.writes"), () => {
      e.f.emit(i64.store(host, low));
      e.f.emit(i32.store16(host, e.call("soft.second"), 8));
    });
  });

// Within the stack.

for (const encoding of ["D9 /1", "DD /1", "DF /1"]) x87("FXCH", encoding, "STi", (e) => emit(e, "fxch", e.get(0)));
x87("FFREE", "DD /0", "STi", (e) => emit(e, "ffree", e.get(0), c(0)));
x87("FFREEP", "DF /0", "STi", (e) => emit(e, "ffree", e.get(0), c(1)));
x87("FINCSTP", "D9 F7", "", (e) => emit(e, "rotate", c(1)));
x87("FDECSTP", "D9 F6", "", (e) => emit(e, "rotate", c(7)));
["B", "E", "BE", "U"].forEach((suffix, i) => {
  const code = [2, 4, 6, 10][i]!;
  const reads = { ...faults, reads: ["c", "z", "cz", "p"][i]! };
  x87(`FCMOV${suffix}`, `DA /${i}`, "STi", (e) => emit(e, "fcmov", e.get(0), e.condition(code)), reads);
  x87(`FCMOVN${suffix}`, `DB /${i}`, "STi", (e) => emit(e, "fcmov", e.get(0), e.condition(code + 1)), reads);
});

// Functions of ST(0), and of ST(1).

for (const [name, encoding, helper] of [
  ["FCHS", "E0", "fchs"],
  ["FABS", "E1", "fabs"],
  ["FTST", "E4", "ftst"],
  ["FXAM", "E5", "fxam"],
  ["F2XM1", "F0", "f2xm1"],
  ["FYL2X", "F1", "fyl2x"],
  ["FPTAN", "F2", "fptan"],
  ["FPATAN", "F3", "fpatan"],
  ["FXTRACT", "F4", "fxtract"],
  ["FYL2XP1", "F9", "fyl2xp1"],
  ["FSQRT", "FA", "fsqrt"],
  ["FSINCOS", "FB", "fsincos"],
  ["FRNDINT", "FC", "frndint"],
  ["FSCALE", "FD", "fscale"],
  ["FSIN", "FE", "fsin"],
  ["FCOS", "FF", "fcos"],
] as const)
  x87(name, `D9 ${encoding}`, "", (e) => emit(e, helper));
x87("FPREM1", "D9 F5", "", (e) => emit(e, "fprem", c(1)));
x87("FPREM", "D9 F8", "", (e) => emit(e, "fprem", c(0)));

// Control. The FN… instructions do not wait.

function setPointers(e: Emitter, instruction: Expression, data: Expression): void {
  e.f.emit(i64.store(base, instruction, state.x87Ip));
  e.f.emit(i64.store(base, data, state.x87Dp));
}
function initialize(e: Emitter): void {
  emit(e, "fninit");
  setPointers(e, i64.const(0), i64.const(0));
}

waiting("FWAIT", "9B", "", () => undefined);
x87("FNOP", "D9 D0", "", () => undefined);
// Of the 8087 and the 80287: nothing since.
for (const [name, encoding] of [
  ["FNENI", "DB E0"],
  ["FNDISI", "DB E1"],
  ["FNSETPM", "DB E4"],
] as const)
  row(name, encoding, "", { feature: "fpu" }, () => undefined);
row("FNCLEX", "DB E2", "", { feature: "fpu" }, (e) => emit(e, "fnclex"));
row("FNINIT", "DB E3", "", { feature: "fpu" }, initialize);
waiting("FLDCW", "D9 /5", "Mw", (e) => emit(e, "fldcw", e.get(0)));
row("FNSTCW", "D9 /7", "Mw=", { feature: "fpu" }, (e) => e.put(0, i32.load(base, state.x87Control)));
const statusWord = (): Expression =>
  i32.or(i32.load(base, state.x87Status), i32.shl(i32.load(base, state.x87Top), c(11)));
row("FNSTSW", "DD /7", "Mw=", { feature: "fpu" }, (e) => e.put(0, statusWord()));
row("FNSTSW", "DF E0", "AX=", { feature: "fpu" }, (e) => e.put(0, statusWord()));

// The environment: 28 bytes of doublewords, or 14 of words with prefix 66. Of the pointers it has the low half; opcode and
// selectors are zero, as on processors that keep them only for compatibility (CPUID leaf 7, EBX bit 13).

const environmentBytes = (wide: boolean): number => (wide ? 28 : 14);

function storeEnvironment(e: Emitter, host: Expression, wide: boolean): void {
  const [ip, dp] = [i32.load(base, state.x87Ip), i32.load(base, state.x87Dp)];
  const fields = [i32.load(base, state.x87Control), statusWord(), e.call("soft.tagWord"), ip, c(0), dp, c(0)];
  fields.forEach((field, i) => {
    // Doublewords have ones above words.
    if (wide) e.f.emit(i32.store(host, i === 3 || i === 4 || i === 5 ? field : i32.or(field, c(-65536)), 4 * i));
    else e.f.emit(i32.store16(host, field, 2 * i));
  });
}
function loadEnvironment(e: Emitter, host: Expression, wide: boolean): void {
  const field = (i: number): Expression => i32.load16U(host, (wide ? 4 : 2) * i);
  emit(e, "setEnvironment", field(0), field(1), field(2));
  const pointer = (i: number): Expression => i64.extendI32U(wide ? i32.load(host, 4 * i) : field(i));
  setPointers(e, pointer(3), pointer(5));
}
const registerOf = (e: Emitter, i: number): Expression =>
  e.let(i32.shl(i32.and(i32.add(i32.load(base, state.x87Top), c(i)), c(7)), c(4)));

for (const wide of [true, false]) {
  const prefix = wide ? "" : "66 ";
  const short = environmentBytes(wide);
  const long = short + 80;
  row("FNSTENV", `${prefix}D9 /6`, `M${8 * short}=`, { feature: "fpu" }, (e) => {
    storeEnvironment(e, e.let(e.host(0)), wide);
    emit(e, "maskAll");
  });
  waiting("FLDENV", `${prefix}D9 /4`, `M${8 * short}`, (e) => loadEnvironment(e, e.let(e.host(0)), wide));
  row("FNSAVE", `${prefix}DD /6`, `M${8 * long}=`, { feature: "fpu" }, (e) => {
    const host = e.let(e.host(0));
    storeEnvironment(e, host, wide);
    for (let i = 0; i < 8; i++) {
      const register = registerOf(e, i);
      e.f.emit(i64.store(host, i64.load(register, state.x87), short + 10 * i));
      e.f.emit(i32.store16(host, i32.load(register, state.x87 + 8), short + 8 + 10 * i));
    }
    initialize(e);
  });
  waiting("FRSTOR", `${prefix}DD /4`, `M${8 * long}`, (e) => {
    const host = e.let(e.host(0));
    loadEnvironment(e, host, wide);
    for (let i = 0; i < 8; i++) {
      const register = registerOf(e, i);
      e.f.emit(i64.store(register, i64.load(host, short + 10 * i), state.x87));
      e.f.emit(i64.store(register, i64.load16U(host, short + 8 + 10 * i), state.x87 + 8));
    }
  });
}
