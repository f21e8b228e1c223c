// Stopping, continuing, process groups and sessions.
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile unsigned *shared;
static volatile int chld, code;
static void on_chld(int sig, siginfo_t *info, void *context) { (void)sig; (void)context; chld++; code = info->si_code; }

static void describe(int status) {
  if (WIFSTOPPED(status)) printf("stopped %d\n", WSTOPSIG(status));
  else if (WIFCONTINUED(status)) printf("continued\n");
  else if (WIFSIGNALED(status)) printf("killed %d\n", WTERMSIG(status));
  else printf("exited %d\n", WEXITSTATUS(status));
  fflush(stdout);
}

int main(void) {
  setvbuf(stdout, NULL, _IONBF, 0);
  shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  struct sigaction action = {.sa_flags = SA_SIGINFO | SA_RESTART};
  action.sa_sigaction = on_chld;
  sigaction(SIGCHLD, &action, NULL);
  int status;

  // A sleeping and a computing child, stopped and continued.
  for (int busy = 0; busy < 2; busy++) {
    *shared = 0;
    pid_t pid = fork();
    if (pid == 0) {
      // Out of an orphaned group, where SIGTSTP would do nothing.
      setpgid(0, 0);
      while (1) {
        if (busy) (*shared)++;
        else { usleep(1000); (*shared)++; }
      }
    }
    while (*shared == 0) usleep(1000);
    kill(pid, SIGSTOP);
    waitpid(pid, &status, WUNTRACED);
    describe(status);
    unsigned before = *shared;
    usleep(20000);
    printf("stands still %d\n", *shared == before);
    printf("not again %d\n", waitpid(pid, &status, WUNTRACED | WNOHANG));
    kill(pid, SIGCONT);
    waitpid(pid, &status, WCONTINUED);
    describe(status);
    for (int i = 0; i < 2000 && *shared == before; i++) usleep(1000);
    printf("goes on %d\n", *shared != before);
    kill(pid, SIGTSTP);
    siginfo_t info;
    waitid(P_PID, pid, &info, WSTOPPED);
    printf("waitid %d %d\n", info.si_code, info.si_status);
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    describe(status);
  }
  printf("told %d last %d\n", chld >= 6, code);

  // A stopped process is not woken by other signals, but takes them when it goes on.
  pid_t pid = fork();
  if (pid == 0) {
    signal(SIGTERM, SIG_DFL);
    *shared = 1;
    for (;;) pause();
  }
  while (*shared != 1) usleep(1000);
  kill(pid, SIGSTOP);
  waitpid(pid, &status, WUNTRACED);
  kill(pid, SIGTERM);
  usleep(10000);
  printf("still there %d\n", waitpid(pid, &status, WNOHANG));
  kill(pid, SIGCONT);
  waitpid(pid, &status, 0);
  describe(status);

  // Groups and sessions.
  int tube[2];
  if (pipe(tube)) return 1;
  pid = fork();
  if (pid == 0) {
    printf("setsid %d\n", setsid() == getpid());
    printf("leader %d %d\n", getsid(0) == getpid(), getpgrp() == getpid());
    printf("again %d", setsid());
    printf(" %d\n", errno == EPERM);
    printf("setpgid of a leader %d", setpgid(0, 0));
    printf(" %d\n", errno == EPERM);
    pid_t child = fork();
    if (child == 0) {
      setpgid(0, 0);
      if (write(tube[1], "x", 1) != 1) _exit(1);
      for (;;) pause();
    }
    char c;
    if (read(tube[0], &c, 1) != 1) _exit(1);
    printf("own group %d same session %d\n", getpgid(child) == child, getsid(child) == getpid());
    pid_t friend = fork();
    if (friend == 0) { setpgid(0, child); if (write(tube[1], "x", 1) != 1) _exit(1); for (;;) pause(); }
    if (read(tube[0], &c, 1) != 1) _exit(1);
    printf("joined %d\n", getpgid(friend) == child);
    killpg(child, SIGUSR1);
    int killed = 0;
    while (waitpid(-child, &status, 0) > 0) killed += WTERMSIG(status) == SIGUSR1;
    printf("killed %d\n", killed);
    printf("no such group %d", kill(-child, 0));
    printf(" %d\n", errno == ESRCH);
    _exit(0);
  }
  waitpid(pid, &status, 0);

  // A stopped job whose shell ends is hung up and continued; other ends in its group are not its business.
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  pid = fork();
  if (pid == 0) {
    setsid();
    pid_t job = fork();
    if (job == 0) {
      setpgid(0, 0);
      signal(SIGHUP, SIG_DFL);
      if (write(tube[1], "x", 1) != 1) _exit(1);
      for (;;) pause();
    }
    setpgid(job, job);
    char ready;
    if (read(tube[0], &ready, 1) != 1) _exit(1);
    kill(job, SIGSTOP);
    waitpid(job, &status, WUNTRACED);
    pid_t other = fork();
    if (other == 0) { setpgid(0, job); _exit(0); }
    waitpid(other, &status, 0);
    printf("job lives %d\n", waitpid(job, &status, WNOHANG));
    _exit(0);
  }
  waitpid(pid, &status, 0);
  while (waitpid(-1, &status, 0) > 0) describe(status);
  return 0;
}
