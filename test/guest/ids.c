// User and group ids, and what they allow. Needs to start as root, as a container does.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

static void show(const char *what, int r) {
  int e = errno;
  uid_t a, b, c;
  gid_t d, g, f;
  getresuid(&a, &b, &c);
  getresgid(&d, &g, &f);
  printf("%s: %d %d uid %d %d %d gid %d %d %d\n", what, r, r < 0 ? e : 0, a, b, c, d, g, f);
}

int main(void) {
  setvbuf(stdout, NULL, _IONBF, 0);
  show("start", 0);
  if (fork() == 0) {
    gid_t groups[] = {10, 20, 30}, got[10];
    printf("setgroups %d\n", setgroups(3, groups));
    printf("getgroups %d %d\n", getgroups(10, got), got[2]);
    show("setregid", setregid(100, 200));
    show("setresuid", setresuid(1000, 1001, 1002));
    show("seteuid", seteuid(1002));
    show("setuid foreign", setuid(5));
    show("setuid back", setuid(1000));
    show("setreuid", setreuid(-1, 1002));
    printf("fsuid %d", setfsuid(1000));
    printf(" %d\n", setfsuid(-1));
    printf("setgroups %d", setgroups(0, NULL));
    printf(" %d\n", errno == EPERM);
    printf("kill init %d", kill(1, SIGTERM));
    printf(" %d\n", errno == EPERM || errno == ESRCH);
    _exit(0);
  }
  wait(NULL);

  // Files: what another user may do.
  char name[] = "/tmp/idsXXXXXX";
  int fd = mkstemp(name);
  close(fd);
  chmod(name, 0640);
  if (chown(name, 1000, 50)) perror("chown");
  pid_t pid;
  struct { int uid, gid; } who[] = {{1000, 1}, {2000, 50}, {2000, 1}};
  for (int i = 0; i < 3; i++) {
    pid = fork();
    if (pid == 0) {
      setgroups(0, NULL);
      setgid(who[i].gid);
      setuid(who[i].uid);
      printf("user %d group %d: read %d write %d\n", who[i].uid, who[i].gid, open(name, O_RDONLY) >= 0, open(name, O_WRONLY) >= 0);
      printf("  chmod %d\n", chmod(name, 0640));
      _exit(0);
    }
    waitpid(pid, NULL, 0);
  }
  unlink(name);

  // Limits.
  struct rlimit limit = {64, 128}, got;
  setrlimit(RLIMIT_NOFILE, &limit);
  getrlimit(RLIMIT_NOFILE, &got);
  printf("limit %d %d\n", (int)got.rlim_cur, (int)got.rlim_max);
  int highest = 0;
  for (;;) { fd = dup(0); if (fd < 0) break; highest = fd; }
  printf("highest %d %d\n", highest, errno == EMFILE);
  limit.rlim_cur = 200;
  printf("soft over hard %d", setrlimit(RLIMIT_NOFILE, &limit));
  printf(" %d\n", errno == EINVAL);

  // Names.
  char comm[16];
  prctl(PR_SET_NAME, "a rather long name");
  prctl(PR_GET_NAME, comm);
  printf("name %s\n", comm);
  printf("no new privileges %d", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  printf(" %d\n", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
  struct utsname uts;
  uname(&uts);
  printf("system %s %s\n", uts.sysname, uts.machine);
  printf("priority %d", getpriority(PRIO_PROCESS, 0));
  setpriority(PRIO_PROCESS, 0, 5);
  printf(" %d\n", getpriority(PRIO_PROCESS, 0));
  char random[32] = {0}, zero[32] = {0};
  printf("random %d\n", getentropy(random, 32) == 0 && memcmp(random, zero, 32) != 0);
  return 0;
}
