// Pipes and fifos: order, ends, capacity, atomicity, SIGPIPE, splice and tee.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>
#include "wait.h"

/** One call at a time: its result, and why it failed. */
static void say(const char *what, long result) {
  if (result < 0) printf("%s %ld %s\n", what, result, strerrorname_np(errno));
  else printf("%s %ld\n", what, result);
}

static int caught;
static void on_signal(int s) { caught = s; }
static volatile int *alarmed;
static void sharing(int s) { ++*alarmed; }
static char buffer[200000];

int main(void) {
  setvbuf(stdout, NULL, _IONBF, 0);
  int p[2];
  say("pipe2", pipe2(p, O_NONBLOCK | O_CLOEXEC));
  printf("flags %o %o cloexec %d\n", fcntl(p[0], F_GETFL), fcntl(p[1], F_GETFL), fcntl(p[0], F_GETFD));
  say("empty", read(p[0], buffer, 10));
  say("size", fcntl(p[0], F_GETPIPE_SZ));
  say("fill", write(p[1], buffer, sizeof buffer));
  say("full", write(p[1], buffer, 1));
  struct pollfd pf[2] = {{p[0], POLLIN}, {p[1], POLLOUT}};
  int n = poll(pf, 2, 0);
  printf("poll %d %x %x\n", n, pf[0].revents, pf[1].revents);
  int left = 0;
  ioctl(p[0], FIONREAD, &left);
  printf("fionread %d\n", left);
  say("grow", fcntl(p[1], F_SETPIPE_SZ, 100000));
  say("shrink", fcntl(p[1], F_SETPIPE_SZ, 4096));
  say("more", write(p[1], buffer, sizeof buffer));
  say("drain", read(p[0], buffer, sizeof buffer));
  say("seek", (long)lseek(p[0], 0, SEEK_SET));
  say("pread", pread(p[0], buffer, 1, 0));
  say("wrong end", read(p[1], buffer, 1));
  say("", write(p[0], buffer, 1));
  struct iovec iov[3] = {{"ab", 2}, {"", 0}, {"cde", 3}};
  say("writev", writev(p[1], iov, 3));
  char a[2], b[4];
  struct iovec in[2] = {{a, 2}, {b, 4}};
  say("readv", readv(p[0], in, 2));
  printf("%.2s %.3s\n", a, b);
  say("bad address", write(p[1], (void *)1, 5));
  close(p[1]);
  say("end", read(p[0], buffer, 1));
  n = poll(pf, 1, 0);
  printf("hangup %d %x\n", n, pf[0].revents);
  close(p[0]);

  signal(SIGPIPE, on_signal);
  pipe(p);
  close(p[0]);
  say("broken", write(p[1], "x", 1));
  printf("signal %d\n", caught);
  pf[1].fd = p[1];
  poll(pf + 1, 1, 0);
  printf("broken poll %x\n", pf[1].revents);
  close(p[1]);

  // A megabyte from a child, through blocking ends and odd sizes.
  pipe(p);
  if (fork() == 0) {
    close(p[0]);
    for (int i = 0; i < 1 << 20;) {
      int part = 1 + i * 7 % 9000;
      if (i + part > 1 << 20) part = (1 << 20) - i;
      for (int j = 0; j < part; j++) buffer[j] = (i + j) * 31;
      for (ssize_t done = 0, w; done < part; done += w)
        if ((w = write(p[1], buffer + done, part - done)) <= 0) _exit(1);
      i += part;
    }
    _exit(0);
  }
  close(p[1]);
  int total = 0, wrong = 0;
  for (ssize_t got; (got = read(p[0], buffer, 1 + total % 70000)) > 0; total += got)
    for (int j = 0; j < got; j++) wrong += buffer[j] != (char)((total + j) * 31);
  int status;
  wait(&status);
  printf("moved %d wrong %d child %d\n", total, wrong, status);
  close(p[0]);

  // An interrupted read: restarted or not.
  pipe(p);
  struct sigaction sa = {.sa_handler = on_signal};
  sigaction(SIGALRM, &sa, NULL);
  caught = 0;
  alarms(20000);
  say("interrupted", read(p[0], buffer, 1));
  printf("signal %d\n", caught);
  alarms(0);
  alarmed = mmap(NULL, sizeof *alarmed, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  sa.sa_handler = sharing;
  sa.sa_flags = SA_RESTART;
  sigaction(SIGALRM, &sa, NULL);
  if (fork() == 0) {
    // Several: all but the first are sure to come while the parent reads.
    while (*alarmed < 3) usleep(1000);
    write(p[1], "z", 1);
    _exit(0);
  }
  alarms(20000);
  say("restarted", read(p[0], buffer, 1));
  printf("several %d\n", *alarmed >= 3);
  alarms(0);
  wait(NULL);

  // splice and tee.
  int q[2];
  pipe(q);
  write(p[1], "hello", 5);
  say("tee", tee(p[0], q[1], 100, 0));
  say("splice", splice(p[0], NULL, q[1], NULL, 100, 0));
  n = read(q[0], buffer, 100);
  printf("both %d %.10s\n", n, buffer);

  char folder[] = "/tmp/pipes-XXXXXX", path[64];

  // A pipe opened again by its number does not wait for a writer that is gone.
  pipe(p);
  write(p[1], "late", 4);
  close(p[1]);
  snprintf(path, sizeof path, "/proc/self/fd/%d", p[0]);
  int again = open(path, O_RDONLY);
  n = read(again, buffer, 100);
  printf("again %d %.4s\n", n, buffer);
  say("its end", read(again, buffer, 100));
  close(again);
  close(p[0]);

  mkdtemp(folder);
  snprintf(path, sizeof path, "%s/fifo", folder);
  say("mkfifo", mkfifo(path, 0600));
  say("alone", open(path, O_WRONLY | O_NONBLOCK));
  if (fork() == 0) {
    int w = open(path, O_WRONLY);
    write(w, "by name", 7);
    _exit(w < 0);
  }
  int r = open(path, O_RDONLY);
  n = read(r, buffer, 100);
  printf("fifo %d %.7s\n", n, buffer);
  wait(&status);
  say("fifo end", read(r, buffer, 100));
  struct stat st;
  fstat(r, &st);
  printf("fifo mode %o\n", st.st_mode);
  unlink(path);
  rmdir(folder);
  return 0;
}
