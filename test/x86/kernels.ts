/**
 * Speed of the interpreter alone on the seven kernels, in million guest instructions a second of processor time (not of
 * the clock, so that a busy machine matters less).
 *
 *     node test/x86/kernels.mjs [name…]
 */
import { mkdirSync } from "node:fs";
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

export function measure(names: readonly string[]): void {
  const folder = join(tmpdir(), "wherry-kernels");
  mkdirSync(folder, { recursive: true });
  const rates: number[] = [];
  for (const [name, rounds] of Object.entries(kernels)) {
    if (names.length > 0 && !names.includes(name)) continue;
    const source = new URL(`../bench/kernels/${name}.c`, import.meta.url).pathname;
    const output = join(folder, name);
    compileKernel(source, output);
    try {
      const program = new Program(output);
      const { cpu } = program.machine;
      let best = 0;
      let result = 0n;
      let count = 0;
      for (let i = 0; i < 8; i++) {
        const before = cpu.counters.instructions;
        const start = process.cpuUsage().user;
        result = program.run(rounds);
        count = cpu.counters.instructions - before;
        best = Math.max(best, count / (process.cpuUsage().user - start));
      }
      rates.push(best);
      console.log(
        `${name.padEnd(10)} ${best.toFixed(0).padStart(5)} M/s  ${(count / 1e6).toFixed(1)} M instructions, result ${result}, misses ${cpu.counters.tlbMisses}`,
      );
    } catch (error) {
      console.log(`${name.padEnd(10)} ${(error as Error).message}`);
    }
  }
  const mean = Math.exp(rates.reduce((sum, rate) => sum + Math.log(rate), 0) / rates.length);
  console.log(`geometric mean of ${rates.length}: ${mean.toFixed(0)} M/s`);
}
