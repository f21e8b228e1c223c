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
};

export function isSupported(form: Form, host: ReadonlySet<string>): boolean {
  const feature = form.parsed.row.feature;
  return feature === undefined || host.has(cpuinfoNames[feature] ?? feature);
}
