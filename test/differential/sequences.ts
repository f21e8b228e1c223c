/**
 * Random runs of instructions, with short forward branches: what the single ones do not reach, fused compares and
 * branches, flags left out because nobody reads them, state that one instruction leaves for the next.
 */
import { bitsOf } from "../../wasm/x86/operands.ts";
import { forms, makeCase, type Form, type FormCase } from "./cases.ts";
import { encode } from "./encode.ts";
import { codeBase, windowBase, windowBytes } from "./layout.ts";
import type { Dice } from "./operands.ts";

/** Not in runs: what reads what is not kept, results of the processor's own, what would spoil the base registers, gathers with any index. */
const excluded =
  /^(STD|LSL|X(SAVE|RSTOR).*|V?STMXCSR|V?LDMXCSR|FXSAVE|FXRSTOR|FNSAVE|FNSTENV|FRSTOR|FLDENV|V?R(SQRT|CP)[SP]S|F2XM1|FYL2X|FYL2XP1|FPTAN|FPATAN|FSIN|FCOS|FSINCOS|FFREEP?|FU?COMIP?|FCMOV.*|XLAT|MASKMOV.*|ENTER|LEAVE|POPF|PUSHF|CALL|RET|JMP|LOOP.*|JRCXZ|MOVS|CMPS|STOS|LODS|SCAS|XGETBV|VP?GATHER.*|DIV|IDIV|FBLD)$/;
/** Flags depend on the count in ways that are partly undefined. */
const shifts = /^(SH[LR]D?|SA[LR]|RO[LR]|RC[LR])$/;

export interface Sequence extends FormCase {
  /** Where each instruction begins, and the end of the last one. */
  readonly starts: readonly number[];
}

export function sequenceForms(): Form[] {
  return forms().filter(({ parsed, memory }) => {
    const { row } = parsed;
    if (row.untestable !== undefined || row.ends === true || excluded.test(row.name)) return false;
    // A bit string reaches far; a bare address operand is fine.
    if (row.name.startsWith("BT") && memory && row.operands.includes("G")) return false;
    return !(shifts.test(row.name) && row.name.endsWith("D"));
  });
}

function isBranch(form: Form): boolean {
  return form.parsed.operands[0]?.kind === "J";
}

export function makeSequence(dice: Dice, all: readonly Form[], length: number): Sequence {
  const branches = all.filter(isBranch).filter((form) => form.parsed.row.operands === "J8");
  const plain = all.filter((form) => !isBranch(form));
  // Some runs are of integer instructions only, some of a few forms that meet often.
  const integerOnly = dice.chance(3);
  const pool = integerOnly ? plain.filter(({ parsed }) => parsed.row.feature === undefined) : plain;
  const few = dice.chance(2) ? Array.from({ length: 12 }, () => dice.pick(pool)) : pool;
  const base15 = BigInt(windowBase + windowBytes / 2);
  const codeOffset = 0x200 + dice.below(0x300);
  const code: number[] = [];
  const starts: number[] = [];
  const append = (bytes: ArrayLike<number>): void => {
    starts.push(code.length);
    for (let i = 0; i < bytes.length; i++) code.push(bytes[i] ?? 0);
  };
  const one = (form: Form): Uint8Array => {
    const operand = form.parsed.operands[form.parsed.rm];
    const bytes = operand === undefined ? 8 : Math.max(1, bitsOf(operand.memorySize, form.size) >> 3);
    const room = windowBytes - bytes;
    const offset =
      bytes >= 16 && form.parsed.row.unaligned !== true ? 16 * dice.below((room >> 4) + 1) : dice.below(room + 1);
    return encode(dice, form.parsed, {
      size: form.size,
      memory: form.memory,
      target: BigInt(windowBase + offset),
      at: BigInt(codeBase + codeOffset + code.length),
      lock: false,
      base15,
    }).bytes;
  };
  for (let i = 0; i < length; i++) {
    const form = dice.pick(few);
    append(one(form));
    const leavesUndefined = form.parsed.row.undefined !== undefined || shifts.test(form.parsed.row.name);
    // cmp of two registers defines all flags again.
    if (leavesUndefined) append([0x39, 0xc0 | (dice.below(4) << 3) | dice.below(4)]);
    if (branches.length > 0 && dice.chance(4)) {
      const branch = dice.pick(branches);
      const at = code.length;
      // The skipped instruction is made twice: its length must be known, and it may be relative to its place.
      append([branch.parsed.encoding.opcode, 0]);
      const skipped = dice.pick(few);
      append(one(skipped));
      code[at + 1] = code.length - at - 2;
      if (skipped.parsed.row.undefined !== undefined || shifts.test(skipped.parsed.row.name)) append([0x39, 0xc8]);
    }
  }
  starts.push(code.length);
  const start = makeCase(dice, dice.pick(few));
  start.registers[4] = BigInt(windowBase + windowBytes / 2);
  start.registers[15] = base15;
  return { ...start, name: "sequence", code: Uint8Array.from(code), codeOffset, starts };
}

/** The same run cut off after its first instructions. */
export function prefix(run: Sequence, instructions: number): Sequence {
  const end = run.starts[instructions] ?? run.code.length;
  return { ...run, code: run.code.subarray(0, end) };
}
