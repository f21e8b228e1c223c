/** Time as the container sees it. Nanoseconds are BigInt; both clocks come from one source so they never disagree. */
export interface Clock {
  /** CLOCK_REALTIME: nanoseconds since 1970. */
  realtimeNs(): bigint;
  /** CLOCK_MONOTONIC: nanoseconds since some fixed moment. */
  monotonicNs(): bigint;
}

export const systemClock: Clock = {
  realtimeNs: () => BigInt(Math.round((performance.timeOrigin + performance.now()) * 1000)) * 1000n,
  monotonicNs: () => BigInt(Math.round(performance.now() * 1000)) * 1000n,
};
