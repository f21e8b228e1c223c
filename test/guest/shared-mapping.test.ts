/** Stores into shared file mappings are kept: after an earlier write-back, at sync(2), and when the container ends. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { machine } from "./image-machine.ts";

const folder = mkdtempSync(join(tmpdir(), "wherry-mapping-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const debian = await machine("public/images/debian.tar");

const program = (path: string, rest: string): string => `
import mmap, os, signal, time
f = open("${path}", "wb+"); f.write(b"." * 8192); f.flush()
m = mmap.mmap(f.fileno(), 8192)
m[0:1] = b"a"; m.flush()
m[1:2] = b"b"; os.fsync(f.fileno())
m[2:3] = b"c"; os.sync()
m[3:4] = b"d"; os.fdatasync(f.fileno())
${rest}
`;
const written = "abcdef....";

test("in the container's own files", async () => {
  const end = 'm[4:5] = b"e"; f.close(); m[5:6] = b"f"; m[4096:4097] = b"g"; os._exit(0)';
  const first = await debian.run(["python3", "-c", program("/kept", end)], { id: "kept" });
  expect(first).toEqual({ stdout: "", stderr: "", exitCode: 0 });
  const read = "b = open('/kept').read(); print(b[:10], b[4096:4098])";
  expect((await debian.run(["python3", "-c", read], { id: "kept" })).stdout).toBe(`${written} g.\n`);
});

test("in the container's own files, by a process that is killed with the container", async () => {
  const end = `
if os.fork() == 0:
  m[4:5] = b"e"; m[5:6] = b"f"
  os.write(w, b"x")
  signal.pause()
os.read(r, 1)
os._exit(0)`;
  const first = await debian.run(["python3", "-c", program("/kept", `r, w = os.pipe()${end}`)], { id: "killed" });
  expect(first).toEqual({ stdout: "", stderr: "", exitCode: 0 });
  const read = "print(open('/kept').read()[:10])";
  expect((await debian.run(["python3", "-c", read], { id: "killed" })).stdout).toBe(`${written}\n`);
});

test("in a directory of the host, by a process that is killed with the container", async () => {
  const end = `
r, w = os.pipe()
if os.fork() == 0:
  m[4:5] = b"e"; m[5:6] = b"f"
  os.write(w, b"x")
  signal.pause()
os.read(r, 1)
os._exit(0)`;
  const mounts = [{ type: "bind", source: folder, target: "/host", readOnly: false }] as const;
  expect(await debian.run(["python3", "-c", program("/host/kept", end)], { mounts })).toMatchObject({ exitCode: 0 });
  expect(readFileSync(join(folder, "kept"), "latin1").slice(0, 10)).toBe(written);
});
