/** The devices of major 1: /dev/null, zero, full, random and urandom (man 4 null, full, random). */
import { errno } from "../../abi/errno.ts";
import { ioctls } from "../../abi/ioctl.ts";
import { fillRandom } from "../../base/random.ts";
import { SpecialFile } from "../special-file.ts";
import type { IoctlCaller, UserMemory } from "../types.ts";
import type { DeviceDrivers } from "./drivers.ts";

/** MEM_MAJOR (linux/major.h). */
export const memoryMajor = 1;
export const memoryMinor = { null: 3, zero: 5, full: 7, random: 8, urandom: 9 } as const;

abstract class MemoryDevice extends SpecialFile {
  override write(source: Uint8Array, _position: number | null): number {
    return source.length;
  }
  override seek(_offset: number, _whence: number): number {
    return 0;
  }
}

class NullFile extends MemoryDevice {
  override read(_target: Uint8Array, _position: number | null): number {
    return 0;
  }
}

class ZeroFile extends MemoryDevice {
  override read(target: Uint8Array, _position: number | null): number {
    target.fill(0);
    return target.length;
  }
}

class FullFile extends ZeroFile {
  override write(_source: Uint8Array, _position: number | null): number {
    return -errno.ENOSPC;
  }
}

/** RNDGETENTCNT (linux/random.h), and the bits of entropy Linux reports once it is seeded. */
const RNDGETENTCNT = 0x80045200;
export const entropyBits = 256;

/** Both names give the host's cryptographic source; what is written into it adds nothing that is needed. */
class RandomFile extends MemoryDevice {
  override read(target: Uint8Array, _position: number | null): number {
    fillRandom(target);
    return target.length;
  }
  override ioctl(request: number, argument: number, memory: UserMemory, _caller: IoctlCaller): number {
    if (request === ioctls.FIONREAD || request !== RNDGETENTCNT) return -errno.ENOTTY;
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setInt32(0, entropyBits, true);
    memory.write(argument, bytes);
    return 0;
  }
}

export function registerMemoryDevices(drivers: DeviceDrivers): void {
  const files = {
    null: NullFile,
    zero: ZeroFile,
    full: FullFile,
    random: RandomFile,
    urandom: RandomFile,
  } as const;
  for (const name of Object.keys(files) as (keyof typeof files)[]) {
    const File = files[name];
    drivers.register(memoryMajor, memoryMinor[name], (inode, flags, context) => new File(inode, flags, context.dentry));
  }
}
