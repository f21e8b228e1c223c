/** The string instructions of SSE4.2 (Intel SDM vol. 2, 4.1) and CRC32. */

class Text {
  /** Results of `compareStrings`: the index or the flags. */
  static flags: u32 = 0;
}

/** CF, ZF, SF and OF as in RFLAGS of the last comparison. */
export function stringFlags(): u32 {
  return Text.flags;
}

/** One bit for each element that is all ones. */
@inline
function bitsOf(mask: v128, words: bool): u32 {
  return words ? i16x8.bitmask(mask) : i8x16.bitmask(mask);
}

@inline
function equalBits(a: v128, b: v128, words: bool): u32 {
  return words ? bitsOf(i16x8.eq(a, b), true) : bitsOf(i8x16.eq(a, b), false);
}

/** Element i of the string at an address, in every element. */
@inline
function everywhere(at: usize, i: i32, words: bool): v128 {
  return words ? v128.load16_splat(at + (i << 1)) : v128.load8_splat(at + i);
}

/** Elements of b that are at least (or at most) the bound. */
function atLeast(b: v128, bound: v128, words: bool, signed: bool): u32 {
  if (words) return bitsOf(signed ? i16x8.ge_s(b, bound) : i16x8.ge_u(b, bound), true);
  return bitsOf(signed ? i8x16.ge_s(b, bound) : i8x16.ge_u(b, bound), false);
}

/** Elements before the first zero one. */
function implicitLength(a: v128, words: bool): i32 {
  const zeros = equalBits(a, i64x2.splat(0), words);
  return zeros ? ctz(zeros) : words ? 8 : 16;
}

/**
 * Compares the strings at `a` and `b` (16 bytes each in linear memory) of the given lengths, -1 for implicit ones, and
 * returns the bit mask IntRes2; the flags are in `stringFlags`.
 */
export function compareStrings(a: usize, b: usize, control: u32, lengthA: i32, lengthB: i32): u32 {
  const words = (control & 1) != 0;
  const signed = (control & 2) != 0;
  const count = words ? 8 : 16;
  const first = v128.load(a);
  const second = v128.load(b);
  const la = lengthA < 0 ? implicitLength(first, words) : min(lengthA, count);
  const lb = lengthB < 0 ? implicitLength(second, words) : min(lengthB, count);
  const all: u32 = (1 << count) - 1;
  const validA: u32 = (1 << la) - 1;
  const validB: u32 = (1 << lb) - 1;
  const aggregation = (control >> 2) & 3;
  let result: u32 = 0;
  if (aggregation == 0) {
    // Equal any: an element of b is one of a.
    for (let i = 0; i < la; i++) result |= equalBits(second, everywhere(a, i, words), words);
    result &= validB;
  } else if (aggregation == 1) {
    // Ranges: a holds pairs of bounds. At most is at least with the sides changed.
    for (let i = 0; i + 1 < la; i += 2)
      result |=
        atLeast(second, everywhere(a, i, words), words, signed) &
        atLeast(everywhere(a, i + 1, words), second, words, signed);
    result &= validB;
  } else if (aggregation == 2) {
    // Equal each: both ended counts as equal.
    result = (equalBits(first, second, words) & validA & validB) | (~validA & ~validB & all);
  } else {
    // Equal ordered: a is found in b there. What lies past the register counts as found.
    result = all;
    for (let i = 0; i < la && result; i++) {
      const here = equalBits(second, everywhere(a, i, words), words) & validB;
      result &= (here >> i) | ~(all >> i);
    }
    result &= all;
  }
  const polarity = (control >> 4) & 3;
  if (polarity == 1) result ^= all;
  else if (polarity == 3) result ^= validB;
  Text.flags = (result ? 1 : 0) | (lb < count ? 0x40 : 0) | (la < count ? 0x80 : 0) | (result & 1 ? 0x800 : 0);
  return result;
}

/** pcmpistri, pcmpestri: index of the first (or last) bit, or the count. */
export function stringIndex(mask: u32, control: u32): u32 {
  if (mask == 0) return control & 1 ? 8 : 16;
  return control & 0x40 ? 31 - clz(mask) : ctz(mask);
}

/** pcmpistrm, pcmpestrm: the mask as bits or spread over elements. */
export function stringMask(mask: u32, control: u32): v128 {
  if (!(control & 0x40)) return i64x2.replace_lane(i64x2.splat(0), 0, mask);
  if (control & 1) {
    const bits = v128.and(i16x8.splat(<i16>mask), i16x8(1, 2, 4, 8, 16, 32, 64, 128));
    return i16x8.ne(bits, i16x8.splat(0));
  }
  const spread = v128.or(
    v128.and(i8x16.splat(<i8>mask), i8x16(-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0)),
    v128.and(i8x16.splat(<i8>(mask >> 8)), i8x16(0, 0, 0, 0, 0, 0, 0, 0, -1, -1, -1, -1, -1, -1, -1, -1)),
  );
  const bits = v128.and(spread, i8x16(1, 2, 4, 8, 16, 32, 64, -128, 1, 2, 4, 8, 16, 32, 64, -128));
  return i8x16.ne(bits, i8x16.splat(0));
}

/** CRC-32C of `bytes` (1, 2, 4, 8) bytes of `value`, bit-reflected polynomial 0x11EDC6F41. */
export function crc32c(crc: u32, value: u64, bytes: u32): u32 {
  for (let i: u32 = 0; i < bytes; i++) {
    crc ^= u32(value >> (i << 3)) & 0xff;
    for (let bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ (0x82f63b78 & (0 - (crc & 1)));
  }
  return crc;
}
