/** An open terminal as programs have it: the slave side of a pty, or the console. */
import { errno } from "../abi/errno.ts";
import { O_ACCMODE, O_NONBLOCK, O_WRONLY } from "../abi/fcntl.ts";
import { ioctls } from "../abi/ioctl.ts";
import { TC, cc, lflag } from "../abi/termios.ts";
import type { WaitQueue } from "../base/wait-queue.ts";
import { SpecialFile } from "../vfs/special-file.ts";
import type { Dentry, Inode, IoctlCaller, UserMemory } from "../vfs/types.ts";
import { poll } from "../vfs/types.ts";
import { int, terminalIoctl } from "./terminal-ioctl.ts";
import { jobSignal, type Terminal } from "./terminal.ts";

/** How long VTIME's unit is. */
const tenthMs = 100;

export class TerminalFile extends SpecialFile {
  readonly terminal: Terminal;
  readonly #generation: number;

  constructor(terminal: Terminal, inode: Inode, flags: number, dentry: Dentry | null) {
    super(inode, flags, dentry);
    this.terminal = terminal;
    this.#generation = terminal.generation;
    terminal.slaveOpened();
  }

  /** Opens a terminal by any of its names. */
  static open(terminal: Terminal, inode: Inode, flags: number, dentry: Dentry | null): TerminalFile | number {
    if (terminal.disconnected) return -errno.EIO;
    if (terminal.exclusive) return -errno.EBUSY;
    return new TerminalFile(terminal, inode, flags, dentry);
  }

  get hungUp(): boolean {
    return this.#generation !== this.terminal.generation;
  }

  override get waiters(): WaitQueue {
    return this.terminal.waiters;
  }

  /** What the caller's process group may do, before a read or a write: 0, -EIO, or an interrupted call. */
  checkJobControl(caller: IoctlCaller, writing: boolean): number {
    if (this.hungUp) return 0;
    if (!writing) return this.terminal.checkForeground(caller, jobSignal.ttyInput);
    if ((this.terminal.discipline.termios.local & lflag.TOSTOP) === 0) return 0;
    return this.terminal.checkForeground(caller, jobSignal.ttyOutput);
  }

  override read(target: Uint8Array, _position: number | null): number {
    if (this.hungUp) return 0;
    if (target.length === 0) return 0;
    const discipline = this.terminal.discipline;
    if (!discipline.readable) {
      const characters = discipline.termios.characters;
      const polling = !discipline.isLineMode && characters[cc.VMIN] === 0 && characters[cc.VTIME] === 0;
      return polling ? 0 : -errno.EAGAIN;
    }
    if (!discipline.isLineMode && (this.flags & O_NONBLOCK) === 0) {
      const minimum = Math.min(discipline.termios.characters[cc.VMIN]!, target.length);
      if (discipline.readableBytes < minimum) return -errno.EAGAIN;
    }
    return this.#take(target);
  }

  /** After `readTimeoutMs` passed without a read: what there is, or 0. */
  readAfterTimeout(target: Uint8Array): number {
    return this.hungUp ? 0 : this.#take(target);
  }

  #take(target: Uint8Array): number {
    const count = this.terminal.discipline.read(target);
    this.terminal.feed();
    return count;
  }

  /**
   * How long a read that got -EAGAIN may wait before `readAfterTimeout`; null is for ever. Raw mode's VTIME runs from
   * the start of the read when VMIN is 0, otherwise from the last byte that came (man 3 termios).
   */
  readTimeoutMs(): number | null {
    const discipline = this.terminal.discipline;
    if (this.hungUp || discipline.isLineMode) return null;
    const tenths = discipline.termios.characters[cc.VTIME]!;
    if (tenths === 0) return null;
    if (discipline.termios.characters[cc.VMIN]! > 0 && discipline.readableBytes === 0) return null;
    return tenths * tenthMs;
  }

  override write(source: Uint8Array, _position: number | null): number {
    if (this.hungUp) return -errno.EIO;
    if (source.length === 0) return 0;
    const count = this.terminal.discipline.write(source);
    return count === 0 ? -errno.EAGAIN : count;
  }

  override poll(): number {
    const both = poll.in | poll.readNormal | poll.out | poll.writeNormal;
    if (this.hungUp) return both | poll.error | poll.hangup;
    const { discipline, output } = this.terminal;
    let events = 0;
    const characters = discipline.termios.characters;
    const minimum = !discipline.isLineMode && characters[cc.VTIME] === 0 ? Math.max(1, characters[cc.VMIN]!) : 1;
    if (discipline.readable && (discipline.isLineMode || discipline.readableBytes >= minimum))
      events |= poll.in | poll.readNormal;
    if (!discipline.stopped && output.room > 0) events |= poll.out | poll.writeNormal;
    return events;
  }

  override ioctl(request: number, argument: number, memory: UserMemory, caller: IoctlCaller): number {
    const terminal = this.terminal;
    if (this.hungUp) return request === ioctls.TIOCSPGRP ? -errno.ENOTTY : -errno.EIO;
    switch (request) {
      case ioctls.FIONREAD:
        memory.write(argument, int(terminal.discipline.readableBytes));
        return 0;
      case ioctls.TIOCOUTQ:
        // A pty has no transmitter: what was written is at the other side already.
        memory.write(argument, int(0));
        return 0;
      case ioctls.TCFLSH: {
        const allowed = terminal.checkForeground(caller, jobSignal.ttyOutput);
        if (allowed !== 0) return allowed;
        if (argument !== TC.IFLUSH && argument !== TC.OFLUSH && argument !== TC.IOFLUSH) return -errno.EINVAL;
        if (argument !== TC.OFLUSH) terminal.flushInput();
        if (argument !== TC.IFLUSH) {
          terminal.discipline.flushEchoes();
          terminal.flushOutput();
        }
        return 0;
      }
      case ioctls.TIOCSCTTY:
        if ((this.flags & O_ACCMODE) === O_WRONLY && !caller.isPrivileged) return -errno.EPERM;
        return terminal.becomeControlling(caller, argument === 1);
      case ioctls.TIOCNOTTY:
        return terminal.giveUp(caller);
      case ioctls.TIOCGPGRP:
        if (caller.controllingTerminal !== terminal) return -errno.ENOTTY;
        memory.write(argument, int(terminal.foregroundGroup));
        return 0;
      case ioctls.TIOCSPGRP:
        return terminal.setForegroundGroup(caller, new DataView(memory.read(argument, 4).buffer).getInt32(0, true));
      case ioctls.TIOCGSID:
        if (caller.controllingTerminal !== terminal || terminal.session === 0) return -errno.ENOTTY;
        memory.write(argument, int(terminal.session));
        return 0;
      default:
        return terminalIoctl(terminal, request, argument, memory, caller) ?? -errno.ENOTTY;
    }
  }

  protected override closed(): void {
    this.terminal.slaveClosed();
  }
}
