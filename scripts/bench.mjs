// `npm run bench`: prints ratios to native in one run; see test/bench.
import { prepare } from "./lib/prepare.mjs";
import { must } from "./lib/run.mjs";

await prepare();
must(process.execPath, ["scripts/build.mjs"], { stdio: ["ignore", 2, 2] });
must(process.execPath, ["test/bench/bench.mjs", ...process.argv.slice(2)]);
