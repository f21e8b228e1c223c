/** The string instructions of SSE4.2 (Intel SDM vol. 2, 4.1) and CRC32. */

class Text {
  /** Results of `compareStrings`: the index or the flags. */
  static flags: u32 = 0;
}

/** CF, ZF, SF and OF as in RFLAGS of the last comparison. */
export function stringFlags(): u32 {
  return Text.flags;
}

/** Elements before the first zero one. */
function implicitLength(at: usize, words: bool): i32 {
  const count = words ? 8 : 16;
  for (let i = 0; i < count; i++) {
    const element = words ? <u32>load<u16>(at + (i << 1)) : <u32>load<u8>(at + i);
    if (element == 0) return i;
  }
  return count;
}

@inline
function element(at: usize, i: i32, words: bool, signed: bool): i32 {
  if (words) return signed ? <i32>load<i16>(at + (i << 1)) : <i32>load<u16>(at + (i << 1));
  return signed ? <i32>load<i8>(at + i) : <i32>load<u8>(at + i);
}

/**
 * Compares the strings at `a` and `b` (16 bytes each in linear memory) of the given lengths, -1 for implicit ones, and
 * returns the bit mask IntRes2; the flags are in `stringFlags`.
 */
export function compareStrings(a: usize, b: usize, control: u32, lengthA: i32, lengthB: i32): u32 {
  const words = (control & 1) != 0;
  const signed = (control & 2) != 0;
  const count = words ? 8 : 16;
  const la = lengthA < 0 ? implicitLength(a, words) : min(lengthA, count);
  const lb = lengthB < 0 ? implicitLength(b, words) : min(lengthB, count);
  const aggregation = (control >> 2) & 3;
  let result: u32 = 0;
  for (let j = 0; j < count; j++) {
    let bit = false;
    if (aggregation == 0) {
      // Equal any: b[j] is one of a.
      if (j < lb) {
        const value = element(b, j, words, signed);
        for (let i = 0; i < la && !bit; i++) bit = element(a, i, words, signed) == value;
      }
    } else if (aggregation == 1) {
      // Ranges: a holds pairs of bounds.
      if (j < lb) {
        const value = element(b, j, words, signed);
        for (let i = 0; i + 1 < la && !bit; i += 2)
          bit = element(a, i, words, signed) <= value && value <= element(a, i + 1, words, signed);
      }
    } else if (aggregation == 2) {
      // Equal each: both ended counts as equal.
      if (j < la && j < lb) bit = element(a, j, words, signed) == element(b, j, words, signed);
      else bit = j >= la && j >= lb;
    } else {
      // Equal ordered: a is found in b at j.
      bit = true;
      for (let i = 0; i < la && i + j < count && bit; i++)
        bit = i + j < lb && element(a, i, words, signed) == element(b, i + j, words, signed);
    }
    if (bit) result |= 1 << j;
  }
  const polarity = (control >> 4) & 3;
  if (polarity == 1) result ^= words ? 0xff : 0xffff;
  else if (polarity == 3) result ^= <u32>(1 << lb) - 1;
  Text.flags =
    (result ? 1 : 0) | (lb < count ? 0x40 : 0) | (la < count ? 0x80 : 0) | (result & 1 ? 0x800 : 0);
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
