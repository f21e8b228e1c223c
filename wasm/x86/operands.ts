/** Parses the notation of rows (row.ts) into what decoder and generators work with. */
import { rows, type OperandSize, type Row } from "./row.ts";

export type OperandKind =
  /** In ModRM.reg: general, XMM, MMX. */
  | "G"
  | "V"
  | "P"
  /** In ModRM.rm: register or memory. */
  | "E"
  | "W"
  | "Q"
  | "M"
  /** Register in the opcode. */
  | "Z"
  | "O"
  | "I"
  | "J"
  | "ST"
  /** VEX.vvvv: a vector, a general register; a vector in the immediate's upper half; the vector that indexes. */
  | "H"
  | "B"
  | "L"
  | "X"
  /** A fixed general register. */
  | "fixed"
  /** The constant one. */
  | "one";

/** A size in bits, or one that depends on the operand size. p: a far pointer, offset and selector. */
export type SizeSpec = number | "v" | "z" | "y" | "p";

export interface Operand {
  readonly kind: OperandKind;
  readonly size: SizeSpec;
  /** Size of the memory form, when it differs. */
  readonly memorySize: SizeSpec;
  readonly register: boolean;
  readonly memory: boolean;
  readonly read: boolean;
  readonly write: boolean;
  /** Immediates: sign-extended to the operand size. */
  readonly signed: boolean;
  /** Fixed registers: the number. */
  readonly index: number;
}

export interface Encoding {
  readonly map: 0 | 1 | 2 | 3;
  /** VEX.L, "any" where it is ignored; null without VEX. */
  readonly vex: 0 | 1 | "any" | null;
  readonly opcode: number;
  readonly prefix: "" | "NP" | "NFx" | "66" | "F3" | "F2";
  readonly rexW: 0 | 1 | null;
  readonly plusRegister: boolean;
  readonly modrm: boolean;
  /** ModRM.reg that is part of the opcode, or -1. */
  readonly digit: number;
  /** The whole ModRM byte if it is part of the opcode, or -1. */
  readonly fixedModrm: number;
  readonly register: boolean;
  readonly memory: boolean;
}

export interface ParsedRow {
  readonly index: number;
  readonly row: Row;
  readonly encoding: Encoding;
  readonly operands: readonly Operand[];
  /** Operand sizes it comes in; one entry (32) when the size does not matter. */
  readonly sizes: readonly OperandSize[];
  /** Which operand is ModRM.rm's, or -1. */
  readonly rm: number;
  /** The memory operand's index is a vector. */
  readonly vectorIndex: boolean;
}

const sizeNames: Record<string, SizeSpec> = {
  "": 0,
  b: 8,
  bs: 8,
  w: 16,
  d: 32,
  q: 64,
  dq: 128,
  x: 128,
  qq: 256,
  ps: 128,
  pd: 128,
  ss: 32,
  sd: 64,
  t: 80,
  v: "v",
  z: "z",
  y: "y",
  p: "p",
};

function sizeOf(name: string): SizeSpec {
  const known = sizeNames[name];
  if (known !== undefined) return known;
  const bits = Number(name.replace(/^s/, ""));
  if (!Number.isInteger(bits) || bits <= 0) throw new Error(`unknown operand size ${name}`);
  return name.startsWith("s") ? bits * 8 : bits;
}

const fixed: Record<string, { index: number; size: SizeSpec }> = {
  AL: { index: 0, size: 8 },
  CL: { index: 1, size: 8 },
  AX: { index: 0, size: 16 },
  DX: { index: 2, size: 16 },
  rAX: { index: 0, size: "v" },
  rDX: { index: 2, size: "v" },
};

/** Parsed operands by their text: two hundred of them in nearly two thousand rows. */
const parsedOperands = new Map<string, Operand>();

function operandOf(text: string): Operand {
  let operand = parsedOperands.get(text);
  if (operand === undefined) parsedOperands.set(text, (operand = parseOperand(text)));
  return operand;
}

