// Builds the Node program into dist/node: wherry.js (the command line), index.js (the package's API) and the chunks
// they load when needed.
import { chmodSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "vite";
import { root } from "./lib/run.mjs";

const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

await build({
  root,
  configFile: false,
  logLevel: "warn",
  publicDir: false,
  define: { __WHERRY_VERSION__: JSON.stringify(version) },
  ssr: { noExternal: true, external: ["@lydell/node-pty"] },
  build: {
    ssr: true,
    outDir: "dist/node",
    emptyOutDir: true,
    target: "node20",
    minify: false,
    sourcemap: true,
    rolldownOptions: {
      input: { wherry: "src/main.node.ts", index: "src/main.node-api.ts" },
      output: {
        format: "es",
        entryFileNames: "[name].js",
        chunkFileNames: "chunks/[name]-[hash].js",
        banner: (chunk) => (chunk.name === "wherry" && chunk.isEntry ? "#!/usr/bin/env node" : ""),
      },
    },
  },
});
chmodSync(join(root, "dist/node/wherry.js"), 0o755);
