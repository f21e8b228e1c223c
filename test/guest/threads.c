// POSIX threads: mutexes, conditions, joins, thread-local storage, barriers, cancellation, robust and shared mutexes.
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define THREADS 8
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static pthread_barrier_t barrier;
static long counter, turns;
static _Thread_local int mine = 5;
static volatile int flag;

static void *adding(void *arg) {
  for (int i = 0; i < 20000; i++) {
    pthread_mutex_lock(&mutex);
    counter++;
    pthread_mutex_unlock(&mutex);
  }
  mine += (long)arg;
  return (void *)(long)mine;
}

static void *taking_turns(void *arg) {
  long me = (long)arg;
  for (int i = 0; i < 100; i++) {
    pthread_mutex_lock(&mutex);
    while (turns % THREADS != me) pthread_cond_wait(&cond, &mutex);
    turns++;
    pthread_cond_broadcast(&cond);
    pthread_mutex_unlock(&mutex);
  }
  return NULL;
}

static void *meeting(void *arg) {
  (void)arg;
  long serial = 0;
  for (int i = 0; i < 50; i++) if (pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD) serial++;
  return (void *)serial;
}

static void cleanup(void *arg) { *(int *)arg = 1; }
static int cleaned;
static void *cancelled(void *arg) {
  (void)arg;
  pthread_cleanup_push(cleanup, &cleaned);
  flag = 1;
  for (;;) pause();
  pthread_cleanup_pop(0);
  return NULL;
}

static pthread_t handler_thread;
static void in_handler(int sig) { (void)sig; handler_thread = pthread_self(); flag = 1; }
static void *waiting(void *arg) { (void)arg; while (!flag) usleep(1000); return NULL; }

static void *busy(void *arg) { while (!*(volatile int *)arg); return NULL; }

static void *dying_with_lock(void *arg) { pthread_mutex_lock(arg); return NULL; }

int main(void) {
  pthread_t threads[THREADS];
  for (long i = 0; i < THREADS; i++) pthread_create(&threads[i], NULL, adding, (void *)i);
  long sum = 0;
  for (int i = 0; i < THREADS; i++) { void *r; pthread_join(threads[i], &r); sum += (long)r; }
  printf("counter %ld tls %ld own %d\n", counter, sum, mine);

  for (long i = 0; i < THREADS; i++) pthread_create(&threads[i], NULL, taking_turns, (void *)i);
  for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
  printf("turns %ld\n", turns);

  pthread_barrier_init(&barrier, NULL, THREADS);
  sum = 0;
  for (long i = 0; i < THREADS; i++) pthread_create(&threads[i], NULL, meeting, NULL);
  for (int i = 0; i < THREADS; i++) { void *r; pthread_join(threads[i], &r); sum += (long)r; }
  printf("serial %ld\n", sum);

  pthread_create(&threads[0], NULL, cancelled, NULL);
  while (!flag) usleep(1000);
  pthread_cancel(threads[0]);
  void *result;
  pthread_join(threads[0], &result);
  printf("cancelled %d cleaned %d\n", result == PTHREAD_CANCELED, cleaned);

  flag = 0;
  signal(SIGUSR1, in_handler);
  pthread_create(&threads[0], NULL, waiting, NULL);
  pthread_t target = threads[0];
  pthread_kill(target, SIGUSR1);
  pthread_join(target, NULL);
  printf("to the thread %d\n", pthread_equal(handler_thread, target));

  // A busy thread is preempted, by others and by the main thread.
  int stop = 0;
  pthread_create(&threads[0], NULL, busy, &stop);
  usleep(20000);
  stop = 1;
  pthread_join(threads[0], NULL);
  printf("preempted\n");

  struct timespec soon;
  clock_gettime(CLOCK_REALTIME, &soon);
  soon.tv_nsec += 20000000;
  if (soon.tv_nsec >= 1000000000) soon.tv_sec++, soon.tv_nsec -= 1000000000;
  pthread_mutex_lock(&mutex);
  printf("timed condition %d\n", pthread_cond_timedwait(&cond, &mutex, &soon) == ETIMEDOUT);
  pthread_mutex_unlock(&mutex);

  // A robust mutex tells of its dead owner.
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
  pthread_mutex_t robust;
  pthread_mutex_init(&robust, &attributes);
  pthread_create(&threads[0], NULL, dying_with_lock, &robust);
  pthread_join(threads[0], NULL);
  int r = pthread_mutex_lock(&robust);
  printf("robust %d\n", r == EOWNERDEAD);
  pthread_mutex_consistent(&robust);
  pthread_mutex_unlock(&robust);
  printf("consistent %d\n", pthread_mutex_trylock(&robust));

  // A semaphore and a robust mutex between processes.
  struct shared { sem_t semaphore; pthread_mutex_t mutex; int value; } *shared =
      mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  sem_init(&shared->semaphore, 1, 0);
  pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
  pthread_mutex_init(&shared->mutex, &attributes);
  pid_t pid = fork();
  if (pid == 0) {
    sem_wait(&shared->semaphore);
    pthread_mutex_lock(&shared->mutex);
    shared->value = 77;
    _exit(0);
  }
  usleep(5000);
  sem_post(&shared->semaphore);
  waitpid(pid, NULL, 0);
  r = pthread_mutex_lock(&shared->mutex);
  printf("shared %d value %d\n", r == EOWNERDEAD, shared->value);

  // fork in a threaded program copies only the caller; exit ends all.
  stop = 0;
  pthread_create(&threads[0], NULL, busy, &stop);
  fflush(stdout);
  pid = fork();
  if (pid == 0) _exit(syscall(SYS_gettid) == getpid() ? 5 : 6);
  int status;
  waitpid(pid, &status, 0);
  printf("fork from threads %d\n", WEXITSTATUS(status));
  fflush(stdout);
  exit(3);
}
