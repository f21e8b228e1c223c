/**
 * How a region keeps each vector register: code compiled for scalar floating point uses the lowest lane only, which then
 * has a local of its own beside the whole register, so that no operation has to take it out and put it back.
 */
import { state } from "../state.ts";
import type { Operation } from "./operation.ts";
import { vectorRegister } from "./operation.ts";
import type { BasicBlock } from "./region.ts";

/** One local for the whole register, or one more that holds its lowest lane. */
export type View = "v128" | "f64" | "f32";

/** By number of the register. */
export function vectorViews(blocks: readonly BasicBlock[]): View[] {
  const uses = Array.from({ length: 16 }, () => ({ v128: 0, f64: 0, f32: 0 }));
  for (const block of blocks) for (const operation of block.operations) countUses(operation, uses);
  return uses.map(({ v128, f64, f32 }) => {
    const scalar = f64 >= f32 ? "f64" : "f32";
    return Math.max(f64, f32) > v128 ? scalar : "v128";
  });
}

function countUses(operation: Operation, uses: readonly Record<View, number>[]): void {
  const { operands } = operation.form.parsed;
  const isMove = operands.length === 2 && operands.every(({ kind }) => kind === "V" || kind === "W");
  // A copy, or what clears a register, suits every view.
  if (isMove && !operation.form.memory && (operation.form.parsed.row.name.startsWith("MOV") || isSame(operation)))
    return;
  for (const operand of operands) {
    const isVector = operand.kind === "V" || operand.kind === "H" || (operand.kind === "W" && !operation.form.memory);
    if (!isVector) continue;
    const register = vectorRegister(
      operand.kind === "V" ? operation.r : operand.kind === "W" ? operation.m : operation.secondImmediate & 0xffff,
    );
    if (register < 0) continue;
    // A scalar loaded into a cleared register.
    const loaded = operand.size === 128 && !operand.read && operation.form.memory ? operands[1]?.memorySize : 0;
    const bits = loaded === 64 || loaded === 32 ? loaded : operand.size;
    uses[register]![bits === 64 ? "f64" : bits === 32 ? "f32" : "v128"]++;
  }
}

function isSame({ r, m }: Operation): boolean {
  return r === m && r >= state.xmm;
}
