/** Compiled code outlives its process: the same program in another one compiles nothing again. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { CpuCounters } from "../../wasm/x86/types.ts";
import { makeBusyboxArchive } from "./image.ts";
import { makeRunner } from "./program.ts";

const scratch = mkdtempSync(join(tmpdir(), "wherry-translations-"));
const store = join(scratch, "store");

beforeAll(async () => {
  const loaded = await makeRunner({ store })(["load", "-i", await makeBusyboxArchive(scratch)]);
  expect(loaded.code).toBe(0);
}, 120_000);
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** One hash over and over: one loop is hot. */
const command = ["sh", "-c", "head -c 24000000 /dev/zero | md5sum"];

/** Runs the command in a process of its own. */
function run(): CpuCounters {
  const library = pathToFileURL(join(import.meta.dirname, "../../dist/node/index.js")).href;
  const script = `
    const { openEngine } = await import(${JSON.stringify(library)});
    const engine = await openEngine({ store: ${JSON.stringify(store)} });
    const options = { image: "busybox", command: ${JSON.stringify(command)}, runtime: "emulator" };
    const { exitCode, stdout, counters } = await engine.run(options);
    console.log(JSON.stringify({ exitCode, stdout: new TextDecoder().decode(stdout), counters }));
    await engine.close();
    process.exit(0);`;
  const file = join(scratch, "run.mjs");
  writeFileSync(file, script);
  const out = execFileSync(process.execPath, [file], { encoding: "utf8" });
  const { exitCode, stdout, counters } = JSON.parse(out) as { exitCode: number; stdout: string; counters: CpuCounters };
  expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: "4937e0e73202175e2edfba19a72fba5b  -\n" });
  return counters;
}

test("in another process the same program compiles nothing", () => {
  const first = run();
  expect(first.cacheHits).toBe(0);
  expect(first.cacheMisses).toBeGreaterThan(0);
  // What is hot is sampled: a run may find a place that the one before did not.
  let again = run();
  expect(again.cacheHits).toBeGreaterThan(0);
  for (let tries = 0; again.regions > 0 && tries < 5; tries++) again = run();
  expect(again).toMatchObject({ regions: 0, cacheMisses: 0, compileMs: 0 });
});

test("a damaged file is removed, and no harm is done", () => {
  const folder = join(store, "cache");
  const damaged = readdirSync(folder);
  expect(damaged.length).toBeGreaterThan(0);
  for (const name of damaged) truncateSync(join(folder, name), statSync(join(folder, name)).size - 100);
  const counters = run();
  expect(counters.cacheHits).toBe(0);
  expect(readdirSync(folder).filter((name) => damaged.includes(name))).toEqual([]);
});
