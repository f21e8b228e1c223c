/** Runs the conformance cases over each file system and over a directory of the host; the host is right. */
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import { AT_SYMLINK_FOLLOW, O_APPEND, O_CREAT, O_DIRECTORY, O_TRUNC, O_WRONLY } from "../abi/fcntl.ts";
import { systemClock } from "../base/clock.ts";
import { ArrayPagePool } from "./array-page-pool.ts";
import type { ConformanceCase, Driver, Step } from "./conformance.ts";
import { VfsDriver, conformanceCases, describeStat } from "./conformance.ts";
import type { TestEntry } from "./layerfs/test-layers.ts";
import { TestPacks, makeLayers } from "./layerfs/test-layers.ts";
import { createHostFileSystem } from "./hostfs/hostfs.ts";
import type { HostFileSystem } from "./hostfs/hostfs.ts";
import { Namespace } from "./namespace.ts";
import { lookup, mkdir } from "./operations.ts";
import { openOverlay } from "./overlayfs/overlayfs.ts";
import { createTmpfs } from "./tmpfs/tmpfs.ts";
import type { Dentry, FileSystem } from "./types.ts";

// In memory where the host has such a place: the cases make thousands of small trees.
const temporary = fs.mkdtempSync(join(fs.existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "vfs-conformance-"));
fs.chmodSync(temporary, 0o755);
afterAll(() => fs.rmSync(temporary, { recursive: true, force: true }));
let directories = 0;

/** "work" in a directory of its own, so that ".." says the same everywhere. */
function newDirectory(): string {
  const path = join(temporary, String(directories++), "work");
  fs.mkdirSync(path, { recursive: true });
  return path;
}

/** The same steps through the host's kernel, below a directory. */
class HostDriver implements Driver {
  readonly #base: string;
  readonly #umask = process.umask(0o022);

  constructor(base: string) {
    this.#base = base;
  }

  end(): void {
    process.seteuid!(0);
    process.setegid!(0);
    process.setgroups!([0]);
    process.umask(this.#umask);
  }

  #path(path: string): string {
    return path === "" ? "" : `${this.#base}/${path}`;
  }

  async step(step: Step): Promise<string> {
    try {
      return this.#run(step) ?? "ok";
    } catch (error) {
      return (error as NodeJS.ErrnoException).code ?? String(error);
    }
  }

  #run([operation, ...operands]: Step): string | void {
    const path = this.#path(String(operands[0]));
    const second = this.#path(String(operands[1]));
    const number = Number(operands[1] ?? 0);
    switch (operation) {
      case "as":
        process.setgroups!(operands.slice(2).map(Number));
        process.setegid!(number);
        process.seteuid!(Number(operands[0]));
        return;
      case "umask":
        process.umask(Number(operands[0]));
        return;
      case "mkdir":
        fs.mkdirSync(path, operands.length > 1 ? number : 0o777);
        return;
      case "rmdir":
        return fs.rmdirSync(path);
      case "unlink":
        return fs.unlinkSync(path);
      case "symlink":
        return fs.symlinkSync(String(operands[0]), second);
      case "link":
        expect(number).not.toBe(AT_SYMLINK_FOLLOW);
        return fs.linkSync(path, second);
      case "rename":
        return fs.renameSync(path, second);
      case "readlink":
        return fs.readlinkSync(path);
      case "open":
        return fs.closeSync(fs.openSync(path, number, Number(operands[2] ?? 0o666)));
      case "write":
        return this.#write(path, O_WRONLY | O_CREAT | O_TRUNC, String(operands[1]), null);
      case "append":
        return this.#write(path, O_WRONLY | O_APPEND, String(operands[1]), null);
      case "pwrite":
        return this.#write(path, O_WRONLY, String(operands[2]), number);
      case "read":
        return fs.readFileSync(path, "utf8").replaceAll("\0", "·");
      case "readdir": {
        fs.closeSync(fs.openSync(path, O_DIRECTORY));
        return fs.readdirSync(path).toSorted().join(" ");
      }
      case "stat":
        return describeStat(fs.statSync(path));
      case "lstat":
        return describeStat(fs.lstatSync(path));
      case "chmod":
        return fs.chmodSync(path, number);
      case "chown":
        return fs.chownSync(path, number, Number(operands[2]));
      case "lchown":
        return fs.lchownSync(path, number, Number(operands[2]));
      case "truncate": {
        // Node's truncateSync opens the file; truncate(2) checks in another order, so say what it would.
        const stat = fs.statSync(path);
        if (number < 0) throw Object.assign(new Error(), { code: "EINVAL" });
        if (stat.isDirectory()) throw Object.assign(new Error(), { code: "EISDIR" });
        return fs.truncateSync(path, number);
      }
      case "access":
        fs.statSync(path);
        return accessAs(path, number);
      case "utimes": {
        fs.utimesSync(path, number, Number(operands[2]));
        const stat = fs.statSync(path);
        return `${Math.floor(stat.atimeMs / 1000)} ${Math.floor(stat.mtimeMs / 1000)}`;
      }
      case "sameFile":
        return String(fs.statSync(path).ino === fs.statSync(second).ino);
      default:
        throw new Error(`no such step: ${operation}`);
    }
  }

  #write(path: string, flags: number, text: string, position: number | null): void {
    const file = fs.openSync(path, flags, 0o666);
    try {
      fs.writeSync(file, text, position);
    } finally {
      fs.closeSync(file);
    }
  }
}

