// What sockets and pipes do at their ends, and which of it comes with SIGPIPE.
#define _GNU_SOURCE
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>
#include <string.h>
#include <errno.h>
#include <signal.h>
#include <sys/sendfile.h>
#include <fcntl.h>
#include <poll.h>

static volatile int sig;
static void on_signal(int s) { sig = s; }

int main(void) {
  int s[2];
  socketpair(AF_UNIX, SOCK_SEQPACKET, 0, s);
  write(s[0], "abc", 3);
  char b[10];
  struct iovec v = {b, 10};
  struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
  int n = recvmsg(s[1], &m, 0);
  printf("%d %x\n", n, m.msg_flags);
  int p[2];
  pipe(p);
  close(p[0]);
  signal(SIGPIPE, on_signal);
  int f = open("/proc/self/exe", 0);
  n = sendfile(p[1], f, 0, 10);
  printf("%d %s %d\n", n, strerror(errno), sig);
  sig = 0;
  int q[2];
  pipe(q);
  write(q[1], "x", 1);
  n = splice(q[0], 0, p[1], 0, 10, 0);
  printf("%d %s %d\n", n, strerror(errno), sig);
  sig = 0;
  int d[2];
  socketpair(AF_UNIX, SOCK_DGRAM, 0, d);
  close(d[1]);
  n = send(d[0], "x", 1, 0);
  printf("dgram %d %s %d\n", n, strerror(errno), sig);
  struct pollfd pf = {d[0], POLLIN|POLLOUT};
  poll(&pf, 1, 0);
  printf("%x\n", pf.revents);
  sig = 0;
  socketpair(AF_UNIX, SOCK_SEQPACKET, 0, d);
  close(d[1]);
  n = send(d[0], "x", 1, 0);
  printf("seq %d %s %d\n", n, strerror(errno), sig);
  socketpair(AF_UNIX, SOCK_STREAM, 0, d);
  write(d[0], "hello", 5);
  n = recv(d[1], b, 0, 0);
  printf("zero %d\n", n);
  n = recv(d[1], b, 3, MSG_TRUNC);
  printf("trunc %d\n", n);
  n = send(d[0], "", 0, 0);
  printf("send0 %d\n", n);
  int ss = socket(AF_UNIX, SOCK_STREAM, 0);
  pf.fd = ss;
  pf.events = POLLIN|POLLOUT;
  poll(&pf, 1, 0);
  printf("new %x\n", pf.revents);
  n = read(ss, b, 1);
  printf("%d %s\n", n, strerror(errno));
  n = write(ss, b, 1);
  printf("%d %s\n", n, strerror(errno));
  int is = socket(AF_INET, SOCK_STREAM, 0);
  pf.fd = is;
  poll(&pf, 1, 0);
  printf("inet new %x\n", pf.revents);
  n = write(is, b, 1);
  printf("%d %s\n", n, strerror(errno));
  n = read(is, b, 1);
  printf("%d %s\n", n, strerror(errno));
  return 0;
}
