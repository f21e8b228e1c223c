/** Which flags a case leaves undefined: what its row says, and what depends on operands. */
import type { FormCase } from "./cases.ts";

/** The shift count of a case, as masked by the processor. */
export function shiftCount(test: FormCase): number {
  const { row } = test.form.parsed;
  const last = row.operands.split(" ").at(-1);
  const raw = last === "1" ? 1 : last === "CL" ? Number((test.registers[1] ?? 0n) & 0xffn) : test.immediate;
  return raw & (test.form.size === 64 ? 63 : 31);
}

/** Letters of undefined flags (Intel SDM vol. 2, "Flags Affected" of each instruction). */
export function undefinedFlags(test: FormCase): string {
  const { row } = test.form.parsed;
  let letters = row.undefined ?? "";
  // OF is defined for rotations by one only.
  if (/^(ROL|ROR|RCL|RCR)$/.test(row.name) && shiftCount(test) !== 1) letters += "o";
  return letters;
}
