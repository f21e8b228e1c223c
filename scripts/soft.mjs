// Compiles the soft floating point (wasm/x86/assembly, AssemblyScript) into wasm/x86/soft.wasm.ts: the module in
// base64 and the signatures of its functions. It is built, so it is not committed: scripts/lib/generate.mjs keeps it fresh.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import asc from "assemblyscript/asc";

const folder = join(import.meta.dirname, "..", "wasm/x86/assembly/index.ts", "..");

export async function compileSoft() {
  const files = new Map();
  const { error, stderr } = await asc.main(
    // Vectors (warning 112) are exchanged with WebAssembly only.
    "index.ts --outFile soft.wasm --runtime stub --importMemory --noAssert -O3 --use abort= --enable simd --disableWarning 112".split(
      " ",
    ),
    {
      readFile: (name) => {
        try {
          // The compiler adds the extension that our imports have already.
          return readFileSync(join(folder, name.replace(".ts.ts", ".ts")), "utf8");
        } catch {
          return null;
        }
      },
      writeFile: (name, data) => void files.set(name, data),
      listFiles: () => [],
    },
  );
  if (error) throw new Error(`${error.message}\n${stderr.toString()}`);
  return files.get("soft.wasm");
}

const typeNames = new Map([
  [0x7f, "i32"],
  [0x7e, "i64"],
  [0x7d, "f32"],
  [0x7c, "f64"],
  [0x7b, "v128"],
]);

/** Name, parameters and results of each exported function, from the type, function and export sections. */
function signatures(bytes) {
  let at = 8;
  const unsigned = () => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++];
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  const list = (item) => Array.from({ length: unsigned() }, item);
  const types = [];
  const functions = [];
  const found = [];
  while (at < bytes.length) {
    const id = bytes[at++];
    const size = unsigned();
    const end = at + size;
    if (id === 1)
      types.push(
        ...list(() => {
          at++;
          return { params: list(() => typeNames.get(bytes[at++])), results: list(() => typeNames.get(bytes[at++])) };
        }),
      );
    if (id === 3) functions.push(...list(unsigned));
    if (id === 7)
      list(() => {
        const length = unsigned();
        const name = new TextDecoder().decode(bytes.subarray(at, at + length));
        at += length;
        const kind = bytes[at++];
        const index = unsigned();
        if (kind === 0) found.push({ name, ...types[functions[index]] });
      });
    at = end;
  }
  return found.sort((a, b) => (a.name < b.name ? -1 : 1));
}

export async function softSource() {
  const bytes = await compileSoft();
  const lines = [
    "/** Made by scripts/soft.mjs from the AssemblyScript in assembly/: do not edit. */",
    'import type { ValueType } from "../encode/expression.ts";',
    "",
    "export const softSignatures: Record<string, readonly [params: readonly ValueType[], results: readonly ValueType[]]> = {",
    ...signatures(bytes).map(
      ({ name, params, results }) => `  ${name}: [${JSON.stringify(params)}, ${JSON.stringify(results)}],`,
    ),
    "};",
    "",
    "export const softBase64 =",
    `  "${Buffer.from(bytes).toString("base64")}";`,
    "",
  ];
  return lines.join("\n");
}
