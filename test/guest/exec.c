// execve: arguments, environment, scripts, descriptors, errors; each stage is this program run again.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;
static char self[4096];

static int run(char *const argv[], char *const envp[]) {
  fflush(stdout);
  pid_t pid = fork();
  if (pid == 0) {
    execve(argv[0], argv, envp);
    _exit(100 + errno);
  }
  int status;
  waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void file(const char *path, const void *data, size_t size, int mode) {
  int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0700);
  if (write(fd, data, size) != (ssize_t)size) perror(path);
  fchmod(fd, mode);
  close(fd);
}

static void text(const char *path, const char *content, int mode) { file(path, content, strlen(content), mode); }

int main(int argc, char **argv) {
  if (argc > 1 && strcmp(argv[1], "show") == 0) {
    printf("argc %d\n", argc);
    for (int i = 1; i < argc; i++) printf("  [%s]\n", argv[i]);
    for (char **e = environ; *e; e++) printf("  {%s}\n", *e);
    struct sigaction action;
    sigaction(SIGUSR1, NULL, &action);
    printf("  usr1 %s\n", action.sa_handler == SIG_IGN ? "ignored" : action.sa_handler == SIG_DFL ? "default" : "caught");
    sigaction(SIGUSR2, NULL, &action);
    printf("  usr2 %s\n", action.sa_handler == SIG_IGN ? "ignored" : action.sa_handler == SIG_DFL ? "default" : "caught");
    printf("  fd 20 %s, fd 21 %s\n", fcntl(20, F_GETFD) < 0 ? "closed" : "open", fcntl(21, F_GETFD) < 0 ? "closed" : "open");
    printf("  page %lu secure %lu random %d platform %s\n", getauxval(AT_PAGESZ), getauxval(AT_SECURE),
           getauxval(AT_RANDOM) != 0, (char *)getauxval(AT_PLATFORM));
    return 11;
  }
  if (argc > 1) {
    // As a script's interpreter.
    printf("interpreter:");
    for (int i = 1; i < argc; i++) printf(" [%s]", argv[i]);
    printf("\n");
    return 12;
  }
  strcpy(self, argv[0]);
  char *envp[] = {"A=1", "EMPTY=", "LONG=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", NULL};
  char *show[] = {self, "show", "", "two words", NULL};
  signal(SIGUSR1, SIG_IGN);
  signal(SIGUSR2, (void (*)(int))main);
  int fd = open("/dev/null", O_RDONLY);
  if (fd < 0) fd = dup(0);
  dup2(fd, 20);
  dup3(fd, 21, O_CLOEXEC);
  printf("show: %d\n", run(show, envp));

  char dir[] = "/tmp/execXXXXXX";
  if (!mkdtemp(dir) || chdir(dir)) return 1;
  char line[5000];
  snprintf(line, sizeof line, "#!%s one  two \nrest\n", self);
  text("script", line, 0755);
  char *script[] = {"./script", "three", NULL};
  printf("script: %d\n", run(script, envp));
  snprintf(line, sizeof line, "#! \t%s", self);
  text("bare", line, 0755);
  char *bare[] = {"./bare", NULL};
  printf("bare: %d\n", run(bare, envp));
  snprintf(line, sizeof line, "#!%s/script\n", dir);
  text("nested", line, 0755);
  printf("nested: %d\n", chdir("/") || 0);
  char nested_path[100];
  snprintf(nested_path, sizeof nested_path, "%s/nested", dir);
  char *nested[] = {nested_path, NULL};
  fflush(stdout);
  int to_null = dup(1);
  // The temporary name differs from run to run: not shown.
  int hide = open("/dev/null", O_WRONLY);
  dup2(hide, 1);
  int result = run(nested, envp);
  dup2(to_null, 1);
  printf("nested: %d\n", result);
  if (chdir(dir)) return 1;

  text("loop", "#!./loop\n", 0755);
  char *loop[] = {"./loop", NULL};
  printf("loop: %d\n", run(loop, envp) - 100 == ELOOP);
  text("empty", "", 0755);
  char *empty[] = {"./empty", NULL};
  printf("empty: %d\n", run(empty, envp) - 100 == ENOEXEC);
  text("text", "echo hello\n", 0755);
  char *plain[] = {"./text", NULL};
  printf("text: %d\n", run(plain, envp) - 100 == ENOEXEC);
  text("none", "#!/no/such/interpreter\n", 0755);
  char *none[] = {"./none", NULL};
  printf("no interpreter: %d\n", run(none, envp) - 100 == ENOENT);
  text("forbidden", "#!/bin/sh\n", 0644);
  char *forbidden[] = {"./forbidden", NULL};
  printf("not executable: %d\n", run(forbidden, envp) - 100 == EACCES);
  mkdir("directory", 0755);
  char *directory[] = {"./directory", NULL};
  printf("directory: %d\n", run(directory, envp) - 100 == EACCES);
  char *missing[] = {"./missing", NULL};
  printf("missing: %d\n", run(missing, envp) - 100 == ENOENT);
  char *below[] = {"./text/x", NULL};
  printf("below a file: %d\n", run(below, envp) - 100 == ENOTDIR);

  // Broken ELF files fail cleanly.
  unsigned char elf[4096] = {0x7f, 'E', 'L', 'F', 2, 1, 1};
  file("short.elf", elf, 20, 0755);
  char *short_elf[] = {"./short.elf", NULL};
  printf("short: %d\n", run(short_elf, envp) - 100 == ENOEXEC);
  elf[16] = 2;
  elf[18] = 183;  // arm64
  elf[32] = 64;
  elf[54] = 56;
  elf[56] = 1;
  file("arm.elf", elf, sizeof elf, 0755);
  char *arm[] = {"./arm.elf", NULL};
  printf("other machine: %d\n", run(arm, envp) - 100 == ENOEXEC);
  elf[18] = 62;
  elf[54] = 55;
  file("odd.elf", elf, sizeof elf, 0755);
  char *odd[] = {"./odd.elf", NULL};
  printf("odd header: %d\n", run(odd, envp) - 100 == ENOEXEC);

  // execveat and a descriptor without a name.
  int program = open(self, O_RDONLY | O_CLOEXEC);
  fflush(stdout);
  pid_t pid = fork();
  if (pid == 0) {
    char *const args[] = {"by fd", "show", NULL};
    fexecve(program, args, envp);
    _exit(errno);
  }
  int status;
  waitpid(pid, &status, 0);
  printf("fexecve: %d\n", WEXITSTATUS(status));

  // Too much.
  char *big = malloc(200000);
  memset(big, 'x', 199999);
  big[199999] = 0;
  char *huge[] = {self, big, NULL};
  printf("string too long: %d\n", run(huge, envp) - 100 == E2BIG);
  char **many = malloc(sizeof(char *) * 2000001);
  for (int i = 0; i < 2000000; i++) many[i] = "abcdefgh";
  many[0] = self;
  many[2000000] = NULL;
  printf("too many: %d\n", run(many, envp) - 100 == E2BIG);
  snprintf(line, sizeof line, "rm -r %s", dir);
  for (int i = 0; i < 3; i++) {
    const char *names[] = {"script", "bare", "nested", "loop", "empty", "text", "none", "forbidden", "short.elf", "arm.elf", "odd.elf"};
    for (unsigned j = 0; j < sizeof names / sizeof *names; j++) unlink(names[j]);
    rmdir("directory");
  }
  rmdir(dir);
  return 0;
}
