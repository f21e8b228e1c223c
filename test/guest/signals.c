// Signals: handlers, masks, siginfo, alternate stacks, restarts, queues.
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>
#include "wait.h"

static volatile int count, last, depth, deepest;
static volatile char *where;

static void counting(int sig) { count++; last = sig; }

static volatile int *alarmed;
static void sharing(int sig) { (void)sig; ++*alarmed; }

static void with_info(int sig, siginfo_t *info, void *context) {
  count++;
  last = sig;
  printf("  info signo %d code %d pid %d value %d\n", info->si_signo, info->si_code, info->si_pid == getpid(), info->si_value.sival_int);
  (void)context;
}

static void nesting(int sig) {
  (void)sig;
  depth++;
  if (depth > deepest) deepest = depth;
  if (count++ < 3) raise(SIGUSR1);
  depth--;
}

static void on_stack(int sig) {
  char local;
  (void)sig;
  where = &local;
}

static void set(int sig, void (*handler)(int), int flags) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = handler;
  action.sa_flags = flags;
  sigaction(sig, &action, NULL);
}

int main(void) {
  setvbuf(stdout, NULL, _IONBF, 0);
  set(SIGUSR1, counting, 0);
  raise(SIGUSR1);
  printf("raised: %d %d\n", count, last == SIGUSR1);

  // A blocked signal waits, and is pending once.
  sigset_t mask, old, pending;
  sigemptyset(&mask);
  sigaddset(&mask, SIGUSR1);
  sigprocmask(SIG_BLOCK, &mask, &old);
  count = 0;
  kill(getpid(), SIGUSR1);
  kill(getpid(), SIGUSR1);
  sigpending(&pending);
  printf("blocked: %d pending %d\n", count, sigismember(&pending, SIGUSR1));
  sigprocmask(SIG_SETMASK, &old, NULL);
  printf("unblocked: %d\n", count);

  // siginfo from kill and sigqueue.
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_sigaction = with_info;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGUSR2, &action, NULL);
  kill(getpid(), SIGUSR2);
  union sigval value = {.sival_int = 1234};
  sigqueue(getpid(), SIGUSR2, value);

  // NODEFER nests, the default does not; RESETHAND works once.
  count = depth = deepest = 0;
  set(SIGUSR1, nesting, SA_NODEFER);
  raise(SIGUSR1);
  printf("nodefer: count %d deepest %d\n", count, deepest);
  count = depth = deepest = 0;
  set(SIGUSR1, nesting, 0);
  raise(SIGUSR1);
  printf("defer: count %d deepest %d\n", count, deepest);
  set(SIGUSR1, counting, SA_RESETHAND);
  raise(SIGUSR1);
  sigaction(SIGUSR1, NULL, &action);
  printf("resethand: %d\n", action.sa_handler == SIG_DFL);

  // Real-time signals queue, lowest first, in order.
  sigset_t rt;
  sigemptyset(&rt);
  sigaddset(&rt, SIGRTMIN + 1);
  sigaddset(&rt, SIGRTMIN + 2);
  sigprocmask(SIG_BLOCK, &rt, NULL);
  for (int i = 0; i < 3; i++) {
    value.sival_int = i;
    sigqueue(getpid(), SIGRTMIN + 2, value);
    value.sival_int = 10 + i;
    sigqueue(getpid(), SIGRTMIN + 1, value);
  }
  siginfo_t info;
  for (int i = 0; i < 6; i++) {
    int sig = sigwaitinfo(&rt, &info);
    printf("queued: %d value %d code %d\n", sig - SIGRTMIN, info.si_value.sival_int, info.si_code);
  }
  struct timespec zero = {0, 1000000};
  int r = sigtimedwait(&rt, &info, &zero);
  printf("timed wait: %d %d\n", r, errno == EAGAIN);
  sigprocmask(SIG_UNBLOCK, &rt, NULL);

  // The alternate stack.
  static char other[65536];
  stack_t stack = {.ss_sp = other, .ss_size = sizeof other}, got;
  sigaltstack(&stack, NULL);
  set(SIGUSR1, on_stack, SA_ONSTACK);
  raise(SIGUSR1);
  sigaltstack(NULL, &got);
  printf("altstack: %d flags %d size %d\n", where >= other && where < other + sizeof other, got.ss_flags, got.ss_size == sizeof other);
  set(SIGUSR1, on_stack, 0);
  raise(SIGUSR1);
  printf("own stack: %d\n", !(where >= other && where < other + sizeof other));
  stack.ss_size = 100;
  printf("too small: %d %d\n", sigaltstack(&stack, NULL), errno == ENOMEM);

  // An interrupted read fails or restarts.
  int tube[2];
  char byte;
  if (pipe(tube)) return 1;
  set(SIGALRM, counting, 0);
  count = 0;
  alarms(20000);
  r = read(tube[0], &byte, 1);
  printf("interrupted read: %d %d count %d\n", r, errno == EINTR, count > 0);
  alarms(0);
  alarmed = mmap(NULL, sizeof *alarmed, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  set(SIGALRM, sharing, SA_RESTART);
  pid_t pid = fork();
  if (pid == 0) {
    // Several: all but the first are sure to come while the parent reads.
    while (*alarmed < 3) usleep(1000);
    if (write(tube[1], "x", 1) != 1) _exit(1);
    _exit(0);
  }
  alarms(20000);
  r = read(tube[0], &byte, 1);
  printf("restarted read: %d %c several %d\n", r, byte, *alarmed >= 3);
  alarms(0);
  waitpid(pid, NULL, 0);

  // nanosleep says what was left, pause and sigsuspend end with EINTR.
  set(SIGALRM, counting, SA_RESTART);
  alarms(20000);
  struct timespec long_time = {200, 0}, left = {0, 0};
  r = nanosleep(&long_time, &left);
  printf("sleep: %d %d left %d\n", r, errno == EINTR, left.tv_sec >= 100 && left.tv_sec < 200);
  r = pause();
  printf("pause: %d %d\n", r, errno == EINTR);
  alarms(0);
  sigset_t alarm_set;
  sigemptyset(&alarm_set);
  sigaddset(&alarm_set, SIGALRM);
  sigprocmask(SIG_BLOCK, &alarm_set, &old);
  count = 0;
  struct itimerval once = {{0, 0}, {0, 20000}};
  setitimer(ITIMER_REAL, &once, NULL);
  usleep(50000);
  printf("held back: %d\n", count);
  r = sigsuspend(&old);
  sigprocmask(SIG_BLOCK, NULL, &mask);
  printf("sigsuspend: %d %d count %d mask back %d\n", r, errno == EINTR, count, sigismember(&mask, SIGALRM));
  sigprocmask(SIG_SETMASK, &old, NULL);

  // Ignored and default signals.
  signal(SIGTERM, SIG_IGN);
  printf("ignored: %d\n", kill(getpid(), SIGTERM));
  printf("invalid: %d %d\n", kill(getpid(), 65), errno == EINVAL);
  printf("uncatchable: %d %d\n", signal(SIGKILL, SIG_IGN) == SIG_ERR, errno == EINVAL);
  int fatal[] = {SIGHUP, SIGINT, SIGQUIT, SIGPIPE, SIGTERM, SIGUSR1, SIGVTALRM, SIGSYS, SIGRTMIN};
  signal(SIGTERM, SIG_DFL);
  for (unsigned i = 0; i < sizeof fatal / sizeof *fatal; i++) {
    pid = fork();
    if (pid == 0) { signal(fatal[i], SIG_DFL); raise(fatal[i]); _exit(0); }
    int status;
    waitpid(pid, &status, 0);
    printf("default %d: %d\n", fatal[i], WIFSIGNALED(status) ? WTERMSIG(status) : -1);
  }
  // A handler that leaves by longjmp, again and again.
  return 0;
}
