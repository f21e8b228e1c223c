/** Integer arithmetic and logic: the eight classic operations in all their forms, and their relatives. */
import type { Expression } from "../../encode/expression.ts";
import { i32, i64 } from "../../encode/numeric.ts";
import { arithmeticMask, rflags } from "../flags.ts";
import { row, type Emitter, type FlagsKind } from "../row.ts";

type Operation = (e: Emitter, a: Expression, b: Expression) => Expression;

/** The forms the eight operations share. Intel SDM vol. 2, ADD: 00–05, 80 /n, 81 /n, 83 /n. */
function classic(name: string, digit: number, reads: string, access: string, body: (e: Emitter) => void): void {
  const logic = digit === 1 || digit === 4 || digit === 6;
  const options = { writes: "oszapc", ...(logic ? { undefined: "a" } : {}), ...(reads === "" ? {} : { reads }) };
  const locked = access === "" ? options : { ...options, lock: true };
  const opcode = (low: number): string => (digit * 8 + low).toString(16).padStart(2, "0");
  row(name, `${opcode(0)} /r`, `Eb${access} Gb`, locked, body);
  row(name, `${opcode(1)} /r`, `Ev${access} Gv`, locked, body);
  row(name, `${opcode(2)} /r`, `Gb${access} Eb`, options, body);
  row(name, `${opcode(3)} /r`, `Gv${access} Ev`, options, body);
  row(name, `${opcode(4)}`, `AL${access} Ib`, options, body);
  row(name, `${opcode(5)}`, `rAX${access} Iz`, options, body);
  row(name, `80 /${digit}`, `Eb${access} Ib`, locked, body);
  row(name, `81 /${digit}`, `Ev${access} Iz`, locked, body);
  row(name, `83 /${digit}`, `Ev${access} Ibs`, locked, body);
}

function arithmetic(kind: FlagsKind, result: Operation): (e: Emitter) => void {
  return (e) => {
    const a = e.let(e.get(0));
    const b = e.let(e.get(1));
    e.put(0, result(e, a, b));
    e.flags(kind, a, b);
  };
}

function logic(result: Operation): (e: Emitter) => void {
  return (e) => {
    const value = e.let(result(e, e.get(0), e.get(1)));
    e.put(0, value);
    e.flags("logic", value);
  };
}

function withCarry(
  kind: "adc" | "sbb",
  result: (e: Emitter, a: Expression, b: Expression, c: Expression) => Expression,
) {
  return (e: Emitter): void => {
    const a = e.let(e.get(0));
    const b = e.let(e.get(1));
    const carry = e.let(e.carry());
    e.put(0, result(e, a, b, e.size === 64 ? i64.extendI32U(carry) : carry));
    e.flags(kind, a, b, carry);
  };
}

classic(
  "ADD",
  0,
  "",
  "!",
  arithmetic("add", (e, a, b) => e.w.add(a, b)),
);
classic(
  "OR",
  1,
  "",
  "!",
  logic((e, a, b) => e.w.or(a, b)),
);
classic(
  "ADC",
  2,
  "c",
  "!",
  withCarry("adc", (e, a, b, c) => e.w.add(e.w.add(a, b), c)),
);
classic(
  "SBB",
  3,
  "c",
  "!",
  withCarry("sbb", (e, a, b, c) => e.w.sub(e.w.sub(a, b), c)),
);
classic(
  "AND",
  4,
  "",
  "!",
  logic((e, a, b) => e.w.and(a, b)),
);
classic(
  "SUB",
  5,
  "",
  "!",
  arithmetic("sub", (e, a, b) => e.w.sub(a, b)),
);
classic(
  "XOR",
  6,
  "",
  "!",
  logic((e, a, b) => e.w.xor(a, b)),
);
classic("CMP", 7, "", "", (e) => e.flags("sub", e.let(e.get(0)), e.let(e.get(1))));

const test = (e: Emitter): void => e.flags("logic", e.let(e.w.and(e.get(0), e.get(1))));
const testOptions = { writes: "oszapc", undefined: "a" };
row("TEST", "84 /r", "Eb Gb", testOptions, test);
row("TEST", "85 /r", "Ev Gv", testOptions, test);
row("TEST", "A8", "AL Ib", testOptions, test);
row("TEST", "A9", "rAX Iz", testOptions, test);
for (const digit of [0, 1]) {
  row("TEST", `F6 /${digit}`, "Eb Ib", testOptions, test);
  row("TEST", `F7 /${digit}`, "Ev Iz", testOptions, test);
}

for (const [opcode, operand] of [
  ["FE", "Eb!"],
  ["FF", "Ev!"],
] as const) {
  row("INC", `${opcode} /0`, operand, { writes: "oszap", lock: true }, (e) => {
    const a = e.let(e.get(0));
    e.put(0, e.w.add(a, e.w.const(1)));
    e.flags("inc", a);
  });
  row("DEC", `${opcode} /1`, operand, { writes: "oszap", lock: true }, (e) => {
    const a = e.let(e.get(0));
    e.put(0, e.w.sub(a, e.w.const(1)));
    e.flags("dec", a);
  });
}

