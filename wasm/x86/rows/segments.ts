/**
 * Segment registers, far transfers, descriptor tables: what is left of segmentation in 64-bit user mode. There is no
 * descriptor table in memory: `descriptors` are those that Linux lets user mode use (arch/x86/include/asm/segment.h).
 * Loading FS or GS makes its base zero, as all their bases are. 32-bit code segments are not offered.
 */
import type { Expression } from "../../encode/expression.ts";
import type { FunctionBuilder, Local } from "../../encode/module.ts";
import { i32, i64 } from "../../encode/numeric.ts";
import { arithmeticMask, rflags } from "../flags.ts";
import { helper, type HelperContext } from "../helpers.ts";
import { row, type Emitter } from "../row.ts";
import { state } from "../state.ts";
import { exit } from "../types.ts";
import { pop, push } from "./move.ts";

const base = i32.const(0);
/** Numbers as ModRM.reg has them. */
const sreg = { es: 0, cs: 1, ss: 2, ds: 3, fs: 4, gs: 5 } as const;
const userCode = 0x33;
const userData = 0x2b;

/** Data and stack, code, and the one whose limit is the number of the processor (always 0 here). */
const descriptors = [
  { index: 0x28 >> 2, rights: 0xcff300, limit: -1, writable: true },
  { index: 0x30 >> 2, rights: 0xaffb00, limit: -1, writable: false },
  { index: 0x78 >> 2, rights: 0x40f500, limit: 0, writable: false },
] as const;

const selectorAt = (register: number): number => state.selectors + 2 * register;

/** 1 if a data segment register may not hold the selector (Intel SDM vol. 2, MOV). The low two bits do not matter. */
helper("badSelector", ["i32"], ["i32"], (f) => {
  const selector = f.param(0);
  f.if(i32.ltU(selector, i32.const(4)), () => f.return(i32.const(0)));
  for (const { index } of descriptors)
    f.if(i32.eq(i32.shrU(selector, i32.const(2)), i32.const(index)), () => f.return(i32.const(0)));
  f.result(i32.const(1));
});

/** Faults that loading a segment register with a selector (an i32 local) raises. */
function check(e: Emitter, register: number, selector: Expression): void {
  e.faultIf(
    register === sreg.ss ? i32.ne(selector, i32.const(userData)) : e.call("badSelector", selector),
    exit.generalProtection,
  );
}

function load(e: Emitter, register: number, selector: Expression): void {
  e.f.emit(i32.store16(base, selector, selectorAt(register)));
  if (register === sreg.fs) e.f.emit(i64.store(base, i64.const(0), state.fsBase));
  if (register === sreg.gs) e.f.emit(i64.store(base, i64.const(0), state.gsBase));
}

// Rows end the block: compiled code may hold the bases.
const loads = { faults: true, ends: true, interpreted: true };

for (const [name, register] of Object.entries(sreg)) {
  const value = (e: Emitter): Expression =>
    e.size === 64 && !e.isMemory(0) ? i64.load16U(base, selectorAt(register)) : i32.load16U(base, selectorAt(register));
  row("MOV", `8C /${register}:r`, "Ev=", {}, (e) => e.put(0, value(e)));
  row("MOV", `8C /${register}:m`, "Mw=", {}, (e) => e.put(0, value(e)));
  if (name === "cs") continue;
  row("MOV", `8E /${register}`, "Ew", { ...loads, delaysTrap: register === sreg.ss }, (e) => {
    const selector = e.let(e.get(0));
    check(e, register, selector);
    load(e, register, selector);
    e.jump(e.nextRip());
  });
}

for (const [name, opcode, register] of [
  ["LSS", "B2", sreg.ss],
  ["LFS", "B4", sreg.fs],
  ["LGS", "B5", sreg.gs],
] as const)
  row(name, `0F ${opcode} /r`, "Gv= Mp", loads, (e) => {
    const host = e.host(1);
    const offset = e.let(e.size === 64 ? i64.load(host) : e.size === 32 ? i32.load(host) : i32.load16U(host));
    const selector = e.let(i32.load16U(host, e.size / 8));
    check(e, register, selector);
    load(e, register, selector);
    e.put(0, offset);
    e.jump(e.nextRip());
  });

const stack = { default64: true, faults: true, sizes: [16, 64] as const };
for (const [name, opcode, register] of [
  ["FS", 0xa0, sreg.fs],
  ["GS", 0xa8, sreg.gs],
] as const) {
  row(`PUSH ${name}`, `0F ${opcode.toString(16)}`, "", stack, (e) =>
    push(e, e.size === 64 ? i64.load16U(base, selectorAt(register)) : i32.load16U(base, selectorAt(register))),
  );
  row(`POP ${name}`, `0F ${(opcode + 1).toString(16)}`, "", { ...stack, ends: true, interpreted: true }, (e) => {
    // The check comes before RSP moves.
    const bytes = e.size / 8;
    const { host } = e.translate(e.let(e.reg(4, 64)), bytes, "read");
    check(e, register, e.let(i32.load16U(host)));
    const popped = pop(e);
    load(e, register, e.size === 64 ? i32.wrapI64(popped) : popped);
    e.jump(e.nextRip());
  });
}