function parseOperand(text: string): Operand {
  const access = text.at(-1);
  const body = access === "!" || access === "=" ? text.slice(0, -1) : text;
  const read = access !== "=";
  const write = access === "!" || access === "=";
  const base = { read, write, signed: false, index: 0, register: true, memory: false };
  if (body === "1") return { ...base, kind: "one", size: 8, memorySize: 8 };
  if (body === "STi") return { ...base, kind: "ST", size: 80, memorySize: 80 };
  const register = fixed[body];
  if (register !== undefined)
    return { ...base, kind: "fixed", size: register.size, memorySize: register.size, index: register.index };
  const slash = body.indexOf("/");
  if (slash >= 0) {
    const first = body.slice(0, slash);
    const second = body.slice(slash + 1);
    const kinds: Record<string, OperandKind> = { R: "E", U: "W", N: "Q" };
    const kind = kinds[first[0]!];
    if (kind === undefined || second[0] !== "M") throw new Error(`unknown operand ${text}`);
    return { ...base, kind, size: sizeOf(first.slice(1)), memorySize: sizeOf(second.slice(1)), memory: true };
  }
  const size = sizeOf(body.slice(1));
  switch (body[0]) {
    case "G":
    case "V":
    case "P":
    case "Z":
    case "H":
    case "B":
    case "L":
    case "X":
      return { ...base, kind: body[0], size, memorySize: size };
    case "E":
    case "W":
    case "Q":
      return { ...base, kind: body[0], size, memorySize: size, memory: true };
    case "R":
      return { ...base, kind: "E", size, memorySize: size };
    case "U":
      return { ...base, kind: "W", size, memorySize: size };
    case "N":
      return { ...base, kind: "Q", size, memorySize: size };
    case "M":
      return { ...base, kind: "M", size, memorySize: size, register: false, memory: true };
    case "O":
      return { ...base, kind: "O", size, memorySize: size, register: false, memory: true };
    case "I":
      return {
        ...base,
        kind: "I",
        size: body === "Ibs" ? 8 : size,
        memorySize: size,
        signed: body === "Ibs" || body === "Iz",
      };
    case "J":
      return { ...base, kind: "J", size, memorySize: size };
    default:
      throw new Error(`unknown operand ${text}`);
  }
}

/** What one token of an encoding says; which tokens there are stands in row.ts. */
type Token =
  | { readonly kind: "byte"; readonly value: number }
  | { readonly kind: "prefix"; readonly prefix: Exclude<Encoding["prefix"], "">; readonly value: number }
  | { readonly kind: "vex"; readonly vex: Exclude<Encoding["vex"], null> }
  | { readonly kind: "W"; readonly value: 0 | 1 }
  | { readonly kind: "modrm"; readonly digit: number; readonly register: boolean; readonly memory: boolean }
  | { readonly kind: "plusRegister" };

function parseToken(token: string): Token | null {
  if (/^VEX\.(128|256|LZ|LIG)$/.test(token))
    return { kind: "vex", vex: token === "VEX.256" ? 1 : token === "VEX.LIG" ? "any" : 0 };
  if (/^(NP|NFx|66|F3|F2)$/.test(token))
    return { kind: "prefix", prefix: token as Exclude<Encoding["prefix"], "">, value: Number.parseInt(token, 16) };
  if (token === "W0" || token === "W1") return { kind: "W", value: token === "W1" ? 1 : 0 };
  if (token === "/r") return { kind: "modrm", digit: -1, register: true, memory: true };
  if (token === "+r") return { kind: "plusRegister" };
  if (/^\/[0-7](:[rm])?$/.test(token))
    return { kind: "modrm", digit: Number(token[1]), register: !token.endsWith(":m"), memory: !token.endsWith(":r") };
  if (/^[0-9A-Fa-f]{2}$/.test(token)) return { kind: "byte", value: Number.parseInt(token, 16) };
  return null;
}

const tokens = new Map<string, Token | null>();

function tokenOf(text: string): Token | null {
  let token = tokens.get(text);
  if (token === undefined) tokens.set(text, (token = parseToken(text)));
  return token;
}

