// System work: `system getppid N`, `system read N` (one byte of /dev/zero), `system fork N` (fork, exec /bin/true,
// wait), `system pipe MB`. Prints nanoseconds for all of it.
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
static char block[65536];
int main(int argc, char **argv) {
  if (argc < 3) return 2;
  long count = atol(argv[2]);
  struct timespec start, end;
  clock_gettime(CLOCK_MONOTONIC, &start);
  if (!strcmp(argv[1], "getppid")) {
    for (long i = 0; i < count; i++) syscall(SYS_getppid);
  } else if (!strcmp(argv[1], "read")) {
    int zero = open("/dev/zero", O_RDONLY);
    for (long i = 0; i < count; i++) if (read(zero, block, 1) != 1) return 1;
  } else if (!strcmp(argv[1], "fork")) {
    for (long i = 0; i < count; i++) {
      pid_t child = fork();
      if (child == 0) { execl("/bin/true", "true", (char *)0); _exit(127); }
      int status;
      if (waitpid(child, &status, 0) != child || status != 0) return 1;
    }
  } else if (!strcmp(argv[1], "pipe")) {
    int ends[2];
    if (pipe(ends) != 0) return 1;
    pid_t child = fork();
    if (child == 0) {
      close(ends[0]);
      for (long left = count << 20; left > 0;) { ssize_t n = write(ends[1], block, sizeof block); if (n <= 0) _exit(1); left -= n; }
      _exit(0);
    }
    close(ends[1]);
    long total = 0;
    for (ssize_t n; (n = read(ends[0], block, sizeof block)) > 0;) total += n;
    int status;
    waitpid(child, &status, 0);
    if (total != count << 20) return 1;
  } else return 2;
  clock_gettime(CLOCK_MONOTONIC, &end);
  printf("%ld\n", (end.tv_sec - start.tv_sec) * 1000000000L + end.tv_nsec - start.tv_nsec);
  return 0;
}
