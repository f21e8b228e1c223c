// cpu: x86-64-v3
// link: dynamic
// flags: -O2 -march=x86-64-v3
/*
 * An ordinary program compiled for x86-64-v3 (BMI, MULX, MOVBE, scalar FMA), with the C library's functions of such
 * processors, which its loader chooses: strings and memory at every alignment and near the end of a page, mathematics.
 */
#define _GNU_SOURCE
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <wchar.h>

static uint64_t seed = 1;
static uint64_t next(void) { return seed = seed * 6364136223846793005u + 1442695040888963407u, seed >> 11; }
static uint64_t mix(uint64_t h, uint64_t value) { return (h ^ value) * 0x9e3779b97f4a7c15u ^ (h >> 29); }

/* Two pages with nothing behind them: what reads past its end is found out. */
static char *area;
static const size_t room = 8192;

static void strings(void) {
  uint64_t h = 0;
  for (int turn = 0; turn < 1000; turn++) {
    size_t length = next() % (turn % 10 ? 130 : 1500), slack = next() % 3 ? 0 : next() % 70;
    char *s = area + room - length - 1 - slack;
    for (size_t i = 0; i < length; i++) s[i] = 'a' + next() % 24;
    s[length] = 0;
    char c = 'a' + next() % 26;
    const char *found = strchr(s, c), *last = strrchr(s, c), *in = memchr(s, c, length), *end = rawmemchr(s, 0), *back = memrchr(s, c, length);
    h = mix(h, strlen(s)), h = mix(h, strnlen(s, length / 2 + 1)), h = mix(h, found ? found - s : -1), h = mix(h, last ? last - s : -1);
    h = mix(h, in ? in - s : -1), h = mix(h, end - s), h = mix(h, back ? back - s : -1), h = mix(h, strchrnul(s, c) - s);
    char *t = area + next() % 64;
    strcpy(t, s), h = mix(h, strcmp(s, t)), h = mix(h, memcmp(s, t, length + 1));
    if (length) t[next() % length] ^= 1 + next() % 7;
    h = mix(h, strcmp(s, t) > 0), h = mix(h, strncmp(s, t, length / 2) > 0), h = mix(h, strcasecmp(s, t) > 0), h = mix(h, memcmp(s, t, length) > 0);
    h = mix(h, strspn(s, "abcdefghij")), h = mix(h, strcspn(s, "xyz")), h = mix(h, (size_t)strstr(s, "ab") ? strstr(s, "ab") - s : -1);
    size_t from = next() % 200, to = next() % 200, count = next() % (turn % 20 ? 300 : 3000);
    memmove(area + to, area + from, count), memset(area + next() % 300, next(), next() % 400);
    memcpy(area + 4096 + next() % 40, area + next() % 1000, next() % 2500);
    char *stop = stpcpy(area + 3500, s + length / 2);
    h = mix(h, stop - area), strncpy(area + 3000, s, 100), strcat(area + 3500, "tail");
  }
  for (size_t i = 0; i < room; i++) h = mix(h, area[i]);
  wchar_t *w = (wchar_t *)(area + room - 400);
  for (int i = 0; i < 99; i++) w[i] = 1 + next() % 1000;
  w[99] = 0;
  h = mix(h, wcslen(w)), h = mix(h, wcsnlen(w, 50)), h = mix(h, wmemchr(w, w[77], 99) - w), h = mix(h, wmemcmp(w, w + 1, 60) > 0);
  printf("strings %016llx\n", (unsigned long long)h);
}

static uint64_t bits(double x) {
  uint64_t all;
  memcpy(&all, &x, 8);
  return all;
}

