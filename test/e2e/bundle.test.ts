/** The page's weight: prints every bundle's gzipped size, and keeps the first load small. */
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { dist } from "./browser.ts";

const assets = join(dist, "assets");

function gzippedBytes(file: string): number {
  return gzipSync(readFileSync(file), { level: 9 }).length;
}

test("bundle sizes, gzipped", () => {
  expect(existsSync(assets), "dist/page is missing: run `npm run build` first").toBe(true);
  const sizes = readdirSync(assets)
    .filter((name) => !name.endsWith(".map"))
    .map((name) => [name, gzippedBytes(join(assets, name))] as const)
    .toSorted((one, two) => two[1] - one[1]);
  for (const [name, bytes] of sizes) console.log(`${(bytes / 1024).toFixed(1).padStart(8)} KiB  ${name}`);

  // What the page needs before it shows anything: the document and what it names.
  const document = readFileSync(join(dist, "index.html"), "utf8");
  const named = [...document.matchAll(/(?:src|href)="\.\/(assets\/[^"]+)"/g)].map((match) => match[1]!);
  const first = ["index.html", ...named].reduce((sum, name) => sum + gzippedBytes(join(dist, name)), 0);
  console.log(`${(first / 1024).toFixed(1).padStart(8)} KiB  first load`);
  expect(first).toBeLessThan(64 * 1024);
});
