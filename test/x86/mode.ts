/**
 * Which tiers a test's processor uses, by the environment: WHERRY_ENGINE=interp (interpreter only), jit (everything
 * compiled before it first runs) or normal (hot code compiled), the default.
 */
import type { JitMode } from "../../wasm/x86/types.ts";

const modes: Record<string, JitMode> = { interp: "off", jit: "force", normal: "on" };

export function jitMode(): JitMode {
  const name = process.env["WHERRY_ENGINE"] ?? "normal";
  const mode = modes[name];
  if (mode === undefined) throw new Error(`WHERRY_ENGINE is interp, jit or normal, not ${name}`);
  return mode;
}
