/**
 * The compiler's emitter: runs a row's body with its operands known. Registers are WebAssembly locals; memory accesses
 * follow the block's plan (plan.ts).
 */
import type { Expression } from "../../encode/expression.ts";
import type { FunctionBuilder, Local } from "../../encode/module.ts";
import { f32, f64, i32, i64, select, type IntegerOps } from "../../encode/numeric.ts";
import { f32x4, f64x2, i32x4, i64x2, v128 } from "../../encode/simd.ts";
import { alignment, loadInteger } from "../emitter.ts";
import { flagClass, fusedCondition } from "../flags.ts";
import { addressing } from "../instruction.ts";
import { tlb } from "../layout.ts";
import { tlbSlot } from "../mmu.ts";
import { bitsOf, type Operand } from "../operands.ts";
import type { Emitter, FlagsKind, NumberFormat, OperandSize, Pointer } from "../row.ts";
import { exactness, state } from "../state.ts";
import { exit, type Exit } from "../types.ts";
import type { RegionContext } from "./context.ts";
import { generalRegister, vectorRegister, type Operation } from "./operation.ts";
import type { PageCache } from "./pages.ts";
import type { Group, PlannedAccess } from "./plan.ts";

const base = i32.const(0);

/** What is known at compile time of the flags: they are in the context's locals. */
export interface KnownFlags {
  readonly kind: FlagsKind;
  readonly bits: OperandSize;
}

/** State of a basic block that its operations share. */
export interface BlockState {
  /** Host address of a group's first byte, or 0 (a local), once its first access has been made. */
  readonly groups: Map<Group, Local>;
  /** Null: only the locals know. */
  flags: KnownFlags | null;
}

/** Ends of a block, given by the compiler. */
export interface BlockEnds {
  /** Continues at an offset. */
  readonly go: (offset: number) => void;
  /** Continues at a computed guest address. */
  readonly goTo: (target: Expression) => void;
}

const lanesOf = { f32, f64, ps: f32x4, pd: f64x2 } as const;

export class RegionEmitter implements Emitter {
  readonly f: FunctionBuilder;
  readonly size: OperandSize;
  readonly w: IntegerOps;
  readonly #context: RegionContext;
  readonly #operation: Operation;
  readonly #plan: readonly (PlannedAccess | null)[];
  readonly #block: BlockState;
  readonly #ends: BlockEnds;
  readonly #depth: number;
  #hosts: (Local | undefined)[] = [];
  #address: Local | undefined;
  #ordinal = 0;
  /** The vector register read last. */
  #read: { readonly vector: number; readonly value: Expression } | null = null;
  /** True once the body has ended the block. */
  ended = false;

  constructor(
    context: RegionContext,
    operation: Operation,
    plan: readonly (PlannedAccess | null)[],
    block: BlockState,
    ends: BlockEnds,
  ) {
    this.#context = context;
    this.#operation = operation;
    this.#plan = plan;
    this.#block = block;
    this.#ends = ends;
    this.f = context.f;
    this.#depth = this.f.depth;
    this.size = operation.form.size;
    this.w = this.size === 64 ? i64 : i32;
  }

