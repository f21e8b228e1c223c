/** MXCSR, FXSAVE and FXRSTOR, EMMS. */
import type { Expression } from "../../encode/expression.ts";
import type { FunctionBuilder, Local } from "../../encode/module.ts";
import { i32, i64, memoryCopy, memoryFill, select } from "../../encode/numeric.ts";
import { helper } from "../helpers.ts";
import { row } from "../row.ts";
import "../soft.ts";
import { defaultMxcsr, exactness, keepsFlags, mxcsrModes, settledMxcsr, state } from "../state.ts";
import { exit } from "../types.ts";
import { checkPending } from "./mmx-state.ts";

const base = i32.const(0);

/** Sets MXCSR, and what follows from it with bits of `exactness` that are known. */
function setMxcsr(f: FunctionBuilder, word: Local, known: Expression): void {
  const isSettled = i32.eq(i32.and(word, i32.const(settledMxcsr.mask)), i32.const(settledMxcsr.value));
  f.emit(i32.store(base, word, state.mxcsr));
  f.emit(
    i32.store16(base, i32.or(known, select(isSettled, i32.const(0), i32.const(exactness.watched))), state.sseExact),
  );
}

row("LDMXCSR", "NP 0F AE /2", "Md", { interpreted: true, feature: "sse", faults: true }, (e) => {
  const word = e.let(e.get(0));
  e.faultIf(i32.shrU(word, i32.const(16)), exit.generalProtection);
  setMxcsr(e.f, word, i32.const(exactness.loaded));
});
row("STMXCSR", "NP 0F AE /3", "Md=", { feature: "sse" }, (e) => e.put(0, i32.load(base, state.mxcsr)));

row("EMMS", "NP 0F 77", "", { feature: "mmx", faults: true }, (e) => {
  checkPending(e);
  e.f.emit(i32.store(base, i32.const(0), state.x87Tag));
  e.f.emit(i32.store(base, i32.const(0), state.x87Top));
});

// The 512-byte image (Intel SDM vol. 1, 10.5.1). Opcode, instruction and data pointers are zero there, and left alone by a
// restore, as on AMD's processors while no exception is pending.

const registerOf = (f: FunctionBuilder, top: Local, i: number): Local =>
  f.let(i32.shl(i32.and(i32.add(top, i32.const(i)), i32.const(7)), i32.const(4)));

helper("saveX87", ["i32"], [], (f) => {
  const image = f.param(0);
  const top = f.let(i32.load(base, state.x87Top));
  f.emit(memoryFill(image, i32.const(0), i32.const(24)));
  f.emit(i32.store16(image, i32.load(base, state.x87Control), 0));
  f.emit(i32.store16(image, i32.or(i32.load(base, state.x87Status), i32.shl(top, i32.const(11))), 2));
  f.emit(i32.store16(image, i32.load(base, state.x87Tag), 4));
  for (let i = 0; i < 8; i++) {
    const register = registerOf(f, top, i);
    f.emit(i64.store(image, i64.load(register, state.x87), 32 + 16 * i));
    f.emit(i64.store(image, i64.load16U(register, state.x87 + 8), 40 + 16 * i));
  }
});
helper("restoreX87", ["i32"], [], (f) => {
  const image = f.param(0);
  const status = f.let(i32.load16U(image, 2));
  const top = f.let(i32.and(i32.shrU(status, i32.const(11)), i32.const(7)));
  const control = f.let(i32.or(i32.and(i32.load16U(image, 0), i32.const(0x1f3f)), i32.const(0x40)));
  // The summary bits follow from the flags and the masks, whatever the image says.
  const unmasked = i32.and(i32.and(status, i32.xor(control, i32.const(-1))), i32.const(0x3f));
  const summary = select(unmasked, i32.const(0x8080), i32.const(0));
  f.emit(i32.store(base, control, state.x87Control));
  f.emit(i32.store(base, i32.or(i32.and(status, i32.const(0x477f)), summary), state.x87Status));
  f.emit(i32.store(base, top, state.x87Top));
  f.emit(i32.store(base, i32.load8U(image, 4), state.x87Tag));
  for (let i = 0; i < 8; i++) {
    const register = registerOf(f, top, i);
    f.emit(i64.store(register, i64.load(image, 32 + 16 * i), state.x87));
    f.emit(i64.store(register, i64.load16U(image, 40 + 16 * i), state.x87 + 8));
  }
});
/** MXCSR and the mask of its bits that exist. */
helper("saveMxcsr", ["i32"], [], (f) => {
  f.emit(i32.store(f.param(0), i32.load(base, state.mxcsr), 24));
  f.emit(i32.store(f.param(0), i32.const(0xffff), 28));
});
/** Restores MXCSR. The dynamic linker does so around every lazy binding: that is no reason to keep all flags for good. */
helper("restoreMxcsr", ["i32"], [], (f) => {
  const word = f.param(0);
  const isOther = i32.ne(i32.and(word, i32.const(mxcsrModes)), i32.const(defaultMxcsr));
  const same = i32.and(i32.load16U(base, state.sseExact), i32.const(keepsFlags));
  setMxcsr(f, word, select(isOther, i32.const(exactness.loaded), same));
});

helper("fxsave", ["i32"], ["i32"], (f, context) => {
  const image = f.param(0);
  f.emit(context.call("saveX87", image));
  f.emit(context.call("saveMxcsr", image));
  f.emit(memoryCopy(i32.add(image, i32.const(160)), i32.const(state.xmm), i32.const(256)));
  f.result(i32.const(0));
});
helper("fxrstor", ["i32"], ["i32"], (f, context) => {
  const image = f.param(0);
  f.emit(context.call("restoreX87", image));
  f.emit(context.call("restoreMxcsr", i32.load(image, 24)));
  f.emit(memoryCopy(i32.const(state.xmm), i32.add(image, i32.const(160)), i32.const(256)));
  f.result(i32.const(0));
});

// Read and written: bytes 416 to 511 stay as they are.
row("FXSAVE", "NP 0F AE /0", "Ms512!", { interpreted: true, feature: "fxsr", faults: true }, (e) => {
  e.inState("fxsave", e.host(0));
});
row("FXRSTOR", "NP 0F AE /1", "Ms512", { interpreted: true, feature: "fxsr", faults: true }, (e) => {
  e.faultIf(i32.load16U(e.host(0), 26), exit.generalProtection);
  e.inState("fxrstor", e.host(0));
});
