/**
 * Helper functions that rows call by name: work too bulky to repeat in every arm. A helper is a wasm function built with
 * the module writer (`helper`), or a host function of JavaScript (`hostHelper`) for what wasm has no instruction for
 * (transcendental functions). Both tiers call the same ones.
 *
 *     helper("popcount8", ["i32"], ["i32"], (f) => f.result(i32.popcnt(f.param(0))));
 *     // in a body: e.call("popcount8", e.get(1))
 */
import type { Expression, ValueType } from "../encode/expression.ts";
import type { FunctionBuilder } from "../encode/module.ts";

export interface HelperContext {
  /** Calls another helper. */
  call(name: string, ...args: Expression[]): Expression;
}

export interface Helper {
  readonly name: string;
  readonly params: readonly ValueType[];
  readonly results: readonly ValueType[];
  readonly build: (f: FunctionBuilder, context: HelperContext) => void;
}

export interface HostHelper {
  readonly name: string;
  readonly params: readonly ValueType[];
  readonly results: readonly ValueType[];
  /** i64 arguments and results are BigInt. */
  readonly make: (memory: WebAssembly.Memory) => (...args: never[]) => unknown;
}

export const helpers = new Map<string, Helper>();
export const hostHelpers = new Map<string, HostHelper>();

export function helper(
  name: string,
  params: readonly ValueType[],
  results: readonly ValueType[],
  build: Helper["build"],
): void {
  if (helpers.has(name) || hostHelpers.has(name)) throw new Error(`two helpers are named ${name}`);
  helpers.set(name, { name, params, results, build });
}

export function hostHelper(
  name: string,
  params: readonly ValueType[],
  results: readonly ValueType[],
  make: HostHelper["make"],
): void {
  if (helpers.has(name) || hostHelpers.has(name)) throw new Error(`two helpers are named ${name}`);
  hostHelpers.set(name, { name, params, results, make });
}
