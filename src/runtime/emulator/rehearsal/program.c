/*
 * The program of a container that is rehearsed (rehearsal.ts): the system calls of programs that start (a dynamic linker
 * that maps libraries, a shell that looks around and starts another program), several times over.
 * scripts/rehearsal.mjs compiles it into `program.ts`.
 *
 *     program          all of it, and itself again as a child
 *     program child    a little
 */
typedef unsigned char u8;
typedef unsigned long u64;

static long call6(long number, long a, long b, long c, long d, long e, long f) {
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  register long r9 __asm__("r9") = f;
  long result;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "0"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
}
#define call(number, a, b, c, d) call6(number, (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)

enum {
  sysRead, sysWrite, sysOpen, sysClose, sysStat, sysFstat, sysLstat, sysPoll, sysLseek, sysMmap, sysMprotect, sysMunmap,
  sysBrk, sysSigaction, sysSigprocmask, sysIoctl = 16, sysPread = 17, sysAccess = 21, sysPipe = 22, sysDup2 = 33,
  sysGetpid = 39, sysFork = 57, sysExecve = 59, sysExit = 60, sysWait4 = 61, sysUname = 63, sysFcntl = 72,
  sysGetcwd = 79, sysReadlink = 89, sysGetuid = 102, sysGetppid = 110, sysGetpgrp = 111, sysArchPrctl = 158,
  sysGetdents64 = 217, sysSetTidAddress = 218, sysClockGettime = 228, sysOpenat = 257, sysNewfstatat = 262,
  sysSetRobustList = 273, sysPrlimit64 = 302, sysGetrandom = 318, sysRseq = 334,
};
enum { here = -100, readOnly = 0, protRead = 1, protWrite = 2, protExec = 4, private = 2, fixed = 16, anonymous = 32 };

static u8 buffer[4096];
static u64 data[3000];
static volatile u64 sum;

static void library(const char *path) {
  long fd = call(sysOpenat, here, path, readOnly, 0);
  call(sysRead, fd, buffer, 832, 0);
  call(sysNewfstatat, fd, "", buffer, 0x1000);
  call(sysPread, fd, buffer, 784, 64);
  u64 at = (u64)call6(sysMmap, 0, 0x20000, protRead, private, fd, 0);
  call6(sysMmap, (long)at + 0x4000, 0x8000, protRead | protExec, private | fixed, fd, 0x4000);
  call6(sysMmap, (long)at + 0xc000, 0x4000, protRead | protWrite, private | fixed, fd, 0xc000);
  call6(sysMmap, (long)at + 0x10000, 0x10000, protRead | protWrite, private | fixed | anonymous, -1, 0);
  call(sysClose, fd, 0, 0, 0);
  for (u64 i = 0; i < 0x10000; i += 4096) sum += *(volatile u64 *)(at + i);
  for (u64 i = 0xc000; i < 0x18000; i += 4096) *(volatile u64 *)(at + i) += i;
  call(sysMprotect, at + 0xc000, 0x2000, protRead, 0);
  call(sysMunmap, at + 0x18000, 0x8000, 0, 0);
}

static void look(void) {
  static const char *const names[] = {"/usr/bin/no", "/bin/rehearsal", "/lib/data", "/etc/nothing/at/all", "/usr/local/bin/no", "/"};
  static u64 action[4], mask[2];
  for (u64 i = 0; i < sizeof names / sizeof *names; i++) {
    call(sysStat, names[i], buffer, 0, 0);
    call(sysAccess, names[i], 4, 0, 0);
    call(sysNewfstatat, here, names[i], buffer, 0);
  }
  for (long i = 1; i < 32; i++) {
    call(sysSigaction, i, 0, action, 8);
    call(sysSigprocmask, 0, 0, mask, 8);
  }
  call(sysGetuid, 0, 0, 0, 0);
  call(sysGetpid, 0, 0, 0, 0);
  call(sysGetppid, 0, 0, 0, 0);
  call(sysGetpgrp, 0, 0, 0, 0);
  call(sysUname, buffer, 0, 0, 0);
  call(sysGetcwd, buffer, 4096, 0, 0);
  call(sysReadlink, "/proc/self/exe", buffer, 4096, 0);
  call(sysClockGettime, 1, buffer, 0, 0);
  call(sysPrlimit64, 0, 3, 0, buffer);
  call(sysGetrandom, buffer, 8, 0, 0);
  call(sysIoctl, 0, 0x5401, buffer, 0);
  call(sysFcntl, 1, 3, 0, 0);
  call(sysLseek, 0, 0, 1, 0);
  long fd = call(sysOpenat, here, "/etc", 0x10000, 0);
  while (call(sysGetdents64, fd, buffer, 4096, 0) > 0);
  call(sysClose, fd, 0, 0, 0);
  u64 end = (u64)call(sysBrk, 0, 0, 0, 0);
  call(sysBrk, end + 0x21000, 0, 0, 0);
  for (u64 i = 0; i < 0x8000; i += 4096) *(volatile u64 *)(end + i) = i;
}

static void start(char **environment) {
  static char *const arguments[] = {"/bin/rehearsal", "child", 0};
  int ends[2];
  call(sysPipe, ends, 0, 0, 0);
  long child = call(sysFork, 0, 0, 0, 0);
  if (child == 0) {
    call(sysDup2, ends[1], 1, 0, 0);
    call(sysClose, ends[0], 0, 0, 0);
    call(sysClose, ends[1], 0, 0, 0);
    call(sysExecve, arguments[0], arguments, environment, 0);
    call(sysExit, 1, 0, 0, 0);
  }
  call(sysClose, ends[1], 0, 0, 0);
  while (call(sysRead, ends[0], buffer, 128, 0) > 0);
  call(sysClose, ends[0], 0, 0, 0);
  call(sysWait4, child, buffer, 0, 0);
}

__attribute__((used)) static void begin(u64 *stack) {
  u64 count = stack[0];
  char **environment = (char **)&stack[count + 2];
  call(sysArchPrctl, 0x1002, data, 0, 0);
  call(sysSetTidAddress, data, 0, 0, 0);
  call(sysSetRobustList, data + 8, 24, 0, 0);
  call(sysRseq, data + 16, 32, 0, 0x53053053);
  for (u64 i = 0; i < 3000; i += 512) data[i] += i;
  library("/lib/data");
  look();
  if (count == 1) {
    for (int i = 0; i < 4; i++) library("/lib/data"), look();
    for (int i = 0; i < 3; i++) start(environment);
  }
  for (int i = 0; i < 4; i++) call(sysWrite, 1, "done\n", 5, 0);
  call(sysExit, 0, 0, 0, 0);
}

__attribute__((naked)) void _start(void) {
  __asm__("mov %rsp, %rdi\n  and $-16, %rsp\n  call begin");
}
