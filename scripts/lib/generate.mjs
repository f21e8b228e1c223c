// Generates what the sources are compiled with and what is not committed because it is built: the soft floating point
// (wasm/x86/soft.wasm.ts), from AssemblyScript. Does nothing when it is newer than its sources by content.
import { createHash } from "node:crypto";
import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./run.mjs";

const folder = join(root, "wasm/x86/assembly");
const target = join(root, "wasm/x86/soft.wasm.ts");

/** A digest of all the module is made from, which stands in the generated file's first line. */
function sourceKey() {
  const hash = createHash("sha256").update(readFileSync(join(root, "scripts/soft.mjs")));
  for (const name of readdirSync(folder).sort()) hash.update(name).update(readFileSync(join(folder, name)));
  return hash.digest("hex");
}

let done = null;

/** Once for each process: several configurations may ask. */
export function generate() {
  return (done ??= make());
}

async function make() {
  const line = `// ${sourceKey()}\n`;
  if (existsSync(target) && readFileSync(target, "utf8").startsWith(line)) return;
  console.error("Compiling the soft floating point…");
  const { softSource } = await import("../soft.mjs");
  writeFileSync(target, line + (await softSource()));
}
