/**
 * Decodes one instruction: prefixes, REX, opcode, ModRM, SIB, displacement, immediates, into the fields of one reused
 * object (nothing is allocated). Intel SDM vol. 2, chapter 2. What it finds is a form (forms.ts) and the addresses of
 * the registers in the processor's state, ready for a record.
 */
import { armTable, type ArmTable } from "./forms.ts";
import { parsedRows, type ParsedRow } from "./operands.ts";
import { fixedSlot, opcodeSlot, opcodeTable, prefixClass, vexMap } from "./opcodes.ts";
import type { OperandSize } from "./row.ts";
import { state } from "./state.ts";
import type { CpuLevel } from "./types.ts";

export const decoded = {
  ok: 0,
  /** The bytes end before the instruction does. */
  needMore: 1,
  /** No row: `missing` may name it. */
  illegal: 2,
} as const;

/** How the memory operand's address is made. */
export const addressing = { none: 0, base: 1, indexed: 2, general: 3, absolute: 4 } as const;

const instructionBytesMax = 15;

export class InstructionDecoder {
  readonly #table: ArmTable = armTable();
  readonly #rows: readonly ParsedRow[] = parsedRows();
  #opcodes = opcodeTable("x86-64-v2");
  #hasVex = false;
  readonly #nop: number;
  readonly #xchg: number;

  form = 0;
  parsed: ParsedRow;
  length = 0;
  memory = false;
  size: OperandSize = 32;
  /** Record fields: see layout.ts. */
  r = 0;
  m = 0;
  x = 0;
  scale = 0;
  disp = 0;
  addressing: number = addressing.none;
  segment = 0;
  address32 = false;
  immediateLow = 0;
  immediateHigh = 0;
  secondImmediate = 0;
  /** Branch displacement from the end of the instruction. */
  relative = 0;
  hasRelative = false;
  ripRelative = false;

  constructor(level: CpuLevel = "x86-64-v2") {
    this.level = level;
    this.#nop = this.#rows.findIndex(({ row }) => row.name === "NOP" && row.encoding === "90");
    this.#xchg = this.#rows.findIndex(({ row }) => row.encoding === "90 +r");
    this.parsed = this.#rows[this.#nop]!;
  }

  set level(level: CpuLevel) {
    this.#opcodes = opcodeTable(level);
    this.#hasVex = level === "x86-64-v3";
  }

