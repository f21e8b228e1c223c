/** Formats are compared with the host's own /proc: same keys in the same order, same shape of numbers. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { errno } from "../../abi/errno.ts";
import { O_RDWR } from "../../abi/fcntl.ts";
import { systemClock } from "../../base/clock.ts";
import { ArrayPagePool } from "../array-page-pool.ts";
import { Namespace } from "../namespace.ts";
import { lookup, mkdir, open, readlink, unnamedDentry } from "../operations.ts";
import { NamelessFileSystem, SpecialFile, SpecialInode } from "../special-file.ts";
import { createTmpfs } from "../tmpfs/tmpfs.ts";
import type { Dentry, OpenFile } from "../types.ts";
import { ProcFileSystem } from "./procfs.ts";
import type { ProcIds, ProcSource, ProcTask } from "./source.ts";

const ids: ProcIds = { real: 1000, effective: 1000, saved: 1000, fileSystem: 1000 };
const nameless = new NamelessFileSystem("pipefs", 13, 0);
class TestInode extends SpecialInode {}
class TestFile extends SpecialFile {}

function container() {
  const fs = createTmpfs(new ArrayPagePool(64), systemClock, {
    size: null,
    inodes: Infinity,
    mode: 0o755,
    uid: 0,
    gid: 0,
  });
  const namespace = new Namespace(fs, { source: "overlay", options: "rw" });
  const caller = namespace.caller();
  mkdir(caller, caller.root, "/proc", 0o555);
  mkdir(caller, caller.root, "/home", 0o755);
  const home = lookup(caller, caller.root, "/home") as Dentry;
  const pipe = new TestInode(nameless, 7, 0o010600, { uid: 0, gid: 0 }, 0n);
  const files = new Map<number, OpenFile>([[3, new TestFile(pipe, O_RDWR, unnamedDentry("pipe:[7]", pipe))]]);
  const memory = new TextEncoder().encode("sh\0-c\0true\0PATH=/bin\0");
  const task: ProcTask = {
    tid: 42,
    pid: 42,
    parentPid: 1,
    threads: () => [42],
    name: "a (b)",
    state: "S",
    processGroup: 42,
    session: 42,
    terminalDevice: (136 << 8) | 1,
    terminalGroup: 42,
    userNs: 2_500_000_000,
    systemNs: 10_000_000,
    childrenUserNs: 0,
    childrenSystemNs: 0,
    niceness: 0,
    startNs: 5_000_000_000n,
    exitStatus: 0,
    users: ids,
    groups: ids,
    supplementaryGroups: [4, 27],
    capabilities: { inheritable: 0n, permitted: 0n, effective: 0n, bounding: 0xa80425fbn, ambient: 0n },
    noNewPrivileges: false,
    umask: 0o22,
    signals: { queued: 0, pending: 0n, processPending: 0n, blocked: 0n, ignored: 0n, caught: 0n },
    memory: {
      virtualBytes: 1 << 20,
      residentPages: 10,
      peakResidentPages: 12,
      codeStart: 0x400000,
      codeEnd: 0x401000,
      dataStart: 0,
      dataEnd: 0,
      heapStart: 0,
      stackStart: 0,
      argumentsStart: 0,
      argumentsEnd: 11,
      environmentStart: 11,
      environmentEnd: 21,
      auxv: new Uint8Array(16),
      areas: () => [
        { start: 0x400000, end: 0x401000, protection: 5, shared: false, offset: 0, dentry: home, name: null },
        { start: 0x7ffff000, end: 0x80000000, protection: 3, shared: false, offset: 0, dentry: null, name: "[stack]" },
      ],
      read: (address, length) => memory.slice(address, address + length),
    },
    executable: home,
    cwd: home,
    root: caller.root,
    descriptors: () => files,
    descriptor: (fd) => files.get(fd) ?? null,
    closesOnExec: () => true,
    limit: (resource) => (resource === 7 ? [1024n, 4096n] : [null, null]),
    mounts: () => namespace.mountsText(caller.root),
    mountinfo: () => namespace.mountinfoText(caller.root),
    oomScoreAdjustment: 0,
  };
  const source: ProcSource = {
    clock: systemClock,
    bootNs: 0n,
    current: () => ({ pid: 42, tid: 42 }),
    processes: () => [42],
    task: (id) => (id === 42 ? task : null),
    lastPid: 42,
    taskCounts: () => ({ all: 1, runnable: 1 }),
    memory: () => ({ totalBytes: 1 << 30, freeBytes: 1 << 29 }),
    usage: () => ({ userNs: 1e9, systemNs: 1e9, forks: 3 }),
    hostname: "box",
    domainname: "(none)",
    cpuLevel: "x86-64-v3",
  };
  namespace.mount(lookup(caller, caller.root, "/proc") as Dentry, new ProcFileSystem(source), "proc", "rw");
  const read = (path: string): string => {
    const file = open(caller, caller.root, path, 0, 0) as OpenFile | number;
    if (typeof file === "number") throw new Error(`${path}: ${file}`);
    let text = "";
    const buffer = new Uint8Array(1000);
    for (;;) {
      const count = file.read(buffer, null) as number;
      if (count <= 0) break;
      text += new TextDecoder().decode(buffer.subarray(0, count));
    }
    file.release();
    return text;
  };
  return { caller, read, task };
}

test("stat has Linux's fields", () => {
  const { read } = container();
  const ours = read("/proc/42/stat");
  const theirs = readFileSync("/proc/self/stat", "utf8");
  const fields = (line: string): number => line.slice(line.lastIndexOf(")")).split(" ").length;
  expect(fields(ours)).toBe(fields(theirs));
  expect(ours).toMatch(
    /^42 \(a \(b\)\) S 1 42 42 34817 42 \d+ 0 0 0 0 250 1 0 0 20 0 1 0 500 1048576 10 18446744073709551615 /,
  );
});

test("status has keys that Linux has, in its order and format", () => {
  const { read } = container();
  const keys = (text: string): string[] =>
    text
      .trim()
      .split("\n")
      .map((line) => line.split(":")[0]!);
  const theirs = keys(readFileSync("/proc/self/status", "utf8"));
  const ours = keys(read("/proc/self/status"));
  expect(ours.filter((key) => !theirs.includes(key))).toEqual([]);
  expect(theirs.filter((key) => ours.includes(key))).toEqual(ours);
  expect(read("/proc/self/status")).toContain("Uid:\t1000\t1000\t1000\t1000\n");
});

test("maps and limits are formatted as Linux does", () => {
  const { read } = container();
  const line = /^[0-9a-f]{8,16}-[0-9a-f]{8,16} [r-][w-][x-][sp] [0-9a-f]{8} [0-9a-f]{2}:[0-9a-f]{2} \d+ +\S.*$/;
  const theirs = readFileSync("/proc/self/maps", "utf8")
    .split("\n")
    .find((text) => text.endsWith("[stack]"))!;
  expect(theirs).toMatch(line);
  const ours = read("/proc/42/maps").trimEnd().split("\n");
  for (const text of ours) expect(text).toMatch(line);
  expect(ours[0]).toMatch(/^00400000-00401000 r-xp 00000000 .* \/home$/);
  expect(ours[1]!.indexOf("[stack]")).toBe(73);
  const heads = (text: string): string[] => text.split("\n").map((row) => row.slice(0, 26));
  expect(heads(read("/proc/42/limits"))).toEqual(heads(readFileSync("/proc/self/limits", "utf8")));
});

test("memory, uptime and load can be read as the host's can", () => {
  const { read } = container();
  const theirs = readFileSync("/proc/meminfo", "utf8");
  for (const text of read("/proc/meminfo").trim().split("\n")) {
    expect(text).toMatch(/^\w+: +\d+( kB)?$/);
    expect(theirs).toContain(`${text.split(":")[0]!}:`);
  }
  expect(read("/proc/uptime")).toMatch(/^\d+\.\d\d \d+\.\d\d\n$/);
  expect(read("/proc/loadavg")).toMatch(/^\d+\.\d\d \d+\.\d\d \d+\.\d\d \d+\/\d+ \d+\n$/);
  expect(read("/proc/stat")).toMatch(/^cpu {2}\d+ 0 \d+ \d+ 0 0 0 0 0 0\ncpu0 /);
  expect(read("/proc/sys/kernel/hostname")).toBe("box\n");
  expect(read("/proc/sys/kernel/random/uuid")).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\n$/);
});

test("arguments, environment, links and descriptors are the task's own", () => {
  const { read, caller, task } = container();
  expect(read("/proc/self/cmdline")).toBe("sh\0-c\0true\0");
  expect(read("/proc/self/environ")).toBe("PATH=/bin\0");
  expect(readlink(caller, caller.root, "/proc/self")).toBe("42");
  expect(readlink(caller, caller.root, "/proc/self/exe")).toBe("/home");
  expect(readlink(caller, caller.root, "/proc/self/fd/3")).toBe("pipe:[7]");
  expect(lookup(caller, caller.root, "/proc/self/cwd")).toBe(task.cwd);
  expect(lookup(caller, caller.root, "/proc/self/fd/4")).toBe(-errno.ENOENT);
  expect(lookup(caller, caller.root, "/proc/43")).toBe(-errno.ENOENT);
  expect(read("/proc/self/fdinfo/3")).toMatch(/^pos:\t0\nflags:\t02000002\n/);
  expect(read("/proc/thread-self/comm")).toBe("a (b)\n");
  const file = open(caller, caller.root, "/proc/self/comm", O_RDWR, 0) as OpenFile;
  expect(file.write(new TextEncoder().encode("a name far too long\n"), null)).toBe(20);
  expect(task.name).toBe("a name far too ");
});
