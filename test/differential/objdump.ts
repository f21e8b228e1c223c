/** The decoder against objdump: where each instruction of a program's code ends, and what it is called. */
import { spawn, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { decoded, InstructionDecoder } from "../../wasm/x86/instruction.ts";
import "../../wasm/x86/rows/all.ts";
import type { CpuLevel } from "../../wasm/x86/types.ts";

/** Mnemonics objdump and the manual have for one row, by the row's name. */
const synonyms: Record<string, readonly string[]> = {
  CDQE: ["cbw", "cwde", "cdqe"],
  CDQ: ["cwd", "cdq", "cqo"],
  MOV: ["mov", "movabs"],
  SHL: ["shl", "sal"],
  NOP: ["nop", "xchg", "data16", "pause"],
  XCHG: ["xchg", "nop"],
  RET: ["ret"],
  MOVD: ["movd", "movq"],
  VMOVD: ["vmovd", "vmovq"],
  PREFETCH: ["prefetchnta", "prefetcht0", "prefetcht1", "prefetcht2", "nop"],
  PREFETCHW: ["prefetch", "prefetchw", "prefetchwt1"],
  FWAIT: ["fwait"],
  XLAT: ["xlat"],
  PUSHF: ["pushf"],
  POPF: ["popf"],
  CMPPS: ["cmpps", "cmpeqps", "cmpltps", "cmpleps", "cmpunordps", "cmpneqps", "cmpnltps", "cmpnleps", "cmpordps"],
  CMPPD: ["cmppd", "cmpeqpd", "cmpltpd", "cmplepd", "cmpunordpd", "cmpneqpd", "cmpnltpd", "cmpnlepd", "cmpordpd"],
  CMPSS: ["cmpss", "cmpeqss", "cmpltss", "cmpless", "cmpunordss", "cmpneqss", "cmpnltss", "cmpnless", "cmpordss"],
  CMPSD: ["cmpsd", "cmpeqsd", "cmpltsd", "cmplesd", "cmpunordsd", "cmpneqsd", "cmpnltsd", "cmpnlesd", "cmpordsd"],
  JRCXZ: ["jrcxz", "jecxz"],
  PCLMULQDQ: ["pclmulqdq", "pclmullqlqdq", "pclmulhqlqdq", "pclmullqhqdq", "pclmulhqhqdq"],
  VPCLMULQDQ: ["vpclmulqdq", "vpclmullqlqdq", "vpclmulhqlqdq", "vpclmullqhqdq", "vpclmulhqhqdq"],
  XSAVE: ["xsave", "xsave64"],
  XSAVEOPT: ["xsaveopt", "xsaveopt64"],
  XSAVEC: ["xsavec", "xsavec64"],
  XSAVES: ["xsaves", "xsaves64"],
  XRSTOR: ["xrstor", "xrstor64"],
  XRSTORS: ["xrstors", "xrstors64"],
  RETF: ["retf", "retfq", "retfw"],
  IRET: ["iret", "iretq", "iretw"],
  SYSRET: ["sysretd", "sysretq"],
  FNSTENV: ["fnstenv", "fnstenvw"],
  FLDENV: ["fldenv", "fldenvw"],
  FNSAVE: ["fnsave", "fnsavew"],
  FRSTOR: ["frstor", "frstorw"],
  FNENI: ["fneni(8087"],
  FNDISI: ["fndisi(8087"],
  FNSETPM: ["fnsetpm(287"],
  // Encodings that a processor without the later feature runs as the older instruction.
  BSF: ["bsf", "tzcnt"],
  BSR: ["bsr", "lzcnt"],
};

/** Words objdump puts before a mnemonic. */
const prefixWords =
  /^(?:(?:lock|rep|repz|repnz|repe|repne|bnd|notrack|cs|ds|es|ss|fs|gs|data16|addr32|rex(?:\.[WRXB]+)?)\s+)+/;

/** Whether an instruction, as objdump lists its bytes, has an EVEX prefix, behind others or not. */
function isEvex(bytes: string): boolean {
  return /^((2e|36|3e|26|64|65|66|67) )*62 /.test(bytes);
}

export interface Disagreement {
  readonly kind: "missing" | "length" | "name" | "extra";
  readonly mnemonic: string;
  /** What the decoder says: a row's name. */
  readonly ours: string;
  readonly bytes: string;
}

export interface Comparison {
  readonly instructions: number;
  readonly disagreements: ReadonlyMap<string, { count: number; first: Disagreement }>;
}

/** Of the code of a program, so many bytes of it from the beginning. */
export function compareProgram(file: string, bytesMax: number, level: CpuLevel): Promise<Comparison> {
  const headers = String(spawnSync("objdump", ["-h", "--section=.text", file]).stdout);
  const found = /\.text +([0-9a-f]+) +([0-9a-f]+)/.exec(headers);
  if (found === null) throw new Error(`${file} has no .text`);
  const start = BigInt(`0x${found[2]}`);
  const bytes = Math.min(bytesMax, Number.parseInt(found[1] ?? "", 16));
  const stop = start + BigInt(bytes);
  const options = ["-d", "--section=.text", `--stop-address=0x${stop.toString(16)}`, file];
  return compare(options, level, undefined, Number(stop));
}

/** Of a file of candidates, 16 bytes each, padded with NOPs. */
export function compareBytes(file: string, level: CpuLevel): Promise<Comparison> {
  return compare(["-D", "-b", "binary", "-m", "i386:x86-64", file], level, readFileSync(file));
}

async function compare(
  options: readonly string[],
  level: CpuLevel,
  candidates?: Uint8Array,
  stop = Number.POSITIVE_INFINITY,
): Promise<Comparison> {
  const child = spawn("objdump", ["-M", "intel", "--insn-width=16", ...options], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const decoder = new InstructionDecoder(level);
  const found = new Map<string, { count: number; first: Disagreement }>();
  const note = (one: Disagreement): void => {
    const key = `${one.kind} ${one.mnemonic}${one.ours === "" ? "" : ` (${one.ours})`}`;
    const known = found.get(key);
    if (known === undefined) found.set(key, { count: 1, first: one });
    else known.count++;
  };
  let instructions = 0;
  const buffer = new Uint8Array(32);
  for await (const line of createInterface({ input: child.stdout })) {
    const parts = line.split("\t");
    const hex = parts[1];
    const text = parts[2];
    if (hex === undefined || text === undefined || !line.startsWith(" ")) continue;
    const bytes = hex.trim();
    const length = (bytes.length + 1) / 3;
    const address = Number.parseInt(line, 16);
    // Of a candidate only the first line counts: what follows is padding.
    if (candidates !== undefined && address % 16 !== 0) continue;
    for (let i = 0; i < length; i++) buffer[i] = Number.parseInt(bytes.slice(3 * i, 3 * i + 2), 16);
    buffer.fill(0x90, length);
    // objdump shows but the first bytes of what it cannot read.
    if (candidates !== undefined) buffer.set(candidates.subarray(address, address + 16));
    // The piece may end in the middle of its last instruction.
    if (address + 15 >= stop) continue;
    const bare = text.trim().replace(prefixWords, "");
    const mnemonic = bare.split(/[\s,]/)[0] ?? "";
    instructions++;
    const status = decoder.decode(buffer, 0, 32);
    const ours = status === decoded.ok ? decoder.parsed.row.name : "";
    if (mnemonic === "(bad)") {
      if (status === decoded.ok) note({ kind: "extra", mnemonic, ours, bytes });
      continue;
    }
    if (status !== decoded.ok) {
      // An operand there cannot be.
      if (text.includes("(bad)")) continue;
      const wide = text.includes("ymm") ? " ymm" : "";
      note({ kind: "missing", mnemonic: isEvex(bytes) ? "EVEX" : mnemonic + wide, ours: "", bytes });
      continue;
    }
    const names = synonyms[ours] ?? [ours.toLowerCase().split(" ")[0] ?? ""];
    // There are 32 predicates of comparisons.
    const bareName = mnemonic.replace(/^vcmp\w+([ps][sd])$/, "vcmp$1");
    if (!names.includes(bareName)) note({ kind: "name", mnemonic, ours, bytes });
    else if (decoder.length !== length) note({ kind: "length", mnemonic, ours, bytes });
  }
  return { instructions, disagreements: found };
}
