/**
 * XSAVE and its relatives (Intel SDM vol. 1, chapter 13): state components chosen by XCR0 and by EDX:EAX. `state.xcr0`
 * is 0 where XSAVE is not offered: the instructions are then invalid, as CPUID's OSXSAVE says. All components count as
 * in use, which the manual allows. The compacted form differs from the standard one in the header only, because the
 * components there are lie where they would lie in any case.
 */
import type { Expression } from "../../encode/expression.ts";
import type { FunctionBuilder, Local } from "../../encode/module.ts";
import { i32, i64, memoryCopy, memoryFill, select } from "../../encode/numeric.ts";
import { helper } from "../helpers.ts";
import { row } from "../row.ts";
import { defaultMxcsr, state } from "../state.ts";
import { exit, xsaveLayout } from "../types.ts";
import "./sse-state.ts";

const base = i32.const(0);
const component = { x87: 1, sse: 2, avx: 4 } as const;
const { header: headerAt, avx: avxAt, avxBytes, bytes: xsaveBytes } = xsaveLayout;

const has = (mask: Expression, bits: number): Expression => i32.and(mask, i32.const(bits));
/** Components asked for (i32): XCR0 has none above bit 31. */
function requested(f: FunctionBuilder): Local {
  return f.let(i32.and(i32.load(base, state.xcr0), i32.load(base, state.gpr)));
}

/** Bytes that count: what is behind the header only where it is asked for, whether it is there or not. */
function accessed(wanted: Local): Expression {
  return select(has(wanted, component.avx), i32.const(xsaveBytes), i32.const(avxAt));
}

/** (address, 1 for the compacted form). */
helper("xsave", ["i64", "i32"], ["i32"], (f, context) => {
  const compacted = f.param(1);
  const wanted = requested(f);
  const image = f.let(context.call("writeHost", f.param(0), accessed(wanted), i32.const(0)));
  f.if(i32.eqz(image), () => f.return(i32.const(1)));
  f.if(has(wanted, component.x87), () => f.emit(context.call("saveX87", image)));
  // The compacted form has MXCSR with the vectors only.
  const mxcsr = f.let(has(wanted, component.sse | component.avx));
  f.if(compacted, () => f.set(mxcsr, has(wanted, component.sse)));
  f.if(mxcsr, () => f.emit(context.call("saveMxcsr", image)));
  f.if(has(wanted, component.sse), () =>
    f.emit(memoryCopy(i32.add(image, i32.const(160)), i32.const(state.xmm), i32.const(256))),
  );
  f.if(has(wanted, component.avx), () =>
    f.emit(memoryCopy(i32.add(image, i32.const(avxAt)), i32.const(state.ymmHigh), i32.const(avxBytes))),
  );
  f.if(
    compacted,
    () => {
      f.emit(i64.store(image, i64.extendI32U(wanted), headerAt));
      f.emit(i64.store(image, i64.or(i64.extendI32U(wanted), i64.const(-(1n << 63n))), headerAt + 8));
    },
    () => f.emit(i64.store(image, i64.or(i64.load(image, headerAt), i64.extendI32U(wanted)), headerAt)),
  );
  f.if(context.call("isScratch", image), () => f.emit(context.call("commit", i32.const(0))));
  f.result(i32.const(0));
});

