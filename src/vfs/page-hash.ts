/**
 * 53 bits of two mixed 32-bit hashes, to tell whether a mapped page changed since it was written back: two versions of
 * a page collide once in 10^15. Zero is never a hash.
 */
export function pageHash(bytes: Uint8Array): number {
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2);
  let a = 0x811c9dc5;
  let b = 0x9e3779b9;
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    a = Math.imul(a ^ word, 0x01000193);
    b = Math.imul((b ^ word) + i, 0x85ebca6b);
    b ^= b >>> 13;
  }
  return (a >>> 11) * 4294967296 + (b >>> 0) + 1;
}
