// `npm run bench`: prints the figures the project aims at, each with its target; see test/bench.
import { parseArguments, usage, UsageError } from "../test/bench/arguments.mjs";
import { checkPaths } from "../test/bench/checks.mjs";
import { prepare } from "./lib/prepare.mjs";
import { must, run } from "./lib/run.mjs";

const words = process.argv.slice(2);
let asked;
try {
  asked = parseArguments(words);
  checkPaths(asked);
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(`bench: ${error.message}`);
  process.exit(2);
}
if (asked.help) console.log(usage);
else {
  await prepare();
  must(process.execPath, ["scripts/build.mjs"], { stdio: ["ignore", 2, 2] });
  process.exitCode = run(process.execPath, ["test/bench/bench.mjs", ...words]);
}