/** access(2) asks with the real ids, ours here with the effective ones: so try what is asked. */
function accessAs(path: string, mask: number): void {
  const flags = (mask & 6) === 6 ? fs.constants.O_RDWR : (mask & 2) !== 0 ? fs.constants.O_WRONLY : 0;
  if ((mask & 6) !== 0 && !fs.statSync(path).isDirectory()) fs.closeSync(fs.openSync(path, flags));
  if ((mask & 1) !== 0 && (fs.statSync(path).mode & 0o111) === 0) throw Object.assign(new Error(), { code: "EACCES" });
}

async function runAll(driver: Driver, steps: readonly Step[]): Promise<string[]> {
  const results: string[] = [];
  for (const step of steps) results.push(`${step.join(" ").slice(0, 60)} → ${await driver.step(step)}`);
  return results;
}

const rootless = process.getuid!() !== 0;
/** Answers of the host, which do not depend on the file system under test. */
const hostAnswers = new Map<ConformanceCase, string[]>();

async function onHost(testCase: ConformanceCase): Promise<string[]> {
  const known = hostAnswers.get(testCase);
  if (known !== undefined) return known;
  const host = new HostDriver(newDirectory());
  try {
    await runAll(host, testCase.setup);
    const results = await runAll(host, testCase.steps);
    hostAnswers.set(testCase, results);
    return results;
  } finally {
    host.end();
  }
}

async function driverFor(root: FileSystem, setup: readonly Step[]): Promise<Driver> {
  const namespace = new Namespace(root, { source: "test", options: "rw" });
  const caller = namespace.caller();
  mkdir(caller, namespace.root, "work", 0o755);
  const driver = new VfsDriver(caller, lookup(caller, namespace.root, "work") as Dentry);
  for (const step of setup) expect(await driver.step(step)).toBe("ok");
  return driver;
}

/** A setup as the entries of an image layer. */
function layerOf(setup: readonly Step[]): TestEntry[] {
  const entries = new Map<string, TestEntry>([["work", { path: "work" }]]);
  const inWork = (path: unknown) => `work/${String(path)}`;
  for (const [operation, first, second, third] of setup) {
    const path = inWork(first);
    const old = entries.get(path);
    if (operation === "mkdir") entries.set(path, { path, type: "directory", mode: Number(second) & ~0o022 });
    else if (operation === "write") entries.set(path, { path, content: String(second) });
    else if (operation === "symlink")
      entries.set(inWork(second), { path: inWork(second), type: "symlink", link: String(first) });
    else if (operation === "link") entries.set(inWork(second), { path: inWork(second), type: "hardlink", link: path });
    else if (operation === "chmod") entries.set(path, { ...old!, mode: Number(second) });
    else if (operation === "chown") entries.set(path, { ...old!, uid: Number(second), gid: Number(third) });
    else throw new Error(`no layer has ${operation}`);
  }
  return [...entries.values()];
}

async function overlay(layers: TestEntry[][], immediate: boolean): Promise<FileSystem> {
  const made = makeLayers(layers);
  const packs = new TestPacks(made.packs, immediate);
  const store = Object.assign(packs, {
    appendJournal: () => Promise.reject(new Error("no journal here")),
    replaceJournal: () => Promise.reject(new Error("no journal here")),
    readJournal: async function* () {},
  });
  return (await openOverlay({ layers: made.layers, store, pool: new ArrayPagePool(), journal: null })).fs;
}

