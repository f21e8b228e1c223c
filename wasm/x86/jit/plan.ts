/**
 * Plans the memory accesses of a basic block: those whose addresses differ only by a constant (stack slots, fields of one
 * structure, runs of pushes) share one TLB check for the whole range they cover.
 *
 * Registers are followed symbolically: a value is a root (a number that stands for what a register held) plus a
 * constant. Within a region's run a translation cannot change: mappings change in the kernel only, and code is decoded
 * in the interpreter only.
 */
import { limits } from "../../../src/base/limits.ts";
import { addressing } from "../instruction.ts";
import { bitsOf } from "../operands.ts";
import { state } from "../state.ts";
import type { BasicBlock } from "./region.ts";
import { generalRegister, type Operation } from "./operation.ts";

/** Accesses that share a check. */
export interface Group {
  /** Offset of the first byte covered, relative to the root, and the number of bytes. */
  readonly from: number;
  readonly bytes: number;
  readonly write: boolean;
}

/** One access: which group, and where its bytes are in it. Null: it is checked by itself. */
export interface PlannedAccess {
  readonly group: Group;
  readonly at: number;
}

interface Access {
  readonly operation: number;
  readonly ordinal: number;
  readonly root: string;
  readonly offset: number;
  readonly bytes: number;
  readonly write: boolean;
}

interface Value {
  readonly root: number;
  readonly offset: number;
}

const rsp = 4;
const rbp = 5;

/** By operation of the block: its accesses in the order its body makes them, operands first. */
export function planAccesses(
  block: BasicBlock,
  implicitWrites: (operation: Operation) => number,
): (PlannedAccess | null)[][] {
  const accesses: Access[] = [];
  let roots = 16;
  const values: Value[] = Array.from({ length: 16 }, (_, root) => ({ root, offset: 0 }));
  const zero: Value = { root: -1, offset: 0 };
  const valueAt = (address: number): Value | null => {
    if (address === state.zero) return zero;
    if (address === state.fsBase) return { root: -2, offset: 0 };
    const register = generalRegister(address);
    return register < 0 ? null : values[register]!;
  };

  block.operations.forEach((operation, index) => {
    const { parsed, size } = operation.form;
    const { name } = parsed.row;
    let ordinal = 0;
    const access = (root: string, offset: number, bytes: number, write: boolean): void => {
      accesses.push({ operation: index, ordinal: ordinal++, root, offset, bytes, write });
    };
    const atValue = (value: Value, offset: number, bytes: number, write: boolean): void =>
      access(`${value.root}`, value.offset + offset, bytes, write);

    let address: { root: string; offset: number } | null = null;
    if (parsed.rm >= 0 && operation.form.memory && operation.addressing !== addressing.none) {
      const base = operation.ripRelative ? null : valueAt(operation.m);
      const index2 = valueAt(operation.x);
      const simple = operation.addressing === addressing.base || operation.addressing === addressing.indexed;
      if (operation.ripRelative) {
        const target = operation.offset + operation.length + operation.displacement;
        address = { root: `page ${Math.floor(target / 4096)}`, offset: ((target % 4096) + 4096) % 4096 };
      } else if (simple && base !== null && operation.addressing === addressing.base)
        address = { root: `${base.root}`, offset: base.offset + operation.displacement };
      else if (simple && base !== null && index2 !== null)
        address = {
          root: `${base.root}+${index2.root}<<${operation.scale}`,
          offset: base.offset + index2.offset * 2 ** operation.scale + operation.displacement,
        };
      parsed.operands.forEach((operand) => {
        if (!operand.memory) return;
        const bits = bitsOf(operand.memorySize, size);
        if (bits === 0) return;
        if (address !== null && Math.abs(address.offset) < 2 ** 31)
          access(address.root, address.offset, bits >> 3, operand.write);
        else ordinal++;
      });
    }

    // What the stack instructions access besides their operands.
    const bytes = size >> 3;
    const top = values[rsp]!;
    const moved = (by: number): Value => ({ root: top.root, offset: top.offset + by });
    const written = registersWritten(operation) | implicitWrites(operation);
    let newTop: Value | null = null;
    let copy: { register: number; value: Value } | null = null;
    if (name === "PUSH" || name.startsWith("PUSH ") || name === "PUSHF" || name === "CALL") {
      atValue(top, -bytes, bytes, true);
      newTop = moved(-bytes);
    } else if (name === "POP" || name === "POPF") {
      atValue(top, 0, bytes, false);
      newTop = moved(bytes);
    } else if (name === "RET") atValue(top, 0, bytes, false);
    else if (name === "LEAVE") {
      const frame = values[rbp]!;
      atValue(frame, 0, 8, false);
      newTop = { root: frame.root, offset: frame.offset + 8 };
    } else if (size === 64 && !operation.form.memory) {
      const to = generalRegister(operation.m);
      const immediate = operation.immediateLow;
      const constant = /I[bz]/.test(parsed.row.operands);
      if ((name === "ADD" || name === "SUB") && constant && parsed.operands[0]?.kind === "E" && to >= 0) {
        const by = name === "ADD" ? immediate : -immediate;
        copy = { register: to, value: { root: values[to]!.root, offset: values[to]!.offset + by } };
      } else if (name === "MOV" && parsed.operands[1]?.kind === "G" && to >= 0) {
        const from = valueAt(operation.r);
        if (from !== null) copy = { register: to, value: from };
      } else if (name === "MOV" && parsed.operands[0]?.kind === "G") {
        const from = valueAt(operation.m);
        const register = generalRegister(operation.r);
        if (from !== null && register >= 0) copy = { register, value: from };
      }
    } else if (size === 64 && name === "LEA" && operation.addressing === addressing.base && !operation.ripRelative) {
      const base = valueAt(operation.m);
      const register = generalRegister(operation.r);
      if (base !== null && base.root >= 0 && register >= 0)
        copy = { register, value: { root: base.root, offset: base.offset + operation.displacement } };
    }
    for (let register = 0; register < 16; register++)
      if ((written & (1 << register)) !== 0) values[register] = { root: roots++, offset: 0 };
    // POP RSP and the like leave what they loaded.
    if (newTop !== null && (registersWritten(operation) & (1 << rsp)) === 0) values[rsp] = newTop;
    if (copy !== null && Math.abs(copy.value.offset) < 2 ** 31) values[copy.register] = copy.value;
  });
  return group(block, accesses);
}

