// Processor faults as signals: addresses, codes, repair in the handler, registers in the context.
#define _GNU_SOURCE
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

static sigjmp_buf back;
static volatile int got_signal, got_code;
static void *volatile got_address;
static char *page;

static void catching(int sig, siginfo_t *info, void *context) {
  (void)context;
  got_signal = sig;
  got_code = info->si_code;
  got_address = info->si_addr;
  siglongjmp(back, 1);
}

static void repairing(int sig, siginfo_t *info, void *context) {
  (void)sig; (void)context;
  got_address = info->si_addr;
  mprotect(page, 4096, PROT_READ | PROT_WRITE);
}

static void skipping(int sig, siginfo_t *info, void *context) {
  (void)sig; (void)info;
  ucontext_t *u = context;
  u->uc_mcontext.gregs[REG_RIP] += 2;  // ud2
  u->uc_mcontext.gregs[REG_RBX] = 4711;
}

static void set(int sig, void (*handler)(int, siginfo_t *, void *), int flags) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_sigaction = handler;
  action.sa_flags = SA_SIGINFO | flags;
  sigaction(sig, &action, NULL);
}

#define TRY(name, code) \
  do { \
    got_signal = got_code = 0; got_address = 0; \
    if (sigsetjmp(back, 1) == 0) { code; printf(name ": no fault\n"); } \
    else printf(name ": signal %d code %d address %s\n", got_signal, got_code, describe(got_address)); \
  } while (0)

static const char *describe(void *address) {
  static char text[64];
  if (address == NULL) return "null";
  intptr_t offset = (char *)address - page;
  if (offset >= 0 && offset < 16 * 4096) snprintf(text, sizeof text, "page+%ld", (long)offset);
  else if ((uintptr_t)address < 65536) snprintf(text, sizeof text, "%lu", (unsigned long)address);
  else snprintf(text, sizeof text, "elsewhere");
  return text;
}

static int deep(int n) {
  volatile char space[4096];
  space[0] = n;
  return n <= 0 ? 0 : deep(n - 1) + space[0] * 0 + 1;
}
static int endless(int n) {
  volatile char space[4096];
  space[0] = n;
  return endless(n + 1) + space[0];
}

int main(void) {
  setvbuf(stdout, NULL, _IONBF, 0);
  page = mmap(NULL, 16 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  set(SIGSEGV, catching, 0);
  set(SIGBUS, catching, 0);
  set(SIGFPE, catching, 0);
  set(SIGILL, catching, 0);
  set(SIGTRAP, catching, 0);

  TRY("null read", *(volatile char *)0);
  TRY("null write", *(volatile char *)8 = 1);
  mprotect(page, 4096, PROT_READ);
  TRY("read only", page[100] = 1);
  TRY("still readable", (void)*(volatile char *)page);
  mprotect(page, 4096, PROT_NONE);
  TRY("none", (void)*(volatile char *)(page + 5));
  munmap(page + 4096, 4096);
  TRY("hole", page[4096] = 1);
  TRY("not executable", ((void (*)(void))(page + 8192))());
  TRY("non-canonical", (void)*(volatile char *)0x8000000000000000);
  volatile int zero = 0, one = 1;
  TRY("divide", printf("%d\n", one / zero));
  volatile int least = -2147483647 - 1, minus = -1;
  TRY("overflowing divide", printf("%d\n", least / minus));
  TRY("ud2", __asm__ volatile("ud2"));
  TRY("int3", __asm__ volatile("int3"));
  TRY("hlt", __asm__ volatile("hlt"));
  // An access across the end of a readable page names the page after it.
  mprotect(page + 8192, 4096, PROT_READ | PROT_WRITE);
  mprotect(page + 12288, 4096, PROT_NONE);
  TRY("straddling write", *(volatile uint64_t *)(page + 12288 - 4) = 1);
  TRY("straddling read", (void)*(volatile uint64_t *)(page + 12288 - 1));
  printf("nothing written: %d\n", *(uint32_t *)(page + 12288 - 4));

  // A handler may repair the cause; the instruction then runs.
  mprotect(page, 4096, PROT_NONE);
  set(SIGSEGV, repairing, 0);
  page[12] = 33;
  printf("repaired: %d at %s\n", page[12], describe(got_address));

  // Or change the registers.
  set(SIGILL, skipping, 0);
  long value = 1;
  __asm__ volatile("mov $1, %%rbx; ud2; mov %%rbx, %0" : "=r"(value) : : "rbx");
  printf("changed register: %ld\n", value);

  // Past the end of a mapped file: SIGBUS.
  set(SIGSEGV, catching, 0);
  char name[] = "/tmp/faultsXXXXXX";
  int fd = mkstemp(name);
  if (write(fd, "hello", 5) != 5) return 1;
  char *mapped = mmap(page, 2 * 4096, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0);
  printf("file: %s, then %d\n", mapped, mapped[4095]);
  TRY("past the end", (void)*(volatile char *)(mapped + 4096));
  unlink(name);

  // The stack grows, and ends; the handler runs on another one. Without a limit it would end with the memory.
  struct rlimit limit;
  getrlimit(RLIMIT_STACK, &limit);
  limit.rlim_cur = 8 << 20;
  printf("stack limit: %d\n", setrlimit(RLIMIT_STACK, &limit));
  printf("deep: %d\n", deep(500));
  static char other[65536];
  stack_t stack = {.ss_sp = other, .ss_size = sizeof other};
  sigaltstack(&stack, NULL);
  set(SIGSEGV, catching, SA_ONSTACK);
  got_signal = 0;
  if (sigsetjmp(back, 1) == 0) endless(0);
  printf("overflow: %d\n", got_signal);

  // Without a handler, or with one that cannot run: the end.
  for (int how = 0; how < 4; how++) {
    pid_t pid = fork();
    if (pid == 0) {
      signal(SIGSEGV, SIG_DFL);
      sigset_t all;
      sigfillset(&all);
      if (how == 1) sigprocmask(SIG_SETMASK, &all, NULL);
      if (how == 2) signal(SIGSEGV, SIG_IGN);
      if (how == 3) {
        set(SIGSEGV, catching, 0);
        __asm__ volatile("mov $16, %rsp; movq $0, 0");
      }
      *(volatile char *)0 = 1;
      _exit(0);
    }
    int status;
    waitpid(pid, &status, 0);
    printf("fatal %d: %d\n", how, WIFSIGNALED(status) ? WTERMSIG(status) : -1);
  }
  return 0;
}
