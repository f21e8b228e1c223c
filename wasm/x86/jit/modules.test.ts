import { afterEach, expect, test, vi } from "vitest";
import { regionImports } from "./interface.ts";
import { regionBodies } from "./link.ts";
import { RegionModules } from "./modules.ts";

/** A region that answers a constant: no hints, no locals, `i32.const`. */
const answering = (value: number): Uint8Array => Uint8Array.of(0, 0, 0x41, value, 0x0b);

const nothing = (): number => 0;
const imports: Record<string, WebAssembly.ImportValue> = {
  memory: new WebAssembly.Memory({ initial: 1000 }),
  ...Object.fromEntries(regionImports().map((name) => [name, nothing])),
};

const compile = vi.spyOn(WebAssembly, "compile");
afterEach(() => compile.mockClear());

async function answers(modules: RegionModules, ...values: number[]): Promise<unknown[]> {
  const functions = await modules.functions(values.map(answering), imports);
  return functions.map((region) => (region as (...all: unknown[]) => unknown)(0, 0n, 0));
}

test("what was compiled once is not compiled again, in whatever order it is asked for", async () => {
  const modules = new RegionModules();
  expect(await answers(modules, 1, 2, 3)).toEqual([1, 2, 3]);
  expect(await answers(modules, 4)).toEqual([4]);
  expect(compile).toHaveBeenCalledTimes(2);
  expect(await answers(modules, 3, 4, 1)).toEqual([3, 4, 1]);
  expect(compile).toHaveBeenCalledTimes(2);
});

test("only what is not known is compiled", async () => {
  const modules = new RegionModules();
  await answers(modules, 1, 2);
  expect(await answers(modules, 5, 2, 6)).toEqual([5, 2, 6]);
  expect(regionBodies(compile.mock.calls[1]![0] as Uint8Array)).toEqual([answering(5), answering(6)]);
});

test("the modules used last stay, up to a size", async () => {
  const modules = new RegionModules(3 * answering(0).length);
  await answers(modules, 1);
  await answers(modules, 2);
  await answers(modules, 3);
  await answers(modules, 1);
  await answers(modules, 4);
  compile.mockClear();
  expect(await answers(modules, 1, 3, 4)).toEqual([1, 3, 4]);
  expect(compile).toHaveBeenCalledTimes(0);
  expect(await answers(modules, 2)).toEqual([2]);
  expect(compile).toHaveBeenCalledTimes(1);
});
