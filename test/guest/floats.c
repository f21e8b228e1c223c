// flags: -O1 -frounding-math -fno-builtin
/* Floating point as programs use it: text, long double, rounding modes, exception flags, traps, signal handlers. */
#define _GNU_SOURCE
#include <fenv.h>
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static volatile double zero = 0, one = 1, three = 3, big = DBL_MAX, tiny = DBL_MIN, nan_value;
static volatile float fthree = 3, fone = 1;
static volatile long double lone = 1, lthree = 3, lzero = 0, ltiny = LDBL_MIN, lbig = LDBL_MAX;
static sigjmp_buf jump;

static void text(void) {
  const char *numbers[] = {"0.1",     "1e308",   "4.9406564584124654e-324", "123456789012345678901234567890", "-0",
                           "inf",     "nan",     "0x1.fffffffffffffp+1023", "2.2250738585072011e-308",        "1e-400",
                           "3.14159", "1e4000",  "-7.5e-4940",              "9007199254740993",               "0.5"};
  for (unsigned i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    double d = strtod(numbers[i], 0);
    float f = strtof(numbers[i], 0);
    long double l = strtold(numbers[i], 0);
    uint64_t bits;
    memcpy(&bits, &d, 8);
    unsigned char raw[16] = {0};
    memcpy(raw, &l, 10);
    printf("%s: %.17g %a %016lx | %.9g | %.21Lg %La", numbers[i], d, d, bits, f, l, l);
    for (int k = 9; k >= 0; k--) printf("%s%02x", k == 9 ? " " : "", raw[k]);
    printf("\n");
  }
  printf("%.3f %10.4e %g %.0f %.50Lf\n", 2.0 / three, 1e10 / three, 1e-5, 2.5, 1 / lthree);
}

static void modes(void) {
  const int rounding[] = {FE_TONEAREST, FE_DOWNWARD, FE_UPWARD, FE_TOWARDZERO};
  for (int i = 0; i < 4; i++) {
    fesetround(rounding[i]);
    printf("mode %d: %a %a %a %La %La %ld %ld %d %a %a %La\n", i, one / three, -one / three, (double)(fone / fthree),
           lone / lthree, -lone / lthree, lrint(2.5), lrintl(-2.5L), (int)lrintf(3.5f), rint(-0.5), nearbyint(1.5),
           rintl(1e18L + 0.5L));
    printf("  %.3f %.2e %a %a\n", 0.0625, 12345.0, strtod("0.1", 0), (double)(float)(0.1 * three));
  }
  fesetround(FE_TONEAREST);
}

static void flags(const char *what) {
  int raised = fetestexcept(FE_ALL_EXCEPT);
  printf("%s:%s%s%s%s%s\n", what, raised & FE_INVALID ? " invalid" : "", raised & FE_DIVBYZERO ? " zero" : "",
         raised & FE_OVERFLOW ? " overflow" : "", raised & FE_UNDERFLOW ? " underflow" : "",
         raised & FE_INEXACT ? " inexact" : "");
  feclearexcept(FE_ALL_EXCEPT);
}

static void exceptions(void) {
  volatile double d;
  volatile long double l;
  volatile float f;
  feclearexcept(FE_ALL_EXCEPT);
  d = one + one, flags("1 + 1");
  d = one / three, flags("1 / 3");
  d = one / zero, flags("1 / 0");
  d = zero / zero, flags("0 / 0");
  d = big * big, flags("big * big");
  d = tiny * tiny, flags("tiny * tiny");
  d = sqrt(-one), flags("sqrt -1");
  f = (float)big, flags("narrow");
  l = lone / lzero, flags("1 / 0 long");
  l = lone / lthree, flags("1 / 3 long");
  l = ltiny / lbig, flags("tiny / big long");
  d = (double)lbig, flags("narrow long");
  volatile int n = (int)big;
  flags("to int");
  printf("%d %d\n", n, (int)isunordered(zero / zero, one)), flags("unordered");
  fenv_t saved;
  feholdexcept(&saved);
  d = one / zero;
  feupdateenv(&saved);
  flags("merged");
}

static void trap(int number, siginfo_t *info, void *context) {
  printf("signal %d code %d\n", number, info->si_code);
  siglongjmp(jump, 1);
}

static void traps(void) {
  struct sigaction action = {.sa_sigaction = trap, .sa_flags = SA_SIGINFO};
  sigaction(SIGFPE, &action, 0);
  const int exceptions[] = {FE_DIVBYZERO, FE_INVALID, FE_OVERFLOW, FE_UNDERFLOW, FE_INEXACT};
  for (int i = 0; i < 5; i++) {
    if (!sigsetjmp(jump, 1)) {
      feclearexcept(FE_ALL_EXCEPT);
      feenableexcept(exceptions[i]);
      volatile double d = i == 0 ? one / zero : i == 1 ? zero / zero : i == 2 ? big * big : i == 3 ? tiny / three : one / three;
      printf("no trap\n");
    }
    fesetenv(FE_DFL_ENV);
    if (!sigsetjmp(jump, 1)) {
      feclearexcept(FE_ALL_EXCEPT);
      feenableexcept(exceptions[i]);
      volatile long double l =
          i == 0 ? lone / lzero : i == 1 ? lzero / lzero : i == 2 ? lbig * lbig : i == 3 ? ltiny / lthree : lone / lthree;
      l = l + 1;
      printf("no trap\n");
    }
    fesetenv(FE_DFL_ENV);
  }
}

static void disturb(int number) {
  /* A handler with floating point of its own, in another mode, must leave no trace. */
  fesetround(FE_UPWARD);
  volatile long double l = 1;
  for (int i = 0; i < 20; i++) l = l / 3 + sqrtl(l);
  volatile double d = 1;
  for (int i = 0; i < 20; i++) d = d / 3 + sqrt(d);
}

static void handlers(void) {
  signal(SIGUSR1, disturb);
  double sum = 0;
  long double long_sum = 0;
  for (int i = 1; i < 200; i++) {
    sum += 1.0 / i;
    long_sum += 1.0L / i;
    raise(SIGUSR1);
  }
  printf("%a %La round %d\n", sum, long_sum, fegetround());
}

static void functions(void) {
  for (double x = 0.1; x < 30; x *= 3.7) {
    printf("%.12g: %.12g %.12g %.12g %.12g %.12g %.12g %.12g %.12g\n", x, sin(x), cos(x), tan(x), exp(x), log(x), pow(x, 1.7),
           atan2(x, 2), cbrt(x));
    printf("  %.15Lg %.15Lg %.15Lg %.15Lg %.15Lg %.15Lg %.15Lg %.15Lg\n", sinl(x), cosl(x), tanl(x), expl(x), logl(x),
           powl(x, 1.7L), atan2l(x, 2), log1pl(x));
    printf("  %a %a %La %La %a %d\n", fmod(100, x), remainder(100, x), fmodl(100, x), remainderl(100, x), sqrt(x), ilogb(x));
    printf("  %a %a %a %a %La %ld\n", floor(-x), ceil(x), trunc(x), round(x), roundl(x), llround(x));
    int exponent;
    printf("  %a", frexp(x, &exponent));
    printf(" %d %a %La %a\n", exponent, ldexp(x, -1070), ldexpl(x, -16440), nextafter(x, 0));
  }
}

int main(void) {
  text();
  modes();
  exceptions();
  traps();
  handlers();
  functions();
  return 0;
}
