/**
 * A streaming decoder of DEFLATE (RFC 1951): input in pieces of any size, output in pieces of a bounded size, nothing
 * allocated on the way but these. It also says where the data ends, which a file of several gzip members needs and the
 * platform's DecompressionStream does not tell.
 *
 * It is our own because fflate, which allocates several buffers for each piece of input, took four times as long in
 * Chromium (in Node they are alike), and does not always notice data that ends too early.
 */
import { WherryError } from "../base/errors.ts";

/** Reaching back is possible for so many bytes. */
const windowBytes = 32 * 1024;
const outputBytes = 256 * 1024;
const matchBytesMax = 258;
/** Input that one step may take into the bit buffer: a length and a distance are 48 bits at most. */
const symbolBytes = 16;
/** 14 + 19 × 3 + 320 × 14 bits, for the code lengths of a block. */
const blockHeaderBytes = 640;
/** Zeros after the last input, so that a step may look past it; what they made is found out afterwards. */
const paddingBytes = 1024;

// RFC 1951, 3.2.5.
const lengthBase = Uint16Array.of(
  3,
  4,
  5,
  6,
  7,
  8,
  9,
  10,
  11,
  13,
  15,
  17,
  19,
  23,
  27,
  31,
  35,
  43,
  51,
  59,
  67,
  83,
  99,
  115,
  131,
  163,
  195,
  227,
  258,
);
const lengthExtra = Uint8Array.of(
  0,
  0,
  0,
  0,
  0,
  0,
  0,
  0,
  1,
  1,
  1,
  1,
  2,
  2,
  2,
  2,
  3,
  3,
  3,
  3,
  4,
  4,
  4,
  4,
  5,
  5,
  5,
  5,
  0,
);
const distanceBase = Uint16Array.of(
  1,
  2,
  3,
  4,
  5,
  7,
  9,
  13,
  17,
  25,
  33,
  49,
  65,
  97,
  129,
  193,
  257,
  385,
  513,
  769,
  1025,
  1537,
  2049,
  3073,
  4097,
  6145,
  8193,
  12289,
  16385,
  24577,
);
const distanceExtra = Uint8Array.of(
  0,
  0,
  0,
  0,
  1,
  1,
  2,
  2,
  3,
  3,
  4,
  4,
  5,
  5,
  6,
  6,
  7,
  7,
  8,
  8,
  9,
  9,
  10,
  10,
  11,
  11,
  12,
  12,
  13,
  13,
);
/** The order in which a block header gives the lengths of the code for lengths. */
const lengthOrder = Uint8Array.of(16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15);

/** A Huffman code as one table, indexed by the next bits: symbol × 16 + number of bits; 0 for bits that are no code. */
class CodeTable {
  readonly entries = new Uint16Array(1 << 15);
  mask = 0;

  /** `lengths[symbol]` is the number of bits of its code, 0 for none. `mayBeIncomplete`: a lone distance code. */
  build(lengths: Uint8Array, mayBeIncomplete: boolean): void {
    const counts = new Uint16Array(16);
    for (const length of lengths) counts[length]!++;
    counts[0] = 0;
    let bitsMax = 15;
    while (bitsMax > 1 && counts[bitsMax] === 0) bitsMax--;
    let left = 1;
    const next = new Uint16Array(16);
    for (let bits = 1, code = 0; bits <= 15; bits++) {
      next[bits] = code = (code + counts[bits - 1]!) << 1;
      left = (left << 1) - counts[bits]!;
      if (left < 0) throw damaged("it has a code that is over-subscribed");
    }
    if (left > 0 && !(mayBeIncomplete && bitsMax === 1)) throw damaged("it has a code that is incomplete");
    const { entries } = this;
    const size = 1 << bitsMax;
    this.mask = size - 1;
    entries.fill(0, 0, size);
    for (let symbol = 0; symbol < lengths.length; symbol++) {
      const bits = lengths[symbol]!;
      if (bits === 0) continue;
      let code = next[bits]!++;
      // Codes come with their first bit first; the table is indexed with it lowest.
      let reversed = 0;
      for (let i = 0; i < bits; i++, code >>= 1) reversed = (reversed << 1) | (code & 1);
      const entry = (symbol << 4) | bits;
      for (let i = reversed; i < size; i += 1 << bits) entries[i] = entry;
    }
  }
}

const fixedLengths = Uint8Array.from({ length: 288 }, (_, i) => (i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8));
const fixedDistances = new Uint8Array(32).fill(5);

type State = "block" | "stored" | "codes" | "done";

