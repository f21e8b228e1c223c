/*
 * Runs instructions on the real processor: reads cases, writes what each left behind.
 *
 * Every case ends in int3, and every state is loaded and saved by the kernel: the handler of one case's signal copies
 * the signal frame out and the next case's registers, flags and FXSAVE image in, and returns. So nothing here is
 * assembly, and faults are recorded like ordinary ends.
 *
 *     native CASES RESULTS
 */
#define _GNU_SOURCE
#include <asm/prctl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/ucontext.h>
#include <unistd.h>

/* The same numbers are in layout.ts. */
#define CODE 0x20000000ul
#define CODE_BYTES 0x2000
#define DATA 0x10000000ul
#define DATA_BYTES 0x2000
#define READ_ONLY 0x30000000ul
#define WINDOW (DATA + 0xe00)
#define WINDOW_BYTES 1024
#define HIGH_BYTES 256
#define GS_BASE 0x700

struct test_case {
  uint64_t registers[16];
  uint64_t flags;
  uint32_t code_bytes;
  uint32_t code_offset;
  uint8_t fx[512];
  uint8_t high[HIGH_BYTES];
  uint8_t window[WINDOW_BYTES];
  /* As many as code_bytes says, then padding to a multiple of 8. */
  uint8_t code[];
};

struct result {
  uint64_t registers[16];
  uint64_t rip;
  uint64_t flags;
  uint64_t address;
  uint32_t signal;
  uint32_t trap;
  uint32_t error;
  uint32_t reserved;
  uint8_t fx[512];
  uint8_t high[HIGH_BYTES];
  uint8_t window[WINDOW_BYTES];
};

static const int order[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                              REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};

static struct test_case **cases;
static struct result *results;
static long count, current = -1;

/* A case may load FS: the C library's own data hang on its base. */
static unsigned long fs_base;

static void arch_prctl(long code, unsigned long value) {
  long result = SYS_arch_prctl;
  __asm__ volatile("syscall" : "+a"(result) : "D"(code), "S"(value) : "rcx", "r11", "memory");
}

/* Whether the frame has room for the AVX component: the kernel says so in the last bytes of the image. */
static int has_avx(const uint8_t *fx) {
  uint32_t magic;
  memcpy(&magic, fx + 464, 4);
  return magic == 0x46505853 && (fx[472] & 4);
}

static void handler(int signal_number, siginfo_t *info, void *raw) {
  __asm__ volatile("mov %0, %%ds; mov %0, %%es; mov %0, %%fs; mov %0, %%gs" : : "r"(0));
  arch_prctl(ARCH_SET_FS, fs_base);
  arch_prctl(ARCH_SET_GS, GS_BASE);
  ucontext_t *context = raw;
  greg_t *gregs = context->uc_mcontext.gregs;
  uint8_t *fx = (uint8_t *)context->uc_mcontext.fpregs;
  if (current >= 0) {
    struct result *r = &results[current];
    for (int i = 0; i < 16; i++) r->registers[i] = gregs[order[i]];
    r->rip = gregs[REG_RIP];
    r->flags = gregs[REG_EFL];
    r->signal = signal_number;
    r->trap = gregs[REG_TRAPNO];
    r->error = gregs[REG_ERR];
    r->address = gregs[REG_TRAPNO] == 14 ? (uint64_t)gregs[REG_CR2] : 0;
    (void)info;
    memcpy(r->fx, fx, 512);
    /* The upper halves are absent from the image while they are zero. */
    if (has_avx(fx) && (fx[512] & 4)) memcpy(r->high, fx + 576, HIGH_BYTES);
    memcpy(r->window, (void *)WINDOW, WINDOW_BYTES);
  }
  current++;
  if (current == count) {
    FILE *out = fopen(getenv("RESULTS"), "wb");
    if (!out || fwrite(results, sizeof *results, count, out) != (size_t)count || fclose(out)) _exit(3);
    _exit(0);
  }
  struct test_case *c = cases[current];
  memset((void *)CODE, 0xcc, CODE_BYTES);
  memcpy((void *)(CODE + c->code_offset), c->code, c->code_bytes);
  memset((void *)DATA, 0, DATA_BYTES);
  memcpy((void *)WINDOW, c->window, WINDOW_BYTES);
  for (int i = 0; i < 16; i++) gregs[order[i]] = c->registers[i];
  gregs[REG_RIP] = CODE + c->code_offset;
  gregs[REG_EFL] = c->flags | 0x202;
  /* The last 48 bytes are the kernel's; after them comes the XSAVE header: x87 and SSE come from the image. */
  memcpy(fx, c->fx, 416);
  uint32_t magic;
  memcpy(&magic, fx + 464, 4);
  if (magic == 0x46505853) {
    uint64_t bits;
    memcpy(&bits, fx + 512, 8);
    bits |= 3;
    if (has_avx(fx)) {
      bits |= 4;
      memcpy(fx + 576, c->high, HIGH_BYTES);
    }
    memcpy(fx + 512, &bits, 8);
  }
}

static void map(unsigned long address, size_t bytes, int protection) {
  void *at = mmap((void *)address, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
  if (at != (void *)address) {
    perror("mmap");
    exit(2);
  }
}

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  setenv("RESULTS", argv[2], 1);
  arch_prctl(ARCH_GET_FS, (unsigned long)&fs_base);
  FILE *in = fopen(argv[1], "rb");
  if (!in) return 2;
  fseek(in, 0, SEEK_END);
  long bytes = ftell(in);
  rewind(in);
  uint8_t *all = malloc(bytes);
  if (fread(all, 1, bytes, in) != (size_t)bytes) return 2;
  cases = malloc(bytes / sizeof **cases * sizeof *cases);
  for (long at = 0; at < bytes; count++) {
    cases[count] = (struct test_case *)(all + at);
    at += sizeof **cases + ((cases[count]->code_bytes + 7) & ~7u);
  }
  results = calloc(count, sizeof *results);
  map(CODE, CODE_BYTES, PROT_READ | PROT_WRITE | PROT_EXEC);
  map(DATA, DATA_BYTES, PROT_READ | PROT_WRITE);
  map(READ_ONLY, 0x1000, PROT_READ);
  static uint8_t stack[1 << 16];
  stack_t alternate = {.ss_sp = stack, .ss_size = sizeof stack};
  sigaltstack(&alternate, 0);
  struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
  int signals[] = {SIGTRAP, SIGSEGV, SIGBUS, SIGFPE, SIGILL};
  for (unsigned i = 0; i < sizeof signals / sizeof *signals; i++) sigaction(signals[i], &action, 0);
  __asm__ volatile("int3");
  return 4;
}
