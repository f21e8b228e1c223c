// A dynamic program: PT_INTERP, the loader, shared libraries, thread-local storage, the auxiliary vector.
// link: dynamic
#include <dlfcn.h>
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <time.h>

static _Thread_local int local = 3;
static void *thread(void *arg) { errno = 5; local += (long)arg; return (void *)(long)(local + errno); }

int main(int argc, char **argv, char **envp) {
  volatile double two = 2;
  printf("sqrt %.10f pow %.6f\n", sqrt(two), pow(two, 0.5));
  pthread_t t;
  void *result;
  pthread_create(&t, NULL, thread, (void *)10L);
  pthread_join(t, &result);
  printf("thread %ld local %d errno %d\n", (long)result, local, errno);
  void *(*find)(const char *) = dlsym(RTLD_DEFAULT, "strlen");
  printf("dlsym %d\n", find != NULL && ((size_t(*)(const char *))find)("four") == 4);
  printf("auxv base %d entry %d phdr %d uid %lu\n", getauxval(AT_BASE) != 0, getauxval(AT_ENTRY) != 0, getauxval(AT_PHDR) != 0, getauxval(AT_UID));
  printf("argc %d env %s\n", argc, envp[0]);
  return 0;
}
