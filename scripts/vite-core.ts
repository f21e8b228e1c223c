/**
 * A vite plugin: `import address from "virtual:interpreter-core"` is the address of the interpreter's WebAssembly module,
 * which is generated from the instruction table when the bundle is built. In tests it is a data: address.
 *
 * `import version from "virtual:engine-version"` is a digest of the sources of processor and compiler: code compiled by
 * another version is not used.
 */
import { createHash } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { runnerImport } from "vite";
import type { Plugin } from "vite";
// @ts-expect-error a script without types
import { generate } from "./lib/generate.mjs";

const name = "virtual:interpreter-core";
const resolved = `\0${name}`;
const versionName = "virtual:engine-version";
const resolvedVersion = `\0${versionName}`;

function engineVersion(): string {
  const root = join(import.meta.dirname, "..");
  const hash = createHash("sha256").update(readFileSync(join(root, "src/base/limits.ts")));
  for (const folder of ["wasm/encode", "wasm/x86"]) {
    const files = readdirSync(join(root, folder), { recursive: true, encoding: "utf8" }).map((file) =>
      file.replaceAll("\\", "/"),
    );
    for (const file of files.toSorted())
      if (file.endsWith(".ts") && !file.endsWith(".test.ts"))
        hash.update(`${folder}/${file}`).update(readFileSync(join(root, folder, file)));
  }
  return hash.digest("hex").slice(0, 16);
}

/** The table is loaded only when it is needed, because a part of it is itself generated first. */
async function buildCore(): Promise<Uint8Array> {
  const { module } = await runnerImport<{ buildInterpreter(): Uint8Array }>(
    join(import.meta.dirname, "../wasm/x86/interpreter.ts"),
  );
  return module.buildInterpreter();
}

export function interpreterCore(): Plugin {
  let building = false;
  let bytes: Promise<Uint8Array> | undefined;
  return {
    name: "wherry-interpreter-core",
    config: () => generate() as Promise<void>,
    configResolved(config) {
      building = config.command === "build";
    },
    resolveId: (id) => (id === name ? resolved : id === versionName ? resolvedVersion : undefined),
    async load(id) {
      if (id === resolvedVersion) return `export default ${JSON.stringify(engineVersion())};`;
      if (id !== resolved) return undefined;
      bytes ??= buildCore();
      if (!building) {
        const base64 = Buffer.from(await bytes).toString("base64");
        return `export default "data:application/wasm;base64,${base64}";`;
      }
      const reference = this.emitFile({ type: "asset", name: "interpreter.wasm", source: await bytes });
      return `export default import.meta.ROLLUP_FILE_URL_${reference};`;
    },
  };
}
