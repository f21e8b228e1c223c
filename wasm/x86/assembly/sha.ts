/** SHA-1 and SHA-256 in the pieces of the SHA extensions (FIPS 180-4; Intel SDM vol. 2, SHA1RNDS4 and its kin). */

@inline
function lane(x: v128, i: u8): u32 {
  if (i == 0) return i32x4.extract_lane(x, 0);
  if (i == 1) return i32x4.extract_lane(x, 1);
  if (i == 2) return i32x4.extract_lane(x, 2);
  return i32x4.extract_lane(x, 3);
}

/** From the lowest lane up. */
@inline
function vector(a: u32, b: u32, c: u32, d: u32): v128 {
  let r = i32x4.splat(a);
  r = i32x4.replace_lane(r, 1, b);
  r = i32x4.replace_lane(r, 2, c);
  return i32x4.replace_lane(r, 3, d);
}

/** Every lane rotated left. */
@inline
function rotate(x: v128, count: i32): v128 {
  return v128.or(i32x4.shl(x, count), i32x4.shr_u(x, 32 - count));
}

/** Four rounds: a to d from the highest lane of `abcd` down, e with the first word in that of `words`. */
export function sha1rnds4(abcd: v128, words: v128, which: u32): v128 {
  let a = lane(abcd, 3);
  let b = lane(abcd, 2);
  let c = lane(abcd, 1);
  let d = lane(abcd, 0);
  let e: u32 = 0;
  const selected = which & 3;
  const k: u32 = selected == 0 ? 0x5a827999 : selected == 1 ? 0x6ed9eba1 : selected == 2 ? 0x8f1bbcdc : 0xca62c1d6;
  for (let i = 0; i < 4; i++) {
    const word: u32 = i == 0 ? lane(words, 3) : i == 1 ? lane(words, 2) : i == 2 ? lane(words, 1) : lane(words, 0);
    const f = selected == 0 ? (b & c) ^ (~b & d) : selected == 2 ? (b & c) ^ (b & d) ^ (c & d) : b ^ c ^ d;
    const next = f + rotl<u32>(a, 5) + word + e + k;
    e = d;
    d = c;
    c = rotl<u32>(b, 30);
    b = a;
    a = next;
  }
  return vector(d, c, b, a);
}

export function sha1nexte(before: v128, words: v128): v128 {
  return i32x4.replace_lane(words, 3, lane(words, 3) + rotl<u32>(lane(before, 3), 30));
}

export function sha1msg1(a: v128, b: v128): v128 {
  return v128.xor(a, i8x16.shuffle(a, b, 24, 25, 26, 27, 28, 29, 30, 31, 0, 1, 2, 3, 4, 5, 6, 7));
}

export function sha1msg2(a: v128, b: v128): v128 {
  const w16 = rotl<u32>(lane(a, 3) ^ lane(b, 2), 1);
  const w17 = rotl<u32>(lane(a, 2) ^ lane(b, 1), 1);
  const w18 = rotl<u32>(lane(a, 1) ^ lane(b, 0), 1);
  const w19 = rotl<u32>(lane(a, 0) ^ w16, 1);
  return vector(w19, w18, w17, w16);
}

/** Two rounds: `cdgh` and `abef` as their names from the highest lane down, words with constants added in `words`. */
export function sha256rnds2(cdgh: v128, abef: v128, words: v128): v128 {
  let a = lane(abef, 3);
  let b = lane(abef, 2);
  let e = lane(abef, 1);
  let f = lane(abef, 0);
  let c = lane(cdgh, 3);
  let d = lane(cdgh, 2);
  let g = lane(cdgh, 1);
  let h = lane(cdgh, 0);
  for (let i = 0; i < 2; i++) {
    const word = i == 0 ? lane(words, 0) : lane(words, 1);
    const choice = (e & f) ^ (~e & g);
    const majority = (a & b) ^ (a & c) ^ (b & c);
    const first = h + choice + (rotr<u32>(e, 6) ^ rotr<u32>(e, 11) ^ rotr<u32>(e, 25)) + word;
    const second = majority + (rotr<u32>(a, 2) ^ rotr<u32>(a, 13) ^ rotr<u32>(a, 22));
    h = g;
    g = f;
    f = e;
    e = d + first;
    d = c;
    c = b;
    b = a;
    a = first + second;
  }
  return vector(f, e, b, a);
}

export function sha256msg1(a: v128, b: v128): v128 {
  const next = i8x16.shuffle(a, b, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19);
  const sigma = v128.xor(v128.xor(rotate(next, 25), rotate(next, 14)), i32x4.shr_u(next, 3));
  return i32x4.add(a, sigma);
}

@inline
function sigma1(x: u32): u32 {
  return rotr<u32>(x, 17) ^ rotr<u32>(x, 19) ^ (x >> 10);
}

export function sha256msg2(a: v128, b: v128): v128 {
  const w16 = lane(a, 0) + sigma1(lane(b, 2));
  const w17 = lane(a, 1) + sigma1(lane(b, 3));
  const w18 = lane(a, 2) + sigma1(w16);
  const w19 = lane(a, 3) + sigma1(w17);
  return vector(w16, w17, w18, w19);
}
