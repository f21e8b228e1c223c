import { expect, test } from "vitest";
import { FakeCpu } from "./fake-cpu.ts";
import { Profile } from "./profile.ts";
import type { ProfileCounters } from "./profile.ts";

const counters = (instructions: number, compiledRun: number): ProfileCounters => ({
  ...new FakeCpu().counters,
  instructions,
  compiledRun,
});

test("unwatched calls are reckoned with the mean of those that were timed", () => {
  const profile = new Profile();
  for (let i = 0; i < 9; i++) profile.syscall(1, -1);
  profile.syscall(1, 0.5);
  profile.syscall(0, -1);
  profile.slice(100, 0, () => counters(0, 0));
  const [write, read] = profile.topSyscalls((number) => ["read", "write"][number]!);
  expect(write).toEqual({ name: "write", count: 10, ms: 5 });
  expect(read).toEqual({ name: "read", count: 1, ms: 0.001 });
  expect(profile.syscalls).toBe(11);
});

test("accounts add up to the time there was", () => {
  const profile = new Profile();
  profile.busyMs = 10;
  for (let i = 0; i < 4; i++) profile.fault(10);
  const accounts = profile.accounts(counters(100, 0));
  expect(accounts.faultsMs).toBeCloseTo(10);
  expect(accounts.interpreterMs).toBe(0);
});

test("what interpreted and compiled code cost follows from slices of different mixtures", () => {
  const profile = new Profile();
  profile.watch();
  let [interpreted, compiled] = [0, 0];
  // Interpreted: 1 ms for 1000; compiled: 1 ms for 4000.
  for (const [i, c] of [
    [0, 0],
    [1000, 4000],
    [3000, 4000],
    [1000, 12000],
  ] as const) {
    interpreted += i;
    compiled += c;
    profile.slice(i / 1000 + c / 4000, 0, () => counters(interpreted + compiled, compiled));
  }
  const accounts = profile.accounts(counters(interpreted + compiled, compiled));
  expect(accounts.interpreterMs).toBeCloseTo(5);
  expect(accounts.compiledMs).toBeCloseTo(5);
});
