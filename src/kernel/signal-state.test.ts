import { expect, test } from "vitest";
import { SIG_IGN, siCode, signals } from "../abi/signal.ts";
import { encodeSignalInfo } from "./signal-frame.ts";
import { PendingSignals, SignalActions, bitOf, defaultAction } from "./signal-state.ts";

const all = ~0n;

test("standard signals are pending once, real-time signals queue in order", () => {
  const pending = new PendingSignals();
  for (const value of [1n, 2n]) {
    pending.add({ signal: signals.SIGUSR1, code: 0, value });
    pending.add({ signal: 40, code: siCode.SI_QUEUE, value });
  }
  expect(pending.take(all)).toMatchObject({ signal: signals.SIGUSR1, value: 1n });
  expect(pending.take(all)).toMatchObject({ signal: 40, value: 1n });
  expect(pending.set).toBe(bitOf(40));
  expect(pending.take(bitOf(41))).toBeNull();
  expect(pending.take(all)).toMatchObject({ signal: 40, value: 2n });
  expect(pending.set).toBe(0n);
});

test("a fault goes before anything else", () => {
  const pending = new PendingSignals();
  pending.add({ signal: signals.SIGHUP, code: 0 });
  pending.add({ signal: signals.SIGSEGV, code: 1 });
  expect(pending.take(all)!.signal).toBe(signals.SIGSEGV);
});

test("execve keeps ignored signals ignored and forgets handlers", () => {
  const actions = new SignalActions();
  actions.set(signals.SIGINT, { ...defaultAction, handler: SIG_IGN });
  actions.set(signals.SIGTERM, { ...defaultAction, handler: 0x1234 });
  actions.resetOnExec();
  expect(actions.ignored).toBe(bitOf(signals.SIGINT));
  expect(actions.caught).toBe(0n);
});

test("siginfo_t has its fields where the C header has them", () => {
  const child = new DataView(
    encodeSignalInfo({ signal: signals.SIGCHLD, code: siCode.CLD_EXITED, pid: 7, uid: 8, status: 9, userTicks: 10 })
      .buffer,
  );
  expect([0, 8, 16, 20, 24].map((at) => child.getInt32(at, true))).toEqual([17, 1, 7, 8, 9]);
  expect(child.getBigInt64(32, true)).toBe(10n);
  const fault = new DataView(encodeSignalInfo({ signal: 11, code: 1, address: 0x7fff_1234_5678 }).buffer);
  expect(fault.getBigUint64(16, true)).toBe(0x7fff_1234_5678n);
});
