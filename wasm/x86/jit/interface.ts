/** What a compiled region and the interpreter's module know of each other. */
import type { ValueType } from "../../encode/expression.ts";
import type { FunctionRef, ModuleBuilder } from "../../encode/module.ts";
import { helpers, hostHelpers } from "../helpers.ts";
import "../rows/all.ts";

/** (which entry, virtual address of the region's origin, instruction budget) → status; everything else is in memory. */
export const regionSignature = { params: ["i32", "i64", "i32"], results: ["i32"] } as const;

export const regionStatus = {
  /** Go on at `state.rip`. */
  jump: 0,
  /** Leave the guest: `state.exitCode`, `state.rip`. */
  leave: 1,
  /** Go on at `state.rip`, whose first instruction is for the interpreter. */
  interpret: 2,
} as const;

/** Functions of the interpreter's module that regions call, besides the helpers of rows: parameters and results. */
const services: Record<string, readonly [readonly ValueType[], readonly ValueType[]]> = {
  readSlow: [["i64", "i32", "i32"], ["i32"]],
  readHost: [["i64", "i32", "i32"], ["i32"]],
  writeDirect: [["i64", "i32"], ["i32"]],
};
for (const name of ["carryOf", "arithmeticFlagsOf", ...[0, 2, 4, 6, 8, 10, 12, 14].map((code) => `conditionOf${code}`)])
  services[name] = [["i32", "i64", "i64"], ["i32"]];

/** Every function a region may import, in the order of the import section. */
export function regionImports(): string[] {
  return [...Object.keys(services), ...helpers.keys(), ...hostHelpers.keys()];
}

/** Declares the imports of a module of regions. */
export function importRegionFunctions(m: ModuleBuilder): Map<string, FunctionRef> {
  const imports = new Map<string, FunctionRef>();
  for (const [name, [params, results]] of Object.entries(services))
    imports.set(name, m.importFunction("region", name, params, results));
  for (const { name, params, results } of [...helpers.values(), ...hostHelpers.values()])
    imports.set(name, m.importFunction("region", name, params, results));
  return imports;
}
