// cpu: x86-64-v3
// flags: -O1 -Wl,-e,first
/*
 * The upper halves of the YMM registers wherever the kernel saves, copies or clears registers: signal handlers, fork,
 * threads, execve, faults that are resumed; and XSAVE's instructions, which the C library's loader uses.
 */
#define _GNU_SOURCE
#include <cpuid.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/ucontext.h>
#include <sys/wait.h>
#include <unistd.h>

#define EACH(X, from) \
  X(0, from) X(1, from) X(2, from) X(3, from) X(4, from) X(5, from) X(6, from) X(7, from) X(8, from) X(9, from) \
  X(10, from) X(11, from) X(12, from) X(13, from) X(14, from) X(15, from)
#define LOAD(n, from) "vmovdqu 32*" #n "(%[" from "]), %%ymm" #n "\n\t"
#define STORE(n, to) "vmovdqu %%ymm" #n ", 32*" #n "(%[" to "])\n\t"
#define VECTORS \
  "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", \
    "xmm14", "xmm15"

typedef struct {
  uint8_t bytes[16][32];
} registers;

/* What a program starts with: kept before anything else runs. */
registers at_start;
__asm__(
  ".globl first\n"
  "first:\n"
  "lea at_start(%rip), %rax\n"
  ".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15\n"
  "vmovdqu %ymm\\n, 32*\\n(%rax)\n"
  ".endr\n"
  "xor %eax, %eax\n"
  "jmp _start\n");

static registers pattern(unsigned seed) {
  registers r;
  for (int i = 0; i < 16; i++)
    for (int j = 0; j < 32; j++) r.bytes[i][j] = seed * 31 + i * 37 + j * 5 + 1;
  return r;
}

/* A system call with known vectors, and what they are after it. */
static long call(const registers *in, registers *out, long number, long a, long b, long c) {
  long result;
  __asm__ volatile(EACH(LOAD, "in") "syscall\n\t" EACH(STORE, "out")
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c), [in] "r"(in), [out] "r"(out)
                   : "rcx", "r11", "memory", VECTORS);
  return result;
}

static int same(const registers *a, const registers *b) { return memcmp(a, b, sizeof *a) == 0; }

static int upper_is(const registers *r, int value) {
  for (int i = 0; i < 16; i++)
    for (int j = 16; j < 32; j++)
      if (r->bytes[i][j] != value) return 0;
  return 1;
}

static void store_all(registers *out) { __asm__ volatile(EACH(STORE, "out") : : [out] "r"(out) : "memory"); }
static void load_all(const registers *in) { __asm__ volatile(EACH(LOAD, "in") : : [in] "r"(in) : VECTORS); }

enum { plain, change, without_magic, not_present, bad_header, no_state, short_size };
static volatile int what;
static registers in_handler;
static volatile int frame_ok, upper_in_frame, is_nested;

static void handler(int number, siginfo_t *info, void *raw) {
  store_all(&in_handler);
  ucontext_t *context = raw;
  uint8_t *fx = (uint8_t *)context->uc_mcontext.fpregs;
  uint32_t magic1, extended, size, magic2;
  uint64_t features, present, form;
  memcpy(&magic1, fx + 464, 4);
  memcpy(&extended, fx + 468, 4);
  memcpy(&features, fx + 472, 8);
  memcpy(&size, fx + 480, 4);
  memcpy(&magic2, fx + size, 4);
  memcpy(&present, fx + 512, 8);
  memcpy(&form, fx + 520, 8);
  frame_ok = magic1 == 0x46505853 && magic2 == 0x46505845 && extended == size + 4 && (features & 7) == 7 &&
             (present & 7) == 7 && form == 0 && (context->uc_flags & 1) && ((uintptr_t)fx & 63) == 0 && size >= 832;
  registers expected = pattern(1);
  upper_in_frame = 1;
  for (int i = 0; i < 16; i++)
    if (memcmp(fx + 576 + 16 * i, expected.bytes[i] + 16, 16)) upper_in_frame = 0;
  if (what == change) memset(fx + 576 + 16 * 5, 0xee, 16);
  if (what == without_magic) memset(fx + 464, 0, 4);
  if (what == not_present) fx[512] &= ~4;
  if (what == bad_header) fx[512 + 7] |= 0x40;
  if (what == no_state) context->uc_mcontext.fpregs = 0;
  if (what == short_size) {
    uint32_t wrong = 500;
    memcpy(fx + 480, &wrong, 4);
  }
  if (is_nested) {
    is_nested = 0;
    registers mine = pattern(9), after;
    call(&mine, &after, SYS_tgkill, getpid(), gettid(), SIGUSR2);
    printf("nested: %s\n", same(&mine, &after) ? "kept" : "LOST");
  }
  registers other = pattern(77);
  load_all(&other);
}

