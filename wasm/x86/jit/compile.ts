/** Compiles regions to a WebAssembly module: one function each, exported by its number. */
import type { Expression } from "../../encode/expression.ts";
import { ModuleBuilder, type Local } from "../../encode/module.ts";
import { i32, i64 } from "../../encode/numeric.ts";
import { frameBase } from "../layout.ts";
import { allFlags } from "../traits.ts";
import { nothingCached, RegionContext, type Cached } from "./context.ts";
import { RegionEmitter, type BlockState, type KnownFlags } from "./emitter.ts";
import { implicitWrites } from "./implicit.ts";
import { importRegionFunctions, importsAsNeeded, regionSignature, type RegionFunctions } from "./interface.ts";
import { liveBefore } from "./operation.ts";
import { planAccesses, type BlockPlan, type Flow } from "./plan.ts";
import { flow, flowOf } from "./code.ts";
import type { BasicBlock, Region } from "./region.ts";
import { Structure } from "./structure.ts";
import { vectorViews } from "./views.ts";

export interface CompiledRegion {
  /** Offsets from the origin at which it may be entered: the index is the entry's number. */
  readonly entries: readonly number[];
}

export interface CompiledModule {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly regions: readonly CompiledRegion[];
}

export interface CompileOptions {
  /** It imports only what it needs, which makes it quick to instantiate; its code fits into no other module. */
  readonly lean?: boolean;
  /** Accesses that miss the TLB are resolved in place (context.ts). */
  readonly resolvesMisses?: boolean;
  /** Registers live in memory; by default those of regions with many blocks. */
  readonly inMemory?: boolean;
}

export function compileRegions(regions: readonly Region[], options: CompileOptions = {}): CompiledModule {
  const { lean = false } = options;
  const m = new ModuleBuilder({ importsLate: lean });
  m.importMemory("region", "memory", frameBase >> 16);
  const imports = lean ? importsAsNeeded(m) : importRegionFunctions(m);
  const compiled = regions.map((region, i) => {
    const f = m.function(`${i}`, regionSignature.params, regionSignature.results);
    m.export(f);
    return compileRegion(region, f, imports, options);
  });
  return { bytes: m.bytes(), regions: compiled };
}

function compileRegion(
  region: Region,
  f: ReturnType<ModuleBuilder["function"]>,
  imports: RegionFunctions,
  options: CompileOptions,
): CompiledRegion {
  const { blocks } = region;
  const node = new Map(blocks.map((block, i) => [block.offset, i + 1]));
  const structure = new Structure({
    successors: [[], ...blocks.map((block) => block.successors.map((offset) => node.get(offset)!))],
    entries: [...region.entries].map((offset) => node.get(offset)!),
  });
  markLiveFlags(blocks, node, structure);
  /** What the blocks emitted so far say of the flags at the beginning of later ones. Nothing, where one can enter. */
  const flagsAt = new Map<number, KnownFlags | null>(structure.entries.map((id) => [blocks[id - 1]!.offset, null]));
  const plans = planAccesses(flowThrough(blocks, node, structure), implicitWrites);
  /** Groups checked on the way to the end of a block. */
  const checked = new Map<number, BlockState["groups"]>();
  const { resolvesMisses = false, inMemory = blocks.length > blocksInLocals } = options;
  const views = inMemory ? [] : vectorViews(blocks);
  const context = new RegionContext(f, imports, { views, inMemory, resolvesMisses });
  const cachedAt = new Map<number, Cached>(structure.entries.map((id) => [blocks[id - 1]!.offset, nothingCached]));
  structure.emit(f, context.label, (id, go) => {
    const block = blocks[id - 1]!;
    const shared: BlockState = {
      groups: new Map(checked.get(structure.dominator(id))),
      flags: flagsAt.get(block.offset) ?? null,
    };
    checked.set(id, shared.groups);
    new BlockCompiler(context, block, structure, id, node, go, { flags: flagsAt, cached: cachedAt }, shared).emit(
      plans.get(block)!,
    );
  });
  context.finish();
  return { entries: structure.entries.map((id) => blocks[id - 1]!.offset) };
}

