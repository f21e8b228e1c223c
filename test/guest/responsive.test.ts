/** Whoever waits for a guest is not kept waiting: by one that only computes, or by a failure of the engine's own. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { signals } from "../../src/abi/signal.ts";
import { engines } from "../x86/mode.ts";
import { runGuest } from "./machine.ts";

const source = `
#include <stdio.h>
#include <unistd.h>
int main(void) {
  for (int i = 0; i < 4; i++) if (fork() == 0) for (;;);
  setvbuf(stdout, NULL, _IONBF, 0);
  for (int i = 0; i < 10; i++) { usleep(5000); printf("."); }
  for (;;);
}`;

test.each(engines)("busy guests starve neither each other nor the host, %s", async (engine) => {
  const folder = mkdtempSync(join(tmpdir(), "wherry-busy-"));
  const path = join(folder, "busy");
  writeFileSync(`${path}.c`, source);
  const made = spawnSync("gcc", ["-static", "-O1", "-o", path, `${path}.c`]);
  expect(String(made.stderr)).toBe("");
  let ticks = 0;
  let dots = 0;
  let ended = false;
  const ticker = setInterval(() => ticks++, 10);
  const before = process.cpuUsage();
  const result = await runGuest({
    program: readFileSync(path),
    engine,
    shown: (bytes) => (dots += bytes.length),
    started: async (kernel, guest) => {
      while (!ended && (dots < 10 || ticks < 100)) await new Promise((resolve) => setTimeout(resolve, 100));
      kernel.signalFromOutside(guest, signals.SIGKILL);
    },
  });
  ended = true;
  const { user, system } = process.cpuUsage(before);
  clearInterval(ticker);
  rmSync(folder, { recursive: true });
  expect(result.errors).toEqual([]);
  expect(result.stdout).toBe("..........");
  expect(result.status).toBe(signals.SIGKILL);
  // Every 10 ms or so of our own time, whatever else the machine does; not once in whole seconds.
  expect((user + system) / 1000 / ticks).toBeLessThan(100);
});

test("an engine that fails ends the container and says why", async () => {
  const folder = mkdtempSync(join(tmpdir(), "wherry-broken-"));
  const path = join(folder, "busy");
  writeFileSync(`${path}.c`, source);
  const made = spawnSync("gcc", ["-static", "-O1", "-o", path, `${path}.c`]);
  expect(String(made.stderr)).toBe("");
  const broken = new Error("the engine is broken");
  const result = await runGuest({
    program: readFileSync(path),
    started: (kernel) => {
      let runs = 0;
      const run = kernel.cpu.run.bind(kernel.cpu);
      kernel.cpu.run = (budget, msMax) => {
        if (++runs > 100) throw broken;
        return run(budget, msMax);
      };
    },
  });
  rmSync(folder, { recursive: true });
  expect(result.errors).toEqual([broken]);
  expect(result.status).toBe(signals.SIGKILL);
});