  decode(bytes: Uint8Array, start: number, end: number): number {
    const limit = Math.min(end, start + instructionBytesMax);
    const short = end < start + instructionBytesMax ? decoded.needMore : decoded.illegal;
    let at = start;
    let operandSize = false;
    let rep = 0;
    let lock = false;
    let rex = 0;
    let hasRex = false;
    this.segment = state.zero;
    this.address32 = false;
    let byte = 0;
    prefixes: for (;;) {
      if (at >= limit) return short;
      byte = bytes[at++]!;
      switch (byte) {
        case 0x66:
          operandSize = true;
          break;
        case 0x67:
          this.address32 = true;
          break;
        case 0xf3:
          rep = prefixClass.rep;
          break;
        case 0xf2:
          rep = prefixClass.repne;
          break;
        case 0xf0:
          lock = true;
          break;
        case 0x64:
          this.segment = state.fsBase;
          break;
        case 0x65:
          this.segment = state.gsBase;
          break;
        case 0x26:
        case 0x2e:
        case 0x36:
        case 0x3e:
          break;
        default:
          if ((byte & 0xf0) !== 0x40) break prefixes;
          // A REX prefix counts only right before the opcode.
          rex = byte;
          hasRex = true;
          continue;
      }
      rex = 0;
      hasRex = false;
    }
    let map = 0;
    let vvvv = -1;
    if ((byte & 0xfe) === 0xc4 && this.#hasVex) {
      // Intel SDM vol. 2, 2.3: what other prefixes do is in here, upside down; they are not allowed before it.
      if (operandSize || rep !== 0 || lock || hasRex) return decoded.illegal;
      const long = byte === 0xc4;
      if (at + (long ? 3 : 2) > limit) return short;
      let fields = bytes[at++]!;
      let rexBits = ((fields >> 5) ^ 4) & 4;
      let opcodeMap = 1;
      if (long) {
        rexBits = (fields >> 5) ^ 7;
        opcodeMap = fields & 31;
        fields = bytes[at++]!;
        rexBits |= (fields >> 4) & 8;
      }
      if (opcodeMap < 1 || opcodeMap > 3) return decoded.illegal;
      rex = rexBits;
      vvvv = ((fields >> 3) & 15) ^ 15;
      map = vexMap(opcodeMap, (fields >> 2) & 1);
      operandSize = (fields & 3) === 1;
      rep = (fields & 3) === 2 ? prefixClass.rep : (fields & 3) === 3 ? prefixClass.repne : 0;
      byte = bytes[at++]!;
    } else if (byte === 0x0f) {
      if (at >= limit) return short;
      byte = bytes[at++]!;
      map = 1;
      if (byte === 0x38 || byte === 0x3a) {
        map = byte === 0x38 ? 2 : 3;
        if (at >= limit) return short;
        byte = bytes[at++]!;
      }
    }
    const opcode = byte;
    const prefix = rep !== 0 ? rep : operandSize ? prefixClass.operandSize : prefixClass.none;
    const rexW = (rex >> 3) & 1;
    const kind = this.#opcodes.modrm[map * 256 + opcode]!;
    let modrm = 0;
    let row: number;
    let memory = false;
    if (kind !== 0) {
      if (at >= limit) return short;
      modrm = bytes[at++]!;
      memory = modrm < 0xc0;
      row = -1;
      if (kind > 1) {
        const list = this.#opcodes.fixed.get(fixedSlot(map, opcode, modrm));
        if (list !== undefined) row = list[prefix]!;
      }
      if (row < 0) row = this.#opcodes.rows[opcodeSlot(map, opcode, prefix, rexW, (modrm >> 3) & 7, memory ? 1 : 0)]!;
    } else {
      row = this.#opcodes.rows[opcodeSlot(map, opcode, prefix, rexW, 0, 0)]!;
      if (map === 0 && opcode === 0x90 && (rex & 1) === 1) row = this.#xchg;
    }
    if (row < 0) return decoded.illegal;
    const parsed = this.#rows[row]!;
    this.parsed = parsed;
    const { encoding } = parsed;

    let size: OperandSize = 32;
    if (parsed.row.default64 === true) size = operandSize && rexW === 0 && parsed.sizes.includes(16) ? 16 : 64;
    else if (rexW === 1) size = 64;
    else if (operandSize && encoding.prefix !== "66") size = 16;
    if (!parsed.sizes.includes(size)) size = parsed.sizes.length > 1 && size === 16 ? 32 : parsed.sizes[0]!;
    this.size = size;

    const rexR = (rex & 4) << 1;
    const rexX = (rex & 2) << 2;
    const rexB = (rex & 1) << 3;
    this.addressing = addressing.none;
    this.ripRelative = false;
    this.disp = 0;
    this.secondImmediate = 0;
    if (memory) {
      const mode = modrm >> 6;
      const low = modrm & 7;
      let base = -1;
      let index = -1;
      let sib = 0;
      this.scale = 0;
      let dispBytes = mode === 1 ? 1 : mode === 2 ? 4 : 0;
      if (low === 4) {
        if (at >= limit) return short;
        sib = bytes[at++]!;
        this.scale = sib >> 6;
        index = ((sib >> 3) & 7) | rexX;
        if (index === 4 && !parsed.vectorIndex) index = -1;
        base = (sib & 7) | rexB;
        if ((sib & 7) === 5 && mode === 0) {
          base = -1;
          dispBytes = 4;
        }
      } else if (low === 5 && mode === 0) {
        dispBytes = 4;
        this.ripRelative = true;
      } else base = low | rexB;
      if (parsed.vectorIndex && low !== 4) return decoded.illegal;
      if (at + dispBytes > limit) return short;
      if (dispBytes === 1) this.disp = (bytes[at]! << 24) >> 24;
      else if (dispBytes === 4) this.disp = read32(bytes, at);
      at += dispBytes;
      this.m = this.ripRelative ? state.pageBase : base < 0 ? state.zero : state.gpr + 8 * base;
      this.x = index < 0 ? state.zero : state.gpr + 8 * index;
      if (index < 0) this.scale = 0;
      if (parsed.row.name === "LEA") this.segment = state.zero;
      if (parsed.rm < 0) this.addressing = addressing.none;
      else if (parsed.vectorIndex) {
        // The index goes where a fourth register goes, the segment where an index would.
        this.secondImmediate = (state.xmm + 16 * index) << 16;
        this.scale = sib >> 6;
        this.x = this.segment;
        this.addressing = addressing.base;
      } else if (this.address32) this.addressing = addressing.general;
      else if (this.segment === state.zero) this.addressing = index < 0 ? addressing.base : addressing.indexed;
      else if (index >= 0) this.addressing = addressing.general;
      else if (this.m === state.zero) {
        this.m = this.segment;
        this.addressing = addressing.base;
      } else {
        this.x = this.segment;
        this.scale = 0;
        this.addressing = addressing.indexed;
      }
      // POP's address is that after the pop (Intel SDM vol. 2, POP).
      if (base === 4 && parsed.row.name === "POP") this.disp += size >> 3;
    }

    this.hasRelative = false;
    // Where there is no immediate: the mask of implied addresses.
    this.immediateLow = -1;
    this.immediateHigh = this.address32 ? 0 : -1;
    let immediates = 0;
    let usesVvvv = vvvv <= 0;
    let locked = false;
    for (const operand of parsed.operands) {
      switch (operand.kind) {
        case "G":
          this.r = general(((modrm >> 3) & 7) | rexR, operand.size === 8 && !hasRex);
          break;
        case "V":
          this.r = state.xmm + 16 * (((modrm >> 3) & 7) | rexR);
          break;
        case "H":
        case "B":
          usesVvvv = true;
          this.secondImmediate |= operand.kind === "H" ? state.xmm + 16 * vvvv : state.gpr + 8 * vvvv;
          break;
        case "L":
          if (at >= limit) return short;
          this.secondImmediate |= (state.xmm + 16 * (bytes[at++]! >> 4)) << 16;
          break;
        case "P":
          this.r = state.x87 + 16 * ((modrm >> 3) & 7);
          break;
        case "E":
          if (!memory) this.m = general((modrm & 7) | rexB, operand.size === 8 && !hasRex);
          else if (operand.write) locked = true;
          break;
        case "W":
          if (!memory) this.m = state.xmm + 16 * ((modrm & 7) | rexB);
          break;
        case "Q":
          if (!memory) this.m = state.x87 + 16 * (modrm & 7);
          break;
        case "M":
          locked = true;
          break;
        case "Z":
          this.m = general((opcode & 7) | rexB, operand.size === 8 && !hasRex);
          break;
        case "ST":
          this.m = modrm & 7;
          break;
        case "O": {
          const bytesOfAddress = this.address32 ? 4 : 8;
          if (at + bytesOfAddress > limit) return short;
          this.immediateLow = read32(bytes, at);
          this.immediateHigh = this.address32 ? 0 : read32(bytes, at + 4);
          at += bytesOfAddress;
          this.addressing = addressing.absolute;
          memory = true;
          break;
        }
        case "J": {
          const wide = operand.size === 32;
          if (at + (wide ? 4 : 1) > limit) return short;
          this.relative = wide ? read32(bytes, at) : (bytes[at]! << 24) >> 24;
          this.hasRelative = true;
          at += wide ? 4 : 1;
          break;
        }
        case "I": {
          let count = 4;
          if (operand.size === 8) count = 1;
          else if (operand.size === 16 || ((operand.size === "z" || operand.size === "v") && size === 16)) count = 2;
          else if (operand.size === "v" && size === 64) count = 8;
          if (at + count > limit) return short;
          let value = 0;
          if (count === 1) value = operand.signed ? (bytes[at]! << 24) >> 24 : bytes[at]!;
          else if (count === 2) value = bytes[at]! | (bytes[at + 1]! << 8);
          else value = read32(bytes, at);
          if (count === 2 && operand.signed) value = (value << 16) >> 16;
          if (immediates++ > 0) this.secondImmediate = value;
          else {
            this.immediateLow = value;
            this.immediateHigh = count === 8 ? read32(bytes, at + 4) : operand.signed ? value >> 31 : 0;
          }
          at += count;
          break;
        }
        default:
          break;
      }
    }
    if (!usesVvvv) return decoded.illegal;
    if (parsed.vectorIndex) {
      // Destination, mask and index must differ (Intel SDM vol. 2, VPGATHERDD).
      const [mask, index] = [this.secondImmediate & 0xffff, this.secondImmediate >>> 16];
      if (this.r === mask || this.r === index || mask === index) return decoded.illegal;
    }
    // Implied operands (string instructions, MASKMOVDQU): the segment stands where a base or an index would.
    if (!memory) {
      if (encoding.modrm) this.x = this.segment;
      else if (parsed.operands.length === 0) this.m = this.segment;
    }
    if (lock && !(locked && memory && parsed.row.lock === true)) return decoded.illegal;
    this.memory = memory;
    this.length = at - start;
    this.form = this.#table.formOf(parsed.index, memory && encoding.memory, size);
    return this.form < 0 ? decoded.illegal : decoded.ok;
  }
}

function general(number: number, legacyByte: boolean): number {
  return legacyByte && number >= 4 ? state.gpr + 8 * (number - 4) + 1 : state.gpr + 8 * number;
}

function read32(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
}