function flowThrough(blocks: readonly BasicBlock[], node: ReadonlyMap<number, number>, structure: Structure): Flow {
  const order = structure.order();
  const reachable = order.map((id) => blocks[id - 1]!);
  const predecessors = new Map<number, BasicBlock[]>(order.map((id) => [id, []]));
  for (const id of order)
    for (const offset of blocks[id - 1]!.successors) predecessors.get(node.get(offset)!)!.push(blocks[id - 1]!);
  const isLoop = (id: number): boolean => structure.isLoop(id);
  /** The natural loop of a header: from what goes back to it, all that leads there. */
  const loopAt = (id: number): ReadonlySet<BasicBlock> => {
    const loop = new Set([blocks[id - 1]!]);
    const work = predecessors.get(id)!.filter((from) => structure.goesBack(node.get(from.offset)!, id));
    for (let block = work.pop(); block !== undefined; block = work.pop()) {
      if (loop.has(block)) continue;
      loop.add(block);
      work.push(...predecessors.get(node.get(block.offset)!)!);
    }
    return loop;
  };
  return {
    order: reachable,
    loops: [...order.filter(isLoop).map(loopAt), ...(structure.loopsByDispatch ? [new Set(reachable)] : [])],
    dominator: (block) => {
      const id = structure.dominator(node.get(block.offset)!);
      return id === 0 ? null : blocks[id - 1]!;
    },
    predecessors: (block) => {
      const id = node.get(block.offset)!;
      return structure.isLoop(id) || structure.entries.includes(id) ? null : predecessors.get(id)!;
    },
  };
}

/** Flags that nobody reads, across the blocks of the region: whatever leaves it reads all. */
function markLiveFlags(blocks: readonly BasicBlock[], node: ReadonlyMap<number, number>, structure: Structure): void {
  const live = new Uint8Array(blocks.length + 1);
  const order = blocks.toReversed();
  for (let changed = true; changed;) {
    changed = false;
    for (const block of order) {
      const id = node.get(block.offset)!;
      let after = mayLeave(block, id, node, structure) ? allFlags : 0;
      for (const offset of block.successors) after |= live[node.get(offset)!]!;
      for (let i = block.operations.length - 1; i >= 0; i--) after = liveBefore(block.operations[i]!, after);
      if (after !== live[id]) {
        live[id] = after;
        changed = true;
      }
    }
  }
}

/** Whether control can leave the region behind a block: to a place outside, or because the budget runs out. */
function mayLeave(block: BasicBlock, id: number, node: ReadonlyMap<number, number>, structure: Structure): boolean {
  if (block.truncated) return true;
  const kind = flowOf(block.operations.at(-1)!);
  const direct = kind === flow.next || kind === flow.branch || kind === flow.jump || kind === flow.call;
  if (!direct) return true;
  const wanted = kind === flow.branch ? 2 : 1;
  if (block.successors.length < wanted) return true;
  return block.successors.some((offset) => structure.goesBack(id, node.get(offset)!));
}

/** What the blocks emitted so far say of the beginning of later ones, by offset. */
interface KnownAt {
  readonly flags: Map<number, KnownFlags | null>;
  readonly cached: Map<number, Cached>;
}

class BlockCompiler {
  readonly #context: RegionContext;
  readonly #block: BasicBlock;
  readonly #structure: Structure;
  readonly #id: number;
  readonly #node: ReadonlyMap<number, number>;
  readonly #goNode: (to: number) => void;
  readonly #at: KnownAt;
  readonly #shared: BlockState;

  constructor(
    context: RegionContext,
    block: BasicBlock,
    structure: Structure,
    id: number,
    node: ReadonlyMap<number, number>,
    go: (to: number) => void,
    at: KnownAt,
    shared: BlockState,
  ) {
    this.#context = context;
    this.#block = block;
    this.#structure = structure;
    this.#id = id;
    this.#node = node;
    this.#goNode = go;
    this.#at = at;
    this.#shared = shared;
  }

