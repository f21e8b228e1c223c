// system MODE COUNT REPEATS [COMMAND ARG…]: system work, COUNT times or megabytes of it. Prints nanoseconds for all of
// it, a line for each repeat.
//
//   getppid   the cheapest system call
//   read      one byte of /dev/zero
//   fork      fork, exec COMMAND (/bin/true unless given), wait
//   pipe      COUNT megabytes to a child, 64 KiB at a time
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
static char block[65536];
static int getppids(long count) {
  for (long i = 0; i < count; i++) syscall(SYS_getppid);
  return 0;
}
static int reads(long count) {
  int zero = open("/dev/zero", O_RDONLY);
  for (long i = 0; i < count; i++) if (read(zero, block, 1) != 1) return 1;
  return close(zero);
}
static int forks(long count, char **command) {
  for (long i = 0; i < count; i++) {
    pid_t child = fork();
    if (child == 0) { execv(command[0], command); _exit(127); }
    int status;
    if (waitpid(child, &status, 0) != child || status != 0) return 1;
  }
  return 0;
}
static int pipes(long megabytes) {
  int ends[2];
  if (pipe(ends) != 0) return 1;
  pid_t child = fork();
  if (child == 0) {
    close(ends[0]);
    for (long left = megabytes << 20; left > 0;) { ssize_t n = write(ends[1], block, sizeof block); if (n <= 0) _exit(1); left -= n; }
    _exit(0);
  }
  close(ends[1]);
  long total = 0;
  for (ssize_t n; (n = read(ends[0], block, sizeof block)) > 0;) total += n;
  close(ends[0]);
  int status;
  if (waitpid(child, &status, 0) != child || status != 0) return 1;
  return total != megabytes << 20;
}
int main(int argc, char **argv) {
  if (argc < 4) return 2;
  long count = atol(argv[2]);
  static char *standard[] = {"/bin/true", 0};
  for (int i = 0; i < atoi(argv[3]); i++) {
    struct timespec start, end;
    int failed;
    clock_gettime(CLOCK_MONOTONIC, &start);
    if (!strcmp(argv[1], "getppid")) failed = getppids(count);
    else if (!strcmp(argv[1], "read")) failed = reads(count);
    else if (!strcmp(argv[1], "fork")) failed = forks(count, argc > 4 ? argv + 4 : standard);
    else if (!strcmp(argv[1], "pipe")) failed = pipes(count);
    else return 2;
    if (failed) return 1;
    clock_gettime(CLOCK_MONOTONIC, &end);
    printf("%ld\n", (end.tv_sec - start.tv_sec) * 1000000000L + end.tv_nsec - start.tv_nsec);
  }
  return 0;
}
