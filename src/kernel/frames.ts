/**
 * Physical memory of the container: 4 KiB frames of the processor's linear memory, reference-counted. A frame's
 * handle is its byte offset, which is also what a page table entry holds. The page cache of the file systems lives in
 * the same frames (it is their `PagePool`), so that mapping a file maps the cached page itself.
 */
import { assert } from "../base/assert.ts";
import { errno } from "../abi/errno.ts";
import { limits } from "../base/limits.ts";
import type { PagePool } from "../vfs/types.ts";
import type { Cpu } from "../../wasm/x86/types.ts";

const pageBytes = limits.pageBytes;
/** Wasm grows in 64 KiB; we grow by whole MiB, because each growth detaches all views. */
const growBytes = 4 << 20;

export class FrameAllocator implements PagePool {
  readonly #cpu: Cpu;
  readonly #first: number;
  readonly #limit: number;
  /** First frame never handed out yet. */
  #next: number;
  /** Bytes of linear memory there are. */
  #end: number;
  #counts: Uint32Array;
  #free: number[] = [];
  #inUse = 0;
  /** Called when memory is short; each gives back what it can (clean cache pages) and says how many frames. */
  #shrinkers = new Set<(pages: number) => number>();
  /** The page of zeros that untouched anonymous memory reads; never released. */
  readonly zeroPage: number;

  constructor(cpu: Cpu, memoryBytes: number) {
    this.#cpu = cpu;
    this.#first = cpu.frameBase;
    this.#next = cpu.frameBase;
    this.#end = cpu.memory.buffer.byteLength;
    this.#limit = Math.min(limits.memoryBytesMax, cpu.frameBase + memoryBytes);
    this.#counts = new Uint32Array(1024);
    const zero = this.allocate();
    assert(zero > 0, "a container has memory for at least one page");
    this.zeroPage = zero;
  }

  get framesInUse(): number {
    return this.#inUse;
  }

  get framesTotal(): number {
    return Math.floor((this.#limit - this.#first) / pageBytes);
  }

  allocate(): number {
    const fresh = this.#next;
    const frame = this.allocateRaw();
    // A frame that was never used is zero already: wasm memory is.
    if (frame > 0 && frame !== fresh) this.#cpu.bytes.fill(0, frame, frame + pageBytes);
    return frame;
  }

  /** As `allocate`, but the content is whatever it was: for a caller that overwrites all of it. */
  allocateRaw(): number {
    let frame = this.#free.pop();
    if (frame === undefined) {
      if (this.#next + pageBytes > this.#end && !this.#grow()) {
        for (const shrink of this.#shrinkers) {
          shrink(256);
          if (this.#free.length > 0) break;
        }
        frame = this.#free.pop();
        if (frame === undefined) return -errno.ENOMEM;
      } else {
        frame = this.#next;
        this.#next += pageBytes;
      }
    }
    const index = (frame - this.#first) / pageBytes;
    if (index >= this.#counts.length) {
      const larger = new Uint32Array(this.#counts.length * 2);
      larger.set(this.#counts);
      this.#counts = larger;
    }
    this.#counts[index] = 1;
    this.#inUse++;
    return frame;
  }

  retain(frame: number): void {
    this.#counts[(frame - this.#first) / pageBytes]!++;
  }

  release(frame: number): void {
    const index = (frame - this.#first) / pageBytes;
    const count = this.#counts[index]! - 1;
    assert(count >= 0, "a frame is released once for each reference");
    this.#counts[index] = count;
    if (count > 0) return;
    this.#cpu.invalidateCode(frame);
    this.#free.push(frame);
    this.#inUse--;
  }

  references(frame: number): number {
    return this.#counts[(frame - this.#first) / pageBytes]!;
  }

  registerShrinker(shrink: (pages: number) => number): () => void {
    this.#shrinkers.add(shrink);
    return () => this.#shrinkers.delete(shrink);
  }

  bytes(frame: number): Uint8Array {
    return this.#cpu.bytes.subarray(frame, frame + pageBytes);
  }

  changed(frame: number): void {
    this.#cpu.invalidateCode(frame);
  }

  #grow(): boolean {
    const room = this.#limit - this.#end;
    const grow = Math.min(growBytes, Math.floor(room / 65536) * 65536);
    if (grow < 65536) return false;
    try {
      this.#cpu.memory.grow(grow / 65536);
    } catch {
      return false;
    }
    this.#end = this.#cpu.memory.buffer.byteLength;
    return true;
  }
}
