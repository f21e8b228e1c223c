/**
 * The decoder against objdump over real programs: every instruction's length and name. Disagreements are listed with
 * their reasons; any other one fails. WHERRY_CASES=1000 takes more programs.
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { compareWithObjdump } from "./objdump.ts";

/** What is not decoded, or called otherwise, and why. */
const known: readonly (readonly [pattern: RegExp, reason: string])[] = [
  [/^missing v/, "AVX and later: CPUID does not offer it"],
  [/^missing k(mov|ortest|test|unpck|or|xnor|xor|and|not|add|shift)/, "AVX-512 masks: not offered"],
  [/^missing (andn|bextr|bls(i|r|msk)|bzhi|mulx|pdep|pext|rorx|sarx|shlx|shrx)$/, "BMI1 and BMI2: not offered"],
  [/^missing (adcx|adox|movbe|sha\w+|aes\w+|pclmul\w+|gf2p8\w+)$/, "later than x86-64-v2: not offered"],
  [/^missing x(abort|begin|end|test)$/, "TSX: not offered"],
  [/^missing (rd|wr)pkru$/, "protection keys: not offered"],
  [/^missing (xsave\w*|xrstor\w*|xgetbv)$/, "XSAVE: not offered"],
  [/^missing (rdrand|rdseed|rdpid|(rd|wr)(fs|gs)base|clflushopt|clwb|serialize|(rd|inc)ssp[dq])$/, "not offered"],
  [
    /^name fst(sw|cw|env) \(FWAIT\)$|^name f(save|init|clex) \(FWAIT\)$/,
    "objdump writes FWAIT and what follows as one",
  ],
];

const few = ["/bin/bash", "/lib/x86_64-linux-gnu/libc.so.6", "/lib64/ld-linux-x86-64.so.2"];
const many = [
  "/usr/bin/perl",
  "/usr/bin/python3",
  "/lib/x86_64-linux-gnu/libm.so.6",
  "/usr/lib/x86_64-linux-gnu/libcrypto.so.3",
];
const files = Number(process.env["WHERRY_CASES"] ?? 0) >= 1000 ? [...few, ...many] : few;
const hasObjdump = spawnSync("objdump", ["--version"]).status === 0;

describe.skipIf(!hasObjdump)("the decoder agrees with objdump", () => {
  test.for(files)("on %s", async (file, { skip }) => {
    skip(!existsSync(file), `${file} is not on this machine`);
    const { instructions, disagreements } = await compareWithObjdump(file);
    const unknown = [...disagreements]
      .filter(([key]) => !known.some(([pattern]) => pattern.test(key)))
      .map(([key, { count, first }]) => `${key}: ${count} times, first ${first.bytes}`);
    expect(instructions).toBeGreaterThan(10_000);
    expect(unknown).toEqual([]);
  });
});
