// Clocks, sleeps and timers.
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <sys/times.h>
#include <time.h>
#include <unistd.h>

static volatile int count, overruns, value;
static timer_t id;

static int64_t now(clockid_t clock) {
  struct timespec t;
  if (clock_gettime(clock, &t)) return -errno;
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}
static void counting(int sig) { (void)sig; count++; }
static void queued(int sig, siginfo_t *info, void *context) {
  (void)sig; (void)context;
  count++;
  value = info->si_value.sival_int;
  overruns += timer_getoverrun(id);
}
/** Not earlier, and not for ever; how much later is the machine's load. */
static int about(int64_t ns, int64_t wanted) { return ns >= wanted && ns < wanted + 20000000000LL; }

int main(void) {
  int64_t a = now(CLOCK_MONOTONIC), b = now(CLOCK_MONOTONIC);
  printf("monotonic %d\n", a > 0 && b >= a);
  printf("realtime %d\n", now(CLOCK_REALTIME) > 1600000000LL * 1000000000LL);
  printf("time agrees %d\n", time(NULL) - now(CLOCK_REALTIME) / 1000000000LL <= 1);
  struct timeval tv;
  gettimeofday(&tv, NULL);
  printf("gettimeofday %d\n", tv.tv_sec - time(NULL) <= 1);
  printf("bad clock %d\n", (int)now(1000) == -EINVAL);
  struct timespec t = {0, 30000000};
  a = now(CLOCK_MONOTONIC);
  printf("nanosleep %d", nanosleep(&t, NULL));
  printf(" %d\n", about(now(CLOCK_MONOTONIC) - a, 30000000));
  t.tv_nsec = 1000000000;
  printf("bad sleep %d", nanosleep(&t, NULL));
  printf(" %d\n", errno == EINVAL);
  clock_gettime(CLOCK_MONOTONIC, &t);
  a = t.tv_sec * 1000000000LL + t.tv_nsec;
  t.tv_nsec += 20000000;
  if (t.tv_nsec >= 1000000000) t.tv_sec++, t.tv_nsec -= 1000000000;
  printf("absolute %d", clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL));
  printf(" %d\n", about(now(CLOCK_MONOTONIC) - a, 20000000));
  t.tv_sec = 1;
  printf("long past %d\n", clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &t, NULL));

  signal(SIGALRM, counting);
  struct itimerval it = {{0, 10000}, {0, 10000}}, old;
  setitimer(ITIMER_REAL, &it, NULL);
  while (count < 5) pause();
  memset(&it, 0, sizeof it);
  setitimer(ITIMER_REAL, &it, &old);
  printf("interval %d %d\n", count >= 5, (int)old.it_interval.tv_usec);
  alarm(100);
  printf("alarm %u %u\n", alarm(0), alarm(0));

  // Processor time.
  signal(SIGVTALRM, counting);
  count = 0;
  // An engine may translate code before it first runs, which is work: far less than what the timer waits for.
  struct itimerval cpu = {{0, 0}, {0, 200000}};
  usleep(1000);
  setitimer(ITIMER_VIRTUAL, &cpu, NULL);
  usleep(400000);
  printf("asleep %d\n", count);
  a = now(CLOCK_PROCESS_CPUTIME_ID);
  for (volatile int i = 0; count == 0; i++);
  printf("busy %d cpu %d\n", count, now(CLOCK_PROCESS_CPUTIME_ID) > a);
  struct tms tms;
  printf("times %d\n", times(&tms) > 0 && clock() > 0);

  // timer_create with a value.
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_sigaction = queued;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGRTMIN, &action, NULL);
  struct sigevent event;
  memset(&event, 0, sizeof event);
  event.sigev_notify = SIGEV_SIGNAL;
  event.sigev_signo = SIGRTMIN;
  event.sigev_value.sival_int = 99;
  printf("create %d\n", timer_create(CLOCK_MONOTONIC, &event, &id));
  struct itimerspec spec = {{0, 10000000}, {0, 10000000}}, got;
  count = 0;
  timer_settime(id, 0, &spec, NULL);
  while (count < 3) pause();
  timer_gettime(id, &got);
  printf("timer %d value %d interval %ld\n", count >= 3, value, got.it_interval.tv_nsec);
  // Overruns while the signal is blocked.
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGRTMIN);
  sigprocmask(SIG_BLOCK, &set, NULL);
  usleep(100000);
  overruns = 0;
  sigprocmask(SIG_UNBLOCK, &set, NULL);
  printf("overruns %d\n", overruns >= 3);
  printf("delete %d", timer_delete(id));
  printf(" %d\n", timer_delete(id) < 0);
  return 0;
}
