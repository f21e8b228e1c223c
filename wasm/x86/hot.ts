/**
 * Which forms have arms in the main switch, and in which variants. The main switch is kept to 600–1,000 arms: more make
 * it slower to compile and to run; a form not listed costs a call, about three times as much. The list follows counts of
 * instructions executed by compiled C, by interpreters and by the dynamic loader.
 */
import type { Form } from "./forms.ts";

export interface Heat {
  /** Has a twin that sets no flags. */
  readonly dead: boolean;
  /** Has a variant with an index register. */
  readonly indexed: boolean;
  /** Conditions it is fused with. */
  readonly fuse: readonly number[];
  readonly fuseIndexed: readonly number[];
}

interface Rule {
  /** Name and operands as in the row. */
  readonly match: readonly string[];
  readonly sizes: readonly number[];
  readonly forms: "r" | "m" | "rm";
  readonly dead?: boolean;
  readonly indexed?: boolean;
  readonly fuse?: readonly number[];
  readonly fuseIndexed?: readonly number[];
}

/** Condition codes: 2 B, 3 AE, 4 E, 5 NE, 6 BE, 7 A, 8 S, 9 NS, 12 L, 13 GE, 14 LE, 15 G. */
const compare = [2, 3, 4, 5, 6, 7, 12, 13, 14, 15];
const unsigned = [2, 3, 4, 5, 6, 7];
const test = [4, 5, 8, 9, 14, 15];
const equal = [4, 5];

const words = [32, 64];
const any = [8, 16, 32, 64];

