/** The life of emulated containers end to end, through the built bundle: their files when stopped, their end when busy. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeBusyboxArchive } from "./image.ts";
import { makeRunner } from "./program.ts";

const scratch = mkdtempSync(join(tmpdir(), "wherry-emulator-"));
const store = join(scratch, "store");
const wherry = makeRunner({ store });
const ok = async (...words: string[]): Promise<string> => {
  const result = await wherry(words);
  expect(result).toMatchObject({ code: 0, stderr: "" });
  return result.stdout.trim();
};

/**
 *     (module (import "wasi_snapshot_preview1" "proc_exit" (func (param i32)))
 *       (memory (export "memory") 1) (func (export "_start") (loop br 0)))
 */
const text = (name: string) => [name.length, ...Buffer.from(name)];
const section = (id: number, ...bytes: number[]) => [id, bytes.length, ...bytes];
const endless = Uint8Array.from([
  ...Buffer.from("\0asm\u0001\0\0\0"),
  ...section(1, 2, 0x60, 0, 0, 0x60, 1, 0x7f, 0),
  ...section(2, 1, ...text("wasi_snapshot_preview1"), ...text("proc_exit"), 0, 1),
  ...section(3, 1, 0),
  ...section(5, 1, 0, 1),
  ...section(7, 2, ...text("memory"), 2, 0, ...text("_start"), 0, 1),
  ...section(10, 1, 7, 0, 0x03, 0x40, 0x0c, 0, 0x0b, 0x0b),
]);

beforeAll(async () => {
  await ok("load", "-i", await makeBusyboxArchive(scratch));
}, 120_000);
afterAll(async () => {
  const left = (await wherry(["ps", "-aq"])).stdout.split("\n").filter((line) => line !== "");
  if (left.length > 0) await wherry(["rm", "-f", ...left]);
  rmSync(scratch, { recursive: true, force: true });
});

test("files go out of and into a stopped container, and it sees them when started again", async () => {
  const script = "if [ -e /in ]; then cat /in; ls -l /in; else echo made inside > /out; fi";
  await ok("run", "--runtime", "emulator", "--name", "still", "busybox", "sh", "-c", script);
  await ok("cp", "still:/out", join(scratch, "out"));
  expect(readFileSync(join(scratch, "out"), "utf8")).toBe("made inside\n");
  writeFileSync(join(scratch, "in"), "made outside\n", { mode: 0o640 });
  await ok("cp", join(scratch, "in"), "still:/in");
  const again = await ok("start", "-a", "still");
  expect(again).toContain("made outside");
  expect(again).toContain("-rw-r-----");
  await ok("rm", "still");
  expect(journals()).toEqual([]);
});

test("files go out of and into a running container", async () => {
  const script = "echo early > /out; while [ ! -e /in ]; do sleep 0.1; done; cat /in";
  await ok("run", "-d", "--runtime", "emulator", "--name", "live", "busybox", "sh", "-c", script);
  await expect
    .poll(async () => (await wherry(["cp", "live:/out", join(scratch, "live")])).code, { timeout: 60_000 })
    .toBe(0);
  expect(readFileSync(join(scratch, "live"), "utf8")).toBe("early\n");
  writeFileSync(join(scratch, "late"), "late\n");
  await ok("cp", join(scratch, "late"), "live:/in");
  expect(await ok("wait", "live")).toBe("0");
  expect(await ok("logs", "live")).toBe("late");
});

test("a program that computes without end is killed, stopped and removed", async () => {
  writeFileSync(join(scratch, "endless.wasm"), endless);
  const start = async (name: string) => {
    await ok("create", "--runtime", "emulator", "--name", name, "busybox", "/endless.wasm");
    await ok("cp", join(scratch, "endless.wasm"), `${name}:/endless.wasm`);
    await ok("start", name);
    await new Promise((resolve) => setTimeout(resolve, 500));
  };
  await start("killed");
  expect(await ok("logs", "killed")).toBe("");
  await ok("kill", "killed");
  expect(await ok("wait", "killed")).toBe("137");
  await start("stopped");
  await ok("stop", "-t", "1", "stopped");
  expect(await ok("wait", "stopped")).toBe("137");
  await start("removed");
  await ok("rm", "-f", "removed");
  expect(await ok("ps", "-aq", "--filter", "name=removed")).toBe("");
});

const journals = () => readdirSync(join(store, "journals")).filter((name) => name.startsWith("layer"));
