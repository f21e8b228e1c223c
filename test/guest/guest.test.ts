/**
 * Every `*.c` here is a test: it runs on the host's kernel and processor first, then under ours, and both must print the
 * same and end the same. A first line may say how: `// link: dynamic`, `// flags: -O2`.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runGuest } from "./machine.ts";

const here = import.meta.dirname;
let folder = "";

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "wherry-guest-"));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

interface Build {
  readonly path: string;
  /** The program's libraries and loader, for dynamic ones. */
  readonly files: ReadonlyMap<string, Uint8Array>;
}

function build(name: string): Build {
  const source = join(here, `${name}.c`);
  const text = readFileSync(source, "utf8");
  const flags = /^\/\/ flags: (.*)$/m.exec(text)?.[1]?.split(" ") ?? ["-O1"];
  const dynamic = /^\/\/ link: dynamic$/m.test(text);
  const path = join(folder, name);
  const made = spawnSync("gcc", [
    ...flags,
    ...(dynamic ? [] : ["-static"]),
    "-w",
    "-pthread",
    "-o",
    path,
    source,
    "-lm",
  ]);
  if (made.status !== 0) throw new Error(`gcc could not build ${name}: ${String(made.stderr ?? made.error)}`);
  const files = new Map<string, Uint8Array>();
  if (dynamic) {
    const listed = String(spawnSync("ldd", [path]).stdout);
    for (const [file] of listed.matchAll(/\/\S+/g)) if (existsSync(file)) files.set(file, readFileSync(file));
  }
  return { path, files };
}

/** As wait(2) reports it: exit code in the high byte, signal in the low. */
function nativeStatus(result: { status: number | null; signal: NodeJS.Signals | null }): string {
  return result.signal !== null ? result.signal : `exit ${result.status}`;
}

function guestStatus(status: number): string {
  if (status === -1) return "time is up";
  return (status & 0x7f) !== 0 ? `signal ${status & 0x7f}` : `exit ${status >> 8}`;
}

const names = readdirSync(here)
  .filter((file) => file.endsWith(".c"))
  .map((file) => file.slice(0, -2));

/** What must make no difference: whether calls are traced, and whether pages come at once. */
const modes = {
  normal: {},
  traced: { strace: () => {} },
  "slow storage": { slowStorage: true },
} as const;

const natively = new Map<string, Build & { stdout: string; status: string }>();

function runNatively(name: string) {
  const known = natively.get(name);
  if (known !== undefined) return known;
  const built = build(name);
  const work = join(folder, "work");
  mkdirSync(work, { recursive: true });
  const result = spawnSync(built.path, [], { cwd: work, env: { PATH: "/bin" }, timeout: 60_000 });
  const native = { ...built, stdout: String(result.stdout), status: nativeStatus(result) };
  natively.set(name, native);
  return native;
}

describe.each(Object.keys(modes) as (keyof typeof modes)[])("guest programs do what they do natively, %s", (mode) => {
  test.each(names)("%s", async (name) => {
    const native = runNatively(name);
    const guest = await runGuest({ program: readFileSync(native.path), files: native.files, ...modes[mode] });
    expect(guest.errors).toEqual([]);
    expect(guest.missing).toEqual([]);
    expect(guest.stdout).toBe(native.stdout);
    expect(guestStatus(guest.status)).toBe(native.status);
  });
});
