/** Encodes one instruction from its row: registers, addressing form and immediate are chosen by the dice. */
import type { OperandSize } from "../../wasm/x86/row.ts";
import { bitsOf, type Operand, type ParsedRow } from "../../wasm/x86/operands.ts";
import type { Dice } from "./operands.ts";

export interface Encoded {
  readonly bytes: Uint8Array;
  /** Registers that must hold these values for the memory operand to be at `target`. */
  readonly pinned: ReadonlyMap<number, bigint>;
  /** Number of the ModRM.reg operand, and of the ModRM.rm one if it is a register. */
  readonly reg: number;
  readonly rm: number;
  /** Value of the first immediate. */
  readonly immediate: number;
  /** Of a gather: number and scale (a shift) of the vector that indexes the memory operand. */
  readonly index: { readonly number: number; readonly scale: number } | null;
}

/** What an instruction among many may use. */
export interface Among {
  /** The only base of its memory operand (R8 to R15 but R12, which needs a SIB byte), and what it holds. */
  readonly base: number;
  readonly holds: bigint;
  /** General registers it may name. */
  readonly registers: readonly number[];
}

interface Choice {
  readonly size: OperandSize;
  readonly memory: boolean;
  /** Guest address of the memory operand. */
  readonly target: bigint;
  /** Guest address of the instruction. */
  readonly at: bigint;
  readonly lock: boolean;
  /** Prefixes put first: REP and the like. */
  readonly prefixes?: readonly number[];
  /** Addresses of 32 bits (prefix 67): what is above in a register does not count. */
  readonly address32?: boolean;
  /** Base of the segment, by a prefix already given. */
  readonly segmentBase?: bigint;
  /** One of many instructions. */
  readonly among?: Among;
  /** Immediate, when it is not any. */
  readonly immediate?: number | undefined;
}

const mask64 = (1n << 64n) - 1n;

function isGeneral(operand: Operand | undefined): boolean {
  return operand?.kind === "B" || operand?.kind === "G" || operand?.kind === "E" || operand?.kind === "Z";
}

/** A register number for an operand. RSP rarely: stack instructions have it already. */
function pickRegister(dice: Dice, operand: Operand | undefined, among?: Among): number {
  if (among !== undefined && isGeneral(operand)) return dice.pick(among.registers);
  if (operand?.kind === "P" || operand?.kind === "Q" || operand?.kind === "ST") return dice.below(8);
  const number = dice.below(16);
  return isGeneral(operand) && number === 4 && !dice.chance(8) ? 3 : number;
}

/** What a base register must hold; with 32-bit addresses anything above. */
function pinnedBase(dice: Dice, address: bigint, { address32 }: Choice): bigint {
  return address32 === true ? (BigInt(dice.u32()) << 32n) | (address & 0xffffffffn) : address & mask64;
}

