// Runs a kernel for ROUNDS rounds, REPEATS times, and prints each time in nanoseconds and the result.
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "kernel.h"
int main(int argc, char **argv) {
  u64 rounds = argc > 1 ? strtoul(argv[1], 0, 10) : 1;
  int repeats = argc > 2 ? atoi(argv[2]) : 1;
  for (int i = 0; i < repeats; i++) {
    struct timespec start, end;
    clock_gettime(CLOCK_MONOTONIC, &start);
    u64 result = kernel(rounds);
    clock_gettime(CLOCK_MONOTONIC, &end);
    printf("%ld %lu\n", (end.tv_sec - start.tv_sec) * 1000000000L + end.tv_nsec - start.tv_nsec, result);
  }
  return 0;
}
