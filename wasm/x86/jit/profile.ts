/**
 * What the trace (layout.ts) tells of the guest: how often each place was jumped to, and which way each branch went.
 * Between two places of the trace the code itself says what was executed.
 */
import { limits } from "../../../src/base/limits.ts";
import { trace } from "../layout.ts";
import { state } from "../state.ts";
import { flow, flowOf, readOperation, type CodeSource } from "./code.ts";

/** The end of a straight run of operations. */
interface Run {
  /** Address of the last operation, and behind it. */
  readonly last: number;
  /** Address of the operation before that; of the last one if there is no other. */
  readonly lastButOne: number;
  readonly end: number;
  readonly kind: number;
  /** Operations. */
  readonly count: number;
  /** Of a direct branch; 0: none. */
  readonly target: number;
}

const runsMax = 65536;
/** Operations of one run: longer ones are cut. */
const runLengthMax = 256;
/** Runs between two places of the trace: more means that the code is not what was executed. */
const runsBetweenMax = 64;

/** A place, and the instructions from there to the end of its block. */
export type Visited = (address: number, instructions: number) => void;

export class Profile {
  readonly #source: CodeSource;
  readonly #runs = new Map<number, Run | null>();
  /** By address of a run's first operation. */
  readonly #counts = new Map<number, number>();
  /** By address of a branch, then by where it went. */
  readonly #edges = new Map<number, Map<number, number>>();
  #visited: Visited = () => undefined;

  constructor(source: CodeSource) {
    this.#source = source;
  }

  count(address: number): number {
    return this.#counts.get(address) ?? 0;
  }

  /** From a place to the end of its block. */
  instructions(address: number): number {
    return this.#run(address)?.count ?? 0;
  }

  /** Where the branch at an address went, most often first. */
  targets(address: number): readonly (readonly [target: number, count: number])[] {
    const edges = this.#edges.get(address);
    return edges === undefined ? [] : [...edges].toSorted((a, b) => b[1] - a[1]);
  }

  weight(from: number, to: number): number {
    return this.#edges.get(from)?.get(to) ?? 0;
  }

  /** Places seen, the most frequent first. */
  hottest(isWanted: (address: number) => boolean = () => true): number[] {
    const places = [...this.#counts].filter(([address]) => isWanted(address));
    return places.toSorted((a, b) => b[1] - a[1]).map(([address]) => address);
  }

  /** Code has changed. What is known of jumps may be wrong then, which does no harm: it is only a guide. */
  forgetCode(): void {
    this.#runs.clear();
  }

  /** Halves everything: what is seen from now on weighs more than what was. */
  age(): void {
    for (const [address, count] of this.#counts) {
      if (count > 1) this.#counts.set(address, count / 2);
      else this.#counts.delete(address);
    }
    for (const [from, edges] of this.#edges) {
      for (const [to, count] of edges) {
        if (count > 1) edges.set(to, count / 2);
        else edges.delete(to);
      }
      if (edges.size === 0) this.#edges.delete(from);
    }
  }

  /** By place: the place from which control came to it most often. */
  predecessors(): Map<number, number> {
    const heaviest = new Map<number, { readonly place: number; readonly count: number }>();
    for (const place of this.#counts.keys()) {
      const run = this.#run(place);
      if (run === null) continue;
      for (const [to, count] of this.#edges.get(run.last) ?? [])
        if (count > (heaviest.get(to)?.count ?? 0)) heaviest.set(to, { place, count });
    }
    return new Map([...heaviest].map(([to, { place }]) => [to, place]));
  }

  /** All that is known: from where to where, how often. */
  *edges(): Generator<readonly [from: number, to: number, count: number]> {
    for (const [from, edges] of this.#edges) for (const [to, count] of edges) yield [from, to, count];
  }

  /**
   * Takes in what was traced since a place in the ring, and tells of each place that was visited, in order.
   */
  read(view: DataView, since: number, visited: Visited): void {
    if (this.#edges.size > limits.hotCandidatesMax) {
      this.#counts.clear();
      this.#edges.clear();
    }
    if (this.#runs.size > runsMax) this.#runs.clear();
    this.#visited = visited;
    const end = view.getUint32(state.traceNext, true);
    const size = trace.entries * 8;
    let at = since;
    let previous = 0;
    for (; at !== end; at = (at + 8) % size) {
      const high = view.getUint32(trace.base + at + 4, true);
      const low = view.getUint32(trace.base + at, true);
      if (high >= 0x40000000) previous = this.#direct(previous, (high - 0x40000000) * 2 ** 32 + low);
      else {
        const address = high * 2 ** 32 + low;
        if (previous !== 0) this.#computed(previous, address);
        this.#visit(address);
        previous = address;
      }
    }
  }

  #visit(address: number): void {
    this.#visited(address, this.#run(address)?.count ?? 1);
    this.#counts.set(address, (this.#counts.get(address) ?? 0) + 1);
  }

  #edge(from: number, to: number): void {
    let edges = this.#edges.get(from);
    if (edges === undefined) this.#edges.set(from, (edges = new Map()));
    if (edges.size < limits.regionTargetsMax || edges.has(to)) edges.set(to, (edges.get(to) ?? 0) + 1);
  }

  /** From a place (0: unknown) straight on to a direct jump that was taken. Where it leads, or 0. */
  #direct(from: number, jump: number): number {
    let run = from === 0 ? null : this.#along(from, ({ last, lastButOne }) => last === jump || lastButOne === jump);
    run ??= this.#run(jump);
    if (run === null || run.target === 0) return 0;
    this.#edge(run.last, run.target);
    this.#visit(run.target);
    return run.target;
  }

  /** From a place straight on to the computed jump that led to another. */
  #computed(from: number, to: number): void {
    const { computed, computedCall, ret } = flow;
    const run = this.#along(from, ({ kind }) => kind === computed || kind === computedCall || kind === ret);
    if (run !== null) this.#edge(run.last, to);
  }

  /** Follows branches that are not taken until a run ends as wanted. */
  #along(from: number, wanted: (run: Run) => boolean): Run | null {
    let at = from;
    for (let i = 0; i < runsBetweenMax; i++) {
      const run = this.#run(at);
      if (run === null || wanted(run)) return run;
      if (run.kind !== flow.branch && run.kind !== flow.next) return null;
      this.#edge(run.last, run.end);
      at = run.end;
      this.#visit(at);
    }
    return null;
  }

  #run(address: number): Run | null {
    const known = this.#runs.get(address);
    if (known !== undefined) return known;
    let run = null as Run | null;
    let at = address;
    for (let i = 0; i < runLengthMax; i++) {
      const operation = readOperation(this.#source, at, 0);
      if (operation === null) break;
      const end = at + operation.length;
      const kind = flowOf(operation);
      run = { last: at, lastButOne: run?.last ?? at, end, kind, count: i + 1, target: operation.target ?? 0 };
      if (kind !== flow.next) break;
      at = end;
    }
    this.#runs.set(address, run);
    return run;
  }
}
