/**
 * Plans the memory accesses of a region: those whose addresses differ only by a constant (stack slots, fields of one
 * structure, runs of pushes) share one TLB check for the whole range they cover, made at the first of them.
 *
 * Registers are followed symbolically: a value is a root (a number that stands for what a register held) plus a
 * constant. What is known at the end of a block holds in the blocks it dominates. Within a region's run a translation
 * cannot change: mappings change in the kernel only, and code is decoded in the interpreter only.
 */
import { limits } from "../../../src/base/limits.ts";
import { addressing } from "../instruction.ts";
import { bitsOf } from "../operands.ts";
import { state } from "../state.ts";
import type { BasicBlock } from "./region.ts";
import { derived, generalRegister, registersWritten, rsp, type Operation } from "./operation.ts";
import { cachePages, type BasedAccess, type PageCache } from "./pages.ts";

/** Accesses that share a check. */
export interface Group {
  /** Offset of the first byte covered, relative to the root, and the number of bytes. */
  from: number;
  bytes: number;
  write: boolean;
  /** Its root never changes while the region runs (a page near the code, the thread's own data): checked once. */
  readonly lasting: boolean;
  /** Accesses in it: with one, a check of its own is as good. */
  count: number;
  cache: PageCache | null;
}

/** One access: which group, and where its bytes are relative to the group's root. */
export interface PlannedAccess {
  readonly group: Group;
  readonly offset: number;
}

/** What the planner needs to know of the control flow. */
export interface Flow {
  /** Blocks in an order in which dominators come first. */
  readonly order: readonly BasicBlock[];
  /** The block that dominates it immediately, or null; blocks that control reaches it from, or null if not all are known before. */
  dominator(block: BasicBlock): BasicBlock | null;
  predecessors(block: BasicBlock): readonly BasicBlock[] | null;
  /** Blocks of each loop. */
  readonly loops: readonly ReadonlySet<BasicBlock>[];
}

/** What an address begins with: a general register (-1: nothing) and a constant, without the index. */
type Base = Omit<BasedAccess, "group">;

interface Value {
  readonly root: number;
  readonly offset: number;
}

const rbp = 5;

/** By operation of a block: its accesses in the order its body makes them, operands first. */
export type BlockPlan = (PlannedAccess | null)[][];

interface Environment {
  readonly values: readonly Value[];
  /** Groups whose first access has been made, by root; `w` before the root for those checked for writing. */
  readonly groups: ReadonlyMap<string, Group>;
}

/** Plans all blocks. */
export function planAccesses(flow: Flow, implicitWrites: (operation: Operation) => number): Map<BasicBlock, BlockPlan> {
  const plans = new Map<BasicBlock, BlockPlan>();
  const after = new Map<BasicBlock, Environment>();
  const based = new Map<BasicBlock, readonly BasedAccess[]>();
  const lasting = new Map<string, Group>();
  let roots = 0;
  const fresh = (): Value => ({ root: roots++, offset: 0 });
  for (const block of flow.order) {
    const before = flow.predecessors(block)?.map((from) => after.get(from)!) ?? null;
    const dominator = flow.dominator(block);
    const values = Array.from({ length: 16 }, (_, register) => {
      const first = before?.[0]?.values[register];
      if (first === undefined) return fresh();
      const same = before!.every(({ values: all }) => {
        const other = all[register]!;
        return other.root === first.root && other.offset === first.offset;
      });
      return same ? first : fresh();
    });
    const groups = new Map(dominator === null ? [] : after.get(dominator)!.groups);
    const accesses: BasedAccess[] = [];
    based.set(block, accesses);
    plans.set(block, planBlock(block, values, groups, lasting, fresh, implicitWrites, accesses));
    after.set(block, { values, groups });
  }
  for (const loop of flow.loops) cachePages(loop, based, implicitWrites);
  for (const plan of plans.values())
    for (const list of plan)
      list.forEach((access, i) => {
        if (access !== null && access.group.count < 2 && access.group.cache === null) list[i] = null;
      });
  return plans;
}

const zero: Value = { root: -1, offset: 0 };
const threadRoot = -2;

