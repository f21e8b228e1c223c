/**
 * Random programs: what single instructions do not reach. Fused compares and branches, flags left out because nobody
 * reads them, state that one instruction leaves for the next; loops, loops with two entries, calls and returns, jumps
 * and calls through tables, pointers that walk over pages, faults in the middle of it all. Every program ends: loops
 * have counters that nothing else writes, and functions call only those after them.
 *
 *     jmp main; function 3; function 2 …; main: rest of the set-up, body
 *
 * R15 is the base of the window, R13 walks in some loops, R14 counts in some; other counters and the table of functions
 * are in memory before the window. The stack lies across the two pages, or memory operands may, not both.
 */
import { bitsOf } from "../../wasm/x86/operands.ts";
import { forms, makeCase, type Form, type FormCase } from "./cases.ts";
import { encode } from "./encode.ts";
import { codeBase, codeBytes, dataBase, windowBase, windowBytes } from "./layout.ts";
import type { Dice } from "./operands.ts";
import { Program, type Label } from "./program.ts";

/** Not in runs: what reads what is not kept, results of the processor's own, what would spoil the base registers, gathers with any index. */
const excluded =
  /^(STD|LSL|X(SAVE|RSTOR).*|V?STMXCSR|V?LDMXCSR|FXSAVE|FXRSTOR|FNSAVE|FNSTENV|FRSTOR|FLDENV|V?R(SQRT|CP)[SP]S|F2XM1|FYL2X|FYL2XP1|FPTAN|FPATAN|FSIN|FCOS|FSINCOS|FFREEP?|FU?COMIP?|FCMOV.*|XLAT|MASKMOV.*|ENTER|LEAVE|POPF|PUSHF|CALL|RET|JMP|LOOP.*|JRCXZ|MOVS|CMPS|STOS|LODS|SCAS|XGETBV|VP?GATHER.*|DIV|IDIV|FBLD)$/;
/** Flags depend on the count in ways that are partly undefined. */
const shifts = /^(SH[LR]D?|SA[LR]|RO[LR]|RC[LR])$/;
/** These move the stack, or load segments. */
const unbalanced = /^(PUSH|POP|MOV S)/;

/** Where a program's counters and its tables lie: before the window, because pointers that walk go up. */
const slotsAt = dataBase + 0x100;
const tableAt = dataBase + 0x300;
const base15 = BigInt(windowBase + windowBytes / 2);
const pageAt = windowBytes / 2;
/** Around the page boundary, when the stack lies there. */
const stackBytes = { below: 256, above: 128 } as const;
/** Instructions a program may take, all loops run to their ends. */
const costMax = 40_000;
const nestingMax = 3;
const functionsMax = 4;

export interface Sequence extends FormCase {
  /** What may be left out, each from its first to behind its last byte: everything but control flow. */
  readonly units: readonly (readonly [from: number, to: number])[];
  /** A bound for the instructions it takes. */
  readonly cost: number;
}

export interface SequenceOptions {
  /** Instructions, without those for control flow. */
  readonly length: number;
  /** Instructions to take at least, by a loop around the whole; else about as few as there are. */
  readonly cost?: number;
}

export function sequenceForms(): Form[] {
  return forms().filter(({ parsed, memory }) => {
    const { row } = parsed;
    if (row.untestable !== undefined || row.ends === true || excluded.test(row.name)) return false;
    if (parsed.operands[0]?.kind === "J") return false;
    // A bit string reaches far; a bare address operand is fine.
    if (row.name.startsWith("BT") && memory && row.operands.includes("G")) return false;
    return !(shifts.test(row.name) && row.name.endsWith("D"));
  });
}

/** Where jumps out of the innermost loop may go. */
interface Loop {
  readonly out: Label;
  readonly next: Label;
}

class Generator {
  readonly #dice: Dice;
  readonly #pool: readonly Form[];
  readonly #flat: boolean;
  readonly #stackAcross: boolean;
  readonly #codeOffset: number;
  readonly #program = new Program();
  readonly #units: [number, number][] = [];
  #slots = 0;
  #functions: { readonly label: Label; readonly cost: number }[] = [];
  #loops: Loop[] = [];
  /** Whether R14 counts in a loop around. */
  #counting = false;
  /** What R13 held when the loop around began; null: it is not to be used. */
  #walking: bigint | null = null;
  /** Instructions of the body being made are worth this many when all loops around have run. */
  #times = 1;

