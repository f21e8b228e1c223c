// Type-checks each world with its own libraries: a DOM name in a worker room, or a Node name outside Node's, is an error.
import { spawnSync } from "node:child_process";
import { generate } from "./lib/generate.mjs";

await generate();
let failed = false;
for (const world of ["worker", "page", "node"]) {
  const result = spawnSync(process.execPath, ["node_modules/typescript/bin/tsc", "-p", `tsconfig.${world}.json`], {
    stdio: "inherit",
  });
  if (result.status !== 0) failed = true;
}
process.exitCode = failed ? 1 : 0;
