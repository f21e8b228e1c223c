import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { O_CREAT, O_RDONLY, O_WRONLY } from "../../abi/fcntl.ts";
import { concat, encodeUtf8 } from "../../base/bytes.ts";
import { systemClock } from "../../base/clock.ts";
import { ArrayPagePool } from "../../vfs/array-page-pool.ts";
import { Namespace } from "../../vfs/namespace.ts";
import { open } from "../../vfs/operations.ts";
import { createPipe } from "../../vfs/pipefs/pipe.ts";
import { createTmpfs } from "../../vfs/tmpfs/tmpfs.ts";
import { drainPipe, feedPipe } from "../pipe-streams.ts";
import { startWasi } from "./wasi-process.ts";

const root = { uid: 0, gid: 0, groups: [], home: "/root" };
let folder: string;
let program: Uint8Array;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "wherry-wasi-"));
  const output = join(folder, "hello.wasm");
  const flags = ["--optimize", "--runtime", "stub", "--use", "abort=wasm/guest/wasi/wasi_abort", "-o", output];
  execFileSync(process.execPath, ["node_modules/assemblyscript/bin/asc.js", "wasm/guest/wasi.ts", ...flags]);
  program = readFileSync(output);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function run(args: readonly string[], input = "", code: Uint8Array = program) {
  const namespace = new Namespace(
    createTmpfs(new ArrayPagePool(), systemClock, { size: null, inodes: 1000, mode: 0o755, uid: 0, gid: 0 }),
    {
      source: "tmpfs",
      options: "rw",
    },
  );
  const put = async (path: string, bytes: Uint8Array) => {
    const file = await open(namespace.caller(), namespace.root, path, O_CREAT | O_WRONLY, 0o755);
    if (typeof file === "number") throw new Error(`${path}: ${file}`);
    await file.write(bytes, null);
    file.release();
  };
  await put("/hello.wasm", code);
  await put("/greeting.txt", encodeUtf8("from a file\n"));
  const out: Uint8Array[][] = [[], []];
  const [inRead, inWrite] = createPipe(0, root, systemClock);
  const source = new ReadableStream<Uint8Array>({
    start(controller) {
      if (input !== "") controller.enqueue(encodeUtf8(input));
      controller.close();
    },
  });
  void feedPipe(source, inWrite);
  const [outRead, outWrite] = createPipe(0, root, systemClock);
  const [errRead, errWrite] = createPipe(0, root, systemClock);
  const sink = (index: number) => new WritableStream<Uint8Array>({ write: (chunk) => void out[index]!.push(chunk) });
  const drained = Promise.all([drainPipe(outRead, sink(0)), drainPipe(errRead, sink(1))]);
  const spec = {
    arguments: ["/hello.wasm", ...args],
    environment: ["COLOR=blue"],
    workingDirectory: "/",
    user: "",
    tty: false,
    interactive: true,
    columns: 80,
    rows: 24,
  };
  const started = await startWasi(spec, namespace, root, namespace.root, [inRead, outWrite, errWrite]);
  if (started === null) return null;
  const exitCode = await started.exited;
  await drained;
  const text = (parts: Uint8Array[]) => new TextDecoder().decode(concat(parts));
  const read = await open(namespace.caller(), namespace.root, "/written", O_RDONLY, 0);
  const written = new Uint8Array(100);
  const length = typeof read === "number" ? 0 : await read.read(written, null);
  return { exitCode, stdout: text(out[0]!), stderr: text(out[1]!), written: text([written.subarray(0, length)]) };
}

describe("a WASI program over the container's files", () => {
  test("greets, reads a file of the image, and sees its environment and the clock", async () => {
    const result = await run([]);
    expect(result?.stdout).toMatch(
      /^Hello from WebAssembly\.\nfrom a file\n {2}COLOR=blue\n {2}seconds since 1970: \d{10}\n$/,
    );
    expect(result?.exitCode).toBe(0);
  });

  test("copies its input, writes files, gives random bytes, and ends with its exit code", async () => {
    expect((await run(["upper"], "shout\n"))?.stdout).toBe("SHOUT\n");
    expect((await run(["write", "/written", "text"]))?.written).toBe("text\n");
    expect((await run(["random"]))?.stdout).toMatch(/^[0-9a-f]{32}\n$/);
    expect((await run(["exit", "7"]))?.exitCode).toBe(7);
  });

  test("a path that leaves the root is refused", async () => {
    const result = await run(["cat", "../greeting.txt"]);
    expect(result).toMatchObject({ exitCode: 1, stderr: "hello.wasm: ../greeting.txt: error 76\n" });
  });

  test("a file that is not WebAssembly is left to the kernel", async () => {
    expect(await run([], "", encodeUtf8("#!/bin/sh\necho no\n"))).toBe(null);
  });

  test("a module that does not validate is not executable", async () => {
    const broken = program.slice();
    broken.fill(0xff, 60, 90);
    await expect(run([], "", broken)).rejects.toMatchObject({ code: "invalid-executable", exitCode: 126 });
  });
});
