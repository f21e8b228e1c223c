/** The master side of a pty, as a terminal emulator or sshd holds it (man 7 pty). */
import { errno } from "../abi/errno.ts";
import { ioctls } from "../abi/ioctl.ts";
import { TC, packet } from "../abi/termios.ts";
import type { WaitQueue } from "../base/wait-queue.ts";
import { SpecialFile } from "../vfs/special-file.ts";
import type { Dentry, Inode, IoctlCaller, UserMemory } from "../vfs/types.ts";
import { poll } from "../vfs/types.ts";
import type { Pty } from "./pty.ts";
import { int, terminalIoctl } from "./terminal-ioctl.ts";

export class MasterFile extends SpecialFile {
  readonly pty: Pty;

  constructor(pty: Pty, inode: Inode, flags: number, dentry: Dentry | null) {
    super(inode, flags, dentry);
    this.pty = pty;
  }

  override get waiters(): WaitQueue {
    return this.pty.terminal.masterWaiters;
  }

  override read(target: Uint8Array, _position: number | null): number {
    const terminal = this.pty.terminal;
    if (target.length === 0) return 0;
    if (terminal.packetMode && terminal.packetStatus !== 0) {
      target[0] = terminal.packetStatus;
      terminal.packetStatus = 0;
      return 1;
    }
    if (terminal.output.length === 0) return terminal.abandoned ? -errno.EIO : -errno.EAGAIN;
    let count: number;
    if (terminal.packetMode) {
      target[0] = packet.DATA;
      count = 1 + terminal.output.pull(target.subarray(1));
    } else count = terminal.output.pull(target);
    terminal.outputTaken();
    return count;
  }

  override write(source: Uint8Array, _position: number | null): number {
    if (source.length === 0) return 0;
    const count = this.pty.terminal.type(source);
    return count === 0 ? -errno.EAGAIN : count;
  }

  override poll(): number {
    const terminal = this.pty.terminal;
    let events = 0;
    if (terminal.output.length > 0) events |= poll.in | poll.readNormal;
    if (terminal.packetMode && terminal.packetStatus !== 0) events |= poll.in | poll.readNormal | poll.priority;
    if (terminal.abandoned) events |= poll.hangup;
    if (terminal.typeRoom > 0) events |= poll.out | poll.writeNormal;
    return events;
  }

  override ioctl(request: number, argument: number, memory: UserMemory, caller: IoctlCaller): number {
    const { terminal, index } = this.pty;
    switch (request) {
      case ioctls.TIOCGPTN:
        memory.write(argument, int(index));
        return 0;
      case ioctls.TIOCSPTLCK:
        this.pty.locked = new DataView(memory.read(argument, 4).buffer).getInt32(0, true) !== 0;
        return 0;
      case ioctls.TIOCGPTLCK:
        memory.write(argument, int(this.pty.locked ? 1 : 0));
        return 0;
      case ioctls.TIOCPKT: {
        const on = new DataView(memory.read(argument, 4).buffer).getInt32(0, true) !== 0;
        if (on && !terminal.packetMode) terminal.packetStatus = 0;
        terminal.packetMode = on;
        return 0;
      }
      case ioctls.TIOCGPKT:
        memory.write(argument, int(terminal.packetMode ? 1 : 0));
        return 0;
      case ioctls.TIOCSIG: {
        const signal = argument;
        if (signal !== 2 && signal !== 3 && signal !== 20) return -errno.EINVAL;
        if (terminal.foregroundGroup !== 0) caller.signalGroup(terminal.foregroundGroup, signal);
        return 0;
      }
      case ioctls.FIONREAD:
        memory.write(argument, int(terminal.output.length));
        return 0;
      case ioctls.TIOCOUTQ:
        memory.write(argument, int(0));
        return 0;
      case ioctls.TIOCGPGRP:
        memory.write(argument, int(terminal.foregroundGroup));
        return 0;
      case ioctls.TIOCSPGRP:
        return terminal.setForegroundGroup(caller, new DataView(memory.read(argument, 4).buffer).getInt32(0, true));
      case ioctls.TIOCGSID:
        if (terminal.session === 0) return -errno.ENOTTY;
        memory.write(argument, int(terminal.session));
        return 0;
      case ioctls.TIOCSCTTY:
        return -errno.EIO;
      case ioctls.TCFLSH:
        // Its input is the terminal's output.
        if (argument !== TC.IFLUSH && argument !== TC.OFLUSH && argument !== TC.IOFLUSH) return -errno.EINVAL;
        if (argument !== TC.OFLUSH) terminal.flushOutput();
        if (argument !== TC.IFLUSH) terminal.flushInput();
        return 0;
      default:
        return terminalIoctl(terminal, request, argument, memory, caller) ?? -errno.ENOTTY;
    }
  }

  protected override closed(): void {
    this.pty.close();
  }
}
