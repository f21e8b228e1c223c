/** The texts of /proc itself, in Linux's formats (man 5 proc). */
import { kernelRelease, kernelVersion } from "../../abi/uts.ts";
import { toHex } from "../../base/bytes.ts";
import { limits } from "../../base/limits.ts";
import { fillRandom } from "../../base/random.ts";
import type { CpuLevel } from "../../../wasm/x86/types.ts";
import { ticks } from "./task-text.ts";
import type { ProcSource } from "./source.ts";

/** Flags of x86-64-v2 and what is always offered, in the kernel's words and order; those of x86-64-v3 where it has them. */
const flagNames =
  "fpu tsc cx8 cmov clflush mmx fxsr sse sse2 syscall nx rdtscp lm constant_tsc nonstop_tsc cpuid pni pclmulqdq ssse3 +fma cx16 sse4_1 sse4_2 movbe popcnt aes +xsave +avx +f16c rdrand hypervisor lahf_lm +abm 3dnowprefetch fsgsbase +bmi1 +avx2 +bmi2 erms rdseed adx clflushopt clwb sha_ni +xsaveopt +xsavec +xgetbv1 rdpid fsrm".split(
    " ",
  );

/** What CPUID of our processor says (`wasm/x86/rows/cpuid.ts`), in the kernel's words. */
export function cpuinfoText(level: CpuLevel): string {
  const isV3 = level === "x86-64-v3";
  const flags = flagNames.filter((name) => isV3 || !name.startsWith("+")).map((name) => name.replace("+", ""));
  return [
    "processor\t: 0",
    "vendor_id\t: GenuineIntel",
    "cpu family\t: 6",
    `model\t\t: ${isV3 ? 60 : 26}`,
    `model name\t: Wherry ${level} processor`,
    `stepping\t: ${isV3 ? 3 : 5}`,
    "cpu MHz\t\t: 1000.000",
    "cache size\t: 8192 KB",
    "physical id\t: 0",
    "siblings\t: 1",
    "core id\t\t: 0",
    "cpu cores\t: 1",
    "apicid\t\t: 0",
    "initial apicid\t: 0",
    "fpu\t\t: yes",
    "fpu_exception\t: yes",
    "cpuid level\t: 13",
    "wp\t\t: yes",
    `flags\t\t: ${flags.join(" ")}`,
    "bugs\t\t:",
    "bogomips\t: 2000.00",
    "clflush size\t: 64",
    "cache_alignment\t: 64",
    "address sizes\t: 40 bits physical, 48 bits virtual",
    "power management:",
    "",
    "",
  ].join("\n");
}

export function meminfoText(source: ProcSource): string {
  const { totalBytes, freeBytes } = source.memory();
  const line = (name: string, bytes: number): string =>
    `${`${name}:`.padEnd(16)}${`${Math.floor(bytes / 1024)}`.padStart(8)} kB\n`;
  return (
    line("MemTotal", totalBytes) +
    line("MemFree", freeBytes) +
    line("MemAvailable", freeBytes) +
    ["Buffers", "Cached", "SwapCached", "Active", "Inactive", "SwapTotal", "SwapFree", "Dirty", "Writeback"]
      .map((name) => line(name, 0))
      .join("") +
    line("AnonPages", totalBytes - freeBytes) +
    ["Mapped", "Shmem", "Slab", "SReclaimable", "SUnreclaim", "KernelStack", "PageTables"]
      .map((name) => line(name, 0))
      .join("") +
    line("CommitLimit", totalBytes) +
    line("Committed_AS", totalBytes - freeBytes) +
    line("VmallocTotal", 0) +
    "HugePages_Total:       0\nHugePages_Free:        0\nHugepagesize:       2048 kB\n"
  );
}

function upNs(source: ProcSource): number {
  return Number(source.clock.monotonicNs() - source.bootNs);
}

export function uptimeText(source: ProcSource): string {
  const up = upNs(source);
  const { userNs, systemNs } = source.usage();
  const idle = Math.max(0, up - userNs - systemNs);
  return `${(up / 1e9).toFixed(2)} ${(idle / 1e9).toFixed(2)}\n`;
}

export function systemStatText(source: ProcSource): string {
  const { userNs, systemNs, forks } = source.usage();
  const idle = Math.max(0, upNs(source) - userNs - systemNs);
  const numbers = `${ticks(userNs)} 0 ${ticks(systemNs)} ${ticks(idle)} 0 0 0 0 0 0`;
  const bootSeconds = Math.floor(Number(source.clock.realtimeNs()) / 1e9 - upNs(source) / 1e9);
  const { runnable } = source.taskCounts();
  return (
    `cpu  ${numbers}\ncpu0 ${numbers}\nintr 0\nctxt 0\nbtime ${bootSeconds}\nprocesses ${forks}\n` +
    `procs_running ${Math.max(1, runnable)}\nprocs_blocked 0\nsoftirq 0 0 0 0 0 0 0 0 0 0 0\n`
  );
}

/** No averages are kept: the number that could run now stands for all three. */
export function loadavgText(source: ProcSource): string {
  const { all, runnable } = source.taskCounts();
  const load = runnable.toFixed(2);
  return `${load} ${load} ${load} ${Math.max(1, runnable)}/${all} ${source.lastPid}\n`;
}

export function versionText(): string {
  return `Linux version ${kernelRelease} (wherry@wherry) (TypeScript) ${kernelVersion}\n`;
}

/** Counters that are not kept are left out: readers look for names. */
export function vmstatText(source: ProcSource): string {
  const { totalBytes, freeBytes } = source.memory();
  const pages = (bytes: number): number => Math.floor(bytes / limits.pageBytes);
  const counters: readonly (readonly [string, number])[] = [
    ["nr_free_pages", pages(freeBytes)],
    ["nr_anon_pages", pages(totalBytes - freeBytes)],
    ["pgpgin", 0],
    ["pgpgout", 0],
    ["pswpin", 0],
    ["pswpout", 0],
  ];
  return counters.map(([name, value]) => `${name} ${value}\n`).join("");
}

/** The loopback interface, whose traffic is not counted. */
export function netDeviceText(): string {
  return (
    "Inter-|   Receive                                                |  Transmit\n" +
    " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n" +
    "    lo:       0       0    0    0    0     0          0         0        0       0    0    0    0     0       0          0\n"
  );
}

/** Loopback needs no routes. */
export const routeText =
  "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT                                                       \n";

export function filesystemsText(): string {
  const names = ["sysfs", "tmpfs", "proc", "devtmpfs", "pipefs", "sockfs", "devpts", "overlay"];
  return names.map((name) => `nodev\t${name}\n`).join("");
}

export function devicesText(): string {
  return "Character devices:\n  1 mem\n  5 /dev/tty\n  5 /dev/console\n  5 /dev/ptmx\n136 pts\n\nBlock devices:\n";
}

export function randomUuid(): string {
  const bytes = new Uint8Array(16);
  fillRandom(bytes);
  // Version 4, variant 1 (RFC 9562).
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = toHex(bytes);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
