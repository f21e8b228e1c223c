/*
 * What must reach into loops that never leave: timers, faults that a handler mends, jumps out of handlers, other threads.
 * Prints only what is certain.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <ucontext.h>
#include <unistd.h>

static volatile sig_atomic_t ticks;
static void tick(int number) {
  (void)number;
  ticks++;
}

static void timer(void) {
  signal(SIGALRM, tick);
  struct itimerval every = {{0, 5000}, {0, 5000}};
  setitimer(ITIMER_REAL, &every, 0);
  uint64_t a = 1, b = 0;
  while (ticks < 5) {
    a = a * 6364136223846793005u + 1442695040888963407u;
    b++;
  }
  struct itimerval never = {{0, 0}, {0, 0}};
  setitimer(ITIMER_REAL, &never, 0);
  /* The loop's registers came through the signals: the same again without. */
  uint64_t c = 1;
  for (uint64_t i = 0; i < b; i++) c = c * 6364136223846793005u + 1442695040888963407u;
  printf("timer: %s\n", a == c ? "same" : "different");
}

static uint8_t *lazy;
static size_t lazy_bytes = 64 * 4096;
static volatile int commits;
static void commit(int number, siginfo_t *info, void *context) {
  (void)number;
  (void)context;
  uint8_t *at = info->si_addr;
  if (at < lazy || at >= lazy + lazy_bytes) _exit(7);
  commits++;
  mprotect((uint8_t *)((uintptr_t)at & ~4095ul), 4096, PROT_READ | PROT_WRITE);
}

static void lazy_pages(void) {
  struct sigaction action = {.sa_sigaction = commit, .sa_flags = SA_SIGINFO};
  sigaction(SIGSEGV, &action, 0);
  lazy = mmap(0, lazy_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  /* Eight bytes at a time, at odd places: some across two pages, where both halves fault. */
  uint64_t sum = 0;
  for (int round = 0; round < 3; round++)
    for (size_t at = 3; at + 8 <= lazy_bytes; at += 7) {
      uint64_t word;
      memcpy(&word, lazy + at, 8);
      word = word * 31 + at;
      memcpy(lazy + at, &word, 8);
      sum += word;
    }
  printf("lazy pages: %d commits, %lx\n", commits, sum);
  /* Read-only again: only stores fault. */
  commits = 0;
  mprotect(lazy, lazy_bytes, PROT_READ);
  for (size_t at = 0; at < lazy_bytes; at += 64) lazy[at] += lazy[at + 1];
  printf("read-only pages: %d commits\n", commits);
}

static void mend(int number, siginfo_t *info, void *raw) {
  (void)number;
  (void)info;
  ucontext_t *context = raw;
  context->uc_mcontext.gregs[REG_RCX] = 7;
}

static void division(void) {
  struct sigaction action = {.sa_sigaction = mend, .sa_flags = SA_SIGINFO};
  sigaction(SIGFPE, &action, 0);
  long sum = 0;
  for (long i = 0; i < 30000; i++) {
    long quotient = i * 1000, rest, divisor = i % 1000;
    __asm__ volatile("cqo; idivq %%rcx" : "+a"(quotient), "=&d"(rest), "+c"(divisor));
    sum = sum * 3 + quotient + rest + divisor;
  }
  printf("division: %ld\n", sum);
}

static sigjmp_buf back;
static void out(int number) {
  (void)number;
  siglongjmp(back, 1);
}

static void jumps(void) {
  signal(SIGSEGV, out);
  volatile int faults = 0;
  volatile long sum = 0;
  for (volatile int i = 0; i < 200; i++) {
    if (sigsetjmp(back, 1) == 0) {
      for (long j = 0; j < 2000; j++) sum += *(volatile char *)(j == 1000 + i ? (char *)8 : (char *)&sum) & 1 ? 1 : 1;
    } else
      faults++;
  }
  printf("jumps: %d %ld\n", faults, sum);
}

static char alternate[65536];
static int depth(int n) {
  volatile char room[512];
  room[0] = (char)n;
  return n == 0 ? room[0] : depth(n - 1) + room[0];
}

static void *recursion(void *raw) {
  (void)raw;
  stack_t other = {.ss_sp = alternate, .ss_size = sizeof alternate};
  sigaltstack(&other, 0);
  struct sigaction action = {.sa_handler = out, .sa_flags = SA_ONSTACK};
  sigaction(SIGSEGV, &action, 0);
  int overflows = 0;
  for (volatile int i = 0; i < 3; i++)
    if (sigsetjmp(back, 1) == 0) {
      depth(100000000);
    } else
      overflows++;
  printf("recursion: %d overflows, then %d\n", overflows, depth(100));
  return 0;
}

static volatile int stop;
static long counter, exchanged;
static void *spin(void *raw) {
  uint64_t n = 0;
  while (!stop) n++;
  *(uint64_t *)raw = n;
  return 0;
}

static void *add(void *raw) {
  (void)raw;
  for (int i = 0; i < 50000; i++) {
    __atomic_fetch_add(&counter, 3, __ATOMIC_SEQ_CST);
    long old = __atomic_load_n(&exchanged, __ATOMIC_RELAXED);
    while (!__atomic_compare_exchange_n(&exchanged, &old, old + 5, 0, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED)) {
    }
  }
  return 0;
}

static void threads(void) {
  pthread_t busy[2], adders[3], deep;
  uint64_t counts[2];
  for (int i = 0; i < 2; i++) pthread_create(&busy[i], 0, spin, &counts[i]);
  for (int i = 0; i < 3; i++) pthread_create(&adders[i], 0, add, 0);
  for (int i = 0; i < 3; i++) pthread_join(adders[i], 0);
  /* Woken again and again although two threads never give way. */
  for (int i = 0; i < 5; i++) usleep(1000);
  stop = 1;
  for (int i = 0; i < 2; i++) pthread_join(busy[i], 0);
  printf("threads: %ld %ld, both ran: %d\n", counter, exchanged, counts[0] > 0 && counts[1] > 0);
  pthread_attr_t small;
  pthread_attr_init(&small);
  pthread_attr_setstacksize(&small, 256 * 1024);
  pthread_create(&deep, &small, recursion, 0);
  pthread_join(deep, 0);
}

static void strings(void) {
  static char from[5000], to[5000];
  uint64_t sum = 0;
  for (int i = 0; i < 5000; i++) from[i] = (char)(i * 7);
  for (int i = 0; i < 3000; i++) {
    void *d = to + i % 97, *s = from + i % 89;
    long n = i % 300;
    __asm__ volatile("rep movsb" : "+D"(d), "+S"(s), "+c"(n) : : "memory");
    void *e = to;
    n = 5000;
    __asm__ volatile("repne scasb" : "+D"(e), "+c"(n) : "a"(from[i % 5000]) : "memory", "cc");
    sum = sum * 31 + (uint64_t)n + (unsigned char)to[i % 400];
  }
  printf("strings: %lx\n", sum);
}

int main(void) {
  timer();
  lazy_pages();
  division();
  jumps();
  strings();
  threads();
  return 0;
}