export class Inflater {
  readonly #emit: (bytes: Uint8Array) => void;
  /** What was put out last, for matches to reach back to, then room for more. */
  readonly #output = new Uint8Array(windowBytes + outputBytes);
  #end = 0;
  /** Everything before was given out. */
  #emitted = 0;
  /** Matches may not reach before this. */
  #start = 0;
  readonly #literals = new CodeTable();
  readonly #distances = new CodeTable();
  readonly #lengths = new Uint8Array(320);
  #state: State = "block";
  #isLastBlock = false;
  #storedLeft = 0;
  #bits = 0;
  #bitCount = 0;
  #totalBytes = 0;

  constructor(emit: (bytes: Uint8Array) => void) {
    this.#emit = emit;
  }

  /** True when the last block is complete. */
  get isDone(): boolean {
    return this.#state === "done";
  }

  /** Bytes put out since the last `reset`. */
  get totalBytes(): number {
    return this.#totalBytes + (this.#end - this.#emitted);
  }

  /** Ready for other data that starts anew. */
  reset(): void {
    this.flush();
    this.#state = "block";
    this.#bits = this.#bitCount = 0;
    this.#totalBytes = 0;
    this.#start = this.#end;
  }

  /**
   * Decodes as much of `input` as it can and returns how many bytes it took; the caller gives the rest again with what
   * follows it. With `isLast` nothing follows: input that ends too early is an error.
   */
  push(input: Uint8Array, isLast: boolean): number {
    if (!isLast) return this.#decode(input, input.length);
    const padded = new Uint8Array(input.length + paddingBytes);
    padded.set(input);
    const taken = this.#decode(padded, padded.length);
    if (taken > input.length || !this.isDone)
      throw new WherryError("invalid-archive", "the gzip data ends too early: the archive is truncated");
    return taken;
  }

  /** Gives out what is still held. */
  flush(): void {
    if (this.#end > this.#emitted) this.#emit(this.#output.slice(this.#emitted, this.#end));
    this.#totalBytes += this.#end - this.#emitted;
    this.#emitted = this.#end;
  }

  /** Makes room by giving out what there is and moving the window to the front. */
  #slide(): void {
    this.flush();
    const shift = this.#end - windowBytes;
    if (shift <= 0) return;
    this.#output.copyWithin(0, shift, this.#end);
    this.#end = this.#emitted = windowBytes;
    this.#start = Math.max(0, this.#start - shift);
  }

