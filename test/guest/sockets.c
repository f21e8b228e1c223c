// Unix sockets: pairs, names, rights, credentials, ends; and connections over loopback.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/** One call at a time: its result, and why it failed. */
static void say(const char *what, long result) {
  if (result < 0) printf("%s %ld %s\n", what, result, strerrorname_np(errno));
  else printf("%s %ld\n", what, result);
}

static char buffer[300000];

static short events(int fd) {
  struct pollfd p = {fd, POLLIN | POLLOUT | POLLRDHUP};
  poll(&p, 1, 0);
  return p.revents;
}

static void send_fd(int s, int fd) {
  char control[CMSG_SPACE(sizeof(int))] = {0};
  struct iovec iov = {"f", 1};
  struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  struct cmsghdr *c = CMSG_FIRSTHDR(&m);
  c->cmsg_level = SOL_SOCKET;
  c->cmsg_type = SCM_RIGHTS;
  c->cmsg_len = CMSG_LEN(sizeof(int));
  memcpy(CMSG_DATA(c), &fd, sizeof fd);
  say("send rights", sendmsg(s, &m, 0));
}

static int receive_fd(int s, int room) {
  char control[256];
  struct iovec iov = {buffer, 10};
  struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = room};
  ssize_t n = recvmsg(s, &m, MSG_CMSG_CLOEXEC);
  int fd = -1;
  struct cmsghdr *c = CMSG_FIRSTHDR(&m);
  if (c && c->cmsg_type == SCM_RIGHTS) memcpy(&fd, CMSG_DATA(c), sizeof fd);
  printf("receive rights %zd control %zu flags %x got %d\n", n, m.msg_controllen, m.msg_flags, fd >= 0);
  return fd;
}

