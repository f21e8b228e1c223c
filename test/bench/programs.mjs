// Makes what the bench image has in /bench: the guest programs, static, so that the same files run natively and under
// qemu-user, and data for the loops.
import { existsSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { must, root } from "../../scripts/lib/run.mjs";
import { kernels } from "./rows.mjs";

const flags = ["-O2", "-static", "-fno-math-errno", "-fno-tree-vectorize"];

/** Lines for `sort`: words in no order, the same each time. */
function lines(count) {
  const words = [];
  let seed = 12345;
  for (let i = 0; i < count; i++) {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    words.push(`${seed.toString(36)} line ${i}\n`);
  }
  return words.join("");
}

/** Returns the folder with hash, memory, …, system, timed and lines in it. */
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
  const data = join(target, "lines");
  if (!existsSync(data)) writeFileSync(data, lines(100_000));
  return target;
}