for (const [opcode, operand] of [
  ["F6", "Eb!"],
  ["F7", "Ev!"],
] as const) {
  row("NOT", `${opcode} /2`, operand, { lock: true }, (e) => e.put(0, e.w.xor(e.get(0), e.w.const(-1))));
  row("NEG", `${opcode} /3`, operand, { writes: "oszapc", lock: true }, (e) => {
    const a = e.let(e.get(0));
    e.put(0, e.w.sub(e.w.const(0), a));
    e.flags("sub", e.w.const(0), a);
  });
}

// Intel SDM vol. 2, CMPXCHG: memory is written in any case. A register that is not replaced stays whole, as measured: its
// upper half is not cleared.
for (const [low, pair] of [
  [0, "Eb! Gb"],
  [1, "Ev! Gv"],
] as const) {
  row("XADD", `0F C${low} /r`, `${pair}!`, { writes: "oszapc", lock: true }, (e) => {
    const a = e.let(e.get(0));
    const b = e.let(e.get(1));
    e.put(1, a);
    e.put(0, e.w.add(a, b));
    e.flags("add", a, b);
  });
  row("CMPXCHG", `0F B${low} /r`, pair, { writes: "oszapc", lock: true }, (e) => {
    const old = e.let(e.get(0));
    const source = e.let(e.get(1));
    const expected = e.let(e.reg(0, e.size));
    e.f.if(
      e.w.eq(old, expected),
      () => e.put(0, source),
      () => {
        if (e.isMemory(0)) e.put(0, old);
        e.setReg(0, e.size, old);
      },
    );
    e.flags("sub", expected, old);
  });
}

const zeroFlag = (e: Emitter, equal: Expression): Expression =>
  i32.or(i32.and(e.arithmeticFlags(), i32.const(~0x40)), i32.shl(equal, i32.const(6)));

row("CMPXCHG8B", "W0 0F C7 /1", "Mq!", { writes: "z", reads: "osapc", lock: true }, (e) => {
  const old = e.let(e.get(0));
  const wide = (high: number, low: number): Expression =>
    i64.or(i64.shl(i64.extendI32U(e.reg(high, 32)), i64.const(32)), i64.extendI32U(e.reg(low, 32)));
  const equal = e.let(i64.eq(old, wide(2, 0)));
  e.f.if(
    equal,
    () => e.put(0, wide(1, 3)),
    () => {
      e.put(0, old);
      e.setReg(0, 32, i32.wrapI64(old));
      e.setReg(2, 32, i32.wrapI64(i64.shrU(old, i64.const(32))));
    },
  );
  e.flags("explicit", zeroFlag(e, equal));
});

row("CMPXCHG16B", "W1 0F C7 /1", "Mdq!", { writes: "z", reads: "osapc", lock: true }, (e) => {
  const host = e.host(0);
  const low = e.let(i64.load(host, 0));
  const high = e.let(i64.load(host, 8));
  const equal = e.let(i32.and(i64.eq(low, e.reg(0, 64)), i64.eq(high, e.reg(2, 64))));
  e.f.if(
    equal,
    () => {
      e.f.emit(i64.store(host, e.reg(3, 64), 0));
      e.f.emit(i64.store(host, e.reg(1, 64), 8));
    },
    () => {
      e.setReg(0, 64, low);
      e.setReg(2, 64, high);
    },
  );
  e.flags("explicit", zeroFlag(e, equal));
});

// Additions with one flag as carry, in and out, and no other touched (Intel SDM vol. 2, ADCX).
for (const [name, prefix, flag] of [
  ["ADCX", "66", rflags.carry],
  ["ADOX", "F3", rflags.overflow],
] as const) {
  const letters = name === "ADCX" ? { writes: "c", reads: "oszapc" } : { writes: "o", reads: "oszapc" };
  row(name, `${prefix} 0F 38 F6 /r`, "Gy! Ey", { ...letters, feature: "adx" }, (e) => {
    const flags = e.let(e.arithmeticFlags());
    const a = e.let(e.get(0));
    const carry = e.let(i32.ne(i32.and(flags, i32.const(flag)), i32.const(0)));
    const partial = e.let(e.w.add(a, e.get(1)));
    const sum = e.let(e.w.add(partial, e.size === 64 ? i64.extendI32U(carry) : carry));
    const out = e.let(i32.or(e.w.ltU(partial, a), e.w.ltU(sum, partial)));
    e.put(0, sum);
    const kept = i32.and(flags, i32.const(arithmeticMask & ~flag));
    e.flags("explicit", e.let(i32.or(kept, i32.mul(out, i32.const(flag)))));
  });
}
