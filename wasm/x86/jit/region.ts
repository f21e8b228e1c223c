/**
 * Chooses what is compiled together: from a hot address, the basic blocks that can be reached by jumps, calls and
 * returns, as far as they have been executed before and the region does not get too large. Everything is relative to the
 * region's origin, the page of the hot address: regions are position-independent.
 */
import { limits } from "../../../src/base/limits.ts";
import { decoded, InstructionDecoder } from "../instruction.ts";
import { formTraits } from "../traits.ts";
import { operationOf, type Operation } from "./operation.ts";
import type { CpuLevel } from "../types.ts";

export interface BasicBlock {
  /** Bytes from the origin to its first instruction. */
  readonly offset: number;
  readonly operations: readonly Operation[];
  /** Offset behind it. */
  readonly end: number;
  /** Where it leads inside the region, as far as that is certain or has been seen. Not the exits. */
  successors: number[];
  /** Targets of its return or computed jump seen so far, most frequent first. */
  seen: number[];
  /** It cannot be compiled past its last instruction: the interpreter goes on at `end`. */
  readonly truncated: boolean;
}

export interface Region {
  /** Virtual address of the origin where it was found. */
  readonly origin: number;
  /** In the order they were found; the first is where it begins. */
  readonly blocks: readonly BasicBlock[];
  /** Offsets of the blocks that may be entered from outside. */
  readonly entries: readonly number[];
  /** Frame by page offset from the origin (bytes, a multiple of 4096). */
  readonly pages: ReadonlyMap<number, number>;
}

export interface RegionSource {
  readonly level: CpuLevel;
  bytes(): Uint8Array;
  /** Frame that a guest page is mapped to for execution in the current address space, or 0. */
  frameOf(address: number): number;
  /** Whether the interpreter has been at the physical address. */
  executed(physical: number): boolean;
  /** Most basic blocks of the region. */
  readonly blocksMax: number;
  /** Targets seen of the computed jump or return at a guest address, most frequent first. */
  targetsSeen(address: number): readonly number[];
}

/** How control leaves an operation. */
export const flow = { next: 0, branch: 1, jump: 2, call: 3, computed: 4, computedCall: 5, ret: 6, leaves: 7 } as const;

export function flowOf(operation: Operation): number {
  const { row } = operation.form.parsed;
  if (row.name === "CALL") return operation.target === null ? flow.computedCall : flow.call;
  if (row.name === "JMP") return operation.target === null ? flow.computed : flow.jump;
  if (row.name === "RET") return flow.ret;
  if (operation.target !== null) return flow.branch;
  return formTraits().ends[operation.form.id] === 1 ? flow.leaves : flow.next;
}

/** Instructions that work on the registers in memory: they are left to the interpreter. */
export function isInterpreted(operation: Operation): boolean {
  return operation.form.parsed.row.interpreted === true;
}

const one = new InstructionDecoder();
const crossing = new Uint8Array(32);

export function discover(source: RegionSource, start: number): Region | null {
  one.level = source.level;
  const origin = start - (start % limits.pageBytes);
  const found = new Map<number, BasicBlock>();
  const pages = new Map<number, number>();
  const entries = new Set<number>([start - origin]);
  let instructions = 0;

  const frameOf = (offset: number): number => {
    const page = offset - (((offset % 4096) + 4096) % 4096);
    const known = pages.get(page);
    if (known !== undefined) return known;
    if (Math.abs(page) > reachBytes || pages.size >= limits.regionPagesMax) return 0;
    const frame = source.frameOf(origin + page);
    if (frame !== 0) pages.set(page, frame);
    return frame;
  };
  const inPage = (offset: number): number => ((offset % 4096) + 4096) % 4096;
  const wasExecuted = (offset: number): boolean => {
    const page = offset - inPage(offset);
    if (Math.abs(page) > reachBytes) return false;
    const frame = pages.get(page) ?? source.frameOf(origin + page);
    return frame !== 0 && source.executed((frame + inPage(offset)) >>> 0);
  };

  const decodeOne = (offset: number): Operation | null => {
    const frame = frameOf(offset);
    if (frame === 0) return null;
    const at = inPage(offset);
    const bytes = source.bytes();
    let status = one.decode(bytes, frame + at, frame + 4096);
    if (status === decoded.needMore) {
      const second = frameOf(offset - at + 4096);
      if (second === 0) return null;
      const head = 4096 - at;
      crossing.fill(0);
      crossing.set(bytes.subarray(frame + at, frame + 4096));
      crossing.set(bytes.subarray(second, second + 15), head);
      status = one.decode(crossing, 0, head + 15);
    }
    return status === decoded.ok ? operationOf(one, offset) : null;
  };

  /** Own function first, then what it calls, then where it returns to: nearest first within each. */
  const queues: number[][] = [[start - origin], [], []];
  const calls: { readonly site: number; readonly target: number }[] = [];

  const decodeBlock = (offset: number): BasicBlock | null => {
    const operations: Operation[] = [];
    let at = offset;
    let truncated = false;
    for (;;) {
      if (at !== offset && found.has(at)) break;
      const operation = decodeOne(at);
      if (operation === null || isInterpreted(operation)) {
        truncated = true;
        break;
      }
      operations.push(operation);
      at += operation.length;
      if (flowOf(operation) !== flow.next || operations.length >= limits.regionBlockInstructionsMax) break;
    }
    if (operations.length === 0) return null;
    return { offset, operations, end: at, successors: [], seen: [], truncated };
  };

  const want = (rank: number, offset: number): void => {
    if (!found.has(offset)) queues[rank]!.push(offset);
  };

  for (;;) {
    const queue = queues.find((list) => list.length > 0);
    if (queue === undefined) break;
    const offset = queue.shift()!;
    if (found.has(offset)) continue;
    if (found.size >= source.blocksMax || instructions >= limits.regionInstructionsMax) break;
    const block = decodeBlock(offset);
    if (block === null) continue;
    found.set(offset, block);
    instructions += block.operations.length;
    const last = block.operations.at(-1)!;
    if (block.truncated) {
      // What the interpreter does in between comes back behind it.
      const next = decodeOne(block.end);
      if (next !== null && wasExecuted(block.end + next.length)) {
        entries.add(block.end + next.length);
        want(0, block.end + next.length);
      }
      continue;
    }
    switch (flowOf(last)) {
      case flow.next:
        want(0, block.end);
        break;
      case flow.branch:
        if (wasExecuted(last.target!)) want(0, last.target!);
        want(0, block.end);
        break;
      case flow.jump:
        if (wasExecuted(last.target!)) want(0, last.target!);
        break;
      case flow.call:
        if (wasExecuted(block.end)) want(0, block.end);
        if (wasExecuted(last.target!)) {
          want(1, last.target!);
          calls.push({ site: offset, target: last.target! });
        }
        break;
      case flow.computedCall:
      case flow.computed:
      case flow.ret: {
        if (flowOf(last) === flow.computedCall && wasExecuted(block.end)) want(0, block.end);
        const rank = flowOf(last) === flow.computed ? 0 : flowOf(last) === flow.ret ? 2 : 1;
        for (const target of source.targetsSeen(origin + last.offset)) {
          const to = target - origin;
          if (Math.abs(to) > reachBytes || !wasExecuted(to)) continue;
          block.seen.push(to);
          want(rank, to);
          if (flowOf(last) === flow.computedCall) calls.push({ site: offset, target: to });
        }
        break;
      }
      default:
        if (wasExecuted(block.end)) {
          entries.add(block.end);
          want(0, block.end);
        }
    }
  }
  if (found.size === 0) return null;
  const blocks = split([...found.values()]);
  connect(blocks, calls, entries);
  return { origin, blocks, entries: [...entries].filter((entry) => blocks.some((b) => b.offset === entry)), pages };
}

