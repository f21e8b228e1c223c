/**
 * Forms and arms. A form is a row with everything settled that changes code: register or memory, and operand size. An arm
 * is code for a form: with flags or without, alone or fused with a conditional branch, with or without an index register.
 * The first arms are those of the main switch; the rest are functions of their own, reached by call. Decoder and
 * generator number them from here.
 */
import { hotness } from "./hot.ts";
import { parsedRows, type ParsedRow } from "./operands.ts";
import type { OperandSize } from "./row.ts";

export interface Form {
  readonly id: number;
  readonly parsed: ParsedRow;
  readonly memory: boolean;
  readonly size: OperandSize;
}

export interface Arm {
  readonly form: Form;
  readonly flags: boolean;
  readonly fuse: number;
  readonly indexed: boolean;
}

/** Arms that are not instructions: they come first in the main switch. */
export const special = {
  /** Look the address up again: code was dropped, or `run` begins. */
  redispatch: 0,
  /** Go to an address outside the page. */
  crossPage: 1,
  /** Find the target of a branch in the page and patch the record that branches. */
  link: 2,
  /** Go on at a link: the block was cut, or runs into another. */
  continue: 3,
  /** Nothing here can be executed. */
  illegal: 4,
  /** Address micro-records: base + index << scale + disp; the same with segment and mask; a 64-bit constant. */
  effectiveIndexed: 5,
  effectiveGeneral: 6,
  effectiveAbsolute: 7,
  /** A compiled region begins at this block: its header says which. */
  enter: 8,
  count: 9,
} as const;

/** The cases a form has in the decoder's tables. -1: none. */
export interface FormArms {
  /** Flags stored. */
  live: number;
  /** Flags dead. */
  dead: number;
  liveIndexed: number;
  deadIndexed: number;
  /** Fused with each condition; flags stored. */
  fused: Int16Array;
  fusedIndexed: Int16Array;
}

export interface ArmTable {
  readonly forms: readonly Form[];
  /** Arms of the main switch after the special ones, then the cold ones. */
  readonly hot: readonly Arm[];
  readonly cold: readonly Arm[];
  readonly ofForm: readonly FormArms[];
  /** Form id by row, memory form and operand size. */
  formOf(row: number, memory: boolean, size: OperandSize): number;
}

const sizeSlot: Record<OperandSize, number> = { 8: 0, 16: 1, 32: 2, 64: 3 };

/** By condition, of a form that is fused with none: most are, and share it. */
const unfused = new Int16Array(16).fill(-1);

let table: ArmTable | undefined;

export function armTable(): ArmTable {
  table ??= build();
  return table;
}

function build(): ArmTable {
  const all = parsedRows();
  const forms: Form[] = [];
  const lookup = new Int32Array(all.length * 8).fill(-1);
  for (const parsed of all) {
    for (const size of parsed.sizes) {
      for (const memory of [false, true]) {
        if (memory ? !parsed.encoding.memory : !parsed.encoding.register) continue;
        lookup[parsed.index * 8 + (memory ? 4 : 0) + sizeSlot[size]] = forms.length;
        forms.push({ id: forms.length, parsed, memory, size });
      }
    }
  }
  const hot: Arm[] = [];
  const cold: Arm[] = [];
  const ofForm: FormArms[] = forms.map(() => ({
    live: -1,
    dead: -1,
    liveIndexed: -1,
    deadIndexed: -1,
    fused: unfused,
    fusedIndexed: unfused,
  }));
  const addHot = (arm: Arm): number => {
    hot.push(arm);
    return special.count + hot.length - 1;
  };
  for (const form of forms) {
    const heat = hotness(form);
    if (heat === null) continue;
    const arms = ofForm[form.id]!;
    arms.live = addHot({ form, flags: true, fuse: -1, indexed: false });
    if (heat.dead) arms.dead = addHot({ form, flags: false, fuse: -1, indexed: false });
    if (heat.indexed) {
      arms.liveIndexed = addHot({ form, flags: true, fuse: -1, indexed: true });
      if (heat.dead) arms.deadIndexed = addHot({ form, flags: false, fuse: -1, indexed: true });
    }
    const fusedArms = (codes: readonly number[], indexed: boolean): Int16Array => {
      if (codes.length === 0) return unfused;
      const all = unfused.slice();
      for (const code of codes) all[code] = addHot({ form, flags: true, fuse: code, indexed });
      return all;
    };
    arms.fused = fusedArms(heat.fuse, false);
    arms.fusedIndexed = fusedArms(heat.fuseIndexed, true);
  }
  for (const form of forms) {
    const arms = ofForm[form.id]!;
    if (arms.live >= 0) continue;
    arms.live = special.count + hot.length + cold.length;
    cold.push({ form, flags: true, fuse: -1, indexed: false });
  }
  return {
    forms,
    hot,
    cold,
    ofForm,
    formOf: (row, memory, size) => lookup[row * 8 + (memory ? 4 : 0) + sizeSlot[size]]!,
  };
}
