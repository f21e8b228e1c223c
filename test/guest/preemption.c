// flags: -O1 -fno-optimize-sibling-calls -fno-if-conversion
/*
 * No loop keeps others from running: an interval timer of 10 ms gets through, and so does another process that wants to
 * run every millisecond. Each loop comes after one that runs fast, so that slices are as long as they get.
 *
 * On a busy machine there are gaps that are not ours: one good attempt of several is enough. A loop that really holds
 * the processor never has one.
 */
#define _GNU_SOURCE
#include <fenv.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { bytes = 32 << 20, span_ms = 120, gap_ms = 100, attempts = 40 };

static uint8_t *from, *to;
static uint8_t *code;
static double numbers[1024];

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

/* Loops without end; `again` keeps the compiler from seeing that. */
static volatile int again = 1;

static void here(void) { __asm__ volatile("1: jmp 1b"); }
static void copies(void) {
  while (again) {
    void *d = to, *s = from;
    long n = bytes;
    __asm__ volatile("rep movsb" : "+D"(d), "+S"(s), "+c"(n) : : "memory");
  }
}
static void overlapping(void) {
  while (again) {
    void *d = from + 1, *s = from;
    long n = bytes - 1;
    __asm__ volatile("rep movsb" : "+D"(d), "+S"(s), "+c"(n) : : "memory");
  }
}
static void backward(void) {
  while (again) {
    void *d = from + bytes - 1, *s = to + bytes - 1;
    long n = bytes;
    __asm__ volatile("std; rep movsb; cld" : "+D"(d), "+S"(s), "+c"(n) : : "memory");
  }
}
static void fills(void) {
  while (again) {
    void *d = to;
    long n = bytes / 8;
    __asm__ volatile("rep stosq" : "+D"(d), "+c"(n) : "a"(0x0102030405060708) : "memory");
  }
}
static void compares(void) {
  memset(from, 0, bytes);
  memset(to, 0, bytes);
  while (again) {
    void *d = to, *s = from;
    long n = bytes;
    __asm__ volatile("repe cmpsb" : "+D"(d), "+S"(s), "+c"(n) : : "memory", "cc");
  }
}
static void scans(void) {
  memset(to, 0, bytes);
  while (again) {
    void *d = to;
    long n = bytes;
    __asm__ volatile("repne scasb" : "+D"(d), "+c"(n) : "a"(1) : "memory", "cc");
  }
}
static void loads(void) {
  while (again) {
    void *s = from;
    long n = bytes / 8, a;
    __asm__ volatile("rep lodsq" : "+S"(s), "+c"(n), "=a"(a) : : "memory");
  }
}
static void narrow(void) {
  uint8_t *low = mmap(0, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
  while (again) {
    void *d = low;
    long n = 1 << 20;
    __asm__ volatile("addr32 rep stosb" : "+D"(d), "+c"(n) : "a"(7) : "memory");
  }
}
static uint64_t sink;
static void integers(void) {
  uint64_t a = 1;
  while (again) a = a * 6364136223846793005u + 1442695040888963407u, sink = a >> 3;
}
typedef float floats __attribute__((vector_size(16)));
static void vectors(void) {
  floats a = {1, 2, 3, 4}, b = {0.5f, 0.25f, 0.125f, 1};
  while (again) {
    for (int i = 0; i < 1000; i++) a = a * b + (floats){1, 1, 1, 1};
    __asm__ volatile("" : "+x"(a));
  }
}
static void jumps(void) {
  static void *places[] = {&&one, &&two, &&three, &&four};
  uint32_t a = 1;
one:
  a = a * 1664525 + 1013904223;
  goto *places[a >> 30];
two:
  a += 3;
  goto *places[(a >> 5) & 3];
three:
  a ^= a >> 7;
  goto *places[(a >> 9) & 3];
four:
  a = a * 69069 + 1;
  goto *places[(a >> 13) & 3];
}
static __attribute__((noinline)) int odd(int n);
static __attribute__((noinline)) int even(int n) {
  __asm__ volatile("");
  return n == 0 ? 1 : odd(n - 1) + 0;
}
static __attribute__((noinline)) int odd(int n) {
  __asm__ volatile("");
  return n == 0 ? 0 : even(n - 1) + 0;
}
static void recursion(void) {
  while (again) sink += even(2000);
}
static void sines(void) {
  double x = 0.3;
  while (again) __asm__ volatile("fldl %0; fsin; fstpl %0" : "+m"(x));
}
static void arctangents(void) {
  double x = 0.3;
  while (again) __asm__ volatile("fldl %0; fld1; fpatan; fld1; fxch; fyl2x; fabs; fstpl %0" : "+m"(x));
}
static void remainders(void) {
  double x;
  while (again) {
    x = 1e300;
    __asm__ volatile("fldpi; fldl %0; fprem; fprem; fprem; fstpl %0; fstp %%st" : "+m"(x));
  }
}
static void decimals(void) {
  uint8_t digits[10];
  while (again) __asm__ volatile("fldpi; fbstp %0; fbld %0; fstp %%st" : "+m"(digits));
}
static void rounded(void) {
  fesetround(FE_UPWARD);
  double x = 1e10;
  while (again) {
    x = x / 1.0000001 + 1e-3;
    __asm__ volatile("" : "+x"(x));
  }
}
static void strings(void) {
  while (again)
    for (int i = 0; i < 1000; i++)
      __asm__ volatile("pcmpestri $0xc, (%0), %%xmm1; pcmpistrm $8, %%xmm0, %%xmm1" : : "r"(numbers), "a"(16), "d"(16) : "rcx", "xmm0");
}
static void ciphers(void) {
  while (again)
    for (int i = 0; i < 1000; i++) __asm__ volatile("aesenc %%xmm1, %%xmm0; aesdec %%xmm0, %%xmm1; aesimc %%xmm0, %%xmm2" : : : "xmm0", "xmm1", "xmm2");
}
static void strides(void) {
  while (again)
    for (size_t at = 0; at < bytes; at += 4096 + 64) sink += from[at];
}
static void straddling(void) {
  while (again)
    for (int i = 0; i < 1000; i++) *(volatile uint64_t *)(to + 4093) += i;
}
static void divisions(void) {
  uint64_t a = 3, d = 1;
  while (again) {
    uint64_t q = a, r = d;
    __asm__ volatile("divq %2" : "+a"(q), "+d"(r) : "r"(0x123456789abcdefull) : "cc");
    d = r, a = q + 5;
  }
}
static void identities(void) {
  while (again) {
    int a = 0, c = 0;
    __asm__ volatile("cpuid" : "+a"(a), "+c"(c) : : "rbx", "rdx");
  }
}
static void images(void) {
  static uint8_t image[512] __attribute__((aligned(16)));
  while (again) __asm__ volatile("fxsave %0; fxrstor %0" : "+m"(image));
}
/* mov eax, n; ret: with another n each time. */
static void generated(void) {
  code[0] = 0xb8;
  code[5] = 0xc3;
  for (uint32_t n = 0; again; n++) {
    memcpy(code + 1, &n, 4);
    sink += ((int (*)(void))code)();
  }
}

static const struct {
  const char *name;
  void (*run)(void);
} loops[] = {
    {"jump to itself", here},
    {"rep movsb", copies},
    {"rep movsb, overlapping", overlapping},
    {"rep movsb, backward", backward},
    {"rep stosq", fills},
    {"repe cmpsb", compares},
    {"repne scasb", scans},
    {"rep lodsq", loads},
    {"rep stosb, 32-bit addresses", narrow},
    {"integers", integers},
    {"vectors", vectors},
    {"computed jumps", jumps},
    {"mutual recursion", recursion},
    {"sines", sines},
    {"arctangents", arctangents},
    {"remainders", remainders},
    {"decimals", decimals},
    {"rounding upward", rounded},
    {"string instructions", strings},
    {"ciphers", ciphers},
    {"strides over pages", strides},
    {"across a page boundary", straddling},
    {"divisions", divisions},
    {"cpuid", identities},
    {"images of the processor", images},
    {"code that changes", generated},
};

static sigjmp_buf end;
static double ends, last, gap;
static int ticks;
static void tick(int number) {
  (void)number;
  double at = now();
  ticks++;
  if (at - last > gap) gap = at - last;
  last = at;
  if (at >= ends) siglongjmp(end, 1);
}

struct looks {
  volatile int count;
  volatile double gap;
};

static int attempt(int which, struct looks *looks, int loud) {
  /* As fast as it gets. */
  uint64_t a = 1;
  for (double until = now() + 30; now() < until;)
    for (int i = 0; i < 100000; i++) a = a * 5 + 1;
  sink = a;
  looks->count = 0;
  looks->gap = 0;
  ticks = 0;
  gap = 0;
  double start = last = now();
  ends = last + span_ms;
  struct itimerval every = {{0, 10000}, {0, 10000}}, never = {{0, 0}, {0, 0}};
  if (sigsetjmp(end, 1) == 0) {
    setitimer(ITIMER_REAL, &every, 0);
    loops[which].run();
  }
  __asm__ volatile("cld; fninit");
  setitimer(ITIMER_REAL, &never, 0);
  fesetround(FE_TONEAREST);
  double took = now() - start;
  if (loud)
    fprintf(stderr, "%s: %.0f ms, %d ticks, largest gap %.1f; %d looks, largest gap %.1f\n", loops[which].name, took, ticks,
            gap, looks->count, looks->gap);
  return ticks >= took / 10 / 2 && gap < gap_ms && looks->gap < gap_ms && looks->count >= 3;
}

int main(int count, char **arguments) {
  (void)arguments;
  from = mmap(0, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  to = mmap(0, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  code = mmap(0, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  memset(from, 1, bytes);
  memset(to, 2, bytes);
  struct looks *looks = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  pid_t looker = fork();
  if (looker == 0)
    for (double before = now();;) {
      usleep(1000);
      double at = now();
      if (looks->count++ > 0 && at - before > looks->gap) looks->gap = at - before;
      before = at;
    }
  signal(SIGALRM, tick);
  for (unsigned i = 0; i < sizeof loops / sizeof *loops; i++) {
    int good = 0;
    for (int tried = 0; tried < attempts && !good; tried++) good = attempt(i, looks, getenv("LOUD") != 0);
    printf("%s: %s\n", loops[i].name, good ? "others run" : "others do not run");
    fflush(stdout);
  }
  kill(looker, SIGKILL);
  waitpid(looker, 0, 0);
  return 0;
}
