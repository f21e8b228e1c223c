/** Makes cases from rows: every form of a row, registers and memory filled with values it is likely to trip over. */
import { exactness } from "../../wasm/x86/state.ts";
import { bitsOf, parsedRows, type ParsedRow } from "../../wasm/x86/operands.ts";
import type { OperandSize } from "../../wasm/x86/row.ts";
import { xsaveLayout } from "../../wasm/x86/types.ts";
import { encode } from "./encode.ts";
import { codeBase, dataBase, dataBytes, gsBase, highBytes, readOnlyBase, windowBase, windowBytes } from "./layout.ts";
import type { Case } from "./layout.ts";
import { Dice, f32, f64, f80, integer, startFx } from "./operands.ts";

export interface Form {
  readonly parsed: ParsedRow;
  readonly size: OperandSize;
  readonly memory: boolean;
  readonly name: string;
}

/** A case and what is needed to judge it. */
export interface FormCase extends Case {
  readonly form: Form;
  /** Value of the immediate, for flags whose definition depends on it. */
  readonly immediate: number;
  /** Where the memory operand is, relative to the window. */
  readonly offset: number;
}

export function forms(): Form[] {
  const list: Form[] = [];
  for (const parsed of parsedRows()) {
    for (const size of parsed.sizes)
      for (const memory of [false, true]) {
        if (memory ? !parsed.encoding.memory : !parsed.encoding.register) continue;
        const { row } = parsed;
        const width = parsed.sizes.length > 1 ? ` (${size} bits)` : "";
        const name = `${row.name} ${row.operands}${row.operands === "" ? "" : " "}[${row.encoding}]${width}${memory ? " memory" : ""}`;
        list.push({ parsed, size, memory, name });
      }
  }
  return list;
}

const middle = BigInt(windowBase + windowBytes / 2);
const strings = /^(MOVS|CMPS|STOS|LODS|SCAS)$/;
const stack = /^(PUSH|POP|CALL|RET|PUSHF|POPF|ENTER|LEAVE|PUSH .S|POP .S|CALL far|RETF|IRET)$/;
/** Operands that nothing names: prefixes 67 and 65 are about them. */
const implied = /^(MOVS|CMPS|STOS|LODS|SCAS|XLAT|V?MASKMOVDQU|MASKMOVQ|LOOP\w*|JRCXZ)$/;
/** What Linux gives user mode, with each level of privilege, and what it does not. */
const selectors = [0x28, 0x30, 0x78, 0x20, 0x10, 0x60, 0];

/** Where a memory operand may lie. */
function pickTarget(dice: Dice, bytes: number, form: Form): bigint {
  const aligned = bytes >= 16 && form.parsed.row.unaligned !== true;
  const room = windowBytes - bytes;
  const align = (offset: number): bigint => {
    const step = bytes === 512 ? 512 : bytes === 32 ? 32 : 16;
    return BigInt(aligned && !dice.chance(10) ? Math.floor((windowBase + offset) / step) * step : windowBase + offset);
  };
  if (bytes === 512 && !dice.chance(10)) return BigInt(windowBase);
  switch (dice.below(24)) {
    case 0:
      // Past the end, wholly or partly.
      return align(dataBase + dataBytes - windowBase - dice.below(bytes + 1));
    case 1:
      return BigInt(dataBase - dice.below(bytes + 8));
    case 2:
      return BigInt(readOnlyBase + 16 * dice.below(200));
    case 3:
      return dice.pick([0n, 8n, 0x7fff_ffff_f000n, 0x8000_0000_0000n, 0xffff_8000_0000_0000n, 0xffff_ffff_ffff_fff0n]);
    case 4:
    case 5:
    case 6: {
      // Across the page boundary.
      const back = dice.below(bytes) + 1;
      return align(windowBytes / 2 - back);
    }
    default:
      return align(dice.below(room + 1));
  }
}

function memoryBytes(form: Form): number {
  if (/^X(SAVE|RSTOR)/.test(form.parsed.row.name)) return xsaveLayout.bytes;
  const operand = form.parsed.operands[form.parsed.rm];
  if (operand === undefined) return 8;
  return Math.max(1, bitsOf(operand.memorySize, form.size) >> 3);
}

