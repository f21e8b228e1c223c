// A bytecode interpreter with one switch: indirect jumps and unpredictable branches.
#include "kernel.h"
enum { PUSH, ADD, MUL, DUP, SWAP, DROP, DEC, JNZ, XOR, SHR, HALT };
static const unsigned char program[] = {PUSH, 7, PUSH, 200, SWAP, DUP, MUL, PUSH, 13, ADD, DUP, PUSH, 3, SHR, XOR, SWAP, DEC, DUP, JNZ, 4, DROP, HALT};
u64 kernel(u64 rounds) {
  u64 sum = 0;
  for (u64 r = 0; r < rounds; r++) {
    u64 stack[16]; int sp = 0; unsigned pc = 0;
    for (;;) {
      switch (program[pc++]) {
        case PUSH: stack[sp++] = program[pc++] + (r & 3); break;
        case ADD: sp--; stack[sp - 1] += stack[sp]; break;
        case MUL: sp--; stack[sp - 1] *= stack[sp]; break;
        case DUP: stack[sp] = stack[sp - 1]; sp++; break;
        case SWAP: { u64 t = stack[sp - 1]; stack[sp - 1] = stack[sp - 2]; stack[sp - 2] = t; break; }
        case DROP: sp--; break;
        case DEC: stack[sp - 1]--; break;
        case JNZ: { unsigned target = program[pc++]; if (stack[--sp]) pc = target; break; }
        case XOR: sp--; stack[sp - 1] ^= stack[sp]; break;
        case SHR: sp--; stack[sp - 1] >>= stack[sp] & 63; break;
        case HALT: goto done;
      }
    }
  done:
    sum += stack[0];
  }
  return sum;
}
