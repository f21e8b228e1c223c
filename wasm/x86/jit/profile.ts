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
  readonly end: number;
  readonly kind: number;
  /** Of a direct branch; 0: none. */
  readonly target: number;
}

const runsMax = 65536;
/** Operations of one run: longer ones are cut. */
const runLengthMax = 256;
/** Runs between two places of the trace: more means that the code is not what was executed. */
const runsBetweenMax = 64;

export class Profile {
  readonly #source: CodeSource;
  readonly #runs = new Map<number, Run | null>();
  /** By address of a run's first operation. */
  readonly #counts = new Map<number, number>();
  /** By address of a branch, then by where it went. */
  readonly #edges = new Map<number, Map<number, number>>();
  #read = 0;
  #space = 0;

  constructor(source: CodeSource) {
    this.#source = source;
  }

  count(address: number): number {
    return this.#counts.get(address) ?? 0;
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
  hottest(): number[] {
    return [...this.#counts].toSorted((a, b) => b[1] - a[1]).map(([address]) => address);
  }

  /** Code has changed. What is known of jumps may be wrong then, which does no harm: it is only a guide. */
  forgetCode(): void {
    this.#runs.clear();
  }

  /** A new profile begins here. */
  start(view: DataView): void {
    this.#clear();
    this.#read = view.getUint32(state.traceNext, true);
  }

  #clear(): void {
    this.#runs.clear();
    this.#counts.clear();
    this.#edges.clear();
  }

  /** Takes in what was traced since the last time, at most the whole ring. */
  read(view: DataView): void {
    const space = view.getUint32(state.spaceTag, true);
    // The same addresses mean something else in another address space.
    if (space !== this.#space || this.#edges.size > limits.hotCandidatesMax) this.#clear();
    this.#space = space;
    if (this.#runs.size > runsMax) this.#runs.clear();
    const end = view.getUint32(state.traceNext, true);
    const size = trace.entries * 8;
    let at = this.#read;
    this.#read = end;
    let previous = 0;
    let left = 0;
    for (; at !== end; at = (at + 8) % size) {
      const high = view.getUint32(trace.base + at + 4, true);
      const low = view.getUint32(trace.base + at, true);
      if (high >= 0x80000000) {
        previous = 0;
        left = (high - 0x80000000) * 2 ** 32 + low;
        continue;
      }
      const address = high * 2 ** 32 + low;
      if (left !== 0) this.#edge(left, address);
      left = 0;
      if (previous !== 0) this.#walk(previous, address);
      else this.#visit(address);
      previous = address;
    }
  }

  #visit(address: number): void {
    this.#counts.set(address, (this.#counts.get(address) ?? 0) + 1);
  }

  #edge(from: number, to: number): void {
    let edges = this.#edges.get(from);
    if (edges === undefined) this.#edges.set(from, (edges = new Map()));
    if (edges.size < limits.regionTargetsMax || edges.has(to)) edges.set(to, (edges.get(to) ?? 0) + 1);
  }

  /** From one place of the trace straight on until the jump to the next one. */
  #walk(from: number, to: number): void {
    let at = from;
    for (let i = 0; i < runsBetweenMax; i++) {
      const run = this.#run(at);
      if (run === null) break;
      const computed = run.kind === flow.computed || run.kind === flow.computedCall || run.kind === flow.ret;
      if (computed || run.target === to) {
        this.#edge(run.last, to);
        break;
      }
      if (run.kind !== flow.branch && run.kind !== flow.next) break;
      this.#edge(run.last, run.end);
      at = run.end;
      if (at === to && run.kind === flow.next) break;
      this.#visit(at);
    }
    this.#visit(to);
  }

  #run(address: number): Run | null {
    const known = this.#runs.get(address);
    if (known !== undefined) return known;
    let run: Run | null = null;
    let at = address;
    for (let i = 0; i < runLengthMax; i++) {
      const operation = readOperation(this.#source, at, 0);
      if (operation === null) break;
      const end = at + operation.length;
      const kind = flowOf(operation);
      run = { last: at, end, kind, target: operation.target ?? 0 };
      if (kind !== flow.next) break;
      at = end;
    }
    this.#runs.set(address, run);
    return run;
  }
}
