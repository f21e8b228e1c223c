/**
 * Every form of every row against this machine's processor: each case runs natively once, then in each engine. The rows
 * are spread over files (rows-*.test.ts), so that all cores have work.
 *
 *     WHERRY_CASES=1000 npx vitest run --project differential      cases of each form (40)
 *     WHERRY_ENGINE=interp …                                       one engine only
 *     WHERRY_SEED=123 …                                            the seed (fixed; a failure prints it)
 *     WHERRY_ROWS='^PADD' …                                        only rows whose name matches
 */
import { beforeAll, describe, expect, test } from "vitest";
import { engines, type EngineMode } from "../x86/mode.ts";
import { forms, makeCase, type Form, type FormCase } from "./cases.ts";
import { describe as report, differences } from "./compare.ts";
import { Emulator } from "./emulator.ts";
import { hostFeatures, nativeUnavailable, runNative } from "./native.ts";
import { Dice } from "./operands.ts";
import { lacking } from "./support.ts";

const perForm = Number(process.env["WHERRY_CASES"] ?? 40);
/** Each case is a module of its own where everything is compiled: one of so many cases runs there. */
const compiledEvery = 2;
const seed = Number(process.env["WHERRY_SEED"] ?? 20_241);
const pattern = new RegExp(process.env["WHERRY_ROWS"] ?? "");
/** Cases natively run at once. */
const batchCases = 4000;
/** Failures printed of one row. */
const shownMax = 3;

const unavailable = nativeUnavailable();

/** FNV-1a. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash;
}

/** Defines a test for each row and engine, of the forms chosen by the CPUID feature they need. */
export function testRows(chosen: (feature: string) => boolean): void {
  const own = forms().filter((form) => chosen(form.parsed.row.feature ?? ""));
  const all = own.filter((form) => form.parsed.row.untestable === undefined && pattern.test(form.parsed.row.name));
  const names = [...new Set(all.map((form) => form.parsed.row.name))];
  // Their effects are the processor's own or the kernel's: they are tested where the kernel handles them.
  const untested = [
    ...new Set(own.flatMap(({ parsed }) => (parsed.row.untestable === undefined ? [] : [parsed.row.name]))),
  ];
  if (unavailable !== null) {
    test("rows against the processor", (context) => context.skip(unavailable));
    return;
  }

  describe(`rows against the processor, seed ${seed}`, () => {
    const key = (engine: EngineMode, name: string): string => `${engine} ${name}`;
    const failures = new Map<string, string[]>();
    const counts = new Map<string, number>();

    beforeAll(() => {
      const host = hostFeatures();
      const missing = new Map<string, Set<string>>();
      const emulators = engines.map((engine) => ({ engine, emulator: Emulator.create(engine) }));
      let batch: FormCase[] = [];
      const flush = (): void => {
        const results = runNative(batch);
        for (const tried of emulators) {
          const { engine } = tried;
          batch.forEach((one, index) => {
            if (engine === "jit" && index % compiledEvery !== 0) return;
            const name = key(engine, one.form.parsed.row.name);
            counts.set(name, (counts.get(name) ?? 0) + 1);
            const native = results[index];
            if (native === undefined) throw new Error("a case has no result");
            let found: string[];
            try {
              found = differences(one, native, tried.emulator.run(one));
            } catch (error) {
              // The engine itself broke down: the row is to blame, the others go on with a new one.
              found = [`${engine}: ${String(error)}`];
              tried.emulator = Emulator.create(engine);
            }
            if (found.length === 0) return;
            const list = failures.get(name) ?? [];
            list.push(report(one, found, seed));
            failures.set(name, list);
          });
        }
        batch = [];
      };
      const add = (form: Form): void => {
        // Of the form's own, so that its cases are the same whatever else runs.
        const dice = new Dice(seed ^ hashOf(form.name));
        for (let i = 0; i < perForm; i++) {
          batch.push(makeCase(dice, form));
          if (batch.length === batchCases) flush();
        }
      };
      for (const form of all) {
        const lacks = lacking(form, host);
        if (lacks === null) add(form);
        else missing.set(lacks, (missing.get(lacks) ?? new Set()).add(form.parsed.row.name));
      }
      flush();
      if (untested.length > 0) console.info(`not compared: ${untested.join(" ")}`);
      for (const [what, rows] of missing)
        console.warn(`this processor lacks ${what}, not tested: ${[...rows].join(" ")}`);
    }, 3_600_000);

    describe.each(engines)("%s", (engine) => {
      test.each(names)("%s", (name) => {
        const list = failures.get(key(engine, name)) ?? [];
        const shown = list.slice(0, shownMax).join("\n");
        const count = counts.get(key(engine, name)) ?? 0;
        expect(list.length, `${list.length} of ${count} cases differ\n${shown}`).toBe(0);
      });
    });
  });
}
