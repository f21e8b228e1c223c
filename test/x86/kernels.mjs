// The interpreter alone on the seven kernels: node test/x86/kernels.mjs [name…]
import { runnerImport } from "vite";
import { generate } from "../../scripts/lib/generate.mjs";

await generate();
const { module } = await runnerImport(new URL("./kernels.ts", import.meta.url).pathname);
module.measure(process.argv.slice(2));
