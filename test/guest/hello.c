// The smallest program: output, arguments, exit code.
#include <stdio.h>
int main(int argc, char **argv) {
  printf("hello %d\n", argc);
  return argc + 41;
}
