import { runnerImport } from "vite";
const { module } = await runnerImport(new URL("./kernels.ts", import.meta.url).pathname);
module.measure(process.argv.slice(2));
