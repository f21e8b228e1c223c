/** Whether the emulator did what the processor did, and if not, a report to work from. */
import { defaultMxcsr, mxcsrModes } from "../../wasm/x86/state.ts";
import type { FormCase } from "./cases.ts";
import { codeBase, type Result } from "./layout.ts";
import { undefinedFlags } from "./undefined.ts";

const registerNames = "rax rcx rdx rbx rsp rbp rsi rdi r8 r9 r10 r11 r12 r13 r14 r15".split(" ");
const flagBits = { o: 0x800, s: 0x80, z: 0x40, a: 0x10, p: 4, c: 1 } as const;
const arithmetic = 0x8d5;
const direction = 0x400;

/** Flags left undefined by the case, as a mask. */
function maskOf(letters: string): number {
  let mask = 0;
  for (const letter of letters) mask |= flagBits[letter as keyof typeof flagBits];
  return mask;
}

const hex = (value: number | bigint): string => value.toString(16);

function bytesHex(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
}

/** Transcendental results: the processor's may be a unit in the last place off. */
const transcendental = /^(F2XM1|FYL2X|FYL2XP1|FPTAN|FPATAN|FSIN|FCOS|FSINCOS)$/;
/** C1 is cleared by Intel's processors and kept by AMD's. */
const keepsC1 = /^(FU?COMIP?|FCMOV.*)$/;
const pieces = /^(FNSTENV|FLDENV|FNSAVE|FRSTOR|FXSAVE|FXRSTOR|XSAVE.*|XRSTOR|RETF|IRET|CALL far)$/;
const approximate = /^V?R(SQRT|CP)[SP]S$/;

function nearlyEqual(ours: number, theirs: number): boolean {
  if (ours === theirs || (Number.isNaN(ours) && Number.isNaN(theirs))) return true;
  // Intel SDM vol. 2, RCPPS: relative error at most 1.5 * 2^-12; two such results differ by twice that. Tiny ones may
  // be flushed.
  if (Math.abs(ours) < 2 ** -125 && Math.abs(theirs) < 2 ** -125) return true;
  return Math.abs(ours - theirs) <= Math.abs(theirs) * 3 * 2 ** -12;
}

