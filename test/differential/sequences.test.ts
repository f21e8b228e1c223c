/**
 * Random programs of 20 to 200 instructions against this machine's processor: short ones, and some that loop until hot
 * code is compiled. A failure prints how to repeat it, and the program without whatever does not matter for it.
 *
 *     WHERRY_CASES=400 …        ten times as many programs (40)
 *     WHERRY_SEED=123 …         other programs
 *     WHERRY_PROGRAM=17 …       only this one
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { engines, type EngineMode } from "../x86/mode.ts";
import { describe as report, differences } from "./compare.ts";
import { Emulator } from "./emulator.ts";
import { codeBase, type Result } from "./layout.ts";
import { hostFeatures, nativeUnavailable, runNative } from "./native.ts";
import { Dice } from "./operands.ts";
import { makeSequence, sequenceForms, without, type Sequence } from "./sequences.ts";
import { lacking } from "./support.ts";

const cases = Number(process.env["WHERRY_CASES"] ?? 40);
const seed = Number(process.env["WHERRY_SEED"] ?? 20_241);
const only = process.env["WHERRY_PROGRAM"];
const batchRuns = 500;
const shownMax = 3;

interface Kind {
  readonly name: string;
  readonly count: number;
  /** Instructions a program takes at least. */
  readonly cost?: number;
  /** Of these only every so-many-th where everything is compiled: each block is then a module. */
  readonly compiledEvery: number;
}
const kinds: readonly Kind[] = [
  { name: "short programs", count: 20 * cases, compiledEvery: 4 },
  // What a compiled instruction has to have been interpreted for makes a region of 100 instructions a million.
  { name: "programs with hot loops", count: cases, cost: 20_000_000, compiledEvery: 4 },
];

/** What is left of a failing program when everything is left out that may be. */
function shrink(run: Sequence, fails: (run: Sequence) => boolean): Sequence {
  let left = new Set<number>();
  for (let size = 32; size >= 1; size >>= 1)
    for (let from = 0; from < run.units.length; from += size) {
      const more = new Set(left);
      for (let i = from; i < Math.min(from + size, run.units.length); i++) more.add(i);
      if (more.size > left.size && fails(without(run, more))) left = more;
    }
  return without(run, left);
}

/** Without NOPs, which stand for what was left out. */
function disassembly(run: Sequence): string {
  const folder = mkdtempSync(join(tmpdir(), "wherry-sequence-"));
  try {
    const file = join(folder, "code");
    writeFileSync(file, run.code);
    const at = `--adjust-vma=${codeBase + run.codeOffset}`;
    const listed = spawnSync("objdump", ["-D", "-w", "-b", "binary", "-m", "i386:x86-64", "-M", "intel", at, file], {
      encoding: "utf8",
    });
    const lines = (listed.stdout ?? "").split("\n").filter((line) => /^ *[0-9a-f]+:\t/.test(line));
    return lines.filter((line) => !/\t(data16 )*nop\b/.test(line)).join("\n");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const all = engines.flatMap((engine) => kinds.map((kind) => [kind.name, engine, kind] as const));

test.skipIf(nativeUnavailable() !== null).each(all)(`%s, seed ${seed}, %s`, (_, engine: EngineMode, kind) => {
  const host = hostFeatures();
  const able = sequenceForms().filter((form) => lacking(form, host) === null);
  const emulator = Emulator.create(engine);
  const failures: string[] = [];
  let failed = 0;
  const { cost } = kind;
  const make = (index: number): Sequence => {
    const dice = new Dice((seed ^ Math.imul(index + 1, 0x9e37_79b1)) >>> 0);
    return makeSequence(dice, able, { length: 20 + dice.below(181), ...(cost === undefined ? {} : { cost }) });
  };
  const compare = (run: Sequence, native: Result): string[] =>
    differences(run, native, emulator.run(run, 2 * run.cost + 100_000));
  const fails = (run: Sequence): boolean => compare(run, runNative([run])[0]!).length > 0;
  const every = engine === "jit" ? kind.compiledEvery : 1;
  const chosen = Array.from({ length: kind.count }, (_, index) => index).filter((index) =>
    only === undefined ? index % every === 0 : index === Number(only),
  );
  let ended = 0;
  for (let done = 0; done < chosen.length; done += batchRuns) {
    const indexes = chosen.slice(done, done + batchRuns);
    const runs = indexes.map((index) => make(index));
    const results = runNative(runs);
    runs.forEach((run, i) => {
      const native = results[i]!;
      if (native.vector === 3) ended++;
      if (compare(run, native).length === 0) return;
      failed++;
      if (failures.length >= shownMax) return;
      const again = `WHERRY_SEED=${seed} WHERRY_PROGRAM=${indexes[i]} WHERRY_ENGINE=${engine}`;
      if (!fails(run)) {
        failures.push(`${again} WHERRY_CASES=${cases}: only after the programs before it`);
        return;
      }
      const least = shrink(run, fails);
      const found = compare(least, runNative([least])[0]!);
      failures.push(`${again}\n${disassembly(least)}\n${report(least, found, seed)}`);
    });
  }
  expect(failed, `${failed} of ${chosen.length} programs differ\n${failures.join("\n")}`).toBe(0);
  // Faults are part of it, but most run to their ends.
  if (only === undefined) expect(ended / chosen.length).toBeGreaterThan(0.5);
});
