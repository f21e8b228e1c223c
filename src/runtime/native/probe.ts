/**
 * Which OCI runtime works here, found by trying: each candidate is asked to start a container with no files at all, and
 * the one whose only complaint is that the command is missing works. The answer is kept until the programs, the user or
 * the boot change.
 */
import { mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { release } from "node:os";
import { dirname } from "node:path";
import { WherryError } from "../../base/errors.ts";
import { randomId } from "../../base/random.ts";
import type { ContainerSpec, RuntimeIo } from "../types.ts";
import { findProgram } from "./host.ts";
import type { Host } from "./host.ts";

export type ProbeResult =
  | { readonly kind: "available"; readonly program: string; readonly path: string; readonly reason: string }
  | { readonly kind: "unavailable"; readonly reason: string };

export interface ProbeOptions {
  readonly host: Host;
  readonly cachePath: string;
  /** Rejects with command-not-found when the runtime works. */
  readonly attempt: (path: string, spec: ContainerSpec, io: RuntimeIo) => Promise<void>;
}

/** crun first: it starts a container in half the time. */
const candidates = ["crun", "runc"];

export async function probe(options: ProbeOptions): Promise<ProbeResult> {
  if (process.platform !== "linux")
    return { kind: "unavailable", reason: "native containers need Linux; use --runtime emulator" };
  const found = candidates.flatMap((program) => {
    const path = findProgram(program);
    return path === null ? [] : [{ program, path }];
  });
  if (found.length === 0)
    return {
      kind: "unavailable",
      reason: "no OCI runtime found: install the package crun or runc, or use --runtime emulator",
    };
  const key = await cacheKey(options.host, found);
  const cached = await readCache(options.cachePath, key);
  if (cached !== null) return cached;

  const who = options.host.rootless ? "rootless" : "root";
  const failures: string[] = [];
  for (const { program, path } of found) {
    const complaint = await attempt(options, path);
    if (complaint === null) {
      const others = failures.length === 0 ? "" : `; ${failures.join("; ")}`;
      const result: ProbeResult = { kind: "available", program, path, reason: `works here as ${who}${others}` };
      await mkdir(dirname(options.cachePath), { recursive: true });
      await writeFile(options.cachePath, JSON.stringify({ key, result }));
      return result;
    }
    failures.push(`${program} does not: ${complaint}`);
  }
  return { kind: "unavailable", reason: `no OCI runtime works here as ${who}: ${failures.join("; ")}` };
}

/** Null when it works, else what it says. */
async function attempt(options: ProbeOptions, path: string): Promise<string | null> {
  const nowhere: RuntimeIo = {
    stdin: new ReadableStream(),
    stdout: new WritableStream(),
    stderr: new WritableStream(),
  };
  try {
    await options.attempt(path, emptySpec(), nowhere);
    return "it started a program that does not exist";
  } catch (reason) {
    const error = WherryError.from(reason);
    return error.code === "command-not-found" ? null : error.message;
  }
}

function emptySpec(): ContainerSpec {
  const process = {
    arguments: ["/wherry-probe"],
    environment: [],
    workingDirectory: "/",
    user: "",
    tty: false,
    interactive: false,
    columns: 80,
    rows: 24,
  };
  return {
    id: randomId(),
    hostname: "probe",
    layers: [],
    process,
    readOnly: false,
    mounts: [],
    memoryBytes: 0,
    stopSignal: "SIGTERM",
    strace: false,
  };
}

async function cacheKey(host: Host, found: readonly { readonly path: string }[]): Promise<string> {
  const programs = await Promise.all(found.map(async ({ path }) => `${path} ${(await stat(path)).mtimeMs}`));
  const boot = await readFile("/proc/sys/kernel/random/boot_id", "utf8").catch(() => "");
  const overlay = process.env["WHERRY_OVERLAY"] ?? "";
  return JSON.stringify([2, host.uid, host.subordinateIds, host.cgroups, release(), boot.trim(), overlay, programs]);
}

async function readCache(path: string, key: string): Promise<ProbeResult | null> {
  try {
    const cached = JSON.parse(await readFile(path, "utf8")) as { key: string; result: ProbeResult };
    return cached.key === key ? cached.result : null;
  } catch {
    return null;
  }
}