/** Plans one block, and leaves in `values` and `groups` what holds behind it. */
function planBlock(
  block: BasicBlock,
  values: Value[],
  groups: Map<string, Group>,
  lasting: Map<string, Group>,
  fresh: () => Value,
  implicitWrites: (operation: Operation) => number,
  based: BasedAccess[],
): BlockPlan {
  const plan: BlockPlan = block.operations.map(() => []);
  /** Groups begun in this block: whoever comes to the first access comes to all. */
  const own = new Set<Group>();
  const valueAt = (address: number): Value | null => {
    if (address === state.zero) return zero;
    if (address === state.fsBase) return { root: threadRoot, offset: 0 };
    const register = generalRegister(address);
    return register < 0 ? null : values[register]!;
  };

  block.operations.forEach((operation, index) => {
    const { parsed, size } = operation.form;
    const { name } = parsed.row;
    let ordinal = 0;
    const access = (root: string, offset: number, bytes: number, write: boolean, base: Base | null): void => {
      const place = ordinal++;
      const isLasting = root === `${threadRoot}` || root.startsWith("page");
      const planned = join(isLasting ? lasting : groups, own, isLasting, root, offset, bytes, write);
      plan[index]![place] = planned;
      if (base !== null) based.push({ group: planned.group, ...base });
    };
    const atRegister = (register: number, offset: number, bytes: number, write: boolean): void => {
      const value = values[register]!;
      access(`${value.root}`, value.offset + offset, bytes, write, { register, offset });
    };

    let address: { root: string; offset: number } | null = null;
    if (parsed.rm >= 0 && operation.form.memory && operation.addressing !== addressing.none) {
      const base = operation.ripRelative ? null : valueAt(operation.m);
      const index2 = valueAt(operation.x);
      const simple = operation.addressing === addressing.base || operation.addressing === addressing.indexed;
      // Not with a segment's base or prefix 67: those are no longer near the code.
      if (operation.ripRelative && operation.addressing === addressing.base) {
        const target = operation.offset + operation.length + operation.displacement;
        address = { root: `page ${Math.floor(target / 4096)}`, offset: ((target % 4096) + 4096) % 4096 };
      } else if (simple && base !== null && operation.addressing === addressing.base)
        address = { root: `${base.root}`, offset: base.offset + operation.displacement };
      else if (simple && base !== null && index2 !== null)
        address = {
          root: `${base.root}+${index2.root}<<${operation.scale}`,
          offset: base.offset + index2.offset * 2 ** operation.scale + operation.displacement,
        };
      parsed.operands.forEach((operand) => {
        if (!operand.memory) return;
        const bits = bitsOf(operand.memorySize, size);
        if (bits === 0) return;
        if (address === null || Math.abs(address.offset) >= 2 ** 31) ordinal++;
        else {
          const base = operation.ripRelative
            ? null
            : { register: generalRegister(operation.m), offset: operation.displacement };
          access(address.root, address.offset, bits >> 3, operand.write, base);
        }
      });
    }

    // What the stack instructions access besides their operands.
    const bytes = size >> 3;
    const top = values[rsp]!;
    const moved = (by: number): Value => ({ root: top.root, offset: top.offset + by });
    const written = registersWritten(operation) | implicitWrites(operation);
    let newTop: Value | null = null;
    if (name === "PUSH" || name.startsWith("PUSH ") || name === "PUSHF" || name === "CALL") {
      atRegister(rsp, -bytes, bytes, true);
      newTop = moved(-bytes);
    } else if (name === "POP" || name === "POPF") {
      atRegister(rsp, 0, bytes, false);
      newTop = moved(bytes);
    } else if (name === "RET") atRegister(rsp, 0, bytes, false);
    else if (name === "LEAVE") {
      const frame = values[rbp]!;
      atRegister(rbp, 0, 8, false);
      newTop = { root: frame.root, offset: frame.offset + 8 };
    }
    const copy = derived(operation);
    const source = copy === null ? null : values[copy.from]!;
    for (let register = 0; register < 16; register++) if ((written & (1 << register)) !== 0) values[register] = fresh();
    // POP RSP and the like leave what they loaded.
    if (newTop !== null && (registersWritten(operation) & (1 << rsp)) === 0) values[rsp] = newTop;
    if (copy === null || source === null) return;
    const offset = source.offset + copy.by;
    if (Math.abs(offset) < 2 ** 31) values[copy.to] = { root: source.root, offset };
  });
  return plan;
}

/** Finds or begins the group of an access. */
function join(
  groups: Map<string, Group>,
  own: Set<Group>,
  lasting: boolean,
  root: string,
  offset: number,
  bytes: number,
  write: boolean,
): PlannedAccess {
  const fits = (group: Group | undefined): group is Group =>
    group !== undefined &&
    Math.max(group.from + group.bytes, offset + bytes) - Math.min(group.from, offset) <= limits.sharedCheckBytesMax;
  let group = groups.get(`w${root}`);
  if (!write && !fits(group)) group = groups.get(root);
  if (!fits(group)) {
    // A group for reading becomes one for writing only where every run that reads also writes.
    const reading = write ? groups.get(root) : undefined;
    if (fits(reading) && own.has(reading)) {
      group = reading;
      groups.delete(root);
    } else {
      group = { from: offset, bytes, write, lasting, count: 0, cache: null };
      if (!lasting) own.add(group);
    }
    group.write ||= write;
    groups.set(write ? `w${root}` : root, group);
  }
  const end = Math.max(group.from + group.bytes, offset + bytes);
  group.from = Math.min(group.from, offset);
  group.bytes = end - group.from;
  group.count++;
  return { group, offset };
}
