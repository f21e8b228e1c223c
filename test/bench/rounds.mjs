// The places take turns, several rounds of it: what disturbs the machine meanwhile disturbs all of them.
import { median, medianRatio } from "./statistics.mjs";

/**
 * Measures in each place in turn, `rounds` times. Results by place, in the order of the rounds. A place that fails is
 * left out from then on; what it lacks is null.
 */
export async function interleave({ places, rounds, say, label }, measure) {
  const results = new Map(places.map(({ name }) => [name, Array.from({ length: rounds }, () => null)]));
  const failed = new Set();
  for (let round = 0; round < rounds; round++)
    for (const place of places) {
      if (failed.has(place.name)) continue;
      try {
        results.get(place.name)[round] = await measure(place, round);
      } catch (error) {
        failed.add(place.name);
        say(`${label}: ${place.name}: ${String(error.message).split("\n")[0].slice(0, 200)}`);
      }
    }
  return results;
}

/** One figure of a place's results: the median over the rounds. */
export function figure(results, name, key) {
  return median(
    (results.get(name) ?? []).filter((each) => each !== null && each[key] !== null).map((each) => each[key]),
  );
}

/** How many times more than `baseKey` of `base`, round for round. */
export function ratio(results, name, key, base, baseKey) {
  const values = (each, which) => (results.get(each) ?? []).map((result) => result?.[which] ?? null);
  return medianRatio(values(name, key), values(base, baseKey));
}

export const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Places where our engine emulates. */
export const emulators = (places) => places.filter(({ kind }) => kind === "node" || kind === "chromium");
