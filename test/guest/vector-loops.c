// cpu: x86-64-v3
// flags: -O3 -march=x86-64-v3 -mtune=haswell -ffast-math -mno-recip
/* Loops that a compiler turns into AVX2 and FMA: every element size, conversions, masks, gathers, reductions. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define N 1003
#define KEEP __attribute__((noinline, noclone))

static uint64_t seed = 88172645463325252u;
static uint64_t next(void) {
  seed ^= seed << 13;
  seed ^= seed >> 7;
  return seed ^= seed << 17;
}

static uint64_t hash(const void *bytes, size_t count) {
  const unsigned char *p = bytes;
  uint64_t h = 14695981039346656037u;
  for (size_t i = 0; i < count; i++) h = (h ^ p[i]) * 1099511628211u;
  return h;
}
#define SHOW(name, array) printf("%-12s %016llx\n", name, (unsigned long long)hash(array, sizeof array))

#define INTEGERS(T) \
  static T a_##T[N], b_##T[N], c_##T[N]; \
  KEEP static void add_##T(void) { for (int i = 0; i < N; i++) c_##T[i] = a_##T[i] + b_##T[i] * 3; } \
  KEEP static void mul_##T(void) { for (int i = 0; i < N; i++) c_##T[i] = a_##T[i] * b_##T[i] - c_##T[i]; } \
  KEEP static void pick_##T(void) { for (int i = 0; i < N; i++) c_##T[i] = a_##T[i] > b_##T[i] ? a_##T[i] : b_##T[i] ^ c_##T[i]; } \
  KEEP static void masked_##T(void) { for (int i = 0; i < N; i++) if (a_##T[i] > b_##T[i]) c_##T[i] = a_##T[i] - b_##T[i]; } \
  KEEP static void shift_##T(void) { for (int i = 0; i < N; i++) c_##T[i] = (a_##T[i] >> 3) | (T)(b_##T[i] << 2); } \
  KEEP static void each_##T(void) { for (int i = 0; i < N; i++) c_##T[i] = (a_##T[i] >> (b_##T[i] & 7)) + (T)(c_##T[i] << (a_##T[i] & 3)); } \
  KEEP static void distance_##T(void) { for (int i = 0; i < N; i++) c_##T[i] = a_##T[i] > b_##T[i] ? a_##T[i] - b_##T[i] : b_##T[i] - a_##T[i]; } \
  KEEP static void backwards_##T(void) { for (int i = 0; i < N; i++) c_##T[i] = a_##T[N - 1 - i] + b_##T[i]; } \
  KEEP static void strided_##T(void) { for (int i = 0; i < N / 4; i++) c_##T[i] = a_##T[4 * i] + a_##T[4 * i + 1] - b_##T[4 * i + 2] + b_##T[4 * i + 3]; } \
  KEEP static uint64_t sum_##T(void) { T s = 0; for (int i = 0; i < N; i++) s += a_##T[i] * b_##T[i]; return (uint64_t)s; } \
  KEEP static uint64_t most_##T(void) { T s = a_##T[0]; for (int i = 0; i < N; i++) s = a_##T[i] > s ? a_##T[i] : s; return (uint64_t)s; } \
  static void all_##T(void) { \
    for (int i = 0; i < N; i++) a_##T[i] = next() >> (next() & 31), b_##T[i] = next() >> (next() & 15), c_##T[i] = next(); \
    add_##T(); SHOW(#T " add", c_##T); mul_##T(); SHOW("mul", c_##T); pick_##T(); SHOW("pick", c_##T); \
    masked_##T(); SHOW("masked", c_##T); shift_##T(); SHOW("shift", c_##T); each_##T(); SHOW("each", c_##T); \
    distance_##T(); SHOW("distance", c_##T); backwards_##T(); SHOW("backwards", c_##T); strided_##T(); SHOW("strided", c_##T); \
    printf("%-12s %016llx %016llx\n", "reduced", (unsigned long long)sum_##T(), (unsigned long long)most_##T()); \
  }
INTEGERS(int8_t)
INTEGERS(uint8_t)
INTEGERS(int16_t)
INTEGERS(uint16_t)
INTEGERS(int32_t)
INTEGERS(uint32_t)
INTEGERS(int64_t)
INTEGERS(uint64_t)

#define FLOATS(T, SQRT, FABS, FLOOR, FMA) \
  static T a_##T[N], b_##T[N], c_##T[N]; \
  static int32_t number_##T[N]; \
  KEEP static void fma_##T(T k) { for (int i = 0; i < N; i++) c_##T[i] = a_##T[i] * k + b_##T[i]; } \
  KEEP static void fms_##T(T k) { for (int i = 0; i < N; i++) c_##T[i] = k - a_##T[i] * b_##T[i]; } \
  KEEP static void complex_##T(void) { for (int i = 0; i + 1 < N; i += 2) { T re = a_##T[i] * b_##T[i] - a_##T[i + 1] * b_##T[i + 1]; c_##T[i + 1] = a_##T[i] * b_##T[i + 1] + a_##T[i + 1] * b_##T[i]; c_##T[i] = re; } } \
  KEEP static void divide_##T(void) { for (int i = 0; i < N; i++) c_##T[i] = a_##T[i] / (FABS(b_##T[i]) + 1); } \
  KEEP static void root_##T(void) { for (int i = 0; i < N; i++) c_##T[i] = SQRT(FABS(a_##T[i])) - FLOOR(b_##T[i]); } \
  KEEP static void clamp_##T(T lo, T hi) { for (int i = 0; i < N; i++) c_##T[i] = a_##T[i] < lo ? lo : a_##T[i] > hi ? hi : a_##T[i]; } \
  KEEP static void masked_##T(T k) { for (int i = 0; i < N; i++) if (a_##T[i] > k) c_##T[i] = b_##T[i] * k; } \
  KEEP static void numbers_##T(void) { for (int i = 0; i < N; i++) number_##T[i] = (int32_t)(a_##T[i] * 100); } \
  KEEP static void back_##T(void) { for (int i = 0; i < N; i++) c_##T[i] = (T)number_##T[i] * (T)0.125; } \
  KEEP static void gather_##T(const int32_t *at) { for (int i = 0; i < N; i++) c_##T[i] = a_##T[at[i]] + b_##T[i]; } \
  KEEP static void gather64_##T(const int64_t *at) { for (int i = 0; i < N; i++) c_##T[i] = b_##T[at[i]] - a_##T[i]; } \
  KEEP static T dot_##T(void) { T s = 0; for (int i = 0; i < N; i++) s += a_##T[i] * b_##T[i]; return s; } \
  KEEP static T least_##T(void) { T s = a_##T[0]; for (int i = 0; i < N; i++) s = a_##T[i] < s ? a_##T[i] : s; return s; } \
  static void all_##T(const int32_t *at, const int64_t *at64) { \
    for (int i = 0; i < N; i++) a_##T[i] = (int32_t)next() / (T)4096, b_##T[i] = (int32_t)next() / (T)65536, c_##T[i] = i; \
    fma_##T((T)1.7); SHOW(#T " fma", c_##T); fms_##T((T)-2.3); SHOW("fms", c_##T); complex_##T(); SHOW("complex", c_##T); \
    divide_##T(); SHOW("divide", c_##T); root_##T(); SHOW("root", c_##T); clamp_##T(-1000, 1000); SHOW("clamp", c_##T); \
    masked_##T(3); SHOW("masked", c_##T); clamp_##T(-4096, 4096); memcpy(a_##T, c_##T, sizeof c_##T); numbers_##T(); SHOW("numbers", number_##T); \
    back_##T(); SHOW("back", c_##T); gather_##T(at); SHOW("gather", c_##T); gather64_##T(at64); SHOW("gather64", c_##T); \
    printf("%-12s %a %a\n", "reduced", (double)dot_##T(), (double)least_##T()); \
  }
FLOATS(float, sqrtf, fabsf, floorf, fmaf)
FLOATS(double, sqrt, fabs, floor, fma)

static int32_t table[N], at[N];
static int64_t at64[N], wide[N];
static uint8_t bytes[N], more[N];
static uint16_t halves[N];
static float floats[N];
static double doubles[N];
KEEP static void widen(void) { for (int i = 0; i < N; i++) wide[i] = (int64_t)table[i] * at[i]; }
KEEP static void narrow(void) { for (int i = 0; i < N; i++) bytes[i] = table[i] >> 7; }
KEEP static void average(void) { for (int i = 0; i < N; i++) bytes[i] = (bytes[i] + more[i] + 1) >> 1; }
KEEP static void saturate(void) { for (int i = 0; i < N; i++) { int s = bytes[i] + more[i]; bytes[i] = s > 255 ? 255 : s; } }
KEEP static void high_half(void) { for (int i = 0; i < N; i++) halves[i] = ((uint32_t)halves[i] * (uint16_t)table[i]) >> 16; }
KEEP static void lookups(void) { for (int i = 0; i < N; i++) table[i] = table[at[i]] ^ i; }
KEEP static void lookups64(void) { for (int i = 0; i < N; i++) wide[i] = wide[at64[i]] + i; }
KEEP static void precise(void) { for (int i = 0; i < N; i++) doubles[i] = floats[i] * 0.5; }
KEEP static void coarse(void) { for (int i = 0; i < N; i++) floats[i] = (float)(doubles[i] / 3); }
KEEP static void half_floats(void) { for (int i = 0; i < N; i++) halves[i] = __builtin_ia32_vcvtps2ph((float __attribute__((vector_size(16)))){floats[i], 0, 0, 0}, 0)[0]; }
KEEP static int differences(void) { int s = 0; for (int i = 0; i < N; i++) s += abs(bytes[i] - more[i]); return s; }
KEEP static int ones(void) { int s = 0; for (int i = 0; i < N; i++) s += __builtin_popcountll(wide[i]); return s; }
KEEP static void transpose(const double *from, double *to) { for (int i = 0; i < 24; i++) for (int j = 0; j < 24; j++) to[24 * j + i] = from[24 * i + j]; }
KEEP static void multiply(const double *x, const double *y, double *z) { for (int i = 0; i < 24; i++) for (int k = 0; k < 24; k++) for (int j = 0; j < 24; j++) z[24 * i + j] += x[24 * i + k] * y[24 * k + j]; }

int main(void) {
  all_int8_t(); all_uint8_t(); all_int16_t(); all_uint16_t(); all_int32_t(); all_uint32_t(); all_int64_t(); all_uint64_t();
  for (int i = 0; i < N; i++) at[i] = next() % N, at64[i] = next() % N, table[i] = next(), bytes[i] = next(), more[i] = next(), halves[i] = next(), floats[i] = (int32_t)next() / 1e4f;
  all_float(at, at64);
  all_double(at, at64);
  widen(); SHOW("widen", wide);
  narrow(); SHOW("narrow", bytes);
  average(); SHOW("average", bytes);
  saturate(); SHOW("saturate", bytes);
  high_half(); SHOW("high half", halves);
  lookups(); SHOW("lookups", table);
  lookups64(); SHOW("lookups 64", wide);
  precise(); SHOW("precise", doubles);
  coarse(); SHOW("coarse", floats);
  half_floats(); SHOW("half floats", halves);
  printf("%d %d\n", differences(), ones());
  static double product[576], turned[576];
  multiply(doubles, doubles + 300, product); SHOW("product", product);
  transpose(product, turned); SHOW("transpose", turned);
  /* Again and again, so that compiled code does it too. */
  for (int i = 0; i < 300; i++) multiply(turned, doubles, product), add_int32_t(), mul_int16_t(), masked_float(2), gather_double(at), each_uint32_t();
  SHOW("product", product); SHOW("int32", c_int32_t); SHOW("int16", c_int16_t); SHOW("float", c_float); SHOW("double", c_double); SHOW("uint32", c_uint32_t);
  return 0;
}
