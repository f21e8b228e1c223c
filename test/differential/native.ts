/** Runs cases on the real processor, through a C program compiled when first needed. */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { arch, platform, tmpdir } from "node:os";
import { join } from "node:path";
import { highBytes, windowBytes } from "./layout.ts";
import type { Case, Result } from "./layout.ts";

/** Far longer than cases take: one of them does not end. */
const nativeMs = 60_000;

const caseBytes = 16 * 8 + 16 + 512 + highBytes + windowBytes;
const padded = (bytes: number): number => (bytes + 7) & ~7;
const resultBytes = 16 * 8 + 40 + 512 + highBytes + windowBytes;

/** Why this machine cannot run cases, or null. */
export function nativeUnavailable(): string | null {
  if (platform() !== "linux" || arch() !== "x64") return "the differential tests need an x86-64 Linux machine";
  if (spawnSync("gcc", ["--version"]).status !== 0) return "the differential tests need gcc";
  return null;
}

/** What /proc/cpuinfo says the processor has, and `intel` if it is one of Intel's. */
export function hostFeatures(): ReadonlySet<string> {
  const text = readFileSync("/proc/cpuinfo", "utf8");
  const line = /^flags\s*:(.*)$/m.exec(text);
  const features = new Set(line?.[1]?.trim().split(/\s+/) ?? []);
  if (/^vendor_id\s*: GenuineIntel$/m.test(text)) features.add("intel");
  return features;
}

function compiled(): string {
  const source = join(import.meta.dirname, "native.c");
  const hash = createHash("sha256").update(readFileSync(source)).digest("hex").slice(0, 16);
  const folder = join(tmpdir(), "wherry-differential");
  mkdirSync(folder, { recursive: true });
  const program = join(folder, `native-${hash}`);
  if (!existsSync(program)) {
    const made = `${program}.${process.pid}`;
    const result = spawnSync("gcc", ["-O1", "-fno-stack-protector", "-o", made, source], { encoding: "utf8" });
    if (result.status !== 0) throw new Error(`gcc could not compile native.c:\n${result.stderr}`);
    renameSync(made, program);
  }
  return program;
}

export function runNative(cases: readonly Case[]): Result[] {
  const program = compiled();
  const folder = mkdtempSync(join(tmpdir(), "wherry-cases-"));
  try {
    const size = cases.reduce((sum, test) => sum + caseBytes + padded(test.code.length), 0);
    const input = new Uint8Array(size);
    const view = new DataView(input.buffer);
    let at = 0;
    for (const test of cases) {
      for (const value of test.registers) {
        view.setBigUint64(at, value, true);
        at += 8;
      }
      view.setBigUint64(at, BigInt(test.flags), true);
      view.setUint32(at + 8, test.code.length, true);
      view.setUint32(at + 12, test.codeOffset, true);
      at += 16;
      input.set(test.fx, at);
      if (test.high !== undefined) input.set(test.high, at + 512);
      at += 512 + highBytes;
      input.set(test.window, at);
      input.set(test.code, at + windowBytes);
      at += windowBytes + padded(test.code.length);
    }
    writeFileSync(join(folder, "cases"), input);
    const ran = spawnSync(program, [join(folder, "cases"), join(folder, "results")], {
      encoding: "utf8",
      timeout: nativeMs,
    });
    if (ran.status !== 0) throw new Error(`the native runner ended with ${ran.status ?? ran.signal}: ${ran.stderr}`);
    const output = readFileSync(join(folder, "results"));
    const results: Result[] = [];
    for (let index = 0; index < cases.length; index++) {
      const at = index * resultBytes;
      const registers = new BigUint64Array(16);
      for (let i = 0; i < 16; i++) registers[i] = output.readBigUInt64LE(at + i * 8);
      const tail = at + 16 * 8;
      results.push({
        registers,
        rip: Number(output.readBigUInt64LE(tail)),
        flags: Number(output.readBigUInt64LE(tail + 8)),
        address: Number(output.readBigUInt64LE(tail + 16)),
        vector: output.readUInt32LE(tail + 28),
        fx: new Uint8Array(output.subarray(tail + 40, tail + 552)),
        high: new Uint8Array(output.subarray(tail + 552, tail + 552 + highBytes)),
        window: new Uint8Array(output.subarray(tail + 552 + highBytes, at + resultBytes)),
      });
    }
    return results;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
