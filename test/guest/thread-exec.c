// execve from a thread that is not the first: all others end, and the process keeps its number.
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static char **arguments;
static char number[20];

static void *spin(void *arg) { (void)arg; for (;;); }
static void *sleeper(void *arg) { (void)arg; for (;;) pause(); }
static void *exec_thread(void *arg) {
  (void)arg;
  snprintf(number, sizeof number, "%d", getpid());
  char *argv[] = {arguments[0], number, NULL};
  execv(arguments[0], argv);
  perror("exec");
  return NULL;
}
static void *last_thread(void *arg) { (void)arg; usleep(20000); _exit(9); }

int main(int argc, char **argv) {
  if (argc > 1) {
    printf("same pid %d, leader %d\n", atoi(argv[1]) == getpid(), syscall(SYS_gettid) == getpid());
    fflush(stdout);
    // The first thread may end before the others.
    pthread_t thread;
    pthread_create(&thread, NULL, last_thread, NULL);
    pthread_exit(NULL);
  }
  arguments = argv;
  pid_t pid = fork();
  if (pid == 0) {
    pthread_t thread;
    pthread_create(&thread, NULL, spin, NULL);
    pthread_create(&thread, NULL, sleeper, NULL);
    pthread_create(&thread, NULL, exec_thread, NULL);
    for (;;) pause();
  }
  int status;
  waitpid(pid, &status, 0);
  printf("status %d\n", WEXITSTATUS(status));
  return 0;
}
