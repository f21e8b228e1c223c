/**
 * The decoder against objdump over real programs: every instruction's length and name. Disagreements are listed with
 * their reasons; any other one fails. WHERRY_CASES=1000 takes the whole text of each.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { describe, expect, test } from "vitest";
import type { CpuLevel } from "../../wasm/x86/types.ts";
import { everyOpcode, everyVexOpcode } from "./candidates.ts";
import { compareBytes, compareProgram, type Comparison } from "./objdump.ts";

type Known = readonly (readonly [pattern: RegExp, reason: string])[];

/** What is not decoded at x86-64-v2, and why. */
const knownV2: Known = [
  [/^missing v/, "AVX: CPUID does not offer it"],
  [/^missing (andn|bextr|bls(i|r|msk)|bzhi|mulx|pdep|pext|rorx|sarx|shlx|shrx)$/, "BMI1 and BMI2: not offered"],
];
/** What is not decoded, or called otherwise, at any level. */
const known: Known = [
  [/^missing EVEX$/, "AVX-512: not offered"],
  [/^missing (vaes(enc|dec)(last)?|vpclmulqdq) ymm$/, "VAES, VPCLMULQDQ: not offered"],
  [/^missing (vgf2p8\w+|vpdp\w+|\{vex\})( ymm)?$/, "GFNI, AVX-VNNI, AVX-IFMA: not offered"],
  [/^missing (vcvtne\w+|vbcstne\w+)( ymm)?$/, "AVX-NE-CONVERT: not offered"],
  [/^missing (cmp\w+xadd|(ld|st)tilecfg|tile\w+|tdp\w+)$/, "CMPccXADD, AMX: not offered"],
  [/^missing (vfn?m(add|sub|addsub|subadd)[ps][sd]|vpermil2p[sd])( ymm)?$/, "FMA4, XOP of AMD: not offered"],
  [/^missing (vzero(upper|all)|v(ld|st)mxcsr)$/, "with a prefix that makes it invalid"],
  [/^missing k(mov|ortest|test|unpck|or|xnor|xor|and|not|add|shift)/, "AVX-512 masks: not offered"],
  [/^missing (gf2p8\w+|aes(enc|dec)\w*\d+kl)$/, "GFNI, Key Locker: not offered"],
  [/^missing x(abort|begin|end|test)$/, "TSX: not offered"],
  [/^missing (rd|wr)pkru$/, "protection keys: not offered"],
  [/^missing (xsave\w*|xrstor\w*|xgetbv)$/, "with a prefix that makes it invalid"],
  [/^missing (rdpru|serialize|ptwrite)$/, "not offered"],
  [/^missing (extrq|insertq|movnts[sd]|femms|clzero|mwaitx|monitorx)$/, "SSE4a, 3DNow! and others of AMD: not offered"],
  [/^missing (x(store|crypt|sha)\S*|montmul)$/, "VIA PadLock: not offered"],
  [/^missing (tpause|umonitor|umwait|senduipi|clui|stui|testui|uiret|movdir\w+|enqcmds?)$/, "not offered"],
  [/^missing (loadiwkey|encodekey\d+|a(add|and|or|xor)|invept|invvpid|invpcid|getsec)$/, "not offered"],
  [/^(missing|name) (\w*ss(p|psp|pbusy|bsy)|(rd|inc)ssp[dq]|wru?ss[dq])( \(NOP\))?$/, "shadow stacks: not offered"],
  [/^name (bnd\w+|cldemote|endbr32) \(NOP\)$/, "run as NOPs where they are not offered"],
  [/^missing (stac|clac|rsm|sysenter|sysexit[dq]|monitor|mwait)$/, "#UD in user mode"],
  [
    /^missing (vm\w+|encl[usv]+|skinit|stgi|clgi|invlpg[ab]|pconfig|hlt|psmash|pvalidate|rmp\w+|tlbsync)$/,
    "privileged, and not offered",
  ],
  [/^missing (wrmsrns|(rd|wr)msrlist|tdcall|seam\w+|mcommit|x(sus|res)ldtrk|xbeginw?)$/, "not offered"],
  [/^name (push|pop|pushf|popf|ret|enter|leave|call|jmp)w \(/, "objdump's suffix for prefix 66"],
  [/^name x(acquire|release) \(/, "hints of TSX, ignored where it is not offered"],
  [/^name v?pcmpestr[im]q \(/, "objdump's suffix for REX.W"],
  [/^name fx(save|rstor)64 \(/, "one row serves both: pointers are not kept"],
  [/^missing mov$/, "segment and control registers that do not exist"],
  [/^missing frstpm\(287$/, "#UD since the 80387"],
  [/^missing (fx(save|rstor)(64)?|(ld|st)mxcsr|sfence|xsetbv)$/, "with a prefix that makes it invalid"],
  [
    /^missing (movbe|prefetch\w*|cmpxchg(8|16)b|mov(q2dq|dq2q|ntq)|maskmov(q|dqu)|pextrw|pmovmskb)$/,
    "a form objdump lets pass",
  ],
  [/^length j\w+ \(/, "prefix 66: Intel's processors ignore it, objdump and AMD's read 16 bits"],
  [/^extra \(bad\) \((FCOMP?|FSTP|FXCH)\)$/, "aliases that assemblers do not use"],
  [/^extra \(bad\) \((WBINVD|[LMS]FENCE|BS[FR])\)$|^name wbnoinvd/, "meaningless prefixes, ignored"],
  [/^name \w+ \(FWAIT\)$|^name rex\.W/, "objdump writes FWAIT and what follows as one"],
];

const oxlint = "node_modules/@oxlint/binding-linux-x64-gnu/oxlint.linux-x64-gnu.node";
/**
 * Of C compilers (not libcrypto, which has tables among its code), and of those of Rust and Go; a JavaScript engine. At v3
 * those that have code for such processors.
 */
const programs: Readonly<Record<CpuLevel, readonly string[]>> = {
  "x86-64-v2": [
    "/bin/bash",
    "/lib/x86_64-linux-gnu/libc.so.6",
    "/lib64/ld-linux-x86-64.so.2",
    "/lib/x86_64-linux-gnu/libm.so.6",
    "/usr/bin/perl",
    "/usr/bin/python3",
    process.execPath,
    oxlint,
    "node_modules/@oxlint-tsgolint/linux-x64/tsgolint",
  ],
  "x86-64-v3": ["/lib/x86_64-linux-gnu/libc.so.6", "/lib/x86_64-linux-gnu/libm.so.6", process.execPath, oxlint],
};
/** Large programs are compared in part: WHERRY_CASES=1000 takes all of each. */
const textBytesMax = Number(process.env["WHERRY_CASES"] ?? 0) >= 1000 ? Number.POSITIVE_INFINITY : 1 << 19;
/** Programs of the demo image, whose versions may be others than this machine's. */
const inImage = ["lib", "usr/lib"]
  .map((folder) => `./${folder}/x86_64-linux-gnu/libc.so.6`)
  .concat("./usr/bin/perl", "./usr/bin/python3.11");
const image = "public/images/debian.tar";
const hasObjdump = spawnSync("objdump", ["--version"]).status === 0;

function unexpected(disagreements: Comparison["disagreements"], level: CpuLevel): string[] {
  const here = level === "x86-64-v3" ? known : [...knownV2, ...known];
  return [...disagreements]
    .filter(([key]) => !here.some(([pattern]) => pattern.test(key)))
    .map(([key, { count, first }]) => `${key}: ${count} times, first ${first.bytes}`);
}

describe.skipIf(!hasObjdump)("the decoder agrees with objdump", () => {
  const judge = ({ instructions, disagreements }: Comparison, level: CpuLevel): void => {
    expect(instructions).toBeGreaterThan(10_000);
    expect(unexpected(disagreements, level)).toEqual([]);
  };
  const agrees = async (file: string, level: CpuLevel): Promise<void> =>
    judge(await compareProgram(file, textBytesMax, level), level);
  for (const [level, files] of Object.entries(programs) as [CpuLevel, readonly string[]][])
    for (const file of files)
      test(`on ${file}, ${level}`, async ({ skip }) => {
        skip(!existsSync(file), `${file} is not on this machine`);
        await agrees(file, level);
      });

  test("on the demo image's programs", async ({ skip }) => {
    skip(!existsSync(image), "the demo images are not built");
    const folder = mkdtempSync(join(tmpdir(), "wherry-image-"));
    const tar = (options: readonly string[]): void => {
      spawnSync("tar", ["-C", folder, ...options], { stdio: "ignore" });
    };
    try {
      tar(["-xf", resolve(image)]);
      // Every blob that is a layer gives what it has.
      for (const blob of readdirSync(join(folder, "blobs/sha256")))
        for (const file of inImage) tar(["-xf", join(folder, "blobs/sha256", blob), file]);
      const found = inImage.map((file) => join(folder, file)).filter((file) => existsSync(file));
      expect(found.length).toBeGreaterThan(0);
      for (const file of found) await agrees(file, "x86-64-v2");
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test.each([
    ["on every opcode with every prefix and ModRM.reg", "x86-64-v2", everyOpcode],
    ["on every opcode with every prefix and ModRM.reg, x86-64-v3", "x86-64-v3", everyOpcode],
    ["on every VEX opcode with every prefix, length and ModRM.reg", "x86-64-v3", everyVexOpcode],
  ] as const)("%s", async (_, level, candidates) => {
    const folder = mkdtempSync(join(tmpdir(), "wherry-opcodes-"));
    try {
      const file = join(folder, "opcodes");
      writeFileSync(file, candidates());
      judge(await compareBytes(file, level), level);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
