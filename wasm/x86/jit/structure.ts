/**
 * Turns a control-flow graph into WebAssembly's structured control flow: loops and nested blocks laid out along the
 * dominator tree (Ramsey, "Beyond Relooper", 2022). Node 0 is the dispatcher: a loop around everything whose `br_table`
 * leads to the entries. An edge that would make a loop with two entries goes by way of the dispatcher, which makes every
 * graph reducible.
 *
 *     loop $dispatch
 *       block … br_table $label → entries … end
 *       …nodes; each ends by `go(from, to)`…
 *     end
 */
import { type FunctionBuilder, type Label, type Local } from "../../encode/module.ts";
import { i32 } from "../../encode/numeric.ts";

export interface Graph {
  /** Successors by node, node 0 (the dispatcher) left out; the same one twice where two branches go to it. */
  readonly successors: readonly (readonly number[])[];
  /** Nodes that can be entered from outside. */
  readonly entries: readonly number[];
}

export class Structure {
  readonly #successors: readonly (readonly number[])[];
  /** Nodes the dispatcher leads to, by label. */
  readonly entries: number[];
  readonly #count: number;
  readonly #viaDispatch = new Set<number>();
  /** Position in reverse postorder; -1: unreachable. */
  #order: Int32Array;
  #dominator: Int32Array;
  #isLoop: Uint8Array;
  #isMerge: Uint8Array;
  #children: number[][] = [];

  constructor(graph: Graph) {
    this.#successors = graph.successors;
    this.#count = graph.successors.length;
    this.entries = [...new Set(graph.entries)];
    this.#order = new Int32Array(this.#count);
    this.#dominator = new Int32Array(this.#count);
    this.#isLoop = new Uint8Array(this.#count);
    this.#isMerge = new Uint8Array(this.#count);
    while (this.#analyse()) {
      // Again, with one more edge by way of the dispatcher.
    }
  }

  isReachable(node: number): boolean {
    return this.#order[node]! >= 0;
  }

