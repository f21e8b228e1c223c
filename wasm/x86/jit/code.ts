/**
 * Reads guest code for the compiler: single operations and basic blocks, by virtual address, whatever pages they cross.
 */
import { decoded, InstructionDecoder } from "../instruction.ts";
import type { CpuLevel } from "../types.ts";
import { formTraits } from "../traits.ts";
import { operationOf, type Operation } from "./operation.ts";

export interface CodeSource {
  readonly level: CpuLevel;
  bytes(): Uint8Array;
  /** Frame that a guest page is mapped to for execution in the current address space, or 0. */
  frameOf(page: number): number;
}

/** How control leaves an operation. */
export const flow = { next: 0, branch: 1, jump: 2, call: 3, computed: 4, computedCall: 5, ret: 6, leaves: 7 } as const;

export function flowOf(operation: Operation): number {
  const { row } = operation.form.parsed;
  if (row.name === "CALL") return operation.target === null ? flow.computedCall : flow.call;
  if (row.name === "JMP") return operation.target === null ? flow.computed : flow.jump;
  if (row.name === "RET") return flow.ret;
  if (operation.target !== null) return flow.branch;
  return formTraits().ends[operation.form.id] === 1 ? flow.leaves : flow.next;
}

/** Instructions that work on the registers in memory: they are left to the interpreter. */
export function isInterpreted(operation: Operation): boolean {
  return operation.form.parsed.row.interpreted === true;
}

const one = new InstructionDecoder();
const crossing = new Uint8Array(32);

export function pageOf(address: number): number {
  return address - (address % 4096);
}

/** The operation at an address, its offsets relative to `origin`; null if there is none that can be decoded. */
export function readOperation(source: CodeSource, address: number, origin: number): Operation | null {
  const page = pageOf(address);
  const frame = source.frameOf(page);
  if (frame === 0) return null;
  const at = address - page;
  one.level = source.level;
  const bytes = source.bytes();
  let status = one.decode(bytes, frame + at, frame + 4096);
  if (status === decoded.needMore) {
    const second = source.frameOf(page + 4096);
    if (second === 0) return null;
    const head = 4096 - at;
    crossing.fill(0);
    crossing.set(bytes.subarray(frame + at, frame + 4096));
    crossing.set(bytes.subarray(second, second + 15), head);
    status = one.decode(crossing, 0, head + 15);
  }
  return status === decoded.ok ? operationOf(one, address - origin) : null;
}
