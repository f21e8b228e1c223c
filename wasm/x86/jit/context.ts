/**
 * A region's function while it is emitted: where guest registers live in WebAssembly locals, how it is left, and what it
 * calls. Locals always hold the architectural values, because no row writes before everything that may fault is done:
 * so one piece of code at the end serves every exit.
 */
import type { Expression } from "../../encode/expression.ts";
import { call, type FunctionBuilder, type Label, type Local } from "../../encode/module.ts";
import { f32, f64, i32, i64, select } from "../../encode/numeric.ts";
import { f32x4, f64x2, i32x4, i64x2, v128 } from "../../encode/simd.ts";
import type { NumberFormat } from "../row.ts";
import { zeroVector } from "../rows/lanes.ts";
import { keepsFlags, state } from "../state.ts";
import { regionStatus, type RegionFunctions } from "./interface.ts";
import type { View } from "./views.ts";

const base = i32.const(0);

const f64Lanes = { ...f64x2, zero: f64.const(0) };
const f32Lanes = { ...f32x4, zero: f32.const(0) };
function lanesOf(view: "f64" | "f32"): typeof f64Lanes | typeof f32Lanes {
  return view === "f64" ? f64Lanes : f32Lanes;
}

function limitOf(format: NumberFormat, keeps: Expression): Expression {
  const single = format === "f32" || format === "ps";
  const value = single
    ? select(keeps, f32.const(Number.NaN), f32.const(Infinity))
    : select(keeps, f64.const(Number.NaN), f64.const(Infinity));
  if (format === "ps") return f32x4.splat(value);
  return format === "pd" ? f64x2.splat(value) : value;
}

export interface RegionOptions {
  /** How vector registers are kept in locals, by register. */
  readonly views?: readonly View[];
  /** Registers live in the state, as the interpreter's; what a block has read or written it has in locals as well. */
  readonly inMemory?: boolean;
  /** An access that misses the TLB is resolved by a call. Otherwise the region is left: half the code, but no place to come back to. */
  readonly resolvesMisses?: boolean;
}

/** General and vector registers that are in their locals, as bits. */
export interface Cached {
  readonly general: number;
  readonly vector: number;
}
export const nothingCached: Cached = { general: 0, vector: 0 };

/** Where a page lies: guest address, host address, and the distance from it from which an access would leave it. */
export interface PageLocals {
  readonly page: Local;
  readonly limit: Local;
  readonly frame: Local;
}

export class RegionContext {
  readonly f: FunctionBuilder;
  readonly label: Local;
  /** Virtual address of the origin. */
  readonly origin: Local;
  readonly budget: Local;
  /** Lazy flags: kind and operands, as in the state (flags.ts). */
  readonly kind: Local;
  readonly a: Local;
  readonly b: Local;
  readonly spaceTag: Local;
  readonly resolvesMisses: boolean;
  readonly #imports: RegionFunctions;
  readonly #general: (Local | undefined)[] = [];
  readonly #views: readonly View[];
  readonly #vector: (Local | undefined)[] = [];
  /** Lowest lanes of those vector registers that have a local for it: the lane in `#vector` may be out of date. */
  readonly #lowest: (Local | undefined)[] = [];
  /** Where it is not, at this place; known within a block only. */
  readonly #upToDate = new Set<number>();
  #blockDepth = 0;
  readonly #inMemory: boolean;
  #cachedGeneral = 0;
  #cachedVector = 0;
  readonly #generalWritten = new Set<number>();
  readonly #vectorWritten = new Set<number>();
  readonly #lasting = new Map<object, Local>();
  readonly #pageCaches = new Map<object, PageLocals>();
  #fsBase: Local | undefined;
  #keepsFlags: Local | undefined;
  readonly #limits = new Map<NumberFormat, Local>();
  #readsFlags = false;
  #writesFlags = false;
  /** Where the exit goes: offset from the origin, or the address itself. */
  readonly #site: Local;
  readonly #target: Local;
  readonly #status: Local;
  readonly #exits: { jump: Label; fault: Label; interpret: Label; missed: Label; computed: Label; done: Label };

