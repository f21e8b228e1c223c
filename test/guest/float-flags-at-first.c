// flags: -O1 -frounding-math -ftrapping-math -fsignaling-nans -msse4.1
/*
 * Exception flags of SSE in processes that have never cleared any: each case is a process of its own, which does one
 * kind of operation, once and in a loop, and prints the flags of MXCSR after each.
 */
#include <immintrin.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { shown = 0x3f, rounds = 200 };

/* Values the compiler knows nothing of. */
static volatile double one = 1, three = 3, zero = 0, tiny = 1e-200, huge = 1e200, nan64 = NAN, minus = -1, half = 0.5;
static volatile double least = 2.2250738585072014e-308, wide = 3e9, wider = 1e19, longer = 16777217, many = 4e5;
static volatile float onef = 1, threef = 3, zerof = 0, tinyf = 1e-30f, hugef = 1e30f, nanf32 = NAN, minusf = -1;
static volatile float leastf = 1.17549435e-38f, halff = 0.5f, widef = 3e9f;
static volatile long integer = 3, big = (1L << 53) + 1, small = 1 << 24;
static volatile unsigned long signalling64 = 0x7ff0000000000001;
static volatile unsigned signalling32 = 0x7f800001;
static double snan64(void) {
  double d;
  unsigned long bits = signalling64;
  memcpy(&d, &bits, 8);
  return d;
}
static __m128 snan32(void) { return _mm_castsi128_ps(_mm_set1_epi32(signalling32)); }

static volatile __m128d r;
static volatile __m128 s;
static volatile long number;

#define SD(name, a, b, op) \
  static void name(void) { r = op(_mm_set_sd(a), _mm_set_sd(b)); }
#define SS(name, a, b, op) \
  static void name(void) { s = op(_mm_set_ss(a), _mm_set_ss(b)); }
#define PD(name, a, b, op) \
  static void name(void) { r = op(_mm_set_pd(one, a), _mm_set_pd(one, b)); }
#define PS(name, a, b, op) \
  static void name(void) { s = op(_mm_set_ps(one, one, a, one), _mm_set_ps(one, one, b, one)); }