function fillFx(dice: Dice, form: Form, registers: number[]): Uint8Array {
  const fx = startFx();
  const view = new DataView(fx.buffer);
  const kinds = form.parsed.operands.map((operand) => operand.kind);
  const feature = form.parsed.row.feature ?? "";
  const isX87 = feature === "fpu" || feature === "x87";
  const isXsave = feature.startsWith("xsave");
  const usesMmx = kinds.includes("P") || kinds.includes("Q");
  const usesFx = isX87 || usesMmx || feature === "fxsr" || feature === "mmx" || isXsave;
  // Vectors: by lanes of one kind, sometimes all the same register.
  for (let i = 0; i < 16; i++) {
    const at = 160 + 16 * i;
    if (i > 0 && dice.chance(6)) {
      fx.copyWithin(at, at - 16, at);
      continue;
    }
    fillVector(dice, form, view, at);
  }
  if (usesFx) {
    const top = dice.below(8);
    if (isX87 || isXsave || dice.chance(2)) {
      const masks = dice.chance(8) ? dice.below(64) : 0x3f;
      const precision = dice.pick([3, 3, 3, 2, 0]);
      view.setUint16(0, 0x40 | masks | (dice.below(4) << 10) | (precision << 8), true);
      const pending = dice.chance(10) ? dice.below(64) : 0;
      const summary = pending & ~masks ? 0x8080 : 0;
      const conditions = dice.chance(3) ? dice.u32() & 0x4700 : 0;
      view.setUint16(2, (top << 11) | pending | summary | conditions, true);
      // Mostly what the instruction needs: its operands in use, room for a push.
      const needed = (1 << top) | (1 << ((top + 1) & 7));
      const some = dice.below(256) & ~(1 << ((top + 7) & 7));
      view.setUint8(4, dice.chance(6) ? dice.below(256) : dice.chance(2) ? needed : needed | some);
    }
    for (let i = 0; i < 8; i++) {
      const at = 32 + 16 * i;
      if (usesMmx && dice.chance(2)) {
        fillVector(dice, form, view, at);
        view.setBigUint64(at + 8, 0xffffn, true);
        continue;
      }
      const value = f80(dice);
      view.setBigUint64(at, value.mantissa, true);
      view.setUint16(at + 8, value.signExponent, true);
    }
    // Beyond ±(1 - √½) the result is undefined.
    const exponent = view.getUint16(40, true) & 0x7fff;
    if (form.parsed.row.name === "FYL2XP1" && exponent >= 0x3ffd && exponent !== 0x7fff)
      view.setUint16(40, (view.getUint16(40, true) & 0x8000) | (0x3ffc - dice.below(70)), true);
  }
  // MXCSR: half the cases have the default one, the rest any mode.
  if (/^([sx]|avx|fma|f16c)/.test(feature) && dice.chance(2)) {
    const masks = dice.chance(8) ? dice.below(64) : 0x3f;
    const flags = dice.chance(2) ? 0x20 : dice.below(64);
    const modes = dice.chance(2) ? 0 : (dice.below(4) << 13) | (dice.below(2) << 15) | (dice.below(2) << 6);
    view.setUint32(24, (masks << 7) | flags | modes, true);
  }
  void registers;
  return fx;
}

function fillHigh(dice: Dice, form: Form): Uint8Array {
  const high = new Uint8Array(highBytes);
  const view = new DataView(high.buffer);
  for (let at = 0; at < highBytes; at += 16) fillVector(dice, form, view, at);
  return high;
}

