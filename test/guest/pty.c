// Ptys: pairs, echo, line editing, raw mode with times, signals, job control, hang-up.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

/** One call at a time: its result, and why it failed. */
static void say(const char *what, long result) {
  if (result < 0) printf("%s %ld %s\n", what, result, strerrorname_np(errno));
  else printf("%s %ld\n", what, result);
}

static char buffer[4096];
static int master;

/** What comes, which is `wanted` bytes: a pty hands on what is written in parts, and a little later. */
static void show(const char *what, int fd, int wanted) {
  int n = 0;
  do {
    struct pollfd p = {fd, POLLIN};
    if (wanted > 0) poll(&p, 1, 50000);
    int got = read(fd, buffer + n, sizeof buffer - n);
    if (n == 0 || got > 0) n += got;
    if (got <= 0) break;
  } while (n < wanted);
  if (n < 0) {
    printf("%s %s\n", what, strerrorname_np(errno));
    return;
  }
  printf("%s %d \"", what, n);
  for (int i = 0; i < n; i++) buffer[i] < 32 ? printf("\\%o", buffer[i]) : putchar(buffer[i]);
  printf("\"\n");
}

static volatile int caught;
static void on_signal(int s) { caught = s; }

int main(void) {
  setvbuf(stdout, NULL, _IONBF, 0);
  signal(SIGHUP, on_signal);
  master = posix_openpt(O_RDWR | O_NOCTTY);
  printf("master %d tty %d\n", master >= 0, isatty(master));
  grantpt(master);
  say("unlock", unlockpt(master));
  say("name", strncmp(ptsname(master), "/dev/pts/", 9));
  char name[64];
  strcpy(name, ptsname(master));
  int slave = open(name, O_RDWR | O_NOCTTY);
  struct stat st;
  fstat(slave, &st);
  printf("slave %d type %o\n", isatty(slave), st.st_mode & S_IFMT);
  fcntl(master, F_SETFL, O_RDWR | O_NONBLOCK);
  fcntl(slave, F_SETFL, O_RDWR | O_NONBLOCK);
  write(slave, "out\n", 4);
  show("output", master, 5);
  write(master, "hx\177i\n", 5);
  show("echo", master, 8);
  show("line", slave, 3);
  show("nothing", slave, 0);
  struct winsize ws = {24, 80, 0, 0};
  ioctl(slave, TIOCSWINSZ, &ws);
  memset(&ws, 0, sizeof ws);
  ioctl(master, TIOCGWINSZ, &ws);
  printf("window %d %d\n", ws.ws_row, ws.ws_col);
  struct termios t;
  tcgetattr(slave, &t);
  printf("termios %x %x %x %x\n", t.c_iflag, t.c_oflag, t.c_cflag, t.c_lflag);
  struct termios raw = t;
  cfmakeraw(&raw);
  raw.c_cc[VMIN] = 0, raw.c_cc[VTIME] = 2;
  tcsetattr(slave, TCSANOW, &raw);
  fcntl(slave, F_SETFL, O_RDWR);
  struct timespec a, b;
  clock_gettime(CLOCK_MONOTONIC, &a);
  int n = read(slave, buffer, 10);
  clock_gettime(CLOCK_MONOTONIC, &b);
  long ms = (b.tv_sec - a.tv_sec) * 1000 + (b.tv_nsec - a.tv_nsec) / 1000000;
  printf("timed %d in time %d\n", n, ms >= 190 && ms < 20000);
  raw.c_cc[VMIN] = 3, raw.c_cc[VTIME] = 0;
  tcsetattr(slave, TCSANOW, &raw);
  if (fork() == 0) {
    write(master, "a", 1);
    // The reader waits by now, or has not begun: either way it gets three or more.
    usleep(20000);
    write(master, "bcd", 3);
    _exit(0);
  }
  n = read(slave, buffer, 10);
  printf("at least three %d\n", n >= 3);
  wait(NULL);
  fcntl(slave, F_SETFL, O_RDWR | O_NONBLOCK);
  while (read(slave, buffer, 10) > 0);
  tcsetattr(slave, TCSAFLUSH, &t);
  int sid;
  say("no session", ioctl(slave, TIOCGSID, &sid));
  close(slave);

  int report[2];
  pipe(report);
  pid_t leader = fork();
  if (leader == 0) {
    dup2(report[1], 1);
    setsid();
    close(master);
    signal(SIGHUP, SIG_DFL);
    say("no tty", open("/dev/tty", O_RDWR));
    int tty = open(name, O_RDWR);
    printf("leader has it %d %d\n", tcgetsid(tty) == getpid(), tcgetpgrp(tty) == getpid());
    printf("dev tty %d\n", open("/dev/tty", O_RDWR) >= 0);
    signal(SIGINT, on_signal);
    signal(SIGWINCH, on_signal);
    signal(SIGTTOU, SIG_IGN);
    printf("ready\n");
    while (caught != SIGINT) usleep(1000);
    printf("interrupted\n");
    while (caught != SIGWINCH) usleep(1000);
    printf("resized\n");
    pid_t child = fork();
    if (child == 0) {
      setpgid(0, 0);
      signal(SIGTTOU, SIG_DFL);
      raise(SIGSTOP);
      char c;
      int got = read(tty, &c, 1);
      printf("child read %d %c\n", got, c);
      _exit(0);
    }
    setpgid(child, child);
    int status;
    waitpid(child, &status, WUNTRACED);
    kill(child, SIGCONT);
    waitpid(child, &status, WUNTRACED);
    printf("background read stopped by %d\n", WIFSTOPPED(status) ? WSTOPSIG(status) == SIGTTIN : -1);
    say("foreground", tcsetpgrp(tty, child));
    kill(child, SIGCONT);
    printf("go\n");
    waitpid(child, &status, 0);
    say("back", tcsetpgrp(tty, getpid()));
    say("other session", tcsetpgrp(tty, 1));
    fflush(stdout);
    pause();
    _exit(0);
  }
  close(report[1]);
  FILE *in = fdopen(report[0], "r");
  char line[256];
  while (fgets(line, sizeof line, in)) {
    printf("leader: %s", line);
    if (!strcmp(line, "ready\n")) write(master, "\3", 1);
    if (!strcmp(line, "interrupted\n")) {
      ws.ws_row = 50;
      ioctl(master, TIOCSWINSZ, &ws);
    }
    if (!strcmp(line, "go\n")) write(master, "k\n", 2);
    if (!strncmp(line, "other", 5)) break;
  }
  // Closing the master hangs the session up.
  close(master);
  int status;
  waitpid(leader, &status, 0);
  printf("leader ended by %d\n", WIFSIGNALED(status) ? WTERMSIG(status) : -WEXITSTATUS(status));
  return 0;
}
