import { expect, test } from "vitest";
import { assemble, codeAddress } from "../../../test/x86/machine.ts";
import type { CodeSource } from "./code.ts";
import { discover, type Guide, type Region } from "./region.ts";
import { vectorViews } from "./views.ts";

/** Encodes nothing in 64-bit mode. */
const nothing = 0x06;

interface Found {
  /** Guest code in Intel's syntax; `at` names places in it by their offsets. */
  readonly code: string;
  readonly guide?: Partial<Guide>;
  readonly start?: number;
  /** Pages of code there are. */
  readonly pages?: number;
}

function find({ code, guide, start = 0, pages = 2 }: Found): Region {
  const frame = 4096;
  const bytes = assemble(code);
  const memory = new Uint8Array(3 * frame).fill(nothing);
  memory.set(bytes, frame);
  const source: CodeSource = {
    level: "x86-64-v2",
    bytes: () => memory,
    frameOf: (page) => (page >= codeAddress && page < codeAddress + 4096 * pages ? page - codeAddress + frame : 0),
  };
  const region = discover(
    source,
    {
      blocksMax: 16,
      instructionsMax: 100,
      repeatedMax: 10,
      covered: () => false,
      weight: () => 1,
      targets: () => [],
      ...guide,
    },
    codeAddress + start,
  );
  if (region === null) throw new Error("no region");
  return region;
}

/** Offset of each block, and where it leads. */
function shape(region: Region): Record<number, number[]> {
  return Object.fromEntries(
    region.blocks.map(({ offset, successors }) => [offset, [...successors].sort((a, b) => a - b)]),
  );
}

test("a loop, and the block that another jumps into the middle of", () => {
  const region = find({ code: "mov ecx, 5\n1: add eax, ecx\n dec ecx\n jnz 1b\n ret" });
  expect(shape(region)).toEqual({ 0: [5], 5: [5, 11], 11: [] });
  expect([...region.entries]).toEqual([0]);
  expect([...region.pages.keys()]).toEqual([0]);
});

test("where control never went stays out", () => {
  const region = find({
    code: "1: test eax, eax\n jz 2f\n dec ecx\n jnz 1b\n 2: ret",
    guide: { weight: (_, to) => (to === codeAddress + 8 ? 0 : 1) },
  });
  expect(shape(region)).toEqual({ 0: [4], 4: [0] });
});

test("what is far colder than the rest stays out", () => {
  const code = "1: test eax, eax\n jz 2f\n dec ecx\n jnz 1b\n ret\n 2: ret";
  const guide = (cold: number): Partial<Guide> => ({
    weight: (_, to) => (to === codeAddress + 9 ? cold : to === codeAddress + 8 ? 0 : 1000),
  });
  expect(Object.keys(shape(find({ code, guide: guide(100) })))).toEqual(["0", "4", "9"]);
  expect(Object.keys(shape(find({ code, guide: guide(1) })))).toEqual(["0", "4"]);
});

test("a return leads to all calls of the region", () => {
  const region = find({ code: "call 2f\n call 2f\n syscall\n 2: inc eax\n ret" });
  expect(shape(region)).toMatchObject({ 0: [12], 5: [12], 12: [5, 10] });
  expect([...region.entries].sort((a, b) => a - b)).toEqual([0, 12]);
});

test("behind a call that leads out, the region may be entered", () => {
  const region = find({
    code: "call 2f\n inc eax\n ret\n 2: ret",
    guide: { weight: (_, to) => (to === codeAddress + 8 ? 0 : 1) },
  });
  // Control never came back from there: it is not wanted at all.
  expect(shape(region)).toEqual({ 0: [] });
  const other = find({
    code: "call rax\n inc eax\n ret",
    guide: { targets: (from) => (from === codeAddress ? [[codeAddress + 0x100000, 9]] : []) },
  });
  expect(shape(other)).toEqual({ 0: [], 2: [] });
  expect([...other.entries]).toEqual([0, 2]);
});

test("computed jumps lead where they were seen to go, most frequent first", () => {
  const region = find({
    code: "jmp rax\n inc eax\n jmp rax\n dec eax\n jmp rax",
    guide: {
      targets: () => [
        [codeAddress + 6, 9],
        [codeAddress + 2, 4],
      ],
    },
  });
  expect(region.blocks.map(({ offset }) => offset)).toEqual([0, 6, 2]);
  expect(region.blocks[0]!.seen).toEqual([6, 2]);
});