const rules: readonly Rule[] = [
  // Compare and test, alone and fused.
  { match: ["CMP Ev Gv", "CMP Ev Ibs"], sizes: words, forms: "r", fuse: compare },
  { match: ["CMP Ev Iz", "CMP rAX Iz"], sizes: words, forms: "r", fuse: unsigned },
  { match: ["CMP Eb Ib", "CMP AL Ib"], sizes: [8], forms: "r", fuse: unsigned },
  { match: ["CMP Eb Gb"], sizes: [8], forms: "r", fuse: unsigned },
  { match: ["CMP Gv Ev", "CMP Ev Gv"], sizes: words, forms: "m", indexed: true, fuse: compare },
  { match: ["CMP Gb Eb"], sizes: [8], forms: "m", indexed: true, fuse: unsigned },
  { match: ["CMP Eb Gb"], sizes: [8], forms: "m", fuse: equal },
  { match: ["CMP Ev Ibs"], sizes: words, forms: "m", fuse: compare },
  { match: ["CMP Ev Iz"], sizes: words, forms: "m", fuse: equal },
  { match: ["CMP Eb Ib"], sizes: [8], forms: "m", fuse: unsigned, fuseIndexed: unsigned, indexed: true },
  { match: ["TEST Ev Gv"], sizes: words, forms: "r", fuse: test },
  { match: ["TEST Eb Gb"], sizes: [8], forms: "r", fuse: test },
  { match: ["TEST Eb Ib", "TEST AL Ib"], sizes: [8], forms: "r", fuse: equal },
  { match: ["TEST Eb Ib"], sizes: [8], forms: "m", fuse: equal, indexed: true },
  { match: ["TEST Ev Iz", "TEST rAX Iz"], sizes: [32], forms: "r", fuse: equal },
  { match: ["TEST Ev Gv"], sizes: words, forms: "m", fuse: equal },
  // Arithmetic.
  { match: ["ADD Ev Gv", "SUB Ev Gv"], sizes: words, forms: "r", dead: true, fuse: equal },
  { match: ["ADD Ev Ibs", "SUB Ev Ibs"], sizes: words, forms: "r", dead: true, fuse: [4, 5, 8, 9] },
  { match: ["ADD Ev Iz", "SUB Ev Iz", "ADD rAX Iz"], sizes: words, forms: "r", dead: true },
  { match: ["ADD Gv Ev", "SUB Gv Ev"], sizes: words, forms: "m", dead: true, indexed: true },
  {
    match: ["ADD Ev Gv", "ADD Ev Ibs", "SUB Ev Ibs", "SUB Ev Gv"],
    sizes: words,
    forms: "m",
    dead: true,
    indexed: true,
  },
  { match: ["AND Ev Gv", "OR Ev Gv", "XOR Ev Gv"], sizes: words, forms: "r", dead: true },
  { match: ["AND Ev Ibs", "AND Ev Iz"], sizes: words, forms: "r", dead: true, fuse: equal },
  { match: ["AND rAX Iz", "OR Ev Ibs", "XOR Ev Ibs", "OR Ev Iz", "XOR Ev Iz"], sizes: words, forms: "r", dead: true },
  { match: ["AND Gv Ev", "OR Gv Ev", "XOR Gv Ev"], sizes: words, forms: "m", dead: true },
  { match: ["XOR Gv Ev"], sizes: [32], forms: "m", dead: true, indexed: true },
  {
    match: ["AND Eb Ib", "OR Eb Ib", "XOR Eb Ib", "ADD Eb Ib", "SUB Eb Ib", "AND AL Ib", "OR AL Ib"],
    sizes: [8],
    forms: "r",
    dead: true,
  },
  { match: ["AND Eb Gb", "OR Eb Gb", "XOR Eb Gb", "ADD Eb Gb", "SUB Eb Gb"], sizes: [8], forms: "r", dead: true },
  { match: ["OR Eb Ib", "AND Eb Ib"], sizes: [8], forms: "m" },
  { match: ["OR Ev Gv", "AND Ev Gv"], sizes: words, forms: "m" },
  { match: ["INC Ev", "DEC Ev"], sizes: words, forms: "r", dead: true, fuse: [4, 5, 8, 9] },
  { match: ["INC Ev", "DEC Ev"], sizes: words, forms: "m", dead: true },
  { match: ["NEG Ev"], sizes: words, forms: "r", dead: true },
  { match: ["NOT Ev"], sizes: words, forms: "r" },
  { match: ["ADC Ev Gv", "SBB Ev Gv", "ADC Ev Ibs", "SBB Ev Ibs"], sizes: words, forms: "r", dead: true },
  { match: ["IMUL Gv Ev"], sizes: words, forms: "rm", dead: true },
  { match: ["IMUL Gv Ev Ibs", "IMUL Gv Ev Iz"], sizes: words, forms: "r", dead: true },
  { match: ["MUL Ev"], sizes: [64], forms: "r", dead: true },
  {
    match: ["SHL Ev Ib", "SHR Ev Ib", "SAR Ev Ib", "SHR Ev 1", "SAR Ev 1", "SHL Ev 1"],
    sizes: words,
    forms: "r",
    dead: true,
  },
  { match: ["ROL Ev Ib", "ROR Ev Ib"], sizes: words, forms: "r", dead: true },
  { match: ["SHL Ev CL", "SHR Ev CL", "SAR Ev CL"], sizes: words, forms: "r", dead: true },
  { match: ["CDQE rAX", "CDQ rDX= rAX"], sizes: words, forms: "r" },
  { match: ["BSWAP Zv"], sizes: words, forms: "r" },
  { match: ["BT Ev Ib"], sizes: words, forms: "r" },
  { match: ["BT Rv Gv"], sizes: words, forms: "r" },
  { match: ["BSF Gv Ev"], sizes: words, forms: "r", dead: true },
  // The bytecode loops of CPython and bash, sixteen and eight bits at a time.
  { match: ["SHR Ev Ib", "NEG Ev", "TEST Ev Gv"], sizes: [16], forms: "r", dead: true },
  { match: ["OR Gb Eb"], sizes: [8], forms: "m" },
  { match: ["SBB Eb Gb"], sizes: [8], forms: "r" },
  { match: ["SHR Ev Ib"], sizes: [64], forms: "m" },
  { match: ["OR Ev Ibs", "AND Ev Ibs"], sizes: words, forms: "m" },
  { match: ["TEST Ev Iz"], sizes: [32], forms: "m", fuse: equal },
  { match: ["MOV Gv= Ev"], sizes: [16], forms: "m" },
  // Moves.
  { match: ["MOV Ev= Gv"], sizes: words, forms: "r" },
  { match: ["MOV Gv= Ev", "MOV Ev= Gv"], sizes: words, forms: "m", indexed: true },
  { match: ["MOV Eb= Gb"], sizes: [8], forms: "rm", indexed: true },
  { match: ["MOV Ev= Gv"], sizes: [16], forms: "m", indexed: true },
  { match: ["MOV Gb= Eb"], sizes: [8], forms: "m", indexed: true },
  { match: ["MOV Ev= Iz"], sizes: [16, 32, 64], forms: "m", indexed: true },
  { match: ["MOV Ev= Iz"], sizes: [64], forms: "r" },
  { match: ["MOV Eb= Ib"], sizes: [8], forms: "m", indexed: true },
  { match: ["MOV Zv= Iv"], sizes: words, forms: "r" },
  { match: ["MOVZX Gv= Eb", "MOVSX Gv= Eb"], sizes: words, forms: "rm", indexed: true },
  { match: ["MOVZX Gv= Ew", "MOVSX Gv= Ew"], sizes: words, forms: "rm", indexed: true },
  { match: ["MOVSXD Gv= Ed"], sizes: [64], forms: "rm", indexed: true },
  { match: ["LEA Gv= M"], sizes: words, forms: "m", indexed: true },
  { match: ["PUSH Zv", "POP Zv="], sizes: [64], forms: "r" },
  { match: ["PUSH Ev"], sizes: [64], forms: "m" },
  { match: ["PUSH Ibs", "PUSH Iz"], sizes: [64], forms: "r" },
  { match: ["XCHG Ev! Gv!"], sizes: words, forms: "r" },
  { match: ["NOP", "ENDBR64"], sizes: any, forms: "rm" },
  { match: ["LEAVE"], sizes: any, forms: "r" },
  // Control flow: all of it that is common.
  { match: ["CALL J32", "JMP J8", "JMP J32", "RET"], sizes: any, forms: "r" },
  { match: ["CALL Eq", "JMP Eq"], sizes: any, forms: "rm", indexed: true },
  { match: ["SYSCALL"], sizes: any, forms: "r" },
  // Vectors: copies and the string functions of the C library.
  { match: ["MOVUPS Vdq= Wdq", "MOVDQU Vdq= Wdq"], sizes: any, forms: "m", indexed: true },
  { match: ["MOVUPS Wdq= Vdq", "MOVDQU Wdq= Vdq"], sizes: any, forms: "m", indexed: true },
  { match: ["MOVAPS Vdq= Wdq", "MOVDQA Vdq= Wdq"], sizes: any, forms: "rm", indexed: true },
  { match: ["MOVAPS Wdq= Vdq", "MOVDQA Wdq= Vdq"], sizes: any, forms: "m", indexed: true },
  { match: ["MOVAPD Vdq= Wdq"], sizes: any, forms: "r" },
  { match: ["MOVQ Vdq= Udq/Mq"], sizes: any, forms: "rm" },
  { match: ["MOVQ Mq= Vdq", "MOVHPS Vdq Mq", "MOVHPS Mq= Vdq", "MOVHPD Vdq Mq"], sizes: any, forms: "m" },
  { match: ["MOVD Vdq= Ey", "MOVD Ey= Vdq"], sizes: words, forms: "r" },
  { match: ["MOVD Vdq= Ey"], sizes: [32], forms: "m" },
  { match: ["PXOR Vdq Wdq", "POR Vdq Wdq", "PAND Vdq Wdq", "PCMPEQB Vdq Wdq"], sizes: any, forms: "r" },
  { match: ["PCMPEQB Vdq Wdq", "PMINUB Vdq Wdq", "PXOR Vdq Wdq", "PADDD Vdq Wdq"], sizes: any, forms: "m" },
  { match: ["PMINUB Vdq Wdq", "PSUBB Vdq Wdq", "PCMPGTB Vdq Wdq", "PCMPEQD Vdq Wdq"], sizes: any, forms: "r" },
  { match: ["PANDN Vdq Wdq", "PADDD Vdq Wdq", "PADDQ Vdq Wdq", "PMULUDQ Vdq Wdq"], sizes: any, forms: "r" },
  { match: ["PMOVMSKB Gy= Udq"], sizes: words, forms: "r" },
  { match: ["PSHUFD Vdq= Wdq Ib", "PUNPCKLQDQ Vdq Wdq", "PUNPCKLBW Vdq Wdq"], sizes: any, forms: "r" },
  { match: ["PUNPCKLWD Vdq Wdq", "PUNPCKLDQ Vdq Wdq", "PSRLDQ Udq Ib", "PSLLDQ Udq Ib"], sizes: any, forms: "r" },
  { match: ["PSRLQ Udq Ib", "PSLLQ Udq Ib", "PSRLD Udq Ib", "PSLLD Udq Ib"], sizes: any, forms: "r" },
  // Floating point: scalar, and the packed forms compilers make of loops.
  {
    match: ["MOVSD Vdq= Mq", "MOVSD Wsd= Vsd", "MOVSS Vdq= Md", "MOVSS Wss= Vss"],
    sizes: any,
    forms: "m",
    indexed: true,
  },
  { match: ["ADDSD Vsd Wsd", "MULSD Vsd Wsd", "SUBSD Vsd Wsd"], sizes: any, forms: "rm", indexed: true },
  { match: ["DIVSD Vsd Wsd", "COMISD Vsd Wsd", "UCOMISD Vsd Wsd"], sizes: any, forms: "rm" },
  { match: ["SQRTSD Vsd= Wsd", "MINSD Vsd Wsd", "MAXSD Vsd Wsd"], sizes: any, forms: "r" },
  { match: ["ADDSS Vss Wss", "MULSS Vss Wss", "SUBSS Vss Wss"], sizes: any, forms: "rm" },
  { match: ["DIVSS Vss Wss", "COMISS Vss Wss"], sizes: any, forms: "r" },
  { match: ["CVTSI2SD Vsd= Ey", "CVTTSD2SI Gy= Wsd"], sizes: words, forms: "r" },
  { match: ["CVTSI2SD Vsd= Ey"], sizes: [32], forms: "m" },
  { match: ["CVTSS2SD Vsd= Wss", "CVTSD2SS Vss= Wsd"], sizes: any, forms: "r" },
  { match: ["ADDPD Vdq Wdq", "MULPD Vdq Wdq", "SUBPD Vdq Wdq"], sizes: any, forms: "rm" },
  { match: ["ADDPS Vdq Wdq", "MULPS Vdq Wdq"], sizes: any, forms: "rm" },
  { match: ["UNPCKLPD Vdq Wdq", "UNPCKHPD Vdq Wdq", "UNPCKLPS Vdq Wdq", "SHUFPS Vdq Wdq Ib"], sizes: any, forms: "r" },
  { match: ["ANDPD Vdq Wdq", "XORPS Vdq Wdq", "XORPD Vdq Wdq", "ANDPS Vdq Wdq"], sizes: any, forms: "r" },
  { match: ["ANDPD Vdq Wdq", "XORPD Vdq Wdq"], sizes: any, forms: "m" },
];