  emit(): void {
    const { form } = this.#operation;
    form.parsed.operands.forEach((operand, i) => {
      if (!this.isMemory(i)) return;
      this.#address = this.f.let(this.#effectiveAddress());
      const bits = this.bits(i);
      if (bits === 0) return;
      const aligned = alignment(bits);
      if (aligned > 1 && form.parsed.row.unaligned !== true)
        this.faultIf(i64.ne(i64.and(this.#address, i64.const(aligned - 1)), i64.const(0)), exit.generalProtection);
      const { host } = this.translate(this.#address, bits >> 3, operand.write ? "write" : "read");
      this.#hosts[i] = host;
    });
    form.parsed.row.body(this);
    if (form.parsed.row.conditional === true) this.#block.flags = null;
  }

  #effectiveAddress(): Expression {
    const op = this.#operation;
    if (op.addressing === addressing.absolute) {
      const absolute = (BigInt(op.immediateHigh >>> 0) << 32n) | BigInt(op.immediateLow >>> 0);
      return op.segment === state.zero
        ? i64.const(absolute)
        : i64.add(this.#stateValue(op.segment), i64.const(absolute));
    }
    if (op.ripRelative && op.addressing === addressing.base)
      return this.#context.address(op.offset + op.length + op.displacement);
    let value: Expression | null = null;
    const add = (term: Expression): void => {
      value = value === null ? term : i64.add(value, term);
    };
    if (op.ripRelative) add(this.#context.address(op.offset + op.length + op.displacement));
    else if (op.m !== state.zero) add(this.#stateValue(op.m));
    if (op.x !== state.zero) {
      const index = this.#stateValue(op.x);
      add(op.scale === 0 ? index : i64.shl(index, i64.const(op.scale)));
    }
    if (!op.ripRelative && (op.displacement !== 0 || value === null)) add(i64.const(op.displacement));
    let address: Expression = value!;
    if (op.addressing === addressing.general) {
      if (op.address32) address = i64.and(address, i64.const(0xffffffff));
      if (op.segment !== state.zero) address = i64.add(this.#stateValue(op.segment), address);
    }
    return address;
  }

  /** A register of the state an address may be based on. */
  #stateValue(address: number): Expression {
    const register = generalRegister(address);
    if (register >= 0) return this.#context.general(register);
    if (address === state.zero) return i64.const(0);
    if (address === state.fsBase) return this.#context.fsBase();
    return i64.load(base, address);
  }

  #operand(i: number): Operand {
    const operand = this.#operation.form.parsed.operands[i];
    if (operand === undefined) throw new Error(`${this.#operation.form.parsed.row.name} has no operand ${i}`);
    return operand;
  }

  isMemory(i: number): boolean {
    const operand = this.#operand(i);
    return operand.memory && (this.#operation.form.memory || !operand.register);
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

  #immediate(i: number): bigint {
    const op = this.#operation;
    const second = op.form.parsed.operands.findIndex((operand) => operand.kind === "I") < i;
    if (second) return BigInt(op.secondImmediate);
    return BigInt.asIntN(64, (BigInt(op.immediateHigh) << 32n) | BigInt(op.immediateLow >>> 0));
  }

  constant(i: number): number | null {
    const operand = this.#operand(i);
    if (operand.kind === "one") return 1;
    if (operand.kind !== "I") return null;
    return Number(BigInt.asUintN(Math.min(this.bits(i), 32), this.#immediate(i)));
  }

  /** Where an operand's register is in the state: an address, or -1 for memory and immediates. */
  #registerAt(i: number): number {
    const operand = this.#operand(i);
    if (this.isMemory(i)) return -1;
    switch (operand.kind) {
      case "G":
      case "V":
      case "P":
        return this.#operation.r;
      case "E":
      case "W":
      case "Q":
      case "Z":
        return this.#operation.m;
      case "H":
      case "B":
        return this.#operation.secondImmediate & 0xffff;
      case "L":
      case "X":
        return this.#operation.secondImmediate >>> 16;
      case "fixed":
        return state.gpr + 8 * operand.index;
      default:
        return -1;
    }
  }

  /** Host address of a memory operand, or of an MMX register in the state. */
  #place(i: number): Expression {
    if (this.isMemory(i)) {
      const host = this.#hosts[i];
      if (host === undefined) throw new Error(`${this.#operation.form.parsed.row.name}: operand ${i} has no access`);
      return host;
    }
    return i32.const(this.#registerAt(i));
  }

  #vectorOf(i: number): number {
    return vectorRegister(this.#registerAt(i));
  }

  get(i: number): Expression {
    return this.#value(i, false);
  }

  getS(i: number): Expression {
    return this.#value(i, true);
  }

  /** i32 up to 32 bits, i64 for 64. */
  #value(i: number, signed: boolean): Expression {
    const operand = this.#operand(i);
    const bits = this.bits(i);
    if (operand.kind === "one") return i32.const(1);
    if (operand.kind === "ST") return i32.const(this.#operation.m);
    if (operand.kind === "I") {
      const value = this.#immediate(i);
      if (bits === 64) return i64.const(value);
      return i32.const(Number(signed ? BigInt.asIntN(bits, value) : BigInt.asUintN(bits, value)));
    }
    const at = this.#registerAt(i);
    const register = generalRegister(at);
    if (register >= 0) return this.#part(register, at & 1, bits, signed);
    return loadInteger(this.#place(i), 0, bits, signed);
  }

  /** Part of a general register: from bit 8 if `high`. */
  #part(register: number, high: number, bits: number, signed: boolean): Expression {
    const whole = this.#context.general(register);
    if (bits === 64) return whole;
    const low = i32.wrapI64(high === 1 ? i64.shrU(whole, i64.const(8)) : whole);
    if (bits === 32) return low;
    if (bits === 16) return signed ? i32.extend16S(low) : i32.and(low, i32.const(0xffff));
    return signed ? i32.extend8S(low) : i32.and(low, i32.const(0xff));
  }

  get64(i: number): Expression {
    const value = this.#value(i, false);
    return value.type === "i64" ? value : i64.extendI32U(value);
  }

  get64S(i: number): Expression {
    const value = this.#value(i, true);
    return value.type === "i64" ? value : i64.extendI32S(value);
  }

  put(i: number, value: Expression): void {
    const operand = this.#operand(i);
    const at = this.#registerAt(i);
    const register = generalRegister(at);
    const bits = this.bits(i);
    if (register >= 0) {
      this.#putPart(register, at & 1, bits, value);
      return;
    }
    const vector = vectorRegister(at);
    if (vector >= 0) {
      if (bits === 64) this.putI64(i, value);
      else this.putI32(i, value);
      return;
    }
    const place = this.#place(i);
    this.#storeMemory(place, bits, value);
    if (!this.isMemory(i) && (operand.kind === "P" || operand.kind === "Q"))
      this.f.emit(i32.store16(place, i32.const(-1), 8));
  }

  #storeMemory(place: Expression, bits: number, value: Expression): void {
    if (bits === 64) this.f.emit(i64.store(place, value));
    else if (bits === 32) this.f.emit(i32.store(place, value));
    else if (bits === 16) this.f.emit(i32.store16(place, value));
    else this.f.emit(i32.store8(place, value));
  }

  #putPart(register: number, high: number, bits: number, value: Expression): void {
    if (bits === 64) this.#context.setGeneral(register, value);
    else if (bits === 32) this.#context.setGeneral(register, i64.extendI32U(value));
    else {
      const shift = high === 1 ? 8 : 0;
      const mask = ((1n << BigInt(bits)) - 1n) << BigInt(shift);
      const part = i64.extendI32U(i32.and(value, i32.const(2 ** bits - 1)));
      const placed = shift === 0 ? part : i64.shl(part, i64.const(shift));
      this.#context.setGeneral(register, i64.or(i64.and(this.#context.general(register), i64.const(~mask)), placed));
    }
  }

  reg(index: number, bits: OperandSize): Expression {
    return this.#part(index, 0, bits, false);
  }

  setReg(index: number, bits: OperandSize, value: Expression): void {
    this.#putPart(index, 0, bits, value);
  }

  v(i: number): Expression {
    const vector = this.#vectorOf(i);
    if (vector >= 0) {
      const value = this.#context.vector(vector);
      this.#read = { vector, value };
      return value;
    }
    const place = this.#place(i);
    if (!this.isMemory(i)) return v128.load(place);
    switch (this.bits(i)) {
      case 128:
      case 256:
        return v128.load(place);
      case 64:
        return v128.load64Zero(place);
      case 32:
        return v128.load32Zero(place);
      default:
        throw new Error(`cannot load ${this.bits(i)} bits as a vector`);
    }
  }

  f32(i: number): Expression {
    const vector = this.#vectorOf(i);
    return vector >= 0 ? this.#context.lowest(vector, "f32") : f32.load(this.#place(i));
  }

  f64(i: number): Expression {
    const vector = this.#vectorOf(i);
    return vector >= 0 ? this.#context.lowest(vector, "f64") : f64.load(this.#place(i));
  }

  i32(i: number): Expression {
    const vector = this.#vectorOf(i);
    return vector >= 0 ? this.#context.lowestInteger(vector, "i32") : i32.load(this.#place(i));
  }

  i64(i: number): Expression {
    const vector = this.#vectorOf(i);
    return vector >= 0 ? this.#context.lowestInteger(vector, "i64") : i64.load(this.#place(i));
  }

  putV(i: number, value: Expression): void {
    const vector = this.#vectorOf(i);
    if (vector >= 0) {
      // A copy of a register: more of it may be known than its value.
      if (this.#read !== null && this.#read.value === value) this.#context.copyVector(vector, this.#read.vector);
      else this.#context.setVector(vector, value);
      return;
    }
    const place = this.#place(i);
    const bits = this.isMemory(i) ? this.bits(i) : 128;
    if (bits >= 128) this.f.emit(v128.store(place, value));
    else if (bits === 64) this.f.emit(v128.store64Lane(place, value, 0));
    else if (bits === 32) this.f.emit(v128.store32Lane(place, value, 0));
    else throw new Error(`cannot store ${bits} bits of a vector`);
  }

  putF32(i: number, value: Expression): void {
    const vector = this.#vectorOf(i);
    if (vector >= 0) this.#context.setLowest(vector, "f32", value);
    else this.f.emit(f32.store(this.#place(i), value));
  }

  putF64(i: number, value: Expression): void {
    const vector = this.#vectorOf(i);
    if (vector >= 0) this.#context.setLowest(vector, "f64", value);
    else this.f.emit(f64.store(this.#place(i), value));
  }

  putF32Zero(i: number, value: Expression): void {
    this.#context.setLowestZero(this.#vectorOf(i), "f32", value);
  }

  putF64Zero(i: number, value: Expression): void {
    this.#context.setLowestZero(this.#vectorOf(i), "f64", value);
  }

  putI32(i: number, value: Expression): void {
    const vector = this.#vectorOf(i);
    if (vector >= 0) this.#context.setLowestInteger(vector, value);
    else this.f.emit(i32.store(this.#place(i), value));
  }

  putI64(i: number, value: Expression): void {
    const vector = this.#vectorOf(i);
    if (vector >= 0) this.#context.setLowestInteger(vector, value);
    else this.f.emit(i64.store(this.#place(i), value));
  }

  isSame(i: number, j: number): boolean {
    const vector = this.#vectorOf(i);
    return vector >= 0 && vector === this.#vectorOf(j);
  }

  high(i: number): Expression {
    if (this.isMemory(i)) return v128.load(this.#place(i), 16);
    return v128.load(base, state.ymmHigh + 16 * this.#vectorOf(i));
  }

  putHigh(i: number, value: Expression): void {
    if (this.isMemory(i)) this.f.emit(v128.store(this.#place(i), value, 16));
    else this.f.emit(v128.store(base, value, state.ymmHigh + 16 * this.#vectorOf(i)));
  }

  indexScale(): Expression {
    return i32.const(this.#operation.scale);
  }

  xmm(index: number): Expression {
    return this.#context.vector(index);
  }

  setXmm(index: number, value: Expression): void {
    this.#context.setVector(index, value);
  }

  host(i: number): Expression {
    return this.#place(i);
  }

  address(): Expression {
    if (this.#address === undefined) throw new Error("no memory operand");
    return this.#address;
  }

  segmentBase(): Expression {
    return this.#stateValue(this.#operation.segment);
  }

  addressMask(): Expression {
    return i64.const(this.#operation.address32 ? 0xffff_ffff : -1);
  }

  translate(address: Expression, bytes: number, kind: "read" | "write"): Pointer {
    const planned = this.#plan[this.#ordinal++] ?? null;
    const ea = "index" in address ? (address as Local) : this.f.let(address);
    if (planned === null) return { host: this.#checked(ea, bytes, kind) };
    const { f } = this;
    const { group, offset } = planned;
    const at = offset - group.from;
    const start = this.#start(group, ea, at);
    const host = f.let(at === 0 ? start : i32.add(start, i32.const(at)));
    if (this.#context.resolvesMisses) f.unlikely(i32.eqz(start), () => this.#slow(host, ea, bytes, kind, false));
    return { host };
  }

  /** Host address of the first byte of a group, or 0 if its accesses must be checked one by one: only if misses are resolved. */
  #start(group: Group, ea: Local, at: number): Local {
    const { f } = this;
    const known = this.#block.groups.get(group);
    if (known !== undefined) return known;
    const start = group.lasting ? this.#context.lasting(group) : f.local("i32");
    this.#block.groups.set(group, start);
    const check = (): void => {
      const first = at === 0 ? ea : f.let(i64.sub(ea, i64.const(at)));
      const entry = f.let(tlbSlot(first));
      const found = i64.load(entry, tlb.base + (group.write ? tlb.writeTag : tlb.readTag));
      const tag = this.#tag(first, group.bytes);
      const host = i32.add(i32.wrapI64(first), i32.load(entry, tlb.base + tlb.addend));
      if (this.#context.resolvesMisses) f.set(start, select(i64.eq(tag, found), host, i32.const(0)));
      else {
        f.unlikely(i64.ne(tag, found), () => this.#context.miss(this.#operation.offset));
        f.set(start, host);
      }
    };
    if (group.lasting) f.unlikely(i32.eqz(start), check);
    else if (group.cache !== null && !this.#context.resolvesMisses)
      this.#lookUp(group.cache, start, ea, at, group.bytes);
    else check();
    return start;
  }

  /** Host address of the first of the `bytes` of a group, `at` before `ea`, by way of the page used last. */
  #lookUp(cache: PageCache, start: Local, ea: Local, at: number, bytes: number): void {
    const { f } = this;
    const { page, limit, frame } = this.#context.pageCache(cache);
    const first = at === 0 ? ea : f.let(i64.sub(ea, i64.const(at)));
    const inPage = f.let(i64.sub(first, page));
    f.unlikely(i64.geU(inPage, limit), () => {
      const entry = f.let(tlbSlot(first));
      const found = i64.load(entry, tlb.base + (cache.write ? tlb.writeTag : tlb.readTag));
      f.if(i64.ne(this.#tag(first, bytes), found), () => this.#context.miss(this.#operation.offset));
      f.set(page, i64.and(first, i64.const(-4096)));
      f.set(limit, i64.const(4097 - cache.bytes));
      f.set(frame, i32.add(i32.wrapI64(page), i32.load(entry, tlb.base + tlb.addend)));
      f.set(inPage, i64.sub(first, page));
    });
    f.set(start, i32.add(i32.wrapI64(inPage), frame));
  }

  #tag(address: Expression, bytes: number): Expression {
    const last = bytes > 1 ? i64.add(address, i64.const(bytes - 1)) : address;
    return i64.or(i64.and(last, i64.const(-4096)), this.#context.spaceTag);
  }

  /** An access with a check of its own. */
  #checked(ea: Local, bytes: number, kind: "read" | "write"): Local {
    const { f } = this;
    const entry = f.let(tlbSlot(ea));
    const host = f.let(i32.add(i32.wrapI64(ea), i32.load(entry, tlb.base + tlb.addend)));
    const field = kind === "write" ? tlb.writeTag : tlb.readTag;
    f.unlikely(i64.ne(this.#tag(ea, bytes), i64.load(entry, tlb.base + field)), () =>
      this.#slow(host, ea, bytes, kind, true),
    );
    return host;
  }

  /** The slow path: sets `host`, or leaves. `missed`: the TLB is known not to help. */
  #slow(host: Local, ea: Local, bytes: number, kind: "read" | "write", missed: boolean): void {
    const { f } = this;
    const context = this.#context;
    const at = this.#operation.offset;
    if (!context.resolvesMisses) {
      context.miss(at);
      return;
    }
    if (kind === "read") {
      // Two operands that both straddle pages must not share a scratch area.
      const slot = i32.const(Math.min(2, this.#ordinal - 1));
      f.set(host, context.call(missed ? "readSlow" : "readHost", ea, i32.const(bytes), slot));
      f.if(i32.eqz(host), () => context.leave(at));
      return;
    }
    f.set(host, context.call("writeDirect", ea, i32.const(bytes)));
    f.if(i32.leU(host, i32.const(1)), () => {
      f.if(host, () => context.interpret(at));
      context.leave(at);
    });
  }

  flags(kind: FlagsKind, a: Expression, b?: Expression, carry?: Expression): void {
    this.flagsOf(this.size, kind, a, b, carry);
  }

  flagsOf(bits: OperandSize, kind: FlagsKind, a: Expression, b?: Expression, carry?: Expression): void {
    if (!this.#operation.wantsFlags) return;
    const shift = kind === "explicit" ? 0 : 64 - bits;
    const value = (name: keyof typeof flagClass): Expression => i32.const((flagClass[name] << 8) | shift);
    let kindValue = value(kind);
    if (kind === "adc" || kind === "sbb")
      kindValue = select(carry!, value(kind), value(kind === "adc" ? "add" : "sub"));
    const second = kind === "inc" || kind === "dec" ? this.f.let(this.carry()) : b;
    this.#context.setFlags(kindValue, a, second);
    // Set in a branch of the body only: nothing is known afterwards.
    const known = this.f.depth === this.#depth && kind !== "adc" && kind !== "sbb";
    this.#block.flags = known ? { kind, bits } : null;
  }

  /** The operands in the flags' locals, in the type of the integer instructions for their size. */
  #knownOperands(known: KnownFlags): { w: IntegerOps; a: Expression; b: Expression } {
    const [, a, b] = this.#context.readFlags();
    if (known.bits === 64) return { w: i64, a, b };
    return { w: i32, a: i32.wrapI64(a), b: i32.wrapI64(b) };
  }

  carry(): Expression {
    const known = this.#block.flags;
    if (known !== null) {
      const { w, a, b } = this.#knownOperands(known);
      switch (known.kind) {
        case "logic":
          return i32.const(0);
        case "inc":
        case "dec":
        case "mul":
          return i32.wrapI64(this.#context.b);
        case "explicit":
          return i32.and(i32.wrapI64(this.#context.a), i32.const(1));
        default: {
          const inline = fusedCondition(2, known.kind, known.bits, w, a, b);
          if (inline !== null) return inline;
        }
      }
    }
    return this.#context.call("carryOf", ...this.#context.readFlags());
  }

  condition(code: number): Expression {
    const known = this.#block.flags;
    if (known !== null) {
      const { w, a, b } = this.#knownOperands(known);
      const inline = fusedCondition(code, known.kind, known.bits, w, a, b);
      if (inline !== null) return inline;
      if ((code & ~1) === 2) return (code & 1) === 1 ? i32.eqz(this.carry()) : this.carry();
    }
    const value = this.#context.call(`conditionOf${code & ~1}`, ...this.#context.readFlags());
    return (code & 1) === 1 ? i32.eqz(value) : value;
  }

  arithmeticFlags(): Expression {
    return this.#context.call("arithmeticFlagsOf", ...this.#context.readFlags());
  }

  get wantsFlags(): boolean {
    return this.#operation.wantsFlags;
  }

  keepsFlags(): Expression {
    return this.#context.keepsFlags();
  }

  /** One compare each: with a limit that is infinite, or a NaN. NaNs are not less than or equal to anything. */
  suspect(numbers: readonly Expression[], format: NumberFormat): Expression {
    return this.#fails("le", numbers, format);
  }

  suspectFinite(number: Expression, format: NumberFormat): Expression {
    return this.#fails("lt", [lanesOf[format].abs(number)], format);
  }

  /** Not 0 if one of the numbers does not compare so with the limit. */
  #fails(comparison: "le" | "lt", numbers: readonly Expression[], format: NumberFormat): Expression {
    const limit = this.#context.limit(format);
    const all = numbers.map((x) => lanesOf[format][comparison](x, limit));
    if (format === "ps") return i32.ne(i32x4.bitmask(all.reduce(v128.and)), i32.const(15));
    if (format === "pd") return i32.ne(i64x2.bitmask(all.reduce(v128.and)), i32.const(3));
    return i32.eqz(all.reduce(i32.and));
  }

  watched(): Expression {
    return i32.and(i32.load16U(base, state.sseExact), i32.const(exactness.watched));
  }

  faultIf(condition: Expression, kind: Exit): void {
    this.f.unlikely(condition, () => {
      this.f.emit(i32.store(base, i32.const(kind), state.exitCode));
      this.#context.leave(this.#operation.offset);
    });
  }

  exit(kind: Exit): void {
    this.f.emit(i32.store(base, i32.const(kind), state.exitCode));
    this.#context.leave(this.#operation.offset + this.#operation.length);
    this.ended = true;
  }

  exitIf(condition: Expression, kind: Exit): void {
    this.f.unlikely(condition, () => {
      this.f.emit(i32.store(base, i32.const(kind), state.exitCode));
      this.#context.leave(this.#operation.offset + this.#operation.length);
    });
  }

  nextRip(): Expression {
    return this.#context.address(this.#operation.offset + this.#operation.length);
  }

  thisRip(): Expression {
    return this.#context.address(this.#operation.offset);
  }

  jump(target: Expression): void {
    this.#ends.goTo(target);
    this.ended = true;
  }

  branch(_operand: number, condition?: Expression): void {
    const target = this.#operation.target!;
    if (condition === undefined) this.#ends.go(target);
    else {
      this.f.if(condition, () => this.#ends.go(target));
      this.#ends.go(this.#operation.offset + this.#operation.length);
    }
    this.ended = true;
  }

  call(name: string, ...args: Expression[]): Expression {
    return this.#context.call(name, ...args);
  }

  inState(name: string): void {
    throw new Error(`${name} works on the registers in memory: it is left to the interpreter`);
  }
}
