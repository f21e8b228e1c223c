/*
 * Single-stepping by the trap flag: which instruction boundaries raise SIGTRAP, and what the handler sees there.
 * Every step is printed as an offset from the start of the stepped code.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

enum { stepsMax = 64 };
static struct {
  int signal, code;
  long at, counter;
  int trapFlag, address;
} steps[stepsMax];
static int count, begins;
static uint8_t *code;

static void handler(int number, siginfo_t *info, void *raw) {
  greg_t *registers = ((ucontext_t *)raw)->uc_mcontext.gregs;
  if (count < stepsMax) {
    steps[count].signal = number;
    steps[count].code = info->si_code;
    steps[count].at = registers[REG_RIP] - (long)code;
    steps[count].counter = registers[REG_RCX];
    steps[count].trapFlag = registers[REG_EFL] >> 8 & 1;
    steps[count].address = (long)info->si_addr == registers[REG_RIP];
    count++;
  }
  if (begins && info->si_code == SI_KERNEL) registers[REG_EFL] |= 0x100;
  // The fault would come again: go behind it.
  if (number == SIGSEGV) registers[REG_RIP] += 3;
}

#define SWITCH_ON 0x9c, 0x48, 0x81, 0x0c, 0x24, 0x00, 0x01, 0x00, 0x00, 0x9d
#define SWITCH_OFF 0x9c, 0x48, 0x81, 0x24, 0x24, 0xff, 0xfe, 0xff, 0xff, 0x9d

static char source[64] = "abcdefgh", target[64];

static void step(const char *name, const uint8_t *middle, int bytes) {
  static const uint8_t head[] = {SWITCH_ON}, tail[] = {SWITCH_OFF, 0xc3};
  memcpy(code, head, sizeof head);
  memcpy(code + sizeof head, middle, bytes);
  memcpy(code + sizeof head + bytes, tail, sizeof tail);
  count = 0;
  long a = 0, b = 0, c = 3, d = 0, si = (long)source, di = (long)target;
  __asm__ volatile("lea -256(%%rsp), %%rsp; call *%[code]; lea 256(%%rsp), %%rsp"
                   : "+a"(a), "+b"(b), "+c"(c), "+d"(d), "+S"(si), "+D"(di)
                   : [code] "r"(code)
                   : "memory", "cc", "r8", "r9", "r10", "r11");
  printf("%s:", name);
  for (int i = 0; i < count; i++) {
    printf(" %ld", steps[i].at);
    if (steps[i].signal != SIGTRAP || steps[i].code != TRAP_TRACE) printf("(signal %d code %d)", steps[i].signal, steps[i].code);
    else if (!steps[i].address) printf("(address)");
    if (!steps[i].trapFlag) printf("-");
    if (middle[0] == 0xf3) printf("/%ld", steps[i].counter);
  }
  printf("\n");
}
#define STEP(name, ...) \
  do { \
    static const uint8_t bytes[] = {__VA_ARGS__}; \
    step(name, bytes, sizeof bytes); \
  } while (0)

int main(void) {
  code = mmap(0, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
  sigaction(SIGTRAP, &action, 0);
  sigaction(SIGSEGV, &action, 0);
  STEP("nothing");
  STEP("nop", 0x90);
  STEP("three", 0x90, 0x48, 0x31, 0xc0, 0x48, 0xff, 0xc0);
  STEP("jump", 0xeb, 0x02, 0x90, 0x90, 0x90);
  STEP("branch not taken", 0x48, 0x31, 0xc0, 0x75, 0x01, 0x90);
  STEP("branch to itself", 0xe2, 0xfe);
  STEP("call", 0xe8, 0x02, 0x00, 0x00, 0x00, 0xeb, 0x02, 0xc3, 0x90);
  STEP("rep movsb", 0xf3, 0xa4, 0x90);
  STEP("repe cmpsb", 0xf3, 0xa6, 0x90);
  STEP("rep with nothing to do", 0x31, 0xc9, 0xf3, 0xa4, 0x90);
  STEP("system call", 0xb8, 0x27, 0x00, 0x00, 0x00, 0x0f, 0x05, 0x90, 0x90);
  STEP("breakpoint", 0x90, 0xcc, 0x90);
  STEP("fault", 0x31, 0xc0, 0x48, 0x8b, 0x00, 0x90);
  STEP("pushf", 0x9c, 0x58, 0x90);
  STEP("mov ss", 0x8c, 0xd0, 0x8e, 0xd0, 0x90, 0x90);
  STEP("float", 0xd9, 0xe8, 0xdd, 0xd8, 0x9b, 0x90);
  STEP("vectors", 0x66, 0x0f, 0xef, 0xc0, 0xf2, 0x0f, 0x58, 0xc0);
  STEP("code written", 0x48, 0x8d, 0x05, 0x03, 0x00, 0x00, 0x00, 0xc6, 0x00, 0x90, 0xcc, 0x90);
  STEP("switched on twice", SWITCH_ON, 0x90);
  begins = 1;
  STEP("begun by a handler", SWITCH_OFF, 0xcc, 0x90, 0x90);
  return 0;
}
