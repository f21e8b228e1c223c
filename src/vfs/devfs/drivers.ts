/**
 * Which driver a device node leads to, by its numbers: what `namespace.openSpecial` is set to. Fifos are opened here
 * too, because they are the other kind of node whose file system does not matter.
 */
import { errno } from "../../abi/errno.ts";
import { S_IFBLK, S_IFCHR, S_IFIFO, S_IFMT, deviceMajor, deviceMinor } from "../../abi/stat.ts";
import type { Maybe } from "../../base/maybe.ts";
import { openFifo } from "../pipefs/pipe.ts";
import type { Inode, OpenContext, OpenFile } from "../types.ts";

export type OpenDevice = (inode: Inode, flags: number, context: OpenContext) => Maybe<OpenFile | number>;

export class DeviceDrivers {
  readonly #drivers = new Map<string, OpenDevice>();

  /** Character devices with this major number; `minor` null stands for all that have no driver of their own. */
  register(major: number, minor: number | null, open: OpenDevice): void {
    this.#drivers.set(`${major}:${minor ?? "*"}`, open);
  }

  readonly open: OpenDevice = (inode, flags, context) => {
    const type = inode.mode & S_IFMT;
    if (type === S_IFIFO) return openFifo(inode, flags, context.dentry);
    if (type === S_IFBLK || type !== S_IFCHR) return -errno.ENXIO;
    const major = deviceMajor(inode.rdev);
    const driver = this.#drivers.get(`${major}:${deviceMinor(inode.rdev)}`) ?? this.#drivers.get(`${major}:*`);
    return driver === undefined ? -errno.ENXIO : driver(inode, flags, context);
  };
}
