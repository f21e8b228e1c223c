/** Programs with damaged headers: one clear error or a clean end of the process, never a failure of the kernel. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { WherryError } from "../../src/base/errors.ts";
import { runGuest } from "./machine.ts";

const rounds = 120;
let folder = "";
let good: Uint8Array = new Uint8Array(0);

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "wherry-elf-"));
  const path = join(folder, "hello");
  const source = join(import.meta.dirname, "hello.c");
  const made = spawnSync("gcc", ["-static", "-o", path, source]);
  if (made.status !== 0) throw new Error(`gcc could not build hello: ${String(made.stderr)}`);
  good = readFileSync(path);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** "ran", or the code of the error. */
async function start(program: Uint8Array): Promise<string> {
  try {
    const result = await runGuest({ program, memoryBytes: 16 << 20, timeoutMs: 200 });
    expect(result.errors).toEqual([]);
    return "ran";
  } catch (error) {
    if (!(error instanceof WherryError)) throw error;
    expect(error.message).toMatch(/^exec: "\/bin\/test": /);
    expect(error.exitCode).toBe(126);
    return error.code;
  }
}

test("a file cut short at any point", async () => {
  const outcomes = new Set<string>();
  for (const length of [0, 1, 4, 16, 63, 64, 100, 64 + 56, 1000, 4096, 100_000]) {
    outcomes.add(await start(good.slice(0, length)));
  }
  expect([...outcomes]).toEqual(["invalid-executable"]);
});

test("random damage to the ELF header and the program headers", async () => {
  // A small fixed generator: a failure can be repeated.
  let state = 12345;
  const random = (below: number) => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const outcomes = new Map<string, number>();
  for (let round = 0; round < rounds; round++) {
    const program = good.slice();
    const view = new DataView(program.buffer);
    for (let count = random(3) + 1; count > 0; count--) {
      const at = random((64 + 56 * 8) / 8) * 8;
      const values = [0n, 1n, 0xffff_ffff_ffff_ffffn, 0x7fff_ffff_f000n, 1n << 40n, BigInt(random(65536)), 4096n];
      if (random(2) === 0) view.setBigUint64(at, values[random(values.length)]!, true);
      else view.setUint8(at + random(8), random(256));
    }
    const outcome = await start(program);
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  }
  expect([...outcomes.values()].reduce((sum, count) => sum + count)).toBe(rounds);
  expect(outcomes.get("invalid-executable")).toBeGreaterThan(0);
});
