// What FNSTENV and FNSAVE tell of the last x87 instruction: where it is, and its operand in memory.
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

extern char first[], second[], third[], fourth[], fifth[];
static double value = 1.5;
static uint16_t word = 0x37f;
static uint32_t environment[7];
static uint16_t words[7];
static uint8_t image[108];

static const char *place(uint32_t at, const void *expected) {
  return at == 0 ? "none" : at == (uint32_t)(uintptr_t)expected ? "right" : "wrong";
}

int main(void) {
  for (int i = 0; i < 3000; i++) {
    __asm__ volatile("fninit; fnstenv %0" : "=m"(environment));
    if (i % 1000 == 0) printf("reset: %s %s\n", place(environment[3], 0), place(environment[5], 0));
    __asm__ volatile("first: fld1; fnstenv %0; fldcw %1" : "=m"(environment) : "m"(word));
    if (i % 1000 == 0) printf("fld1: %s %s\n", place(environment[3], first), place(environment[5], 0));
    __asm__ volatile("second: faddl %2; fnstenv %0; fldcw %1" : "=m"(environment) : "m"(word), "m"(value));
    if (i % 1000 == 0) printf("faddl: %s %s\n", place(environment[3], second), place(environment[5], &value));
    /* Control instructions leave it alone. */
    __asm__ volatile("third: fstl %2; fnclex; fwait; fldcw %1; fnstsw %%ax; fnstenvs %0; fldcw %1"
                     : "=m"(words)
                     : "m"(word), "m"(value)
                     : "ax");
    if (i % 1000 == 0)
      printf("words: %d %d\n", words[3] == (uint16_t)(uintptr_t)third, words[5] == (uint16_t)(uintptr_t)&value);
    /* A prefix belongs to it. */
    __asm__ volatile("fourth: .byte 0x3e; fmull %2; fnsave %0; frstor %0; fnstenv %1" : "=m"(image), "=m"(environment) : "m"(value));
    if (i % 1000 == 0) {
      uint32_t in_image[7];
      memcpy(in_image, image, sizeof in_image);
      printf("fnsave: %s %s\n", place(in_image[3], fourth), place(in_image[5], &value));
      printf("frstor: %s %s\n", place(environment[3], fourth), place(environment[5], &value));
    }
    __asm__ volatile("fldcw %0" : : "m"(word));
  }
  return 0;
}
