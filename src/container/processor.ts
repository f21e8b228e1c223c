/**
 * The emulator's processor as users choose it: which instructions it has, and whether it compiles hot code. One place
 * for names and messages: the command line, the API and share links all read their values here.
 */
import type { CpuLevel, JitMode } from "../../wasm/x86/types.ts";
import { WherryError } from "../base/errors.ts";

export const cpuLevels = ["x86-64-v2", "x86-64-v3"] as const satisfies readonly CpuLevel[];
export const jitModes = ["on", "off", "force"] as const satisfies readonly JitMode[];

export const defaultCpuLevel: CpuLevel = "x86-64-v2";
export const defaultJitMode: JitMode = "on";

/** "x86-64-v3", or "v3" for short. */
export function parseCpuLevel(text: string): CpuLevel {
  const found = cpuLevels.find((level) => level === text || level === `x86-64-${text}`);
  if (found === undefined)
    throw new WherryError("usage", `unknown processor: ${text} (${cpuLevels.join(" and ")} are known)`, {
      exitCode: 125,
    });
  return found;
}

export function parseJitMode(text: string): JitMode {
  const found = jitModes.find((mode) => mode === text);
  if (found === undefined)
    throw new WherryError("usage", `unknown jit mode: ${text} (on, off and force are known)`, { exitCode: 125 });
  return found;
}
