/** Packed integer instructions that have no short form in WebAssembly (Intel SDM vol. 2). */

/** phminposuw: the least of eight words, and its index above it. */
export function leastWord(a: v128): v128 {
  let least: u32 = 0xffff + 1;
  let at: u32 = 0;
  let low = i64x2.extract_lane(a, 0) as u64;
  let high = i64x2.extract_lane(a, 1) as u64;
  for (let i: u32 = 0; i < 8; i++) {
    const word = u32(low & 0xffff);
    if (word < least) {
      least = word;
      at = i;
    }
    low = (low >> 16) | (high << 48);
    high >>= 16;
  }
  return i32x4.replace_lane(i32x4.splat(0), 0, (at << 16) | least);
}

/** mpsadbw: eight sums of four absolute differences; the operands start where the immediate says. */
export function sumsOfDifferences(a: v128, b: v128, control: u32): v128 {
  const firstBytes = i8x16(0, 1, 2, 3, 1, 2, 3, 4, 2, 3, 4, 5, 3, 4, 5, 6);
  const start = (control & 4) as i8;
  const four = ((control & 3) << 2) as i8;
  const block = i8x16.swizzle(b, i8x16.add(i8x16(0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3), i8x16.splat(four)));
  const low = sums(i8x16.swizzle(a, i8x16.add(firstBytes, i8x16.splat(start))), block);
  const high = sums(i8x16.swizzle(a, i8x16.add(firstBytes, i8x16.splat((start + 4) as i8))), block);
  // Each sum is below 1021: narrowing does not saturate.
  return i16x8.narrow_i32x4_u(low, high);
}

function sums(a: v128, b: v128): v128 {
  const difference = i8x16.sub(i8x16.max_u(a, b), i8x16.min_u(a, b));
  return i32x4.extadd_pairwise_i16x8_u(i16x8.extadd_pairwise_i8x16_u(difference));
}
