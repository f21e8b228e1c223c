import { describe, expect, test } from "vitest";
import { errno } from "../abi/errno.ts";
import { prot } from "../abi/mman.ts";
import { siCode, signals } from "../abi/signal.ts";
import { access } from "../../wasm/x86/types.ts";
import { AddressSpace } from "./address-space.ts";
import { SharedAnonymous } from "./backing.ts";
import { FakeCpu } from "./fake-cpu.ts";
import { UserFault } from "./faults.ts";
import { FrameAllocator } from "./frames.ts";
import { discardPages, isMapped, mapArea, protectArea, remapArea, setHeapEnd, unmapArea } from "./mmap.ts";
import type { Mapping, Placement } from "./mmap.ts";
import { Mmu } from "./mmu.ts";

const page = 4096;
const readWrite = prot.READ | prot.WRITE;

function setUp(memoryBytes = 8 << 20) {
  const cpu = new FakeCpu();
  const frames = new FrameAllocator(cpu, memoryBytes);
  const space = new AddressSpace(new Mmu(cpu, frames));
  const map = (length: number, options: Partial<Mapping> = {}, placement: Placement = { kind: "hint", address: 0 }) =>
    mapArea(space, { length, protection: readWrite, shared: false, backing: null, offset: 0, ...options }, placement);
  return { cpu, frames, space, map };
}

describe("anonymous memory", () => {
  test("reads as zero, keeps what is written, and takes a frame only when written", () => {
    const { frames, space, map } = setUp();
    const at = map(16 * page);
    const before = frames.framesInUse;
    expect(space.user.readU64(at + 8)).toBe(0n);
    expect(frames.references(frames.zeroPage)).toBe(2);
    space.user.writeU32(at + 8, 0xdeadbeef);
    expect(space.user.readU32(at + 8)).toBe(0xdeadbeef);
    expect(frames.references(frames.zeroPage)).toBe(1);
    // One page of data and three tables.
    expect(frames.framesInUse - before).toBe(4);
  });

  test("a huge reservation costs nothing, and unmapping gives everything back", () => {
    const { frames, space, map } = setUp();
    const before = frames.framesInUse;
    const at = map(2 ** 40, { protection: 0 });
    expect(at).toBeGreaterThan(0);
    expect(frames.framesInUse).toBe(before);
    expect(protectArea(space, at + 2 ** 39, page, readWrite)).toBe(0);
    space.user.write(at + 2 ** 39, new Uint8Array(page).fill(7));
    expect(unmapArea(space, at, 2 ** 40)).toBe(0);
    space.release();
    expect(frames.framesInUse).toBe(1);
  });

  test("values may straddle pages whose frames are far apart", () => {
    const { space, map } = setUp();
    const at = map(2 * page);
    space.user.writeU8(at + page, 1);
    map(page);
    space.user.writeU64(at + page - 3, 0x1122334455667788n);
    expect(space.user.readU64(at + page - 3)).toBe(0x1122334455667788n);
    expect(space.user.readNumber(at + page - 3)).toBe(Number(0x1122334455667788n));
    space.user.writeNumber(at + page - 4, -2);
    expect(space.user.readLong(at + page - 4)).toBe(-2);
  });

  test("accesses without the right fault with Linux's codes", () => {
    const { space, map } = setUp();
    const at = map(page, { protection: prot.READ });
    expect(space.fault(at, access.write)).toEqual({ signal: signals.SIGSEGV, code: siCode.SEGV_ACCERR });
    expect(space.fault(at + page, access.read)).toEqual({ signal: signals.SIGSEGV, code: siCode.SEGV_MAPERR });
    expect(space.fault(at, access.execute)).toEqual({ signal: signals.SIGSEGV, code: siCode.SEGV_ACCERR });
    expect(() => space.user.writeU8(at, 1)).toThrow(UserFault);
    expect(() => space.user.readU8(2 ** 60)).toThrow(UserFault);
  });

  test("out of memory is a kill, not a crash", () => {
    const { space, map } = setUp(1 << 20);
    const at = map(4 << 20);
    let outcome;
    for (let offset = 0; offset < 4 << 20 && outcome == null; offset += page) {
      outcome = space.fault(at + offset, access.write);
    }
    expect(outcome).toMatchObject({ signal: signals.SIGKILL });
  });
});

