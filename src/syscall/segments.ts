/** The guest buffers of one transfer: a single range, or the vector of readv(2), seen as one run of bytes. */
import { errno } from "../abi/errno.ts";
import { limits } from "../base/limits.ts";
import { UserFault, PageNeeded } from "../kernel/faults.ts";
import type { UserMemory } from "../kernel/user-memory.ts";

/** MAX_RW_COUNT: no transfer moves more at once (man 2 read). */
const transferBytesMax = 0x7ffff000;

interface Segment {
  readonly address: number;
  readonly length: number;
}

export class Segments {
  readonly total: number;
  readonly #segments: readonly Segment[];

  private constructor(segments: readonly Segment[]) {
    this.#segments = segments;
    let total = 0;
    for (const segment of segments) total += segment.length;
    this.total = Math.min(total, transferBytesMax);
  }

  static single(address: number, length: number): Segments {
    return new Segments([{ address, length }]);
  }

  /** Reads an array of struct iovec: 8 bytes of address, 8 of length. */
  static vector(memory: UserMemory, address: number, count: number): Segments | number {
    if (count < 0 || count > limits.ioVectorsMax) return -errno.EINVAL;
    const segments: Segment[] = [];
    const bytes = memory.read(address, count * 16);
    const view = new DataView(bytes.buffer);
    let total = 0;
    for (let at = 0; at < bytes.length; at += 16) {
      const high = view.getUint32(at + 12, true);
      // A negative ssize_t.
      if (high >= 0x8000_0000) return -errno.EINVAL;
      const length = view.getUint32(at + 8, true) + high * 2 ** 32;
      total += length;
      if (total > 2 ** 53) return -errno.EINVAL;
      if (length > 0)
        segments.push({ address: view.getUint32(at, true) + view.getUint32(at + 4, true) * 2 ** 32, length });
    }
    return new Segments(segments);
  }

  /** Calls `visit` for the guest ranges of `length` bytes from `offset` on. */
  #ranges(offset: number, length: number, visit: (address: number, at: number, part: number) => void): void {
    let skip = offset;
    let at = 0;
    for (const segment of this.#segments) {
      if (at === length) return;
      if (skip >= segment.length) {
        skip -= segment.length;
        continue;
      }
      const part = Math.min(segment.length - skip, length - at);
      visit(segment.address + skip, at, part);
      at += part;
      skip = 0;
    }
  }

  /** Throws the kernel's faults where these bytes cannot be written to the guest. */
  prepareWrite(memory: UserMemory, offset: number, length: number): void {
    this.#ranges(offset, length, (address, _at, part) => memory.prepareWrite(address, part));
  }

  /** Guest bytes into `target`. */
  gather(memory: UserMemory, offset: number, target: Uint8Array): void {
    this.#ranges(offset, target.length, (address, at, part) =>
      memory.readInto(address, part === target.length ? target : target.subarray(at, at + part)),
    );
  }

  /** `source` to the guest. */
  scatter(memory: UserMemory, offset: number, source: Uint8Array): void {
    this.#ranges(offset, source.length, (address, at, part) =>
      memory.write(address, part === source.length ? source : source.subarray(at, at + part)),
    );
  }

  /**
   * As `scatter` and `gather`, for callers that already had effects and so may not be run again: 0, or -EFAULT; a
   * promise where a page must come from storage first.
   */
  scatterLater(memory: UserMemory, offset: number, source: Uint8Array): number | Promise<number> {
    return settled(() => this.scatter(memory, offset, source));
  }

  gatherLater(memory: UserMemory, offset: number, target: Uint8Array): number | Promise<number> {
    return settled(() => this.gather(memory, offset, target));
  }
}

function settled(access: () => void): number | Promise<number> {
  try {
    access();
    return 0;
  } catch (fault) {
    if (fault instanceof UserFault) return -fault.error;
    if (fault instanceof PageNeeded) return fault.ready.then(() => settled(access));
    throw fault;
  }
}
