/**
 * The WebAssembly made of a dozen representative pieces of guest code, as text: what a change of the compiler changes is
 * seen here first. `npx vitest run --project unit wasm/x86/jit/golden -u` writes it anew.
 */
import binaryen from "binaryen";
import { expect, test } from "vitest";
import { assemble, codeAddress } from "../../../test/x86/machine.ts";
import type { CodeSource } from "./code.ts";
import { compileRegions, type CompileOptions } from "./compile.ts";
import { discover } from "./region.ts";

/** Guest code, at `codeAddress`; its computed jump was seen to go to `jumpTargets`. */
const snippets: Record<string, string> = {
  "loop that counts down": "1: add rax, rcx\n sub rcx, 1\n jnz 1b\n syscall",
  "read, change and write in memory": "add dword ptr [rdi + 8], eax\n inc qword ptr [rdi + rcx*8]\n syscall",
  "loop over an array": "1: movzx eax, byte ptr [rdi + rcx]\n mov [rsi], eax\n add rsi, 4\n dec rcx\n jnz 1b\n syscall",
  "call and return": "1: call 2f\n dec rcx\n jnz 1b\n syscall\n2: lea rax, [rax + rdi]\n ret",
  "pushes and pops share one check": "push rbx\n push rbp\n mov rbx, rdi\n pop rbp\n pop rbx\n syscall",
  "flags live where an access may fault": "cmp rax, rdx\n mov rsi, [rdi]\n setb cl\n syscall",
  "compare and branch": "cmp eax, 10\n jg 1f\n mov eax, 1\n syscall\n1: mov eax, 2\n syscall",
  "parts of registers": "mov ah, cl\n add bh, al\n mov cx, dx\n syscall",
  "shift by CL": "shl rax, cl\n sar edx, cl\n syscall",
  "wide multiply and divide": "mul rcx\n div rsi\n syscall",
  "arithmetic of doubles": "1: mulsd xmm0, xmm1\n addsd xmm0, [rdi]\n dec ecx\n jnz 1b\n syscall",
  "packed integers": "paddd xmm0, xmm1\n pxor xmm2, xmm2\n pshufd xmm3, xmm0, 0x1b\n movdqu [rdi], xmm3\n syscall",
  "computed jump": "1: jmp rax\n .org 8\n add ecx, 1\n jmp 1b\n .org 16\n sub ecx, 2\n jmp 1b\n",
  "place relative to RIP": "1: mov eax, [rip + 0x100]\n add [rip + 0x108], eax\n dec ecx\n jnz 1b\n syscall",
};

const jumpTargets = [codeAddress + 8, codeAddress + 16];
/** Encodes nothing in 64-bit mode: what follows the code is not part of it. */
const nothing = 0x06;

/** JMP RAX. */
function isComputed(code: Uint8Array): boolean {
  return code[0] === 0xff && code[1] === 0xe0;
}

function text(code: Uint8Array, options: CompileOptions = {}): string {
  const frame = 4096;
  const memory = new Uint8Array(2 * frame).fill(nothing);
  memory.set(code, frame);
  const source: CodeSource = {
    level: "x86-64-v2",
    bytes: () => memory,
    frameOf: (page) => (page === codeAddress ? frame : 0),
  };
  const guide = {
    blocksMax: 16,
    instructionsMax: 100,
    repeatedMax: 0,
    covered: () => false,
    weight: () => 1,
    targets: () => (isComputed(code) ? jumpTargets.map((target) => [target, 10] as const) : []),
  };
  const region = discover(source, guide, codeAddress);
  if (region === null) throw new Error("nothing to compile");
  const module = binaryen.readBinary(compileRegions([region], { lean: true, ...options }).bytes);
  try {
    return module.emitText();
  } finally {
    module.dispose();
  }
}

test.each(Object.entries(snippets))("%s", async (name, code) => {
  const file = `../../../test/golden/jit/${name.toLowerCase().replaceAll(/\W+/g, "-")}.wat`;
  await expect(text(assemble(code))).toMatchFileSnapshot(file);
});

const pushes = snippets["pushes and pops share one check"];
test.each([
  ["registers in memory", { inMemory: true }],
  ["misses resolved in place", { resolvesMisses: true }],
] as const)("%s", async (name, options) => {
  const file = `../../../test/golden/jit/${name.replaceAll(" ", "-")}.wat`;
  await expect(text(assemble(pushes!), options)).toMatchFileSnapshot(file);
});
