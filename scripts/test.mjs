// `npm test`: installs what is missing, then every check, cheapest first. Nothing is skipped silently: what could not
// run is counted and named at the end, and so is what failed. `npm test -- unit guest` runs only those steps.
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { failureDetails, failureNames, reportedFailures, stepFailure } from "./lib/failures.mjs";
import { installPrograms, missingLine } from "./lib/install.mjs";
import { prepare } from "./lib/prepare.mjs";
import { root, runKeeping } from "./lib/run.mjs";

const programs = [
  { program: "gcc", package: "gcc libc6-dev" },
  { program: "objdump", package: "binutils" },
  { program: "chromium", package: "chromium" },
  { program: "busybox", package: "busybox-static" },
  { program: "mmdebstrap", package: "mmdebstrap" },
  { program: "runc", package: "runc" },
  { program: "umoci", package: "umoci" },
  { program: "skopeo", package: "skopeo" },
  { program: "newuidmap", package: "uidmap" },
  { program: "fuse-overlayfs", package: "fuse-overlayfs" },
  { program: "python3", package: "python3" },
  { program: "script", package: "bsdutils" },
  { program: "zstd", package: "zstd" },
];

const bin = (name) => join(root, "node_modules", ".bin", name);
const output = join(root, "test", "output");

/** A vitest project as a step; its counts come from the JSON report. */
const vitest = (name, project = name, environment = {}) => ({
  name,
  environment,
  report: join(output, `${name}.json`),
  command: [
    bin("vitest"),
    "run",
    "--project",
    project,
    "--reporter=default",
    "--reporter=json",
    `--outputFile.json=${join(output, `${name}.json`)}`,
  ],
});

const steps = [
  { name: "format", command: [bin("oxfmt"), "--check"] },
  { name: "lint", command: [bin("oxlint")] },
  { name: "types", command: [process.execPath, "scripts/types.mjs"] },
  vitest("unit"),
  { name: "images", command: [process.execPath, "scripts/demo-images.mjs"] },
  { name: "build", command: [process.execPath, "scripts/build.mjs"] },
  vitest("differential"),
  vitest("guest"),
  vitest("node"),
  vitest("browser"),
  vitest("e2e"),
];

await prepare();
mkdirSync(output, { recursive: true });
const missing = installPrograms(programs);
const only = process.argv.slice(2);
const results = [];
let passed = 0;
let failed = 0;
const failures = [];
const skipped = [];

for (const step of steps) {
  if (only.length > 0 && !only.some((name) => step.name === name || step.name.startsWith(`${name}-`))) continue;
  console.log(`\n=== ${step.name}`);
  if (step.report !== undefined) rmSync(step.report, { force: true });
  const started = Date.now();
  const [command, ...rest] = step.command;
  const { code, tail } = await runKeeping(command, rest, step.environment);
  results.push({ name: step.name, ok: code === 0, seconds: (Date.now() - started) / 1000 });
  if (step.report === undefined || !existsSync(step.report)) {
    if (code === 0 && step.report === undefined) passed++;
    else {
      failed++;
      failures.push(stepFailure(step.name, code, tail));
    }
    continue;
  }
  const report = JSON.parse(readFileSync(step.report, "utf8"));
  const reported = reportedFailures(step.name, report, root);
  // A step may fail for what is no test: an error nobody caught, a worker that died.
  if (code !== 0 && reported.length === 0) reported.push(stepFailure(step.name, code, tail));
  passed += report.numPassedTests;
  failed += reported.length;
  failures.push(...reported);
  for (const file of report.testResults)
    for (const test of file.assertionResults)
      if (test.status !== "passed" && test.status !== "failed") skipped.push(`${step.name}: ${test.fullName}`);
}

if (failures.length > 0) console.log(`\n=== failures\n${failureDetails(failures).join("\n")}`);
console.log("\n=== summary");
for (const { name, ok, seconds } of results)
  console.log(`${ok ? "ok    " : "FAILED"} ${name.padEnd(20)} ${seconds.toFixed(0).padStart(5)} s`);
for (const line of failureNames(failures)) console.log(line);
if (missing.length > 0) console.log(missingLine(missing, "some tests"));
for (const name of skipped) console.log(`not run: ${name}`);
console.log(`${passed} passed, ${failed} failed, ${skipped.length} skipped`);
process.exitCode = failed > 0 || missing.length > 0 ? 1 : 0;
