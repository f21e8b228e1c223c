// A sieve, block copies and a quicksort: loads and stores of all patterns.
#include "kernel.h"
#define N 65536
static unsigned char sieve[N];
static int from[N], to[N];
static void sort(int *a, int left, int right) {
  while (left < right) {
    int pivot = a[(left + right) >> 1], i = left, j = right;
    while (i <= j) {
      while (a[i] < pivot) i++;
      while (a[j] > pivot) j--;
      if (i <= j) { int t = a[i]; a[i++] = a[j]; a[j--] = t; }
    }
    if (j - left < right - i) { sort(a, left, j); left = i; }
    else { sort(a, i, right); right = j; }
  }
}
u64 kernel(u64 rounds) {
  u64 sum = 0;
  for (u64 r = 0; r < rounds; r++) {
    for (int i = 0; i < N; i++) sieve[i] = 1;
    for (int i = 2; i * i < N; i++)
      if (sieve[i]) for (int j = i * i; j < N; j += i) sieve[j] = 0;
    unsigned x = (unsigned)r + 12345;
    for (int i = 0; i < N; i++) { x = x * 1103515245 + 12345; from[i] = (int)(x >> 1); sum += sieve[i]; }
    for (int k = 0; k < 8; k++) __builtin_memcpy(to, from, sizeof to);
    sort(to, 0, N - 1);
    sum += (u64)to[r % N];
  }
  return sum;
}
