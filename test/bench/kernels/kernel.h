// What the seven kernels share. A kernel is a pure function of its number of rounds; main.c times it.
typedef unsigned long u64;
u64 kernel(u64 rounds);