  #decode(input: Uint8Array, limit: number): number {
    let at = 0;
    for (;;) {
      if (this.#state === "block") {
        if (limit - at < blockHeaderBytes && !this.#isStoredAhead(input, at, limit)) return this.#giveBack(at);
        at = this.#readBlockHeader(input, at);
      } else if (this.#state === "stored") {
        const room = this.#output.length - this.#end;
        const length = Math.min(this.#storedLeft, limit - at, room);
        this.#output.set(input.subarray(at, at + length), this.#end);
        at += length;
        this.#end += length;
        this.#storedLeft -= length;
        if (this.#storedLeft === 0) this.#endBlock();
        else if (length < room) return at;
        if (this.#end === this.#output.length) this.#slide();
      } else if (this.#state === "codes") {
        const before = at;
        at = this.#readCodes(input, at, limit);
        if ((this.#state as State) === "codes") {
          // Either the output is full or the input nearly used up.
          if (this.#end + matchBytesMax > this.#output.length) this.#slide();
          else if (limit - at < symbolBytes) return this.#giveBack(at);
          else if (at === before) throw damaged("it does not go on");
        }
      } else {
        // The bits of a byte begun are padding.
        const taken = this.#giveBack(at);
        this.#bits = this.#bitCount = 0;
        return taken;
      }
    }
  }

  /** A stored block's header is short: it need not wait for as much input as others may need. */
  #isStoredAhead(input: Uint8Array, at: number, limit: number): boolean {
    if (limit - at < symbolBytes) return false;
    const bits = this.#bits | (input[at]! << this.#bitCount);
    return ((bits >> 1) & 3) === 0;
  }

  #endBlock(): void {
    this.#state = this.#isLastBlock ? "done" : "block";
  }

  /** Whole bytes that were taken ahead go back, so that less than a byte is ever held between two calls. */
  #giveBack(at: number): number {
    const whole = this.#bitCount >> 3;
    this.#bitCount &= 7;
    this.#bits &= (1 << this.#bitCount) - 1;
    return at - whole;
  }

  #readBlockHeader(input: Uint8Array, position: number): number {
    let at = position;
    let bits = this.#bits;
    let count = this.#bitCount;
    const take = (width: number): number => {
      while (count < width) {
        bits |= input[at++]! << count;
        count += 8;
      }
      const value = bits & ((1 << width) - 1);
      bits >>>= width;
      count -= width;
      return value;
    };
    this.#isLastBlock = take(1) === 1;
    const type = take(2);
    if (type === 0) {
      take(count & 7);
      const length = take(16);
      if ((length ^ take(16)) !== 0xffff) throw damaged("a stored block's length does not fit its complement");
      this.#storedLeft = length;
      this.#state = "stored";
      // Whole bytes taken ahead belong to the content.
      at -= count >> 3;
      bits = count = 0;
      if (length === 0) this.#endBlock();
    } else if (type === 1) {
      this.#literals.build(fixedLengths, false);
      this.#distances.build(fixedDistances, false);
      this.#state = "codes";
    } else if (type === 2) {
      const literals = take(5) + 257;
      const distances = take(5) + 1;
      const codes = take(4) + 4;
      if (literals > 286 || distances > 30) throw damaged("a block has too many codes");
      const lengths = this.#lengths;
      lengths.fill(0);
      for (let i = 0; i < codes; i++) lengths[lengthOrder[i]!] = take(3);
      const table = this.#literals;
      table.build(lengths.subarray(0, 19), false);
      lengths.fill(0);
      for (let i = 0; i < literals + distances;) {
        while (count < 15) {
          bits |= input[at++]! << count;
          count += 8;
        }
        const entry = table.entries[bits & table.mask]!;
        bits >>>= entry & 15;
        count -= entry & 15;
        const symbol = entry >> 4;
        if (symbol < 16) {
          lengths[i++] = symbol;
          continue;
        }
        if (symbol === 16 && i === 0) throw damaged("a block repeats a length before the first");
        const value = symbol === 16 ? lengths[i - 1]! : 0;
        const repeat = symbol === 16 ? 3 + take(2) : symbol === 17 ? 3 + take(3) : 11 + take(7);
        if (i + repeat > literals + distances) throw damaged("a block has too many code lengths");
        lengths.fill(value, i, i + repeat);
        i += repeat;
      }
      if (lengths[256] === 0) throw damaged("a block has no code for its end");
      const distanceLengths = lengths.slice(literals, literals + distances);
      this.#literals.build(lengths.subarray(0, literals), true);
      if (distanceLengths.some((length) => length > 0)) this.#distances.build(distanceLengths, true);
      else {
        // Literals only: any distance is then an error.
        this.#distances.mask = 0;
        this.#distances.entries[0] = 0;
      }
      this.#state = "codes";
    } else throw damaged("a block is of the reserved type");
    this.#bits = bits;
    this.#bitCount = count;
    return at;
  }

  /** Symbols until the block ends, the output is full or too little input is left for another. */
  #readCodes(input: Uint8Array, position: number, limit: number): number {
    const output = this.#output;
    const literals = this.#literals.entries;
    const literalMask = this.#literals.mask;
    const distances = this.#distances.entries;
    const distanceMask = this.#distances.mask;
    const inputEnd = limit - symbolBytes;
    const outputEnd = output.length - matchBytesMax;
    let at = position;
    let end = this.#end;
    let bits = this.#bits;
    let count = this.#bitCount;
    while (at <= inputEnd && end <= outputEnd) {
      while (count <= 24) {
        bits |= input[at++]! << count;
        count += 8;
      }
      let entry = literals[bits & literalMask]!;
      let width = entry & 15;
      if (width === 0) throw damaged("it holds bits that are no code");
      bits >>>= width;
      count -= width;
      let symbol = entry >> 4;
      if (symbol < 256) {
        output[end++] = symbol;
        continue;
      }
      if (symbol === 256) {
        this.#endBlock();
        break;
      }
      symbol -= 257;
      if (symbol > 28) throw damaged("it holds a length that does not exist");
      width = lengthExtra[symbol]!;
      const length = lengthBase[symbol]! + (bits & ((1 << width) - 1));
      bits >>>= width;
      count -= width;
      while (count <= 24) {
        bits |= input[at++]! << count;
        count += 8;
      }
      entry = distances[bits & distanceMask]!;
      width = entry & 15;
      if (width === 0) throw damaged("it holds bits that are no distance");
      bits >>>= width;
      count -= width;
      symbol = entry >> 4;
      if (symbol > 29) throw damaged("it holds a distance that does not exist");
      width = distanceExtra[symbol]!;
      while (count <= 16) {
        bits |= input[at++]! << count;
        count += 8;
      }
      const distance = distanceBase[symbol]! + (bits & ((1 << width) - 1));
      bits >>>= width;
      count -= width;
      let from = end - distance;
      if (from < this.#start) throw damaged("it reaches back before its beginning");
      if (distance >= length && length > 32) {
        output.copyWithin(end, from, from + length);
        end += length;
      } else for (const stop = end + length; end < stop;) output[end++] = output[from++]!;
    }
    this.#end = end;
    this.#bits = bits;
    this.#bitCount = count;
    return at;
  }
}

function damaged(reason: string): WherryError {
  return new WherryError("invalid-archive", `the gzip data is damaged: ${reason}`);
}