function fillVector(dice: Dice, form: Form, view: DataView, at: number): void {
  const { name } = form.parsed.row;
  if (/P[SID]2|[SP]D$|SD/.test(name) || dice.chance(5)) {
    view.setBigUint64(at, f64(dice), true);
    view.setBigUint64(at + 8, f64(dice), true);
    if (!dice.chance(4)) return;
  }
  if (/[SP]S$|PS|SS/.test(name) || dice.chance(5)) {
    for (let lane = 0; lane < 4; lane++) view.setUint32(at + 4 * lane, f32(dice), true);
    return;
  }
  if (/STR/.test(name)) {
    // Short strings over few letters, so that they match and end.
    for (let i = 0; i < 16; i++) view.setUint8(at + i, dice.pick([0, 65, 66, 67, 128, 255, dice.below(256)]));
    return;
  }
  if (dice.chance(2)) {
    view.setBigUint64(at, integer(dice), true);
    view.setBigUint64(at + 8, integer(dice), true);
    return;
  }
  for (let i = 0; i < 4; i++)
    view.setUint32(at + 4 * i, dice.chance(4) ? dice.pick([0, 0xffff_ffff]) : dice.u32(), true);
}

/** Indexes that mostly stay in the window; now and then one that leads beyond the data, or anywhere. */
function fillIndexes(
  dice: Dice,
  form: Form,
  fx: Uint8Array,
  high: Uint8Array,
  { number, scale }: { readonly number: number; readonly scale: number },
  target: number,
): void {
  const bytes = /GATHERQ/.test(form.parsed.row.name) ? 8 : 4;
  const halves = [fx.subarray(160 + 16 * number), high.subarray(16 * number)];
  const lead = dice.chance(3) ? dice.below(32 / bytes) : -1;
  for (let lane = 0; lane < 32 / bytes; lane++) {
    if (lane === lead && dice.chance(3)) continue;
    const distance = lane === lead ? dataBase + dataBytes - target - dice.below(12) : dice.below(600) - 300;
    const half = halves[(lane * bytes) >> 4]!;
    const view = new DataView(half.buffer, half.byteOffset + ((lane * bytes) & 15), bytes);
    const index = distance >> scale;
    if (bytes === 8) view.setBigInt64(0, BigInt(index), true);
    else view.setInt32(0, index, true);
  }
}

/** Vectors a program may call, and some it may not; others have gates on some kernels. */
const vectors = [0, 1, 2, 3, 4, 6, 13, 14, 0x20, 0xff];

/** An immediate that is not any, or undefined. */
function immediateFor(dice: Dice, name: string, isDoubleShift16: boolean): number | undefined {
  if (name === "ENTER" || name === "RETF") return dice.below(64);
  if (name === "INT") return dice.pick(vectors);
  return isDoubleShift16 ? dice.below(17) : undefined;
}

