/** Jumps, calls, returns, loops; system calls and traps; what user mode may not do. */
import { i32, i64 } from "../../encode/numeric.ts";
import { row, type Emitter } from "../row.ts";
import { exit, type Exit } from "../types.ts";
import { allFlags } from "./system.ts";
import { conditionReads, pop, push } from "./move.ts";

const near = { default64: true, ends: true, sizes: [64] as const };
const names = ["JO", "JNO", "JB", "JAE", "JE", "JNE", "JBE", "JA", "JS", "JNS", "JP", "JNP", "JL", "JGE", "JLE", "JG"];

names.forEach((name, code) => {
  const options = { ...near, ends: false, reads: conditionReads[code >> 1]! };
  const hex = code.toString(16);
  row(name, `7${hex}`, "J8", options, (e) => e.branch(0, e.condition(code)));
  row(name, `0F 8${hex}`, "J32", options, (e) => e.branch(0, e.condition(code)));
});

row("JMP", "EB", "J8", near, (e) => e.branch(0));
row("JMP", "E9", "J32", near, (e) => e.branch(0));
row("CALL", "E8", "J32", near, (e) => {
  push(e, e.let(e.nextRip()));
  e.branch(0);
});
row("CALL", "FF /2", "Eq", near, (e) => {
  const target = e.let(e.get(0));
  push(e, e.let(e.nextRip()));
  e.jump(target);
});
row("JMP", "FF /4", "Eq", near, (e) => e.jump(e.let(e.get(0))));
row("RET", "C3", "", near, (e) => e.jump(pop(e)));
row("RET", "C2", "Iw", near, (e) => {
  const target = pop(e);
  e.setReg(4, 64, i64.add(e.reg(4, 64), i64.extendI32U(e.get(0))));
  e.jump(target);
});

const counted = { default64: true, sizes: [64] as const };
/** With prefix 67 the counter is ECX. */
const loop = (e: Emitter): void => e.setReg(1, 64, i64.and(i64.sub(e.reg(1, 64), i64.const(1)), e.addressMask()));
row("LOOPNE", "E0", "J8", { ...counted, reads: "z" }, (e) => {
  loop(e);
  e.branch(0, i32.and(i64.ne(e.reg(1, 64), i64.const(0)), e.condition(5)));
});
row("LOOPE", "E1", "J8", { ...counted, reads: "z" }, (e) => {
  loop(e);
  e.branch(0, i32.and(i64.ne(e.reg(1, 64), i64.const(0)), e.condition(4)));
});
row("LOOP", "E2", "J8", counted, (e) => {
  loop(e);
  e.branch(0, i64.ne(e.reg(1, 64), i64.const(0)));
});
row("JRCXZ", "E3", "J8", counted, (e) => e.branch(0, i64.eqz(i64.and(e.reg(1, 64), e.addressMask()))));

const trap = { ends: true, reads: "oszapc" };
row("SYSCALL", "0F 05", "", { ...trap, untestable: "the kernel answers it: test/guest" }, (e) => {
  e.setReg(1, 64, e.nextRip());
  e.setReg(11, 64, i64.extendI32U(allFlags(e)));
  e.exit(exit.syscall);
});
row("INT3", "CC", "", trap, (e) => e.exit(exit.breakpoint));
row("INT1", "F1", "", trap, (e) => e.exit(exit.debug));
/** Vectors user mode may call; Linux has a gate for 32-bit system calls too, but not without IA-32 emulation. */
const vectors: readonly (readonly [number, Exit])[] = [
  [3, exit.breakpoint],
  [4, exit.overflow],
];
row("INT", "CD", "Ib", trap, (e) => {
  const vector = e.let(e.get(0));
  e.faultIf(i32.eq(vector, i32.const(0x80)), exit.interrupt80);
  for (const [number, kind] of vectors) e.exitIf(i32.eq(vector, i32.const(number)), kind);
  e.faultIf(i32.const(1), exit.generalProtection);
});
for (const [name, encoding] of [
  ["UD2", "0F 0B"],
  ["UD1", "0F B9 /r"],
  ["UD0", "0F FF /r"],
] as const)
  row(name, encoding, "", trap, (e) => e.faultIf(i32.const(1), exit.invalidOpcode));

// Privileged, or needing an I/O permission user mode does not have: #GP.
for (const [name, encoding, operands] of [
  ["HLT", "F4", ""],
  ["CLI", "FA", ""],
  ["STI", "FB", ""],
  ["IN", "E4", "AL Ib"],
  ["IN", "E5", "rAX Ib"],
  ["IN", "EC", "AL"],
  ["IN", "ED", "rAX"],
  ["OUT", "E6", "Ib AL"],
  ["OUT", "E7", "Ib rAX"],
  ["OUT", "EE", "AL"],
  ["OUT", "EF", "rAX"],
  ["INS", "6C", ""],
  ["INS", "6D", ""],
  ["OUTS", "6E", ""],
  ["OUTS", "6F", ""],
  ["CLTS", "0F 06", ""],
  ["INVD", "0F 08", ""],
  ["WBINVD", "0F 09", ""],
  ["WRMSR", "0F 30", ""],
  ["RDMSR", "0F 32", ""],
  ["RDPMC", "0F 33", ""],
] as const)
  row(name, encoding, operands, { ...trap }, (e) => e.faultIf(i32.const(1), exit.generalProtection));