  constructor(f: FunctionBuilder, imports: RegionFunctions, options: RegionOptions = {}) {
    const { views = [], inMemory = false, resolvesMisses = false } = options;
    this.resolvesMisses = resolvesMisses;
    this.f = f;
    this.#imports = imports;
    this.#views = views;
    this.#inMemory = inMemory;
    this.label = f.param(0);
    this.origin = f.param(1);
    this.budget = f.param(2);
    this.kind = f.local("i32");
    this.a = f.local("i64");
    this.b = f.local("i64");
    this.spaceTag = f.local("i64");
    this.#site = f.local("i64");
    this.#target = f.local("i64");
    this.#status = f.local("i32");
    f.set(this.spaceTag, i64.load(base, state.spaceTag));
    f.defer(() => this.#loads());
    const done = f.open();
    const computed = f.open();
    const fault = f.open();
    const missed = f.open();
    const interpret = f.open();
    const jump = f.open();
    this.#exits = { jump, fault, interpret, missed, computed, done };
  }

  /** Closes the function: the exits, in the order the constructor opened them. */
  finish(): void {
    const { f } = this;
    const rip = (): void => f.set(this.#target, i64.add(this.origin, this.#site));
    f.unreachable();
    f.end(); // jump
    rip();
    f.set(this.#status, i32.const(regionStatus.jump));
    f.br(this.#exits.done);
    f.end(); // interpret
    rip();
    f.set(this.#status, i32.const(regionStatus.interpret));
    f.br(this.#exits.done);
    f.end(); // missed
    rip();
    f.set(this.#status, i32.const(regionStatus.missed));
    f.br(this.#exits.done);
    f.end(); // fault
    rip();
    f.set(this.#status, i32.const(regionStatus.leave));
    f.br(this.#exits.done);
    f.end(); // computed
    f.set(this.#status, i32.const(regionStatus.jump));
    f.end(); // done
    f.defer(() => this.#stores());
    f.if(i32.eq(this.#status, i32.const(regionStatus.jump)), () =>
      f.returnCall(this.call("onward", this.#target, this.budget)),
    );
    f.emit(i64.store(base, this.#target, state.rip));
    f.emit(i32.store(base, this.budget, state.budget));
    f.result(this.#status);
  }

  #loads(): Expression[] {
    const { f } = this;
    const list: Expression[] = [];
    this.#general.forEach((local, i) => {
      if (local !== undefined && !this.#inMemory) list.push(f.assignment(local, i64.load(base, state.gpr + 8 * i)));
    });
    this.#vector.forEach((local, i) => {
      if (local !== undefined && !this.#inMemory) list.push(f.assignment(local, v128.load(base, state.xmm + 16 * i)));
    });
    this.#lowest.forEach((local, i) => {
      if (local === undefined) return;
      const load = local.type === "f64" ? f64.load : f32.load;
      list.push(f.assignment(local, load(base, state.xmm + 16 * i)));
    });
    if (this.#readsFlags || this.#writesFlags) {
      list.push(f.assignment(this.kind, i32.load(base, state.flagsKind)));
      list.push(f.assignment(this.a, i64.load(base, state.flagsA)));
      list.push(f.assignment(this.b, i64.load(base, state.flagsB)));
    }
    if (this.#fsBase !== undefined) list.push(f.assignment(this.#fsBase, i64.load(base, state.fsBase)));
    const keeps = (): Expression => i32.and(i32.load16U(base, state.sseExact), i32.const(keepsFlags));
    if (this.#keepsFlags !== undefined) list.push(f.assignment(this.#keepsFlags, keeps()));
    for (const [format, local] of this.#limits) list.push(f.assignment(local, limitOf(format, keeps())));
    return list;
  }

  #stores(): Expression[] {
    const list: Expression[] = [];
    for (const i of this.#inMemory ? [] : this.#generalWritten)
      list.push(i64.store(base, this.#general[i]!, state.gpr + 8 * i));
    for (const i of this.#inMemory ? [] : this.#vectorWritten) {
      list.push(v128.store(base, this.#vector[i]!, state.xmm + 16 * i));
      const lowest = this.#lowest[i];
      if (lowest === undefined) continue;
      const store = lowest.type === "f64" ? f64.store : f32.store;
      list.push(store(base, lowest, state.xmm + 16 * i));
    }
    if (this.#writesFlags) {
      list.push(i32.store(base, this.kind, state.flagsKind));
      list.push(i64.store(base, this.a, state.flagsA));
      list.push(i64.store(base, this.b, state.flagsB));
    }
    return list;
  }

  general(index: number): Local {
    const local = (this.#general[index] ??= this.f.local("i64"));
    if (this.#inMemory && (this.#cachedGeneral & (1 << index)) === 0) {
      this.f.set(local, i64.load(base, state.gpr + 8 * index));
      if (this.#isUnconditional) this.#cachedGeneral |= 1 << index;
    }
    return local;
  }

  setGeneral(index: number, value: Expression): void {
    const local = (this.#general[index] ??= this.f.local("i64"));
    this.#generalWritten.add(index);
    this.f.set(local, value);
    if (!this.#inMemory) return;
    this.f.emit(i64.store(base, local, state.gpr + 8 * index));
    if (this.#isUnconditional) this.#cachedGeneral |= 1 << index;
  }

  /** What is emitted now is done whenever its block is. */
  get #isUnconditional(): boolean {
    return this.f.depth === this.#blockDepth;
  }

  /** General registers written so far, as bits. */
  generalWritten(): number {
    let bits = 0;
    for (const index of this.#generalWritten) bits |= 1 << index;
    return bits;
  }

  /** A block begins, with some registers in their locals: nothing is known of lowest lanes. */
  beginBlock(cached: Cached): void {
    this.#cachedGeneral = cached.general;
    this.#cachedVector = cached.vector;
    this.#upToDate.clear();
    this.#blockDepth = this.f.depth;
  }

  /** Other blocks may be emitted in the midst of this one: what is known here is known again behind them. */
  elsewhere(emit: () => void): void {
    const [general, vector, depth] = [this.#cachedGeneral, this.#cachedVector, this.#blockDepth];
    const upToDate = [...this.#upToDate];
    emit();
    this.#cachedGeneral = general;
    this.#cachedVector = vector;
    this.#blockDepth = depth;
    this.#upToDate.clear();
    for (const index of upToDate) this.#upToDate.add(index);
  }

  /** What is in locals here; nothing where registers live in locals anyway. */
  get cached(): Cached {
    return { general: this.#cachedGeneral, vector: this.#cachedVector };
  }

  #view(index: number): View {
    return this.#views[index] ?? "v128";
  }

  #whole(index: number): Local {
    return (this.#vector[index] ??= this.f.local("v128"));
  }

  /** The local of a lowest lane, for a register whose view is not the whole. */
  #lowestOf(index: number): Local {
    this.#whole(index);
    return (this.#lowest[index] ??= this.f.local(this.#view(index)));
  }

  vector(index: number): Expression {
    const whole = this.#whole(index);
    if (this.#inMemory && !this.#isVectorCached(index)) {
      this.f.set(whole, v128.load(base, state.xmm + 16 * index));
      if (this.#isUnconditional) this.#cachedVector |= 1 << index;
    }
    const view = this.#view(index);
    if (view === "v128" || this.#upToDate.has(index)) return whole;
    return lanesOf(view).replaceLane(whole, 0, this.#lowestOf(index));
  }

  #isVectorCached(index: number): boolean {
    return (this.#cachedVector & (1 << index)) !== 0;
  }

  setVector(index: number, value: Expression): void {
    const { f } = this;
    this.#vectorWritten.add(index);
    const whole = this.#whole(index);
    f.set(whole, value);
    if (this.#inMemory) {
      f.emit(v128.store(base, whole, state.xmm + 16 * index));
      if (this.#isUnconditional) this.#cachedVector |= 1 << index;
    }
    const view = this.#view(index);
    if (view === "v128") return;
    const isZero = value === zeroVector;
    f.set(this.#lowestOf(index), isZero ? lanesOf(view).zero : lanesOf(view).extractLane(whole, 0));
    if (f.depth === this.#blockDepth) this.#upToDate.add(index);
  }

  /** One vector register becomes what another is. */
  copyVector(to: number, from: number): void {
    const view = this.#view(to);
    if (view === "v128" || view !== this.#view(from)) {
      this.setVector(to, this.vector(from));
      return;
    }
    this.#vectorWritten.add(to);
    this.f.set(this.#whole(to), this.#whole(from));
    this.f.set(this.#lowestOf(to), this.#lowestOf(from));
    if (!this.#upToDate.has(from)) this.#upToDate.delete(to);
    else if (this.f.depth === this.#blockDepth) this.#upToDate.add(to);
  }

  /** The lowest lane of a vector register. */
  lowest(index: number, type: "f64" | "f32"): Expression {
    if (this.#inMemory && !this.#isVectorCached(index))
      return (type === "f64" ? f64.load : f32.load)(base, state.xmm + 16 * index);
    return this.#view(index) === type ? this.#lowestOf(index) : lanesOf(type).extractLane(this.vector(index), 0);
  }

  setLowest(index: number, type: "f64" | "f32", value: Expression): void {
    if (this.#view(index) === type) {
      this.#vectorWritten.add(index);
      this.f.set(this.#lowestOf(index), value);
      this.#upToDate.delete(index);
    } else this.setVector(index, lanesOf(type).replaceLane(this.vector(index), 0, value));
  }

  /** The same with zeros above. */
  setLowestZero(index: number, type: "f64" | "f32", value: Expression): void {
    if (this.#view(index) === type) {
      this.setLowest(index, type, value);
      this.f.set(this.#whole(index), zeroVector);
    } else this.setVector(index, lanesOf(type).replaceLane(zeroVector, 0, value));
  }

  /** The lowest lane as an integer. */
  lowestInteger(index: number, type: "i64" | "i32"): Expression {
    const view = this.#view(index);
    if (view === "f32" && type === "i32") return i32.reinterpretF32(this.#lowestOf(index));
    if (view !== "f64") return (type === "i64" ? i64x2 : i32x4).extractLane(this.vector(index), 0);
    const bits = i64.reinterpretF64(this.#lowestOf(index));
    return type === "i64" ? bits : i32.wrapI64(bits);
  }

  setLowestInteger(index: number, value: Expression): void {
    const view = this.#view(index);
    if (view === "f64" && value.type === "i64") this.setLowest(index, view, f64.reinterpretI64(value));
    else if (view === "f32" && value.type === "i32") this.setLowest(index, view, f32.reinterpretI32(value));
    else this.setVector(index, (value.type === "i64" ? i64x2 : i32x4).replaceLane(this.vector(index), 0, value));
  }

  /** The FS base cannot change while a region runs. */
  fsBase(): Local {
    return (this.#fsBase ??= this.f.local("i64"));
  }

  /**
   * Nor can it begin to matter while a region runs whether all flags of MXCSR are kept: LDMXCSR is left to the interpreter.
   * It may end, which is noticed at the next entry.
   */
  keepsFlags(): Local {
    return (this.#keepsFlags ??= this.f.local("i32"));
  }

  /** Every number of a format is less than or equal to it, or, where all flags are kept, none. */
  limit(format: NumberFormat): Local {
    let local = this.#limits.get(format);
    if (local === undefined) {
      local = this.f.local(format === "f32" || format === "f64" ? format : "v128");
      this.#limits.set(format, local);
    }
    return local;
  }

  readFlags(): readonly [kind: Local, a: Local, b: Local] {
    this.#readsFlags = true;
    return [this.kind, this.a, this.b];
  }

  setFlags(kind: Expression, a: Expression, b: Expression | undefined): void {
    const whole = (value: Expression): Expression => (value.type === "i32" ? i64.extendI32U(value) : value);
    this.#writesFlags = true;
    this.f.set(this.a, whole(a));
    if (b !== undefined) this.f.set(this.b, whole(b));
    this.f.set(this.kind, kind);
  }

  /** Where the host address of a lasting group is kept: 0 until its first check in this run. */
  lasting(group: object): Local {
    let local = this.#lasting.get(group);
    if (local === undefined) this.#lasting.set(group, (local = this.f.local("i32")));
    return local;
  }

  /** A cache is empty at first: nothing is below its limit. */
  pageCache(cache: object): PageLocals {
    let locals = this.#pageCaches.get(cache);
    if (locals === undefined) {
      const { f } = this;
      locals = { page: f.local("i64"), limit: f.local("i64"), frame: f.local("i32") };
      this.#pageCaches.set(cache, locals);
    }
    return locals;
  }

  call(name: string, ...args: Expression[]): Expression {
    const target = this.#imports.get(name);
    if (target === undefined) throw new Error(`no function is named ${name}`);
    return call(target, ...args);
  }

  /** Address of a place in the region (i64). */
  address(offset: number): Expression {
    return offset === 0 ? this.origin : i64.add(this.origin, i64.const(offset));
  }

  /** Leaves for a known place. */
  exit(offset: number): void {
    this.f.set(this.#site, i64.const(offset));
    this.f.br(this.#exits.jump);
  }

  /** Leaves for a computed address. */
  exitTo(target: Expression): void {
    this.f.set(this.#target, target);
    this.f.br(this.#exits.computed);
  }

  /** Leaves the guest at an offset; `state.exitCode` is set. */
  leave(offset: number): void {
    this.f.set(this.#site, i64.const(offset));
    this.f.br(this.#exits.fault);
  }

  /** Leaves for the interpreter to do the instruction at an offset. */
  interpret(offset: number): void {
    this.f.set(this.#site, i64.const(offset));
    this.f.br(this.#exits.interpret);
  }

  /** The same, because an access of it missed the TLB. */
  miss(offset: number): void {
    this.f.set(this.#site, i64.const(offset));
    this.f.br(this.#exits.missed);
  }
}