#define ALL(name, ad, bd, af, bf, op) \
  SD(name##_sd, ad, bd, _mm_##op##_sd) SS(name##_ss, af, bf, _mm_##op##_ss) \
  PD(name##_pd, ad, bd, _mm_##op##_pd) PS(name##_ps, af, bf, _mm_##op##_ps)

ALL(sum_exact, one, three, onef, threef, add)
ALL(sum_rough, one, tiny, onef, tinyf, add)
ALL(sum_high, 1.7e308 * one, 1.7e308 * one, 3e38f * onef, 3e38f * onef, add)
ALL(sum_nan, nan64, one, nanf32, onef, add)
ALL(difference_exact, one, one, onef, onef, sub)
ALL(difference_invalid, INFINITY * one, INFINITY * one, INFINITY * onef, INFINITY * onef, sub)
ALL(difference_small, least * 1.5, least, leastf * 1.5f, leastf, sub)
ALL(product_exact, three, three, threef, threef, mul)
ALL(product_zero, three, zero, threef, zerof, mul)
ALL(product_rough, 0.1 * one, 0.1 * one, 0.1f * onef, 0.1f * onef, mul)
ALL(product_high, huge, huge, hugef, hugef, mul)
ALL(product_low, tiny, tiny, tinyf, tinyf, mul)
ALL(product_denormal, least, 0.3 * one, leastf, 0.3f * onef, mul)
ALL(product_denormal_exact, least, half, leastf, halff, mul)
ALL(product_least, least * (1 + 2.220446049250313e-16), (1 - 1.1102230246251565e-16) * one,
    leastf * (1 + 1.1920929e-07f), (1 - 5.9604645e-08f) * onef, mul)
ALL(product_invalid, zero, INFINITY * one, zerof, INFINITY * onef, mul)
ALL(quotient_exact, three, half, threef, halff, div)
ALL(quotient_zero, zero, three, zerof, threef, div)
ALL(quotient_rough, one, three, onef, threef, div)
ALL(quotient_by_zero, one, zero, onef, zerof, div)
ALL(quotient_invalid, zero, zero, zerof, zerof, div)
ALL(quotient_low, tiny, huge, tinyf, hugef, div)
ALL(quotient_high, huge, tiny, hugef, tinyf, div)
ALL(quotient_infinite, one, INFINITY * one, onef, INFINITY * onef, div)
ALL(min_ordered, one, three, onef, threef, min)
ALL(min_nan, one, nan64, onef, nanf32, min)
ALL(max_nan, nan64, one, nanf32, onef, max)
ALL(max_infinite, one, INFINITY * one, onef, INFINITY * onef, max)
ALL(less, one, three, onef, threef, cmplt)
ALL(less_nan, one, nan64, onef, nanf32, cmplt)
ALL(equal_nan, one, nan64, onef, nanf32, cmpeq)
ALL(unordered_nan, one, nan64, onef, nanf32, cmpunord)
#define ROOT(name, vd, vf) \
  static void name##_sd(void) { r = _mm_sqrt_sd(_mm_set_sd(one), _mm_set_sd(vd)); } \
  static void name##_ss(void) { s = _mm_sqrt_ss(_mm_set_ss(vf)); } \
  static void name##_pd(void) { r = _mm_sqrt_pd(_mm_set_pd(one, vd)); } \
  static void name##_ps(void) { s = _mm_sqrt_ps(_mm_set_ps(one, one, vf, one)); }
ROOT(root_exact, 9 * one, 9 * onef)
ROOT(root_rough, three, threef)
ROOT(root_invalid, minus, minusf)

static void equal_signalling(void) { r = _mm_cmpeq_sd(_mm_set_sd(one), _mm_set_sd(snan64())); }
static void equal_signalling_ps(void) { s = _mm_cmpeq_ps(_mm_set1_ps(onef), snan32()); }
static void order(void) { number = one < three; }
static void order_nan(void) { number = one < nan64; }
static void order_nanf(void) { number = _mm_comilt_ss(_mm_set_ss(onef), _mm_set_ss(nanf32)); }
static void quiet_nan(void) { number = _mm_ucomilt_sd(_mm_set_sd(one), _mm_set_sd(nan64)); }
static void quiet_signalling(void) { number = _mm_ucomilt_sd(_mm_set_sd(one), _mm_set_sd(snan64())); }
static void quiet_signallingf(void) { number = _mm_ucomilt_ss(_mm_set_ss(onef), snan32()); }

static void integer_exact(void) { number = _mm_cvttsd_si32(_mm_set_sd(three)); }
static void integer_rough(void) { number = _mm_cvttsd_si32(_mm_set_sd(half)); }
static void integer_high(void) { number = _mm_cvttsd_si32(_mm_set_sd(wide)); }
static void integer_nan(void) { number = _mm_cvtsd_si32(_mm_set_sd(nan64)); }
static void integer_least(void) { number = _mm_cvttsd_si32(_mm_set_sd(-2147483648.0 * one)); }
static void integer_wide(void) { number = _mm_cvttsd_si64(_mm_set_sd(wide)); }
static void integer_wider(void) { number = _mm_cvttsd_si64(_mm_set_sd(wider)); }
static void integer_f_rough(void) { number = _mm_cvtss_si32(_mm_set_ss(halff)); }
static void integer_f_high(void) { number = _mm_cvttss_si32(_mm_set_ss(widef)); }
static void integer_f_wide(void) { number = _mm_cvttss_si64(_mm_set_ss(1e19f * onef)); }
static void integers_exact(void) { number = _mm_cvtsi128_si64(_mm_cvtps_epi32(_mm_set1_ps(threef))); }
static void integers_rough(void) { number = _mm_cvtsi128_si64(_mm_cvttps_epi32(_mm_set_ps(1, 1, halff, 1))); }
static void integers_high(void) { number = _mm_cvtsi128_si64(_mm_cvtps_epi32(_mm_set_ps(1, 1, widef, 1))); }
static void integers_d_exact(void) { number = _mm_cvtsi128_si64(_mm_cvtpd_epi32(_mm_set1_pd(three))); }
static void integers_d_rough(void) { number = _mm_cvtsi128_si64(_mm_cvtpd_epi32(_mm_set_pd(half, 1))); }
static void integers_d_high(void) { number = _mm_cvtsi128_si64(_mm_cvttpd_epi32(_mm_set_pd(1, wide))); }

static void from_integer(void) { r = _mm_cvtsi64_sd(_mm_setzero_pd(), integer); }
static void from_big(void) { r = _mm_cvtsi64_sd(_mm_setzero_pd(), big); }
static void from_most(void) { r = _mm_cvtsi64_sd(_mm_setzero_pd(), big | 0x7fffffffffffffff); }
static void from_small(void) { s = _mm_cvtsi32_ss(_mm_setzero_ps(), small); }
static void from_small_rough(void) { s = _mm_cvtsi32_ss(_mm_setzero_ps(), small + 1); }
static void from_integers(void) { s = _mm_cvtepi32_ps(_mm_set1_epi32(small)); }
static void from_integers_rough(void) { s = _mm_cvtepi32_ps(_mm_set_epi32(1, small + 1, 1, 1)); }

static void narrow_exact(void) { s = _mm_cvtsd_ss(_mm_setzero_ps(), _mm_set_sd(three)); }
static void narrow_zero(void) { s = _mm_cvtsd_ss(_mm_setzero_ps(), _mm_set_sd(zero)); }
static void narrow_rough(void) { s = _mm_cvtsd_ss(_mm_setzero_ps(), _mm_set_sd(longer)); }
static void narrow_high(void) { s = _mm_cvtsd_ss(_mm_setzero_ps(), _mm_set_sd(huge)); }
static void narrow_low(void) { s = _mm_cvtsd_ss(_mm_setzero_ps(), _mm_set_sd(tiny)); }
static void narrow_signalling(void) { s = _mm_cvtsd_ss(_mm_setzero_ps(), _mm_set_sd(snan64())); }
static void narrow_pair(void) { s = _mm_cvtpd_ps(_mm_set_pd(three, zero)); }
static void narrow_pair_rough(void) { s = _mm_cvtpd_ps(_mm_set_pd(longer, three)); }
static void narrow_pair_low(void) { s = _mm_cvtpd_ps(_mm_set_pd(three, tiny)); }
static void narrow_pair_high(void) { s = _mm_cvtpd_ps(_mm_set_pd(huge, three)); }
static void widen(void) { r = _mm_cvtss_sd(_mm_setzero_pd(), _mm_set_ss(threef)); }
static void widen_signalling(void) { r = _mm_cvtss_sd(_mm_setzero_pd(), snan32()); }
static void widen_pair(void) { r = _mm_cvtps_pd(_mm_set1_ps(threef)); }
static void widen_pair_signalling(void) { r = _mm_cvtps_pd(snan32()); }

static void round_exact(void) { r = _mm_round_sd(_mm_setzero_pd(), _mm_set_sd(three), 0); }
static void round_rough(void) { r = _mm_round_sd(_mm_setzero_pd(), _mm_set_sd(half), 3); }
static void round_silent(void) { r = _mm_round_sd(_mm_setzero_pd(), _mm_set_sd(half), 8 | 3); }
static void round_f_rough(void) { s = _mm_round_ss(_mm_setzero_ps(), _mm_set_ss(halff), 0); }
static void round_ps_rough(void) { s = _mm_round_ps(_mm_set_ps(1, halff, 1, 1), 2); }
static void round_pd_silent(void) { r = _mm_round_pd(_mm_set_pd(half, 1), 8); }
static void round_signalling(void) { r = _mm_round_sd(_mm_setzero_pd(), _mm_set_sd(snan64()), 8); }
static void dot_exact(void) { s = _mm_dp_ps(_mm_set1_ps(threef), _mm_set1_ps(threef), 0xff); }
static void dot_rough(void) { s = _mm_dp_ps(_mm_set1_ps(0.1f * onef), _mm_set1_ps(threef), 0xff); }
static void across_rough(void) { r = _mm_hadd_pd(_mm_set_pd(one, tiny), _mm_set_pd(one, one)); }
static void alternate_high(void) { s = _mm_addsub_ps(_mm_set1_ps(3e38f * onef), _mm_set1_ps(3e38f * onef)); }

/* Many exact operations, and a rough one behind them. */
static void at_last(void) {
  for (double x = 0; x < many; x += 1) number += (long)x;
  r = _mm_set_sd(one / three);
}
/* More of them than an engine may want to look at, and a loop that underflows for long, but not at first. */
static void again_and_again(void) {
  double factor = one, product = 0;
  for (int i = 0; i < 4; i++) at_last();
  for (int n = 0; n < 24000000; n++) {
    if (n == 12000000) factor = tiny;
    product = tiny * factor;
    __asm__ volatile("" : "+x"(product), "+x"(factor));
  }
  r = _mm_set_sd(product);
}
/* What is raised by a handler is its own. */
static void handler(int signal) { quotient_by_zero_sd(); }
static void signalled(void) {
  signal(SIGUSR1, handler);
  raise(SIGUSR1);
}
static void forked(void) {
  int status;
  sum_rough_sd();
  if (fork() == 0) _exit(_mm_getcsr() & shown);
  wait(&status);
  number = status;
  printf("child %x\n", WEXITSTATUS(status));
}

#define CASE(name) {#name, name}
#define CASES(name) CASE(name##_sd), CASE(name##_ss), CASE(name##_pd), CASE(name##_ps)
static const struct {
  const char *name;
  void (*run)(void);
} cases[] = {
    CASES(sum_exact), CASES(sum_rough), CASES(sum_high), CASES(sum_nan), CASES(difference_exact),
    CASES(difference_invalid), CASES(difference_small), CASES(product_exact), CASES(product_zero),
    CASES(product_rough), CASES(product_high), CASES(product_low), CASES(product_denormal),
    CASES(product_denormal_exact), CASES(product_least), CASES(product_invalid), CASES(quotient_exact),
    CASES(quotient_zero), CASES(quotient_rough), CASES(quotient_by_zero), CASES(quotient_invalid),
    CASES(quotient_low), CASES(quotient_high), CASES(quotient_infinite), CASES(min_ordered), CASES(min_nan),
    CASES(max_nan), CASES(max_infinite), CASES(less), CASES(less_nan), CASES(equal_nan), CASES(unordered_nan),
    CASES(root_exact), CASES(root_rough), CASES(root_invalid), CASE(equal_signalling), CASE(equal_signalling_ps),
    CASE(order), CASE(order_nan), CASE(order_nanf), CASE(quiet_nan), CASE(quiet_signalling), CASE(quiet_signallingf),
    CASE(integer_exact), CASE(integer_rough), CASE(integer_high), CASE(integer_nan), CASE(integer_least),
    CASE(integer_wide), CASE(integer_wider), CASE(integer_f_rough), CASE(integer_f_high), CASE(integer_f_wide),
    CASE(integers_exact), CASE(integers_rough), CASE(integers_high), CASE(integers_d_exact), CASE(integers_d_rough),
    CASE(integers_d_high), CASE(from_integer), CASE(from_big), CASE(from_most), CASE(from_small),
    CASE(from_small_rough), CASE(from_integers), CASE(from_integers_rough), CASE(narrow_exact), CASE(narrow_zero),
    CASE(narrow_rough), CASE(narrow_high), CASE(narrow_low), CASE(narrow_signalling), CASE(narrow_pair),
    CASE(narrow_pair_rough), CASE(narrow_pair_low), CASE(narrow_pair_high), CASE(widen), CASE(widen_signalling),
    CASE(widen_pair), CASE(widen_pair_signalling), CASE(round_exact), CASE(round_rough), CASE(round_silent),
    CASE(round_f_rough), CASE(round_ps_rough), CASE(round_pd_silent), CASE(round_signalling), CASE(dot_exact),
    CASE(dot_rough), CASE(across_rough), CASE(alternate_high), CASE(at_last), CASE(again_and_again), CASE(signalled), CASE(forked),
};
enum { count = sizeof cases / sizeof cases[0], brief = count - 4 };

/*
 * What the compiler makes of the operands of some cases raises inexact itself: so each case tells, too, what it raises
 * after that, in a process where it is set.
 */
static void show(const char *when) { printf(" %s %x", when, _mm_getcsr() & shown); }

int main(int argc, char **argv) {
  if (argc == 1) {
    for (int i = 0; i < count; i++)
      for (int rough = 0; rough < 2; rough++) {
        char which[8];
        sprintf(which, "%d", i);
        fflush(stdout);
        if (fork() == 0) {
          execl("/proc/self/exe", argv[0], which, rough ? "rough" : NULL, NULL);
          _exit(1);
        }
        int status;
        wait(&status);
        if (status != 0) printf("status %x\n", status);
      }
    return 0;
  }
  int i = atoi(argv[1]);
  printf("%s%s:", cases[i].name, argc > 2 ? " after a rough one" : "");
  show("at first");
  if (argc > 2) r = _mm_div_sd(_mm_set_sd(one), _mm_set_sd(three));
  cases[i].run();
  show("once");
  if (i < brief)
    for (int n = 0; n < rounds; n++) cases[i].run();
  show("often");
  printf("\n");
  fflush(stdout);
  return 0;
}
