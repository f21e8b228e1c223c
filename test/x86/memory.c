// What gcc calls by itself in freestanding code.
typedef unsigned long size;
void *memcpy(void *to, const void *from, size n) {
  unsigned char *t = to; const unsigned char *f = from;
  for (; n >= 8; n -= 8, t += 8, f += 8) *(unsigned long *)t = *(const unsigned long *)f;
  while (n--) *t++ = *f++;
  return to;
}
void *memset(void *to, int value, size n) {
  unsigned char *t = to;
  while (n--) { *t++ = (unsigned char)value; __asm__ volatile(""); }
  return to;
}
