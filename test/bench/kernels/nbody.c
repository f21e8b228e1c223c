// Planets under gravity: scalar double arithmetic with square roots and divisions.
#include "kernel.h"
struct body { double x, y, z, vx, vy, vz, mass; };
u64 kernel(u64 rounds) {
  struct body b[5];
  for (int i = 0; i < 5; i++)
    b[i] = (struct body){i * 1.3 + 0.1, i * 0.7 - 1.1, 0.3 * i, 0.01 * i, 0.4 - 0.1 * i, 0.02, 1.0 / (1 + i)};
  for (u64 r = 0; r < rounds * 1000; r++) {
    for (int i = 0; i < 5; i++)
      for (int j = i + 1; j < 5; j++) {
        double dx = b[i].x - b[j].x, dy = b[i].y - b[j].y, dz = b[i].z - b[j].z;
        double square = dx * dx + dy * dy + dz * dz + 0.01;
        double magnitude = 0.0001 / (square * __builtin_sqrt(square));
        b[i].vx -= dx * b[j].mass * magnitude; b[i].vy -= dy * b[j].mass * magnitude; b[i].vz -= dz * b[j].mass * magnitude;
        b[j].vx += dx * b[i].mass * magnitude; b[j].vy += dy * b[i].mass * magnitude; b[j].vz += dz * b[i].mass * magnitude;
      }
    for (int i = 0; i < 5; i++) { b[i].x += 0.0001 * b[i].vx; b[i].y += 0.0001 * b[i].vy; b[i].z += 0.0001 * b[i].vz; }
  }
  double energy = 0;
  for (int i = 0; i < 5; i++) energy += b[i].mass * (b[i].vx * b[i].vx + b[i].vy * b[i].vy + b[i].vz * b[i].vz);
  u64 bits; __builtin_memcpy(&bits, &energy, 8);
  return bits;
}
