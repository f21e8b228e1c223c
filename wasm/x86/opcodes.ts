/**
 * From opcode bytes to rows: one flat table by map, opcode, prefix class, REX.W, ModRM.reg and whether ModRM names
 * memory; and a list of the rows whose whole ModRM byte is part of the opcode.
 */
import { parsedRows, type Encoding } from "./operands.ts";
import type { CpuLevel } from "./types.ts";

export const prefixClass = { none: 0, operandSize: 1, rep: 2, repne: 3 } as const;

export interface OpcodeTable {
  /** Row index, or -1. See `opcodeSlot`. */
  readonly rows: Int16Array;
  /** By map * 256 + opcode: 1 if a ModRM byte follows, 2 if some row fixes it whole. */
  readonly modrm: Uint8Array;
  /** By fixedSlot: row index for each prefix class. */
  readonly fixed: ReadonlyMap<number, Int16Array>;
}

export function opcodeSlot(
  map: number,
  opcode: number,
  prefix: number,
  rexW: number,
  digit: number,
  memory: number,
): number {
  return (((((map << 8) | opcode) * 4 + prefix) * 2 + rexW) * 8 + digit) * 2 + memory;
}

/** VEX opcodes are maps of their own, by VEX.L. */
export function vexMap(map: number, length: number): number {
  return 3 + map + 3 * length;
}
const maps = 10;

export function fixedSlot(map: number, opcode: number, modrm: number): number {
  return (map << 16) | (opcode << 8) | modrm;
}

/** What x86-64-v3 has beyond v2 and the extensions that are always offered. */
export const v3Features: ReadonlySet<string> = new Set(["avx", "avx2", "bmi1", "bmi2", "lzcnt", "fma", "f16c"]);

const tables = new Map<CpuLevel, OpcodeTable>();

/** At v2 the bytes of what v3 adds mean what they meant before: TZCNT is BSF, LZCNT is BSR, VEX is invalid. */
export function opcodeTable(level: CpuLevel): OpcodeTable {
  let table = tables.get(level);
  if (table === undefined) tables.set(level, (table = build(level)));
  return table;
}

function build(level: CpuLevel): OpcodeTable {
  const rows = new Int16Array((level === "x86-64-v3" ? maps : 4) * 256 * 4 * 2 * 8 * 2).fill(-1);
  const modrm = new Uint8Array(maps * 256);
  const fixed = new Map<number, Int16Array>();
  const classes = { "": [0, 1, 2, 3], NP: [0], NFx: [0, 1], "66": [1], F3: [2], F2: [3] };
  // Rows without a mandatory prefix first: those with one take their place.
  const offered = parsedRows().filter(({ row }) => level === "x86-64-v3" || !v3Features.has(row.feature ?? ""));
  const ordered = [
    ...offered.filter(({ encoding }) => encoding.prefix === ""),
    ...offered.filter(({ encoding }) => encoding.prefix !== ""),
  ];
  for (const { index, encoding } of ordered) {
    const { opcode, vex } = encoding;
    const lengths = vex === null ? null : vex === "any" ? [0, 1] : [vex];
    for (const map of lengths?.map((length) => vexMap(encoding.map, length)) ?? [encoding.map]) {
      if (encoding.fixedModrm >= 0) {
        modrm[map * 256 + opcode]! |= 3;
        const slot = fixedSlot(map, opcode, encoding.fixedModrm);
        const list = fixed.get(slot) ?? new Int16Array(4).fill(-1);
        for (const prefix of classes[encoding.prefix]) list[prefix] = index;
        fixed.set(slot, list);
        continue;
      }
      if (encoding.modrm) modrm[map * 256 + opcode]! |= 1;
      for (let low = 0; low < (encoding.plusRegister ? 8 : 1); low++)
        for (const prefix of classes[encoding.prefix])
          fillSlots(rows, index, encoding, opcodeSlot(map, opcode + low, prefix, 0, 0, 0));
    }
  }
  return { rows, modrm, fixed };
}

/**
 * Enters a row for one opcode and prefix class: by REX.W, ModRM.reg and memory, which are the last of a slot. Every
 * worker does this when it starts, hence whole runs at a time.
 */
function fillSlots(rows: Int16Array, index: number, encoding: Encoding, first: number): void {
  const { rexW, modrm, digit, register, memory } = encoding;
  const anyDigit = modrm && digit < 0;
  for (let w = rexW ?? 0; w <= (rexW ?? 1); w++) {
    const from = first + 16 * w + 2 * Math.max(digit, 0);
    if (anyDigit && register && memory) rows.fill(index, from, from + 16);
    else
      for (let at = from; at < from + (anyDigit ? 16 : 2); at += 2) {
        if (register || !modrm) rows[at] = index;
        if (memory && modrm) rows[at + 1] = index;
      }
  }
}