/** Refuses images that ask for what there is not. */
helper("xrstor", ["i64"], ["i32"], (f, context) => {
  const wanted = requested(f);
  const image = f.let(context.call("readHost", f.param(0), accessed(wanted), i32.const(0)));
  f.if(i32.eqz(image), () => f.return(i32.const(1)));
  const refuse = (condition: Expression): void =>
    f.if(condition, () => {
      f.emit(i32.store(base, i32.const(exit.generalProtection), state.exitCode));
      f.return(i32.const(1));
    });
  const field = (at: number): Expression => i64.load(image, headerAt + at);
  const present = f.let(field(0));
  const format = f.let(field(8));
  const missing = f.let(i64.xor(i64.load32U(base, state.xcr0), i64.const(-1)));
  const compacted = f.let(i64.ltS(format, i64.const(0)));
  f.if(
    compacted,
    () => {
      const chosen = f.let(i64.and(format, i64.const((1n << 63n) - 1n)));
      refuse(i64.ne(i64.and(chosen, missing), i64.const(0)));
      refuse(i64.ne(i64.and(present, i64.xor(chosen, i64.const(-1))), i64.const(0)));
      for (let at = 16; at < 64; at += 8) refuse(i64.ne(field(at), i64.const(0)));
    },
    () => {
      refuse(i64.ne(i64.or(i64.and(present, missing), format), i64.const(0)));
      refuse(i64.ne(field(16), i64.const(0)));
    },
  );
  const loads = f.let(i32.and(wanted, i32.wrapI64(present)));
  // The standard form always has MXCSR, the compacted one with the vectors.
  const mxcsr = f.let(
    i32.and(
      i32.ne(has(wanted, component.sse | component.avx), i32.const(0)),
      i32.or(i32.eqz(compacted), i32.ne(has(loads, component.sse), i32.const(0))),
    ),
  );
  f.if(mxcsr, () => refuse(i32.load16U(image, 26)));
  f.if(has(wanted, component.x87), () =>
    f.if(
      has(loads, component.x87),
      () => f.emit(context.call("restoreX87", image)),
      () => {
        f.emit(memoryFill(i32.const(state.x87), i32.const(0), i32.const(128)));
        f.emit(context.call("soft.fninit"));
      },
    ),
  );
  f.if(
    mxcsr,
    () => f.emit(context.call("restoreMxcsr", i32.load(image, 24))),
    () => f.if(has(wanted, component.sse), () => f.emit(context.call("restoreMxcsr", i32.const(defaultMxcsr)))),
  );
  f.if(has(wanted, component.sse), () =>
    f.if(
      has(loads, component.sse),
      () => f.emit(memoryCopy(i32.const(state.xmm), i32.add(image, i32.const(160)), i32.const(256))),
      () => f.emit(memoryFill(i32.const(state.xmm), i32.const(0), i32.const(256))),
    ),
  );
  f.if(has(wanted, component.avx), () =>
    f.if(
      has(loads, component.avx),
      () => f.emit(memoryCopy(i32.const(state.ymmHigh), i32.add(image, i32.const(avxAt)), i32.const(avxBytes))),
      () => f.emit(memoryFill(i32.const(state.ymmHigh), i32.const(0), i32.const(avxBytes))),
    ),
  );
  f.result(i32.const(0));
});

const options = { feature: "xsave", faults: true, interpreted: true, unaligned: true };
for (const [name, encoding, compacted] of [
  ["XSAVE", "NP 0F AE /4", 0],
  ["XSAVEOPT", "NP 0F AE /6", 0],
  ["XSAVEC", "NP 0F C7 /4", 1],
] as const)
  row(name, encoding, "M", { ...options, feature: name.toLowerCase() }, (e) => {
    e.faultIf(i32.eqz(i32.load(base, state.xcr0)), exit.invalidOpcode);
    e.faultIf(i32.and(i32.wrapI64(e.address(0)), i32.const(63)), exit.generalProtection);
    e.inState("xsave", e.let(e.address(0)), i32.const(compacted));
  });
row("XRSTOR", "NP 0F AE /5", "M", options, (e) => {
  e.faultIf(i32.eqz(i32.load(base, state.xcr0)), exit.invalidOpcode);
  e.faultIf(i32.and(i32.wrapI64(e.address(0)), i32.const(63)), exit.generalProtection);
  e.inState("xrstor", e.let(e.address(0)));
});
/** XCR0, and which of its components are in use: all. */
row("XGETBV", "NP 0F 01 D0", "", { feature: "xsave", faults: true, untestable: "XCR0 differs" }, (e) => {
  e.faultIf(i32.eqz(i32.load(base, state.xcr0)), exit.invalidOpcode);
  e.faultIf(i32.gtU(e.reg(1, 32), i32.const(1)), exit.generalProtection);
  e.setReg(0, 32, i32.load(base, state.xcr0));
  e.setReg(2, 32, i32.const(0));
});
for (const [name, encoding] of [
  ["XSAVES", "NP 0F C7 /5"],
  ["XRSTORS", "NP 0F C7 /3"],
] as const)
  row(name, encoding, "M", { ends: true, reads: "oszapc" }, (e) => e.faultIf(i32.const(1), exit.generalProtection));
