/**
 * Speed of the interpreter alone on the seven kernels, in million guest instructions a second: of time passed, of this
 * thread's processor time (which other work on the machine disturbs less), and of native processor time.
 *
 *     node test/x86/kernels.mjs [name…]
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { tmpdir } from "node:os";
import { compileKernel, Program } from "./process.ts";

const kernels: Record<string, number> = {
  hash: 250,
  memory: 5,
  switch: 7000,
  fib: 80,
  nbody: 400,
  spectral: 400,
  vector: 20000,
};

/** Processor time of this thread in ms (proc(5): /proc/pid/schedstat). */
function threadTime(): number {
  return Number(readFileSync("/proc/thread-self/schedstat", "utf8").split(" ")[0]) / 1e6;
}

/** Processor time in ms of one native run of the same work. */
function nativeTime(source: string, output: string, rounds: number): number {
  const main = new URL("../bench/kernels/main.c", import.meta.url).pathname;
  const flags = ["-O2", "-static", "-fno-math-errno", "-fno-tree-vectorize"];
  execFileSync("gcc", [...flags, "-o", `${output}-native`, source, main]);
  const times = [1, 2, 3].map(() => {
    const script = 'TIMEFORMAT=%U; time "$0" "$1" 20 >/dev/null';
    const text = execFileSync("bash", ["-c", `{ ${script}; } 2>&1`, `${output}-native`, String(rounds)]);
    return (Number(text) * 1000) / 20;
  });
  return Math.min(...times);
}

function geometricMean(values: readonly number[]): number {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
}

export function measure(names: readonly string[]): void {
  const folder = join(tmpdir(), "wherry-kernels");
  mkdirSync(folder, { recursive: true });
  const rates: number[] = [];
  const threadRates: number[] = [];
  const nativeRates: number[] = [];
  for (const [name, rounds] of Object.entries(kernels)) {
    if (names.length > 0 && !names.includes(name)) continue;
    const source = new URL(`../bench/kernels/${name}.c`, import.meta.url).pathname;
    const output = join(folder, name);
    compileKernel(source, output);
    try {
      const program = new Program(output);
      const { cpu } = program.machine;
      let [best, bestThread] = [0, 0];
      let result = 0n;
      let count = 0;
      for (let i = 0; i < 8; i++) {
        const before = cpu.counters.instructions;
        const start = performance.now();
        const startThread = threadTime();
        result = program.run(rounds);
        count = cpu.counters.instructions - before;
        best = Math.max(best, count / (performance.now() - start) / 1000);
        bestThread = Math.max(bestThread, count / (threadTime() - startThread) / 1000);
      }
      const native = count / nativeTime(source, output, rounds) / 1000;
      rates.push(best);
      threadRates.push(bestThread);
      nativeRates.push(native);
      const cell = (rate: number): string => rate.toFixed(0).padStart(6);
      console.log(
        `${name.padEnd(10)}${cell(best)} M/s, thread${cell(bestThread)}, native${cell(native)} (${(native / bestThread).toFixed(1)} times)  ${(count / 1e6).toFixed(1)} M instructions, result ${result}, misses ${cpu.counters.tlbMisses}, ${cpu.counters.regions} regions, ${cpu.counters.compiledInstructions} instructions, ${cpu.counters.compileMs.toFixed(0)} ms`,
      );
    } catch (error) {
      console.log(`${name.padEnd(10)} ${(error as Error).message}`);
    }
  }
  const means = [rates, threadRates, nativeRates].map((list) => geometricMean(list).toFixed(0));
  console.log(`geometric mean of ${rates.length}: ${means[0]} M/s, thread ${means[1]}, native ${means[2]}`);
}
