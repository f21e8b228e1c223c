// The interpreter alone on the seven kernels: node test/x86/kernels.mjs [name…]
import { setFlagsFromString } from "node:v8";
import { runnerImport } from "vite";
import { generate } from "../../scripts/lib/generate.mjs";

// As the program does for its workers (src/main.node-worker.ts).
if (Number.parseInt(process.versions.v8, 10) <= 13) setFlagsFromString("--experimental-wasm-branch-hinting");
await generate();
const { module } = await runnerImport(new URL("./kernels.ts", import.meta.url).pathname);
module.measure(process.argv.slice(2));
