// Compiles the bench's guest programs, static, into a folder: the same files run natively and in the guest.
import { existsSync, mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { must, root } from "../../scripts/lib/run.mjs";

/** The seven kernels, each with rounds that take about 20 ms natively. */
export const kernels = [
  { name: "hash", rounds: 250 },
  { name: "memory", rounds: 5 },
  { name: "switch", rounds: 7000 },
  { name: "fib", rounds: 80 },
  { name: "nbody", rounds: 400 },
  { name: "spectral", rounds: 400 },
  { name: "vector", rounds: 20000 },
];

const flags = ["-O2", "-static", "-fno-math-errno", "-fno-tree-vectorize"];

/** Returns the folder with hash, memory, …, system and timed in it. */
export function compilePrograms() {
  const source = join(root, "test/bench");
  const target = join(root, ".cache/bench");
  mkdirSync(target, { recursive: true });
  const compile = (name, files) => {
    const output = join(target, name);
    const newest = Math.max(...files.map((file) => statSync(file).mtimeMs));
    if (!existsSync(output) || statSync(output).mtimeMs < newest) must("gcc", [...flags, "-o", output, ...files]);
  };
  for (const { name } of kernels) compile(name, [join(source, `kernels/${name}.c`), join(source, "kernels/main.c")]);
  compile("system", [join(source, "system.c")]);
  compile("timed", [join(source, "timed.c")]);
  return target;
}
