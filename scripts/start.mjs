// `npm start`: from a fresh clone to a page on localhost. Installs, builds and prepares the demo images only where
// something is missing or older than its sources; then serves dist/page.
import { statSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { prepare } from "./lib/prepare.mjs";
import { must, root } from "./lib/run.mjs";

await prepare();
const { buildDemoImages } = await import("./demo-images.mjs");
for (const problem of await buildDemoImages()) console.error(`Demo image not built: ${problem}`);

/** Newest modification below a file or folder, in milliseconds; 0 when it is not there. */
function newest(path) {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return 0;
  if (!stat.isDirectory()) return stat.mtimeMs;
  let latest = 0;
  for (const name of readdirSync(path)) latest = Math.max(latest, newest(join(path, name)));
  return latest;
}

const sources = ["src", "wasm", "workers", "public", "index.html", "vite.config.ts", "package-lock.json"];
const changed = Math.max(...sources.map((name) => newest(join(root, name))));
if (newest(join(root, "dist/page/index.html")) < changed) {
  console.error("Building the page…");
  must(process.execPath, ["scripts/build.mjs", "page"], { stdio: ["ignore", 2, 2] });
}
const { serve } = await import("./serve.mjs");
const port = Number(process.env.PORT ?? 8080);
const address = await serve({ folder: join(root, "dist/page"), port });
console.log(`Wherry is at ${address}`);
