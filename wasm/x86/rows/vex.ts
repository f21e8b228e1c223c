/**
 * Runs a body written for an SSE instruction as its VEX form: the destination is an operand of its own, a 256-bit
 * instruction is the body once for each half, and a 128-bit one clears the upper half of its destination.
 */
import type { Expression } from "../../encode/expression.ts";
import type { FunctionBuilder, Local } from "../../encode/module.ts";
import { i32, type IntegerOps } from "../../encode/numeric.ts";
import { f32x4, f64x2, i32x4, i64x2, v128 } from "../../encode/simd.ts";
import type { Emitter, FlagsKind, NumberFormat, OperandSize, Pointer } from "../row.ts";
import { state } from "../state.ts";
import type { Exit } from "../types.ts";
import { zeroVector } from "./lanes.ts";

export interface VexForm {
  /** Operand of the VEX row that each of the SSE row's is read from. */
  readonly reads: readonly number[];
  /** Where the register comes from whose upper lanes a scalar result keeps. */
  readonly merge: number;
  readonly wide: boolean;
  /** Operands of the SSE row that are the same for both halves: a shift count. */
  readonly shared: readonly number[];
  /** How far the immediate is shifted for the upper half. */
  readonly immediateShift: number;
}

/** The body as a body of the VEX row, whose first operand is the destination. */
export function vexBody(body: (e: Emitter) => void, form: VexForm): (e: Emitter) => void {
  return (e) => {
    const low = new HalfEmitter(e, form, false);
    body(low);
    const { result } = low;
    if (form.wide) {
      const high = new HalfEmitter(e, form, true);
      body(high);
      if (result === null || high.result === null) throw new Error("a 256-bit form has no result");
      e.putV(0, result);
      e.putHigh(0, high.result);
    } else if (result !== null) putVex(e, result);
  };
}

/** What a body of two operands writes to the first if the second, not memory, has this value. */
export function applied(e: Emitter, body: (e: Emitter) => void, source: Local): Local {
  const half = new HalfEmitter(
    e,
    { reads: [0, 1], merge: 0, wide: false, shared: [], immediateShift: 0 },
    false,
    source,
  );
  body(half);
  if (half.result === null) throw new Error("the body has no result");
  return half.result;
}

/** A 128-bit result: the rest of the register becomes zero. */
export function putVex(e: Emitter, value: Expression): void {
  e.putV(0, value);
  if (!e.isMemory(0)) e.putHigh(0, zeroVector);
}

type ReplaceLane = (vector: Expression, lane: number, value: Expression) => Expression;

class HalfEmitter implements Emitter {
  readonly f: FunctionBuilder;
  readonly size: OperandSize;
  readonly w: IntegerOps;
  readonly #e: Emitter;
  readonly #form: VexForm;
  readonly #upper: boolean;
  /** What the body wrote, kept until both halves are done: the upper one may fault, or read what the lower wrote. */
  result: Local | null = null;

  readonly #source: Local | null;

  constructor(e: Emitter, form: VexForm, upper: boolean, source: Local | null = null) {
    this.#e = e;
    this.#source = source;
    this.#form = form;
    this.#upper = upper;
    this.f = e.f;
    this.size = e.size;
    this.w = e.w;
  }

