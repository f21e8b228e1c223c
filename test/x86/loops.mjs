// Programs of the demo image, in this process: node test/x86/loops.mjs [name…]
import { createServer } from "vite";
import { generate } from "../../scripts/lib/generate.mjs";

await generate();
const server = await createServer({ server: { middlewareMode: true }, appType: "custom", logLevel: "error" });
const { measure } = await server.ssrLoadModule(new URL("./loops.ts", import.meta.url).pathname);
await measure(process.argv.slice(2));
await server.close();
