import { expect, test } from "vitest";
import { errno } from "../../abi/errno.ts";
import { O_NONBLOCK, O_RDONLY, O_RDWR, O_WRONLY } from "../../abi/fcntl.ts";
import { systemClock } from "../../base/clock.ts";
import type { Dentry, Inode } from "../types.ts";
import { poll } from "../types.ts";
import { PipeFile, createPipe, openFifo } from "./pipe.ts";

const root = { uid: 0, gid: 0, groups: [] };
const readable = poll.in | poll.readNormal;
const writable = poll.out | poll.writeNormal;

test("a pipe carries bytes in order and ends when its writers are gone", () => {
  const [reader, writer] = createPipe(0, root, systemClock);
  const target = new Uint8Array(10);
  expect(reader.read(target, null)).toBe(-errno.EAGAIN);
  expect(reader.poll()).toBe(0);
  expect(writer.write(Uint8Array.of(1, 2, 3), null)).toBe(3);
  expect(reader.poll()).toBe(readable);
  writer.release();
  expect(reader.poll()).toBe(readable | poll.hangup);
  expect(reader.read(target, null)).toBe(3);
  expect(reader.read(target, null)).toBe(0);
});

test("a pipe holds 64 KiB, wakes its writer when there is room, and small writes are atomic", () => {
  const [reader, writer] = createPipe(0, root, systemClock);
  expect(writer.write(new Uint8Array(65000), null)).toBe(65000);
  expect(writer.write(new Uint8Array(1000), null)).toBe(-errno.EAGAIN);
  expect(writer.write(new Uint8Array(5000), null)).toBe(536);
  expect(writer.poll()).toBe(0);
  let woken = 0;
  writer.waiters.add(() => woken++);
  reader.read(new Uint8Array(100), null);
  expect(woken).toBe(0);
  reader.read(new Uint8Array(4000), null);
  expect(woken).toBe(1);
  expect(writer.poll()).toBe(writable);
});

test("a write without readers is -EPIPE", () => {
  const [reader, writer] = createPipe(0, root, systemClock);
  reader.release();
  expect(writer.write(new Uint8Array(1), null)).toBe(-errno.EPIPE);
  expect(writer.poll()).toBe(writable | poll.error);
});

test("a pipe's size can be changed but not below what it holds", () => {
  const [, writer] = createPipe(0, root, systemClock);
  expect(writer.pipe.resize(100_000, false)).toBe(131072);
  writer.write(new Uint8Array(100_000), null);
  expect(writer.pipe.resize(4096, false)).toBe(-errno.EBUSY);
  expect(writer.pipe.resize(2 << 20, false)).toBe(-errno.EPERM);
});

test("the ends of a fifo wait for each other", () => {
  const inode = {} as Inode;
  const dentry = {} as Dentry;
  expect(openFifo(inode, O_WRONLY | O_NONBLOCK, dentry)).toBe(-errno.ENXIO);
  const reader = openFifo(inode, O_RDONLY, dentry) as PipeFile;
  expect(reader.awaitsPeer).toBe(true);
  expect(reader.poll()).toBe(0);
  const writer = openFifo(inode, O_WRONLY, dentry) as PipeFile;
  expect(writer.awaitsPeer).toBe(false);
  writer.release();
  // It came and went: the reader's open is over all the same.
  expect(reader.awaitsPeer).toBe(false);
  expect(reader.poll()).toBe(poll.hangup);
  const both = openFifo(inode, O_RDWR, dentry) as PipeFile;
  expect(both.awaitsPeer).toBe(false);
});

test("moving 64 MiB through a pipe costs little", () => {
  const [reader, writer] = createPipe(0, root, systemClock);
  const chunk = new Uint8Array(65536).fill(1);
  const before = process.cpuUsage();
  let moved = 0;
  while (moved < 64 << 20) {
    writer.write(chunk, null);
    moved += reader.read(chunk, null);
  }
  const { user, system } = process.cpuUsage(before);
  // Generous: the point is that no mistake made it a hundred times slower.
  expect((user + system) / 1000).toBeLessThan(1000);
});
