/** Which forms this machine's processor can run. */
import type { Form } from "./cases.ts";

/** Row features by the names /proc/cpuinfo has. */
const cpuinfoNames: Record<string, string> = {
  sse3: "pni",
  "sse4.1": "sse4_1",
  "sse4.2": "sse4_2",
  x87: "fpu",
  cmpxchg16b: "cx16",
  lahf: "lahf_lm",
  sha: "sha_ni",
  lzcnt: "abm",
};

/** What the processor lacks for a form, or null. */
export function lacking(form: Form, host: ReadonlySet<string>): string | null {
  const { feature, name, operands } = form.parsed.row;
  // Which components there are differs.
  if (/^X(SAVE|RSTOR)/.test(name) && !host.has("avx")) return "avx";
  // AMD's processors have offsets of at most 32 bits in far pointers.
  if (operands.includes("Mp") && form.size === 64 && !host.has("intel")) return "far pointers with 64-bit offsets";
  return feature === undefined || host.has(cpuinfoNames[feature] ?? feature) ? null : feature;
}
