// What is measured: the rows of each group. Data only, so that arguments can be checked before anything is built.

/** The seven kernels, each with rounds that take about 100 ms natively on a quiet machine. */
export const kernels = [
  { name: "hash", rounds: 1250 },
  { name: "memory", rounds: 25 },
  { name: "switch", rounds: 35000 },
  { name: "fib", rounds: 400 },
  { name: "nbody", rounds: 2000 },
  { name: "spectral", rounds: 2000 },
  { name: "vector", rounds: 100000 },
];

/** Programs that compute for 0.1 to 0.4 s natively. None starts others: qemu-user would run those natively. */
export const loops = [
  { name: "bash", command: ["bash", "-c", "i=0; while ((i < 60000)); do ((i += 1)); done"] },
  { name: "awk", command: ["mawk", "BEGIN { for (i = 0; i < 1500000; i++) s += i * i; print s }"] },
  { name: "perl", command: ["perl", "-e", "my $s = 0; for my $i (1 .. 1500000) { $s += $i * $i } print $s"] },
  { name: "python", command: ["python3", "-c", "s = 0\nfor i in range(1000000): s += i * i\nprint(s)"] },
  { name: "gzip", command: ["gzip", "-6", "-c", "/usr/bin/perl"] },
  { name: "sha256sum", command: ["sha256sum", "/usr/bin/python3.11", "/usr/bin/python3.11", "/usr/bin/perl"] },
  { name: "sort", command: ["sort", "--parallel=1", "/bench/lines"] },
];

/**
 * Each with the work of test/bench/system.c that is done natively and elsewhere, `per` how many units of the figure
 * one count has, and the target: an upper limit for times, a lower one for MB/s.
 */
export const system = [
  { name: "getppid", mode: "getppid", count: 200_000, unit: "µs", target: 1 },
  { name: "read", mode: "read", count: 200_000, unit: "µs", target: 2 },
  { name: "fork", mode: "fork", count: 100, unit: "ms", target: 5 },
  { name: "pipe", mode: "pipe", count: 256, unit: "MB/s", target: 200 },
];

/** `end`: it prints nothing, so that its end is what counts. */
export const starts = [
  { name: "true", title: "busybox true", image: "busybox", command: ["true"], targetMs: 50, end: true },
  { name: "bash", title: "bash -c 'echo x'", image: "debian", command: ["bash", "-c", "echo x"], targetMs: 100 },
  {
    name: "python",
    title: "python3 -c 'print(1)'",
    image: "debian",
    command: ["python3", "-c", "print(1)"],
    targetMs: 600,
  },
];

/** Short programs, which compiling must not make slower. */
export const shorts = [
  { name: "true", title: "busybox true", image: "busybox", command: ["true"] },
  { name: "bash", title: "bash -c :", image: "debian", command: ["bash", "-c", ":"] },
  { name: "python", title: "python3 -c 'print(1)'", image: "debian", command: ["python3", "-c", "print(1)"] },
  { name: "ls", title: "ls -la /", image: "debian", command: ["ls", "-la", "/"] },
];

/** Groups in the order they run, with the names of their rows; those without are measured as a whole. */
export const groups = {
  kernels: kernels.map(({ name }) => name),
  interpreter: kernels.map(({ name }) => name),
  loops: loops.map(({ name }) => name),
  system: system.map(({ name }) => name),
  start: starts.map(({ name }) => name),
  memory: [],
  warmup: shorts.map(({ name }) => name),
  load: [],
  size: [],
};

/** The rows asked for. */
export const chosen = (rows, names) => rows.filter(({ name }) => names === null || names.includes(name));