function group(block: BasicBlock, accesses: readonly Access[]): (PlannedAccess | null)[][] {
  const planned: (PlannedAccess | null)[][] = block.operations.map(() => []);
  const byRoot = new Map<string, Access[]>();
  for (const access of accesses) {
    const list = byRoot.get(access.root);
    if (list === undefined) byRoot.set(access.root, [access]);
    else list.push(access);
  }
  for (const list of byRoot.values()) {
    let open: Access[] = [];
    let from = 0;
    let to = 0;
    const close = (): void => {
      if (open.length > 1) {
        const made = { from, bytes: to - from, write: open.some((access) => access.write) };
        for (const access of open)
          planned[access.operation]![access.ordinal] = { group: made, at: access.offset - from };
      }
      open = [];
    };
    for (const access of list) {
      const start = Math.min(from, access.offset);
      const end = Math.max(to, access.offset + access.bytes);
      if (open.length > 0 && end - start > limits.sharedCheckBytesMax) close();
      if (open.length === 0) [from, to] = [access.offset, access.offset + access.bytes];
      else [from, to] = [start, end];
      open.push(access);
    }
    close();
  }
  return planned;
}

/** General registers the operands write, as bits. */
function registersWritten(operation: Operation): number {
  let written = 0;
  for (const operand of operation.form.parsed.operands) {
    if (!operand.write) continue;
    if (operand.kind === "fixed") written |= 1 << operand.index;
    else if (operand.kind === "G") written |= bit(operation.r);
    else if (operand.kind === "Z" || (operand.kind === "E" && !operation.form.memory)) written |= bit(operation.m);
  }
  return written;
}

function bit(address: number): number {
  const register = generalRegister(address);
  return register < 0 ? 0 : 1 << register;
}
