// `npm run -s wherry -- ARGS`: the command line from a checkout. Builds when a source is newer than the program; only
// the program itself writes to stdout.
import { spawn } from "node:child_process";
import { readdirSync, statSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";
import { prepare } from "./lib/prepare.mjs";
import { must, root } from "./lib/run.mjs";

const program = join(root, "dist/node/wherry.js");

function newest(path) {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return 0;
  if (!stat.isDirectory()) return path.endsWith(".test.ts") ? 0 : stat.mtimeMs;
  return Math.max(0, ...readdirSync(path).map((name) => newest(join(path, name))));
}

const built = statSync(program, { throwIfNoEntry: false })?.mtimeMs ?? 0;
const sources = ["src", "wasm", "scripts/build-node.mjs", "package.json"];
if (sources.some((name) => newest(join(root, name)) > built)) {
  await prepare();
  must(process.execPath, ["scripts/build-node.mjs"], { stdio: ["ignore", 2, 2] });
}

const child = spawn(process.execPath, [program, ...process.argv.slice(2)], {
  stdio: "inherit",
  cwd: process.env.INIT_CWD,
});
// The terminal's own signals reach the program without us; this one only waits for it to end.
for (const name of ["SIGINT", "SIGQUIT"]) process.on(name, () => {});
for (const name of ["SIGTERM", "SIGHUP"]) process.on(name, () => child.kill(name));
child.on("exit", (code, signal) => {
  process.exitCode = code ?? 128 + (constants.signals[signal] ?? 0);
});
