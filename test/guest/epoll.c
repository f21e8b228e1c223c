// epoll, poll, select and eventfd.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/** One call at a time: its result, and why it failed. */
static void say(const char *what, long result) {
  if (result < 0) printf("%s %ld %s\n", what, result, strerrorname_np(errno));
  else printf("%s %ld\n", what, result);
}

static void on_signal(int s) {}

static void show(const char *what, int ep, int timeout) {
  struct epoll_event ev[8];
  int n = epoll_wait(ep, ev, 8, timeout);
  printf("%s %d", what, n);
  for (int i = 0; i < n; i++) printf(" %x:%d", ev[i].events, (int)ev[i].data.u64);
  printf("\n");
}

int main(void) {
  setvbuf(stdout, NULL, _IONBF, 0);
  // What a parent left open would be ready or not as it likes.
  close_range(3, ~0U, 0);
  int p[2], q[2];
  pipe(p), pipe(q);
  int ep = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event ev = {EPOLLIN, {.u64 = 1}};
  say("add", epoll_ctl(ep, EPOLL_CTL_ADD, p[0], &ev));
  say(" again", epoll_ctl(ep, EPOLL_CTL_ADD, p[0], &ev));
  int file = open("/proc/self/exe", O_RDONLY);
  say(" file", epoll_ctl(ep, EPOLL_CTL_ADD, file, &ev));
  say(" itself", epoll_ctl(ep, EPOLL_CTL_ADD, ep, &ev));
  say(" missing", epoll_ctl(ep, EPOLL_CTL_DEL, q[0], &ev));
  show("nothing", ep, 0);
  write(p[1], "ab", 2);
  show("level", ep, 0);
  show("level again", ep, 0);
  char c;
  read(p[0], &c, 1);
  show("level still", ep, 0);
  read(p[0], &c, 1);
  show("level gone", ep, 0);
  ev.events = EPOLLIN | EPOLLET;
  epoll_ctl(ep, EPOLL_CTL_MOD, p[0], &ev);
  write(p[1], "ab", 2);
  show("edge", ep, 0);
  show("edge again", ep, 0);
  write(p[1], "c", 1);
  show("edge new", ep, 0);
  ev.events = EPOLLIN | EPOLLONESHOT;
  epoll_ctl(ep, EPOLL_CTL_MOD, p[0], &ev);
  show("once", ep, 0);
  write(p[1], "d", 1);
  show("once again", ep, 0);
  epoll_ctl(ep, EPOLL_CTL_MOD, p[0], &ev);
  show("armed", ep, 0);

  int outer = epoll_create1(0);
  ev.events = EPOLLIN;
  ev.data.u64 = 7;
  say("nest", epoll_ctl(outer, EPOLL_CTL_ADD, ep, &ev));
  say("loop", epoll_ctl(ep, EPOLL_CTL_ADD, outer, &ev));
  show("outer", outer, 0);
  ev.data.u64 = 1;
  epoll_ctl(ep, EPOLL_CTL_MOD, p[0], &ev);
  show("outer ready", outer, 0);
  close(p[1]);
  show("hangup", ep, 0);
  close(p[0]);
  show("closed", ep, 0);

  int e = eventfd(3, EFD_NONBLOCK), s = eventfd(2, EFD_SEMAPHORE | EFD_NONBLOCK);
  uint64_t v = 5;
  say("eventfd write", write(e, &v, 8));
  say("read", read(e, &v, 8));
  printf("%lu\n", v);
  say(" empty", read(e, &v, 8));
  say("semaphore", read(s, &v, 8));
  printf("%lu\n", v);
  say("semaphore", read(s, &v, 8));
  say("semaphore empty", read(s, &v, 8));
  v = UINT64_MAX;
  say("eventfd bad", write(e, &v, 8));
  say(" short", read(e, &v, 4));
  v = UINT64_MAX - 1;
  write(e, &v, 8);
  v = 1;
  say("eventfd full", write(e, &v, 8));
  ev.events = EPOLLIN | EPOLLOUT;
  ev.data.u64 = 9;
  epoll_ctl(ep, EPOLL_CTL_ADD, e, &ev);
  show("eventfd", ep, 0);

  // Woken by a child.
  int w = epoll_create1(0);
  ev.events = EPOLLIN;
  ev.data.u64 = 3;
  epoll_ctl(w, EPOLL_CTL_ADD, q[0], &ev);
  if (fork() == 0) {
    usleep(20000);
    write(q[1], "x", 1);
    _exit(0);
  }
  show("woken", w, 50000);
  wait(NULL);
  struct pollfd pf[3] = {{q[0], POLLIN}, {-1, POLLIN}, {99, POLLIN}};
  say("poll", poll(pf, 3, 50000));
  printf("%x %x %x\n", pf[0].revents, pf[1].revents, pf[2].revents);
  fd_set r, wr;
  FD_ZERO(&r);
  FD_ZERO(&wr);
  FD_SET(q[0], &r);
  FD_SET(q[1], &wr);
  struct timeval tv = {50, 0};
  int n = select(q[1] + 1, &r, &wr, NULL, &tv);
  printf("select %d %d %d\n", n, FD_ISSET(q[0], &r) != 0, FD_ISSET(q[1], &wr) != 0);
  read(q[0], &c, 1);
  FD_SET(q[0], &r);
  tv = (struct timeval){0, 20000};
  n = select(q[0] + 1, &r, NULL, NULL, &tv);
  printf("select timeout %d %d left %ld\n", n, FD_ISSET(q[0], &r) != 0, tv.tv_sec * 1000000 + tv.tv_usec);
  // One below 64: past the size of its table, which is 64 to begin with, Linux does not look (fs/select.c).
  FD_ZERO(&r);
  FD_SET(60, &r);
  say("select bad", select(61, &r, NULL, NULL, NULL));
  struct timespec t0, t1;
  clock_gettime(CLOCK_MONOTONIC, &t0);
  n = poll(pf, 1, 50);
  clock_gettime(CLOCK_MONOTONIC, &t1);
  long ms = (t1.tv_sec - t0.tv_sec) * 1000 + (t1.tv_nsec - t0.tv_nsec) / 1000000;
  printf("poll timeout %d in time %d\n", n, ms >= 49);

  // A mask that only holds during the call.
  struct sigaction sa = {.sa_handler = on_signal};
  sigaction(SIGALRM, &sa, NULL);
  sigset_t block, none;
  sigemptyset(&none), sigemptyset(&block);
  sigaddset(&block, SIGALRM);
  sigprocmask(SIG_BLOCK, &block, NULL);
  raise(SIGALRM);
  say("ppoll", ppoll(pf, 1, NULL, &none));
  sigset_t now;
  sigprocmask(SIG_BLOCK, NULL, &now);
  say("blocked again", sigismember(&now, SIGALRM));
  raise(SIGALRM);
  struct epoll_event got;
  say("epoll_pwait", epoll_pwait(w, &got, 1, -1, &none));
  say("epoll_wait bad", epoll_wait(q[0], &got, 1, 0));
  return 0;
}