// What a selector stands for. ZF says whether it can be seen.

function forDescriptor(e: Emitter, found: (descriptor: (typeof descriptors)[number]) => void, source: number): void {
  const index = e.let(i32.shrU(e.get(source), i32.const(2)));
  const visible = e.let(i32.const(0));
  for (const descriptor of descriptors)
    e.f.if(i32.eq(index, i32.const(descriptor.index)), () => {
      e.f.set(visible, i32.const(1));
      found(descriptor);
      if (source === 0) e.f.set(visible, i32.load8U(base, state.helper));
    });
  const others = i32.and(e.arithmeticFlags(), i32.const(arithmeticMask & ~rflags.zero));
  e.flags("explicit", e.let(i32.or(others, i32.shl(visible, i32.const(6)))));
}
const seen = { writes: "z", reads: "osapc" };
const widen = (e: Emitter, value: number): Expression =>
  e.size === 64 ? i64.const(value >>> 0) : i32.const(value | 0);
row("LAR", "0F 02 /r", "Gv! Ew", seen, (e) => forDescriptor(e, ({ rights }) => e.put(0, widen(e, rights)), 1));
row("LSL", "0F 03 /r", "Gv! Ew", seen, (e) => forDescriptor(e, ({ limit }) => e.put(0, widen(e, limit)), 1));
const mark = (e: Emitter, holds: boolean): void => e.f.emit(i32.store8(base, i32.const(holds ? 1 : 0), state.helper));
row("VERR", "0F 00 /4", "Ew", seen, (e) => forDescriptor(e, () => mark(e, true), 0));
row("VERW", "0F 00 /5", "Ew", seen, (e) => forDescriptor(e, ({ writable }) => mark(e, writable), 0));

/**
 * The tables and CR0, as Linux gives them to user mode on processors with UMIP (arch/x86/kernel/umip.c): no local
 * table, the task register's selector, made-up bases, CR0 with what is always on.
 */
const taskSelector = 0x40;
const control0 = 0x8005_0033;
for (const [name, encoding, value] of [
  ["SLDT", "0F 00 /0", 0],
  ["STR", "0F 00 /1", taskSelector],
  ["SMSW", "0F 01 /4", control0],
] as const) {
  row(name, `${encoding}:r`, "Ev=", {}, (e) => e.put(0, widen(e, value)));
  row(name, `${encoding}:m`, "Mw=", {}, (e) => e.put(0, i32.const(value & 0xffff)));
}
for (const [name, digit, address] of [
  ["SGDT", 0, 0xffff_ffff_fffe_0000n],
  ["SIDT", 1, 0xffff_ffff_ffff_0000n],
] as const)
  row(name, `0F 01 /${digit}`, "M80=", { untestable: "the values are made up" }, (e) => {
    const host = e.let(e.host(0));
    e.f.emit(i32.store16(host, i32.const(0)));
    e.f.emit(i64.store(host, i64.const(BigInt.asIntN(64, address)), 2));
  });

// Far transfers: only to the one code segment.

const far = { ends: true, faults: true };
const checkCode = (e: Emitter, selector: Expression): void =>
  e.faultIf(i32.ne(i32.or(selector, i32.const(3)), i32.const(userCode)), exit.generalProtection);

function target(e: Emitter, host: Expression): Local {
  return e.let(e.size === 64 ? i64.load(host) : e.size === 32 ? i64.load32U(host) : i64.load16U(host));
}
row("JMP far", "FF /5", "Mp", far, (e) => {
  const host = e.let(e.host(0));
  checkCode(e, i32.load16U(host, e.size / 8));
  e.jump(target(e, host));
});
row("CALL far", "FF /3", "Mp", far, (e) => {
  const host = e.let(e.host(0));
  checkCode(e, i32.load16U(host, e.size / 8));
  const to = target(e, host);
  const bytes = e.size / 8;
  const top = e.let(i64.sub(e.reg(4, 64), i64.const(2 * bytes)));
  const frame = e.translate(top, 2 * bytes, "write").host;
  const store = (value: Expression, offset: number): void =>
    e.f.emit(
      e.size === 64
        ? i64.store(frame, value, offset)
        : e.size === 32
          ? i32.store(frame, i32.wrapI64(value), offset)
          : i32.store16(frame, i32.wrapI64(value), offset),
    );
  store(e.nextRip(), 0);
  store(i64.const(userCode), bytes);
  e.setReg(4, 64, top);
  e.jump(to);
});
for (const [encoding, operands] of [
  ["CB", ""],
  ["CA", "Iw"],
] as const)
  row("RETF", encoding, operands, { ...far, sizes: [16, 32, 64] }, (e) => {
    const bytes = e.size / 8;
    const top = e.let(e.reg(4, 64));
    const { host } = e.translate(top, 2 * bytes, "read");
    // Not to a more privileged level: the selector's own level must be 3.
    e.faultIf(i32.ne(i32.load16U(host, bytes), i32.const(userCode)), exit.generalProtection);
    const to = target(e, host);
    const more = operands === "" ? i64.const(0) : i64.extendI32U(e.get(0));
    e.setReg(4, 64, i64.add(top, i64.add(i64.const(2 * bytes), more)));
    e.jump(to);
  });