export function makeCase(dice: Dice, form: Form): FormCase {
  const { parsed, size, memory } = form;
  const { row } = parsed;
  const registers = new BigUint64Array(16);
  for (let i = 0; i < 16; i++) registers[i] = integer(dice);
  // Not at the beginning, so that backward jumps stay on the page; sometimes across the boundary of the code pages.
  const codeOffset = dice.chance(8) ? 0x1000 - 1 - dice.below(10) : 0x400 + dice.below(0x400);
  const bytes = memoryBytes(form);
  let target = pickTarget(dice, bytes, form);
  const isString = strings.test(row.name);
  const isMaskMove = /^V?MASKMOV(DQU|Q)$/.test(row.name);
  const isXsave = /^X(SAVE|RSTOR)/.test(row.name);
  const isFar = row.name.startsWith("BT") && memory && row.operands.includes("G");
  // The header lies behind the image, both in the window as a rule.
  if (isXsave && (row.name === "XRSTOR" || !dice.chance(10))) target = BigInt(windowBase) & ~63n;
  // The header ends where the data do, or some vectors do: they are accessed only where they are asked for.
  if (isXsave && dice.chance(4)) target = BigInt(dataBase + dataBytes - 576 - 64 * dice.below(5));
  if (isFar) target = middle + BigInt(dice.below(64) - 32);
  if (parsed.vectorIndex && !dice.chance(10)) target = middle + BigInt(dice.below(400) - 200);
  const prefixes: number[] = [];
  const isImplied = implied.test(row.name);
  const address32 = (memory || isImplied) && target < 0xffff_0000n && dice.chance(10);
  const usesGs = (memory || isImplied) && row.name !== "LEA" && !isFar && dice.chance(10);
  if (usesGs) prefixes.push(0x65);
  // By more than the operand's size the result is undefined.
  const doubleShift16 = /^SH[LR]D$/.test(row.name) && size === 16;
  if (doubleShift16) registers[1] = BigInt(dice.below(17));
  const encoded = encode(dice, parsed, {
    size,
    memory,
    target,
    at: BigInt(codeBase + codeOffset),
    lock: row.lock === true && memory && dice.chance(4),
    prefixes,
    address32,
    ...(usesGs ? { segmentBase: BigInt(gsBase) } : {}),
    immediate: immediateFor(dice, row.name, doubleShift16),
  });
  const window = new Uint8Array(windowBytes);
  const view = new DataView(window.buffer);
  for (let at = 0; at < windowBytes; at += 8) view.setBigUint64(at, integer(dice), true);
  registers[4] = middle + BigInt(dice.chance(4) ? dice.below(200) - 100 : 8 * (dice.below(20) - 10));
  if (stack.test(row.name) && dice.chance(12))
    // A non-canonical RSP could not even be loaded.
    registers[4] = dice.pick([0n, BigInt(dataBase), BigInt(dataBase + dataBytes), 0x7fff_ffff_f000n]);
  if (row.name === "LEAVE" || row.name === "ENTER") registers[5] = middle + BigInt(8 * (dice.below(10) - 5));
  if (isString) {
    const up = (): bigint => BigInt(windowBase + 64 + dice.below(windowBytes - 160));
    registers[6] = up();
    registers[7] = dice.chance(3) ? (registers[6] ?? 0n) + BigInt(dice.below(40) - 20) : up();
    registers[1] = BigInt(dice.below(9));
    if (dice.chance(10)) registers[7] = BigInt(dataBase + dataBytes - dice.below(32));
    if (dice.chance(10)) registers[6] = BigInt(dataBase + dataBytes - dice.below(32));
    // Equal runs, so that comparisons go on.
    if (dice.chance(2)) window.fill(dice.pick([0, 1, 255]), 0, windowBytes - dice.below(200));
    if (dice.chance(2)) registers[0] = view.getBigUint64(dice.below(60), true);
  }
  if (row.name === "XLAT") registers[3] = BigInt(windowBase + dice.below(200));
  // Only what is offered here: other components would need more room.
  if (isXsave) {
    registers[0] = BigInt(dice.below(8));
    registers[2] = 0n;
  }
  if (isMaskMove) registers[7] = pickTarget(dice, 16, form);
  if (/^V?PCMPESTR/.test(row.name))
    for (const length of [0, 2])
      if (!dice.chance(3)) registers[length] = BigInt.asUintN(64, BigInt(dice.below(36) - 18));
  if (isFar) {
    const index = BigInt.asUintN(64, BigInt(dice.below(1400) - 700));
    // The bit's number, whatever is above it where only 16 or 32 bits count.
    registers[encoded.reg] =
      size === 64 ? index : BigInt.asUintN(64, (dice.u64() << BigInt(size)) | BigInt.asUintN(size, index));
  }
  if (/^(DIV|IDIV)$/.test(row.name) && !dice.chance(5)) {
    const low = BigInt.asIntN(size, registers[0] ?? 0n);
    registers[2] = dice.chance(2) ? 0n : row.name === "IDIV" && low < 0n ? (1n << 64n) - 1n : 0n;
    if (size === 8) registers[0] = BigInt(dice.below(row.name === "IDIV" ? 300 : 2000));
  }
  if (usesGs && isImplied) {
    if (row.name === "XLAT") registers[3] = (registers[3] ?? 0n) - BigInt(gsBase);
    if (isMaskMove) registers[7] = BigInt.asUintN(64, (registers[7] ?? 0n) - BigInt(gsBase));
    if (isString) registers[6] = (registers[6] ?? 0n) - BigInt(gsBase);
  }
  if (address32 && isImplied)
    for (const number of [1, 3, 6, 7])
      registers[number] = (BigInt(dice.u32()) << 32n) | ((registers[number] ?? 0n) & 0xffff_ffffn);
  for (const [number, value] of encoded.pinned) registers[number] = BigInt.asUintN(64, value);
  if (isFar && encoded.reg === 4) return makeCase(dice, form);
  if (isXsave && (encoded.pinned.has(0) || encoded.pinned.has(2))) return makeCase(dice, form);
  if (doubleShift16 && encoded.pinned.has(1)) return makeCase(dice, form);
  if (isFar && encoded.pinned.has(encoded.reg)) return makeCase(dice, form);
  const offset = Number(target - BigInt(windowBase));
  const inWindow = memory && offset >= 0 && offset + bytes <= windowBytes;
  const isFloat = row.feature === "fpu";
  if (inWindow) fillOperand(dice, form, view, offset, bytes, isFloat);
  if (row.name === "CMPXCHG" && dice.chance(2)) {
    if (inWindow) registers[0] = view.getBigUint64(Math.min(offset, windowBytes - 8), true);
    else if (!memory) registers[0] = registers[encoded.rm] ?? 0n;
    for (const [number, value] of encoded.pinned) registers[number] = BigInt.asUintN(64, value);
  }
  if (
    /^CMPXCHG(8|16)B$/.test(row.name) &&
    inWindow &&
    dice.chance(2) &&
    !encoded.pinned.has(0) &&
    !encoded.pinned.has(2)
  ) {
    registers[0] = view.getBigUint64(offset, true);
    registers[2] = bytes === 16 ? view.getBigUint64(offset + 8, true) : view.getBigUint64(offset, true) >> 32n;
  }
  if (/^(CALL|JMP|RET)$/.test(row.name)) {
    const land = BigInt(codeBase + 0x100 + dice.below(0x1e00));
    const isRet = row.name === "RET";
    const sp = Number((registers[4] ?? 0n) - BigInt(windowBase));
    if (isRet && sp >= 0 && sp + 8 <= windowBytes && !dice.chance(8)) view.setBigUint64(sp, land, true);
    if (!dice.chance(8)) {
      if (inWindow) view.setBigUint64(offset, land, true);
      else if (!memory && encoded.rm !== 4) registers[encoded.rm] = land;
    }
  }
  fillFar(dice, form, view, registers, encoded.rm, inWindow ? offset : -1);
  const fx = fillFx(dice, form, []);
  const high = fillHigh(dice, form);
  if (encoded.index !== null) fillIndexes(dice, form, fx, high, encoded.index, Number(target));
  let flags = dice.u32() & 0x8d5;
  if (isString && dice.chance(3)) flags |= 0x400;
  if (row.name === "POPF") {
    // Only flags that are safe in user mode: no TF, NT, AC, RF.
    const sp = Number((registers[4] ?? 0n) - BigInt(windowBase));
    if (sp >= 0 && sp + 8 <= windowBytes) view.setBigUint64(sp, view.getBigUint64(sp, true) & 0x0020_0ed7n, true);
  }
  return {
    name: form.name,
    form,
    code: encoded.bytes,
    codeOffset,
    registers,
    flags,
    fx,
    exactness: dice.pick([0, exactness.counted, exactness.loaded]),
    high,
    window,
    immediate: encoded.immediate,
    offset,
  };
}

