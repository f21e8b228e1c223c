/*
 * What is left of segmentation for a 64-bit program: selectors that can be loaded and read back, far transfers within
 * the one code segment, returns from interrupts, and the traps a program can call by number.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <asm/prctl.h>
#include <ucontext.h>
#include <unistd.h>

static sigjmp_buf out;
static struct {
  int signal, code, trap, flag;
  long at, address;
} seen;
static uint8_t *code;
static volatile int steps;

static void handler(int number, siginfo_t *info, void *raw) {
  greg_t *registers = ((ucontext_t *)raw)->uc_mcontext.gregs;
  seen.signal = number;
  seen.code = info->si_code;
  seen.trap = registers[REG_TRAPNO];
  seen.at = registers[REG_RIP] - (long)code;
  seen.address = info->si_addr ? (long)info->si_addr - (long)code : -1;
  if (steps) {
    steps++;
    registers[REG_EFL] &= ~0x100;
    return;
  }
  siglongjmp(out, 1);
}

static void trap(const char *name, const uint8_t *bytes, int length) {
  memset(code, 0xc3, 64);
  memcpy(code, bytes, length);
  memset(&seen, 0, sizeof seen);
  if (!sigsetjmp(out, 1)) {
    ((void (*)(void))code)();
    printf("%s: returned\n", name);
  } else
    printf("%s: signal %d code %d trap %d at %ld address %ld\n", name, seen.signal, seen.code, seen.trap, seen.at,
           seen.address);
}
#define TRAP(name, ...) \
  do { \
    static const uint8_t bytes[] = {__VA_ARGS__}; \
    trap(name, bytes, sizeof bytes); \
  } while (0)

int main(void) {
  struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_NODEFER};
  int signals[] = {SIGTRAP, SIGSEGV, SIGBUS, SIGFPE, SIGILL};
  for (int i = 0; i < 5; i++) sigaction(signals[i], &action, 0);
  code = mmap(0, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

  unsigned es, cs, ss, ds, fs, gs;
  __asm__("mov %%es, %0; mov %%cs, %1; mov %%ss, %2" : "=r"(es), "=r"(cs), "=r"(ss));
  __asm__("mov %%ds, %0; mov %%fs, %1; mov %%gs, %2" : "=r"(ds), "=r"(fs), "=r"(gs));
  printf("es %x cs %x ss %x ds %x fs %x gs %x\n", es, cs, ss, ds, fs, gs);
  __asm__ volatile("mov %1, %%ds; mov %%ds, %0; mov %2, %%ds" : "=&r"(ds) : "r"(0x2b), "r"(0));
  __asm__ volatile("mov %1, %%es; mov %%es, %0; mov %2, %%es" : "=&r"(es) : "r"(3), "r"(0));
  __asm__ volatile("mov %%ss, %0; mov %0, %%ss; mov %%ss, %0" : "=&r"(ss));
  printf("loaded: es %x ds %x ss %x\n", es, ds, ss);

  unsigned long base = 1;
  syscall(SYS_arch_prctl, ARCH_SET_GS, (long)code);
  syscall(SYS_arch_prctl, ARCH_GET_GS, &base);
  printf("gs base set: %d\n", base == (unsigned long)code);
  __asm__ volatile("push %%gs; pop %%rax; mov %%eax, %0; mov %1, %%gs" : "=&r"(gs) : "r"(0) : "rax");
  syscall(SYS_arch_prctl, ARCH_GET_GS, &base);
  printf("gs %x, its base after loading null: %lx\n", gs, base);
  struct {
    uint32_t offset;
    uint16_t selector;
  } __attribute__((packed)) far = {0x1234, 0x2b};
  __asm__ volatile("lgs %1, %k0; mov %%gs, %k2" : "=r"(base), "+m"(far), "=r"(gs));
  printf("lgs: %lx %x\n", base, gs);

  for (unsigned selector = 0x28; selector < 0x38; selector++) {
    unsigned long rights = 1, limit = 2;
    uint8_t visible, readable, writable;
    __asm__("lar %2, %0; setz %1" : "+r"(rights), "=q"(visible) : "r"((unsigned long)selector));
    __asm__("lsl %1, %0" : "+r"(limit) : "r"((unsigned long)selector));
    __asm__("verr %w2; setz %0; verw %w2; setz %1" : "=&q"(readable), "=&q"(writable) : "r"(selector));
    printf("%x: %d %lx %lx %d %d\n", selector, visible, rights, limit, readable, writable);
  }

  unsigned long word = 0;
  __asm__ volatile("pushq $0x33; lea 1f(%%rip), %%rax; push %%rax; lretq; ud2; 1: mov $7, %0" : "=r"(word) : : "rax");
  printf("lret: %ld\n", word);
  __asm__ volatile(
    "mov %%rsp, %%rcx; pushq $0x2b; push %%rcx; pushq $0x8d7; pushq $0x33; lea 1f(%%rip), %%rax; push %%rax;"
    "iretq; ud2; 1: pushfq; pop %0"
    : "=r"(word) : : "rax", "rcx", "cc");
  printf("iret: flags %lx\n", word & 0x8d5);
  steps = 1;
  __asm__ volatile(
    "mov %%rsp, %%rcx; pushq $0x2b; push %%rcx; pushq $0x302; pushq $0x33; lea 1f(%%rip), %%rax; push %%rax;"
    "iretq; ud2; 1: nop; 2: nop"
    : : : "rax", "rcx", "cc");
  printf("iret with the trap flag: %d step, signal %d code %d\n", steps - 1, seen.signal, seen.code);
  steps = 0;
  far.selector = 0x33;
  memset(code, 0xc3, 64);
  void *low = mmap((void *)0x10000000, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  memcpy(low, "\xcb", 1);
  far.offset = 0x10000000;
  // The code is called with the address below 4 GiB, where a 32-bit far return can come back to.
  memcpy((char *)low + 16, "\xff\x1f\xc3", 3);
  __asm__ volatile("call *%0" : : "r"((char *)low + 16), "D"(&far) : "memory");
  printf("far call and return\n");

  TRAP("int1", 0xf1);
  TRAP("int3", 0xcc);
  TRAP("int 3", 0xcd, 0x03);
  TRAP("int 4", 0xcd, 0x04);
  TRAP("int 13", 0xcd, 0x0d);
  TRAP("int 255", 0xcd, 0xff);
  TRAP("ud0", 0x0f, 0xff, 0xc0);
  TRAP("ud1", 0x0f, 0xb9, 0xc0);
  TRAP("ud2", 0x0f, 0x0b);
  TRAP("hlt", 0xf4);
  TRAP("in", 0xec);
  TRAP("mov from cr0", 0x0f, 0x20, 0xc0);
  TRAP("lgdt", 0x0f, 0x01, 0x17);
  TRAP("swapgs", 0x0f, 0x01, 0xf8);
  TRAP("mov ss, null", 0x31, 0xc0, 0x8e, 0xd0);
  TRAP("mov ds, 8", 0xb8, 0x08, 0x00, 0x00, 0x00, 0x8e, 0xd8);
  TRAP("lret to nowhere", 0x6a, 0x08, 0x6a, 0x00, 0x48, 0xcb);
  TRAP("push fs", 0x0f, 0xa0, 0x58);
  return 0;
}