const conditionNames: ReadonlySet<string> = new Set([
  "JO",
  "JNO",
  "JB",
  "JAE",
  "JE",
  "JNE",
  "JBE",
  "JA",
  "JS",
  "JNS",
  "JP",
  "JNP",
  "JL",
  "JGE",
  "JLE",
  "JG",
]);

const byKey = new Map<string, Rule[]>();
for (const rule of rules) {
  for (const key of rule.match) {
    const list = byKey.get(key);
    if (list === undefined) byKey.set(key, [rule]);
    else list.push(rule);
  }
}

const none: Heat = { dead: false, indexed: false, fuse: [], fuseIndexed: [] };
const noRules: readonly Rule[] = [];

/** What holds for all forms of a row: looked up once, because a row has up to eight forms. */
interface RowHeat {
  readonly parsed: Form["parsed"];
  readonly isCondition: boolean;
  readonly isConditional: boolean;
  readonly rules: readonly Rule[];
}

let last: RowHeat | null = null;

function heatOf(parsed: Form["parsed"]): RowHeat {
  const { name, operands } = parsed.row;
  const key = operands === "" ? name : `${name} ${operands}`;
  return {
    parsed,
    isCondition: conditionNames.has(name),
    isConditional: name.startsWith("CMOV") || name.startsWith("SET"),
    rules: byKey.get(key) ?? byKey.get(key.replaceAll("!", "")) ?? noRules,
  };
}

export function hotness(form: Form): Heat | null {
  if (last?.parsed !== form.parsed) last = heatOf(form.parsed);
  if (last.isCondition) return none;
  if (last.isConditional && !form.memory && form.size !== 16) return none;
  for (const rule of last.rules) {
    if (!rule.sizes.includes(form.size)) continue;
    if (rule.forms !== "rm" && (rule.forms === "m") !== form.memory) continue;
    return {
      dead: rule.dead === true,
      indexed: rule.indexed === true && form.memory,
      fuse: rule.fuse ?? [],
      fuseIndexed: rule.fuseIndexed ?? [],
    };
  }
  return null;
}
