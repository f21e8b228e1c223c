/**
 * AES and carry-less multiplication (FIPS 197; Intel SDM vol. 2, AESENC, PCLMULQDQ). The state is a vector of sixteen
 * bytes, column after column.
 */

/** What a row of the S-box gives for the bytes whose upper half is its number: nothing for the others. */
@inline
function row(x: v128, upper: i8, values: v128): v128 {
  // An index of sixteen or more gives zero.
  return i8x16.swizzle(values, v128.xor(x, i8x16.splat(upper)));
}

/** The S-box, on sixteen bytes. */
function substitute(x: v128): v128 {
  let r = row(x, 0, i8x16(99, 124, 119, 123, -14, 107, 111, -59, 48, 1, 103, 43, -2, -41, -85, 118));
  r = v128.or(r, row(x, 16, i8x16(-54, -126, -55, 125, -6, 89, 71, -16, -83, -44, -94, -81, -100, -92, 114, -64)));
  r = v128.or(r, row(x, 32, i8x16(-73, -3, -109, 38, 54, 63, -9, -52, 52, -91, -27, -15, 113, -40, 49, 21)));
  r = v128.or(r, row(x, 48, i8x16(4, -57, 35, -61, 24, -106, 5, -102, 7, 18, -128, -30, -21, 39, -78, 117)));
  r = v128.or(r, row(x, 64, i8x16(9, -125, 44, 26, 27, 110, 90, -96, 82, 59, -42, -77, 41, -29, 47, -124)));
  r = v128.or(r, row(x, 80, i8x16(83, -47, 0, -19, 32, -4, -79, 91, 106, -53, -66, 57, 74, 76, 88, -49)));
  r = v128.or(r, row(x, 96, i8x16(-48, -17, -86, -5, 67, 77, 51, -123, 69, -7, 2, 127, 80, 60, -97, -88)));
  r = v128.or(r, row(x, 112, i8x16(81, -93, 64, -113, -110, -99, 56, -11, -68, -74, -38, 33, 16, -1, -13, -46)));
  r = v128.or(r, row(x, -128, i8x16(-51, 12, 19, -20, 95, -105, 68, 23, -60, -89, 126, 61, 100, 93, 25, 115)));
  r = v128.or(r, row(x, -112, i8x16(96, -127, 79, -36, 34, 42, -112, -120, 70, -18, -72, 20, -34, 94, 11, -37)));
  r = v128.or(r, row(x, -96, i8x16(-32, 50, 58, 10, 73, 6, 36, 92, -62, -45, -84, 98, -111, -107, -28, 121)));
  r = v128.or(r, row(x, -80, i8x16(-25, -56, 55, 109, -115, -43, 78, -87, 108, 86, -12, -22, 101, 122, -82, 8)));
  r = v128.or(r, row(x, -64, i8x16(-70, 120, 37, 46, 28, -90, -76, -58, -24, -35, 116, 31, 75, -67, -117, -118)));
  r = v128.or(r, row(x, -48, i8x16(112, 62, -75, 102, 72, 3, -10, 14, 97, 53, 87, -71, -122, -63, 29, -98)));
  r = v128.or(r, row(x, -32, i8x16(-31, -8, -104, 17, 105, -39, -114, -108, -101, 30, -121, -23, -50, 85, 40, -33)));
  r = v128.or(r, row(x, -16, i8x16(-116, -95, -119, 13, -65, -26, 66, 104, 65, -103, 45, 15, -80, 84, -69, 22)));
  return r;
}

/** Its inverse. */
function substituteBack(x: v128): v128 {
  let r = row(x, 0, i8x16(82, 9, 106, -43, 48, 54, -91, 56, -65, 64, -93, -98, -127, -13, -41, -5));
  r = v128.or(r, row(x, 16, i8x16(124, -29, 57, -126, -101, 47, -1, -121, 52, -114, 67, 68, -60, -34, -23, -53)));
  r = v128.or(r, row(x, 32, i8x16(84, 123, -108, 50, -90, -62, 35, 61, -18, 76, -107, 11, 66, -6, -61, 78)));
  r = v128.or(r, row(x, 48, i8x16(8, 46, -95, 102, 40, -39, 36, -78, 118, 91, -94, 73, 109, -117, -47, 37)));
  r = v128.or(r, row(x, 64, i8x16(114, -8, -10, 100, -122, 104, -104, 22, -44, -92, 92, -52, 93, 101, -74, -110)));
  r = v128.or(r, row(x, 80, i8x16(108, 112, 72, 80, -3, -19, -71, -38, 94, 21, 70, 87, -89, -115, -99, -124)));
  r = v128.or(r, row(x, 96, i8x16(-112, -40, -85, 0, -116, -68, -45, 10, -9, -28, 88, 5, -72, -77, 69, 6)));
  r = v128.or(r, row(x, 112, i8x16(-48, 44, 30, -113, -54, 63, 15, 2, -63, -81, -67, 3, 1, 19, -118, 107)));
  r = v128.or(r, row(x, -128, i8x16(58, -111, 17, 65, 79, 103, -36, -22, -105, -14, -49, -50, -16, -76, -26, 115)));
  r = v128.or(r, row(x, -112, i8x16(-106, -84, 116, 34, -25, -83, 53, -123, -30, -7, 55, -24, 28, 117, -33, 110)));
  r = v128.or(r, row(x, -96, i8x16(71, -15, 26, 113, 29, 41, -59, -119, 111, -73, 98, 14, -86, 24, -66, 27)));
  r = v128.or(r, row(x, -80, i8x16(-4, 86, 62, 75, -58, -46, 121, 32, -102, -37, -64, -2, 120, -51, 90, -12)));
  r = v128.or(r, row(x, -64, i8x16(31, -35, -88, 51, -120, 7, -57, 49, -79, 18, 16, 89, 39, -128, -20, 95)));
  r = v128.or(r, row(x, -48, i8x16(96, 81, 127, -87, 25, -75, 74, 13, 45, -27, 122, -97, -109, -55, -100, -17)));
  r = v128.or(r, row(x, -32, i8x16(-96, -32, 59, 77, -82, 42, -11, -80, -56, -21, -69, 60, -125, 83, -103, 97)));
  r = v128.or(r, row(x, -16, i8x16(23, 43, 4, 126, -70, 119, -42, 38, -31, 105, 20, 99, 85, 33, 12, 125)));
  return r;
}

