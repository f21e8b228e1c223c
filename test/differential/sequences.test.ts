/** Random runs of 5 to 120 instructions against this machine's processor. WHERRY_CASES and WHERRY_SEED as in rows.ts. */
import { expect, test } from "vitest";
import { engines } from "../x86/mode.ts";
import { describe as report, differences } from "./compare.ts";
import { Emulator } from "./emulator.ts";
import { hostFeatures, nativeUnavailable, runNative } from "./native.ts";
import { Dice } from "./operands.ts";
import { makeSequence, prefix, sequenceForms } from "./sequences.ts";
import { lacking } from "./support.ts";

const count = 25 * Number(process.env["WHERRY_CASES"] ?? 40);
const seed = Number(process.env["WHERRY_SEED"] ?? 20_241);
const batchRuns = 1000;
const shownMax = 3;

test.skipIf(nativeUnavailable() !== null).each(engines)(`runs of instructions, seed ${seed}, %s`, (engine) => {
  const host = hostFeatures();
  const all = sequenceForms().filter((form) => lacking(form, host) === null);
  const dice = new Dice(seed);
  const emulator = Emulator.create(engine);
  const failures: string[] = [];
  let failed = 0;
  for (let done = 0; done < count; done += batchRuns) {
    const runs = Array.from({ length: Math.min(batchRuns, count - done) }, () =>
      makeSequence(dice, all, 5 + dice.below(115)),
    );
    const results = runNative(runs);
    runs.forEach((run, index) => {
      const native = results[index];
      if (native === undefined || differences(run, native, emulator.run(run)).length === 0) return;
      failed++;
      if (failures.length >= shownMax) return;
      // The shortest beginning that differs ends with the culprit.
      const cuts = run.starts.map((_, i) => prefix(run, i));
      const cutResults = runNative(cuts);
      const first = cuts.findIndex((cut, i) => {
        const its = cutResults[i];
        if (its === undefined) return false;
        const found = differences(cut, its, emulator.run(cut));
        // In between flags may be undefined.
        return found.some((line) => i === cuts.length - 1 || !line.startsWith("flags"));
      });
      const shortest = cuts[first] ?? run;
      const its = cutResults[first] ?? native;
      const last = shortest.code.subarray(run.starts[Math.max(0, first - 1)] ?? 0);
      const bytes = [...last].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
      failures.push(
        `last of ${first}: ${bytes}\n${report(shortest, differences(shortest, its, emulator.run(shortest)), seed)}`,
      );
    });
  }
  expect(failed, `${failed} of ${count} runs differ\n${failures.join("\n")}`).toBe(0);
});
