/**
 * Guest memory as the kernel reads and writes it, by guest address. All accessors are synchronous: when a page must
 * come from storage they throw `PageNeeded` and when the guest has no right to the address `UserFault`; the dispatcher
 * handles both (`kernel/faults.ts`), so callers write straight code and only keep effects behind `prepareWrite`.
 */
import { errno } from "../abi/errno.ts";
import { decodeName } from "../base/bytes.ts";
import { limits } from "../base/limits.ts";
import { access, pte } from "../../wasm/x86/types.ts";
import type { UserMemory as DeviceMemory } from "../vfs/types.ts";
import type { AddressSpace } from "./address-space.ts";
import { PageNeeded, UserFault } from "./faults.ts";

const pageBytes = limits.pageBytes;
const frameMask = pte.frameMask;
/** First address past the user half: TASK_SIZE. */
export const userEnd = 0x7fff_ffff_f000;

export class UserMemory implements DeviceMemory {
  readonly #space: AddressSpace;

  constructor(space: AddressSpace) {
    this.#space = space;
  }

  /** A copy of `length` bytes. */
  read(address: number, length: number): Uint8Array<ArrayBuffer> {
    const target = new Uint8Array(length);
    this.readInto(address, target);
    return target;
  }

  readInto(address: number, target: Uint8Array): void {
    for (let done = 0; done < target.length;) {
      const at = address + done;
      const linear = this.#linear(at, access.read);
      const length = Math.min(target.length - done, pageBytes - (at % pageBytes));
      target.set(this.#space.cpu.bytes.subarray(linear, linear + length), done);
      done += length;
    }
  }

  write(address: number, source: Uint8Array): void {
    for (let done = 0; done < source.length;) {
      const at = address + done;
      const linear = this.#linear(at, access.write);
      const length = Math.min(source.length - done, pageBytes - (at % pageBytes));
      this.#space.cpu.bytes.set(source.subarray(done, done + length), linear);
      this.#space.cpu.invalidateCode(linear - (linear % pageBytes));
      done += length;
    }
  }

  fill(address: number, length: number, value: number): void {
    for (let done = 0; done < length;) {
      const at = address + done;
      const linear = this.#linear(at, access.write);
      const part = Math.min(length - done, pageBytes - (at % pageBytes));
      this.#space.cpu.bytes.fill(value, linear, linear + part);
      this.#space.cpu.invalidateCode(linear - (linear % pageBytes));
      done += part;
    }
  }

  /** Makes sure that a later write of these bytes cannot fault (barring another thread's munmap). */
  prepareWrite(address: number, length: number): void {
    for (let at = address; at < address + length; at = at - (at % pageBytes) + pageBytes) {
      this.#linear(at, access.write);
    }
  }

  prepareRead(address: number, length: number): void {
    for (let at = address; at < address + length; at = at - (at % pageBytes) + pageBytes) {
      this.#linear(at, access.read);
    }
  }

  /**
   * The bytes themselves rather than a copy, if they lie within one page; otherwise null. Valid only until anything
   * allocates memory: so not across an `await`, nor a call into a file system.
   */
  view(address: number, length: number, forWrite: boolean): Uint8Array | null {
    if ((address % pageBytes) + length > pageBytes) return null;
    const linear = this.#linear(address, forWrite ? access.write : access.read);
    if (forWrite) this.#space.cpu.invalidateCode(linear - (linear % pageBytes));
    return this.#space.cpu.bytes.subarray(linear, linear + length);
  }

  /** The word's place in the container's memory: names a futex that processes share. */
  physicalAddress(address: number): number {
    return this.#linear(address, access.read);
  }

  /** Bytes up to the NUL, without it; `tooLong` (an errno) when there is none within `maximum` bytes. */
  readCStringBytes(
    address: number,
    maximum: number = limits.pathBytesMax,
    tooLong: number = errno.ENAMETOOLONG,
  ): Uint8Array<ArrayBuffer> {
    const parts: Uint8Array[] = [];
    let length = 0;
    for (let at = address; length < maximum;) {
      const linear = this.#linear(at, access.read);
      const room = Math.min(maximum - length, pageBytes - (at % pageBytes));
      const bytes = this.#space.cpu.bytes.subarray(linear, linear + room);
      const nul = bytes.indexOf(0);
      if (nul >= 0) {
        const last = bytes.slice(0, nul);
        if (parts.length === 0) return last as Uint8Array<ArrayBuffer>;
        parts.push(last);
        const whole = new Uint8Array(length + nul);
        let offset = 0;
        for (const part of parts) {
          whole.set(part, offset);
          offset += part.length;
        }
        return whole;
      }
      parts.push(bytes.slice());
      length += room;
      at += room;
    }
    throw new UserFault(tooLong);
  }

  readCString(address: number, maximum: number = limits.pathBytesMax, tooLong: number = errno.ENAMETOOLONG): string {
    return decodeName(this.readCStringBytes(address, maximum, tooLong));
  }

  readU8(address: number): number {
    return this.#space.cpu.bytes[this.#linear(address, access.read)]!;
  }

  writeU8(address: number, value: number): void {
    const linear = this.#linear(address, access.write);
    this.#space.cpu.bytes[linear] = value;
    this.#space.cpu.invalidateCode(linear - (linear % pageBytes));
  }

  readU16(address: number): number {
    if (address % pageBytes > pageBytes - 2) return this.#straddling(address, 2).getUint16(0, true);
    return this.#space.cpu.view.getUint16(this.#linear(address, access.read), true);
  }

  writeU16(address: number, value: number): void {
    if (address % pageBytes > pageBytes - 2) {
      this.#writeStraddling(address, 2, (view) => view.setUint16(0, value, true));
      return;
    }
    const linear = this.#linear(address, access.write);
    this.#space.cpu.view.setUint16(linear, value, true);
    this.#space.cpu.invalidateCode(linear - (linear % pageBytes));
  }

  readU32(address: number): number {
    if (address % pageBytes > pageBytes - 4) return this.#straddling(address, 4).getUint32(0, true);
    return this.#space.cpu.view.getUint32(this.#linear(address, access.read), true);
  }

  readI32(address: number): number {
    return this.readU32(address) | 0;
  }

  /** Signed or unsigned: the low 32 bits are stored. */
  writeU32(address: number, value: number): void {
    if (address % pageBytes > pageBytes - 4) {
      this.#writeStraddling(address, 4, (view) => view.setUint32(0, value, true));
      return;
    }
    const linear = this.#linear(address, access.write);
    this.#space.cpu.view.setUint32(linear, value, true);
    this.#space.cpu.invalidateCode(linear - (linear % pageBytes));
  }

  writeI32(address: number, value: number): void {
    this.writeU32(address, value);
  }

  readU64(address: number): bigint {
    if (address % pageBytes > pageBytes - 8) return this.#straddling(address, 8).getBigUint64(0, true);
    return this.#space.cpu.view.getBigUint64(this.#linear(address, access.read), true);
  }

  readI64(address: number): bigint {
    return BigInt.asIntN(64, this.readU64(address));
  }

  writeU64(address: number, value: bigint): void {
    if (address % pageBytes > pageBytes - 8) {
      this.#writeStraddling(address, 8, (view) => view.setBigUint64(0, value, true));
      return;
    }
    const linear = this.#linear(address, access.write);
    this.#space.cpu.view.setBigUint64(linear, value, true);
    this.#space.cpu.invalidateCode(linear - (linear % pageBytes));
  }

  /** A 64-bit pointer or size as an unsigned number: exact below 2^53, which every valid address is. */
  readNumber(address: number): number {
    if (address % pageBytes > pageBytes - 8) {
      const view = this.#straddling(address, 8);
      return view.getUint32(4, true) * 2 ** 32 + view.getUint32(0, true);
    }
    const linear = this.#linear(address, access.read);
    const view = this.#space.cpu.view;
    return view.getUint32(linear + 4, true) * 2 ** 32 + view.getUint32(linear, true);
  }

  /** A signed 64-bit number (off_t, time_t). */
  readLong(address: number): number {
    return this.readU32(address) + this.readI32(address + 4) * 2 ** 32;
  }

  /** An integer of at most 53 bits, signed or not, as 64 bits. */
  writeNumber(address: number, value: number): void {
    this.writeU32(address, value % 2 ** 32);
    this.writeU32(address + 4, Math.floor(value / 2 ** 32));
  }

  #straddling(address: number, length: number): DataView {
    return new DataView(this.read(address, length).buffer);
  }

  #writeStraddling(address: number, length: number, store: (view: DataView) => void): void {
    const bytes = new Uint8Array(length);
    store(new DataView(bytes.buffer));
    this.write(address, bytes);
  }

  /** The linear address of one guest byte; faults the page in as the processor would. */
  #linear(address: number, kind: 0 | 1): number {
    if (!(address >= 0 && address < userEnd)) throw new UserFault();
    const wanted = kind === access.write ? pte.write : pte.read;
    for (let attempt = 0; attempt < 3; attempt++) {
      const entry = this.#space.table.get(address);
      if ((entry & wanted) !== 0) return ((entry & frameMask) >>> 0) + (address % pageBytes);
      const outcome = this.#space.fault(address, kind);
      if (outcome instanceof Promise) throw new PageNeeded(outcome);
      if (outcome !== null) throw new UserFault();
    }
    throw new UserFault();
  }
}
