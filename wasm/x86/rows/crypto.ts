/** AES, carry-less multiplication, SHA: the work is in the soft module (assembly/aes.ts, assembly/sha.ts). */
import { i32, select } from "../../encode/numeric.ts";
import { i64x2 } from "../../encode/simd.ts";
import { row } from "../row.ts";
import "../soft.ts";

for (const [name, opcode] of [
  ["AESENC", "DC"],
  ["AESENCLAST", "DD"],
  ["AESDEC", "DE"],
  ["AESDECLAST", "DF"],
] as const)
  row(name, `66 0F 38 ${opcode} /r`, "Vdq! Wdq", { feature: "aes" }, (e) =>
    e.putV(0, e.call(`soft.${name.toLowerCase()}`, e.v(0), e.v(1))),
  );
row("AESIMC", "66 0F 38 DB /r", "Vdq= Wdq", { feature: "aes" }, (e) => e.putV(0, e.call("soft.aesimc", e.v(1))));
row("AESKEYGENASSIST", "66 0F 3A DF /r", "Vdq= Wdq Ib", { feature: "aes" }, (e) =>
  e.putV(0, e.call("soft.aeskeygenassist", e.v(1), e.get(2))),
);

// Bit 0 of the immediate chooses the half of the first operand, bit 4 that of the second.
row("PCLMULQDQ", "66 0F 3A 44 /r", "Vdq! Wdq Ib", { feature: "pclmulqdq" }, (e) => {
  const control = e.let(e.get(2));
  const half = (operand: number, bit: number) => {
    const value = e.let(e.v(operand));
    const chosen = i32.and(control, i32.const(bit));
    return e.let(select(chosen, i64x2.extractLane(value, 1), i64x2.extractLane(value, 0)));
  };
  e.putV(0, e.call("soft.carryless", half(0, 1), half(1, 16)));
});

/** Intel's processors want the memory operand aligned, AMD's do not. */
const sha = { feature: "sha", unaligned: true };
for (const [name, opcode] of [
  ["SHA1NEXTE", "C8"],
  ["SHA1MSG1", "C9"],
  ["SHA1MSG2", "CA"],
  ["SHA256MSG1", "CC"],
  ["SHA256MSG2", "CD"],
] as const)
  row(name, `NP 0F 38 ${opcode} /r`, "Vdq! Wdq", sha, (e) =>
    e.putV(0, e.call(`soft.${name.toLowerCase()}`, e.v(0), e.v(1))),
  );
row("SHA1RNDS4", "NP 0F 3A CC /r", "Vdq! Wdq Ib", sha, (e) =>
  e.putV(0, e.call("soft.sha1rnds4", e.v(0), e.v(1), e.get(2))),
);
row("SHA256RNDS2", "NP 0F 38 CB /r", "Vdq! Wdq", sha, (e) =>
  e.putV(0, e.call("soft.sha256rnds2", e.v(0), e.v(1), e.xmm(0))),
);
