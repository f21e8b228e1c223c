// A figure the project aims at, beside what was measured: `most` is an upper limit, `least` a lower one.
import { number } from "./format.mjs";

/** @param {number | null} value what was measured; null when it could not be */
export const atMost = (value, limit, unit, name = "") => ({ kind: "most", value, limit, unit, name });
export const atLeast = (value, limit, unit, name = "") => ({ kind: "least", value, limit, unit, name });

/** By what factor a goal is missed; 1 or less is reached, null not measured. */
export function missFactor({ kind, value, limit }) {
  if (value === null || limit === null) return null;
  return kind === "most" ? value / limit : limit / value;
}

/** "≤ 5 ×: reached", "qemu ≤ 4.2 ×: missed by a factor of 1.3". `name` says whose limit it is. */
export function verdict(goal) {
  const factor = missFactor(goal);
  const limit = goal.limit === null ? "?" : number(goal.limit);
  const head = `${goal.name === "" ? "" : `${goal.name} `}${goal.kind === "most" ? "≤" : "≥"} ${limit} ${goal.unit}`;
  if (factor === null) return `${head}: not measured`;
  return factor <= 1 ? `${head}: reached` : `${head}: missed by a factor of ${Math.max(factor, 1.01).toFixed(2)}`;
}
