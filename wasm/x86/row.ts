/**
 * One instruction, one row. From a row come the decoder's entry, the interpreter's arms (one for each operand size and
 * for the register and the memory form), later the JIT's lowering, and the differential tests.
 *
 *     row("ADD", "01 /r", "Ev! Gv", { writes: "oszapc", lock: true }, (e) => {
 *       const a = e.let(e.get(0));
 *       const b = e.let(e.get(1));
 *       e.put(0, e.w.add(a, b));
 *       e.flags("add", a, b);
 *     });
 *     row("PADDB", "66 0F FC /r", "Vdq! Wdq", {}, (e) => e.putV(0, i8x16.add(e.v(0), e.v(1))));
 *     row("ADDSD", "F2 0F 58 /r", "Vsd! Wsd", {}, (e) => e.putF64(0, f64.add(e.f64(0), e.f64(1))));
 *
 * How to add one:
 *
 * 1. Encoding, in the manual's notation, tokens separated by blanks. First, if the instruction has one, the mandatory
 *    prefix: `NP` (none of 66, F2, F3), `66`, `F3` or `F2`; without any, 66 is the operand-size prefix and F2/F3 are
 *    ignored; `NFx`: 66 is the operand-size prefix, F2 and F3 are other instructions or none. Before it `VEX.128`, `VEX.256`, `VEX.LZ` (L = 0) or `VEX.LIG` (L is ignored)
 *    for the VEX encoding. `W0` or `W1` demands REX.W clear or set. Then the opcode bytes (`0F 38 17`). Then `/r` or `/0`…`/7` if there
 *    is a ModRM byte, or `+r` if the low three opcode bits are a register (operand kind Z), or one more byte if ModRM is
 *    fixed (`D9 E8`, `0F AE F0`). `/5:r` and `/5:m` restrict to register or memory when no operand says so.
 *
 * 2. Operands, separated by blanks, as in the manual's appendix A: a letter for where, then what size:
 *      G  general register, ModRM.reg      E  general register or memory      R  general register, ModRM.rm only
 *      V  XMM, ModRM.reg                   W  XMM or memory                   U  XMM, ModRM.rm only
 *      P  MMX, ModRM.reg                   Q  MMX or memory                   N  MMX, ModRM.rm only
 *      M  memory only                      Z  register in the opcode          O  moffs (A0…A3)
 *         (a bare `M`: the address only, nothing is accessed)
 *      I  immediate                        J  branch displacement             STi  x87 stack register of ModRM.rm
 *      H  vector, VEX.vvvv                 B  general register, VEX.vvvv      L  vector, imm8[7:4]
 *      X  the vector that indexes the memory operand
 *    a fixed register by name: AL CL rAX rDX (r: of operand size) 1 (the constant one).
 *    Sizes: b 8, w 16, d 32, q 64, dq ps pd x 128, qq 256, ss 32, sd 64, t 80, s512 (FXSAVE) and other plain bit numbers
 *    (`M224`); p: a far pointer, an offset of the operand size and a selector; v: operand size 16/32/64; z: 16, or 32 (an immediate is sign-extended to 64); y: 32, or 64 with REX.W.
 *    Immediates: `Ib` is zero-extended; `Ibs` is sign-extended to the operand size.
 *    Different sizes in register and memory form: `Rd/Mb`, `Udq/Mq`.
 *    Access: nothing means read only; `=` written only; `!` read and written. It decides how memory is translated.
 *
 * 3. Options: flags (letters o s z a p c d), `lock`, `faults`, `default64`, `feature`, `unaligned`.
 *
 * 4. The body computes with expressions (wasm/encode). An expression is code, not a value: using it twice evaluates it
 *    twice, at the place where it is emitted. Bind with `e.let` what is used twice, and everything read before a `put`
 *    that could change it. Memory operands are translated before the body runs, so reads and writes of operands cannot
 *    fault half-way; `e.faultIf` must come before the first `put`. Rows know nothing of records, so that the JIT can
 *    run the same body with operands known.
 *
 * Values: `get` gives i32 for operands of at most 32 bits (zero-extended) and i64 for 64. `put` truncates to the
 * operand; a 32-bit general register is zero-extended to 64 bits, smaller ones are merged, as the processor does.
 * Of an STi operand `get` gives the number i (i32). `put` to an MMX register also sets bits 64–79 of the x87 register
 * it lies in, as the processor does; TOP and the tags are the row's business (rows/mmx.ts).
 */
import type { Expression } from "../encode/expression.ts";
import type { FunctionBuilder, Local } from "../encode/module.ts";
import type { IntegerOps } from "../encode/numeric.ts";
import type { Exit } from "./types.ts";

