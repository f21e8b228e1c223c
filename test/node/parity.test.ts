/**
 * The same command, the same image: natively in namespaces and under our own processor and kernel. Everything a caller
 * can see must be equal: stdout, stderr and the exit code.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Engine } from "../../src/engine/types.ts";
import { openEngine } from "../../src/main.node-api.ts";
import { parityCommands } from "./parity-commands.ts";

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

describe("native and emulator agree on the Debian image", () => {
  let engine: Engine;
  let folder: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "wherry-parity-"));
    engine = await openEngine({ store: folder });
    await engine.images.load({ kind: "path", path: "public/images/debian.tar" });
  }, 120_000);

  afterAll(async () => {
    await engine.close();
    rmSync(folder, { recursive: true, force: true });
  });

  test.each(parityCommands)("%s", async (line) => {
    const run = async (runtime: "native" | "emulator") => {
      const result = await engine.run({
        image: "debian:demo",
        command: ["bash", "-c", line],
        hostname: "parity",
        runtime,
        remove: true,
      });
      return { stdout: text(result.stdout), stderr: text(result.stderr), exitCode: result.exitCode };
    };
    const native = await run("native");
    const emulated = await run("emulator");
    expect(emulated).toEqual(native);
  });
});
