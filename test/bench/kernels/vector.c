// SSE2: a byte search and a dot product of floats, sixteen bytes at a time.
#include <emmintrin.h>
#include "kernel.h"
#define N 16384
static unsigned char text[N] __attribute__((aligned(16)));
static float x[N / 4] __attribute__((aligned(16))), y[N / 4] __attribute__((aligned(16)));
u64 kernel(u64 rounds) {
  for (int i = 0; i < N; i++) text[i] = (unsigned char)(i * 7 + 1) | 1;
  for (int i = 0; i < N / 4; i++) { x[i] = (float)(i & 15); y[i] = (float)(i & 7) * 0.5f; }
  text[N - 3] = 0;
  u64 sum = 0;
  for (u64 r = 0; r < rounds; r++) {
    __m128i needle = _mm_set1_epi8((char)(r & 1 ? 0 : 2));
    for (int i = 0; i < N; i += 16) {
      int mask = _mm_movemask_epi8(_mm_cmpeq_epi8(_mm_load_si128((const __m128i *)(text + i)), needle));
      if (mask) { sum += (u64)i + (u64)__builtin_ctz((unsigned)mask); break; }
    }
    __m128 total = _mm_setzero_ps();
    for (int i = 0; i < N / 4; i += 4) total = _mm_add_ps(total, _mm_mul_ps(_mm_load_ps(x + i), _mm_load_ps(y + i)));
    float parts[4]; _mm_storeu_ps(parts, total);
    sum += (u64)(parts[0] + parts[1] + parts[2] + parts[3]);
  }
  return sum;
}
