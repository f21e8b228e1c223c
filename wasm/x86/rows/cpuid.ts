/**
 * What CPUID says: x86-64-v2 (SSE4.2, POPCNT, CMPXCHG16B, LAHF in 64-bit mode) and the smaller extensions since; at
 * x86-64-v3, which is where `state.xcr0` has XSAVE's components, also AVX, AVX2, FMA, F16C, BMI1, BMI2, LZCNT and
 * XSAVE. One processor. Intel SDM vol. 2, CPUID. The vendor string is one that programs know.
 */
import { i32, i64 } from "../../encode/numeric.ts";
import { helper } from "../helpers.ts";
import { state } from "../state.ts";
import { xcr0All, xsaveLayout } from "../types.ts";

/** Leaf 1 EDX: FPU TSC CX8 CMOV CLFSH MMX FXSR SSE SSE2. */
const edx1 = (1 << 0) | (1 << 4) | (1 << 8) | (1 << 15) | (1 << 19) | (1 << 23) | (1 << 24) | (1 << 25) | (1 << 26);
const bits = (...numbers: number[]): number => numbers.reduce((all, bit) => all | (1 << bit), 0);
/** Leaf 1 ECX: SSE3 PCLMULQDQ SSSE3 CX16 SSE4.1 SSE4.2 MOVBE POPCNT AES RDRAND HYPERVISOR. */
const ecx1 = bits(0, 1, 9, 13, 19, 20, 22, 23, 25, 30, 31);
/** What x86-64-v3 adds to leaf 1 ECX: FMA XSAVE OSXSAVE AVX F16C. To leaf 7 EBX: BMI1 AVX2 BMI2. */
const ecx1V3 = bits(12, 26, 27, 28, 29);
const ebx7V3 = bits(3, 5, 8);
/**
 * Leaf 7 EBX: FSGSBASE, enhanced REP MOVSB/STOSB (bulk moves are the fastest thing here), x87 selectors that are always
 * zero, RDSEED ADX CLFLUSHOPT CLWB SHA.
 */
const ebx7 = bits(0, 9, 13, 18, 19, 23, 24, 29);
/** Leaf 7 ECX: RDPID. EDX: fast short REP MOVSB. */
const ecx7 = bits(22);
const edx7 = bits(4);
/** Family 6, model 26, stepping 5: a Nehalem, the first x86-64-v2 processor. Model 60, stepping 3: a Haswell, v3. */
const signature = 0x106a5;
const signatureV3 = 0x306c3;
/** Leaf 1 EBX: what CLFLUSH flushes, in eight bytes; one processor. */
const ebx1 = (8 << 8) | (1 << 16);
/** Leaf 80000001 ECX: LAHF PREFETCHW; at v3 LZCNT. EDX: SYSCALL NX RDTSCP LM. */
const extendedEcx = bits(0, 8);
const extendedEcxV3 = bits(0, 5, 8);
const extendedEdx = bits(11, 20, 27, 29);

const text = (name: string): number[] => {
  const bytes = new TextEncoder().encode(name);
  return [0, 4, 8].map((at) => bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24));
};
const [vendor0, vendor1, vendor2] = text("GenuineIntel") as [number, number, number];
type Leaf = readonly [eax: number, ebx: number, ecx: number, edx: number];

/** Leaves 80000002 to 80000004. */
function brandLeaves(name: string): [number, Leaf][] {
  const brand = new Uint8Array(48);
  brand.set(new TextEncoder().encode(name));
  const words = new Int32Array(brand.buffer);
  return [0, 1, 2].map((i) => [
    0x80000002 + i,
    [words[4 * i]!, words[4 * i + 1]!, words[4 * i + 2]!, words[4 * i + 3]!],
  ]);
}

const leaves: readonly [number, Leaf][] = [
  [0, [13, vendor0, vendor2, vendor1]],
  [1, [signature, ebx1, ecx1, edx1]],
  // Descriptor FF: ask leaf 4.
  [2, [0x00ff01, 0, 0, 0]],
  [7, [0, ebx7, ecx7, edx7]],
  [0x80000000, [0x80000008, vendor0, vendor2, vendor1]],
  [0x80000001, [signature, 0, extendedEcx, extendedEdx]],
  ...brandLeaves("Wherry x86-64-v2 processor"),
  // 64-byte lines, 256 KiB of second-level cache; invariant TSC; 47-bit user, 48-bit addresses.
  [0x80000006, [0, 0, (256 << 16) | (8 << 12) | 64, 0]],
  [0x80000007, [0, 0, 0, 1 << 8]],
  [0x80000008, [(48 << 8) | 40, 0, 0, 0]],
];

/** Those that differ at x86-64-v3. */
const leavesV3: readonly [number, Leaf][] = [
  [1, [signatureV3, ebx1, ecx1 | ecx1V3, edx1]],
  [7, [0, ebx7 | ebx7V3, ecx7, edx7]],
  [0x80000001, [signatureV3, 0, extendedEcxV3, extendedEdx]],
  ...brandLeaves("Wherry x86-64-v3 processor"),
];
/** Leaf 13 by subleaf (Intel SDM vol. 1, 13.2). XSAVEOPT XSAVEC XGETBV with ECX = 1; the AVX component. */
const xsaveLeaves: readonly Leaf[] = [
  [xcr0All, xsaveLayout.bytes, xsaveLayout.bytes, 0],
  [7, xsaveLayout.bytes, 0, 0],
  [xsaveLayout.avxBytes, xsaveLayout.avx, 0, 0],
];

/** Leaf 4 by subleaf: 32 KiB of L1 data and code, 256 KiB of L2, 8 MiB of L3. Libraries size their copies by it. */
const caches: readonly Leaf[] = [
  [0x121, (7 << 22) | 63, 63, 0],
  [0x122, (3 << 22) | 63, 127, 0],
  [0x143, (7 << 22) | 63, 511, 0],
  [0x163, (15 << 22) | 63, 8191, 0],
];

helper("cpuid", [], ["i32"], (f) => {
  const base = i32.const(0);
  const leaf = f.let(i32.load(base, state.gpr));
  const put = (values: Leaf): void => {
    [0, 3, 1, 2].forEach((register, i) =>
      f.emit(i64.store(base, i64.const(values[i]! >>> 0), state.gpr + 8 * register)),
    );
    f.return(i32.const(0));
  };
  const subleaf = f.let(i32.load(base, state.gpr + 8));
  f.if(i32.load(base, state.xcr0), () => {
    xsaveLeaves.forEach((values, i) =>
      f.if(i32.and(i32.eq(leaf, i32.const(13)), i32.eq(subleaf, i32.const(i))), () => put(values)),
    );
    for (const [number, values] of leavesV3) f.if(i32.eq(leaf, i32.const(number)), () => put(values));
  });
  caches.forEach((values, i) =>
    f.if(i32.and(i32.eq(leaf, i32.const(4)), i32.eq(subleaf, i32.const(i))), () => put(values)),
  );
  for (const [number, values] of leaves) f.if(i32.eq(leaf, i32.const(number)), () => put(values));
  put([0, 0, 0, 0]);
  f.unreachable();
});
