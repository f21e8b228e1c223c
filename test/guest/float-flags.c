// link: dynamic
/* Exception flags of floating point, before and after the program has cleared some. */
#include <fenv.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

static void show(const char *what, int flags) { printf("%s: %x\n", what, flags); }
static void handler(int number) {
  volatile double zero = 0;
  (void)number;
  /* With flags of its own: what is raised here is gone afterwards. */
  volatile double nan = zero / zero;
  (void)nan;
}

int main(void) {
  volatile double one = 1, zero = 0, three = 3, tiny = 1e-300, huge = 1e300, result;
  volatile float ones[4] = {1, 2, 3, 4}, divisors[4] = {2, 0, 2, 2};
  show("at first", fetestexcept(FE_ALL_EXCEPT));
  for (int i = 0; i < 100000; i++) result = one / three;
  show("quotients", fetestexcept(FE_ALL_EXCEPT));
  result = one / zero;
  show("by zero", fetestexcept(FE_ALL_EXCEPT));
  /* The first call of a function goes through the dynamic linker, which saves and restores. */
  result = cbrt(three) + lgamma(three);
  show("after calls", fetestexcept(FE_ALL_EXCEPT));
  int child = fork() == 0;
  result = sqrt(-one);
  if (child) {
    _exit(0);
  }
  show("root", fetestexcept(FE_ALL_EXCEPT));
  signal(SIGUSR1, handler);
  raise(SIGUSR1);
  show("after a signal", fetestexcept(FE_ALL_EXCEPT));
  /* From here on all of them. */
  feclearexcept(FE_ALL_EXCEPT);
  signal(SIGUSR1, handler);
  raise(SIGUSR1);
  show("cleared", fetestexcept(FE_ALL_EXCEPT));
  result = one + zero;
  show("exact", fetestexcept(FE_ALL_EXCEPT));
  result = one / three;
  show("inexact", fetestexcept(FE_ALL_EXCEPT));
  result = huge * huge;
  show("overflow", fetestexcept(FE_ALL_EXCEPT));
  result = tiny * tiny;
  show("underflow", fetestexcept(FE_ALL_EXCEPT));
  feclearexcept(FE_ALL_EXCEPT);
  for (int i = 0; i < 4; i++) ones[i] = ones[i] / divisors[i];
  show("vectors", fetestexcept(FE_ALL_EXCEPT));
  result = zero / zero;
  show("invalid", fetestexcept(FE_ALL_EXCEPT));
  return 0;
}
