// Spectral norm of a matrix: conversions, divisions, sums of doubles.
#include "kernel.h"
#define N 100
static double a(int i, int j) { return 1.0 / ((i + j) * (i + j + 1) / 2 + i + 1); }
static void times(const double *v, double *out, int transposed) {
  for (int i = 0; i < N; i++) {
    double sum = 0;
    for (int j = 0; j < N; j++) sum += (transposed ? a(j, i) : a(i, j)) * v[j];
    out[i] = sum;
  }
}
u64 kernel(u64 rounds) {
  double u[N], v[N], t[N];
  for (int i = 0; i < N; i++) u[i] = 1;
  for (u64 r = 0; r < rounds; r++) {
    times(u, t, 0); times(t, v, 1);
    times(v, t, 0); times(t, u, 1);
    double norm = 0;
    for (int i = 0; i < N; i++) norm += u[i] * u[i];
    norm = 1 / __builtin_sqrt(norm);
    for (int i = 0; i < N; i++) u[i] *= norm;
  }
  u64 bits; __builtin_memcpy(&bits, &u[3], 8);
  return bits;
}
