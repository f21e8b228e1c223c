/**
 * Which tiers a test's processor uses: the interpreter only, everything compiled before it first runs, or hot code
 * compiled. Results must be the same in each. WHERRY_ENGINE=interp, jit or normal chooses one for all tests; without it
 * the tests of `engines` run once in each, the others normally.
 */
import type { JitMode } from "../../wasm/x86/types.ts";

const modes = { interp: "off", jit: "force", normal: "on" } as const satisfies Record<string, JitMode>;
export type EngineMode = keyof typeof modes;

const all = Object.keys(modes) as EngineMode[];
const wanted = process.env["WHERRY_ENGINE"];
if (wanted !== undefined && !Object.hasOwn(modes, wanted))
  throw new Error(`WHERRY_ENGINE is ${all.join(" or ")}, not ${wanted}`);

/** For `describe.each`. */
export const engines: readonly EngineMode[] = wanted === undefined ? all : [wanted as EngineMode];

/** What createCpu() is told. */
export function jitMode(engine: EngineMode = (wanted as EngineMode | undefined) ?? "normal"): JitMode {
  return modes[engine];
}
