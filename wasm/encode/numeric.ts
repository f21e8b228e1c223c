/**
 * The scalar instructions as functions of expressions, named as in the specification: `i32.shr_u` is `i32.shrU`.
 * Addresses are i32; `offset` is the constant added to them. Alignment hints are always 1: guest data may be anywhere.
 */
import { apply, immediates, noParts, pushSigned, pushSigned32, type Expression, type ValueType } from "./expression.ts";

type Unary = (a: Expression) => Expression;
type Binary = (a: Expression, b: Expression) => Expression;
export type Load = (address: Expression, offset?: number) => Expression;
export type Store = (address: Expression, value: Expression, offset?: number) => Expression;

function unary(name: string, to: ValueType, from: ValueType, ...opcode: number[]): Unary {
  const types = [from];
  return (a) => apply(name, to, opcode, types, [a]);
}

function binary(name: string, to: ValueType, from: ValueType, ...opcode: number[]): Binary {
  const types = [from, from];
  return (a, b) => apply(name, to, opcode, types, [a, b]);
}

function load(name: string, to: ValueType, opcode: number): Load {
  return (address, offset = 0) => apply(name, to, immediates([opcode], 0, offset), ["i32"], [address]);
}

function store(name: string, from: ValueType, opcode: number): Store {
  return (address, value, offset = 0) =>
    apply(name, "void", immediates([opcode], 0, offset), ["i32", from], [address, value]);
}

function integer(type: "i32" | "i64") {
  const wide = type === "i64";
  const compare = (name: string, opcode: number): Binary =>
    binary(`${type}.${name}`, "i32", type, opcode + (wide ? 0x0b : 0));
  const two = (name: string, opcode: number): Binary =>
    binary(`${type}.${name}`, type, type, opcode + (wide ? 0x12 : 0));
  const one = (name: string, opcode: number): Unary => unary(`${type}.${name}`, type, type, opcode + (wide ? 0x12 : 0));
  return {
    type,
    bits: wide ? 64 : 32,
    const(value: number | bigint): Expression {
      const code = [wide ? 0x42 : 0x41];
      if (typeof value === "number" && (!wide || value === (value | 0))) pushSigned32(code, value | 0);
      else pushSigned(code, BigInt.asIntN(wide ? 64 : 32, BigInt(value)));
      return { type, parts: noParts, code } as Expression;
    },
    eqz: unary(`${type}.eqz`, "i32", type, wide ? 0x50 : 0x45),
    eq: compare("eq", 0x46),
    ne: compare("ne", 0x47),
    ltS: compare("lt_s", 0x48),
    ltU: compare("lt_u", 0x49),
    gtS: compare("gt_s", 0x4a),
    gtU: compare("gt_u", 0x4b),
    leS: compare("le_s", 0x4c),
    leU: compare("le_u", 0x4d),
    geS: compare("ge_s", 0x4e),
    geU: compare("ge_u", 0x4f),
    clz: one("clz", 0x67),
    ctz: one("ctz", 0x68),
    popcnt: one("popcnt", 0x69),
    add: two("add", 0x6a),
    sub: two("sub", 0x6b),
    mul: two("mul", 0x6c),
    divS: two("div_s", 0x6d),
    divU: two("div_u", 0x6e),
    remS: two("rem_s", 0x6f),
    remU: two("rem_u", 0x70),
    and: two("and", 0x71),
    or: two("or", 0x72),
    xor: two("xor", 0x73),
    shl: two("shl", 0x74),
    shrS: two("shr_s", 0x75),
    shrU: two("shr_u", 0x76),
    rotl: two("rotl", 0x77),
    rotr: two("rotr", 0x78),
    extend8S: unary(`${type}.extend8_s`, type, type, wide ? 0xc2 : 0xc0),
    extend16S: unary(`${type}.extend16_s`, type, type, wide ? 0xc3 : 0xc1),
    load: load(`${type}.load`, type, wide ? 0x29 : 0x28),
    load8S: load(`${type}.load8_s`, type, wide ? 0x30 : 0x2c),
    load8U: load(`${type}.load8_u`, type, wide ? 0x31 : 0x2d),
    load16S: load(`${type}.load16_s`, type, wide ? 0x32 : 0x2e),
    load16U: load(`${type}.load16_u`, type, wide ? 0x33 : 0x2f),
    store: store(`${type}.store`, type, wide ? 0x37 : 0x36),
    store8: store(`${type}.store8`, type, wide ? 0x3c : 0x3a),
    store16: store(`${type}.store16`, type, wide ? 0x3d : 0x3b),
  };
}

export type IntegerOps = ReturnType<typeof integer>;

export const i32 = {
  ...integer("i32"),
  wrapI64: unary("i32.wrap_i64", "i32", "i64", 0xa7),
  truncF32S: unary("i32.trunc_f32_s", "i32", "f32", 0xa8),
  truncF64S: unary("i32.trunc_f64_s", "i32", "f64", 0xaa),
  truncSatF32S: unary("i32.trunc_sat_f32_s", "i32", "f32", 0xfc, 0),
  truncSatF32U: unary("i32.trunc_sat_f32_u", "i32", "f32", 0xfc, 1),
  truncSatF64S: unary("i32.trunc_sat_f64_s", "i32", "f64", 0xfc, 2),
  truncSatF64U: unary("i32.trunc_sat_f64_u", "i32", "f64", 0xfc, 3),
  reinterpretF32: unary("i32.reinterpret_f32", "i32", "f32", 0xbc),
};

