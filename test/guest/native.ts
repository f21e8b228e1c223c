/** Builds the C programs of the guest tests, and runs them on the host: what they do there is what is right. */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { CpuLevel } from "../../wasm/x86/types.ts";

export interface Build {
  readonly path: string;
  /** The processor it is for. */
  readonly level: CpuLevel;
  /** The program's libraries and loader, for dynamic ones. */
  readonly files: ReadonlyMap<string, Uint8Array>;
}

export interface NativeResult extends Build {
  readonly stdout: string;
  readonly status: string;
}

/** Far longer than any of them takes, on a machine that is a hundred times slower than most. */
const timeoutMs = 120_000;

/** What the source says of the processor that its program needs: `// cpu: x86-64-v3`; x86-64-v2 if nothing. */
export function levelOf(source: string): CpuLevel {
  const isV3 = /^\/\/ cpu: x86-64-v3$/m.test(readFileSync(source, "utf8"));
  return isV3 ? "x86-64-v3" : "x86-64-v2";
}

/** Whether this machine's processor can run such programs. */
export function isNative(level: CpuLevel): boolean {
  return level === "x86-64-v2" || /^flags\b.*\bavx2\b/m.test(readFileSync("/proc/cpuinfo", "utf8"));
}

/** The first lines of the source may say how: `// link: dynamic`, `// flags: -O2`, `// cpu: x86-64-v3`. */
export function build(source: string, path: string): Build {
  const text = readFileSync(source, "utf8");
  const flags = /^\/\/ flags: (.*)$/m.exec(text)?.[1]?.split(" ") ?? ["-O1"];
  const dynamic = /^\/\/ link: dynamic$/m.test(text);
  const link = dynamic ? [] : ["-static"];
  const made = spawnSync("gcc", [...flags, ...link, "-w", "-pthread", "-o", path, source, "-lm"]);
  if (made.status !== 0) throw new Error(`gcc could not build ${source}: ${String(made.stderr ?? made.error)}`);
  const files = new Map<string, Uint8Array>();
  if (dynamic) {
    const listed = String(spawnSync("ldd", [path]).stdout);
    for (const [file] of listed.matchAll(/\/\S+/g)) if (existsSync(file)) files.set(file, readFileSync(file));
  }
  return { path, level: levelOf(source), files };
}

/** In a session of its own, so that neither a terminal of ours nor what else runs here makes a difference. */
export async function runNatively(built: Build, folder: string): Promise<NativeResult> {
  const cwd = join(folder, "work");
  mkdirSync(cwd, { recursive: true });
  const child = spawn(built.path, [], {
    cwd,
    env: { PATH: "/bin" },
    detached: true,
    stdio: ["ignore", "pipe", "ignore"],
  });
  let stdout = "";
  let late = false;
  child.stdout.setEncoding("utf8");
  child.stdout.on("data", (text: string) => (stdout += text));
  const timer = setTimeout(() => {
    late = true;
    process.kill(-child.pid!, "SIGKILL");
    // What has left the group may hold the output open.
    child.stdout.destroy();
  }, timeoutMs);
  const status = await new Promise<string>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => resolve(signal ?? `exit ${code}`));
  });
  clearTimeout(timer);
  if (late) throw new Error(`natively, ${built.path} did not end in ${timeoutMs} ms; its output:\n${stdout}`);
  return { ...built, stdout, status };
}