export type OperandSize = 8 | 16 | 32 | 64;

/** How the arithmetic flags follow from operands: flags.ts has the definitions. Operands are of the size given. */
export type FlagsKind =
  /** a + b. */
  | "add"
  /** a - b. */
  | "sub"
  /** a + b + c, a - b - c: with `carry`. */
  | "adc"
  | "sbb"
  /** The result is a; CF = OF = 0. */
  | "logic"
  /** a + 1, a - 1; CF unchanged. */
  | "inc"
  | "dec"
  /** Shifts of a by b, 1 ≤ b < 64 masked and not zero. */
  | "shl"
  | "shr"
  | "sar"
  /** The result's low half is a; CF = OF = b (0 or 1). */
  | "mul"
  /** a holds the flags as RFLAGS bits (i32): all six are set from it. */
  | "explicit";

/** What a result of floating point is: a number, or a vector of them. */
export type NumberFormat = "f32" | "f64" | "ps" | "pd";

/** The sixteen conditions, as in the low four opcode bits of Jcc. */
export type ConditionCode = number;

/** A translated memory operand of a body's own making (`translate`). */
export interface Pointer {
  /** Host address (i32), valid within this body only. */
  readonly host: Local;
}

export interface Emitter {
  /** For structured control (`if`, `loop`, `block`) inside a body. */
  readonly f: FunctionBuilder;
  /** Effective operand size in bits. */
  readonly size: OperandSize;
  /** Integer instructions of the operand size: those of i64 for 64 bits, of i32 otherwise. */
  readonly w: IntegerOps;

  isMemory(operand: number): boolean;
  /** Size of an operand in bits. */
  bits(operand: number): number;
  let(value: Expression): Local;
  /**
   * An immediate's value where it is known while emitting (the JIT), null where it is data (the interpreter): a body
   * must be right for null, and may be faster for a number.
   */
  constant(operand: number): number | null;

  /** Zero-extended: i32 up to 32 bits, i64 for 64. General, MMX, memory or immediate operand. */
  get(operand: number): Expression;
  /** Sign-extended. */
  getS(operand: number): Expression;
  /** As i64, zero- or sign-extended. */
  get64(operand: number): Expression;
  get64S(operand: number): Expression;
  put(operand: number, value: Expression): void;

  /** A general register by number: its low `bits` bits, zero-extended, as `get`. */
  reg(index: number, bits: OperandSize): Expression;
  setReg(index: number, bits: OperandSize, value: Expression): void;

  /**
   * A vector operand as v128: the whole register, or the memory operand's bytes with zeros above. 128-bit memory
   * operands are checked for alignment unless the row says `unaligned`.
   */
  v(operand: number): Expression;
  f32(operand: number): Expression;
  f64(operand: number): Expression;
  /** The lowest 32 or 64 bits of a vector or memory operand. */
  i32(operand: number): Expression;
  i64(operand: number): Expression;
  /** Writes the whole register, or as many low bytes as the memory operand has. */
  putV(operand: number, value: Expression): void;
  /** Write the lowest lane: the rest of a register stays. */
  putF32(operand: number, value: Expression): void;
  putF64(operand: number, value: Expression): void;
  /** Write the lowest lane of a register, zeros above. */
  putF32Zero(operand: number, value: Expression): void;
  putF64Zero(operand: number, value: Expression): void;
  putI32(operand: number, value: Expression): void;
  putI64(operand: number, value: Expression): void;
  /** Whether two operands are known while emitting to be the same vector register. */
  isSame(operand: number, other: number): boolean;
  /** The upper half of a 256-bit operand; of any vector register. Stores to them are in memory at once. */
  high(operand: number): Expression;
  putHigh(operand: number, value: Expression): void;
  /** Scale of a vector index as a shift (i32). */
  indexScale(): Expression;
  /** XMM0 and the like: a vector register by number. */
  xmm(index: number): Expression;
  setXmm(index: number, value: Expression): void;

  /**
   * Host address (i32) of a memory operand's bytes, all of them contiguous, for helpers and odd sizes; with `inState`,
   * also of a vector register.
   */
  host(operand: number): Expression;
  /** The guest address (i64) of a memory operand, with its segment base (what LEA gives has none; nor a vector index's). */
  address(operand: number): Expression;
  /** Base (i64) of the segment of an implied operand (string instructions, gathers): FS or GS with that prefix, else 0. */
  segmentBase(): Expression;
  /** Mask (i64) of the offset and the counter of such operands: 32 bits with prefix 67, else all. */
  addressMask(): Expression;