  #at(i: number): number {
    return this.#form.reads[i] ?? i;
  }

  #isShifted(i: number): boolean {
    return this.#upper && this.#form.immediateShift > 0 && i === this.#form.reads.length - 1;
  }

  isMemory(i: number): boolean {
    return this.#source === null && this.#e.isMemory(this.#at(i));
  }
  bits(i: number): number {
    const bits = this.#e.bits(this.#at(i));
    return bits === 256 ? 128 : bits;
  }
  let(value: Expression): Local {
    return this.f.let(value);
  }
  constant(i: number): number | null {
    const value = this.#e.constant(this.#at(i));
    return value !== null && this.#isShifted(i) ? value >>> this.#form.immediateShift : value;
  }
  get(i: number): Expression {
    const value = this.#e.get(this.#at(i));
    return this.#isShifted(i) ? i32.shrU(value, i32.const(this.#form.immediateShift)) : value;
  }
  getS(i: number): Expression {
    return this.#e.getS(this.#at(i));
  }
  get64(i: number): Expression {
    return this.#e.get64(this.#at(i));
  }
  get64S(i: number): Expression {
    return this.#e.get64S(this.#at(i));
  }
  put(i: number, value: Expression): void {
    this.#e.put(this.#at(i), value);
  }
  reg(index: number, bits: OperandSize): Expression {
    return this.#e.reg(index, bits);
  }
  setReg(index: number, bits: OperandSize, value: Expression): void {
    this.#e.setReg(index, bits, value);
  }

  v(i: number): Expression {
    if (this.#source !== null) return this.#source;
    const upper = this.#upper && !this.#form.shared.includes(i);
    return upper ? this.#e.high(this.#at(i)) : this.#e.v(this.#at(i));
  }
  f32(i: number): Expression {
    return this.#e.f32(this.#at(i));
  }
  f64(i: number): Expression {
    return this.#e.f64(this.#at(i));
  }
  i32(i: number): Expression {
    return this.#e.i32(this.#at(i));
  }
  i64(i: number): Expression {
    return this.#e.i64(this.#at(i));
  }
  putV(_: number, value: Expression): void {
    this.result = this.let(value);
  }
  #lane(replace: ReplaceLane, put: (i: number, value: Expression) => void, value: Expression): void {
    if (this.#e.isMemory(0)) put(0, value);
    else this.result = this.let(replace(this.#e.v(this.#form.merge), 0, value));
  }
  putF32(_: number, value: Expression): void {
    this.#lane(f32x4.replaceLane, (i, x) => this.#e.putF32(i, x), value);
  }
  putF64(_: number, value: Expression): void {
    this.#lane(f64x2.replaceLane, (i, x) => this.#e.putF64(i, x), value);
  }
  putF32Zero(_: number, value: Expression): void {
    this.result = this.let(f32x4.replaceLane(zeroVector, 0, value));
  }
  putF64Zero(_: number, value: Expression): void {
    this.result = this.let(f64x2.replaceLane(zeroVector, 0, value));
  }
  isSame(i: number, j: number): boolean {
    return this.#source === null && this.#e.isSame(this.#at(i), this.#at(j));
  }
  putI32(_: number, value: Expression): void {
    this.#lane(i32x4.replaceLane, (i, x) => this.#e.putI32(i, x), value);
  }
  putI64(_: number, value: Expression): void {
    this.#lane(i64x2.replaceLane, (i, x) => this.#e.putI64(i, x), value);
  }
  high(i: number): Expression {
    return this.#e.high(this.#at(i));
  }
  putHigh(i: number, value: Expression): void {
    this.#e.putHigh(this.#at(i), value);
  }
  indexScale(): Expression {
    return this.#e.indexScale();
  }
  xmm(index: number): Expression {
    return this.#e.xmm(index);
  }
  setXmm(index: number, value: Expression): void {
    this.#e.setXmm(index, value);
    this.f.emit(v128.store(i32.const(0), zeroVector, state.ymmHigh + 16 * index));
  }

  host(i: number): Expression {
    return this.#e.host(this.#at(i));
  }
  address(i: number): Expression {
    return this.#e.address(this.#at(i));
  }
  segmentBase(): Expression {
    return this.#e.segmentBase();
  }
  addressMask(): Expression {
    return this.#e.addressMask();
  }
  translate(address: Expression, bytes: number, access: "read" | "write"): Pointer {
    return this.#e.translate(address, bytes, access);
  }
  flags(kind: FlagsKind, a: Expression, b?: Expression, carry?: Expression): void {
    this.#e.flags(kind, a, b, carry);
  }
  flagsOf(bits: OperandSize, kind: FlagsKind, a: Expression, b?: Expression, carry?: Expression): void {
    this.#e.flagsOf(bits, kind, a, b, carry);
  }
  carry(): Expression {
    return this.#e.carry();
  }
  condition(code: number): Expression {
    return this.#e.condition(code);
  }
  arithmeticFlags(): Expression {
    return this.#e.arithmeticFlags();
  }
  get wantsFlags(): boolean {
    return this.#e.wantsFlags;
  }
  keepsFlags(): Expression {
    return this.#e.keepsFlags();
  }
  suspect(numbers: readonly Expression[], format: NumberFormat): Expression {
    return this.#e.suspect(numbers, format);
  }
  suspectFinite(number: Expression, format: NumberFormat): Expression {
    return this.#e.suspectFinite(number, format);
  }
  watched(): Expression {
    return this.#e.watched();
  }
  faultIf(condition: Expression, kind: Exit): void {
    this.#e.faultIf(condition, kind);
  }
  exit(kind: Exit): void {
    this.#e.exit(kind);
  }
  exitIf(condition: Expression, kind: Exit): void {
    this.#e.exitIf(condition, kind);
  }
  nextRip(): Expression {
    return this.#e.nextRip();
  }
  thisRip(): Expression {
    return this.#e.thisRip();
  }
  jump(target: Expression): void {
    this.#e.jump(target);
  }
  branch(operand: number, condition?: Expression): void {
    this.#e.branch(operand, condition);
  }
  call(name: string, ...args: Expression[]): Expression {
    return this.#e.call(name, ...args);
  }
  inState(name: string, ...args: Expression[]): void {
    this.#e.inState(name, ...args);
  }
}
