import { expect, test } from "vitest";
import { errno } from "../abi/errno.ts";
import { O_NOCTTY, O_RDWR } from "../abi/fcntl.ts";
import { ioctls } from "../abi/ioctl.ts";
import { systemClock } from "../base/clock.ts";
import { ArrayPagePool } from "../vfs/array-page-pool.ts";
import { DeviceDrivers } from "../vfs/devfs/drivers.ts";
import { registerMemoryDevices } from "../vfs/devfs/memory-devices.ts";
import { populateDev } from "../vfs/devfs/populate.ts";
import { Namespace } from "../vfs/namespace.ts";
import { lookup, mkdir, open } from "../vfs/operations.ts";
import { createTmpfs } from "../vfs/tmpfs/tmpfs.ts";
import type { IoctlCaller, OpenFile, UserMemory } from "../vfs/types.ts";
import { poll } from "../vfs/types.ts";
import { Console } from "./console.ts";
import { DevPts } from "./devpts.ts";
import { registerTerminalDrivers } from "./drivers.ts";
import { PtyTable } from "./pty.ts";
import type { TerminalFile } from "./terminal-file.ts";

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const bytesOf = (string: string): Uint8Array => new TextEncoder().encode(string);

/** Guest memory of one page at address 0. */
class Memory implements UserMemory {
  readonly bytes = new Uint8Array(4096);
  read(address: number, length: number): Uint8Array {
    return this.bytes.slice(address, address + length);
  }
  write(address: number, bytes: Uint8Array): void {
    this.bytes.set(bytes, address);
  }
  get int(): number {
    return new DataView(this.bytes.buffer).getInt32(0, true);
  }
  set int(value: number) {
    new DataView(this.bytes.buffer).setInt32(0, value, true);
  }
}

function container() {
  const signals: string[] = [];
  const kernel = {
    signalGroup: (group: number, signal: number) => void signals.push(`${signal} to group ${group}`),
    hangUpSession: (session: number) => void signals.push(`hang up session ${session}`),
  };
  const pool = new ArrayPagePool(1024);
  const tmpfs = (mode: number) =>
    createTmpfs(pool, systemClock, { size: null, inodes: Infinity, mode, uid: 0, gid: 0 });
  const namespace = new Namespace(tmpfs(0o755), { source: "none", options: "rw" });
  const caller = namespace.caller();
  expect(mkdir(caller, caller.root, "/dev", 0o755)).toBe(0);
  const ptys = new PtyTable(kernel);
  const drivers = new DeviceDrivers();
  registerMemoryDevices(drivers);
  namespace.openSpecial = drivers.open;
  const output: string[] = [];
  const console = new Console(ptys, { write: (bytes) => void output.push(text(bytes)) });
  registerTerminalDrivers(drivers, ptys);
  populateDev(namespace, { dev: tmpfs(0o755), shm: tmpfs(0o1777), pts: new DevPts(ptys, systemClock) }, true);
  const openFile = (path: string, flags = O_RDWR): OpenFile | number =>
    open(caller, caller.root, path, flags, 0) as OpenFile | number;
  const ioctlCaller: IoctlCaller & { controllingTerminal: unknown } = {
    pid: 1,
    processGroup: 1,
    session: 1,
    isSessionLeader: true,
    isPrivileged: true,
    controllingTerminal: null,
    setControllingTerminal(terminal: unknown) {
      ioctlCaller.controllingTerminal = terminal;
      return 0;
    },
    clearControllingTerminal: () => void (ioctlCaller.controllingTerminal = null),
    clearSessionTerminal: () => {},
    isSignalIgnored: () => false,
    isGroupOrphaned: () => false,
    signalGroup: kernel.signalGroup,
    sessionOfGroup: (group) => (group < 10 ? 1 : null),
  };
  return { namespace, caller, signals, console, output, openFile, ioctlCaller };
}

test("the devices of a container do what their manual pages say", () => {
  const { openFile } = container();
  const target = new Uint8Array(8).fill(9);
  const file = (path: string) => openFile(path) as OpenFile;
  expect(file("/dev/null").read(target, null)).toBe(0);
  expect(file("/dev/null").write(target, null)).toBe(8);
  expect(file("/dev/zero").read(target, null)).toBe(8);
  expect([...target]).toEqual([0, 0, 0, 0, 0, 0, 0, 0]);
  expect(file("/dev/full").write(target, null)).toBe(-errno.ENOSPC);
  expect(file("/dev/urandom").read(target, null)).toBe(8);
  expect(target.some((byte) => byte !== 0)).toBe(true);
  expect(openFile("/dev/tty")).toBe(-errno.ENXIO);
});