  constructor(dice: Dice, pool: readonly Form[], flat: boolean, codeOffset: number) {
    this.#dice = dice;
    this.#pool = flat ? pool : pool.filter(({ parsed }) => !unbalanced.test(parsed.row.name));
    this.#flat = flat;
    this.#stackAcross = flat || dice.chance(2);
    this.#codeOffset = codeOffset;
  }

  /** One instruction, and a compare that defines all flags again where it leaves some undefined. */
  #plain(form = this.#dice.pick(this.#pool)): void {
    const dice = this.#dice;
    const { row } = form.parsed;
    const operand = form.parsed.operands[form.parsed.rm];
    const bytes = operand === undefined ? 8 : Math.max(1, bitsOf(operand.memorySize, form.size) >> 3);
    const aligned = bytes >= 16 && row.unaligned !== true;
    const offset = this.#place(bytes, aligned);
    const walks = this.#walking !== null && !aligned && dice.chance(2);
    const from = this.#program.length;
    const { bytes: code } = encode(dice, form.parsed, {
      size: form.size,
      memory: form.memory,
      target: BigInt(windowBase + offset),
      at: BigInt(codeBase + this.#codeOffset + from),
      lock: row.lock === true && form.memory && dice.chance(8),
      among: {
        base: walks ? 13 : 15,
        holds: walks ? this.#walking! : base15,
        registers: this.#flat
          ? [0, 1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14]
          : [0, 1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12],
      },
    });
    this.#program.add(...code);
    if (row.undefined !== undefined || shifts.test(row.name))
      this.#program.add(0x39, 0xc0 | (dice.below(4) << 3) | dice.below(4));
    this.#units.push([from, this.#program.length]);
  }

  /** Offset in the window of so many bytes: across the page boundary now and then, not on the stack. */
  #place(bytes: number, aligned: boolean): number {
    const dice = this.#dice;
    if (!this.#stackAcross && !aligned && bytes > 1 && dice.chance(4)) return pageAt - 1 - dice.below(bytes - 1);
    const step = aligned ? bytes : 1;
    // A power of two up to 32 divides the beginnings of both parts.
    const part = (from: number, to: number): number =>
      from + step * dice.below(Math.floor((to - bytes - from) / step) + 1);
    if (!this.#stackAcross) return part(0, windowBytes);
    return dice.chance(2) ? part(0, pageAt - stackBytes.below) : part(pageAt + stackBytes.above, windowBytes);
  }

  #condition(): number {
    return this.#dice.below(16);
  }

