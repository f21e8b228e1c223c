import fc from "fast-check";
import { expect, test } from "vitest";
import { IntervalTimer } from "./interval-timer.ts";
import { Timers } from "./timers.ts";

function clockAt(start: bigint) {
  const clock = { now: start, realtimeNs: () => clock.now, monotonicNs: () => clock.now };
  return clock;
}

test("deadlines come in order, cancelled ones not at all", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(1000), fc.boolean()), { maxLength: 60 }), (entries) => {
      const clock = clockAt(0n);
      const timers = new Timers(clock);
      const fired: number[] = [];
      const cancels = entries.map(([at]) => timers.at(BigInt(at), () => fired.push(at)));
      for (const [index, [, cancelled]] of entries.entries()) if (cancelled) cancels[index]!();
      const expected = entries.filter(([, cancelled]) => !cancelled).map(([at]) => at);
      clock.now = 500n;
      timers.expire();
      expect(fired).toEqual(expected.filter((at) => at <= 500).sort((a, b) => a - b));
      clock.now = 1000n;
      timers.expire();
      expect(fired).toEqual(expected.sort((a, b) => a - b));
      expect(timers.nextNs).toBeNull();
    }),
  );
});

test("a repeating timer counts the periods it missed and stays on its beat", () => {
  const clock = clockAt(0n);
  const timers = new Timers(clock);
  const counts: number[] = [];
  const timer = new IntervalTimer(timers, clock, (count) => counts.push(count));
  timer.arm(100n, 50n);
  clock.now = 260n;
  timers.expire();
  expect(counts).toEqual([4]);
  expect(timer.remainingNs).toBe(40n);
  clock.now = 300n;
  timers.expire();
  expect(counts).toEqual([4, 1]);
  timer.disarm();
  clock.now = 1000n;
  timers.expire();
  expect(counts).toEqual([4, 1]);
});
