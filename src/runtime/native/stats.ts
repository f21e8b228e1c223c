/**
 * What a native container uses, from /proc (man 5 proc): all processes in the first one's PID namespace. Cgroups would
 * count more closely, but are not always there for a container, nor readable by who asks.
 */
import { readFile, readdir, readlink } from "node:fs/promises";
import type { RuntimeStats } from "../types.ts";

/** Linux's USER_HZ, the unit of times in /proc/PID/stat: fixed for user space on x86-64. */
const ticksPerSecond = 100;
const pageBytes = 4096;

export async function nativeStats(first: number, memoryBytesLimit: number | null): Promise<RuntimeStats | null> {
  const namespace = await readlink(`/proc/${first}/ns/pid`).catch(() => null);
  if (namespace === null) return null;
  let [ticks, pids, memoryBytes] = [0, 0, 0];
  let [read, written]: [number | null, number | null] = [0, 0];
  for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/.test(name))) {
    if ((await readlink(`/proc/${pid}/ns/pid`).catch(() => null)) !== namespace) continue;
    const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => null);
    if (stat === null) continue;
    // The name may hold spaces and parentheses; what follows the last one begins with field 3.
    const fields = stat
      .slice(stat.lastIndexOf(")") + 2)
      .split(" ")
      .map(Number);
    const field = (number: number): number => fields[number - 3] ?? 0;
    // utime, stime, and those of children that were waited for.
    ticks += field(14) + field(15) + field(16) + field(17);
    pids += field(20);
    memoryBytes += field(24) * pageBytes;
    const io = await readFile(`/proc/${pid}/io`, "utf8").catch(() => null);
    read = add(read, io, "read_bytes");
    written = add(written, io, "write_bytes");
  }
  const network = await networkBytes(first);
  return {
    cpuMs: (ticks * 1000) / ticksPerSecond,
    memoryBytes,
    memoryBytesMax: memoryBytesLimit ?? (await totalMemory()),
    pids,
    blockReadBytes: read,
    blockWrittenBytes: written,
    networkReceivedBytes: network?.[0] ?? null,
    networkSentBytes: network?.[1] ?? null,
    engine: null,
  };
}

/** Null once one process's figures may not be read. */
function add(sum: number | null, io: string | null, name: string): number | null {
  const found = io === null ? null : new RegExp(`^${name}: (\\d+)$`, "m").exec(io);
  return sum === null || found === null ? null : sum + Number(found[1]);
}

async function networkBytes(pid: number): Promise<readonly [number, number] | null> {
  const text = await readFile(`/proc/${pid}/net/dev`, "utf8").catch(() => null);
  if (text === null) return null;
  let [received, sent] = [0, 0];
  for (const line of text.split("\n").slice(2)) {
    const [name, values] = line.split(":");
    if (values === undefined || name!.trim() === "lo") continue;
    const numbers = values.trim().split(/\s+/).map(Number);
    received += numbers[0] ?? 0;
    sent += numbers[8] ?? 0;
  }
  return [received, sent];
}

async function totalMemory(): Promise<number> {
  const text = await readFile("/proc/meminfo", "utf8");
  return Number(/^MemTotal:\s+(\d+)/m.exec(text)?.[1] ?? 0) * 1024;
}
