/**
 * What CPUID says: x86-64-v2 (SSE4.2, POPCNT, CMPXCHG16B, LAHF in 64-bit mode) and the smaller extensions since, no
 * AVX, one processor; XSAVE where `state.xcr0` has it. Intel SDM vol. 2, CPUID. The vendor string is one that programs
 * know.
 */
import type { Expression } from "../../encode/expression.ts";
import { i32, i64 } from "../../encode/numeric.ts";
import { helper } from "../helpers.ts";
import { state } from "../state.ts";

/** Leaf 1 EDX: FPU TSC CX8 CMOV CLFSH MMX FXSR SSE SSE2. */
const edx1 = (1 << 0) | (1 << 4) | (1 << 8) | (1 << 15) | (1 << 19) | (1 << 23) | (1 << 24) | (1 << 25) | (1 << 26);
const bits = (...numbers: number[]): number => numbers.reduce((all, bit) => all | (1 << bit), 0);
/** Leaf 1 ECX: SSE3 PCLMULQDQ SSSE3 CX16 SSE4.1 SSE4.2 MOVBE POPCNT AES RDRAND HYPERVISOR. */
const ecx1 = bits(0, 1, 9, 13, 19, 20, 22, 23, 25, 30, 31);
/** XSAVE OSXSAVE, where there is a state to save. */
const ecx1Xsave = bits(26, 27);
/** Leaf 7 EBX: FSGSBASE, enhanced REP MOVSB/STOSB (bulk moves are the fastest thing here), RDSEED ADX CLFLUSHOPT CLWB SHA. */
const ebx7 = bits(0, 9, 18, 19, 23, 24, 29);
/** Leaf 7 ECX: RDPID. EDX: fast short REP MOVSB. */
const ecx7 = bits(22);
const edx7 = bits(4);
/** Family 6, model 26, stepping 5: a Nehalem, the first x86-64-v2 processor. */
const signature = 0x106a5;

const text = (name: string): number[] => {
  const bytes = new TextEncoder().encode(name);
  return [0, 4, 8].map((at) => bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24));
};
const [vendor0, vendor1, vendor2] = text("GenuineIntel") as [number, number, number];
const brand = new Uint8Array(48);
brand.set(new TextEncoder().encode("Wherry x86-64-v2 processor"));
const brandWords = new Int32Array(brand.buffer);

type Leaf = readonly [eax: number, ebx: number, ecx: number, edx: number];
const leaves: readonly [number, Leaf][] = [
  [0, [13, vendor0, vendor2, vendor1]],
  [1, [signature, (8 << 8) | (1 << 16), ecx1, edx1]],
  // Descriptor FF: ask leaf 4.
  [2, [0x00ff01, 0, 0, 0]],
  [7, [0, ebx7, ecx7, edx7]],
  [0x80000000, [0x80000008, vendor0, vendor2, vendor1]],
  // LAHF PREFETCHW; SYSCALL NX RDTSCP LM.
  [0x80000001, [signature, 0, bits(0, 8), (1 << 11) | (1 << 20) | (1 << 27) | (1 << 29)]],
  ...[0, 1, 2].map((i): [number, Leaf] => [
    0x80000002 + i,
    [brandWords[4 * i]!, brandWords[4 * i + 1]!, brandWords[4 * i + 2]!, brandWords[4 * i + 3]!],
  ]),
  // 64-byte lines, 256 KiB of second-level cache; invariant TSC; 47-bit user, 48-bit addresses.
  [0x80000006, [0, 0, (256 << 16) | (8 << 12) | 64, 0]],
  [0x80000007, [0, 0, 0, 1 << 8]],
  [0x80000008, [(48 << 8) | 40, 0, 0, 0]],
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
  const xcr0 = f.let(i32.load(base, state.xcr0));
  const give = (values: Partial<Record<0 | 1 | 2 | 3, Expression>>): void => {
    for (const register of [0, 1, 2, 3] as const) {
      const value = values[register] ?? i32.const(0);
      f.emit(i64.store(base, i64.extendI32U(value), state.gpr + 8 * register));
    }
    f.return(i32.const(0));
  };
  f.if(i32.and(i32.eq(leaf, i32.const(13)), i32.ne(xcr0, i32.const(0))), () => {
    // The AVX component is the only one behind the legacy image and its header.
    const avx = i32.and(xcr0, i32.const(4));
    const size = i32.add(i32.const(576), i32.shl(avx, i32.const(6)));
    f.if(i32.eqz(subleaf), () => give({ 0: xcr0, 3: size, 1: size }));
    // XSAVEOPT XSAVEC XGETBV with ECX = 1.
    f.if(i32.eq(subleaf, i32.const(1)), () => give({ 0: i32.const(7), 3: size }));
    f.if(i32.and(i32.eq(subleaf, i32.const(2)), i32.ne(avx, i32.const(0))), () =>
      give({ 0: i32.const(256), 3: i32.const(576) }),
    );
  });
  f.if(i32.and(i32.eq(leaf, i32.const(1)), i32.ne(xcr0, i32.const(0))), () =>
    give({
      0: i32.const(signature),
      1: i32.const(ecx1 | ecx1Xsave),
      2: i32.const(edx1),
      3: i32.const((8 << 8) | (1 << 16)),
    }),
  );
  caches.forEach((values, i) =>
    f.if(i32.and(i32.eq(leaf, i32.const(4)), i32.eq(subleaf, i32.const(i))), () => put(values)),
  );
  for (const [number, values] of leaves) f.if(i32.eq(leaf, i32.const(number)), () => put(values));
  put([0, 0, 0, 0]);
  f.unreachable();
});