  /** Translates memory at a guest address (i64) before any write of the body; a fault leaves the instruction. */
  translate(address: Expression, bytes: number, access: "read" | "write"): Pointer;

  /** Sets the arithmetic flags. Left out where nobody reads them: so no side effects in the operands. */
  flags(kind: FlagsKind, a: Expression, b?: Expression, carry?: Expression): void;
  /** The same with the size of the operands given, when it is not the operand size. */
  flagsOf(bits: OperandSize, kind: FlagsKind, a: Expression, b?: Expression, carry?: Expression): void;
  /** CF as 0 or 1 (i32). */
  carry(): Expression;
  /** 1 if the condition holds (i32). For the cc-families the condition is the row's. */
  condition(code: ConditionCode): Expression;
  /** The six arithmetic flags as RFLAGS bits (i32). */
  arithmeticFlags(): Expression;
  /** Whether flags are wanted of this instruction: to leave out costly code that only serves flags. */
  readonly wantsFlags: boolean;

  /** Not 0 (i32) where all flags of MXCSR are to be kept: by compiled code not always (state.ts, `exactness`). */
  keepsFlags(): Expression;
  /** The same, or one of the numbers of a format is a NaN: what native arithmetic does not do right. */
  suspect(numbers: readonly Expression[], format: NumberFormat): Expression;
  /** The same, or a number is infinite. */
  suspectFinite(number: Expression, format: NumberFormat): Expression;
  /** Not 0 (i32) where each operation is to be done by the soft module. */
  watched(): Expression;

  /** Leaves the instruction with a fault if the condition (i32) holds. Before any write. */
  faultIf(condition: Expression, kind: Exit): void;
  /** Leaves the guest after this instruction, rip behind it. The last thing a body does. */
  exit(kind: Exit): void;
  /** The same if the condition (i32) holds; nothing has been written. */
  exitIf(condition: Expression, kind: Exit): void;

  /** Address of the next instruction (i64). */
  nextRip(): Expression;
  /** Address of this instruction, with its prefixes (i64). */
  thisRip(): Expression;
  /** Ends the block: continues at a guest address (i64). The last thing a body does. */
  jump(target: Expression): void;
  /** Ends the block: continues at the J operand, if the condition (i32) holds or is absent. */
  branch(operand: number, condition?: Expression): void;
  /** Calls a helper function (helpers.ts) by name. */
  call(name: string, ...args: Expression[]): Expression;
  /**
   * Does the whole instruction in a helper that works on the registers in memory (state.ts), like the string
   * instructions and CPUID. It returns a status (i32): 0 done, 1 a fault is recorded (registers hold the progress
   * made), 2 to be run again from the start (so that long ones can be interrupted), 3 done after much work. With 2 and
   * 3, `state.extraCost` is how many instructions it is worth.
   */
  inState(name: string, ...args: Expression[]): void;
}

export interface RowOptions {
  /** Arithmetic flags read, written, and left undefined. */
  readonly reads?: string;
  readonly writes?: string;
  readonly undefined?: string;
  /** The flags may stay as they were (a shift by zero): earlier values are not dead. */
  readonly conditional?: boolean;
  /** LOCK is allowed on the memory form. */
  readonly lock?: boolean;
  /** May fault or trap other than by its memory operand. */
  readonly faults?: boolean;
  /** 64-bit operand size without REX.W (near branches, push, pop). */
  readonly default64?: boolean;
  /** Operand sizes, when not those that follow from v, z and y. */
  readonly sizes?: readonly OperandSize[];
  /** Ends the block: jumps, system calls. */
  readonly ends?: boolean;
  /** Compiled code leaves it to the interpreter: it works on registers in memory (`inState`), or changes what that code holds. */
  readonly interpreted?: boolean;
  /** No single-step trap follows it: the next instruction comes first (Intel SDM vol. 3, 6.8.3). */
  readonly delaysTrap?: boolean;
  /** A 128-bit memory operand need not be aligned. */
  readonly unaligned?: boolean;
  /** CPUID feature; everything of x86-64-v2 is offered, what x86-64-v3 adds only there (opcodes.ts). */
  readonly feature?: string;
  /** Why no differential test runs it; such rows are tested where the reason says. */
  readonly untestable?: string;
}

export interface Row extends RowOptions {
  readonly name: string;
  readonly encoding: string;
  readonly operands: string;
  readonly body: (e: Emitter) => void;
}

/** All rows, in order of definition; rows/all.ts imports every file of rows. */
export const rows: Row[] = [];

export function row(
  name: string,
  encoding: string,
  operands: string,
  options: RowOptions,
  body: (e: Emitter) => void,
): void {
  rows.push({ name, encoding, operands, ...options, body });
}
