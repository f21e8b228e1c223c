/**
 * The same command, the same image: natively in namespaces and under our own processor and kernel. Everything a caller
 * can see must be equal: stdout, stderr and the exit code; interpreted, compiled, and normally.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Engine, RunOptions } from "../../src/engine/types.ts";
import { openEngine } from "../../src/main.node-api.ts";
import { engines, jitMode } from "../x86/mode.ts";
import type { EngineMode } from "../x86/mode.ts";
import { parityCommands } from "./parity-commands.ts";

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** Compiling everything a shell runs through takes seconds each time, and python ten times that: some of most kinds. */
const forced = parityCommands.filter((line, index) => index % 20 === 0 && !line.includes("python3"));
const commands = (mode: EngineMode) => (mode === "jit" ? forced : parityCommands);

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

  const run = async (line: string, where: Pick<RunOptions, "runtime" | "jit">) => {
    const command = ["bash", "-c", line];
    const result = await engine.run({ image: "debian:demo", command, hostname: "parity", remove: true, ...where });
    return { stdout: text(result.stdout), stderr: text(result.stderr), exitCode: result.exitCode };
  };

  /** One native run for all modes. */
  const known = new Map<string, ReturnType<typeof run>>();
  const native = (line: string) => {
    let result = known.get(line);
    if (result === undefined) known.set(line, (result = run(line, { runtime: "native" })));
    return result;
  };

  describe.each(engines)("%s", (mode) => {
    test.each(commands(mode))("%s", async (line) => {
      const expected = await native(line);
      expect(await run(line, { runtime: "emulator", jit: jitMode(mode) })).toEqual(expected);
    });
  });
});