const fileSystems: Record<string, (setup: readonly Step[]) => Promise<Driver>> = {
  tmpfs: (setup) =>
    driverFor(
      createTmpfs(new ArrayPagePool(), systemClock, { size: null, inodes: 1000, mode: 0o755, uid: 0, gid: 0 }),
      setup,
    ),
  "overlayfs, empty below": async (setup) => driverFor(await overlay([], true), setup),
  "overlayfs, populated below": async (setup) => driverFor(await overlay([layerOf(setup)], true), []),
  "overlayfs, populated below, storage that takes time": async (setup) =>
    driverFor(await overlay([layerOf(setup)], false), []),
  hostfs: (setup) => driverFor(hostDirectory(false), setup),
  "hostfs without /proc": (setup) => driverFor(hostDirectory(true), setup),
};

function hostDirectory(withoutProc: boolean): FileSystem {
  const fs = createHostFileSystem(dirname(newDirectory()), {
    pool: new ArrayPagePool(),
    readOnly: false,
    withoutProc,
  });
  hostFileSystems.push(fs);
  return fs;
}
const hostFileSystems: HostFileSystem[] = [];
afterEach(() => {
  for (const fs of hostFileSystems.splice(0)) fs.close();
});

describe.skipIf(rootless)("conformance", () => {
  for (const [name, make] of Object.entries(fileSystems))
    describe(name, () => {
      for (const [group, cases] of Object.entries(conformanceCases))
        test(group, async () => {
          const expected: string[] = [];
          const answered: string[] = [];
          for (const testCase of cases) {
            expected.push(`# ${testCase.name}`, ...(await onHost(testCase)));
            const driver = await make(testCase.setup);
            answered.push(`# ${testCase.name}`, ...(await runAll(driver, testCase.steps)));
          }
          expect(answered).toEqual(expected);
        });

      test("random operations answer as the host does", { timeout: 120_000 }, async () => {
        await fc.assert(
          fc.asyncProperty(fc.array(randomStep, { minLength: 5, maxLength: 40 }), async (steps) => {
            const testCase = { name: "random", setup: randomSetup, steps: [...steps, ...dump] };
            const expected = await onHost(testCase);
            hostAnswers.delete(testCase);
            expect(await runAll(await make(randomSetup), testCase.steps)).toEqual(expected);
          }),
          { numRuns: 60 },
        );
      });
    });
});

const randomSetup: readonly Step[] = [
  ["mkdir", "a", 0o755],
  ["mkdir", "a/b", 0o755],
  ["write", "a/b/c", "abc"],
  ["write", "a/c", "ac"],
  ["mkdir", "b", 0o755],
  ["link", "a/c", "b/c"],
  ["symlink", "a/b", "c"],
];
const names = ["a", "b", "c", "d"];
const anyPath = fc
  .array(fc.constantFrom(...names, ".", ".."), { minLength: 1, maxLength: 4 })
  .map((parts) => parts.join("/"))
  // Going above the directory is the host's file system, not the case's.
  .filter((path) => depthMin(path) >= 0);

function depthMin(path: string): number {
  let depth = 0;
  let least = 0;
  for (const part of path.split("/")) {
    // A link may lead one up further than it came down: "c" counts as nothing.
    depth += part === ".." ? -1 : part === "." || part === "c" ? 0 : 1;
    least = Math.min(least, depth);
  }
  return least;
}
const randomStep: fc.Arbitrary<Step> = fc.oneof(
  fc.tuple(fc.constantFrom("mkdir", "rmdir", "unlink", "read", "stat", "lstat", "readdir", "readlink"), anyPath),
  fc.tuple(fc.constantFrom("rename", "rename", "link"), anyPath, anyPath),
  fc.tuple(fc.constant("write"), anyPath, fc.constantFrom("", "short", "x".repeat(5000))),
  fc.tuple(fc.constant("append"), anyPath, fc.constantFrom("more", "y".repeat(4096))),
  fc.tuple(fc.constant("pwrite"), anyPath, fc.integer({ min: 0, max: 9000 }), fc.constantFrom("P", "Q".repeat(100))),
  fc.tuple(fc.constant("truncate"), anyPath, fc.integer({ min: 0, max: 9000 })),
  fc.tuple(fc.constant("chmod"), anyPath, fc.constantFrom(0o755, 0o700, 0o644)),
);
const dump: readonly Step[] = [
  ["readdir", "."],
  ...names.flatMap((a): Step[] => [
    ["lstat", a],
    ["readdir", a],
    ["read", a],
    ...names.flatMap((b): Step[] => [
      ["lstat", `${a}/${b}`],
      ["read", `${a}/${b}`],
      ["readdir", `${a}/${b}`],
    ]),
  ]),
];
