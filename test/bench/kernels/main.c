// main ROUNDS [REPEATS [SECONDS]]: runs a kernel for ROUNDS rounds, REPEATS times, and prints each time in nanoseconds
// and the result. Once SECONDS have passed it stops early, but not before the second repeat.
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "kernel.h"
static long nanoseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000000000L + now.tv_nsec;
}
int main(int argc, char **argv) {
  u64 rounds = argc > 1 ? strtoul(argv[1], 0, 10) : 1;
  int repeats = argc > 2 ? atoi(argv[2]) : 1;
  long limit = argc > 3 ? atol(argv[3]) * 1000000000L : 0, begin = nanoseconds();
  for (int i = 0; i < repeats; i++) {
    long start = nanoseconds();
    if (i >= 2 && limit > 0 && start - begin > limit) break;
    u64 result = kernel(rounds);
    printf("%ld %lu\n", nanoseconds() - start, result);
  }
  return 0;
}
