// Processes: fork, wait and its many forms, exit statuses, orphans.
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void describe(const char *name, int status) {
  if (WIFEXITED(status)) printf("%s: exited %d\n", name, WEXITSTATUS(status));
  else if (WIFSIGNALED(status)) printf("%s: signal %d\n", name, WTERMSIG(status));
  else printf("%s: status %x\n", name, status);
}

int main(void) {
  setvbuf(stdout, NULL, _IONBF, 0);
  int status;
  printf("no children: %d %d\n", wait(&status), errno);

  pid_t pid = fork();
  if (pid == 0) _exit(7);
  printf("same: %d\n", waitpid(pid, &status, 0) == pid);
  describe("exit", status);

  pid = fork();
  if (pid == 0) abort();
  waitpid(pid, &status, 0);
  describe("abort", status);

  pid = fork();
  if (pid == 0) for (;;) pause();
  printf("running: %d\n", waitpid(pid, &status, WNOHANG));
  kill(pid, SIGKILL);
  waitpid(pid, &status, 0);
  describe("kill", status);
  printf("gone: %d %d\n", kill(pid, 0), errno);

  // waitid leaves the zombie with WNOWAIT.
  pid = fork();
  if (pid == 0) _exit(300);
  siginfo_t info;
  memset(&info, 0xff, sizeof info);
  int r = waitid(P_PID, pid, &info, WEXITED | WNOWAIT);
  printf("waitid %d signo %d code %d status %d pid %d\n", r, info.si_signo, info.si_code, info.si_status, info.si_pid == pid);
  r = waitid(P_ALL, 0, &info, WEXITED);
  printf("waitid %d status %d\n", r, info.si_status);
  printf("waitid again %d %d\n", waitid(P_ALL, 0, &info, WEXITED | WNOHANG), errno);

  // Many children at once, any order, each status once.
  int sum = 0;
  for (int i = 1; i <= 20; i++) if (fork() == 0) _exit(i);
  while (wait(&status) > 0) sum += WEXITSTATUS(status);
  printf("sum %d\n", sum);

  // A wait for a process group.
  pid = fork();
  if (pid == 0) { setpgid(0, 0); _exit(9); }
  setpgid(pid, pid);
  printf("group: %d\n", waitpid(-pid, &status, 0) == pid);

  // Orphans go to the nearest subreaper.
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  pid_t self = getpid();
  int tube[2];
  if (pipe(tube)) return 1;
  pid = fork();
  if (pid == 0) {
    if (fork() == 0) {
      char c;
      close(tube[1]);
      read(tube[0], &c, 1);
      _exit(getppid() == self ? 42 : 1);
    }
    _exit(0);
  }
  waitpid(pid, &status, 0);
  close(tube[1]);
  printf("orphan: %d\n", wait(&status) > 0);
  describe("orphan", status);

  // Ignoring SIGCHLD leaves no zombies.
  signal(SIGCHLD, SIG_IGN);
  if (fork() == 0) _exit(1);
  printf("reaped by itself: %d %d\n", wait(&status), errno);
  signal(SIGCHLD, SIG_DFL);

  // fork copies memory, and shares what is mapped shared.
  int *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  int private = 1;
  pid = fork();
  if (pid == 0) { *shared = 5; private = 6; _exit(0); }
  waitpid(pid, NULL, 0);
  printf("shared %d private %d\n", *shared, private);

  // The parent's death signal.
  pid = fork();
  if (pid == 0) {
    if (fork() == 0) {
      prctl(PR_SET_PDEATHSIG, SIGUSR1);
      *shared = 1;
      for (;;) pause();
    }
    while (*(volatile int *)shared != 1) usleep(1000);
    _exit(0);
  }
  waitpid(pid, NULL, 0);
  wait(&status);
  describe("death signal", status);

  // vfork: the child runs first and shares memory.
  volatile int order = 0;
  pid = vfork();
  if (pid == 0) { order = 1; _exit(3); }
  printf("vfork order %d\n", order);
  waitpid(pid, &status, 0);
  describe("vfork", status);

  struct rusage usage;
  printf("wait4: %d\n", fork() == 0 ? (_exit(2), 0) : wait4(-1, &status, 0, &usage) > 0);
  return 23;
}
