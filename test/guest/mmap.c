// Memory: mapping, sharing, copy on write, protection, moving, advice.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define P 4096
static int result(void *p) { return p == MAP_FAILED ? errno : 0; }

int main(int argc, char **argv) {
  setvbuf(stdout, NULL, _IONBF, 0);
  char *a = mmap(NULL, 8 * P, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  printf("zero %d\n", a[0] + a[8 * P - 1]);
  memset(a, 1, 8 * P);
  printf("aligned %d\n", ((uintptr_t)a & (P - 1)) == 0);

  printf("errors: %d", result(mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)));
  printf(" %d", result(mmap(NULL, P, PROT_READ, MAP_ANONYMOUS, -1, 0)));
  printf(" %d", result(mmap(NULL, P, PROT_READ, MAP_PRIVATE, -1, 0)));
  printf(" %d", result(mmap(a + 1, P, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0)));
  printf(" %d", result(mmap(NULL, P, PROT_READ, MAP_PRIVATE, 0, 100)));
  printf(" %d", result(mmap(a, P, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0)));
  printf(" %d\n", result(mmap(NULL, (size_t)1 << 60, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)));

  // Holes, fixed mappings over old ones.
  munmap(a + 2 * P, P);
  char *b = mmap(a + 2 * P, P, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  printf("filled hole %d %d %d\n", b == a + 2 * P, b[5], a[P]);
  printf("munmap nothing %d\n", munmap(a + 2 * P, P) || munmap(a + 2 * P, P));
  printf("mprotect hole %d %d\n", mprotect(a, 8 * P, PROT_READ), errno);
  mprotect(a, 2 * P, PROT_READ | PROT_WRITE);
  a[0] = 9;

  // A hint is taken when free.
  char *hint = (char *)0x200000000000;
  b = mmap(hint, P, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  printf("hint %d\n", b == hint);

  // Reservations cost nothing.
  size_t huge = (size_t)64 << 30;
  char *reserved = mmap(NULL, huge, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  printf("reserved %d\n", reserved != MAP_FAILED);
  mprotect(reserved + huge / 2, P, PROT_READ | PROT_WRITE);
  reserved[huge / 2] = 3;
  printf("committed %d\n", reserved[huge / 2]);
  printf("unmapped %d\n", munmap(reserved, huge));

  // mremap.
  char *m = mmap(NULL, 4 * P, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  for (int i = 0; i < 4; i++) m[i * P] = 10 + i;
  m = mremap(m, 4 * P, 400 * P, MREMAP_MAYMOVE);
  printf("grown %d %d %d\n", m[0], m[3 * P], m[399 * P]);
  m = mremap(m, 400 * P, 2 * P, 0);
  printf("shrunk %d\n", m[P]);
  char *to = mmap(NULL, 2 * P, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  char *moved = mremap(m, 2 * P, 2 * P, MREMAP_MAYMOVE | MREMAP_FIXED, to);
  printf("moved %d %d %d\n", moved == to, moved[0], moved[P]);

  // Advice.
  char *d = mmap(NULL, 2 * P, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  memset(d, 7, 2 * P);
  madvise(d, P, MADV_DONTNEED);
  printf("dontneed %d %d\n", d[0], d[P]);
  printf("advice %d %d\n", madvise(d, P, 12345), errno);
  unsigned char vec[2];
  printf("mincore %d %d\n", mincore(d, 2 * P, vec), vec[1] & 1);

  // Files: private copies, shared writes, both sides.
  char name[] = "/tmp/mmapXXXXXX";
  int fd = mkstemp(name);
  unlink(name);
  ftruncate(fd, 3 * P);
  pwrite(fd, "first", 5, 0);
  pwrite(fd, "second", 6, P);
  char *private = mmap(NULL, 3 * P, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
  char *shared = mmap(NULL, 3 * P, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  char *later = mmap(NULL, P, PROT_READ, MAP_SHARED, fd, P);
  printf("contents %s %s %s\n", private, shared + P, later);
  private[0] = 'F';
  shared[P] = 'S';
  char buffer[10] = "";
  pread(fd, buffer, 6, P);
  printf("written %s %s %s %s %s\n", private, shared, shared + P, later, buffer);
  pwrite(fd, "w", 1, 1);
  printf("write seen %s %s\n", shared, private);
  pid_t pid = fork();
  if (pid == 0) {
    shared[2 * P] = 'c';
    private[2] = 'X';
    _exit(0);
  }
  waitpid(pid, NULL, 0);
  pread(fd, buffer, 1, 2 * P);
  printf("child wrote %c, private %s\n", buffer[0], private);
  printf("msync %d\n", msync(shared, 3 * P, MS_SYNC));
  int readonly = open(argv[0], O_RDONLY);
  if (readonly >= 0) {
    printf("shared write of a read-only file %d\n", result(mmap(NULL, P, PROT_WRITE, MAP_SHARED, readonly, 0)));
    char *code = mmap(NULL, P, PROT_READ | PROT_WRITE, MAP_PRIVATE, readonly, 0);
    printf("private %d\n", memcmp(code, "\177ELF", 4));
    code[0] = 1;
  }
  close(fd);
  printf("after close %s\n", shared);

  // Copy on write through several generations.
  int *v = mmap(NULL, P, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  v[0] = 1;
  for (int depth = 0; depth < 4; depth++) {
    pid = fork();
    if (pid != 0) break;
    v[0] *= 10;
  }
  int status;
  if (waitpid(pid, &status, 0) > 0 && v[0] == 1) printf("generations %d %d\n", v[0], WEXITSTATUS(status));
  else _exit(v[0] == 10000 ? 1 : WEXITSTATUS(status) + 1);

  // brk.
  char *end = sbrk(0);
  printf("brk %d\n", brk(end + 100000));
  end[99999] = 4;
  printf("heap %d %d\n", end[99999], end[5]);
  printf("shrink %d\n", brk(end));

  // Code written at run time.
  unsigned char *code = mmap(NULL, P, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  unsigned char function[] = {0xb8, 1, 0, 0, 0, 0xc3};  // mov eax, 1; ret
  for (int i = 1; i <= 3; i++) {
    function[1] = i * 7;
    memcpy(code, function, sizeof function);
    printf("code %d\n", ((int (*)(void))code)());
  }
  // And code on a page that becomes writable, then executable again.
  mprotect(code, P, PROT_READ | PROT_WRITE);
  code[1] = 99;
  mprotect(code, P, PROT_READ | PROT_EXEC);
  printf("code %d\n", ((int (*)(void))code)());
  return 0;
}
