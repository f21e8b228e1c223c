/** A guest that only computes: the host's event loop goes on, other processes go on, and a kill from outside arrives. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { signals } from "../../src/abi/signal.ts";
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

test("busy guests starve neither each other nor the host", async () => {
  const folder = mkdtempSync(join(tmpdir(), "wherry-busy-"));
  const path = join(folder, "busy");
  writeFileSync(`${path}.c`, source);
  const made = spawnSync("gcc", ["-static", "-O1", "-o", path, `${path}.c`]);
  expect(String(made.stderr)).toBe("");
  let ticks = 0;
  const ticker = setInterval(() => ticks++, 10);
  const result = await runGuest({
    program: readFileSync(path),
    started: (kernel, process) => {
      setTimeout(() => kernel.signalFromOutside(process, signals.SIGKILL), 3000);
    },
  });
  clearInterval(ticker);
  rmSync(folder, { recursive: true });
  expect(result.errors).toEqual([]);
  expect(result.stdout).toBe("..........");
  expect(result.status).toBe(signals.SIGKILL);
  // 300 on an idle machine; a host that were held for whole seconds would see a handful.
  expect(ticks).toBeGreaterThan(30);
});