describe("fork", () => {
  test("each side sees its own writes", () => {
    const { frames, space, map } = setUp();
    const at = map(2 * page);
    space.user.writeU32(at, 1);
    const child = space.copy() as AddressSpace;
    child.user.writeU32(at, 2);
    expect(space.user.readU32(at)).toBe(1);
    space.user.writeU32(at, 3);
    expect(child.user.readU32(at)).toBe(2);
    child.release();
    space.user.writeU32(at, 4);
    space.release();
    expect(frames.framesInUse).toBe(1);
  });

  test("shared memory stays shared", () => {
    const { frames, space, map } = setUp();
    const at = map(page, { shared: true, backing: new SharedAnonymous(frames) });
    const child = space.copy() as AddressSpace;
    child.user.writeU32(at, 42);
    expect(space.user.readU32(at)).toBe(42);
    child.release();
    space.release();
    expect(frames.framesInUse).toBe(1);
  });
});

describe("changing areas", () => {
  test("mprotect splits and merges", () => {
    const { space, map } = setUp();
    const at = map(8 * page);
    protectArea(space, at + 2 * page, page, prot.READ);
    expect(space.areas.all.length).toBe(3);
    protectArea(space, at + 2 * page, page, readWrite);
    expect(space.areas.all.length).toBe(1);
    unmapArea(space, at + 3 * page, page);
    expect(protectArea(space, at, 8 * page, prot.READ)).toBe(-errno.ENOMEM);
    expect(space.areas.find(at)!.protection).toBe(prot.READ);
    expect(isMapped(space, at, at + 8 * page)).toBe(false);
  });

  test("a page made unreadable keeps its content", () => {
    const { space, map } = setUp();
    const at = map(page);
    space.user.writeU32(at, 99);
    protectArea(space, at, page, 0);
    expect(() => space.user.readU32(at)).toThrow(UserFault);
    protectArea(space, at, page, readWrite);
    expect(space.user.readU32(at)).toBe(99);
  });

  test("mremap moves what is there and grows with zeros", () => {
    const { space, map } = setUp();
    const at = map(2 * page);
    space.user.writeU32(at + page, 5);
    map(page, {}, { kind: "fixed", address: at + 2 * page });
    const moved = remapArea(space, {
      oldStart: at,
      oldLength: 2 * page,
      newLength: 64 * page,
      mayMove: true,
      fixedAt: null,
      dontUnmap: false,
    });
    expect(space.user.readU32(moved + page)).toBe(5);
    expect(space.user.readU32(moved + 63 * page)).toBe(0);
  });

  test("a new mapping fills the highest hole", () => {
    const { space, map } = setUp();
    const first = map(4 * page);
    const second = map(4 * page, { protection: prot.READ });
    expect(second).toBe(first - 4 * page);
    unmapArea(space, first, 4 * page);
    expect(map(4 * page)).toBe(first);
    expect(map(page, {}, { kind: "noreplace", address: first })).toBe(-errno.EEXIST);
  });

  test("brk grows, shrinks and zeroes", () => {
    const { space } = setUp();
    space.heapStart = space.heapEnd = 0x10_0000;
    expect(setHeapEnd(space, 0, Infinity)).toBe(0x10_0000);
    expect(setHeapEnd(space, 0x10_2345, Infinity)).toBe(0x10_2345);
    space.user.writeU8(0x10_2344, 1);
    setHeapEnd(space, 0x10_0000, Infinity);
    expect(() => space.user.readU8(0x10_2344)).toThrow(UserFault);
    setHeapEnd(space, 0x10_3000, Infinity);
    expect(space.user.readU8(0x10_2344)).toBe(0);
  });

  test("the stack grows on demand up to its limit", () => {
    const { space, map } = setUp();
    const top = 0x7000_0000;
    map(page, { growsDown: true }, { kind: "fixed", address: top - page });
    space.stackLimit = 64 * page;
    space.user.writeU8(top - 10 * page, 1);
    expect(space.areas.all[0]!.start).toBe(top - 10 * page);
    expect(() => space.user.writeU8(top - 65 * page, 1)).toThrow(UserFault);
  });

  test("MADV_DONTNEED reads as zero again", () => {
    const { space, map } = setUp();
    const at = map(4 * page);
    space.user.writeU32(at, 1);
    discardPages(space, at, at + 4 * page);
    expect(space.user.readU32(at)).toBe(0);
    expect(space.residentPages).toBe(1);
  });
});