  emit(plan: BlockPlan): void {
    const { f, budget } = this.#context;
    const block = this.#block;
    const mark = f.mark();
    this.#context.beginBlock(this.#at.cached.get(block.offset) ?? nothingCached);
    f.set(budget, i32.sub(budget, i32.const(block.operations.length)));
    const ends = {
      go: (offset: number): void => this.#go(offset),
      goTo: (target: Expression): void => this.#goTo(target),
    };
    let ended = false;
    block.operations.forEach((operation, i) => {
      const inner = f.mark();
      const emitter = new RegionEmitter(this.#context, operation, plan[i]!, this.#shared, ends);
      emitter.emit();
      ended = emitter.ended;
      f.release(inner);
    });
    if (!ended) this.#go(block.end);
    f.release(mark);
  }

  #go(offset: number): void {
    const to = this.#block.truncated ? undefined : this.#node.get(offset);
    if (to === undefined || !this.#block.successors.includes(offset)) {
      this.#context.exit(offset);
      return;
    }
    const { f, budget } = this.#context;
    const back = this.#structure.goesBack(this.#id, to);
    const known = back || this.#structure.isLoop(to) ? null : this.#shared.flags;
    const before = this.#at.flags.get(offset);
    this.#at.flags.set(offset, before === undefined || sameFlags(before, known) ? known : null);
    const here = back || this.#structure.isLoop(to) ? nothingCached : this.#context.cached;
    const there = this.#at.cached.get(offset) ?? here;
    this.#at.cached.set(offset, { general: here.general & there.general, vector: here.vector & there.vector });
    if (back) f.unlikely(i32.ltS(budget, i32.const(0)), () => this.#context.exit(offset));
    this.#context.elsewhere(() => this.#goNode(to));
  }

  #goTo(target: Expression): void {
    const context = this.#context;
    const { f } = context;
    const to = "index" in target ? (target as Local) : f.let(target);
    const relative = f.let(i64.sub(to, context.origin));
    const known = this.#block.seen.filter((offset) => this.#node.has(offset));
    if (known.length <= comparedMax) {
      for (const offset of known) f.if(i64.eq(relative, i64.const(offset)), () => this.#go(offset));
    } else this.#switch(relative, known);
    context.exitTo(to);
  }

  /** Many targets: a perfect hash of the distance from the origin leads to each, where it is compared. */
  #switch(relative: Local, targets: readonly number[]): void {
    const { f } = this.#context;
    const { multiplier, bits, slots } = perfectHash(targets);
    f.block((miss) => {
      const labels = targets.map(() => f.open()).toReversed();
      const index = i32.shrU(i32.mul(i32.wrapI64(relative), i32.const(multiplier)), i32.const(32 - bits));
      f.brTable(
        index,
        slots.map((slot) => (slot < 0 ? miss : labels[slot]!)),
        miss,
      );
      for (const offset of targets) {
        f.end();
        f.brIf(miss, i64.ne(relative, i64.const(offset)));
        this.#go(offset);
      }
    });
  }
}

/** With more blocks than this, registers live in memory. */
const blocksInLocals = 40;

/** So many targets of a computed jump are compared one after the other. */
const comparedMax = 3;

/** A multiplier under which the upper bits of all products differ, and which value each slot belongs to (-1: none). */
function perfectHash(values: readonly number[]): { multiplier: number; bits: number; slots: number[] } {
  let multiplier = 0x9e3779b1;
  for (let bits = Math.ceil(Math.log2(values.length)) + 1; ; bits++) {
    for (let attempt = 0; attempt < 200; attempt++) {
      // A linear congruential step gives the next odd multiplier.
      multiplier = (Math.imul(multiplier, 1664525) + 1013904223) | 1;
      const slots = Array.from({ length: 2 ** bits }, () => -1);
      const fits = values.every((value, i) => {
        const at = Math.imul(value, multiplier) >>> (32 - bits);
        if (slots[at] !== -1) return false;
        slots[at] = i;
        return true;
      });
      if (fits) return { multiplier, bits, slots };
    }
  }
}

function sameFlags(a: KnownFlags | null, b: KnownFlags | null): boolean {
  return a === b || (a !== null && b !== null && a.kind === b.kind && a.bits === b.bits);
}
