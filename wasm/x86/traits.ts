/** What decoder and compiler must know of each form at a glance, as flat arrays by form number. */
import { armTable } from "./forms.ts";

const flagLetters = "oszapc";
export const allFlags = 0x3f;

const masks = new Map<string, number>();

function flagMask(letters: string | undefined): number {
  if (letters === undefined) return 0;
  let mask = masks.get(letters);
  if (mask !== undefined) return mask;
  mask = 0;
  for (const letter of letters) {
    const at = flagLetters.indexOf(letter);
    if (at >= 0) mask |= 1 << at;
  }
  masks.set(letters, mask);
  return mask;
}

export interface FormTraits {
  /** Arithmetic flags read; written or left undefined; certainly overwritten. */
  readonly reads: Uint8Array;
  readonly writes: Uint8Array;
  readonly kills: Uint8Array;
  /** 1 if it may fault: it then counts as a reader of all flags. */
  readonly faults: Uint8Array;
  /** 1 for a shift by an immediate, which overwrites flags for certain if that is not zero. */
  readonly conditional: Uint8Array;
  /** Condition code of a Jcc, or -1. */
  readonly condition: Int8Array;
  /** 1 if nothing follows it in its block. */
  readonly ends: Uint8Array;
}

let traits: FormTraits | undefined;

export function formTraits(): FormTraits {
  traits ??= build();
  return traits;
}

function build(): FormTraits {
  const { forms } = armTable();
  const count = forms.length;
  const made = {
    reads: new Uint8Array(count),
    writes: new Uint8Array(count),
    kills: new Uint8Array(count),
    faults: new Uint8Array(count),
    conditional: new Uint8Array(count),
    condition: new Int8Array(count).fill(-1),
    ends: new Uint8Array(count),
  };
  for (const { id, parsed, memory } of forms) {
    const { row } = parsed;
    const written = flagMask(row.writes) | flagMask(row.undefined);
    made.reads[id] = flagMask(row.reads);
    made.writes[id] = written;
    made.kills[id] = row.conditional === true ? 0 : written;
    made.conditional[id] = row.conditional === true && parsed.operands.at(-1)?.kind === "I" ? 1 : 0;
    const accesses = memory && parsed.rm >= 0 && row.name !== "LEA";
    made.faults[id] = accesses || row.faults === true || row.ends === true ? 1 : 0;
    made.ends[id] = row.ends === true ? 1 : 0;
    if (parsed.operands[0]?.kind === "J" && row.name.startsWith("J") && row.ends !== true && row.name !== "JRCXZ")
      made.condition[id] = parsed.encoding.opcode & 15;
  }
  return made;
}
