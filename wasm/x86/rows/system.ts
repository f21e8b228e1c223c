/** Flags as a whole, no-operations, fences, CPUID, the time stamp. */
import type { Expression } from "../../encode/expression.ts";
import { i32, i64 } from "../../encode/numeric.ts";
import { arithmeticMask, rflags } from "../flags.ts";
import { helper, hostHelper } from "../helpers.ts";
import { row, type Emitter } from "../row.ts";
import { state } from "../state.ts";
import { exit } from "../types.ts";
import { pop, push } from "./move.ts";

const base = i32.const(0);

/** RFLAGS, canonical (i32). IF is always set. */
export function allFlags(e: Emitter): Expression {
  const other = i32.or(i32.load(base, state.flagsOther), i32.const(rflags.one | rflags.interrupt));
  return i32.or(e.arithmeticFlags(), other);
}

row("PUSHF", "9C", "", { default64: true, sizes: [16, 64], faults: true, reads: "oszapc" }, (e) => {
  const value = e.let(allFlags(e));
  push(e, e.size === 64 ? i64.extendI32U(value) : value);
});
// It leaves the guest, because with TF on the next instructions are stepped (cpu.ts).
row(
  "POPF",
  "9D",
  "",
  { interpreted: true, default64: true, sizes: [16, 64], faults: true, ends: true, writes: "oszapc" },
  (e) => {
    const popped = pop(e);
    const value = e.let(e.size === 64 ? i32.wrapI64(popped) : popped);
    // The 16-bit form leaves the upper half.
    const mask = e.size === 64 ? rflags.userOther : rflags.userOther & 0xffff;
    const kept = i32.and(i32.load(base, state.flagsOther), i32.const(rflags.userOther & ~mask));
    e.f.emit(i32.store(base, i32.or(kept, i32.and(value, i32.const(mask))), state.flagsOther));
    e.flags("explicit", value);
    e.exit(exit.budget);
  },
);

const low = 0xd5;
row("LAHF", "9F", "", { reads: "szapc" }, (e) => {
  const value = i32.or(i32.and(e.arithmeticFlags(), i32.const(low)), i32.const(rflags.one));
  e.setReg(0, 16, i32.or(e.reg(0, 8), i32.shl(value, i32.const(8))));
});
row("SAHF", "9E", "", { writes: "szapc", reads: "o" }, (e) => {
  const ah = i32.shrU(e.reg(0, 16), i32.const(8));
  e.flags(
    "explicit",
    e.let(i32.or(i32.and(ah, i32.const(low)), i32.and(e.arithmeticFlags(), i32.const(rflags.overflow)))),
  );
});

const others = (e: Emitter): ReturnType<Emitter["get"]> =>
  i32.and(e.arithmeticFlags(), i32.const(arithmeticMask & ~rflags.carry));
const carry = { writes: "c", reads: "oszapc" };
row("CMC", "F5", "", carry, (e) => e.flags("explicit", e.let(i32.xor(e.arithmeticFlags(), i32.const(rflags.carry)))));
row("CLC", "F8", "", carry, (e) => e.flags("explicit", e.let(others(e))));
row("STC", "F9", "", carry, (e) => e.flags("explicit", e.let(i32.or(others(e), i32.const(rflags.carry)))));
row("CLD", "FC", "", {}, (e) => direction(e, false));
row("STD", "FD", "", {}, (e) => direction(e, true));

function direction(e: Emitter, set: boolean): void {
  const other = i32.load(base, state.flagsOther);
  const value = set ? i32.or(other, i32.const(rflags.direction)) : i32.and(other, i32.const(~rflags.direction));
  e.f.emit(i32.store(base, value, state.flagsOther));
}

const nothing = (): void => {};
row("NOP", "90", "", {}, nothing);
row("PAUSE", "F3 90", "", {}, nothing);
row("NOP", "0F 1F /r", "", {}, nothing);
// Reserved hints, which processors without them run as no-operations: 0F 18 to 0F 1E.
for (const opcode of ["19", "1A", "1B", "1C", "1D", "1E"]) row("NOP", `0F ${opcode} /r`, "", {}, nothing);
row("ENDBR64", "F3 0F 1E FA", "", {}, nothing);
row("PREFETCH", "0F 18 /r", "", {}, nothing);
row("PREFETCHW", "0F 0D /r", "M", {}, nothing);
row("LFENCE", "NP 0F AE /5:r", "", { feature: "sse2" }, nothing);
row("MFENCE", "NP 0F AE /6:r", "", { feature: "sse2" }, nothing);
row("SFENCE", "NP 0F AE /7:r", "", { feature: "sse" }, nothing);
row("CLFLUSH", "NP 0F AE /7", "Mb", { feature: "clflush" }, nothing);
row("CLFLUSHOPT", "66 0F AE /7", "Mb", { feature: "clflushopt" }, nothing);
row("CLWB", "66 0F AE /6", "Mb", { feature: "clwb" }, nothing);

