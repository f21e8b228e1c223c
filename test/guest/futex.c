// The futex call itself: errors, timeouts, bitsets, requeueing, wake-op.
#define _GNU_SOURCE
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "wait.h"

static uint32_t word, other;
static int done;
static pid_t volatile sleepers[6];

static long futex(uint32_t *at, int op, uint32_t value, const void *timeout, uint32_t *second, uint32_t third) {
  long r = syscall(SYS_futex, at, op, value, timeout, second, third);
  return r < 0 ? -errno : r;
}

static void *sleeper(void *arg) {
  long number = (long)arg, bitset = number < 3 ? 1 : 2;
  sleepers[number] = syscall(SYS_gettid);
  long r = futex(&word, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, 0, NULL, NULL, bitset);
  __atomic_add_fetch(&done, 1, __ATOMIC_SEQ_CST);
  return (void *)r;
}
static void nothing(int sig) { (void)sig; }

int main(void) {
  struct timespec short_time = {0, 10000000}, past = {1, 0}, bad = {0, 2000000000};
  printf("different %ld\n", futex(&word, FUTEX_WAIT, 1, NULL, NULL, 0));
  printf("timeout %ld\n", futex(&word, FUTEX_WAIT, 0, &short_time, NULL, 0));
  printf("absolute past %ld\n", futex(&word, FUTEX_WAIT_BITSET, 0, &past, NULL, ~0u));
  printf("realtime past %ld\n", futex(&word, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 0, &past, NULL, ~0u));
  printf("bad time %ld\n", futex(&word, FUTEX_WAIT, 0, &bad, NULL, 0));
  printf("no bits %ld\n", futex(&word, FUTEX_WAIT_BITSET, 0, NULL, NULL, 0));
  printf("unaligned %ld\n", futex((uint32_t *)((char *)&word + 1), FUTEX_WAIT, 0, NULL, NULL, 0));
  printf("bad address %ld\n", futex((uint32_t *)8, FUTEX_WAIT, 0, NULL, NULL, 0));
  printf("nobody %ld\n", futex(&word, FUTEX_WAKE, 10, NULL, NULL, 0));

  pthread_t threads[6];
  for (long i = 0; i < 6; i++) pthread_create(&threads[i], NULL, sleeper, (void *)i);
  for (int i = 0; i < 6; i++) {
    while (sleepers[i] == 0) usleep(1000);
    until_asleep(sleepers[i]);
  }
  printf("wake bit 2: %ld\n", futex(&word, FUTEX_WAKE_BITSET | FUTEX_PRIVATE_FLAG, 2, NULL, NULL, 2));
  printf("wake one: %ld\n", futex(&word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1, NULL, NULL, 0));
  while (__atomic_load_n(&done, __ATOMIC_SEQ_CST) < 3) usleep(1000);
  printf("done %d\n", done);
  printf("requeue changed: %ld\n", futex(&word, FUTEX_CMP_REQUEUE | FUTEX_PRIVATE_FLAG, 1, (void *)10L, &other, 5));
  printf("requeue: %ld\n", futex(&word, FUTEX_CMP_REQUEUE | FUTEX_PRIVATE_FLAG, 1, (void *)10L, &other, 0));
  printf("left here: %ld\n", futex(&word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 10, NULL, NULL, 0));
  printf("there: %ld\n", futex(&other, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 10, NULL, NULL, 0));
  for (int i = 0; i < 6; i++) pthread_join(threads[i], NULL);
  printf("done %d\n", done);

  other = 5;
  long r = futex(&word, FUTEX_WAKE_OP | FUTEX_PRIVATE_FLAG, 1, (void *)1L, &other, FUTEX_OP(FUTEX_OP_ADD, 3, FUTEX_OP_CMP_EQ, 5));
  printf("wake op %ld %u\n", r, other);

  // Shared between processes, whatever address each maps it at.
  uint32_t *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  fflush(stdout);
  pid_t pid = fork();
  if (pid == 0) {
    uint32_t *elsewhere = mremap(shared, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, (void *)0x300000000000);
    if (elsewhere == MAP_FAILED) _exit(1);
    elsewhere[1] = 1;
    _exit(-futex(elsewhere, FUTEX_WAIT, 0, NULL, NULL, 0));
  }
  uint32_t volatile *mark = shared + 1;
  while (*mark == 0 && waitpid(pid, NULL, WNOHANG) == 0) usleep(1000);
  until_asleep(pid);
  printf("shared wake %ld\n", futex(shared, FUTEX_WAKE, 1, NULL, NULL, 0));
  int status;
  waitpid(pid, &status, 0);
  printf("child %d\n", WEXITSTATUS(status));

  // A signal ends the wait.
  struct sigaction action = {.sa_handler = nothing};
  sigaction(SIGALRM, &action, NULL);
  alarms(20000);
  printf("interrupted %ld\n", futex(&word, FUTEX_WAIT, 0, NULL, NULL, 0));
  return 0;
}
