/**
 * Chooses what is compiled together: from a hot address, the basic blocks that control has most often gone on to, through
 * jumps, calls and returns, until the region is large enough. Everything is relative to the region's origin, the page of
 * the hot address: regions are position-independent.
 */
import { limits } from "../../../src/base/limits.ts";
import { flow, flowOf, isInterpreted, pageOf, readOperation, type CodeSource } from "./code.ts";
import type { Operation } from "./operation.ts";

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
  readonly entries: Set<number>;
  /** Frame by page offset from the origin (bytes, a multiple of 4096). */
  readonly pages: ReadonlyMap<number, number>;
}

/** What decides where a region grows. */
export interface Guide {
  /** Most basic blocks of the region, and instructions that are not covered. */
  readonly blocksMax: number;
  readonly instructionsMax: number;
  /** Most instructions that are covered, besides. */
  readonly repeatedMax: number;
  /** Whether another region has the block at an address already: only little of that is compiled once more. */
  covered(address: number): boolean;
  /** How often control went from the branch at one address to another; 0 keeps it out of the region. */
  weight(from: number, to: number): number;
  /** Targets seen of the computed jump or return at an address, most frequent first. */
  targets(from: number): readonly (readonly [target: number, count: number])[];
}

interface Candidate {
  readonly offset: number;
  weight: number;
}

