// Builds the Node program into dist/node: wherry.js (the command line), index.js (the package's API) and the chunks
// they load when needed.
import { chmodSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { build, runnerImport } from "vite";
import { root } from "./lib/run.mjs";

const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

// The plugin is TypeScript, because it generates the interpreter from the sources.
const { interpreterCore } = (await runnerImport(join(root, "scripts/vite-core.ts"))).module;

await build({
  root,
  configFile: false,
  logLevel: "warn",
  publicDir: false,
  experimental: {
    // Files beside the program, wherever it is installed.
    renderBuiltUrl: (file, { hostId }) => ({
      runtime: `new URL(${JSON.stringify(relative(dirname(hostId), file))}, import.meta.url).href`,
    }),
  },
  plugins: [interpreterCore()],
  define: { __WHERRY_VERSION__: JSON.stringify(version) },
  ssr: { noExternal: true, external: ["@lydell/node-pty"] },
  build: {
    ssr: true,
    ssrEmitAssets: true,
    outDir: "dist/node",
    emptyOutDir: true,
    target: "node20",
    minify: false,
    sourcemap: true,
    rolldownOptions: {
      checks: { pluginTimings: false },
      input: { wherry: "src/main.node.ts", index: "src/main.node-api.ts", container: "src/main.node-worker.ts" },
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
