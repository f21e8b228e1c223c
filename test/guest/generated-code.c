/*
 * Code that comes and goes beneath a running program: a small compiler, trampolines, mprotect flips, other code mapped at
 * the same address, fork, and data beside code.
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

typedef long (*function)(long);

static uint8_t *page(void *at, size_t bytes, int protection) {
  int fixed = at ? MAP_FIXED : 0;
  uint8_t *p = mmap(at, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS | fixed, -1, 0);
  if (p == MAP_FAILED) _exit(9);
  return p;
}

/* lea rax, [rdi + n]; ret */
static int adder(uint8_t *to, int32_t n) {
  const uint8_t head[] = {0x48, 0x8d, 0x87};
  memcpy(to, head, 3);
  memcpy(to + 3, &n, 4);
  to[7] = 0xc3;
  return 8;
}

/* for (rax = 0; rdi != 0; rdi--) rax += n; */
static int looper(uint8_t *to, int32_t n) {
  const uint8_t code[] = {0x31, 0xc0, 0x48, 0x05, 0, 0, 0, 0, 0x48, 0xff, 0xcf, 0x75, 0xf5, 0xc3};
  memcpy(to, code, sizeof code);
  memcpy(to + 4, &n, 4);
  return sizeof code;
}

#define ALL (PROT_READ | PROT_WRITE | PROT_EXEC)

static void piece_by_piece(void) {
  uint8_t *code = page(0, 8192, ALL);
  function made[64];
  long sum = 0;
  int at = 0;
  for (int i = 0; i < 64; i++) {
    made[i] = (function)(code + at);
    at += i & 1 ? adder(code + at, i) : looper(code + at, i);
    /* Everything made so far still works, at any alignment. */
    for (int j = 0; j <= i; j++) sum = sum * 31 + made[j](j + 1);
  }
  for (int i = 0; i < 64; i += 2) sum += made[i](20000);
  printf("piece by piece: %ld\n", sum);
}

static void patched(void) {
  uint8_t *code = page(0, 4096, ALL);
  long sum = 0;
  for (int i = 0; i < 40; i++) {
    looper(code + 100, i);
    sum = sum * 3 + ((function)(code + 100))(3000);
  }
  printf("patched: %ld\n", sum);
}

static void flipped(void) {
  uint8_t *code = page(0, 4096, PROT_READ | PROT_WRITE);
  long sum = 0;
  for (int i = 0; i < 20; i++) {
    mprotect(code, 4096, PROT_READ | PROT_WRITE);
    looper(code, i * 7);
    mprotect(code, 4096, PROT_READ | PROT_EXEC);
    sum = sum * 3 + ((function)code)(2000);
  }
  printf("flipped: %ld\n", sum);
}

static void replaced(void) {
  uint8_t *code = page(0, 8192, ALL);
  long sum = 0;
  for (int i = 0; i < 12; i++) {
    /* Across the boundary of two pages, of which one at a time is replaced. */
    looper(code + 4090, i);
    sum = sum * 3 + ((function)(code + 4090))(5000);
    uint8_t kept[64];
    memcpy(kept, code + 4090, sizeof kept);
    munmap(code + 4096 * (i & 1), 4096);
    page(code + 4096 * (i & 1), 4096, ALL);
    memcpy(code + 4090, kept, sizeof kept);
    code[4094] = 100;
    sum = sum * 3 + ((function)(code + 4090))(5000);
  }
  printf("replaced: %ld\n", sum);
}

static long nested(int n) {
  long total = n;
  long add(long more) { return total += more; }
  function f = add;
  for (int i = 0; i < 500; i++) f(i);
  return total;
}

static void trampolines(void) {
  long sum = 0;
  for (int i = 0; i < 50; i++) sum = sum * 3 + nested(i);
  printf("trampolines: %ld\n", sum);
}

static void forked(void) {
  uint8_t *code = page(0, 4096, ALL);
  looper(code, 5);
  printf("before: %ld\n", ((function)code)(100000));
  fflush(stdout);
  for (int i = 0; i < 3; i++) {
    pid_t child = fork();
    if (child == 0) {
      long first = ((function)code)(100000);
      looper(code, 6 + i);
      printf("child: %ld %ld\n", first, ((function)code)(100000));
      fflush(stdout);
      _exit(0);
    }
    waitpid(child, 0, 0);
    printf("parent: %ld\n", ((function)code)(100000));
    fflush(stdout);
  }
}

static void two_places(void) {
  char name[] = "/tmp/code-XXXXXX";
  int file = mkstemp(name);
  unlink(name);
  ftruncate(file, 4096);
  uint8_t *writable = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  uint8_t *a = mmap(0, 4096, PROT_READ | PROT_EXEC, MAP_SHARED, file, 0);
  uint8_t *b = mmap(0, 4096, PROT_READ | PROT_EXEC, MAP_SHARED, file, 0);
  long sum = 0;
  for (int i = 1; i < 10; i++) {
    looper(writable, i);
    sum = sum * 3 + ((function)a)(10000) + 2 * ((function)b)(10000);
    /* Without a store of ours: the kernel writes. */
    int32_t n = i * 11;
    pwrite(file, &n, 4, 4);
    sum = sum * 3 + ((function)a)(10000) + 2 * ((function)b)(10000);
  }
  printf("two places: %ld\n", sum);
}

static void data_beside(void) {
  uint8_t *code = page(0, 4096, ALL);
  /* rax = 0; do rax = ++*(long *)(code + 2048), rdi--; while (rdi); */
  const uint8_t loop[] = {0x48, 0xff, 0x05, 0xf9, 0x07, 0x00, 0x00, 0x48, 0x8b, 0x05, 0xf2,
                          0x07, 0x00, 0x00, 0x48, 0xff, 0xcf, 0x75, 0xed, 0xc3};
  memcpy(code, loop, sizeof loop);
  long sum = 0;
  for (int i = 0; i < 30; i++) sum += ((function)code)(20000);
  printf("data beside code: %ld\n", sum);
}

int main(void) {
  piece_by_piece();
  patched();
  flipped();
  replaced();
  trampolines();
  forked();
  two_places();
  data_beside();
  return 0;
}
