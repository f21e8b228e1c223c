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
  readonly code: readonly number[];
}

export const valueTypeByte: Record<ValueType, number> = {
  i32: 0x7f,
  i64: 0x7e,
  f32: 0x7d,
  f64: 0x7c,
  v128: 0x7b,
};

export function pushUnsigned(code: number[], value: number): void {
  let rest = value >>> 0;
  while (rest >= 0x80) {
    code.push((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  code.push(rest);
}

export function pushSigned(code: number[], value: bigint): void {
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

export function expect(actual: Expression, type: ValueType, where: string): void {
  if (actual.type !== type) throw new Error(`${where} needs ${type}, got ${actual.type}`);
}

/** An opcode applied to operands of the given types, with immediate bytes after the opcode. */
export function apply(
  name: string,
  type: ValueType | "void",
  opcode: readonly number[],
  operandTypes: readonly ValueType[],
  operands: readonly Expression[],
): Expression {
  const code: number[] = [];
  operandTypes.forEach((operandType, i) => {
    const operand = operands[i];
    if (operand === undefined) throw new Error(`${name} lacks operand ${i}`);
    expect(operand, operandType, `${name} operand ${i}`);
    for (const byte of operand.code) code.push(byte);
  });
  for (const byte of opcode) code.push(byte);
  return { type, code };
}

export function immediates(opcode: readonly number[], ...values: number[]): number[] {
  const code = [...opcode];
  for (const value of values) pushUnsigned(code, value);
  return code;
}