static void signals(void) {
  struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
  sigaction(SIGUSR1, &action, 0);
  sigaction(SIGUSR2, &action, 0);
  const char *names[] = {"plain", "change", "without magic", "not present", "bad header", "no state", "short size"};
  for (what = plain; what <= short_size; what++) {
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
      registers in = pattern(1), out;
      call(&in, &out, SYS_tgkill, getpid(), gettid(), SIGUSR1);
      registers changed = in;
      memset(changed.bytes[5] + 16, 0xee, 16);
      printf("%s: frame %d, upper in frame %d, handler starts with zeros %d, after: ", names[what], frame_ok,
             upper_in_frame, upper_is(&in_handler, 0) && in_handler.bytes[3][0] == 0);
      printf(same(&in, &out) ? "as before\n" : same(&changed, &out) ? "changed\n" : upper_is(&out, 0) ? "upper zero" : "else\n");
      if (upper_is(&out, 0)) printf(", lower %s\n", memcmp(out.bytes[2], in.bytes[2], 16) ? "zero" : "as before");
      exit(0);
    }
    int status;
    waitpid(child, &status, 0);
    if (status) printf("%s: signal %d\n", names[what], WTERMSIG(status));
  }
  what = plain;
  is_nested = 1;
  registers in = pattern(1), out;
  call(&in, &out, SYS_tgkill, getpid(), gettid(), SIGUSR1);
  printf("outer: %s\n", same(&in, &out) ? "kept" : "LOST");
}

static uint8_t *page;
static void open_page(int number, siginfo_t *info, void *raw) {
  registers other = pattern(55);
  load_all(&other);
  mprotect(page, 8192, PROT_READ | PROT_WRITE);
}

/* A 32-byte access across two pages, the second one closed: all or nothing, and done again after the handler. */
static void faults(void) {
  struct sigaction action = {.sa_sigaction = open_page, .sa_flags = SA_SIGINFO};
  sigaction(SIGSEGV, &action, 0);
  page = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  registers in = pattern(3);
  uint8_t back[32];
  for (int offset = 4096 - 32; offset <= 4096; offset += 8) {
    memset(page, 0x11, 4096);
    mprotect(page + 4096, 4096, PROT_NONE);
    __asm__ volatile("vmovdqu %1, %%ymm7\n\tvmovdqu %%ymm7, (%2)\n\tvmovdqu %%ymm7, %0"
                     : "=m"(back)
                     : "m"(in), "r"(page + offset)
                     : "xmm7", "memory");
    printf("fault at %d: %d %d\n", offset - 4096, memcmp(page + offset, in.bytes[0], 32), memcmp(back, in.bytes[0], 32));
  }
  munmap(page, 8192);
}

static void forks(void) {
  registers in = pattern(2), out;
  pid_t child = call(&in, &out, SYS_fork, 0, 0, 0);
  if (child == 0) _exit(same(&in, &out) ? 7 : 8);
  int status;
  waitpid(child, &status, 0);
  printf("fork: child %d, parent %s\n", WEXITSTATUS(status), same(&in, &out) ? "kept" : "LOST");
}

static volatile int wrong;
static void *thread(void *number) {
  for (unsigned i = 0; i < 300; i++) {
    registers in = pattern((uintptr_t)number * 1000 + i), out;
    call(&in, &out, SYS_sched_yield, 0, 0, 0);
    if (!same(&in, &out)) wrong++;
    /* Long enough to be interrupted in, now and then. */
    long turns = i % 30 ? 1000 : 200000;
    __asm__ volatile(EACH(LOAD, "in") "1: vpaddb %%ymm0, %%ymm1, %%ymm1\n\tvpsubb %%ymm0, %%ymm1, %%ymm1\n\tdec %[turns]\n\tjnz 1b\n\t" EACH(STORE, "out")
                     : [turns] "+r"(turns)
                     : [in] "r"(&in), [out] "r"(&out)
                     : "memory", VECTORS);
    if (!same(&in, &out)) wrong++;
  }
  return 0;
}

