/// <reference types="node" />
// The page's build (dist/page) and the test projects. The Node program has its own build: scripts/build-node.mjs.
import { createHash } from "node:crypto";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { playwright } from "@vitest/browser-playwright";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";
import { interpreterCore } from "./scripts/vite-core.ts";

const { version } = JSON.parse(readFileSync("package.json", "utf8")) as { version: string };

/** Files a first visit need not fetch ahead: demo images live in IndexedDB once loaded, the rest is for other people. */
const notPrecached = /^images\/|\.map$|^service-worker\.js$|^wherry\.js$|^\.nojekyll$/;

/**
 * Tells the service worker which files make the offline shell. The list is known only once everything is written, so
 * it is put in afterwards; a version made from all contents names the cache.
 */
function precacheList(): Plugin {
  let folder = "";
  return {
    name: "wherry-precache-list",
    apply: "build",
    configResolved(config) {
      folder = join(config.root, config.build.outDir);
    },
    writeBundle() {
      const files = readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => relative(folder, join(entry.parentPath, entry.name)).replaceAll("\\", "/"))
        .filter((name) => !notPrecached.test(name))
        .sort();
      const hash = createHash("sha256");
      for (const name of files) hash.update(name).update(readFileSync(join(folder, name)));
      const worker = join(folder, "service-worker.js");
      const source = readFileSync(worker, "utf8");
      const filled = source
        .replace("__PRECACHE_VERSION__", hash.digest("hex").slice(0, 16))
        .replace(/["'`]__PRECACHE_FILES__["'`]/, JSON.stringify(JSON.stringify(files)));
      writeFileSync(worker, filled);
    },
  };
}

/** These keep their names: the service worker's scope and people's imports depend on them. */
const stableNames = new Set(["service-worker", "wherry"]);

const node = { environment: "node", testTimeout: 60_000, hookTimeout: 60_000 } as const;
const chromiumArguments = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"];

export default defineConfig({
  base: "./",
  plugins: [interpreterCore(), precacheList()],
  worker: { format: "es", plugins: () => [interpreterCore()] },
  define: { __WHERRY_VERSION__: JSON.stringify(version) },
  build: {
    outDir: "dist/page",
    target: "es2023",
    sourcemap: true,
    // Small files inlined as data: addresses would need a looser content security policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      input: {
        index: "index.html",
        wherry: "src/main.embed.ts",
        "service-worker": "workers/service-worker.ts",
      },
      preserveEntrySignatures: "exports-only",
      output: {
        entryFileNames: (chunk) => (stableNames.has(chunk.name) ? "[name].js" : "assets/[name]-[hash].js"),
      },
    },
  },
  test: {
    projects: [
      {
        extends: true,
        test: {
          name: "unit",
          include: [
            "src/**/*.test.ts",
            "wasm/**/*.test.ts",
            "scripts/**/*.test.ts",
            "workers/**/*.test.ts",
            "test/bench/**/*.test.mjs",
          ],
          exclude: ["**/*.browser.test.ts", "**/node_modules/**"],
          ...node,
        },
      },
      {
        extends: true,
        test: { name: "differential", include: ["test/differential/**/*.test.ts"], ...node, testTimeout: 300_000 },
      },
      { extends: true, test: { name: "guest", include: ["test/guest/**/*.test.ts"], ...node, testTimeout: 300_000 } },
      { extends: true, test: { name: "node", include: ["test/node/**/*.test.ts"], ...node, testTimeout: 300_000 } },
      {
        extends: true,
        test: { name: "e2e", include: ["test/e2e/**/*.test.ts"], ...node, testTimeout: 300_000, hookTimeout: 120_000 },
      },
      {
        extends: true,
        test: {
          name: "browser",
          include: ["src/**/*.browser.test.ts", "test/browser/**/*.test.ts"],
          testTimeout: 60_000,
          expect: { poll: { timeout: 20_000 } },
          browser: {
            enabled: true,
            headless: true,
            screenshotFailures: false,
            provider: playwright({
              launchOptions: {
                executablePath: process.env["CHROMIUM"] ?? "/usr/bin/chromium",
                args: chromiumArguments,
              },
            }),
            instances: [{ browser: "chromium" }],
          },
        },
      },
    ],
  },
});
