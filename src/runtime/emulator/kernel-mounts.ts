/** The file systems the kernel itself provides to a container: /proc, /dev, /sys, and the device drivers behind them. */
import { WherryError } from "../../base/errors.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import { KernelProcSource } from "../../kernel/proc-source.ts";
import { DevPts } from "../../tty/devpts.ts";
import { registerTerminalDrivers } from "../../tty/drivers.ts";
import { PtyTable } from "../../tty/pty.ts";
import { DeviceDrivers } from "../../vfs/devfs/drivers.ts";
import { registerMemoryDevices } from "../../vfs/devfs/memory-devices.ts";
import { populateDev } from "../../vfs/devfs/populate.ts";
import type { Namespace } from "../../vfs/namespace.ts";
import { lookup } from "../../vfs/operations.ts";
import { ProcFileSystem } from "../../vfs/procfs/procfs.ts";
import { SysFileSystem } from "../../vfs/sysfs/sysfs.ts";
import { createTmpfs } from "../../vfs/tmpfs/tmpfs.ts";
import type { FileSystem } from "../../vfs/types.ts";
import { mountPoint } from "./rootfs.ts";

/** Docker's /dev and /dev/shm: 64 MiB each. */
const deviceBytes = 64 << 20;
const inodesMax = 65536;

/** Mounts them and returns the container's terminals. With `console` the first of them is /dev/console too. */
export async function mountKernelFileSystems(
  kernel: Kernel,
  namespace: Namespace,
  console: boolean,
): Promise<PtyTable> {
  const { clock, frames } = kernel;
  const ptys = new PtyTable(kernel.forTerminals);
  const drivers = new DeviceDrivers();
  registerMemoryDevices(drivers);
  registerTerminalDrivers(drivers, ptys);
  namespace.openSpecial = drivers.open;
  for (const path of ["/dev", "/proc", "/sys"]) {
    if ((await mountPoint(namespace, path, "directory")) === null)
      throw new WherryError("usage", `the image's ${path} is not a directory`, { exitCode: 125 });
  }
  const source = new KernelProcSource(kernel);
  const caller = namespace.caller();
  const mount = (path: string, fs: FileSystem, options: string): void => {
    const at = lookup(caller, caller.root, path);
    if (typeof at !== "number") namespace.mount(at, fs, fs.type, options);
  };
  mount("/proc", new ProcFileSystem(source), "rw,nosuid,nodev,noexec,relatime");
  mount("/sys", new SysFileSystem(source), "ro,nosuid,nodev,noexec,relatime");
  const tmpfs = (mode: number) =>
    createTmpfs(frames, clock, { size: deviceBytes, inodes: inodesMax, mode, uid: 0, gid: 0 });
  populateDev(namespace, { dev: tmpfs(0o755), shm: tmpfs(0o1777), pts: new DevPts(ptys, clock) }, console);
  return ptys;
}
