/**
 * The interpreter's emitter: runs a row's body with its operands read from a predecoded record (layout.ts). The same
 * arm code stands either in the main switch or in a function of its own (a cold arm); `Frame` is the difference.
 */
import type { Expression } from "../encode/expression.ts";
import { call, type FunctionBuilder, type FunctionRef, type Local } from "../encode/module.ts";
import { f32, f64, i32, i64, select, type IntegerOps } from "../encode/numeric.ts";
import { f32x4, f64x2, v128 } from "../encode/simd.ts";
import { flagClass, fusedCondition, type FlagFunctions } from "./flags.ts";
import type { Form } from "./forms.ts";
import { frameBase, record, tlb } from "./layout.ts";
import { tlbSlot, tlbTag, type MmuFunctions } from "./mmu.ts";
import { bitsOf, type Operand } from "./operands.ts";
import type { Emitter, FlagsKind, OperandSize, Pointer } from "./row.ts";
import { zeroVector } from "./rows/lanes.ts";
import { exactness, state } from "./state.ts";
import { exit, type Exit } from "./types.ts";

const base = i32.const(0);

/** How an arm leaves: by branches inside the main switch, by return codes from a cold function. */
export interface Frame {
  readonly f: FunctionBuilder;
  readonly pc: Local;
  /** A fault is recorded in `state`. */
  fault(): void;
  /** Continue at a guest address; the instructions of the block so far are counted. */
  jump(target: Expression): void;
  /** Continue at the record's link; counted. */
  taken(): void;
  /** Takes instructions (i32) from the budget for work done in a helper. */
  worked(cost: Expression): void;
  /** Leave the guest; rip and exitCode are in `state`. */
  leave(): void;
  /** Continue with the next record. */
  next(): void;
}

export interface Services {
  readonly mmu: MmuFunctions;
  readonly flags: FlagFunctions;
  readonly helper: (name: string) => FunctionRef;
}

export interface ArmOptions {
  /** Flags are stored, or known to be dead. */
  readonly flags: boolean;
  /** Condition code of the branch fused with the instruction, or -1. */
  readonly fuse: number;
  /** The memory operand has an index register. */
  readonly indexed: boolean;
}

interface Write {
  readonly host: Local;
  readonly slot: number;
  readonly isConditional: boolean;
}

export class RecordEmitter implements Emitter {
  readonly f: FunctionBuilder;
  readonly size: OperandSize;
  readonly w: IntegerOps;
  readonly #form: Form;
  readonly #frame: Frame;
  readonly #services: Services;
  readonly #options: ArmOptions;
  #hosts: (Local | undefined)[] = [];
  #address: Local | undefined;
  #writes: Write[] = [];
  #slots = 0;
  readonly #depth: number;
  #ended = false;
  #fused: { kind: FlagsKind; bits: OperandSize; a: Expression; b: Expression } | undefined;

  constructor(form: Form, frame: Frame, services: Services, options: ArmOptions) {
    this.#form = form;
    this.#frame = frame;
    this.#services = services;
    this.#options = options;
    this.f = frame.f;
    this.#depth = this.f.depth;
    this.size = form.size;
    this.w = form.size === 64 ? i64 : i32;
  }