/** Regions stay within this distance of their origin, so that all offsets are small and all pages of one mapping. */
const reachBytes = 64 << 20;

/** A block into whose middle another one jumps ends there. */
function split(blocks: readonly BasicBlock[]): BasicBlock[] {
  const starts = new Set(blocks.map((block) => block.offset));
  return blocks.map((block) => {
    const cut = block.operations.findIndex((operation, i) => i > 0 && starts.has(operation.offset));
    if (cut < 0) return block;
    return {
      ...block,
      operations: block.operations.slice(0, cut),
      end: block.operations[cut]!.offset,
      seen: [],
      truncated: false,
    };
  });
}

/** Fills in successors: direct ones, and returns to the calls inside the region. */
function connect(
  blocks: readonly BasicBlock[],
  calls: readonly { readonly site: number; readonly target: number }[],
  entries: Set<number>,
): void {
  const at = new Map(blocks.map((block) => [block.offset, block]));
  for (const block of blocks) {
    if (block.truncated) continue;
    const last = block.operations.at(-1)!;
    const kind = flowOf(last);
    const to: number[] = [];
    if (last.target !== null) to.push(last.target);
    if (kind === flow.next || kind === flow.branch) to.push(block.end);
    to.push(...block.seen);
    block.successors = to.filter((offset) => at.has(offset));
  }
  // Returns: each function's blocks, where calls go on behind the call, up to its RETs.
  const returns = new Map<number, BasicBlock[]>();
  const returnsOf = (target: number): BasicBlock[] => {
    const known = returns.get(target);
    if (known !== undefined) return known;
    const list: BasicBlock[] = [];
    returns.set(target, list);
    const seen = new Set<number>();
    const work = [target];
    while (work.length > 0) {
      const offset = work.pop()!;
      const block = at.get(offset);
      if (block === undefined || seen.has(offset)) continue;
      seen.add(offset);
      const kind = block.truncated ? flow.leaves : flowOf(block.operations.at(-1)!);
      if (kind === flow.ret) list.push(block);
      else if (kind === flow.call || kind === flow.computedCall) work.push(block.end);
      else work.push(...block.successors);
    }
    return list;
  };
  const called = new Set<number>();
  for (const { site, target } of calls) {
    const caller = at.get(site);
    if (caller === undefined || !at.has(caller.end) || !at.has(target)) continue;
    for (const block of returnsOf(target)) {
      called.add(caller.end);
      if (block.seen.includes(caller.end)) continue;
      block.seen.push(caller.end);
      block.successors.push(caller.end);
    }
  }
  // A call that leaves the region comes back from outside.
  for (const block of blocks) {
    const kind = block.truncated ? flow.leaves : flowOf(block.operations.at(-1)!);
    if ((kind === flow.call || kind === flow.computedCall) && at.has(block.end)) {
      const inside = block.successors.length > 0;
      if (!inside || !called.has(block.end)) entries.add(block.end);
    }
  }
}