export const i64 = {
  ...integer("i64"),
  extend32S: unary("i64.extend32_s", "i64", "i64", 0xc4),
  extendI32S: unary("i64.extend_i32_s", "i64", "i32", 0xac),
  extendI32U: unary("i64.extend_i32_u", "i64", "i32", 0xad),
  load32S: load("i64.load32_s", "i64", 0x34),
  load32U: load("i64.load32_u", "i64", 0x35),
  store32: store("i64.store32", "i64", 0x3e),
  truncF32S: unary("i64.trunc_f32_s", "i64", "f32", 0xae),
  truncF64S: unary("i64.trunc_f64_s", "i64", "f64", 0xb0),
  truncSatF32S: unary("i64.trunc_sat_f32_s", "i64", "f32", 0xfc, 4),
  truncSatF32U: unary("i64.trunc_sat_f32_u", "i64", "f32", 0xfc, 5),
  truncSatF64S: unary("i64.trunc_sat_f64_s", "i64", "f64", 0xfc, 6),
  truncSatF64U: unary("i64.trunc_sat_f64_u", "i64", "f64", 0xfc, 7),
  reinterpretF64: unary("i64.reinterpret_f64", "i64", "f64", 0xbd),
};

function float(type: "f32" | "f64") {
  const wide = type === "f64";
  const compare = (name: string, opcode: number): Binary =>
    binary(`${type}.${name}`, "i32", type, opcode + (wide ? 6 : 0));
  const two = (name: string, opcode: number): Binary =>
    binary(`${type}.${name}`, type, type, opcode + (wide ? 0x0e : 0));
  const one = (name: string, opcode: number): Unary => unary(`${type}.${name}`, type, type, opcode + (wide ? 0x0e : 0));
  return {
    type,
    const(value: number): Expression {
      const bytes = new Uint8Array(wide ? 8 : 4);
      const view = new DataView(bytes.buffer);
      if (wide) view.setFloat64(0, value, true);
      else view.setFloat32(0, value, true);
      return { type, parts: noParts, code: [wide ? 0x44 : 0x43, ...bytes] } as Expression;
    },
    eq: compare("eq", 0x5b),
    ne: compare("ne", 0x5c),
    lt: compare("lt", 0x5d),
    gt: compare("gt", 0x5e),
    le: compare("le", 0x5f),
    ge: compare("ge", 0x60),
    abs: one("abs", 0x8b),
    neg: one("neg", 0x8c),
    ceil: one("ceil", 0x8d),
    floor: one("floor", 0x8e),
    trunc: one("trunc", 0x8f),
    nearest: one("nearest", 0x90),
    sqrt: one("sqrt", 0x91),
    add: two("add", 0x92),
    sub: two("sub", 0x93),
    mul: two("mul", 0x94),
    div: two("div", 0x95),
    min: two("min", 0x96),
    max: two("max", 0x97),
    copysign: two("copysign", 0x98),
    load: load(`${type}.load`, type, wide ? 0x2b : 0x2a),
    store: store(`${type}.store`, type, wide ? 0x39 : 0x38),
    convertI32S: unary(`${type}.convert_i32_s`, type, "i32", wide ? 0xb7 : 0xb2),
    convertI32U: unary(`${type}.convert_i32_u`, type, "i32", wide ? 0xb8 : 0xb3),
    convertI64S: unary(`${type}.convert_i64_s`, type, "i64", wide ? 0xb9 : 0xb4),
    convertI64U: unary(`${type}.convert_i64_u`, type, "i64", wide ? 0xba : 0xb5),
  };
}

export const f32 = {
  ...float("f32"),
  demoteF64: unary("f32.demote_f64", "f32", "f64", 0xb6),
  reinterpretI32: unary("f32.reinterpret_i32", "f32", "i32", 0xbe),
};

export const f64 = {
  ...float("f64"),
  promoteF32: unary("f64.promote_f32", "f64", "f32", 0xbb),
  reinterpretI64: unary("f64.reinterpret_i64", "f64", "i64", 0xbf),
};

/** `condition ? a : b`, both evaluated. */
export function select(condition: Expression, a: Expression, b: Expression): Expression {
  if (a.type === "void" || a.type !== b.type) throw new Error(`select of ${a.type} and ${b.type}`);
  const typed = a.type === "v128" ? [0x1c, 1, 0x7b] : [0x1b];
  return apply("select", a.type, typed, [a.type, a.type, "i32"], [a, b, condition]);
}

/** memory.copy: handles overlap like memmove. */
export function memoryCopy(target: Expression, source: Expression, bytes: Expression): Expression {
  return apply("memory.copy", "void", [0xfc, 10, 0, 0], ["i32", "i32", "i32"], [target, source, bytes]);
}

export function memoryFill(target: Expression, value: Expression, bytes: Expression): Expression {
  return apply("memory.fill", "void", [0xfc, 11, 0], ["i32", "i32", "i32"], [target, value, bytes]);
}
