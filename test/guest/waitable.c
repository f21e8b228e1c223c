// Timers and signals as descriptors.
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void) {
  uint64_t count = 0;
  int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
  int r = read(fd, &count, 8);
  printf("unarmed %d %d\n", r, errno == EAGAIN);
  struct itimerspec spec = {{0, 5000000}, {0, 20000000}}, got;
  timerfd_settime(fd, 0, &spec, NULL);
  timerfd_gettime(fd, &got);
  printf("interval %ld left %d\n", got.it_interval.tv_nsec, got.it_value.tv_nsec > 0 && got.it_value.tv_nsec <= 20000000);
  struct pollfd p = {fd, POLLIN, 0};
  r = poll(&p, 1, 50000);
  printf("poll %d %x\n", r, p.revents);
  usleep(30000);
  r = read(fd, &count, 8);
  printf("read %d several %d\n", r, count >= 3);
  spec.it_interval.tv_nsec = 0;
  spec.it_value.tv_sec = 0;
  spec.it_value.tv_nsec = 1;
  timerfd_settime(fd, TFD_TIMER_ABSTIME, &spec, NULL);
  r = poll(&p, 1, 50000);
  read(fd, &count, 8);
  printf("past %d %d\n", r, (int)count);

  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  sigaddset(&set, SIGCHLD);
  sigprocmask(SIG_BLOCK, &set, NULL);
  int sfd = signalfd(-1, &set, 0);
  struct pollfd s = {sfd, POLLIN, 0};
  printf("no signal %d\n", poll(&s, 1, 0));
  kill(getpid(), SIGUSR1);
  printf("signal %d\n", poll(&s, 1, 0));
  struct signalfd_siginfo info[2];
  r = read(sfd, info, sizeof info);
  printf("read %d signo %d code %d pid %d\n", r, info[0].ssi_signo, info[0].ssi_code, info[0].ssi_pid == getpid());
  fflush(stdout);
  pid_t pid = fork();
  if (pid == 0) _exit(4);
  r = read(sfd, info, sizeof info);
  printf("child %d signo %d status %d\n", r, info[0].ssi_signo, info[0].ssi_status);

  // A pidfd becomes readable when its process ends.
  int status;
  waitpid(pid, &status, 0);
  int told[2];
  pipe(told);
  pid = fork();
  if (pid == 0) { read(told[0], &count, 1); usleep(20000); _exit(6); }
  int pfd = syscall(SYS_pidfd_open, pid, 0);
  struct pollfd q = {pfd, POLLIN, 0};
  printf("alive %d\n", poll(&q, 1, 0));
  write(told[1], "x", 1);
  printf("ended %d\n", poll(&q, 1, 50000));
  siginfo_t child;
  r = waitid(P_PIDFD, pfd, &child, WEXITED);
  printf("waitid %d %d\n", r, child.si_status);
  r = syscall(SYS_pidfd_send_signal, pfd, 0, NULL, 0);
  printf("gone %d %d\n", r, errno == ESRCH);
  return 0;
}