  /** Emits the whole arm. */
  arm(): void {
    const mark = this.f.mark();
    this.#form.parsed.operands.forEach((operand, i) => {
      if (!this.isMemory(i)) return;
      this.#address = this.f.let(this.#effectiveAddress());
      const bits = this.bits(i);
      if (bits === 0) return;
      const aligned = alignment(bits);
      if (aligned > 1 && this.#form.parsed.row.unaligned !== true)
        this.faultIf(i64.ne(i64.and(this.#address, i64.const(aligned - 1)), i64.const(0)), exit.generalProtection);
      this.#hosts[i] = this.translate(this.#address, bits >> 3, operand.write ? "write" : "read").host;
    });
    this.#form.parsed.row.body(this);
    if (!this.#ended) {
      if (this.#options.fuse >= 0) this.#branchFused();
      else {
        this.#commit();
        this.#frame.next();
      }
    }
    this.f.release(mark);
  }

  #branchFused(): void {
    const fused = this.#fused;
    if (fused === undefined) throw new Error(`${this.#form.parsed.row.name} sets no flags to fuse`);
    const condition = fusedCondition(this.#options.fuse, fused.kind, fused.bits, this.w, fused.a, fused.b);
    if (condition === null) throw new Error(`${this.#form.parsed.row.name} cannot fuse ${this.#options.fuse}`);
    this.#commit();
    this.f.if(condition, () => this.#frame.taken());
    this.#frame.next();
    this.#ended = true;
  }

  #commit(): void {
    for (const write of this.#writes) {
      // One made under a condition may not have happened: its host address is still 0.
      const [host, bound] = write.isConditional
        ? [i32.sub(write.host, i32.const(1)), frameBase - 1]
        : [write.host, frameBase];
      this.f.if(i32.ltU(host, i32.const(bound)), () =>
        this.f.emit(call(this.#services.mmu.commit, i32.const(write.slot))),
      );
    }
    this.#writes = [];
  }

  #field16(offset: number): Expression {
    return i32.load16U(this.#frame.pc, offset);
  }

  #effectiveAddress(): Expression {
    const address = i64.add(i64.load(this.#field16(record.m)), i64.load32S(this.#frame.pc, record.disp));
    if (!this.#options.indexed) return address;
    return i64.add(address, i64.shl(i64.load(this.#field16(record.x)), i64.load8U(this.#frame.pc, record.scale)));
  }

  #operand(i: number): Operand {
    const operand = this.#form.parsed.operands[i];
    if (operand === undefined) throw new Error(`${this.#form.parsed.row.name} has no operand ${i}`);
    return operand;
  }

  isMemory(i: number): boolean {
    const operand = this.#operand(i);
    return operand.memory && (this.#form.memory || !operand.register);
  }

  bits(i: number): number {
    const operand = this.#operand(i);
    if (operand.kind === "I" && operand.signed) return this.size;
    if (operand.kind === "I" && operand.size === "v") return this.size;
    return bitsOf(this.isMemory(i) ? operand.memorySize : operand.size, this.size);
  }

  let(value: Expression): Local {
    return this.f.let(value);
  }

  constant(): number | null {
    return null;
  }

  /** Where an operand's bytes are: an address expression and a constant offset. */
  #place(i: number): { address: Expression; offset: number } {
    const operand = this.#operand(i);
    if (this.isMemory(i)) {
      const host = this.#hosts[i];
      if (host === undefined) throw new Error(`${this.#form.parsed.row.name}: operand ${i} has no access`);
      return { address: host, offset: 0 };
    }
    switch (operand.kind) {
      case "G":
      case "V":
      case "P":
        return { address: this.#field16(record.r), offset: 0 };
      case "E":
      case "W":
      case "Q":
      case "Z":
        return { address: this.#field16(record.m), offset: 0 };
      case "H":
      case "B":
        return { address: this.#field16(record.link), offset: 0 };
      case "L":
      case "X":
        return { address: this.#field16(record.link + 2), offset: 0 };
      case "I":
        return { address: this.#frame.pc, offset: this.#isSecondImmediate(i) ? record.link : record.imm };
      case "fixed":
        return { address: base, offset: state.gpr + 8 * operand.index };
      default:
        throw new Error(`${this.#form.parsed.row.name}: operand ${i} is not a value`);
    }
  }

  #isSecondImmediate(i: number): boolean {
    return this.#form.parsed.operands.findIndex((operand) => operand.kind === "I") < i;
  }

  get(i: number): Expression {
    const operand = this.#operand(i);
    if (operand.kind === "one") return i32.const(1);
    if (operand.kind === "ST") return this.#field16(record.m);
    const { address, offset } = this.#place(i);
    return loadInteger(address, offset, this.bits(i), false);
  }

  getS(i: number): Expression {
    const { address, offset } = this.#place(i);
    return loadInteger(address, offset, this.bits(i), true);
  }

  get64(i: number): Expression {
    const { address, offset } = this.#place(i);
    const bits = this.bits(i);
    if (bits === 8) return i64.load8U(address, offset);
    if (bits === 16) return i64.load16U(address, offset);
    if (bits === 32) return i64.load32U(address, offset);
    return i64.load(address, offset);
  }

  get64S(i: number): Expression {
    const { address, offset } = this.#place(i);
    const bits = this.bits(i);
    if (bits === 8) return i64.load8S(address, offset);
    if (bits === 16) return i64.load16S(address, offset);
    if (bits === 32) return i64.load32S(address, offset);
    return i64.load(address, offset);
  }

  put(i: number, value: Expression): void {
    const operand = this.#operand(i);
    const general = !this.isMemory(i) && operand.kind !== "V" && operand.kind !== "W";
    const mmx = operand.kind === "P" || operand.kind === "Q";
    const { address, offset } = this.#place(i);
    this.#store(address, offset, this.bits(i), value, general && !mmx);
    // An MMX register is the significand of an x87 one, whose sign and exponent become all ones.
    if (mmx && general) this.f.emit(i32.store16(address, i32.const(-1), offset + 8));
  }

  #store(address: Expression, offset: number, bits: number, value: Expression, general: boolean): void {
    const wide = value.type === "i64";
    if (bits === 64) {
      if (!wide) throw new Error(`${this.#form.parsed.row.name}: a 64-bit operand needs an i64`);
      this.f.emit(i64.store(address, value, offset));
    } else if (wide) {
      throw new Error(`${this.#form.parsed.row.name}: a ${bits}-bit operand needs an i32`);
    } else if (bits === 32) {
      if (general) this.f.emit(i64.store(address, i64.extendI32U(value), offset));
      else this.f.emit(i32.store(address, value, offset));
    } else if (bits === 16) this.f.emit(i32.store16(address, value, offset));
    else if (bits === 8) this.f.emit(i32.store8(address, value, offset));
    else throw new Error(`${this.#form.parsed.row.name}: cannot store ${bits} bits as an integer`);
  }

  reg(index: number, bits: OperandSize): Expression {
    return loadInteger(base, state.gpr + 8 * index, bits, false);
  }

  setReg(index: number, bits: OperandSize, value: Expression): void {
    this.#store(base, state.gpr + 8 * index, bits, value, true);
  }

  v(i: number): Expression {
    const { address, offset } = this.#place(i);
    if (!this.isMemory(i)) return v128.load(address, offset);
    switch (this.bits(i)) {
      case 128:
      case 256:
        return v128.load(address, offset);
      case 64:
        return v128.load64Zero(address, offset);
      case 32:
        return v128.load32Zero(address, offset);
      default:
        throw new Error(`${this.#form.parsed.row.name}: cannot load ${this.bits(i)} bits as a vector`);
    }
  }

  f32(i: number): Expression {
    const { address, offset } = this.#place(i);
    return f32.load(address, offset);
  }

  f64(i: number): Expression {
    const { address, offset } = this.#place(i);
    return f64.load(address, offset);
  }

  i32(i: number): Expression {
    const { address, offset } = this.#place(i);
    return i32.load(address, offset);
  }

  i64(i: number): Expression {
    const { address, offset } = this.#place(i);
    return i64.load(address, offset);
  }

  putV(i: number, value: Expression): void {
    const { address, offset } = this.#place(i);
    const bits = this.isMemory(i) ? this.bits(i) : 128;
    if (bits >= 128) this.f.emit(v128.store(address, value, offset));
    else if (bits === 64) this.f.emit(v128.store64Lane(address, value, 0, offset));
    else if (bits === 32) this.f.emit(v128.store32Lane(address, value, 0, offset));
    else throw new Error(`${this.#form.parsed.row.name}: cannot store ${bits} bits of a vector`);
  }

  putF32(i: number, value: Expression): void {
    const { address, offset } = this.#place(i);
    this.f.emit(f32.store(address, value, offset));
  }

  putF64(i: number, value: Expression): void {
    const { address, offset } = this.#place(i);
    this.f.emit(f64.store(address, value, offset));
  }

  putF32Zero(i: number, value: Expression): void {
    this.putV(i, f32x4.replaceLane(zeroVector, 0, value));
  }

  putF64Zero(i: number, value: Expression): void {
    this.putV(i, f64x2.replaceLane(zeroVector, 0, value));
  }

  isSame(): boolean {
    return false;
  }

  putI32(i: number, value: Expression): void {
    const { address, offset } = this.#place(i);
    this.f.emit(i32.store(address, value, offset));
  }

  putI64(i: number, value: Expression): void {
    const { address, offset } = this.#place(i);
    this.f.emit(i64.store(address, value, offset));
  }

  high(i: number): Expression {
    const { address } = this.#place(i);
    return v128.load(address, this.isMemory(i) ? 16 : state.ymmHigh - state.xmm);
  }

  putHigh(i: number, value: Expression): void {
    const { address } = this.#place(i);
    this.f.emit(v128.store(address, value, this.isMemory(i) ? 16 : state.ymmHigh - state.xmm));
  }

  indexScale(): Expression {
    return i32.load8U(this.#frame.pc, record.scale);
  }

  xmm(index: number): Expression {
    return v128.load(base, state.xmm + 16 * index);
  }

  setXmm(index: number, value: Expression): void {
    this.f.emit(v128.store(base, value, state.xmm + 16 * index));
  }

  host(i: number): Expression {
    return this.#place(i).address;
  }

  address(): Expression {
    if (this.#address === undefined) throw new Error(`${this.#form.parsed.row.name} has no memory operand`);
    return this.#address;
  }

  segmentBase(): Expression {
    return i64.load(this.#field16(this.#form.parsed.encoding.modrm ? record.x : record.m));
  }

  addressMask(): Expression {
    return i64.load(this.#frame.pc, record.imm);
  }

  translate(address: Expression, bytes: number, kind: "read" | "write"): Pointer {
    const f = this.f;
    // Of many reads each is used up before the next.
    const slot = kind === "read" ? Math.min(2, this.#slots++) : this.#slots++;
    const ea = "index" in address ? (address as Local) : f.let(address);
    const entry = f.let(tlbSlot(ea));
    const host = f.let(i32.add(i32.wrapI64(ea), i32.load(entry, tlb.base + tlb.addend)));
    const field = kind === "write" ? tlb.writeTag : tlb.readTag;
    f.if(i64.ne(tlbTag(ea, bytes), i64.load(entry, tlb.base + field)), () => {
      const slow = kind === "write" ? this.#services.mmu.writeSlow : this.#services.mmu.readSlow;
      f.set(host, call(slow, ea, i32.const(bytes), i32.const(slot)));
      f.if(i32.eqz(host), () => this.#frame.fault());
    });
    if (kind === "write") this.#writes.push({ host, slot, isConditional: f.depth > this.#depth });
    return { host };
  }

  flags(kind: FlagsKind, a: Expression, b?: Expression, carry?: Expression): void {
    this.flagsOf(this.size, kind, a, b, carry);
  }

  flagsOf(bits: OperandSize, kind: FlagsKind, a: Expression, b?: Expression, carry?: Expression): void {
    if (this.#options.fuse >= 0) this.#fused = { kind, bits, a, b: b ?? a };
    if (!this.#options.flags) return;
    const f = this.f;
    const shift = kind === "explicit" ? 0 : 64 - bits;
    const kindValue = (name: keyof typeof flagClass): Expression => i32.const((flagClass[name] << 8) | shift);
    const whole = (value: Expression): Expression => (value.type === "i32" ? i64.extendI32U(value) : value);
    if (kind === "inc" || kind === "dec")
      f.emit(i64.store(base, i64.extendI32U(call(this.#services.flags.carry)), state.flagsB));
    else if (kind === "shl" || kind === "shr" || kind === "sar" || kind === "mul")
      f.emit(i64.store(base, whole(b!), state.flagsB));
    else if (b !== undefined)
      f.emit(b.type === "i32" ? i32.store(base, b, state.flagsB) : i64.store(base, b, state.flagsB));
    f.emit(a.type === "i32" ? i32.store(base, a, state.flagsA) : i64.store(base, a, state.flagsA));
    let value = kindValue(kind);
    if (kind === "adc") value = select(carry!, kindValue("adc"), kindValue("add"));
    if (kind === "sbb") value = select(carry!, kindValue("sbb"), kindValue("sub"));
    f.emit(i32.store(base, value, state.flagsKind));
  }

  carry(): Expression {
    return call(this.#services.flags.carry);
  }

  condition(code: number): Expression {
    const value = call(this.#services.flags.conditions[code >> 1]!);
    return (code & 1) === 1 ? i32.eqz(value) : value;
  }

  arithmeticFlags(): Expression {
    return call(this.#services.flags.all);
  }

  get wantsFlags(): boolean {
    return this.#options.flags;
  }

  keepsFlags(): Expression {
    return i32.const(1);
  }

  suspect(): Expression {
    return this.keepsFlags();
  }

  suspectFinite(): Expression {
    return this.keepsFlags();
  }

  watched(): Expression {
    return i32.and(i32.load16U(base, state.sseExact), i32.const(exactness.watched));
  }

  faultIf(condition: Expression, kind: Exit): void {
    this.f.if(condition, () => {
      this.f.emit(i32.store(base, i32.const(kind), state.exitCode));
      this.#frame.fault();
    });
  }

  exit(kind: Exit): void {
    this.#commit();
    this.#leave(kind);
    this.#ended = true;
  }

  exitIf(condition: Expression, kind: Exit): void {
    this.f.if(condition, () => this.#leave(kind));
  }

  #leave(kind: Exit): void {
    this.f.emit(i64.store(base, this.nextRip(), state.rip));
    this.f.emit(i32.store(base, i32.const(kind), state.exitCode));
    this.#frame.leave();
  }

  nextRip(): Expression {
    return i64.add(
      i64.load(base, state.pageBase),
      i64.extendI32S(i32.add(i32.load(this.#frame.pc, record.off), i32.load8U(this.#frame.pc, record.len))),
    );
  }

  thisRip(): Expression {
    return i64.add(i64.load(base, state.pageBase), i64.load32S(this.#frame.pc, record.off));
  }

  jump(target: Expression): void {
    this.#commit();
    this.#frame.jump(target);
    this.#ended = true;
  }

  branch(_operand: number, condition?: Expression): void {
    this.#commit();
    if (condition === undefined) this.#frame.taken();
    else {
      this.f.if(condition, () => this.#frame.taken());
      this.#frame.next();
    }
    this.#ended = true;
  }

  call(name: string, ...args: Expression[]): Expression {
    return call(this.#services.helper(name), ...args);
  }

  inState(name: string, ...args: Expression[]): void {
    const status = this.f.let(this.call(name, ...args));
    this.f.if(status, () => {
      this.f.if(i32.eq(status, i32.const(1)), () => this.#frame.fault());
      this.#frame.worked(i32.load(base, state.extraCost));
      this.f.if(i32.eq(status, i32.const(2)), () => this.#frame.jump(this.thisRip()));
    });
  }
}

/** What a memory operand of so many bits must be aligned to: vectors, and FXSAVE's 512 bytes. */
export function alignment(bits: number): number {
  return bits === 256 ? 32 : bits === 128 || bits === 4096 ? 16 : 1;
}

export function loadInteger(address: Expression, offset: number, bits: number, signed: boolean): Expression {
  switch (bits) {
    case 8:
      return signed ? i32.load8S(address, offset) : i32.load8U(address, offset);
    case 16:
      return signed ? i32.load16S(address, offset) : i32.load16U(address, offset);
    case 32:
      return i32.load(address, offset);
    case 64:
      return i64.load(address, offset);
    default:
      throw new Error(`cannot load ${bits} bits as an integer`);
  }
}
