/**
 * Every form of every row against this machine's processor.
 *
 *     WHERRY_CASES=1000 npx vitest run --project differential      cases of each form (40)
 *     WHERRY_SEED=123 …                                            the seed (fixed; a failure prints it)
 *     WHERRY_ROWS='^PADD' …                                        only rows whose name matches
 */
import { beforeAll, describe, expect, test } from "vitest";
import { forms, makeCase, type FormCase } from "./cases.ts";
import { describe as report, differences } from "./compare.ts";
import { Emulator } from "./emulator.ts";
import { hostFeatures, nativeUnavailable, runNative } from "./native.ts";
import { Dice } from "./operands.ts";
import { jitMode } from "../x86/mode.ts";
import { lacking } from "./support.ts";

// Compiling each case takes a millisecond or more.
const perForm = Number(process.env["WHERRY_CASES"] ?? (jitMode() === "force" ? 3 : 40));
const seed = Number(process.env["WHERRY_SEED"] ?? 20_241);
const pattern = new RegExp(process.env["WHERRY_ROWS"] ?? "");
/** Cases natively run at once. */
const batchCases = 4000;
/** Failures printed of one row. */
const shownMax = 3;

const unavailable = nativeUnavailable();
const all = forms().filter((form) => form.parsed.row.untestable === undefined && pattern.test(form.parsed.row.name));
const names = [...new Set(all.map((form) => form.parsed.row.name))];

/** Rows whose effects are the processor's own or the kernel's: they are tested where the kernel handles them. */
const untested = [
  ...new Set(forms().flatMap(({ parsed }) => (parsed.row.untestable === undefined ? [] : [parsed.row.name]))),
];

describe.runIf(unavailable === null)(`rows against the processor, seed ${seed}`, () => {
  const failures = new Map<string, string[]>();
  const counts = new Map<string, number>();
  const missing = new Map<string, Set<string>>();

  beforeAll(() => {
    const host = hostFeatures();
    const emulator = Emulator.create();
    const dice = new Dice(seed);
    let batch: FormCase[] = [];
    const flush = (): void => {
      const results = runNative(batch);
      batch.forEach((one, index) => {
        const { name } = one.form.parsed.row;
        counts.set(name, (counts.get(name) ?? 0) + 1);
        const native = results[index];
        if (native === undefined) throw new Error("a case has no result");
        const found = differences(one, native, emulator.run(one));
        if (found.length === 0) return;
        const list = failures.get(name) ?? [];
        list.push(report(one, found, seed));
        failures.set(name, list);
      });
      batch = [];
    };
    for (const form of all) {
      const lacks = lacking(form, host);
      if (lacks !== null) {
        missing.set(lacks, (missing.get(lacks) ?? new Set()).add(form.parsed.row.name));
        continue;
      }
      for (let i = 0; i < perForm; i++) {
        batch.push(makeCase(dice, form));
        if (batch.length === batchCases) flush();
      }
    }
    flush();
    console.info(`not compared: ${untested.join(" ")}`);
    for (const [what, rows] of missing)
      console.warn(`this processor lacks ${what}, not tested: ${[...rows].join(" ")}`);
  }, 3_600_000);

  test.each(names)("%s", (name) => {
    const list = failures.get(name) ?? [];
    const shown = list.slice(0, shownMax).join("\n");
    expect(list.length, `${list.length} of ${counts.get(name) ?? 0} cases differ\n${shown}`).toBe(0);
  });
});

if (unavailable !== null) test("rows against the processor", (context) => context.skip(unavailable));
