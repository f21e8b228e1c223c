/**
 * WebAssembly expressions as values: `i64.add(a, i64.const(1))` is the bytes that leave one i64 on the stack. An
 * expression has no side effect order of its own; what must happen once or in order is bound with
 * `FunctionBuilder.let` or emitted as a statement. Operand types are checked while building, so that a wrong row fails
 * with a sentence, not with a validation error at byte 73,412.
 */
export type ValueType = "i32" | "i64" | "f32" | "f64" | "v128";

export interface Expression {
  /** The type left on the stack; `void` leaves nothing. */
  readonly type: ValueType | "void";
  /** What is computed first, and the instruction's own bytes behind that. */
  readonly parts: readonly Expression[];
  readonly code: readonly number[];
}

export const noParts: readonly Expression[] = [];

export const valueTypeByte: Record<ValueType, number> = {
  i32: 0x7f,
  i64: 0x7e,
  f32: 0x7d,
  f64: 0x7c,
  v128: 0x7b,
};

/** What bytes are pushed to: an array or a sink. */
export interface Pushable {
  push(byte: number): unknown;
}

export function pushUnsigned(code: Pushable, value: number): void {
  let rest = value >>> 0;
  while (rest >= 0x80) {
    code.push((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  code.push(rest);
}

/** Signed LEB128 of an integer of at most 32 bits. */
export function pushSigned32(code: Pushable, value: number): void {
  let rest = value;
  for (;;) {
    const byte = rest & 0x7f;
    rest >>= 7;
    if ((rest === 0 && (byte & 0x40) === 0) || (rest === -1 && (byte & 0x40) !== 0)) {
      code.push(byte);
      return;
    }
    code.push(byte | 0x80);
  }
}

export function pushSigned(code: Pushable, value: bigint): void {
  let rest = value;
  for (;;) {
    const byte = Number(rest & 0x7fn);
    rest >>= 7n;
    if ((rest === 0n && (byte & 0x40) === 0) || (rest === -1n && (byte & 0x40) !== 0)) {
      code.push(byte);
      return;
    }
    code.push(byte | 0x80);
  }
}

/** An opcode applied to operands of the given types, with immediate bytes after the opcode. */
export function apply(
  name: string,
  type: ValueType | "void",
  opcode: readonly number[],
  operandTypes: readonly ValueType[],
  operands: readonly Expression[],
): Expression {
  for (let i = 0; i < operandTypes.length; i++) {
    const operand = operands[i];
    if (operand === undefined) throw new Error(`${name} lacks operand ${i}`);
    if (operand.type !== operandTypes[i])
      throw new Error(`${name} operand ${i} needs ${operandTypes[i]}, got ${operand.type}`);
  }
  return { type, parts: operands, code: opcode };
}

export function immediates(opcode: readonly number[], ...values: number[]): number[] {
  const code = [...opcode];
  for (const value of values) pushUnsigned(code, value);
  return code;
}
