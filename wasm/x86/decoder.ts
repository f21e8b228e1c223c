/**
 * Decodes basic blocks into records (layout.ts), and keeps track of them by physical address, so that processes that map
 * the same page share them.
 *
 * A block is a straight run of instructions in one page: it goes on behind conditional branches that are not taken, and
 * ends at an unconditional one, at the end of the page, or where another block begins. Every branch has a stub after the
 * block's records, which its link first points to: executed, it finds the target and patches the link (in the page), or
 * looks the address up each time (outside, because that mapping may change). An instruction that crosses pages is a block
 * of its own, looked up by both pages.
 *
 * A write to lines of a frame that code was decoded from (layout.ts) drops the blocks that depend on them; what else is
 * in the frame stays: code and data in one page, and code written piece by piece, are no rare things. Dropping overwrites the ops of its records with `redispatch`: whoever links there, or is in the middle
 * of it, looks the address up anew. The space is used again only when all code is dropped.
 */
import { limits } from "../../src/base/limits.ts";
import { armTable, special, type FormArms } from "./forms.ts";
import { addressing, decoded, InstructionDecoder } from "./instruction.ts";
import { arena, blockHash, blockHeader, codeHeads, codeLines, jumpCache, pageMarks, record, tlb } from "./layout.ts";
import { bucketOf } from "./mmu.ts";
import { state } from "./state.ts";
import { allFlags, formTraits } from "./traits.ts";
import type { CpuLevel } from "./types.ts";

/** What the compiler must hear of (jit/live.ts). */
export interface DecoderListener {
  /** A block begins at a physical address: `enter` may be called for it. Also given: the guest address it is known by. */
  decoded(physical: number, rip: number): void;
  /** Lines of a frame are about to change, by a store of the guest or otherwise. */
  invalidated(frame: number, firstLine: number, lastLine: number, stored: boolean): void;
  /** Marks the lines of a frame that the compiler's code depends on: `markLines` is to be called for each run of them. */
  lines(frame: number): void;
  /** All blocks, marks of lines and of pages are gone. */
  flushed(): void;
}

export interface DecoderHost {
  /** Views of memory as it is now: they go stale when it grows. */
  memory(): { readonly bytes: Uint8Array; readonly words: Uint32Array };
  /** Physical address of a guest page for execution, or 0 with the fault recorded. */
  walkExecute(address: number): number;
}

const maxInstructions = limits.blockInstructionsMax;

/** A block of so many instructions: at most an address record before each, a stub after each, and an end. */
function bytesMost(instructions: number): number {
  return blockHeader.bytes * 2 + (3 * instructions + 4) * record.bytes;
}

export class BlockDecoder {
  readonly #host: DecoderHost;
  readonly #one: InstructionDecoder;
  readonly #arms: readonly FormArms[];
  readonly #traits = formTraits();
  #top: number = arena.base;

  // The block being decoded, by instruction.
  readonly #form = new Int32Array(maxInstructions);
  readonly #off = new Int32Array(maxInstructions);
  readonly #len = new Int32Array(maxInstructions);
  readonly #fields = new Int32Array(maxInstructions * 16);
  readonly #live = new Uint8Array(maxInstructions);
  readonly #crossing = new Uint8Array(32);
  /** Records with a branch, to be given stubs: record, target offset. */
  readonly #branches = new Float64Array(2 * maxInstructions + 2);

  listener: DecoderListener | null = null;
  /** The instruction of the last `single` puts off the trap that would follow it. */
  singleDelaysTrap = false;

  blocks = 0;
  instructions = 0;
  invalidations = 0;

  constructor(host: DecoderHost, level: CpuLevel = "x86-64-v2") {
    this.#host = host;
    this.#one = new InstructionDecoder(level);
    this.#arms = armTable().ofForm;
  }

