/**
 * Every `*.c` here is a test: it runs on the host's kernel and processor first, then under ours, and both must print the
 * same and end the same.
 */
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { engines } from "../x86/mode.ts";
import { runGuest } from "./machine.ts";
import type { GuestRun } from "./machine.ts";
import { build, isNative, levelOf, runNatively } from "./native.ts";
import type { NativeResult } from "./native.ts";

const here = import.meta.dirname;
let folder = "";

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "wherry-guest-"));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

function guestStatus(status: number): string {
  if (status === -1) return "time is up";
  return (status & 0x7f) !== 0 ? `signal ${status & 0x7f}` : `exit ${status >> 8}`;
}

const names = readdirSync(here)
  .filter((file) => file.endsWith(".c"))
  .map((file) => file.slice(0, -2));

/** What must make no difference: which tiers run the code, whether calls are traced, and whether pages come at once. */
const modes: readonly (readonly [name: string, options: Partial<GuestRun>])[] = [
  ...engines.map((engine) => [engine, { engine }] as const),
  ["traced", { strace: () => {} }],
  ["slow storage", { slowStorage: true }],
];

/** One native run for all modes. */
const natively = new Map<string, Promise<NativeResult>>();

function native(name: string): Promise<NativeResult> {
  let result = natively.get(name);
  if (result === undefined) {
    result = runNatively(build(join(here, `${name}.c`), join(folder, name)), folder);
    natively.set(name, result);
  }
  return result;
}

/** Where the outputs part: the line that says what is wrong, for those who see no more of the failure. */
function firstDifference(guest: string, native: string): string {
  const [here, there] = [guest.split("\n"), native.split("\n")];
  const at = there.findIndex((line, index) => line !== here[index]);
  const index = at === -1 ? there.length : at;
  return `line ${index + 1}: ${JSON.stringify(there[index])} natively, ${JSON.stringify(here[index])} here`;
}

/** An error of the kernel's own with where it came from: all that a log keeps of a failure that comes once in a while. */
function stack(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message).replaceAll(/\s*\n\s*at /g, " < ") : String(error);
}

describe.each(modes)("guest programs do what they do natively, %s", (_, options) => {
  test.for(names)("%s", async (name, { skip }) => {
    const level = levelOf(join(here, `${name}.c`));
    skip(!isNative(level), `this machine's processor is no ${level}`);
    const { path, files, stdout, status } = await native(name);
    const guest = await runGuest({ program: readFileSync(path), files, level, ...options });
    expect(guest.errors.map(stack).join("\n")).toBe("");
    expect(guest.missing).toEqual([]);
    expect(guest.stdout, firstDifference(guest.stdout, stdout)).toBe(stdout);
    expect(guestStatus(guest.status)).toBe(status);
  });
});
