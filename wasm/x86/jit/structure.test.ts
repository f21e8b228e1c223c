/** Random graphs: the emitted WebAssembly takes the same paths as walking the graph. WHERRY_SEED chooses others. */
import { describe, expect, test } from "vitest";
import { ModuleBuilder } from "../../encode/module.ts";
import { i32 } from "../../encode/numeric.ts";
import { Dice } from "../../../test/differential/operands.ts";
import { Structure, type Graph } from "./structure.ts";

/** Where the function reads which successor to take at each step, and writes the nodes it comes through: a byte each. */
const [choicesAt, traceAt, stepsMax] = [0, 1024, 200] as const;

interface Compiled {
  readonly structure: Structure;
  /** (label) → steps made. */
  readonly run: (label: number) => number;
  readonly memory: Uint8Array;
}

function compile(graph: Graph): Compiled {
  const structure = new Structure(graph);
  const m = new ModuleBuilder();
  m.importMemory("t", "memory", 1);
  const f = m.function("run", ["i32"], ["i32"]);
  const label = f.param(0);
  const step = f.local("i32");
  const done = f.open();
  structure.emit(f, label, (node, go) => {
    f.emit(i32.store8(step, i32.const(node), traceAt));
    f.set(step, i32.add(step, i32.const(1)));
    f.brIf(done, i32.geU(step, i32.const(stepsMax)));
    const choice = f.local("i32");
    f.set(choice, i32.load8U(step, choicesAt));
    const successors = graph.successors[node]!;
    successors.forEach((to, i) =>
      f.if(i32.eq(i32.remU(choice, i32.const(successors.length)), i32.const(i)), () => go(to)),
    );
    f.br(done);
  });
  f.end();
  f.result(step);
  m.export(f);
  const memory = new WebAssembly.Memory({ initial: 1 });
  const instance = new WebAssembly.Instance(new WebAssembly.Module(m.bytes()), { t: { memory } });
  return {
    structure,
    run: instance.exports["run"] as (label: number) => number,
    memory: new Uint8Array(memory.buffer),
  };
}

function walk(graph: Graph, entry: number, choices: Uint8Array): number[] {
  const path: number[] = [];
  for (let node = entry; path.length < stepsMax;) {
    path.push(node);
    const successors = graph.successors[node]!;
    if (path.length >= stepsMax || successors.length === 0) break;
    node = successors[choices[path.length]! % successors.length]!;
  }
  return path;
}

function randomGraph(random: Dice, nodes: number): Graph {
  const successors: number[][] = [[]];
  // Mostly near places, as code has; some runs with edges everywhere, which are irreducible as a rule.
  const near = random.chance(2);
  for (let node = 1; node <= nodes; node++) {
    const count = random.pick([0, 1, 1, 2, 2, 2, 3, random.below(6)]);
    successors.push(
      Array.from({ length: count }, () => {
        if (!near || random.chance(8)) return 1 + random.below(nodes);
        return Math.min(nodes, Math.max(1, node + random.below(7) - 2));
      }),
    );
  }
  const entries = [1];
  while (random.chance(2)) entries.push(1 + random.below(nodes));
  return { successors, entries };
}

function check(graph: Graph, random: Dice): void {
  const { structure, run, memory } = compile(graph);
  const reached = new Set<number>();
  for (let round = 0; round < 6; round++)
    for (const entry of new Set(graph.entries)) {
      const choices = memory.subarray(choicesAt, choicesAt + stepsMax + 1);
      for (let i = 0; i < choices.length; i++) choices[i] = random.below(60);
      const expected = walk(graph, entry, choices);
      for (const node of expected) reached.add(node);
      const steps = run(structure.entries.indexOf(entry));
      expect([...memory.subarray(traceAt, traceAt + steps)], JSON.stringify(graph)).toEqual(expected);
    }
  for (const node of reached) expect(structure.isReachable(node)).toBe(true);
  checkAnalysis(graph, structure);
}

/** Nodes that can be reached from the given ones without coming through `without`. */
function reachable(graph: Graph, from: readonly number[], without = -1): Set<number> {
  const seen = new Set<number>();
  const work = from.filter((node) => node !== without);
  while (work.length > 0) {
    const node = work.pop()!;
    if (seen.has(node)) continue;
    seen.add(node);
    for (const to of graph.successors[node]!) if (to !== without) work.push(to);
  }
  return seen;
}

function checkAnalysis(graph: Graph, structure: Structure): void {
  const order = structure.order();
  const all = reachable(graph, graph.entries);
  expect([...order].toSorted((a, b) => a - b)).toEqual([...all].toSorted((a, b) => a - b));
  const place = new Map(order.map((node, i) => [node, i]));
  const { entries } = structure;
  for (const node of order) {
    for (const to of graph.successors[node]!)
      // What is no step back leads forward: so every cycle has a place where the budget is checked.
      if (!structure.goesBack(node, to)) expect(place.get(to)!).toBeGreaterThan(place.get(node)!);
    const dominator = structure.dominator(node);
    if (dominator === 0) continue;
    expect(place.get(dominator)!).toBeLessThan(place.get(node)!);
    // Every way from outside comes through it. (Entries are more than the graph's: also what the dispatcher leads to.)
    expect(entries.includes(node)).toBe(false);
    expect(reachable(graph, entries, dominator).has(node), `${dominator} dominates ${node}`).toBe(false);
  }
}

describe("structured control flow takes the graph's paths", () => {
  test.each([
    ["a straight line", { successors: [[], [2], [3], []], entries: [1] }],
    ["a diamond", { successors: [[], [2, 3], [4], [4], []], entries: [1] }],
    ["a loop of itself", { successors: [[], [1, 2], []], entries: [1] }],
    ["nested loops", { successors: [[], [2], [3], [3, 4], [2, 5], [1, 6], []], entries: [1] }],
    ["a loop with two entries", { successors: [[], [2, 3], [3], [2, 4], []], entries: [1] }],
    ["both branches to one place", { successors: [[], [2, 2], [1]], entries: [1] }],
    ["entries into the middle of a loop", { successors: [[], [2], [3], [1, 4], []], entries: [1, 2, 3] }],
    ["a merge that is a loop", { successors: [[], [2, 3], [4], [4], [4, 1, 5], []], entries: [1] }],
    ["entries that lead to one another", { successors: [[], [2], [1]], entries: [2, 1] }],
  ] satisfies [string, Graph][])("%s", (_, graph) => check(graph, new Dice(1)));

  const seed = Number(process.env["WHERRY_SEED"] ?? 20_241);
  test(`random graphs, seed ${seed}`, () => {
    const random = new Dice(seed);
    for (let i = 0; i < 300; i++) check(randomGraph(random, 1 + random.below(i < 250 ? 12 : 60)), random);
  });
});