/** A nanosecond a tick: what the kernel's vDSO would call a 1 GHz invariant TSC. */
hostHelper("timestamp", [], ["i64"], () => () => BigInt(Math.round(performance.now() * 1e6)));
function timestamp(e: Emitter): void {
  const ticks = e.let(e.call("timestamp"));
  e.setReg(0, 32, i32.wrapI64(ticks));
  e.setReg(2, 32, i32.wrapI64(i64.shrU(ticks, i64.const(32))));
}
const time = "time passes";
row("RDTSC", "0F 31", "", { untestable: time }, timestamp);
row("RDTSCP", "0F 01 F9", "", { untestable: time }, (e) => {
  timestamp(e);
  e.setReg(1, 32, i32.const(0));
});

// Random numbers are always to be had: CF = 1. The processor's name is that of the only one there is.
const pool = new BigUint64Array(64);
let used = pool.length;
hostHelper("random", [], ["i64"], () => () => {
  if (used === pool.length) {
    crypto.getRandomValues(pool);
    used = 0;
  }
  return pool[used++]!;
});
for (const [name, digit, feature] of [
  ["RDRAND", 6, "rdrand"],
  ["RDSEED", 7, "rdseed"],
] as const)
  row(name, `NFx 0F C7 /${digit}`, "Rv=", { feature, writes: "oszapc", untestable: "random numbers" }, (e) => {
    const value = e.call("random");
    e.put(0, e.size === 64 ? value : i32.wrapI64(value));
    e.flags("explicit", i32.const(rflags.carry));
  });
row("RDPID", "F3 0F C7 /7", "Rq=", { feature: "rdpid", untestable: "it tells the number of the processor" }, (e) =>
  e.put(0, i64.const(0)),
);

// The bases of FS and GS (Intel SDM vol. 2, RDFSBASE). What compiled code holds of them ends with the block.
for (const [digit, name, at] of [
  [0, "FS", state.fsBase],
  [1, "GS", state.gsBase],
] as const) {
  const untestable = name === "FS" ? { untestable: "the C library's own data hang on FS" } : {};
  row(`RD${name}BASE`, `F3 0F AE /${digit}`, "Ry=", { feature: "fsgsbase", ...untestable }, (e) =>
    e.put(0, e.size === 64 ? i64.load(base, at) : i32.load(base, at)),
  );
  const options = { feature: "fsgsbase", faults: true, ends: true, interpreted: true, ...untestable };
  row(`WR${name}BASE`, `F3 0F AE /${digit + 2}`, "Ry", options, (e) => {
    const value = e.let(e.get64(0));
    // A base must be canonical.
    e.faultIf(i64.ne(i64.shrS(i64.shl(value, i64.const(16)), i64.const(16)), value), exit.generalProtection);
    e.f.emit(i64.store(base, value, at));
    e.jump(e.nextRip());
  });
}

/** Intel SDM vol. 2, ENTER, with 64-bit operands. */
helper("enter", ["i32", "i32"], ["i32"], (f, context) => {
  const bytes = f.param(0);
  const level = f.let(i32.and(f.param(1), i32.const(31)));
  const sp = f.let(i64.load(base, state.gpr + 32));
  const bp = f.let(i64.load(base, state.gpr + 40));
  const host = f.temporary("i32");
  const store = (value: ReturnType<typeof i64.load>): void => {
    f.set(sp, i64.sub(sp, i64.const(8)));
    f.set(host, context.call("writeHost", sp, i32.const(8), i32.const(0)));
    f.if(i32.eqz(host), () => f.return(i32.const(1)));
    f.emit(i64.store(host, value));
    f.if(context.call("isScratch", host), () => f.emit(context.call("commit", i32.const(0))));
  };
  store(bp);
  const frame = f.let(sp);
  const from = f.temporary("i32");
  f.if(level, () => {
    f.loop((again) => {
      f.set(level, i32.sub(level, i32.const(1)));
      f.if(level, () => {
        f.set(bp, i64.sub(bp, i64.const(8)));
        f.set(from, context.call("readHost", bp, i32.const(8), i32.const(1)));
        f.if(i32.eqz(from), () => f.return(i32.const(1)));
        store(i64.load(from));
        f.br(again);
      });
    });
    store(frame);
  });
  f.set(sp, i64.sub(sp, i64.extendI32U(bytes)));
  // The new top of the stack must be writable.
  f.if(i32.eqz(context.call("writeHost", sp, i32.const(1), i32.const(0))), () => f.return(i32.const(1)));
  f.emit(i64.store(base, frame, state.gpr + 40));
  f.emit(i64.store(base, sp, state.gpr + 32));
  f.result(i32.const(0));
});

row("CPUID", "0F A2", "", { interpreted: true, untestable: "it tells what the processor is" }, (e) =>
  e.inState("cpuid"),
);
