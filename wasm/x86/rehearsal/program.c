/*
 * The guest program of the rehearsal (rehearsal.ts): some of all that compilers write most, in small functions, round
 * and round without an end. It makes no system call and touches nothing but its stack and one buffer behind the code.
 * scripts/rehearsal.mjs compiles it into `program.ts`.
 */
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long u64;
typedef long s64;

#define apart __attribute__((noinline, noclone))
#define plain __attribute__((noinline, noclone, optimize("no-tree-vectorize")))

static void rounds(u8 *buffer);

__attribute__((naked, section(".text.startup"))) void start(void) {
  __asm__("lea start+0x10000(%rip), %rdi\n  jmp rounds");
}

typedef struct Node {
  struct Node *next, *left, *right;
  u32 key, count;
  u16 kind;
  u8 flags, mark;
  double weight;
} Node;

typedef struct {
  u8 *at, *end;
  u32 line;
  int token;
  s64 value;
} Scanner;

plain static u64 hash(const u8 *text, u64 length) {
  u64 a = 0xcbf29ce484222325u;
  u32 b = 5381;
  for (u64 i = 0; i < length; i++) {
    a = (a ^ text[i]) * 0x100000001b3u;
    b = ((b << 5) | (b >> 27)) + (u32)(a >> 40);
  }
  return a ^ b;
}

plain static void copy(u8 *to, const u8 *from, u64 length) {
  while (length >= 8) {
    *(u64 *)to = *(const u64 *)from;
    to += 8, from += 8, length -= 8;
  }
  while (length-- > 0) *to++ = *from++;
}

apart static void stringCopy(void *to, const void *from, u64 length) {
  __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(length) : : "memory");
}

apart static void stringFill(void *to, u64 value, u64 count) {
  __asm__ volatile("rep stosq" : "+D"(to), "+c"(count) : "a"(value) : "memory");
}

typedef char Bytes __attribute__((vector_size(16)));
typedef long long Longs __attribute__((vector_size(16)));

/* As C libraries do it: sixteen bytes at a time. */
apart static u64 length(const u8 *text) {
  const u8 *at = (const u8 *)((u64)text & -16ul);
  Bytes zero = {0};
  u32 found = (u32)__builtin_ia32_pmovmskb128((Bytes)(*(const Bytes *)at == zero)) >> (text - at);
  if (found != 0) return (u64)__builtin_ctz(found);
  do {
    at += 16;
    found = (u32)__builtin_ia32_pmovmskb128(__builtin_ia32_pminub128(*(const Bytes *)at, (Bytes){-1, -1, -1}) == zero);
  } while (found == 0);
  return (u64)(at - text) + (u64)__builtin_ctz(found);
}

plain static int compare(const u8 *a, const u8 *b) {
  while (*a != 0 && *a == *b) a++, b++;
  return *a - *b;
}

/* A computed jump for each sign. */
apart static int scan(Scanner *s) {
  while (s->at < s->end) {
    u8 c = *s->at++;
    switch (c & 31) {
      case 0: case 9: continue;
      case 10: s->line++; continue;
      case 1: case 2: case 3: s->value = s->value * 10 + (c & 7); s->token = 1; return 1;
      case 4: s->value = -s->value; s->token = 2; return 2;
      case 5: s->value >>= 3; return s->token = 3;
      case 6: s->value ^= (s64)c << 20; return s->token = 4;
      case 7: s->value = s->value / ((c | 1) + 2); return s->token = 5;
      case 8: s->value %= 1000; return s->token = 6;
      case 11: s->value = (u8)s->value; return s->token = 7;
      case 12: s->value = (short)s->value; return s->token = 8;
      case 13: s->value = (int)s->value; return s->token = 9;
      case 14: s->value = s->value > 77 ? 5 : s->value + 1; return s->token = 10;
      case 15: s->value += s->line; return s->token = 11;
      default: s->value += c; s->token = 12; return 12;
    }
  }
  return 0;
}

apart static u32 fib(u32 n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }

apart static Node *insert(Node *root, Node *one) {
  if (root == 0) return one;
  for (Node *at = root;;) {
    if (one->key == at->key) {
      at->count++;
      return root;
    }
    Node **side = one->key < at->key ? &at->left : &at->right;
    if (*side == 0) {
      *side = one;
      one->flags |= 4;
      return root;
    }
    at = *side;
  }
}

apart static u64 walk(const Node *node, int depth) {
  if (node == 0) return 0;
  u64 sum = node->key + (u64)depth * node->kind;
  if (node->flags & 1) sum -= node->mark;
  return sum + walk(node->left, depth + 1) + walk(node->right, depth + 1);
}

typedef int (*Order)(const u32 *, const u32 *);
apart static int upwards(const u32 *a, const u32 *b) { return *a < *b ? -1 : *a > *b; }
apart static int byLowByte(const u32 *a, const u32 *b) { return (int)(u8)*a - (int)(u8)*b; }

apart static void sort(u32 *items, s64 low, s64 high, Order order) {
  while (low < high) {
    u32 pivot = items[(low + high) / 2];
    s64 i = low, j = high;
    while (i <= j) {
      while (order(&items[i], &pivot) < 0) i++;
      while (order(&items[j], &pivot) > 0) j--;
      if (i > j) break;
      u32 swapped = items[i];
      items[i++] = items[j];
      items[j--] = swapped;
    }
    sort(items, low, j, order);
    low = i;
  }
}