/** Selectors and far pointers, in the operand or on the stack. */
function fillFar(dice: Dice, form: Form, view: DataView, registers: BigUint64Array, rm: number, offset: number): void {
  const { name, encoding, operands } = form.parsed.row;
  const bytes = form.size / 8;
  const put = (at: number, value: bigint): void => {
    for (let i = 0; i < bytes; i++) view.setUint8(at + i, Number((value >> BigInt(8 * i)) & 0xffn));
  };
  const selector = (): number => dice.pick(selectors) | dice.below(4);
  const land = BigInt(codeBase + 0x100 + dice.below(0x1e00));
  const code = (): number => (dice.chance(4) ? selector() : 0x33);
  if (/^(LAR|LSL|VERR|VERW)$/.test(name) || encoding.startsWith("8E")) {
    // The limit of 78 is the number of the processor.
    const any = name === "LSL" ? selector() % 0x40 : selector();
    const value = dice.chance(8) ? dice.below(0x10000) & ~0x40 : dice.chance(3) ? 0x2b : any;
    if (offset >= 0) view.setUint16(offset, value, true);
    else if (!form.memory && rm !== 4) registers[rm] = ((registers[rm] ?? 0n) & ~0xffffn) | BigInt(value);
  } else if (operands.includes("Mp") && offset >= 0) {
    put(offset, land);
    view.setUint16(offset + bytes, name.endsWith(" far") ? code() : dice.chance(2) ? 0x2b : selector(), true);
  }
  const sp = Number((registers[4] ?? 0n) - BigInt(windowBase));
  if (sp < 0 || sp + 5 * bytes > windowBytes) return;
  if (name === "RETF" || name === "IRET") {
    put(sp, land);
    put(sp + bytes, BigInt(code()));
  }
  if (name === "IRET") {
    // As for POPF: only flags that are safe.
    put(sp + 2 * bytes, dice.u64() & 0x20_0ed7n);
    put(sp + 3 * bytes, registers[4] ?? 0n);
    put(sp + 4 * bytes, BigInt(dice.chance(8) ? selector() : 0x2b));
  }
  if (/^POP .S$/.test(name))
    put(sp, (dice.u64() & ~0xffffn) | BigInt(dice.chance(3) ? dice.below(0x10000) : selector()));
}