@inline
function shiftRows(x: v128): v128 {
  return i8x16.shuffle(x, x, 0, 5, 10, 15, 4, 9, 14, 3, 8, 13, 2, 7, 12, 1, 6, 11);
}

@inline
function shiftRowsBack(x: v128): v128 {
  return i8x16.shuffle(x, x, 0, 13, 10, 7, 4, 1, 14, 11, 8, 5, 2, 15, 12, 9, 6, 3);
}

/** Times x in the field, byte by byte. */
@inline
function twice(x: v128): v128 {
  const over = v128.and(i8x16.shr_s(x, 7), i8x16.splat(0x1b));
  return v128.xor(i8x16.add(x, x), over);
}

/** Each column times 3x³ + x² + x + 2. */
@inline
function mixColumns(x: v128): v128 {
  const next = i8x16.shuffle(x, x, 1, 2, 3, 0, 5, 6, 7, 4, 9, 10, 11, 8, 13, 14, 15, 12);
  const sum = v128.xor(x, next);
  const opposite = i8x16.shuffle(sum, sum, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13);
  return v128.xor(v128.xor(twice(sum), next), opposite);
}

/** The inverse: the same after a sum that turns its polynomial into the other. */
@inline
function mixColumnsBack(x: v128): v128 {
  const opposite = i8x16.shuffle(x, x, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13);
  return mixColumns(v128.xor(x, twice(twice(v128.xor(x, opposite)))));
}

export function aesenc(x: v128, key: v128): v128 {
  return v128.xor(mixColumns(substitute(shiftRows(x))), key);
}

export function aesenclast(x: v128, key: v128): v128 {
  return v128.xor(substitute(shiftRows(x)), key);
}

export function aesdec(x: v128, key: v128): v128 {
  return v128.xor(mixColumnsBack(substituteBack(shiftRowsBack(x))), key);
}

export function aesdeclast(x: v128, key: v128): v128 {
  return v128.xor(substituteBack(shiftRowsBack(x)), key);
}

export function aesimc(x: v128): v128 {
  return mixColumnsBack(x);
}

/** Words 1 and 3 through the S-box: as they are, and rotated by a byte with the round constant. */
export function aeskeygenassist(x: v128, constant: u32): v128 {
  const words = substitute(i8x16.shuffle(x, x, 4, 5, 6, 7, 5, 6, 7, 4, 12, 13, 14, 15, 13, 14, 15, 12));
  return v128.xor(words, i32x4(0, constant, 0, constant));
}

/**
 * The low half of a carry-less product. Every fourth bit of the factors is multiplied as an ordinary number: at most
 * sixteen ones meet in a place, so that carries stay below the next bit that counts.
 */
function carrylessLow(a: u64, b: u64): u64 {
  const m0: u64 = 0x1111111111111111;
  const m1: u64 = 0x2222222222222222;
  const m2: u64 = 0x4444444444444444;
  const m3: u64 = 0x8888888888888888;
  const a0 = a & m0;
  const a1 = a & m1;
  const a2 = a & m2;
  const a3 = a & m3;
  const b0 = b & m0;
  const b1 = b & m1;
  const b2 = b & m2;
  const b3 = b & m3;
  return (
    (((a0 * b0) ^ (a1 * b3) ^ (a2 * b2) ^ (a3 * b1)) & m0) |
    (((a0 * b1) ^ (a1 * b0) ^ (a2 * b3) ^ (a3 * b2)) & m1) |
    (((a0 * b2) ^ (a1 * b1) ^ (a2 * b0) ^ (a3 * b3)) & m2) |
    (((a0 * b3) ^ (a1 * b2) ^ (a2 * b1) ^ (a3 * b0)) & m3)
  );
}

/** Bits in reverse order. */
function reverse(x: u64): u64 {
  x = ((x >> 1) & 0x5555555555555555) | ((x & 0x5555555555555555) << 1);
  x = ((x >> 2) & 0x3333333333333333) | ((x & 0x3333333333333333) << 2);
  x = ((x >> 4) & 0x0f0f0f0f0f0f0f0f) | ((x & 0x0f0f0f0f0f0f0f0f) << 4);
  return bswap<u64>(x);
}

/** pclmulqdq. The high half is the low half of the reversed factors' product, reversed. */
export function carryless(a: u64, b: u64): v128 {
  const low = carrylessLow(a, b);
  const high = reverse(carrylessLow(reverse(a), reverse(b))) >> 1;
  return i64x2.replace_lane(i64x2.splat(low), 1, high);
}