plain static double scalar(Node *nodes, int count, double step) {
  double sum = 0, most = -1e300;
  for (int i = 0; i < count; i++) {
    double x = nodes[i].weight * step + nodes[i].key;
    if (x > most) most = x;
    sum += x / (1.0 + (double)nodes[i].count);
    nodes[i].weight = __builtin_sqrt(x < 0 ? -x : x) - (float)x * 0.25f;
  }
  return sum + (s64)most % 7;
}

apart static void vectors(float *a, double *b, int *c, u16 *d) {
  for (int i = 0; i < 64; i++) a[i] = a[i] * 1.5f + (float)c[i];
  for (int i = 0; i < 32; i++) b[i] = (b[i] + 2.0) * 0.5 - a[i];
  for (int i = 0; i < 64; i++) c[i] = (c[i] ^ 0x55) + (c[i] << 3);
  for (int i = 0; i < 128; i++) d[i] = (u16)((d[i] >> 2) * 5 | 1);
}

apart static u32 bits(u64 *set, u32 count) {
  u32 sum = 0;
  for (u32 i = 0; i < count; i++) {
    u64 word = set[i];
    sum += (u32)__builtin_popcountl(word) + (u32)__builtin_ctzl(word | 1) + (63 - (u32)__builtin_clzl(word | 1));
    set[i] = __builtin_bswap64(word) + (word >> (i & 31));
    if (word >> 63) sum += (u32)((unsigned __int128)word * 0x9e3779b97f4a7c15u >> 64);
    sum += (word & 0xff00) == 0x1200 ? 3 : word > 0x7fff0000u;
  }
  __sync_fetch_and_add(&set[0], sum);
  __sync_bool_compare_and_swap(&set[1], 0, sum);
  return __atomic_exchange_n((u32 *)&set[2], sum, __ATOMIC_SEQ_CST) ^ sum;
}

/* A machine of a few instructions, each ending in a jump of its own. */
apart static s64 interpret(const u8 *code, s64 *stack, int steps) {
  static const int distances[] = {0};
  (void)distances;
  const void *const ops[] = {&&push, &&add, &&sub, &&dup, &&swap, &&less, &&back, &&store};
  s64 *top = stack;
  const u8 *pc = code;
  *top = 1;
  goto *ops[*pc & 7];
push: *++top = pc[1]; pc += 2; goto *ops[*pc & 7];
add: if (top > stack) top--, top[0] += top[1]; pc++; goto *ops[*pc & 7];
sub: if (top > stack) top--, top[0] -= top[1]; pc++; goto *ops[*pc & 7];
dup: top[1] = top[0]; if (top < stack + 16) top++; pc++; goto *ops[*pc & 7];
swap: { s64 one = top[0]; top[0] = *stack; *stack = one; } pc++; goto *ops[*pc & 7];
less: *top = *top < *stack; pc++; goto *ops[*pc & 7];
store: stack[*pc & 3] += *top; if (top < stack + 8 && pc < code + 60) { pc++; goto *ops[*pc & 7]; }
back: if (--steps > 0) { pc = code + (steps & 15); goto *ops[*pc & 7]; }
  return *top;
}

apart static u64 format(u8 *to, u64 value, u32 base, int width) {
  u8 digits[24];
  int n = 0;
  do {
    u32 digit = (u32)(value % base);
    digits[n++] = (u8)(digit < 10 ? '0' + digit : 'a' - 10 + digit);
    value /= base;
  } while (value != 0);
  while (n < width && n < 20) digits[n++] = ' ';
  for (int i = 0; i < n; i++) to[i] = digits[n - 1 - i];
  to[n] = 0;
  return (u64)n;
}

__attribute__((used)) static void rounds(u8 *buffer) {
  u64 *words = (u64 *)(buffer + 0x1000);
  u32 *items = (u32 *)(buffer + 0x2000);
  Node *nodes = (Node *)(buffer + 0x3000);
  u64 state = 88172645463325252u;
  for (u32 round = 0;; round++) {
    for (int i = 0; i < 48; i++) {
      state ^= state << 13, state ^= state >> 7, state ^= state << 17;
      words[i & 15] = state;
      items[i] = (u32)state >> 3;
      buffer[i] = (u8)(state >> 11) | 1;
      nodes[i] = (Node){0, 0, 0, (u32)state & 255, 0, (u16)round, (u8)i, (u8)(i << 1), (double)(s64)state};
    }
    buffer[48] = 0;
    Scanner scanner = {buffer, buffer + 48, round, 0, 0};
    while (scan(&scanner) != 0) state += (u64)scanner.token;
    state += hash(buffer, 48) + length(buffer + 3) + (u64)scanner.value;
    copy(buffer + 0x100, buffer, 45);
    stringCopy(buffer + 0x200, buffer, 47);
    stringFill(buffer + 0x300, state, 12);
    state += (u64)compare(buffer, buffer + 0x100);
    Node *root = 0;
    for (int i = 0; i < 24; i++) root = insert(root, &nodes[i]);
    state += walk(root, 0);
    sort(items, 0, 31, round & 1 ? upwards : byLowByte);
    state += (u64)scalar(nodes, 24, 0.5) + bits(words, 12) + fib(7);
    vectors((float *)(buffer + 0x400), (double *)(buffer + 0x600), (int *)(buffer + 0x800), (u16 *)(buffer + 0xa00));
    state += (u64)interpret(buffer, (s64 *)(buffer + 0xc00), 40);
    state += format(buffer + 0xe00, state, round & 1 ? 10 : 16, 9);
  }
}