int main(void) {
  setvbuf(stdout, NULL, _IONBF, 0);
  signal(SIGPIPE, SIG_IGN);
  int s[2];
  say("pair", socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, s));
  printf("events %x\n", events(s[0]));
  say("write", write(s[0], "hello ", 6));
  say("send", send(s[0], "world", 5, 0));
  say("peek", recv(s[1], buffer, 3, MSG_PEEK));
  say("read", read(s[1], buffer, 100));
  printf("%.11s\n", buffer);
  say("empty", recv(s[1], buffer, 1, MSG_DONTWAIT));
  struct ucred u;
  socklen_t len = sizeof u;
  getsockopt(s[0], SOL_SOCKET, SO_PEERCRED, &u, &len);
  printf("peer %d %d %d\n", u.pid == getpid(), u.uid == getuid(), len);
  int v;
  len = sizeof v;
  getsockopt(s[0], SOL_SOCKET, SO_TYPE, &v, &len);
  printf("type %d\n", v);
  send_fd(s[0], 1);
  int fd = receive_fd(s[1], 256);
  struct stat a, b;
  fstat(fd, &a), fstat(1, &b);
  printf("same file %d cloexec %d\n", a.st_ino == b.st_ino && a.st_dev == b.st_dev, fcntl(fd, F_GETFD));
  close(fd);
  send_fd(s[0], 1);
  receive_fd(s[1], 0);
  // Rights stop a read at their byte.
  write(s[0], "abc", 3);
  send_fd(s[0], 1);
  write(s[0], "xyz", 3);
  say("up to rights", read(s[1], buffer, 100));
  say("", read(s[1], buffer, 100));
  say("shutdown", shutdown(s[0], SHUT_WR));
  say("end", read(s[1], buffer, 1));
  printf("events %x %x\n", events(s[1]), events(s[0]));
  say("after shutdown", write(s[0], "x", 1));
  say("other way", write(s[1], "back", 4));
  say("", read(s[0], buffer, 100));
  close(s[1]);
  say("closed", read(s[0], buffer, 1));
  printf("events %x\n", events(s[0]));
  close(s[0]);

  socketpair(AF_UNIX, SOCK_STREAM, 0, s);
  write(s[0], "unread", 6);
  write(s[1], "unread", 6);
  close(s[1]);
  say("reset", read(s[0], buffer, 100));
  say("", read(s[0], buffer, 100));
  close(s[0]);

  socketpair(AF_UNIX, SOCK_SEQPACKET, 0, s);
  write(s[0], "first", 5);
  write(s[0], "second", 6);
  say("record", recv(s[1], buffer, 3, MSG_TRUNC));
  say("", read(s[1], buffer, 100));
  close(s[0]);
  say("record end", read(s[1], buffer, 100));
  close(s[1]);

  char folder[] = "/tmp/sockets-XXXXXX";
  mkdtemp(folder);
  struct sockaddr_un un = {AF_UNIX};
  snprintf(un.sun_path, sizeof un.sun_path, "%s/socket", folder);
  int listener = socket(AF_UNIX, SOCK_STREAM, 0);
  say("nobody", connect(listener, (void *)&un, sizeof un));
  say("bind", bind(listener, (void *)&un, sizeof un));
  say(" again", bind(listener, (void *)&un, sizeof un));
  int client = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
  say("not listening", connect(client, (void *)&un, sizeof un));
  say("listen", listen(listener, 1));
  stat(un.sun_path, &a);
  printf("node %o\n", a.st_mode & S_IFMT);
  say("connect", connect(client, (void *)&un, sizeof un));
  printf("events %x\n", events(listener));
  struct sockaddr_un from;
  len = sizeof from;
  int server = accept4(listener, (void *)&from, &len, SOCK_CLOEXEC);
  printf("accept %d length %d\n", server >= 0, len);
  len = sizeof from;
  getsockname(server, (void *)&from, &len);
  printf("name %d\n", len == offsetof(struct sockaddr_un, sun_path) + strlen(un.sun_path) + 1);
  int c2 = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0), c3 = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0),
      c4 = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
  say("backlog", connect(c2, (void *)&un, sizeof un));
  say("backlog", connect(c3, (void *)&un, sizeof un));
  say("backlog", connect(c4, (void *)&un, sizeof un));
  // A megabyte both ways at once through a child that echoes.
  if (fork() == 0) {
    close(client);
    for (ssize_t n; (n = read(server, buffer, 50000)) > 0;)
      for (ssize_t done = 0, w; done < n; done += w) w = write(server, buffer + done, n - done);
    _exit(0);
  }
  close(server);
  int sent = 0, got = 0, wrong = 0;
  while (got < 1 << 20) {
    struct pollfd p = {client, POLLIN | (sent < 1 << 20 ? POLLOUT : 0)};
    poll(&p, 1, -1);
    if (p.revents & POLLOUT) {
      int part = (1 << 20) - sent < 30000 ? (1 << 20) - sent : 30000;
      for (int i = 0; i < part; i++) buffer[i] = (sent + i) * 13;
      ssize_t n = write(client, buffer, part);
      if (n > 0) sent += n;
    }
    if (p.revents & POLLIN) {
      ssize_t n = read(client, buffer, sizeof buffer);
      for (int i = 0; i < n; i++) wrong += buffer[i] != (char)((got + i) * 13);
      got += n;
    }
  }
  close(client);
  wait(NULL);
  printf("echoed %d wrong %d\n", got, wrong);
  close(listener);
  say("gone", connect(c4, (void *)&un, sizeof un));
  unlink(un.sun_path);

  // Datagrams by abstract name.
  struct sockaddr_un abstract = {AF_UNIX};
  // One name for each process: another copy of this program may run.
  len = offsetof(struct sockaddr_un, sun_path) + 1 + sprintf(abstract.sun_path + 1, "wherry-%010d", getpid());
  int d = socket(AF_UNIX, SOCK_DGRAM, 0), e = socket(AF_UNIX, SOCK_DGRAM, 0);
  say("abstract", bind(d, (void *)&abstract, len));
  int on = 1;
  setsockopt(d, SOL_SOCKET, SO_PASSCRED, &on, sizeof on);
  say("sendto", sendto(e, "datagram", 8, 0, (void *)&abstract, len));
  char control[256];
  struct iovec iov = {buffer, 4};
  struct msghdr m = {.msg_name = &from, .msg_namelen = sizeof from, .msg_iov = &iov, .msg_iovlen = 1,
                     .msg_control = control, .msg_controllen = sizeof control};
  ssize_t n = recvmsg(d, &m, 0);
  struct cmsghdr *c = CMSG_FIRSTHDR(&m);
  memcpy(&u, CMSG_DATA(c), sizeof u);
  printf("recvmsg %zd flags %x name %d credentials %d\n", n, m.msg_flags, m.msg_namelen, u.pid == getpid());
  say("unconnected", send(e, "x", 1, 0));
  say("connect", connect(e, (void *)&abstract, len));
  say("send", send(e, "x", 1, 0));
  rmdir(folder);

  // Loopback.
  struct sockaddr_in in = {AF_INET, 0, {htonl(INADDR_LOOPBACK)}};
  listener = socket(AF_INET, SOCK_STREAM, 0);
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  say("inet bind", bind(listener, (void *)&in, sizeof in));
  say("listen", listen(listener, 5));
  len = sizeof in;
  getsockname(listener, (void *)&in, &len);
  printf("port %d length %d\n", ntohs(in.sin_port) > 1023, len);
  if (fork() == 0) {
    int s = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(s, (void *)&in, sizeof in) != 0) _exit(1);
    write(s, "over loopback", 13);
    shutdown(s, SHUT_WR);
    read(s, buffer, 100);
    _exit(0);
  }
  struct sockaddr_in peer;
  len = sizeof peer;
  server = accept(listener, (void *)&peer, &len);
  printf("from %s length %d\n", inet_ntoa(peer.sin_addr), len);
  n = recv(server, buffer, 100, MSG_WAITALL);
  printf("got %zd %.13s\n", n, buffer);
  write(server, "bye", 3);
  int status;
  wait(&status);
  printf("child %d\n", status);
  close(server);
  close(listener);
  int t = socket(AF_INET, SOCK_STREAM, 0);
  say("refused", connect(t, (void *)&in, sizeof in));

  int udp = socket(AF_INET, SOCK_DGRAM, 0), from_udp = socket(AF_INET, SOCK_DGRAM, 0);
  in.sin_port = 0;
  bind(udp, (void *)&in, sizeof in);
  len = sizeof in;
  getsockname(udp, (void *)&in, &len);
  say("udp", sendto(from_udp, "packet", 6, 0, (void *)&in, sizeof in));
  len = sizeof peer;
  n = recvfrom(udp, buffer, 100, 0, (void *)&peer, &len);
  printf("udp got %zd from %d length %d\n", n, peer.sin_family, len);
  say("bad descriptor", bind(99, (void *)&in, sizeof in));
  pipe(s);
  say("no socket", listen(s[0], 1));
  return 0;
}
