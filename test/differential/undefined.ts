/** Which flags a case leaves undefined: what its row says, and what depends on operands. */
import type { FormCase } from "./cases.ts";

/** Letters of undefined flags (Intel SDM vol. 2, "Flags Affected" of each instruction). */
export function undefinedFlags(test: FormCase): string {
  const { row } = test.form.parsed;
  return row.undefined ?? "";
}
