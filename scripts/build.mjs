// Builds everything into dist/: the page (dist/page) and the Node program (dist/node). Both come from vite.
import { prepare } from "./lib/prepare.mjs";
import { must } from "./lib/run.mjs";

await prepare();
const parts = process.argv.length > 2 ? process.argv.slice(2) : ["page", "node"];
if (parts.includes("page")) must(process.execPath, ["node_modules/vite/bin/vite.js", "build", "--logLevel=warn"]);
if (parts.includes("node")) must(process.execPath, ["scripts/build-node.mjs"]);
