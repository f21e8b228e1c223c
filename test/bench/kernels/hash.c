// FNV-1a and a rotate-multiply hash over a buffer: integer multiply, shifts, byte loads.
#include "kernel.h"
static unsigned char buffer[1 << 16];
u64 kernel(u64 rounds) {
  for (int i = 0; i < (int)sizeof buffer; i++) buffer[i] = (unsigned char)(i * 31 + (i >> 8));
  u64 a = 0xcbf29ce484222325u, b = 1;
  for (u64 r = 0; r < rounds; r++)
    for (unsigned i = 0; i < sizeof buffer; i++) {
      a = (a ^ buffer[i]) * 0x100000001b3u;
      b = ((b << 13) | (b >> 51)) + (a ^ i);
    }
  return a ^ b;
}