  /** Decodes the block at a physical address and returns its first record; 0 if the second page cannot be fetched. */
  decode(physical: number, rip: number): number {
    const frame = (physical & -4096) >>> 0;
    const first = physical & 4095;
    const { bytes, words } = this.#host.memory();
    let n = 0;
    let offset = first;
    let secondFrame = 0;
    let ended = false;
    let illegal = false;
    while (n < maxInstructions) {
      if (n > 0 && find(words, (frame | offset) >>> 0) !== 0) break;
      let status = this.#one.decode(bytes, frame + offset, frame + 4096);
      if (status === decoded.needMore) {
        if (n > 0) break;
        const second = this.#host.walkExecute(rip - first + 4096);
        if (second === 0) return 0;
        secondFrame = (second & -4096) >>> 0;
        const head = 4096 - offset;
        this.#crossing.fill(0);
        this.#crossing.set(bytes.subarray(frame + offset, frame + 4096));
        this.#crossing.set(bytes.subarray(secondFrame, secondFrame + 15), head);
        status = this.#one.decode(this.#crossing, 0, head + 15);
      }
      if (status !== decoded.ok) {
        illegal = true;
        break;
      }
      this.#keep(n, offset);
      offset += this.#one.length;
      n++;
      if (this.#traits.ends[this.#one.form] === 1) {
        ended = true;
        break;
      }
      if (offset >= 4096) break;
    }
    this.#liveness(n);
    this.blocks++;
    this.instructions += n;
    return this.#emit(rip, frame, first, secondFrame, n, offset, ended, illegal);
  }