/** Intel SDM vol. 2, IRET: RIP, CS, RFLAGS, RSP and SS from the stack; the new RIP is at `state.jumpTarget`. */
helper("iret", ["i32"], ["i32"], (f, context) => {
  const bytes = f.param(0);
  const sp = f.let(i64.load(base, state.gpr + 32));
  const refuse = (): void => {
    f.emit(i32.store(base, i32.const(exit.generalProtection), state.exitCode));
    f.return(i32.const(1));
  };
  f.if(i32.and(i32.load(base, state.flagsOther), i32.const(rflags.nested)), refuse);
  const host = f.let(context.call("readHost", sp, i32.mul(bytes, i32.const(5)), i32.const(0)));
  f.if(i32.eqz(host), () => f.return(i32.const(1)));
  const values = [0, 1, 2, 3, 4].map((i) => popped(f, context, host, bytes, i)) as [Local, Local, Local, Local, Local];
  const [ip, cs, flags, newSp, ss] = values;
  const differs = (value: Local, selector: number): Expression =>
    i64.ne(i64.and(value, i64.const(0xffff)), i64.const(selector));
  f.if(i32.or(differs(cs, userCode), differs(ss, userData)), refuse);
  const word = f.let(i32.wrapI64(flags));
  // The 16-bit form leaves the upper half.
  const all = i32.const(rflags.userOther);
  const mask = f.let(
    i32.and(all, i32.sub(i32.mul(i32.ne(bytes, i32.const(2)), i32.const(-0x10000)), i32.const(-0xffff))),
  );
  const kept = i32.and(i32.load(base, state.flagsOther), i32.xor(mask, i32.const(-1)));
  f.emit(i32.store(base, i32.or(kept, i32.and(word, mask)), state.flagsOther));
  f.emit(i32.store(base, i32.const(0), state.flagsKind));
  f.emit(i32.store(base, i32.and(word, i32.const(arithmeticMask)), state.flagsA));
  f.emit(i64.store(base, newSp, state.gpr + 32));
  f.emit(i64.store(base, ip, state.jumpTarget));
  f.emit(i32.store16(base, i32.wrapI64(ss), selectorAt(sreg.ss)));
  // With the trap flag the guest is left at the jump, for the next instruction to be stepped.
  f.emit(i32.store(base, i32.const(0x4000_0000), state.extraCost));
  f.if(i32.and(word, i32.const(rflags.trap)), () => f.return(i32.const(3)));
  f.result(i32.const(0));
});

function popped(f: FunctionBuilder, _context: HelperContext, host: Local, bytes: Local, i: number): Local {
  const at = i32.add(host, i32.mul(bytes, i32.const(i)));
  const value = f.temporary("i64");
  f.if(
    i32.eq(bytes, i32.const(8)),
    () => f.set(value, i64.load(at)),
    () =>
      f.if(
        i32.eq(bytes, i32.const(4)),
        () => f.set(value, i64.load32U(at)),
        () => f.set(value, i64.load16U(at)),
      ),
  );
  return value;
}
row("IRET", "CF", "", { ...far, interpreted: true, sizes: [16, 32, 64], writes: "oszapc" }, (e) => {
  e.inState("iret", i32.const(e.size / 8));
  e.jump(e.let(i64.load(base, state.jumpTarget)));
});

// Of the operating system's: #GP.

const privileged = { ends: true, reads: "oszapc" };
for (const [name, encoding, operands] of [
  ["LLDT", "0F 00 /2", ""],
  ["LTR", "0F 00 /3", ""],
  ["LGDT", "0F 01 /2", "M"],
  ["LIDT", "0F 01 /3", "M"],
  ["LMSW", "0F 01 /6", ""],
  ["INVLPG", "0F 01 /7", "M"],
  ["SYSRET", "0F 07", ""],
  ["INVPCID", "66 0F 38 82 /r", "M"],
  ["XSETBV", "NP 0F 01 D1", ""],
  ["SWAPGS", "0F 01 F8", ""],
] as const)
  row(name, encoding, operands, privileged, (e) => e.faultIf(i32.const(1), exit.generalProtection));
for (const opcode of ["20", "22"])
  for (const register of [0, 2, 3, 4])
    row("MOV CR", `0F ${opcode} /${register}`, "", privileged, (e) => e.faultIf(i32.const(1), exit.generalProtection));
for (const opcode of ["21", "23"])
  for (const register of [0, 1, 2, 3, 6, 7])
    row("MOV DR", `0F ${opcode} /${register}`, "", privileged, (e) => e.faultIf(i32.const(1), exit.generalProtection));