test("what is interpreted ends a block, and the region is entered again behind it", () => {
  const region = find({ code: "inc eax\n rep movsb\n dec eax\n ret" });
  expect(region.blocks[0]).toMatchObject({ offset: 0, end: 2, truncated: true, successors: [] });
  expect(region.blocks[1]).toMatchObject({ offset: 4, truncated: false });
  expect([...region.entries]).toEqual([0, 4]);
});

test("limits: blocks, instructions, and what another region has", () => {
  const code = `${"inc eax\n jz 1f\n".repeat(8)} 1: ret`;
  expect(find({ code, guide: { blocksMax: 3 } }).blocks).toHaveLength(3);
  const few = find({ code, guide: { instructionsMax: 5 } });
  expect(few.blocks.reduce((sum, { operations }) => sum + operations.length, 0)).toBeLessThanOrEqual(6);
  const long = `jz 1f\n ${"inc eax\n".repeat(150)} ret\n 1: ret`;
  const covered = (address: number): boolean => address === codeAddress + 6;
  expect(shape(find({ code: long, guide: { covered } }))[6]).toBeUndefined();
});

test("what another region has is compiled once more only where control comes back from it", () => {
  const covered = (address: number): boolean => address >= codeAddress + 16;
  const function16 = ".org 16\n inc eax\n ret";
  expect(
    shape(find({ code: `jz 1f\n dec eax\n 1: jmp 2f\n ${function16}\n 2: dec eax\n ret`, guide: { covered } })),
  ).toEqual({
    0: [2, 4],
    2: [4],
    4: [],
  });
  expect(shape(find({ code: `call 1f\n dec eax\n ret\n .org 16\n 1: inc eax\n ret`, guide: { covered } }))).toEqual({
    0: [16],
    5: [],
    16: [5],
  });
});

test("short functions that other regions have as well are compiled where they are called, besides the rest", () => {
  const covered = (address: number): boolean => address >= codeAddress + 64;
  const code = `${"inc eax\n inc eax\n inc eax\n call 1f\n".repeat(5)} ret\n .org 64\n 1: ${"dec eax\n".repeat(8)} ret`;
  const size = (guide: Partial<Guide>): number => {
    const { blocks } = find({ code, guide: { covered, ...guide } });
    expect(blocks[1]).toMatchObject({ offset: 64 });
    return blocks.reduce((sum, { operations }) => sum + operations.length, 0);
  };
  expect(size({ instructionsMax: 12 })).toBe(12 + 9);
  expect(size({ instructionsMax: 100 })).toBe(21 + 9);
});

test("an instruction across two pages needs both", () => {
  const code = ".org 4093\n mov eax, 0x12345678\n ret";
  const region = find({ code, start: 4093 });
  expect(region.blocks[0]).toMatchObject({ offset: 4093, end: 4099, truncated: false });
  expect([...region.pages]).toEqual([
    [0, 4096],
    [4096, 8192],
  ]);
  expect(() => find({ code, start: 4093, pages: 1 })).toThrow("no region");
});

test("vector registers used for scalars have a local for the lowest lane", () => {
  const view = (code: string): string[] => vectorViews(find({ code }).blocks).slice(0, 4);
  expect(view("mulsd xmm0, xmm1\n addsd xmm0, [rdi]\n ret")).toEqual(["f64", "f64", "v128", "v128"]);
  expect(view("mulss xmm0, xmm1\n addps xmm2, xmm3\n ret")).toEqual(["f32", "f32", "v128", "v128"]);
  // Loading one clears the rest; copying and clearing suit any view.
  expect(view("movsd xmm3, [rdi]\n xorps xmm2, xmm2\n movaps xmm1, xmm3\n ret")).toEqual([
    "v128",
    "v128",
    "v128",
    "f64",
  ]);
  // The more frequent use wins.
  expect(view("mulsd xmm0, xmm0\n paddd xmm0, xmm1\n paddd xmm0, xmm2\n paddd xmm0, xmm3\n ret")[0]).toBe("v128");
});