  #keep(n: number, offset: number): void {
    const one = this.#one;
    this.#form[n] = one.form;
    this.#off[n] = offset;
    this.#len[n] = one.length;
    const at = n * 16;
    const fields = this.#fields;
    fields[at] = one.r;
    fields[at + 1] = one.m;
    fields[at + 2] = one.x;
    fields[at + 3] = one.scale;
    fields[at + 4] = one.ripRelative ? one.disp + offset + one.length : one.disp;
    fields[at + 5] = one.addressing;
    fields[at + 14] = 0;
    if (one.ripRelative && one.disp + offset + one.length > 0x7fff_ffff) {
      // Too far for one displacement: the address record has the instruction's, its record the rest.
      fields[at + 4] = one.disp;
      fields[at + 5] = addressing.general;
      fields[at + 14] = offset + one.length;
    }
    fields[at + 6] = one.segment;
    fields[at + 7] = one.immediateLow;
    fields[at + 8] = one.immediateHigh;
    fields[at + 9] = one.secondImmediate;
    fields[at + 10] = one.hasRelative ? 1 : 0;
    fields[at + 11] = one.relative + offset + one.length;
    fields[at + 12] = one.address32 ? 1 : 0;
    // A shift by a constant that is not zero overwrites flags for certain.
    fields[at + 13] =
      this.#traits.conditional[one.form] === 1 && (one.immediateLow & 31) !== 0
        ? this.#traits.writes[one.form]!
        : this.#traits.kills[one.form]!;
  }

  /**
   * Records for the one instruction at a physical address, with everything relative to `rip` instead of the page: for
   * single steps. Nobody else finds them, and the next block takes their place.
   */
  single(physical: number, rip: number): number {
    const { bytes } = this.#host.memory();
    const frame = (physical & -4096) >>> 0;
    const room = frame + 4096 - physical;
    this.#crossing.fill(0);
    this.#crossing.set(bytes.subarray(physical, physical + Math.min(room, 15)));
    let status = this.#one.decode(this.#crossing, 0, Math.min(room, 15));
    if (status === decoded.needMore) {
      const second = this.#host.walkExecute(rip + room);
      if (second === 0) return 0;
      this.#crossing.set(bytes.subarray(second, second + 15), room);
      status = this.#one.decode(this.#crossing, 0, room + 15);
    }
    const illegal = status !== decoded.ok;
    if (!illegal) this.#keep(0, 0);
    const n = illegal ? 0 : 1;
    this.#liveness(n);
    const end = illegal ? 0 : this.#one.length;
    this.singleDelaysTrap = !illegal && this.#one.parsed.row.delaysTrap === true;
    return this.#emit(0, 0, 0, 0, n, end, !illegal && this.#traits.ends[this.#one.form] === 1, illegal, true);
  }

  /** Which instructions must store their flags: backwards, with everything live at exits and possible faults. */
  #liveness(n: number): void {
    let live = allFlags;
    for (let i = n - 1; i >= 0; i--) {
      const form = this.#form[i]!;
      if (this.#traits.condition[form]! >= 0 || this.#fields[i * 16 + 10] === 1) live = allFlags;
      this.#live[i] = (this.#traits.writes[form]! & live) !== 0 ? 1 : 0;
      live = (live & ~this.#fields[i * 16 + 13]!) | this.#traits.reads[form]!;
      if (this.#traits.faults[form] === 1) live = allFlags;
    }
  }

  #emit(
    rip: number,
    frame: number,
    first: number,
    secondFrame: number,
    n: number,
    end: number,
    ended: boolean,
    illegal: boolean,
    single = false,
  ): number {
    const most = bytesMost(n);
    if (this.#top + most > arena.end) this.flush();
    const { words } = this.#host.memory();
    const header = this.#top;
    const start = header + blockHeader.bytes;
    let at = start;
    const fields = this.#fields;
    const branches = this.#branches;
    let branchCount = 0;
    for (let i = 0; i < n; i++) {
      const f = i * 16;
      const form = this.#form[i]!;
      const arms = this.#arms[form]!;
      const off = this.#off[i]!;
      const len = this.#len[i]!;
      const kind = fields[f + 5]!;
      let { live: op } = arms;
      if (this.#live[i] === 0 && arms.dead >= 0) op = arms.dead;
      let indexed = false;
      let fusedWith = -1;
      const next = i + 1 < n ? this.#traits.condition[this.#form[i + 1]!]! : -1;
      if (kind === addressing.indexed) {
        if (next >= 0 && arms.fusedIndexed[next]! >= 0) {
          op = arms.fusedIndexed[next]!;
          indexed = true;
          fusedWith = i + 1;
        } else {
          const direct = this.#live[i] === 0 && arms.deadIndexed >= 0 ? arms.deadIndexed : arms.liveIndexed;
          if (direct >= 0) {
            op = direct;
            indexed = true;
          }
        }
      }
      if (fusedWith < 0 && !indexed && next >= 0 && arms.fused[next]! >= 0) {
        op = arms.fused[next]!;
        fusedWith = i + 1;
      }
      let m = fields[f + 1]!;
      let disp = fields[f + 4]!;
      if ((kind === addressing.indexed && !indexed) || kind === addressing.general || kind === addressing.absolute) {
        const address =
          kind === addressing.indexed
            ? special.effectiveIndexed
            : kind === addressing.general
              ? special.effectiveGeneral
              : special.effectiveAbsolute;
        const absolute = kind === addressing.absolute;
        const w = at >> 2;
        words[w] = address | (fields[f + 6]! << 16);
        words[w + 1] = m | (fields[f + 2]! << 16);
        words[w + 2] = disp;
        words[w + 3] = off;
        words[w + 4] = absolute ? fields[f + 7]! : -1;
        words[w + 5] = absolute ? fields[f + 8]! : fields[f + 12] === 1 ? 0 : -1;
        words[w + 6] = 0;
        words[w + 7] = (len << 16) | (fields[f + 3]! << 24);
        at += record.bytes;
        m = state.effective;
        disp = fields[f + 14]!;
      }
      const branch = fusedWith >= 0 ? fusedWith : i;
      // The fields of a record (layout.ts), a word at a time: this is most of the cost of code that runs once.
      const w = at >> 2;
      words[w] = op | (fields[f]! << 16);
      words[w + 1] = m | (fields[f + 2]! << 16);
      words[w + 2] = disp;
      words[w + 3] = off;
      words[w + 4] = fields[f + 7]!;
      words[w + 5] = fields[f + 8]!;
      words[w + 6] = fields[f + 9]!;
      words[w + 7] = (branch + 1) | (len << 16) | (fields[f + 3]! << 24);
      if (fields[branch * 16 + 10] === 1) {
        branches[branchCount++] = at;
        branches[branchCount++] = fields[branch * 16 + 11]!;
      }
      if (fusedWith >= 0) i++;
      at += record.bytes;
    }
    if (illegal) {
      stub(words, at, special.illegal, end, 0, 0);
      at += record.bytes;
    } else if (!ended) {
      stub(words, at, special.continue, end, 0, n);
      branches[branchCount++] = at;
      branches[branchCount++] = end;
      at += record.bytes;
    }
    for (let b = 0; b < branchCount; b += 2) {
      const source = branches[b]!;
      const target = branches[b + 1]!;
      const inPage = target >= 0 && target < 4096 && secondFrame === 0 && !single;
      if (inPage && target === first) {
        words[(source + record.link) >> 2] = start;
        continue;
      }
      stub(words, at, inPage ? special.link : special.crossPage, target, source, 0);
      words[(source + record.link) >> 2] = at;
      at += record.bytes;
    }
    if (single) return start;
    this.#top = at;
    const physical = (frame | first) >>> 0;
    const bucket = (blockHash.base >> 2) + bucketOf(physical);
    const h = header >> 2;
    words[h + blockHeader.physical / 4] = physical;
    words[h + blockHeader.hashNext / 4] = words[bucket]!;
    words[bucket] = header;
    words[h + blockHeader.end / 4] = at;
    words[h + blockHeader.secondFrame / 4] = secondFrame;
    words[h + blockHeader.alias / 4] = 0;
    words[h + blockHeader.region / 4] = 0;
    // What is no instruction may become one by any of its bytes.
    const guestEnd = illegal ? Math.min(4096, end + 15) : end;
    words[h + blockHeader.guestEnd / 4] = guestEnd;
    this.#enlist(header, frame);
    this.markLines(frame, first >> 6, Math.min(4095, guestEnd - 1) >> 6);
    if (secondFrame !== 0) {
      const alias = this.#top;
      this.#top += blockHeader.bytes;
      words.fill(0, alias >> 2, (alias >> 2) + blockHeader.bytes / 4);
      words[(alias + blockHeader.alias) >> 2] = header;
      this.#enlist(alias, secondFrame);
      this.markLines(secondFrame, 0, Math.max(0, guestEnd - 4097) >> 6);
    }
    this.listener?.decoded(physical, rip);
    return start;
  }

  /** Header of the block that begins at a physical address, or 0. */
  find(physical: number): number {
    return find(this.#host.memory().words, physical);
  }

  /** The descriptor of the region that a block enters, or 0. */
  regionAt(header: number): number {
    return this.#host.memory().words[(header + blockHeader.region) >> 2]!;
  }

  /**
   * Makes a block begin at a physical address, known by `rip` now: those that run over it end there from now on. Nothing
   * happens if there is no room: dropping all code would take it away from whoever runs it.
   */
  begin(physical: number, rip: number): void {
    const { words } = this.#host.memory();
    const frame = (physical & -4096) >>> 0;
    const offset = physical & 4095;
    const over: number[] = [];
    for (let entry = words[(codeHeads.base >> 2) + (frame >>> 12)]!; entry !== 0;) {
      const h = entry >> 2;
      const first = words[h + blockHeader.physical / 4]! & 4095;
      if (words[h + blockHeader.alias / 4] === 0 && first < offset && words[h + blockHeader.guestEnd / 4]! > offset)
        over.push(entry);
      entry = words[h + blockHeader.frameNext / 4]!;
    }
    const isNew = find(words, physical) === 0;
    if (this.#top + (over.length + (isNew ? 1 : 0)) * bytesMost(maxInstructions) > arena.end) return;
    if (isNew && this.decode(physical, rip) === 0) return;
    for (const block of over) {
      const h = block >> 2;
      const { physical: at, end, guestEnd, bytes } = blockHeader;
      const first = words[h + at / 4]!;
      if (words[h + blockHeader.secondFrame / 4] !== 0) continue;
      this.#drop(block);
      this.#redispatch(block + bytes, words[h + end / 4]!);
      const next = this.decode(first, rip - offset + (first & 4095));
      // Whoever links to the block goes on to the one in its place; no byte of the page concerns it any more.
      stub(words, block + bytes, special.continue, first & 4095, 0, 0);
      words[(block + bytes + record.link) >> 2] = next;
      words[h + guestEnd / 4] = first & 4095;
    }
  }

  #redispatch(start: number, end: number): void {
    const { bytes } = this.#host.memory();
    for (let at = start; at < end; at += record.bytes) {
      bytes[at] = special.redispatch;
      bytes[at + 1] = 0;
    }
  }

  /** Makes a block enter a compiled region: descriptor, number of the entry, distance of the page from the origin. */
  enter(header: number, region: number, entry: number, delta: number): void {
    const { words } = this.#host.memory();
    const h = header >> 2;
    const first = (header + blockHeader.bytes) >> 2;
    const fresh = words[h + blockHeader.region / 4] === 0;
    const op = (fresh ? words[first]! : words[h + blockHeader.originalOp / 4]!) & 0xffff;
    if (fresh) {
      if (this.#top + 2 * record.bytes > arena.end) return;
      const copy = this.#top;
      words.copyWithin(copy >> 2, first, first + record.bytes / 4);
      stub(words, copy + record.bytes, special.continue, 0, 0, 0);
      words[(copy + record.bytes + record.link) >> 2] = (first << 2) + record.bytes;
      words[h + blockHeader.interpreted / 4] = copy;
      this.#top += 2 * record.bytes;
    }
    words[h + blockHeader.originalOp / 4] = op | (entry << 16);
    words[h + blockHeader.region / 4] = region;
    words[h + blockHeader.delta / 4] = delta;
    words[h + blockHeader.delta / 4 + 1] = Math.floor(delta / 2 ** 32);
    words[first] = (words[first]! & 0xffff0000) | special.enter;
  }

  /** Undoes `enter`, if the block enters that region. */
  leave(header: number, region: number): void {
    const { words } = this.#host.memory();
    const h = header >> 2;
    if (words[h + blockHeader.region / 4] !== region) return;
    const first = (header + blockHeader.bytes) >> 2;
    words[first] = (words[first]! & 0xffff0000) | (words[h + blockHeader.originalOp / 4]! & 0xffff);
    words[h + blockHeader.region / 4] = 0;
  }

  /** Notes that lines of a frame hold code. The first make the frame one whose writes take the slow path. */
  markLines(frame: number, firstLine: number, lastLine: number): void {
    const { words } = this.#host.memory();
    const at = linesAt(frame);
    if (words[at] === 0 && words[at + 1] === 0) this.#forgetWrites(frame);
    for (let line = firstLine; line <= lastLine; line++) words[at + (line >> 5)]! |= 1 << (line & 31);
  }

  /** Adds a block to its frame's list. */
  #enlist(block: number, frame: number): void {
    const { words } = this.#host.memory();
    const head = (codeHeads.base >> 2) + (frame >>> 12);
    words[(block + blockHeader.frameNext) >> 2] = words[head]!;
    words[head] = block;
  }

  /** In 32-bit integers throughout: numbers beyond would make this thirty times slower, and every page of code needs it. */
  #forgetWrites(frame: number): void {
    const { words } = this.#host.memory();
    const wanted = frame | 0;
    const tag = (tlb.base + tlb.writeTag) >> 2;
    const addend = (tlb.base + tlb.addend) >> 2;
    const end = (tlb.entries * tlb.entryBytes) >> 2;
    for (let at = 0; at < end; at += tlb.entryBytes >> 2) {
      const host = ((words[tag + at]! & -4096) + (words[addend + at]! | 0)) | 0;
      if ((host & -4096) !== wanted) continue;
      words[tag + at] = 0xffffffff;
      words[tag + at + 1] = 0xffffffff;
    }
  }

  /** Drops what was decoded or compiled from bytes of a frame. `stored`: the guest writes them. */
  invalidate(physical: number, count: number, stored: boolean): void {
    const frame = (physical & -4096) >>> 0;
    const { words } = this.#host.memory();
    const lines = linesAt(frame);
    if (words[lines] === 0 && words[lines + 1] === 0) return;
    const firstLine = (physical & 4095) >> 6;
    const lastLine = ((physical & 4095) + count - 1) >> 6;
    this.listener?.invalidated(frame, firstLine, lastLine, stored);
    this.invalidations++;
    words[lines] = 0;
    words[lines + 1] = 0;
    // The list is made anew of what stays, and with it the marks.
    const head = (codeHeads.base >> 2) + (frame >>> 12);
    let entry = words[head]!;
    words[head] = 0;
    while (entry !== 0) {
      const next = words[(entry + blockHeader.frameNext) >> 2]!;
      const alias = words[(entry + blockHeader.alias) >> 2]!;
      const block = alias || entry;
      const guestEnd = words[(block + blockHeader.guestEnd) >> 2]!;
      const first = alias === 0 ? (words[(block + blockHeader.physical) >> 2]! & 4095) >> 6 : 0;
      const last = alias === 0 ? Math.min(4095, guestEnd - 1) >> 6 : Math.max(0, guestEnd - 4097) >> 6;
      if (first <= lastLine && last >= firstLine) {
        this.#drop(block);
        this.#redispatch(block + blockHeader.bytes, words[(block + blockHeader.end) >> 2]!);
      } else {
        this.#enlist(entry, frame);
        for (let line = first; line <= last; line++) words[lines + (line >> 5)]! |= 1 << (line & 31);
      }
      entry = next;
    }
    this.listener?.lines(frame);
  }

  /** Takes a block out of its hash chain, if it is still there. */
  #drop(block: number): void {
    const { words } = this.#host.memory();
    const physical = words[(block + blockHeader.physical) >> 2]!;
    let place = (blockHash.base >> 2) + bucketOf(physical);
    while (words[place] !== 0 && words[place] !== block) place = (words[place]! + blockHeader.hashNext) >> 2;
    if (words[place] === block) words[place] = words[(block + blockHeader.hashNext) >> 2]!;
  }

  /** Drops a frame that held the only code so far, as if nothing had ever been decoded. */
  forget(frame: number): void {
    this.invalidate(frame, 4096, false);
    this.#top = arena.base;
    this.blocks = 0;
    this.instructions = 0;
    this.invalidations = 0;
  }

  /** Drops all code. */
  flush(): void {
    const { words } = this.#host.memory();
    words.fill(0, blockHash.base >> 2, (blockHash.base >> 2) + blockHash.buckets);
    const heads = codeHeads.base >> 2;
    const lines = codeLines.base >> 2;
    for (let i = 0; i < codeHeads.entries; i++) {
      // Memory that was never touched stays so.
      if (words[heads + i] !== 0) words[heads + i] = 0;
      if (words[lines + 2 * i] !== 0) words[lines + 2 * i] = 0;
      if (words[lines + 2 * i + 1] !== 0) words[lines + 2 * i + 1] = 0;
    }
    this.flushJumps();
    this.#top = arena.base;
    words[state.generation >> 2]!++;
    this.listener?.flushed();
  }

  /** After a mapping of code changed. */
  flushJumps(): void {
    const { words, bytes } = this.#host.memory();
    words.fill(0, jumpCache.base >> 2, (jumpCache.base + jumpCache.entries * jumpCache.entryBytes) >> 2);
    bytes.fill(0, pageMarks.base, pageMarks.base + pageMarks.entries);
  }
}

/** Place of a frame's marks, as an index of words. */
function linesAt(frame: number): number {
  return (codeLines.base >> 2) + 2 * (frame >>> 12);
}

function find(words: Uint32Array, physical: number): number {
  let block = words[(blockHash.base >> 2) + bucketOf(physical)]!;
  while (block !== 0 && words[(block + blockHeader.physical) >> 2] !== physical)
    block = words[(block + blockHeader.hashNext) >> 2]!;
  return block;
}

/** A record without operands: where it is in the guest, an immediate, and the count of instructions before it. */
function stub(words: Uint32Array, at: number, op: number, off: number, immediate: number, count: number): void {
  const w = at >> 2;
  words[w] = op;
  words[w + 1] = 0;
  words[w + 2] = 0;
  words[w + 3] = off;
  words[w + 4] = immediate;
  words[w + 5] = 0;
  words[w + 6] = 0;
  words[w + 7] = count;
}
