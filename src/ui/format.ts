/** Numbers and times as people read them. */

export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  const units = ["kB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = "B";
  for (const next of units) {
    if (value < 999.5) break;
    value /= 1000;
    unit = next;
  }
  return `${value < 9.95 ? value.toFixed(1) : Math.round(value)} ${unit}`;
}

/** "12 minutes ago", as docker says it. */
export function formatAge(seconds: number, nowSeconds = Date.now() / 1000): string {
  const age = Math.max(0, nowSeconds - seconds);
  if (age < 60) return "just now";
  const steps: [limit: number, size: number, name: string][] = [
    [3600, 60, "minute"],
    [86_400, 3600, "hour"],
    [86_400 * 14, 86_400, "day"],
    [86_400 * 60, 86_400 * 7, "week"],
    [86_400 * 730, 86_400 * 30.44, "month"],
    [Infinity, 86_400 * 365.25, "year"],
  ];
  for (const [limit, size, name] of steps) {
    if (age >= limit) continue;
    const count = Math.floor(age / size);
    return `${count} ${name}${count === 1 ? "" : "s"} ago`;
  }
  return "long ago";
}

/** The twelve digits people use of an id or digest. */
export function shortId(id: string): string {
  return id.replace(/^sha256:/, "").slice(0, 12);
}

export function formatPercent(done: number, total: number | null): string {
  if (total === null || total <= 0) return "";
  return `${Math.min(100, Math.floor((done / total) * 100))} %`;
}