static void threads(void) {
  pthread_t all[4];
  for (intptr_t i = 0; i < 4; i++) pthread_create(&all[i], 0, thread, (void *)i);
  for (int i = 0; i < 4; i++) pthread_join(all[i], 0);
  printf("threads: %d wrong\n", wrong);
}

static void xsave(void) {
  static uint8_t image[4096] __attribute__((aligned(64)));
  uint32_t a, b, c, d, low, high;
  __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  printf("XCR0 %d\n", low & 7);
  __cpuid_count(13, 0, a, b, c, d);
  printf("leaf 13: components %d, size enough %d\n", a & 7, b >= 832 && c >= b);
  __cpuid_count(13, 2, a, b, c, d);
  printf("AVX: %u bytes at %u\n", a, b);
  for (int compacted = 0; compacted < 2; compacted++) {
    memset(image, 0, sizeof image);
    registers in = pattern(4), out;
    registers other = pattern(5);
    if (compacted)
      __asm__ volatile(EACH(LOAD, "in") "xsavec (%[image])\n\t" : : [in] "r"(&in), [image] "r"(image), "a"(6), "d"(0) : "memory", VECTORS);
    else
      __asm__ volatile(EACH(LOAD, "in") "xsave (%[image])\n\t" : : [in] "r"(&in), [image] "r"(image), "a"(6), "d"(0) : "memory", VECTORS);
    __asm__ volatile(EACH(LOAD, "other") "xrstor (%[image])\n\t" EACH(STORE, "out")
                     :
                     : [other] "r"(&other), [out] "r"(&out), [image] "r"(image), "a"(6), "d"(0)
                     : "memory", VECTORS);
    printf("xsave%s: present %d, form %x, %s\n", compacted ? "c" : "", image[512], image[527], same(&in, &out) ? "restored" : "LOST");
    /* Only the lower halves: the upper ones stay. */
    __asm__ volatile(EACH(LOAD, "other") "xrstor (%[image])\n\t" EACH(STORE, "out")
                     :
                     : [other] "r"(&other), [out] "r"(&out), [image] "r"(image), "a"(2), "d"(0)
                     : "memory", VECTORS);
    int kept = 1;
    for (int i = 0; i < 16; i++)
      kept &= !memcmp(out.bytes[i], in.bytes[i], 16) && !memcmp(out.bytes[i] + 16, other.bytes[i] + 16, 16);
    printf("lower only: %s\n", kept ? "kept" : "LOST");
  }
}

static void zeroing(void) {
  registers in = pattern(6), out;
  __asm__ volatile(EACH(LOAD, "in") "vzeroupper\n\t" EACH(STORE, "out") : : [in] "r"(&in), [out] "r"(&out) : "memory", VECTORS);
  printf("vzeroupper: %d %d\n", upper_is(&out, 0), memcmp(out.bytes[9], in.bytes[9], 16));
  __asm__ volatile(EACH(LOAD, "in") "vpaddd %%xmm1, %%xmm2, %%xmm3\n\tpaddd %%xmm1, %%xmm4\n\t" EACH(STORE, "out")
                   : : [in] "r"(&in), [out] "r"(&out) : "memory", VECTORS);
  int zero = 1;
  for (int j = 16; j < 32; j++) zero &= out.bytes[3][j] == 0;
  printf("VEX.128 clears above %d, SSE keeps %d\n", zero, !memcmp(out.bytes[4] + 16, in.bytes[4] + 16, 16));
}

int main(int argc, char **argv) {
  registers none = {0};
  printf("starts with zeros: %d\n", same(&none, &at_start));
  fflush(stdout);
  if (argc > 1) return 0;
  printf("%d %d %d %d %d\n", !!__builtin_cpu_supports("avx"), !!__builtin_cpu_supports("avx2"),
         !!__builtin_cpu_supports("fma"), !!__builtin_cpu_supports("bmi2"), !!__builtin_cpu_supports("x86-64-v3"));
  if (!__builtin_cpu_supports("avx2")) return 0;
  printf("room for a signal: %d\n", getauxval(AT_MINSIGSTKSZ) >= 440 + 836);
  xsave();
  zeroing();
  signals();
  faults();
  forks();
  threads();
  fflush(stdout);
  registers in = pattern(8), out;
  char *arguments[] = {argv[0], "again", 0};
  char *environment[] = {0};
  call(&in, &out, SYS_execve, (long)"/proc/self/exe", (long)arguments, (long)environment);
  return 1;
}