  /** Nodes that can be reached, dominators before what they dominate; without the dispatcher. */
  order(): number[] {
    const nodes: number[] = [];
    for (let node = 1; node < this.#count; node++) if (this.#order[node]! >= 0) nodes.push(node);
    return nodes.toSorted((a, b) => this.#order[a]! - this.#order[b]!);
  }

  /** The node that dominates another one immediately; 0 is the dispatcher. */
  dominator(node: number): number {
    return this.#dominator[node]!;
  }

  isLoop(node: number): boolean {
    return this.#isLoop[node] === 1;
  }

  /** Whether the dispatcher's own loop is turned from inside: there are loops with several entries. */
  get loopsByDispatch(): boolean {
    return this.#viaDispatch.size > 0;
  }

  /** Whether an edge goes back to a loop or to the dispatcher: where a budget is checked. */
  goesBack(from: number, to: number): boolean {
    return this.#viaDispatch.has(from * this.#count + to) || this.#order[to]! <= this.#order[from]!;
  }

  #edges(node: number): readonly number[] {
    if (node === 0) return this.entries;
    return this.#successors[node]!.filter((to) => !this.#viaDispatch.has(node * this.#count + to));
  }

  /** Order, dominators, loops; true if an irreducible edge was found and redirected. */
  #analyse(): boolean {
    const count = this.#count;
    const edges = Array.from({ length: count }, (_, node) => this.#edges(node));
    const postorder: number[] = [];
    const state = new Uint8Array(count);
    const stack: { node: number; next: number }[] = [{ node: 0, next: 0 }];
    state[0] = 1;
    while (stack.length > 0) {
      const top = stack.at(-1)!;
      const to = edges[top.node]![top.next++];
      if (to === undefined) {
        postorder.push(top.node);
        stack.pop();
      } else if (state[to] === 0) {
        state[to] = 1;
        stack.push({ node: to, next: 0 });
      }
    }
    const reverse = postorder.toReversed();
    this.#order = new Int32Array(count).fill(-1);
    reverse.forEach((node, i) => (this.#order[node] = i));
    const order = this.#order;
    const predecessors: number[][] = Array.from({ length: count }, () => []);
    for (const node of reverse) for (const to of edges[node]!) predecessors[to]!.push(node);

    // Cooper, Harvey, Kennedy: A Simple, Fast Dominance Algorithm.
    const dominator = new Int32Array(count).fill(-1);
    dominator[0] = 0;
    for (let changed = true; changed;) {
      changed = false;
      for (const node of reverse) {
        if (node === 0) continue;
        let best = -1;
        for (const from of predecessors[node]!) {
          if (dominator[from] === -1) continue;
          if (best === -1) {
            best = from;
            continue;
          }
          let [a, b] = [from, best];
          while (a !== b) {
            while (order[a]! > order[b]!) a = dominator[a]!;
            while (order[b]! > order[a]!) b = dominator[b]!;
          }
          best = a;
        }
        if (dominator[node] !== best) {
          dominator[node] = best;
          changed = true;
        }
      }
    }
    this.#dominator = dominator;
    const dominates = (a: number, b: number): boolean => {
      let node = b;
      while (order[node]! > order[a]!) node = dominator[node]!;
      return node === a;
    };
    this.#isLoop = new Uint8Array(count);
    this.#isMerge = new Uint8Array(count);
    this.#isLoop[0] = 1;
    const entries = new Set(this.entries);
    let redirected = false;
    for (const node of reverse) {
      let forward = 0;
      for (const from of predecessors[node]!) {
        if (order[from]! < order[node]!) forward++;
        else if (dominates(node, from)) this.#isLoop[node] = 1;
        else {
          this.#viaDispatch.add(from * count + node);
          entries.add(node);
          redirected = true;
        }
      }
      if (forward > 1) this.#isMerge[node] = 1;
    }
    if (redirected) {
      this.entries.splice(0, this.entries.length, ...entries);
      return true;
    }
    for (const entry of this.entries) this.#isMerge[entry] = 1;
    this.#children = Array.from({ length: count }, () => []);
    for (const node of reverse) if (node !== 0) this.#children[dominator[node]!]!.push(node);
    return false;
  }

  /**
   * Emits everything. `body(node)` emits a node's code, which must end with `go` on every path. `label` is the local the
   * dispatcher reads; `enter` is emitted before it, at each turn.
   */
  emit(f: FunctionBuilder, label: Local, body: (node: number, go: (to: number) => void) => void): void {
    const loops: (Label | undefined)[] = [];
    const blocks: (Label | undefined)[] = [];
    const go = (from: number, to: number): void => {
      if (this.#viaDispatch.has(from * this.#count + to)) {
        f.set(label, i32.const(this.entries.indexOf(to)));
        f.br(loops[0]!);
      } else if (this.#order[to]! <= this.#order[from]!) f.br(loops[to]!);
      else if (this.#isMerge[to] === 1) f.br(blocks[to]!);
      else tree(to);
    };
    const tree = (node: number): void => {
      const merges = this.#children[node]!.filter((child) => this.#isMerge[child] === 1);
      if (this.#isLoop[node] === 1) {
        f.loop((loop) => {
          loops[node] = loop;
          within(node, merges);
        });
        f.unreachable();
      } else within(node, merges);
    };
    const within = (node: number, merges: readonly number[]): void => {
      // The last in order stands outermost, so that earlier ones can branch to it.
      const [first, ...rest] = merges.toReversed();
      if (first === undefined) {
        if (node === 0) {
          f.brTable(
            label,
            this.entries.map((entry) => blocks[entry]!),
            blocks[this.entries[0]!]!,
          );
        } else body(node, (to) => go(node, to));
        return;
      }
      f.block((end) => {
        blocks[first] = end;
        within(node, rest.toReversed());
      });
      tree(first);
    };
    tree(0);
  }
}