  /** Displacement from R15 of something outside the window. */
  #from15(address: number): number {
    return address - Number(base15);
  }

  #slot(): number {
    return this.#from15(slotsAt + 8 * this.#slots++);
  }

  #jump(label: Label): void {
    this.#program.add(0xe9);
    this.#program.distance(label, 4);
  }

  #branch(label: Label, condition = this.#condition()): void {
    this.#program.add(0x0f, 0x80 | condition);
    this.#program.distance(label, 4);
  }

  /** EAX: one of `count` numbers (a power of two), from a register. */
  #index(count: number): void {
    const register = this.#counting && this.#dice.chance(2) ? 14 : this.#dice.pick([1, 2, 3, 5, 6, 7]);
    if (register === 14) this.#program.add(0x44, 0x89, 0xf0);
    else this.#program.add(0x89, 0xc0 | (register << 3));
    this.#program.add(0x83, 0xe0, count - 1);
  }

  /** Instructions and what holds them together; what it costs to run it once. */
  body(length: number, nesting: number, functions: number): number {
    const dice = this.#dice;
    let cost = 0;
    for (let left = length; left > 0;) {
      const part = Math.min(left, 1 + dice.below(12));
      const kind = this.#flat ? dice.below(5) * 3 : dice.below(24);
      if (kind === 0) {
        // Over some instructions: with a short displacement over one.
        const over = this.#program.label();
        const short = dice.chance(2);
        const inside = short ? 1 : Math.min(left, 1 + dice.below(4));
        if (short) {
          this.#program.add(0x70 | this.#condition());
          this.#program.distance(over, 1);
        } else this.#branch(over);
        for (let i = 0; i < inside; i++) this.#plain();
        this.#program.place(over);
        left -= inside;
        cost += inside + 1;
      } else if (kind <= 2 && nesting < nestingMax && this.#slots < 60) {
        cost += this.#loop(Math.min(left, 2 + dice.below(20)), nesting, functions);
        left -= part;
      } else if (kind === 4 && functions > 0) {
        cost += this.#call(functions);
        left--;
      } else if (kind === 5) {
        cost += this.#choose(part, nesting);
        left -= part;
      } else if (kind === 7) {
        cost += this.#string();
        left--;
      } else if (kind === 8) {
        // A register on the stack, and another back from there.
        this.#program.add(0x50 | dice.pick([0, 1, 2, 3, 5, 6, 7]));
        // No jumps out of here: a return would find the wrong address.
        const loops = this.#loops;
        this.#loops = [];
        cost += 2 + this.body(Math.min(left, 3), nestingMax, 0);
        this.#loops = loops;
        left -= 3;
        this.#program.add(0x58 | dice.pick([0, 1, 2, 3, 5, 6, 7]));
      } else if (kind === 10 && this.#loops.length > 0) {
        const loop = this.#loops.at(-1)!;
        this.#branch(dice.chance(2) ? loop.out : loop.next);
        cost++;
      } else {
        this.#plain();
        left--;
        cost += 2;
      }
    }
    return cost;
  }

  /** A loop of one of several shapes, now and then with a second entry in its middle. */
  #loop(length: number, nesting: number, functions: number): number {
    const dice = this.#dice;
    const program = this.#program;
    const out = program.label();
    const next = program.label();
    const head = program.label();
    const middle = program.label();
    const times = this.#times;
    // Mostly few times round, as far as what is around it leaves room.
    const room = Math.floor(costMax / times / (4 * length + 10));
    const count = Math.max(1, Math.min(room, 1 + dice.below(dice.pick([4, 12, 60]))));
    const shape = dice.below(5);
    const usesRegister = shape < 2 && !this.#counting;
    const walks = this.#walking === null && !this.#stackAcross && functions === 0 && dice.chance(2);
    const step = dice.chance(4) ? 64 : 1 + dice.below(24);
    let start = 0;
    if (walks) {
      start = dice.below(dice.chance(6) ? windowBytes : Math.max(1, windowBytes - 64 - step * count));
      program.add(0x4d, 0x8d, 0xaf);
      program.add32(windowBase + start - Number(base15));
    }
    let slot = 0;
    const two = dice.chance(6);
    if (usesRegister) {
      // MOV R14D, count; or from zero up.
      program.add(0x41, 0xbe);
      program.add32(shape === 0 ? count : 0);
      this.#counting = true;
    } else {
      slot = this.#slot();
      // MOV dword [R15 + slot], count
      program.add(0x41, 0xc7, 0x87);
      program.add32(slot);
      program.add32(count);
      if (shape === 4) {
        program.add(0x41, 0x8b, 0x8f);
        program.add32(slot);
      }
    }
    if (two) this.#branch(middle);
    program.place(head);
    if (shape === 4 && !usesRegister) {
      // LOOP counts RCX, which is kept in memory meanwhile.
      program.add(0x49, 0x89, 0x8f);
      program.add32(slot);
    }
    this.#loops.push({ out, next });
    this.#times = times * count;
    const walking = this.#walking;
    if (walks) this.#walking = BigInt(windowBase + start);
    let cost = 0;
    if (two) {
      cost += this.body(Math.max(1, length >> 1), nesting + 1, walks ? 0 : functions);
      program.place(middle);
      cost += this.body(Math.max(1, length >> 1), nesting + 1, walks ? 0 : functions);
    } else cost += this.body(length, nesting + 1, walks ? 0 : functions);
    this.#times = times;
    this.#walking = walking;
    this.#loops.pop();
    program.place(next);
    // LEA R13, [R13 + step]
    if (walks) program.add(0x4d, 0x8d, 0x6d, step);
    if (usesRegister) {
      this.#counting = false;
      if (shape === 0)
        // DEC R14, or SUB R14D, 1
        if (dice.chance(2)) program.add(0x49, 0xff, 0xce);
        else program.add(0x41, 0x83, 0xee, 1);
      else {
        // INC R14D; CMP R14, count
        program.add(0x41, 0xff, 0xc6, 0x49, 0x83, 0xfe, count);
      }
      // JNZ; JL, JB or JNE
      this.#branch(head, shape === 0 ? 5 : dice.pick([0xc, 2, 5]));
    } else if (shape === 4) {
      // MOV RCX, [R15 + slot]; LOOP over the jump that leaves, or straight to the head where that is near.
      program.add(0x49, 0x8b, 0x8f);
      program.add32(slot);
      if (head.at > program.length - 120) {
        program.add(0xe2);
        program.distance(head, 1);
      } else {
        const again = program.label();
        program.add(0xe2);
        program.distance(again, 1);
        this.#jump(out);
        program.place(again);
        this.#jump(head);
      }
    } else {
      // DEC dword [R15 + slot]
      program.add(0x41, 0xff, 0x8f);
      program.add32(slot);
      if (shape === 3) {
        this.#branch(out, 4);
        this.#jump(head);
      } else this.#branch(head, dice.pick([5, 0xf]));
    }
    program.place(out);
    return 3 + count * (cost + 5);
  }

  /** A call: direct, of a computed address, or through the table. */
  #call(functions: number): number {
    const dice = this.#dice;
    const program = this.#program;
    const room = costMax / this.#times;
    const some = this.#functions.slice(0, functions).filter(({ cost }) => cost < room);
    if (some.length === 0) {
      this.#plain();
      return 2;
    }
    const all = some.length === functions;
    const { label, cost } = dice.pick(some);
    switch (dice.below(all ? 4 : 2)) {
      case 0:
        program.add(0xe8);
        program.distance(label, 4);
        return cost + 2;
      case 1:
        // LEA RAX, [RIP + …]; CALL RAX
        program.add(0x48, 0x8d, 0x05);
        program.distance(label, 4);
        program.add(0xff, 0xd0);
        return cost + 3;
      default:
        // CALL [R15 + RAX * 8 + table]: the table names functions again until it is full.
        this.#index(functionsMax);
        program.add(0x41, 0xff, 0x94, 0xc7);
        program.add32(this.#from15(tableAt + 8 * functionsMax * (functions - 1)));
        return Math.max(...some.map((one) => one.cost)) + 5;
    }
  }

  /** A switch: one of two, four or eight pieces of code, by a table of distances behind the jump. */
  #choose(length: number, nesting: number): number {
    const program = this.#program;
    const count = this.#dice.pick([2, 4, 8]);
    const table = program.label();
    const end = program.label();
    const cases = Array.from({ length: count }, () => program.label());
    this.#index(count);
    // LEA RDX, [RIP + table]; MOVSXD RAX, [RDX + RAX * 4]; ADD RAX, RDX; JMP RAX
    program.add(0x48, 0x8d, 0x15);
    program.distance(table, 4);
    program.add(0x48, 0x63, 0x04, 0x82, 0x48, 0x01, 0xd0, 0xff, 0xe0);
    program.place(table);
    const start = program.length;
    for (const label of cases) program.distance(label, 4, start);
    let cost = 0;
    cases.forEach((label, index) => {
      program.place(label);
      cost = Math.max(cost, this.body(Math.max(1, Math.floor(length / count)), nesting + 1, 0));
      if (index < count - 1) this.#jump(end);
    });
    program.place(end);
    return cost + 8;
  }

  /** A repeated string instruction within the window. */
  #string(): number {
    const dice = this.#dice;
    const program = this.#program;
    const from = this.#program.length;
    const bytes = dice.below(48);
    const registers: readonly (readonly [number, number])[] = [
      [0x8d, 0xb7],
      [0x8d, 0xbf],
    ];
    // LEA RSI, [R15 + …]; LEA RDI, [R15 + …]; MOV ECX, …
    for (const lea of registers) {
      program.add(0x49, ...lea);
      program.add32(windowBase + this.#place(64, false) - Number(base15));
    }
    program.add(0xb9);
    program.add32(bytes);
    const [prefix, opcode] = dice.pick([
      [0xf3, 0xa4],
      [0xf3, 0xaa],
      [0xf3, 0xa6],
      [0xf2, 0xae],
    ] as const);
    program.add(prefix, opcode);
    // Of no elements, comparisons leave the flags as they are.
    this.#units.push([from, program.length]);
    // What the interpreter counts for it.
    return 4 + 256 * 3;
  }

  #function(length: number, callable: number): void {
    const program = this.#program;
    const dice = this.#dice;
    const label = program.label();
    program.place(label);
    // The caller may be counting with R14.
    this.#counting = true;
    const cost = this.body(length, 1, callable);
    this.#counting = false;
    if (dice.chance(4)) {
      // POP RDX; JMP RDX
      program.add(0x5a, 0xff, 0xe2);
    } else program.add(0xc3);
    this.#functions.push({ label, cost: cost + 2 });
  }

  make(options: SequenceOptions): { code: Uint8Array; units: readonly (readonly [number, number])[]; cost: number } {
    const dice = this.#dice;
    const program = this.#program;
    const main = program.label();
    const count = this.#flat ? 0 : dice.below(functionsMax + 1);
    let left = options.length;
    let cost = 0;
    if (count > 0) this.#jump(main);
    for (let i = 0; i < count; i++) {
      const length = Math.min(left >> 1, 1 + dice.below(30));
      left -= length;
      this.#function(length, i);
    }
    program.place(main);
    // The tables: for each number of functions, indexes are below the next power of two.
    for (let known = 1; known <= count; known++)
      for (let i = 0; i < functionsMax; i++) {
        // LEA RAX, [RIP + …]; MOV [R15 + …], RAX
        program.add(0x48, 0x8d, 0x05);
        program.distance(this.#functions[i % known]!.label, 4);
        program.add(0x49, 0x89, 0x87);
        program.add32(this.#from15(tableAt + 8 * (functionsMax * (known - 1) + i)));
      }
    cost += 8 * functionsMax * count;
    if (options.cost === undefined) cost += this.body(left, 0, count);
    else {
      // MOV dword [R15 + slot], …; …; DEC; JNZ
      const slot = this.#slot();
      const times = program.length;
      program.add(0x41, 0xc7, 0x87);
      program.add32(slot);
      program.add32(0);
      const head = program.label();
      program.place(head);
      const once = this.body(left, 1, count) + 2;
      program.add(0x41, 0xff, 0x8f);
      program.add32(slot);
      this.#branch(head, 5);
      const code = program.finish();
      const rounds = Math.ceil(options.cost / once);
      new DataView(code.buffer).setInt32(times + 7, rounds, true);
      return { code, units: this.#units, cost: cost + rounds * once };
    }
    return { code: program.finish(), units: this.#units, cost };
  }

  /** What RSP holds at first: across the page boundary or far below the window, on no boundary at times. */
  get stack(): bigint {
    const middle = this.#stackAcross ? windowBase + pageAt : dataBase + 0xc00;
    const dice = this.#dice;
    return BigInt(middle + (this.#flat ? 0 : dice.chance(3) ? dice.below(64) - 32 : 8 * (dice.below(9) - 4)));
  }
}

export function makeSequence(dice: Dice, all: readonly Form[], options: SequenceOptions): Sequence {
  // Some runs are of integer instructions only, some of a few forms that meet often.
  const integerOnly = dice.chance(3);
  const pool = integerOnly ? all.filter(({ parsed }) => parsed.row.feature === undefined) : all;
  const few = dice.chance(2) ? Array.from({ length: 12 }, () => dice.pick(pool)) : pool;
  const flat = options.cost === undefined && dice.chance(4);
  const codeOffset = 0x100 + dice.below(0xd00);
  const usable = few.filter(({ parsed }) => !unbalanced.test(parsed.row.name));
  const generator = new Generator(dice, usable.length > 0 ? few : all, flat, codeOffset);
  const { code, units, cost } = generator.make(options);
  if (codeOffset + code.length >= codeBytes) return makeSequence(dice, all, options);
  const start = makeCase(dice, dice.pick(few));
  start.registers[4] = generator.stack;
  start.registers[15] = base15;
  return { ...start, name: "sequence", code, codeOffset, units, cost };
}

const nops: readonly (readonly number[])[] = [
  [],
  [0x90],
  [0x66, 0x90],
  [0x0f, 0x1f, 0x00],
  [0x0f, 0x1f, 0x40, 0],
  [0x0f, 0x1f, 0x44, 0, 0],
  [0x66, 0x0f, 0x1f, 0x44, 0, 0],
  [0x0f, 0x1f, 0x80, 0, 0, 0, 0],
  [0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0],
];

/** The same without some of its units: NOPs in their places. */
export function without(run: Sequence, left: ReadonlySet<number>): Sequence {
  const code = run.code.slice();
  for (const index of left) {
    const [from, to] = run.units[index]!;
    // NOP with as many bytes (Intel SDM vol. 2, NOP), prefixes before it.
    for (let at = from; at < to;) {
      const bytes = Math.min(11, to - at);
      const nop = nops[Math.min(bytes, 8)]!;
      code.fill(0x66, at, at + bytes);
      code.set(nop, at + bytes - nop.length);
      at += bytes;
    }
  }
  return { ...run, code };
}
