// Generates what the sources are compiled with and what is not committed because it is built: the soft floating point
// (wasm/x86/soft.wasm.ts), from AssemblyScript, and the programs of rehearsals, from C. Does nothing where it is made of
// what is there, by content.
import { createHash } from "node:crypto";
import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { hasCompiler, rehearsals, rehearsalSource } from "../rehearsal.mjs";
import { root } from "./run.mjs";

const assembly = "wasm/x86/assembly";
const compiler = hasCompiler();

/** Files made, what each is made from, how. */
const generated = [
  {
    target: "wasm/x86/soft.wasm.ts",
    sources: [
      "scripts/soft.mjs",
      ...readdirSync(join(root, assembly))
        .toSorted()
        .map((name) => `${assembly}/${name}`),
    ],
    what: "the soft floating point",
    async make() {
      const { softSource } = await import("../soft.mjs");
      return softSource();
    },
  },
  ...rehearsals.map((rehearsal) => ({
    target: `${rehearsal.folder}/program.ts`,
    sources: ["scripts/rehearsal.mjs", `${rehearsal.folder}/program.c`],
    what: `a program for rehearsals${compiler ? "" : " (there is no gcc: left out, and first programs start slower)"}`,
    variant: compiler ? "" : "without a compiler",
    make: () => rehearsalSource(root, rehearsal, compiler),
  })),
];

let done = null;

/** Once for each process: several configurations may ask. */
export function generate() {
  return (done ??= makeAll());
}

async function makeAll() {
  for (const { target, sources, what, variant = "", make } of generated) {
    const hash = createHash("sha256").update(variant);
    for (const name of sources) hash.update(name).update(readFileSync(join(root, name)));
    // A digest of all it is made from stands in its first line.
    const line = `// ${hash.digest("hex")}\n`;
    const file = join(root, target);
    if (existsSync(file) && readFileSync(file, "utf8").startsWith(line)) continue;
    console.error(`Compiling ${what}…`);
    writeFileSync(file, line + (await make()));
  }
}
