// What the programs here wait with: for a state, never for a time that is long enough on most machines.
#pragma once
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <sys/types.h>
#include <unistd.h>

/** Returns once the process or thread sleeps in a call; one that sets a mark just before its call is then in it. */
static __attribute__((unused)) void until_asleep(pid_t task) {
  char path[64], text[512];
  snprintf(path, sizeof path, "/proc/%d/stat", task);
  for (;; usleep(1000)) {
    int fd = open(path, O_RDONLY);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    close(fd);
    if (n <= 0) return;
    text[n] = 0;
    // The name before it may contain anything (man 5 proc).
    char *end = strrchr(text, ')');
    if (end != NULL && end[2] == 'S') return;
  }
}

/** SIGALRM again and again, so that one that comes before the call it is meant to interrupt is not the last. */
static __attribute__((unused)) void alarms(long microseconds) {
  struct itimerval timer = {{0, microseconds}, {0, microseconds}};
  setitimer(ITIMER_REAL, &timer, NULL);
}
