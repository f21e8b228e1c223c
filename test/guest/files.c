// Files, directories, attributes and locks.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <utime.h>

static char buffer[300000];

/** One call at a time: its result, and why it failed. */
static void say(const char *what, long result) {
  if (result < 0) printf("%s %ld %s\n", what, result, strerrorname_np(errno));
  else printf("%s %ld\n", what, result);
}

static int by_name(const void *a, const void *b) { return strcmp(*(char **)a, *(char **)b); }

static void list(const char *path) {
  DIR *d = opendir(path);
  char *names[64];
  int n = 0;
  for (struct dirent *e; (e = readdir(d));) {
    asprintf(&names[n++], "%s:%d", e->d_name, e->d_type);
  }
  closedir(d);
  qsort(names, n, sizeof *names, by_name);
  for (int i = 0; i < n; i++) printf("%s ", names[i]);
  printf("\n");
}

int main(void) {
  setvbuf(stdout, NULL, _IONBF, 0);
  umask(022);
  char folder[] = "/tmp/files-XXXXXX";
  mkdtemp(folder);
  say("chdir", chdir(folder));
  printf("cwd %d\n", strcmp(getcwd(buffer, 100), folder));
  say("getcwd short", syscall(SYS_getcwd, buffer, 3));

  int f = open("a", O_RDWR | O_CREAT | O_EXCL, 0666);
  say("exclusive", open("a", O_RDWR | O_CREAT | O_EXCL, 0666));
  say("missing", open("nothing", O_RDONLY));
  say("directory wanted", open("a", O_DIRECTORY));
  say("through a file", open("a/b", O_RDONLY));
  say("directory written", open(".", O_WRONLY));
  printf("flags %o\n", fcntl(f, F_GETFL));
  say("write", write(f, "hello world", 11));
  say("seek", lseek(f, -5, SEEK_END));
  say("read", read(f, buffer, 100));
  printf("%.5s\n", buffer);
  say("at the end", read(f, buffer, 100));
  say("seek before", lseek(f, -1, SEEK_SET));
  say("seek odd", lseek(f, 0, 99));
  say("pwrite", pwrite(f, "HE", 2, 0));
  say("pread", pread(f, buffer, 4, 0));
  say("pread negative", pread(f, buffer, 4, -1));
  say("hole", pwrite(f, "end", 3, 100000));
  say("position", lseek(f, 0, SEEK_CUR));
  memset(buffer, 1, sizeof buffer);
  say("read all", pread(f, buffer, sizeof buffer, 0));
  int zeros = 0;
  for (int i = 11; i < 100000; i++) zeros += buffer[i] == 0;
  printf("zeros %d\n", zeros);
  struct iovec iov[2] = {{buffer, 5}, {buffer + 10, 7}};
  say("preadv", preadv(f, iov, 2, 99998));
  say("writev too many", writev(f, iov, 2000));
  say("ftruncate", ftruncate(f, 5));
  struct stat st;
  fstat(f, &st);
  printf("size %ld mode %o links %ld\n", (long)st.st_size, st.st_mode, (long)st.st_nlink);
  say("fallocate", fallocate(f, 0, 0, 9000));
  fstat(f, &st);
  printf("size %ld\n", (long)st.st_size);
  say("truncate", truncate("a", 3));
  say("truncate negative", truncate("a", -1));
  say("read only", ftruncate(open("a", O_RDONLY), 0));
  int ap = open("a", O_WRONLY | O_APPEND);
  lseek(ap, 0, SEEK_SET);
  write(ap, "APP", 3);
  say("append", lseek(ap, 0, SEEK_CUR));
  say("read write-only", read(ap, buffer, 1));
  say("null buffer", read(f, NULL, 4) < 0 ? -1 : 0);

  int d = dup(f), d2 = fcntl(f, F_DUPFD_CLOEXEC, 100);
  lseek(f, 2, SEEK_SET);
  say("shared position", lseek(d, 0, SEEK_CUR));
  printf("dupfd %d cloexec %d\n", d2, fcntl(d2, F_GETFD));
  say("dup2", dup2(f, 200));
  say("dup2 itself", dup2(f, f) == f ? 0 : -1);
  say("dup3 itself", dup3(f, f, 0));
  say("dup2 bad", dup2(99, 5));
  say("close_range", syscall(SYS_close_range, 100, 300, 0));
  say("closed", close(200));

  say("mkdir", mkdir("dir", 0777));
  say("mkdir again", mkdir("dir", 0777));
  say("symlink", symlink("dir/x", "link"));
  say("readlink", readlink("link", buffer, 3));
  say("readlink file", readlink("a", buffer, 3));
  say("dangling", open("link", O_RDONLY));
  say("create through link", open("link", O_WRONLY | O_CREAT, 0600) < 0 ? -1 : 0);
  say("nofollow", open("link", O_RDONLY | O_NOFOLLOW));
  say("link", link("a", "dir/b"));
  stat("dir/b", &st);
  printf("links %ld\n", (long)st.st_nlink);
  say("link to directory", link("dir", "dir2"));
  say("mkfifo", mkfifo("dir/fifo", 0644));
  list("dir");
  list(".");
  say("rename", rename("dir/b", "c"));
  say("rename over directory", rename("c", "dir"));
  say("rename into itself", rename("dir", "dir/sub"));
  say("noreplace", renameat2(AT_FDCWD, "c", AT_FDCWD, "a", RENAME_NOREPLACE));
  say("exchange", renameat2(AT_FDCWD, "c", AT_FDCWD, "link", RENAME_EXCHANGE));
  say("rmdir full", rmdir("dir"));
  say("unlink directory", unlink("dir"));
  say("rmdir file", rmdir("a"));
  int dir = open("dir", O_RDONLY | O_DIRECTORY);
  say("read directory", read(dir, buffer, 10));
  say("openat", openat(dir, "x", O_RDONLY) < 0 ? -1 : 0);
  say("fstatat", fstatat(dir, "fifo", &st, AT_SYMLINK_NOFOLLOW));
  printf("type %o\n", st.st_mode);
  say("empty path", fstatat(dir, "", &st, AT_EMPTY_PATH));
  say("no empty path", fstatat(dir, "", &st, 0));
  say("fchdir", fchdir(dir));
  say("unlinkat", unlinkat(dir, "fifo", 0));
  say("chdir up", chdir(".."));
  struct statx sx;
  say("statx", statx(AT_FDCWD, "a", 0, STATX_BASIC_STATS, &sx));
  printf("statx %o %u %lld\n", sx.stx_mode, sx.stx_nlink, (long long)sx.stx_size);
  struct statfs sf;
  say("statfs", statfs(".", &sf));
  printf("name max %ld\n", (long)sf.f_namelen);

  say("chmod", chmod("a", 04711));
  stat("a", &st);
  printf("mode %o\n", st.st_mode);
  say("access", access("a", R_OK | X_OK));
  say("access missing", access("nothing", F_OK));
  struct timespec ts[2] = {{1000, 5}, {0, UTIME_OMIT}};
  say("utimensat", utimensat(AT_FDCWD, "a", ts, 0));
  struct utimbuf ub = {10, 20};
  stat("a", &st);
  printf("atime %ld.%ld\n", (long)st.st_atim.tv_sec, (long)st.st_atim.tv_nsec);
  say("utime", utime("a", &ub));
  stat("a", &st);
  printf("times %ld %ld\n", (long)st.st_atime, (long)st.st_mtime);
  say("umask", umask(077));
  say("umask", umask(022));
  say("setxattr", setxattr("a", "user.test", "value", 5, 0));
  say("setxattr create", setxattr("a", "user.test", "value", 5, XATTR_CREATE));
  say("getxattr size", getxattr("a", "user.test", NULL, 0));
  say("getxattr", getxattr("a", "user.test", buffer, 100));
  say("getxattr short", getxattr("a", "user.test", buffer, 2));
  say("listxattr", listxattr("a", buffer, 100));
  say("removexattr", removexattr("a", "user.test"));
  say("getxattr gone", getxattr("a", "user.test", buffer, 100));

  // Unlinked but open.
  int u = open("u", O_RDWR | O_CREAT, 0600);
  unlink("u");
  write(u, "kept", 4);
  fstat(u, &st);
  printf("unlinked links %ld size %ld\n", (long)st.st_nlink, (long)st.st_size);
  int t = open(".", O_TMPFILE | O_RDWR, 0600);
  say("tmpfile", t < 0 ? -1 : 0);
  snprintf(buffer, 100, "/proc/self/fd/%d", t);
  say("give it a name", linkat(AT_FDCWD, buffer, AT_FDCWD, "named", AT_SYMLINK_FOLLOW));
  char where[200];
  snprintf(buffer, 100, "/proc/self/fd/%d", f);
  int n = readlink(buffer, where, sizeof where);
  printf("proc fd %d\n", n - (int)strlen(folder));
  say("reopen", open(buffer, O_RDONLY) < 0 ? -1 : 0);

  // sendfile, copy_file_range.
  int s = open("s", O_RDWR | O_CREAT | O_TRUNC, 0600), o = open("o", O_RDWR | O_CREAT | O_TRUNC, 0600);
  for (int i = 0; i < 200000; i++) buffer[i] = i * 7;
  write(s, buffer, 200000);
  off_t off = 100;
  say("sendfile", sendfile(o, s, &off, 150000));
  printf("offset %ld\n", (long)off);
  memset(buffer, 0, sizeof buffer);
  pread(o, buffer, 200000, 0);
  int wrong = 0;
  for (int i = 0; i < 150000; i++) wrong += buffer[i] != (char)((i + 100) * 7);
  printf("wrong %d\n", wrong);
  loff_t in = 0, out = 10;
  say("copy_file_range", copy_file_range(s, &in, o, &out, 5000, 0));
  printf("offsets %ld %ld\n", (long)in, (long)out);

  // Locks.
  say("flock", flock(s, LOCK_EX));
  int s2 = open("s", O_RDWR);
  say("flock other", flock(s2, LOCK_SH | LOCK_NB));
  say("flock down", flock(s, LOCK_SH));
  say("flock shared", flock(s2, LOCK_SH | LOCK_NB));
  close(s2);
  struct flock fl = {F_WRLCK, SEEK_SET, 10, 10};
  say("setlk", fcntl(s, F_SETLK, &fl));
  int report[2];
  pipe(report);
  if (fork() == 0) {
    struct flock l = {F_RDLCK, SEEK_SET, 15, 1};
    fcntl(s, F_GETLK, &l);
    printf("held type %d start %ld length %ld by parent %d\n", l.l_type, (long)l.l_start, (long)l.l_len,
           l.l_pid == getppid());
    l = (struct flock){F_RDLCK, SEEK_SET, 15, 1};
    say("child setlk", fcntl(s, F_SETLK, &l));
    l = (struct flock){F_RDLCK, SEEK_SET, 25, 1};
    say("child free range", fcntl(s, F_SETLK, &l));
    write(report[1], "r", 1);
    l = (struct flock){F_WRLCK, SEEK_SET, 0, 0};
    say("child waits", fcntl(s, F_SETLKW, &l));
    _exit(0);
  }
  read(report[0], buffer, 1);
  usleep(30000);
  // Closing any descriptor of the file gives the lock up.
  close(open("s", O_RDONLY));
  int status;
  wait(&status);
  printf("child %d\n", status);
  fl = (struct flock){F_WRLCK, SEEK_SET, 0, 0};
  say("ofd", fcntl(s, F_OFD_SETLK, &fl));
  s2 = open("s", O_RDWR);
  say("ofd other", fcntl(s2, F_OFD_SETLK, &fl));
  close(s);
  say("ofd after close", fcntl(s2, F_OFD_SETLK, &fl));

  // Permissions of somebody else.
  chmod("a", 0600);
  mkdir("private", 0700);
  chmod(folder, 0755);
  if (fork() == 0) {
    setgid(1000), setuid(1000);
    say("other reads", open("a", O_RDONLY));
    say("other enters", chdir("private"));
    say("other creates", open("new", O_CREAT | O_WRONLY, 0600));
    say("other unlinks", unlink("a"));
    say("other chmods", chmod("a", 0777));
    say("other chowns", chown("a", 1000, 1000));
    say("other access", access("a", R_OK));
    _exit(0);
  }
  wait(NULL);
  int m = memfd_create("mem", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  say("memfd", m < 0 ? -1 : 0);
  write(m, "12345678", 8);
  say("seal", fcntl(m, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW));
  printf("seals %d\n", fcntl(m, F_GET_SEALS));
  say("sealed shrink", ftruncate(m, 4));
  say("sealed grow", pwrite(m, "x", 1, 8));
  say("sealed write", pwrite(m, "x", 1, 7));
  say("seals of a file", fcntl(f, F_GET_SEALS));
  say("bad", fcntl(99, F_GETFL));
  say("ioctl", ioctl(f, TIOCGWINSZ, buffer));
  chdir("/");
  snprintf(buffer, 100, "rm -r %s", folder);
  const char *names[] = {"a", "c", "link", "dir/x", "o", "s", "named"};
  for (int i = 0; i < 7; i++) {
    snprintf(buffer, 100, "%s/%s", folder, names[i]);
    unlink(buffer);
  }
  snprintf(buffer, 100, "%s/dir", folder), rmdir(buffer);
  snprintf(buffer, 100, "%s/private", folder), rmdir(buffer);
  say("clean", rmdir(folder));
  return 0;
}
