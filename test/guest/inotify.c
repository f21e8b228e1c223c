// inotify: what happens in a directory and to a file.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/** One call at a time: its result, and why it failed. */
static void say(const char *what, long result) {
  if (result < 0) printf("%s %ld %s\n", what, result, strerrorname_np(errno));
  else printf("%s %ld\n", what, result);
}

static void show(const char *what, int fd) {
  char buffer[4096];
  int left = 0;
  ioctl(fd, FIONREAD, &left);
  ssize_t n = read(fd, buffer, sizeof buffer);
  printf("%s %zd %d:", what, n, left == (n < 0 ? 0 : n));
  static unsigned last;
  for (char *p = buffer; n > 0 && p < buffer + n;) {
    struct inotify_event *e = (void *)p;
    if (e->cookie) {
      printf(" [%d %x %s same move %d]", e->wd, e->mask, e->name, e->cookie == last);
      last = e->cookie;
    } else printf(" [%d %x %s]", e->wd, e->mask, e->len ? e->name : "");
    p += sizeof *e + e->len;
  }
  printf("\n");
}

int main(void) {
  setvbuf(stdout, NULL, _IONBF, 0);
  char folder[] = "/tmp/inotify-XXXXXX";
  mkdtemp(folder);
  chdir(folder);
  int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  say("init", fd >= 0 ? 0 : -1);
  say("missing", inotify_add_watch(fd, "nothing", IN_CREATE));
  say("no events", inotify_add_watch(fd, ".", 0));
  say("watch", inotify_add_watch(fd, ".", IN_ALL_EVENTS & ~(IN_ACCESS | IN_OPEN | IN_CLOSE_NOWRITE)));
  show("nothing", fd);
  int f = open("file", O_CREAT | O_RDWR, 0644);
  show("create", fd);
  write(f, "x", 1);
  write(f, "y", 1);
  show("write twice", fd);
  fchmod(f, 0600);
  close(f);
  show("chmod, close", fd);
  say("watch file", inotify_add_watch(fd, "file", IN_ALL_EVENTS & ~IN_OPEN));
  say("only directories", inotify_add_watch(fd, "file", IN_MODIFY | IN_ONLYDIR));
  truncate("file", 0);
  show("truncate", fd);
  mkdir("dir", 0755);
  rename("file", "dir/moved");
  show("move", fd);
  rename("dir/moved", "back");
  show("move back", fd);
  link("back", "second");
  show("link", fd);
  unlink("second");
  unlink("back");
  show("unlink", fd);
  symlink("x", "link");
  unlink("link");
  rmdir("dir");
  show("rmdir", fd);
  say("remove gone watch", inotify_rm_watch(fd, 2));
  struct pollfd p = {fd, POLLIN};
  say("poll", poll(&p, 1, 0));
  if (fork() == 0) {
    usleep(20000);
    close(open("late", O_CREAT | O_WRONLY, 0600));
    _exit(0);
  }
  say("woken", poll(&p, 1, 50000));
  wait(NULL);
  show("late", fd);
  unlink("late");
  char small[16];
  say("small", read(fd, small, sizeof small));
  show("unlink", fd);
  say("remove", inotify_rm_watch(fd, 1));
  show("ignored", fd);
  close(open("unseen", O_CREAT, 0600));
  show("unseen", fd);
  unlink("unseen");
  chdir("/");
  say("clean", rmdir(folder));
  return 0;
}
