/** When a process started, in clock ticks since boot (man 5 proc, stat field 22): tells a process from a later one of
 * the same id. */
import { readFileSync } from "node:fs";

export function processStart(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The command's name is in parentheses and may hold anything.
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? null;
  } catch {
    return null;
  }
}