test("the console is a terminal on /dev/pts and /dev/console, and its output reaches the host", async () => {
  const { console, openFile, output, signals, ioctlCaller } = container();
  expect(console.path).toBe("/dev/pts/0");
  const file = openFile(console.path) as TerminalFile;
  file.terminal.acquireOnOpen(ioctlCaller);
  expect(file.write(bytesOf("hello\n"), null)).toBe(6);
  (openFile("/dev/console") as OpenFile).write(bytesOf("world\n"), null);
  await console.drained();
  expect(output.join("")).toBe("hello\r\nworld\r\n");
  console.input(bytesOf("ls\r"));
  const target = new Uint8Array(10);
  expect(text(target.subarray(0, file.read(target, null)))).toBe("ls\n");
  console.input(bytesOf("\x03"));
  console.resize(80, 24);
  console.resize(80, 24);
  expect(signals).toEqual(["2 to group 1", "28 to group 1"]);
  console.hangUp();
  expect(signals.slice(2)).toEqual(["1 to group 1", "18 to group 1", "hang up session 1"]);
  expect(file.read(target, null)).toBe(0);
  expect(file.write(target, null)).toBe(-errno.EIO);
});

test("a host that is slow holds output back, and nothing is lost", async () => {
  const { signals: _, ...rest } = container();
  const { openFile, console } = rest;
  const file = openFile(console.path) as TerminalFile;
  const chunk = bytesOf("0123456789".repeat(1000));
  let written = 0;
  let full = 0;
  while (written < 500_000) {
    const count = file.write(chunk, null);
    if (count === -errno.EAGAIN) {
      full++;
      await console.drained();
    } else written += count;
  }
  await console.drained();
  expect(full).toBeGreaterThan(0);
  expect(rest.output.join("").length).toBe(written);
});

test("a paste longer than a line waits until the program reads", () => {
  const { openFile, console } = container();
  const file = openFile(console.path) as TerminalFile;
  const paste = "0123456789\r".repeat(20_000);
  console.input(bytesOf(paste));
  expect(console.waiting).toBe(true);
  const target = new Uint8Array(4096);
  let read = 0;
  for (;;) {
    const count = file.read(target, null);
    if (count < 0) break;
    read += count;
  }
  expect(read).toBe(paste.length);
  expect(console.waiting).toBe(false);
});

test("ptmx makes pairs that are locked until unlocked, and hang up when a side closes", () => {
  const { openFile, caller, ioctlCaller } = container();
  const memory = new Memory();
  const master = openFile("/dev/ptmx") as OpenFile;
  expect(master.ioctl(ioctls.TIOCGPTN, 0, memory, ioctlCaller)).toBe(0);
  expect(memory.int).toBe(1);
  expect(openFile("/dev/pts/1")).toBe(-errno.EIO);
  memory.int = 0;
  expect(master.ioctl(ioctls.TIOCSPTLCK, 0, memory, ioctlCaller)).toBe(0);
  const slave = openFile("/dev/pts/1", O_RDWR | O_NOCTTY) as TerminalFile;
  const target = new Uint8Array(100);
  expect(master.read(target, null)).toBe(-errno.EAGAIN);
  slave.write(bytesOf("x\n"), null);
  expect(master.poll() & poll.in).toBe(poll.in);
  expect(text(target.subarray(0, master.read(target, null) as number))).toBe("x\r\n");
  master.write(bytesOf("typed\n"), null);
  expect(text(target.subarray(0, slave.read(target, null)))).toBe("typed\n");
  expect(text(target.subarray(0, master.read(target, null) as number))).toBe("typed\r\n");
  const again = openFile("/dev/pts/1") as OpenFile;
  slave.release();
  expect(master.poll() & poll.hangup).toBe(0);
  again.release();
  expect(master.poll() & poll.hangup).toBe(poll.hangup);
  expect(master.read(target, null)).toBe(-errno.EIO);
  const last = openFile("/dev/pts/1") as OpenFile;
  expect(master.read(target, null)).toBe(-errno.EAGAIN);
  master.release();
  expect(last.poll() & poll.hangup).toBe(poll.hangup);
  expect(last.read(target, null)).toBe(0);
  expect(lookup(caller, caller.root, "/dev/pts/1")).toBe(-errno.ENOENT);
});

test("background groups are stopped, the terminal's group may be changed within the session", () => {
  const { openFile, console, ioctlCaller, signals } = container();
  const memory = new Memory();
  const file = openFile(console.path) as TerminalFile;
  expect(file.ioctl(ioctls.TIOCGPGRP, 0, memory, ioctlCaller)).toBe(-errno.ENOTTY);
  expect(file.ioctl(ioctls.TIOCSCTTY, 0, memory, ioctlCaller)).toBe(0);
  memory.int = 7;
  expect(file.ioctl(ioctls.TIOCSPGRP, 0, memory, ioctlCaller)).toBe(0);
  expect(file.ioctl(ioctls.TIOCGPGRP, 0, memory, ioctlCaller)).toBe(0);
  expect(memory.int).toBe(7);
  expect(file.checkJobControl(ioctlCaller, false)).toBe(-512);
  expect(signals).toEqual(["21 to group 1"]);
  expect(file.checkJobControl(ioctlCaller, true)).toBe(0);
  expect(file.checkJobControl({ ...ioctlCaller, isGroupOrphaned: () => true }, false)).toBe(-errno.EIO);
  memory.int = 12;
  expect(file.ioctl(ioctls.TIOCSPGRP, 0, memory, { ...ioctlCaller, processGroup: 7 })).toBe(-errno.ESRCH);
});
