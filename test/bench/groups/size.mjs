// What is delivered: the gzipped size of each bundle.
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { root } from "../../../scripts/lib/run.mjs";

export async function measureSize() {
  const rows = [];
  for (const folder of ["dist/page", "dist/page/assets", "dist/node"]) {
    if (!existsSync(join(root, folder))) continue;
    for (const name of readdirSync(join(root, folder)).toSorted()) {
      const path = join(root, folder, name);
      if (!/\.(js|css|wasm|html)$/.test(name) || !statSync(path).isFile()) continue;
      rows.push({ name: `${folder}/${name}`, cells: { size: gzipSync(readFileSync(path)).length / 1024 }, goals: [] });
    }
  }
  return [{ title: "size: kB of the bundles, gzipped", notes: [], columns: [{ key: "size", head: "kB" }], rows }];
}