export function encode(dice: Dice, parsed: ParsedRow, choice: Choice): Encoded {
  const { encoding, operands, row } = parsed;
  const { size, memory } = choice;
  const target = BigInt.asUintN(64, choice.target - (choice.segmentBase ?? 0n));
  const prefixes: number[] = [...(choice.prefixes ?? [])];
  if (choice.address32 === true) prefixes.push(0x67);
  const { among } = choice;
  const keep = among !== undefined;
  const pinned = new Map<number, bigint>();
  if (choice.lock) prefixes.push(0xf0);
  const uses16 =
    size === 16 && operands.some((o) => o.size === "v" || o.size === "z" || o.memorySize === "v" || o.size === "p");
  if (uses16 || (size === 16 && row.sizes !== undefined)) prefixes.push(0x66);
  if (encoding.vex === null) {
    if (encoding.prefix === "66") prefixes.push(0x66);
    if (encoding.prefix === "F3") prefixes.push(0xf3);
    if (encoding.prefix === "F2") prefixes.push(0xf2);
  }
  let rex = 0;
  const wide = size === 64 && row.default64 !== true;
  if (encoding.rexW === 1 || (encoding.rexW === null && wide)) rex |= 0x48;
  // REX without W changes nothing but the byte registers.
  if (dice.chance(8)) rex |= 0x40;

  const regOperand = operands.find((o) => o.kind === "G" || o.kind === "V" || o.kind === "P");
  const rmOperand = operands.find((o) => o.kind === "E" || o.kind === "W" || o.kind === "Q" || o.kind === "ST");
  const opcodeOperand = operands.find((o) => o.kind === "Z");
  const reg = encoding.digit >= 0 ? encoding.digit : pickRegister(dice, regOperand, among);
  // A gather's destination, index and mask (the register next to the index) differ, or else it is invalid.
  const index = parsed.vectorIndex ? { number: dice.below(16), scale: dice.below(4) } : null;
  const mask = ((index?.number ?? 0) + 1) % 16;
  if (index !== null && (reg === index.number || reg === mask) && !dice.chance(8)) return encode(dice, parsed, choice);
  let rm = pickRegister(dice, rmOperand, among);
  // Of a vector and a general register, the same number may be one that is not to be used.
  const mayBeSame = !keep || (encoding.digit < 0 && isGeneral(rmOperand) === isGeneral(regOperand));
  if (dice.chance(4) && rmOperand?.kind !== "ST" && mayBeSame) rm = rmOperand?.kind === "Q" ? reg & 7 : reg;
  if (encoding.digit < 0 && reg >= 8) rex |= 0x44;

  const tail: number[] = [];
  let displacement: { at: number; bytes: 4; relative: boolean } | undefined;
  const push = (value: bigint, bytes: number): void => {
    for (let i = 0; i < bytes; i++) tail.push(Number((value >> BigInt(8 * i)) & 0xffn));
  };
  let opcode = encoding.opcode;
  if (encoding.plusRegister) {
    const number = opcodeOperand === undefined ? dice.below(8) : pickRegister(dice, opcodeOperand, among);
    opcode |= number & 7;
    if (number >= 8) rex |= 0x41;
    rm = number;
  }
  if (encoding.fixedModrm >= 0) tail.push(encoding.fixedModrm);
  else if (encoding.modrm && !memory) {
    tail.push(0xc0 | ((reg & 7) << 3) | (rm & 7));
    if (rm >= 8) rex |= 0x41;
  } else if (encoding.modrm) {
    const field = (reg & 7) << 3;
    const shape = dice.below(8);
    if (index !== null) {
      // The vector indexes in the way of a register: with a base, or with a displacement alone.
      const sib = (index.scale << 6) | ((index.number & 7) << 3);
      if (index.number >= 8) rex |= 0x42;
      const near = shape < 4 ? (dice.u32() << 24) >> 24 : dice.u32() | 0;
      let base = dice.below(16);
      while (base === 4) base = dice.below(16);
      if (shape === 0 && target >> 31n === 0n) {
        tail.push(field | 4, sib | 5);
        push(target, 4);
      } else {
        tail.push((shape < 4 ? 0x40 : 0x80) | field | 4, sib | (base & 7));
        if (base >= 8) rex |= 0x41;
        pinned.set(base, pinnedBase(dice, target - BigInt(near), choice));
        push(BigInt(near), shape < 4 ? 1 : 4);
      }
    } else if (shape === 0) {
      // RIP-relative.
      tail.push(field | 5);
      displacement = { at: tail.length, bytes: 4, relative: true };
      push(0n, 4);
    } else if (shape === 1) {
      // Absolute, through a SIB byte without base and index.
      tail.push(field | 4, 0x25);
      push(target & 0xffffffffn, 4);
      if (target >> 31n !== 0n) return encode(dice, parsed, choice);
    } else if (among !== undefined) {
      tail.push(0x80 | field | (among.base & 7));
      rex |= 0x41;
      push(target - among.holds, 4);
    } else {
      const withIndex = shape >= 5;
      const far = dice.chance(3);
      const near = far ? dice.u32() | 0 : dice.chance(2) ? (dice.below(256) << 24) >> 24 : 0;
      let base = dice.below(16);
      while (base === 4) base = dice.below(16);
      let address = target - BigInt(near);
      let mode = near === 0 && (base & 7) !== 5 ? 0 : near >= -128 && near < 128 ? 1 : 2;
      if (mode === 0 && dice.chance(8)) mode = 2;
      if (withIndex) {
        let index = dice.below(16);
        while (index === 4 || index === base) index = dice.below(16);
        const scale = dice.below(4);
        const value = dice.chance(2) ? BigInt(dice.below(64)) : dice.u64();
        pinned.set(index, value);
        address -= value << BigInt(scale);
        tail.push((mode << 6) | field | 4, (scale << 6) | ((index & 7) << 3) | (base & 7));
        if (index >= 8) rex |= 0x42;
      } else if ((base & 7) === 4) {
        tail.push((mode << 6) | field | 4, 0x24);
      } else tail.push((mode << 6) | field | (base & 7));
      if (base >= 8) rex |= 0x41;
      pinned.set(base, pinnedBase(dice, address, choice));
      if (mode === 1) push(BigInt(near), 1);
      if (mode === 2) push(BigInt(near), 4);
    }
  } else if (memory) {
    // moffs: an absolute address of 64 bits.
    push(target, choice.address32 === true ? 4 : 8);
  }
  if (operands.some(({ kind }) => kind === "L")) tail.push(dice.below(256));
  let immediate = 0;
  let first = true;
  for (const operand of operands) {
    if (operand.kind !== "I" && operand.kind !== "J") continue;
    const bits = operand.kind === "I" && operand.size === "v" ? size : bitsOf(operand.size, size);
    let value = dice.u64();
    if (operand.kind === "J") value = BigInt(dice.below(100));
    else if (choice.immediate !== undefined && first) value = BigInt(choice.immediate);
    else if (dice.chance(3)) value = dice.pick([0n, 1n, 0x7fn, 0x80n, 0xffn, 31n, 32n, 63n, 64n, 8n, 16n]);
    if (first) immediate = Number(BigInt.asUintN(Math.min(bits, 32), value));
    first = false;
    push(value, bits >> 3);
  }
  const head = [...prefixes];
  if (encoding.vex !== null) {
    const vvvvOperand = operands.find(({ kind }) => kind === "H" || kind === "B");
    let vvvv = 0;
    if (vvvvOperand !== undefined) {
      const same = dice.below(8);
      vvvv = pickRegister(dice, vvvvOperand, among);
      if (same === 0 && !(keep && isGeneral(vvvvOperand) !== isGeneral(regOperand)))
        vvvv = encoding.digit < 0 ? reg : vvvv;
      if (same === 1 && !memory && !(keep && isGeneral(vvvvOperand) !== isGeneral(rmOperand))) vvvv = rm;
      if (index !== null) vvvv = dice.chance(20) ? index.number : mask;
    }
    const length = encoding.vex === "any" ? dice.below(2) : encoding.vex;
    const pp = { "": 0, NP: 0, NFx: 0, "66": 1, F3: 2, F2: 3 }[encoding.prefix];
    const wide =
      encoding.rexW === null && size !== 64 && !operands.some((o) => o.size === "y") ? dice.below(2) : (rex >> 3) & 1;
    const last = ((15 - vvvv) << 3) | (length << 2) | pp;
    const short = encoding.map === 1 && (rex & 3) === 0 && wide === 0 && !dice.chance(4);
    if (short) head.push(0xc5, ((rex & 4) === 0 ? 0x80 : 0) | last);
    else head.push(0xc4, (((rex & 7) ^ 7) << 5) | encoding.map, (wide << 7) | last);
  } else {
    if (rex !== 0) head.push(rex | 0x40);
    if (encoding.map > 0) head.push(0x0f);
    if (encoding.map === 2) head.push(0x38);
    if (encoding.map === 3) head.push(0x3a);
  }
  head.push(opcode);
  const bytes = Uint8Array.from([...head, ...tail]);
  if (displacement?.relative === true) {
    const distance = target - (choice.at + BigInt(bytes.length));
    if (distance !== BigInt.asIntN(32, distance)) return encode(dice, parsed, choice);
    new DataView(bytes.buffer).setInt32(head.length + displacement.at, Number(distance), true);
  }
  return { bytes, pinned, reg, rm, immediate, index };
}
