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

test("stats shows where the time of a running container goes", async () => {
  const id = await ok(
    "run",
    "-d",
    "--cpu",
    "v3",
    "--jit",
    "off",
    "busybox",
    "sh",
    "-c",
    "while :; do cat /etc/passwd > /dev/null; done",
  );
  const document = JSON.parse(await ok("stats", "--engine", "--no-stream", "--format", "json", id));
  expect(document).toMatchObject({ Cpu: "x86-64-v3", Jit: "off", Time: { CompiledMs: 0, CompilingMs: 0 } });
  expect(document.Time.InterpreterMs).toBeGreaterThan(0);
  expect(document.Time.KernelMs).toBeGreaterThan(0);
  expect(document.TopSyscalls.length).toBe(10);
  const plain = JSON.parse(await ok("stats", "--no-stream", "--format", "json", id));
  expect(Number.parseFloat(plain.CPUPerc)).toBeGreaterThan(1);
  expect(await ok("info")).toMatch(/Counters of 1 running:\n {2}guest instructions: [\d,]{5,}/);
  expect(await ok("inspect", "--format", "{{.HostConfig.Cpu}} {{.HostConfig.Jit}}", id)).toBe("x86-64-v3 off");
  await ok("rm", "-f", id);
});

test("a processor is the emulator's alone", async () => {
  const refused = await wherry(["run", "--runtime", "native", "--cpu", "v3", "busybox", "true"]);
  expect(refused.code).toBe(125);
  expect(refused.stderr).toContain("cpu is an option of the emulator");
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
