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
  /** The same, because an access of it missed the TLB. */
  missed: 3,
} as const;

/** Functions of the interpreter's module that regions call, besides the helpers of rows: parameters and results. */
const services: Record<string, readonly [readonly ValueType[], readonly ValueType[]]> = {
  onward: [["i64", "i32"], ["i32"]],
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

/** Functions by name: those imported so far, or all there are. */
export interface RegionFunctions {
  get(name: string): FunctionRef | undefined;
}

/** Declares all imports a module of regions may have. */
export function importRegionFunctions(m: ModuleBuilder): RegionFunctions {
  const lazily = importsAsNeeded(m);
  for (const name of regionImports()) lazily.get(name);
  return lazily;
}

/** Declares each when it is first asked for, in a module that takes imports late. */
export function importsAsNeeded(m: ModuleBuilder): RegionFunctions {
  const imports = new Map<string, FunctionRef>();
  return {
    get(name) {
      let imported = imports.get(name);
      if (imported !== undefined) return imported;
      const service = services[name];
      const helper = helpers.get(name) ?? hostHelpers.get(name);
      if (service !== undefined) imported = m.importFunction("region", name, ...service);
      else if (helper !== undefined) imported = m.importFunction("region", name, helper.params, helper.results);
      else return undefined;
      imports.set(name, imported);
      return imported;
    },
  };
}
