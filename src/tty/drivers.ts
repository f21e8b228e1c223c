/** The terminal devices of major 5 and 136, wherever their nodes are: /dev/tty, /dev/console, /dev/ptmx. */
import { errno } from "../abi/errno.ts";
import { deviceMinor } from "../abi/stat.ts";
import { mapMaybe } from "../base/maybe.ts";
import type { DeviceDrivers } from "../vfs/devfs/drivers.ts";
import { openMaster } from "./devpts.ts";
import { type PtyTable, slaveMajor } from "./pty.ts";
import { TerminalFile } from "./terminal-file.ts";

/** The container's console is its first terminal; without one /dev/console is an I/O error. */
export function registerTerminalDrivers(drivers: DeviceDrivers, ptys: PtyTable): void {
  drivers.register(5, 0, (inode, flags, context) => {
    const opened = context.openControllingTerminal(flags);
    if (opened === null) return -errno.ENXIO;
    return mapMaybe(opened, (file) => {
      if (!(file instanceof TerminalFile)) return file;
      // The same terminal under the name it was opened by.
      const named = TerminalFile.open(file.terminal, inode, flags, context.dentry);
      file.release();
      return named;
    });
  });
  drivers.register(5, 1, (inode, flags, context) => {
    const console = ptys.get(0)?.terminal;
    return console === undefined ? -errno.EIO : TerminalFile.open(console, inode, flags, context.dentry);
  });
  drivers.register(5, 2, (inode, flags, context) => openMaster(ptys, inode, flags, context));
  drivers.register(slaveMajor, null, (inode, flags, context) => {
    const pty = ptys.get(deviceMinor(inode.rdev));
    if (pty === null || pty.locked) return -errno.EIO;
    return TerminalFile.open(pty.terminal, inode, flags, context.dentry);
  });
}