static void mathematics(void) {
  uint64_t h = 0, f = 0;
  for (int i = 0; i < 1500; i++) {
    double x = ((int64_t)next() - (1ll << 52)) / 1e13, y = (next() % 100000) / 1e4 + 1e-3;
    h = mix(h, bits(sin(x))), h = mix(h, bits(cos(x))), h = mix(h, bits(tan(x))), h = mix(h, bits(exp(x / 10))), h = mix(h, bits(log(y)));
    h = mix(h, bits(pow(y, x / 100))), h = mix(h, bits(atan(x))), h = mix(h, bits(atan2(x, y))), h = mix(h, bits(fma(x, y, -x * y)));
    h = mix(h, bits(floor(x))), h = mix(h, bits(rint(x))), h = mix(h, bits(trunc(y))), h = mix(h, bits(ceil(x))), h = mix(h, bits(hypot(x, y)));
    float a = x, b = y;
    f = mix(f, bits(sinf(a))), f = mix(f, bits(cosf(a))), f = mix(f, bits(expf(a / 10))), f = mix(f, bits(logf(b))), f = mix(f, bits(powf(b, a / 100)));
    f = mix(f, bits(fmaf(a, b, -a * b))), f = mix(f, bits(floorf(a))), f = mix(f, bits(nearbyintf(a)));
  }
  printf("mathematics %016llx %016llx\n", (unsigned long long)h, (unsigned long long)f);
}

/* Whole numbers of 64 words: MULX and the carry chains. */
static void long_numbers(void) {
  static uint64_t x[64], y[64], z[128];
  for (int i = 0; i < 64; i++) x[i] = next() * next(), y[i] = next() * next();
  for (int turn = 0; turn < 50; turn++) {
    memset(z, 0, sizeof z);
    for (int i = 0; i < 64; i++) {
      uint64_t carry = 0;
      for (int j = 0; j < 64; j++) {
        unsigned __int128 t = (unsigned __int128)x[i] * y[j] + z[i + j] + carry;
        z[i + j] = t, carry = t >> 64;
      }
      z[i + 64] = carry;
    }
    memcpy(x, z + 32, sizeof x);
  }
  uint64_t h = 0;
  for (int i = 0; i < 128; i++) h = mix(h, z[i]);
  printf("long numbers %016llx\n", (unsigned long long)h);
}

static void bit_fields(void) {
  uint64_t h = 0;
  for (int i = 0; i < 6000; i++) {
    uint64_t x = next() << (next() & 63), y = next();
    unsigned n = next() & 63;
    h = mix(h, x & (x - 1)), h = mix(h, x & -x), h = mix(h, x ^ (x - 1)), h = mix(h, ~x & y), h = mix(h, (x >> n) | (y << (63 - n)));
    h = mix(h, x ? __builtin_ctzll(x) : 64), h = mix(h, x ? __builtin_clzll(x) : 64), h = mix(h, (uint32_t)x ? __builtin_clz(x) : 32);
    h = mix(h, __builtin_popcountll(x)), h = mix(h, __builtin_bswap64(y)), h = mix(h, (x << n) | (x >> (-n & 63))), h = mix(h, y & ((1ull << n) - 1));
    h = mix(h, __builtin_ia32_pdep_di(x, y)), h = mix(h, __builtin_ia32_pext_di(x, y)), h = mix(h, __builtin_ia32_bzhi_si(x, n)), h = mix(h, __builtin_ia32_bextr_u64(x, y));
    h = mix(h, (int64_t)x >> n), h = mix(h, (uint32_t)y >> (n & 31));
  }
  printf("bit fields %016llx\n", (unsigned long long)h);
}

static int by_value(const void *a, const void *b) {
  double x = *(double *)a, y = *(double *)b;
  return (x > y) - (x < y);
}

int main(void) {
  char *base = mmap(0, room + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  mprotect(base + room, 4096, PROT_NONE);
  area = base;
  printf("%d %d\n", !!__builtin_cpu_supports("x86-64-v3"), !!__builtin_cpu_supports("bmi2"));
  strings();
  mathematics();
  long_numbers();
  bit_fields();
  static double values[5000];
  for (int i = 0; i < 5000; i++) values[i] = (next() % 1000000) / 7.0;
  qsort(values, 5000, sizeof *values, by_value);
  printf("%.10f %.17g %a\n", values[17], values[2500], values[4999]);
  char text[100];
  snprintf(text, sizeof text, "%a %.3e %Lg %s", 1 / 3.0, 12345.678, 0.1L, "end");
  double parsed = strtod("2.718281828459045e-10", 0);
  printf("%s %.17g %d\n", text, parsed, atoi("-12345"));
  return 0;
}