export function differences(test: FormCase, native: Result, ours: Result): string[] {
  const found: string[] = [];
  const { row } = test.form.parsed;
  const note = (what: string, theirs: string, mine: string): void => {
    found.push(`${what}: processor ${theirs}, emulator ${mine}`);
  };
  // An address in the kernel's half: a page fault there, #GP here, which programs see as the same SIGSEGV but for si_code.
  if (native.vector === 14 && native.address >= 2 ** 47) native = { ...native, vector: 13, address: 0 };
  // #SS (RSP or RBP as the base of a non-canonical address) is #GP here: SIGBUS for SIGSEGV.
  if (native.vector === 12) native = { ...native, vector: 13 };
  // A jump to a non-canonical address: the processor faults at the jump, ours at the target.
  if (row.ends === true && native.vector === 13 && ours.vector === 13) return found;
  // A pending x87 exception comes before a page fault of the operand; ours translates first.
  if (native.vector === 16 && (ours.vector === 14 || ours.vector === 13)) return found;
  // An image that is neither aligned nor mapped: which comes first is the processor's own affair.
  const faults = (vector: number): boolean => vector === 13 || vector === 14;
  if (pieces.test(row.name) && faults(native.vector) && faults(ours.vector)) return found;
  // POP to memory, where both the stack and the target fault: the processor reads the stack first.
  if (row.name === "POP" && test.form.memory && faults(native.vector) && faults(ours.vector)) return found;
  if (native.vector !== ours.vector) {
    note(
      "exception",
      `${native.vector} at ${hex(native.rip)} (${hex(native.address)})`,
      `${ours.vector} at ${hex(ours.rip)} (${hex(ours.address)})`,
    );
    return found;
  }
  if (native.rip !== ours.rip) note("rip", hex(native.rip), hex(ours.rip));
  // Of operands that are accessed in pieces the processor may name another byte of the page.
  const samePage = Math.floor(native.address / 4096) === Math.floor(ours.address / 4096);
  if (native.vector === 14 && native.address !== ours.address && !(pieces.test(row.name) && samePage))
    note("fault address", hex(native.address), hex(ours.address));
  for (let i = 0; i < 16; i++) {
    const theirs = native.registers[i] ?? 0n;
    const mine = ours.registers[i] ?? 0n;
    if (theirs !== mine) note(registerNames[i] ?? "", hex(theirs), hex(mine));
  }
  const mask = (arithmetic | direction) & ~maskOf(native.vector === 3 ? undefinedFlags(test) : "");
  if ((native.flags ^ ours.flags) & mask) note("flags", hex(native.flags & mask), hex(ours.flags & mask));
  const theirFx = new DataView(native.fx.buffer, native.fx.byteOffset, 512);
  const myFx = new DataView(ours.fx.buffer, ours.fx.byteOffset, 512);
  const isTranscendental = transcendental.test(row.name);
  const word = (what: string, at: number, bits: number): void => {
    const theirs = theirFx.getUint16(at, true) & bits;
    const mine = myFx.getUint16(at, true) & bits;
    if (theirs !== mine) note(what, hex(theirs), hex(mine));
  };
  word("x87 control", 0, 0xffff);
  // Inexact and C1 (direction of rounding) are the processor's own affair where it rounds differently.
  let statusMask = 0xffff;
  if (isTranscendental) statusMask &= ~0x220;
  if (keepsC1.test(row.name)) statusMask &= ~0x200;
  if (row.name.startsWith("FFREE")) statusMask &= ~0x4700;
  word("x87 status", 2, statusMask);
  word("x87 tags", 4, 0xff);
  for (let i = 0; i < 8; i++) {
    const at = 32 + 16 * i;
    const theirs = theirFx.getBigUint64(at, true);
    const mine = myFx.getBigUint64(at, true);
    const theirHigh = theirFx.getUint16(at + 8, true);
    const myHigh = myFx.getUint16(at + 8, true);
    if (theirHigh === myHigh && theirs === mine) continue;
    // Neighbours, also where the exponent changes between them.
    const distance = ordinal(theirHigh, theirs) - ordinal(myHigh, mine);
    if (isTranscendental && (distance === 1n || distance === -1n)) continue;
    note(`st${i}`, `${hex(theirHigh)}:${hex(theirs)}`, `${hex(myHigh)}:${hex(mine)}`);
  }
  for (let i = 0; i < 16; i++) {
    const at = 160 + 16 * i;
    let same = true;
    for (let lane = 0; lane < 4; lane++) {
      const place = at + 4 * lane;
      if (theirFx.getUint32(place, true) === myFx.getUint32(place, true)) continue;
      if (approximate.test(row.name) && nearlyEqual(myFx.getFloat32(place, true), theirFx.getFloat32(place, true)))
        continue;
      same = false;
    }
    if (!same) note(`xmm${i}`, bytesHex(native.fx.subarray(at, at + 16)), bytesHex(ours.fx.subarray(at, at + 16)));
  }
  for (let i = 0; i < 16; i++) {
    const theirs = native.high.subarray(16 * i, 16 * i + 16);
    const mine = ours.high.subarray(16 * i, 16 * i + 16);
    const theirLanes = new DataView(theirs.buffer, theirs.byteOffset);
    const myLanes = new DataView(mine.buffer, mine.byteOffset);
    const same = [0, 4, 8, 12].every(
      (at) =>
        theirLanes.getUint32(at, true) === myLanes.getUint32(at, true) ||
        (approximate.test(row.name) && nearlyEqual(myLanes.getFloat32(at, true), theirLanes.getFloat32(at, true))),
    );
    if (!same) note(`ymm${i} above`, bytesHex(theirs), bytesHex(mine));
  }
  // Compiled code may keep invalid and division by zero only (wasm/x86/state.ts, `exactness`).
  const startMxcsr = new DataView(test.fx.buffer, test.fx.byteOffset).getUint32(24, true);
  const keepsAll = test.exactness !== 0 || (startMxcsr & mxcsrModes) !== defaultMxcsr;
  const loads = /^(V?LDMXCSR|FXRSTOR|XRSTOR)$/.test(row.name);
  const mxcsrMask = keepsAll || loads ? 0xffff : mxcsrModes | 0x5;
  const theirMxcsr = theirFx.getUint32(24, true) & mxcsrMask;
  const myMxcsr = myFx.getUint32(24, true) & mxcsrMask;
  // A compacted image without vectors: AMD's processors take its MXCSR, Intel's and ours reset it.
  const resets = row.name === "XRSTOR" && myMxcsr === 0x1f80;
  // Of an unmasked exception in one half the processor tells the other half's flags differently.
  const at = test.code[native.rip - codeBase - test.codeOffset];
  const isHalves = native.vector === 19 && (row.encoding.startsWith("VEX.256") || at === 0xc4 || at === 0xc5);
  if (theirMxcsr !== myMxcsr && !resets && !isHalves) note("mxcsr", hex(theirMxcsr), hex(myMxcsr));
  for (let i = 0; i < native.window.length; i++) {
    if (native.window[i] === ours.window[i] || isUnkept(test.form, i - test.offset)) continue;
    const from = Math.max(0, i - (i & 7));
    note(
      `memory at window+${from}`,
      bytesHex(native.window.subarray(from, from + 24)),
      bytesHex(ours.window.subarray(from, from + 24)),
    );
    break;
  }
  return found;
}

