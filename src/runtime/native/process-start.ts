/**
 * When a process started, in clock ticks since boot (man 5 proc, stat field 22): tells a process from a later one of
 * the same id. Null when it has ended.
 */
import { readFileSync } from "node:fs";

export function processStart(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The command's name is in parentheses and may hold anything; what follows starts with field 3, the state.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    // A zombie has ended: only its parent has not looked yet.
    return fields[0] === "Z" || fields[0] === "X" ? null : (fields[19] ?? null);
  } catch {
    return null;
  }
}