function parseEncoding(text: string, operands: readonly Operand[]): Encoding {
  let prefix: Encoding["prefix"] = "";
  let vex: Encoding["vex"] = null;
  let rexW: Encoding["rexW"] = null;
  let modrm = false;
  let digit = -1;
  let fixedModrm = -1;
  let plusRegister = false;
  let register = true;
  let memory = true;
  const bytes: number[] = [];
  for (const part of text.split(" ")) {
    const token = tokenOf(part);
    switch (token?.kind) {
      case "vex":
        vex = token.vex;
        break;
      case "prefix":
        // After the first byte of an opcode, 66, F2 and F3 are bytes of it.
        if (bytes.length === 0) prefix = token.prefix;
        else if (!Number.isNaN(token.value)) bytes.push(token.value);
        else throw new Error(`unknown token ${part} in encoding ${text}`);
        break;
      case "W":
        rexW = token.value;
        break;
      case "modrm":
        modrm = true;
        if (token.digit >= 0) digit = token.digit;
        register &&= token.register;
        memory &&= token.memory;
        break;
      case "plusRegister":
        plusRegister = true;
        break;
      case "byte":
        bytes.push(token.value);
        break;
      default:
        throw new Error(`unknown token ${part} in encoding ${text}`);
    }
  }
  let map: Encoding["map"] = 0;
  let at = 0;
  if (bytes[0] === 0x0f) {
    if (bytes[1] === 0x38 && bytes.length > 2) [map, at] = [2, 2];
    else if (bytes[1] === 0x3a && bytes.length > 2) [map, at] = [3, 2];
    else [map, at] = [1, 1];
  }
  const opcode = bytes[at];
  if (opcode === undefined) throw new Error(`no opcode in encoding ${text}`);
  if (bytes.length > at + 1) {
    fixedModrm = bytes[at + 1]!;
    modrm = true;
  }
  for (const operand of operands) {
    if (operand.kind === "E" || operand.kind === "W" || operand.kind === "Q" || operand.kind === "M") {
      register &&= operand.register;
      memory &&= operand.memory;
    }
    if (operand.kind === "ST") memory = false;
  }
  if (fixedModrm >= 0xc0) memory = false;
  if (!modrm) [register, memory] = [true, operands.some((operand) => operand.kind === "O")];
  if (memory && !modrm) register = false;
  return { map, vex, opcode, prefix, rexW, plusRegister, modrm, digit, fixedModrm, register, memory };
}

function parseRow(row: Row, index: number): ParsedRow {
  const operands = row.operands === "" ? [] : row.operands.split(" ").map(operandOf);
  const encoding = parseEncoding(row.encoding, operands);
  const uses = (spec: SizeSpec): boolean =>
    operands.some((operand) => operand.size === spec || operand.memorySize === spec);
  let sizes: readonly OperandSize[];
  if (row.sizes !== undefined) sizes = row.sizes;
  else if (row.default64 === true) sizes = uses("v") ? [16, 64] : [64];
  else if (uses("v") || uses("p")) sizes = [16, 32, 64];
  else if (uses("y") || uses("z")) sizes = [32, 64];
  else if (operands[0]?.size === 8) sizes = [8];
  else sizes = [32];
  const rm = operands.findIndex(
    (operand) =>
      operand.kind === "E" ||
      operand.kind === "W" ||
      operand.kind === "Q" ||
      operand.kind === "M" ||
      operand.kind === "O",
  );
  return { index, row, encoding, operands, sizes, rm, vectorIndex: operands.some(({ kind }) => kind === "X") };
}

/** A size in bits, given the operand size. */
export function bitsOf(spec: SizeSpec, size: OperandSize): number {
  if (spec === "v") return size;
  if (spec === "z") return size === 16 ? 16 : 32;
  if (spec === "y") return size === 64 ? 64 : 32;
  if (spec === "p") return size + 16;
  return spec;
}

let parsed: readonly ParsedRow[] | undefined;

/** Every row, parsed once. All files of rows must have been imported (rows/all.ts). */
export function parsedRows(): readonly ParsedRow[] {
  parsed ??= rows.map((row, index) => {
    try {
      return parseRow(row, index);
    } catch (error) {
      throw new Error(`row ${row.name} "${row.encoding}" "${row.operands}"`, { cause: error });
    }
  });
  return parsed;
}