export function discover(source: CodeSource, guide: Guide, start: number): Region | null {
  const origin = pageOf(start);
  const found = new Map<number, BasicBlock>();
  const pages = new Map<number, number>();
  const entries = new Set<number>([start - origin]);
  const calls: { readonly site: number; readonly target: number }[] = [];
  const returnSites = new Set<number>();
  const candidates = new Map<number, Candidate>();
  let instructions = 0;

  const paged: CodeSource = {
    level: source.level,
    bytes: () => source.bytes(),
    frameOf: (page) => {
      const known = pages.get(page - origin);
      if (known !== undefined) return known;
      if (pages.size >= limits.regionPagesMax) return 0;
      const frame = source.frameOf(page);
      if (frame !== 0) pages.set(page - origin, frame);
      return frame;
    },
  };
  const want = (offset: number, weight: number): void => {
    if (weight <= 0 || found.has(offset)) return;
    const known = candidates.get(offset);
    if (known === undefined) candidates.set(offset, { offset, weight });
    else known.weight += weight;
  };
  const decodeBlock = (offset: number): BasicBlock | null => {
    const operations: Operation[] = [];
    let at = offset;
    let truncated = false;
    for (;;) {
      if (at !== offset && found.has(at)) break;
      const operation = readOperation(paged, origin + at, origin);
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

  let heaviest = 0;
  let repeated = 0;
  candidates.set(start - origin, { offset: start - origin, weight: Number.MAX_SAFE_INTEGER });
  while (candidates.size > 0 && found.size < guide.blocksMax && instructions - repeated < guide.instructionsMax) {
    // One of the most frequent, and among those the one found last: a function is finished before the next is begun.
    let most = 0;
    for (const candidate of candidates.values()) most = Math.max(most, candidate.weight);
    let best: Candidate | undefined;
    for (const candidate of candidates.values()) if (candidate.weight * 2 >= most) best = candidate;
    candidates.delete(best!.offset);
    const { offset, weight } = best!;
    if (found.size > 0) {
      heaviest = Math.max(heaviest, weight);
      // What is that much colder than the rest would only make the rest slower.
      if (weight * coldest < heaviest) break;
    }
    const block = decodeBlock(offset);
    if (block === null) continue;
    if (found.size > 0 && guide.covered(origin + offset)) {
      if (repeated + block.operations.length > guide.repeatedMax) continue;
      repeated += block.operations.length;
    }
    found.set(offset, block);
    instructions += block.operations.length;
    const last = block.operations.at(-1)!;
    const from = origin + last.offset;
    if (block.truncated) {
      // What the interpreter does in between comes back behind it.
      const next = readOperation(source, origin + block.end, origin);
      if (next !== null) {
        entries.add(block.end + next.length);
        want(block.end + next.length, Math.min(weight, heaviest || 1));
      }
      continue;
    }
    switch (flowOf(last)) {
      case flow.next:
        want(block.end, Math.min(weight, heaviest || 1));
        break;
      case flow.branch:
        want(last.target!, guide.weight(from, origin + last.target!));
        want(block.end, guide.weight(from, origin + block.end));
        break;
      case flow.jump:
        want(last.target!, guide.weight(from, origin + last.target!));
        break;
      case flow.call:
      case flow.computedCall: {
        let total = 0;
        const targets =
          last.target === null
            ? guide.targets(from)
            : [[origin + last.target, guide.weight(from, origin + last.target)] as const];
        const shared: (readonly [target: number, count: number])[] = [];
        for (const [target, count] of targets) {
          total += count;
          if (last.target === null) block.seen.push(target - origin);
          calls.push({ site: offset, target: target - origin });
          if (guide.covered(target)) shared.push([target - origin, count]);
          else want(target - origin, count);
        }
        returnSites.add(block.end);
        want(block.end, total);
        // What many call is short, most often: it comes first, while there is room.
        for (const [target, count] of shared) want(target, count);
        break;
      }
      case flow.computed:
        for (const [target, count] of guide.targets(from)) {
          block.seen.push(target - origin);
          want(target - origin, count);
        }
        break;
      case flow.ret: {
        // Back to the calls of the region; out of it only where it nearly always goes.
        const targets = guide.targets(from);
        const all = targets.reduce((sum, [, count]) => sum + count, 0);
        for (const [target, count] of targets) {
          if (!returnSites.has(target - origin) && count * 2 < all) continue;
          block.seen.push(target - origin);
          want(target - origin, count);
        }
        break;
      }
      default:
        entries.add(block.end);
        want(block.end, Math.min(weight, heaviest || 1));
    }
  }
  if (found.size === 0) return null;
  // Compiled once more without need, but for a little of its own.
  if (repeated > instructions - repeated && guide.repeatedMax > 0)
    return discover(source, { ...guide, repeatedMax: 0 }, start);
  let blocks = split([...found.values()]);
  connect(blocks, calls, entries);
  if (repeated > 0) {
    const kept = leadingBack(blocks, (block) => !guide.covered(origin + block.offset));
    if (kept.length < blocks.length) connect((blocks = kept), calls, entries);
  }
  const starts = new Set(blocks.map((block) => block.offset));
  return { origin, blocks, entries: new Set([...entries].filter((entry) => starts.has(entry))), pages };
}

/** Blocks run so many times less often than the hottest edge stay out. */
const coldest = 200;

/** Compiled once more is only what control comes back from: that another region has what comes next is no loss. */
function leadingBack(blocks: readonly BasicBlock[], isOwn: (block: BasicBlock) => boolean): BasicBlock[] {
  const before = new Map<number, number[]>();
  for (const { offset, successors } of blocks)
    for (const to of successors) {
      const known = before.get(to);
      if (known === undefined) before.set(to, [offset]);
      else known.push(offset);
    }
  const kept = new Set(blocks.filter((block, i) => i === 0 || isOwn(block)).map(({ offset }) => offset));
  for (const offset of kept) for (const from of before.get(offset) ?? []) kept.add(from);
  return blocks.filter(({ offset }) => kept.has(offset));
}

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
      if (block.successors.includes(caller.end)) continue;
      block.seen.push(caller.end);
      block.successors.push(caller.end);
    }
  }
  // A call that leaves the region comes back from outside.
  for (const block of blocks) {
    const kind = block.truncated ? flow.leaves : flowOf(block.operations.at(-1)!);
    if ((kind === flow.call || kind === flow.computedCall) && at.has(block.end) && !called.has(block.end))
      entries.add(block.end);
  }
}