/** Numbers of one sign in order, without the integer bit, so that neighbours differ by one. */
function ordinal(signExponent: number, mantissa: bigint): bigint {
  return (BigInt(signExponent) << 63n) | BigInt.asUintN(63, mantissa);
}

/** Bytes of memory images that are not kept or are the processor's own: pointers, MXCSR_MASK. */
function isUnkept({ parsed }: FormCase["form"], at: number): boolean {
  const { name, encoding } = parsed.row;
  const [from, to] = encoding.startsWith("66") ? [6, 14] : [12, 28];
  if (/^(FXSAVE|XSAVE.*)$/.test(name)) return (at >= 6 && at < 24) || (at >= 28 && at < 32);
  return (name === "FNSTENV" || name === "FNSAVE") && at >= from && at < to;
}

/** Everything needed to do it again by hand. */
export function describe(test: FormCase, found: readonly string[], seed: number): string {
  const registers = [...test.registers].map((value, i) => `${registerNames[i]}=${hex(value)}`).join(" ");
  const fx = new DataView(test.fx.buffer, test.fx.byteOffset);
  const lines = [
    `${test.name}: ${bytesHex(test.code)} (seed ${seed})`,
    ...found.map((line) => `    ${line}`),
    `    ${registers} flags=${hex(test.flags)}`,
    `    x87 control ${hex(fx.getUint16(0, true))} status ${hex(fx.getUint16(2, true))} tags ${hex(fx.getUint8(4))} mxcsr ${hex(fx.getUint32(24, true))}`,
  ];
  const kinds = test.form.parsed.operands.map((operand) => operand.kind);
  if (kinds.some((kind) => kind === "V" || kind === "W"))
    for (let i = 0; i < 16; i++)
      lines.push(
        `    ymm${i}=${bytesHex(test.fx.subarray(160 + 16 * i, 176 + 16 * i))} | ${bytesHex(test.high?.subarray(16 * i, 16 * i + 16) ?? new Uint8Array(16))}`,
      );
  if (kinds.some((kind) => kind === "P" || kind === "Q") || test.form.parsed.row.feature === "fpu")
    for (let i = 0; i < 8; i++)
      lines.push(`    st${i}=${hex(fx.getUint16(40 + 16 * i, true))}:${hex(fx.getBigUint64(32 + 16 * i, true))}`);
  return lines.join("\n");
}
