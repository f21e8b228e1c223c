// Whether the paths on the command line can be used: better said now than when everything has been measured.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { UsageError } from "./arguments.mjs";

/** @param {ReturnType<typeof import("./arguments.mjs").parseArguments>} asked */
export function checkPaths({ nodes, json }) {
  for (const path of nodes) {
    const { status, stdout } = spawnSync(path, ["--version"], { encoding: "utf8" });
    if (status !== 0 || !/^v\d/.test(stdout)) throw new UsageError(`--node: ${path} is no Node program`);
  }
  if (json !== null && !existsSync(dirname(json))) throw new UsageError(`--json: there is no folder ${dirname(json)}`);
}
