// Builds everything into dist/: the page (dist/page) and the Node program (dist/node). Both come from vite.
import { installModules } from "./lib/install.mjs";
import { must } from "./lib/run.mjs";

installModules();
const parts = process.argv.length > 2 ? process.argv.slice(2) : ["page", "node"];
if (parts.includes("page")) must(process.execPath, ["node_modules/vite/bin/vite.js", "build", "--logLevel=warn"]);
if (parts.includes("node")) must(process.execPath, ["scripts/build-node.mjs"]);