/** The header of an XSAVE image: mostly one that can be restored. Processors differ in what they look at beyond this. */
function fillHeader(dice: Dice, view: DataView, at: number): boolean {
  for (let i = 0; i < 64; i += 8) view.setBigUint64(at + i, 0n, true);
  view.setUint8(at, dice.below(8) | (dice.chance(20) ? 8 : 0));
  const compacted = dice.chance(2);
  if (compacted) {
    view.setUint8(at + 8, dice.chance(4) ? dice.below(8) : 7);
    view.setUint8(at + 15, 0x80);
  }
  if (dice.chance(20)) view.setUint8(at + 16, 1);
  return compacted;
}

/** A memory operand of the kind the row works on. */
function fillOperand(dice: Dice, form: Form, view: DataView, offset: number, bytes: number, isFloat: boolean): void {
  const { name } = form.parsed.row;
  if (bytes === 16 || bytes === 32) for (let at = 0; at < bytes; at += 16) fillVector(dice, form, view, offset + at);
  else if (bytes === 8 && (isFloat || /SD|PD/.test(name)) && name !== "FILD")
    view.setBigUint64(offset, f64(dice), true);
  else if (bytes === 4 && ((isFloat && !name.startsWith("FI")) || /SS|PS/.test(name)))
    view.setUint32(offset, f32(dice), true);
  else if (bytes === 10) {
    if (name === "FBLD") {
      // Decimal digits only: others are undefined.
      for (let i = 0; i < 9; i++) view.setUint8(offset + i, dice.below(10) | (dice.below(10) << 4));
      view.setUint8(offset + 9, dice.below(2) << 7);
      return;
    }
    const value = f80(dice);
    view.setBigUint64(offset, value.mantissa, true);
    view.setUint16(offset + 8, value.signExponent, true);
  } else if (name.endsWith("LDMXCSR")) {
    view.setUint32(offset, dice.chance(8) ? dice.u32() : 0x1f80 | (dice.u32() & 0x603f), true);
  } else if (name === "FXRSTOR" || name === "XRSTOR") {
    // Of a compacted image without vectors AMD's processors take MXCSR, Intel's do not.
    const compacted = name === "XRSTOR" && fillHeader(dice, view, offset + 512);
    view.setUint32(offset + 24, dice.chance(8) && !compacted ? dice.u32() : 0x1f80 | (dice.u32() & 0x603f), true);
    view.setUint16(offset, 0x37f, true);
    for (let i = 0; i < 8; i++) {
      const value = f80(dice);
      view.setBigUint64(offset + 32 + 16 * i, value.mantissa, true);
      view.setUint16(offset + 40 + 16 * i, value.signExponent, true);
    }
  }
}
