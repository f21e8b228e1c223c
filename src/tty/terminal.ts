/**
 * A terminal (Linux: struct tty_struct): a line discipline, the session it controls, a window size, and the two
 * queues between the programs on it and whoever holds its other side (a pty master, or the host's console).
 *
 *     other side --type()--> pending --> LineDiscipline --> readers     (slave files, `terminal-file.ts`)
 *     other side <--output-- LineDiscipline <-------------- writers
 */
import { errno } from "../abi/errno.ts";
import { S_IFCHR, makeDevice } from "../abi/stat.ts";
import { cc, iflag, lflag, packet } from "../abi/termios.ts";
import { ByteQueue } from "../base/byte-queue.ts";
import { limits } from "../base/limits.ts";
import { WaitQueue } from "../base/wait-queue.ts";
import type { ControllingTerminal, IoctlCaller, OpenFile } from "../vfs/types.ts";
import { NamelessFileSystem, SpecialInode } from "../vfs/special-file.ts";
import { LineDiscipline } from "./line-discipline.ts";
import { TerminalFile } from "./terminal-file.ts";
import { Termios } from "./termios.ts";

export const jobSignal = { hangup: 1, continue: 18, ttyInput: 21, ttyOutput: 22, windowChanged: 28 } as const;

/** What a terminal needs of the kernel above it. */
export interface TerminalKernel {
  signalGroup(processGroup: number, signal: number): void;
  /** The terminal of this session is gone: SIGHUP and SIGCONT to its leader, and nobody has a controlling terminal. */
  hangUpSession(session: number): void;
}

export interface WindowSize {
  rows: number;
  columns: number;
  widthPixels: number;
  heightPixels: number;
}

/** The terminal itself as a file, for opens that have no path. */
const terminalFs = new NamelessFileSystem("devtmpfs", makeDevice(0, 6), 0x01021994);

class TerminalInode extends SpecialInode {
  constructor(rdev: number) {
    super(terminalFs, terminalFs.nextIno(), S_IFCHR | 0o620, { uid: 0, gid: ttyGroup }, 0n);
    this.rdev = rdev;
  }
}

/** The group that owns terminals: Debian's "tty". */
export const ttyGroup = 5;

export class Terminal implements ControllingTerminal {
  /** As /proc names it: "pts/0", "console". */
  readonly name: string;
  readonly rdev: number;
  readonly discipline: LineDiscipline;
  /** For the other side to read. */
  readonly output = new ByteQueue(limits.terminalBytesMax);
  /** Woken when a slave file may read or write. */
  readonly waiters = new WaitQueue();
  /** Woken when the other side may read or write. */
  readonly masterWaiters = new WaitQueue();
  window: WindowSize = { rows: 0, columns: 0, widthPixels: 0, heightPixels: 0 };
  /** Session and foreground process group; 0 when it controls none. */
  session = 0;
  foregroundGroup = 0;
  exclusive = false;
  /** Slave files of an older generation were hung up (man 2 vhangup). */
  generation = 0;
  /** Open slave files, hung up or not: the other side sees a hang-up only when all are closed. */
  openCount = 0;
  everOpened = false;
  /** The other side is gone. */
  disconnected = false;
  /** TIOCPKT, and what is to be told in the next packet. */
  packetMode = false;
  packetStatus = 0;

  readonly #kernel: TerminalKernel;
  /** Typed, but the discipline has no room yet. */
  readonly #pending = new ByteQueue(limits.terminalBytesMax);
  #feeding = false;

  constructor(name: string, rdev: number, kernel: TerminalKernel) {
    this.name = name;
    this.rdev = rdev;
    this.#kernel = kernel;
    this.discipline = new LineDiscipline(
      {
        output: this.output,
        signal: (signal) => this.#signalForeground(signal),
        outputChanged: () => this.#outputChanged(),
        flushOutput: () => this.flushOutput(),
        inputReady: () => this.waiters.wake(),
        flowChanged: (stopped) =>
          this.#tell(stopped ? packet.STOP : packet.START, stopped ? packet.START : packet.STOP),
      },
      new Termios(),
    );
  }

  // The other side

  /** Bytes typed; returns how many were taken. */
  type(bytes: Uint8Array): number {
    let taken = 0;
    if (this.#pending.length === 0) taken = this.discipline.receive(bytes);
    if (taken < bytes.length) taken += this.#pending.push(taken === 0 ? bytes : bytes.subarray(taken));
    return taken;
  }

  /** How much `type` would take at least. */
  get typeRoom(): number {
    return this.#pending.room;
  }

  /** The other side took output: echoes and writers may go on. */
  outputTaken(): void {
    this.discipline.outputDrained();
    if (!this.discipline.stopped) this.waiters.wake();
  }

  resize(window: WindowSize): void {
    const old = this.window;
    this.window = window;
    if (
      old.rows === window.rows &&
      old.columns === window.columns &&
      old.widthPixels === window.widthPixels &&
      old.heightPixels === window.heightPixels
    )
      return;
    this.#signalForeground(jobSignal.windowChanged);
  }

  /** The other side closed: every slave file reads its end, the session is told. */
  disconnect(): void {
    if (this.disconnected) return;
    this.disconnected = true;
    this.hangUp();
  }

  // This side

  /** A reader made room: what waits may be received. */
  feed(): void {
    if (this.#feeding || this.#pending.length === 0) return;
    this.#feeding = true;
    const chunk = new Uint8Array(Math.min(this.#pending.length, 4096));
    while (this.#pending.length > 0) {
      const count = this.#pending.peek(chunk);
      const taken = this.discipline.receive(chunk.subarray(0, count));
      this.#pending.drop(taken);
      if (taken < count) break;
    }
    this.#feeding = false;
    this.masterWaiters.wake();
  }

  /** Everyone on it loses it: vhangup(2), the end of its session's leader, or of its other side. */
  hangUp(): void {
    this.generation++;
    this.exclusive = false;
    this.discipline.flushInput();
    this.#pending.clear();
    const { session, foregroundGroup } = this;
    this.session = this.foregroundGroup = 0;
    if (foregroundGroup !== 0) {
      this.#kernel.signalGroup(foregroundGroup, jobSignal.hangup);
      this.#kernel.signalGroup(foregroundGroup, jobSignal.continue);
    }
    if (session !== 0) this.#kernel.hangUpSession(session);
    this.waiters.wake();
    this.masterWaiters.wake();
  }

  slaveOpened(): void {
    this.openCount++;
    this.everOpened = true;
  }

  slaveClosed(): void {
    if (--this.openCount === 0) this.masterWaiters.wake();
  }

  /** Opened before, and by nobody now: the other side sees a hang-up. */
  get abandoned(): boolean {
    return this.everOpened && this.openCount === 0;
  }

  setTermios(termios: Termios): void {
    const old = this.discipline.termios;
    this.discipline.setTermios(termios);
    if (this.packetMode) {
      if (((old.local | termios.local) & lflag.EXTPROC) !== 0) this.#tell(packet.IOCTL, 0);
      if (stops(old) !== stops(termios))
        this.#tell(stops(termios) ? packet.DOSTOP : packet.NOSTOP, stops(termios) ? packet.NOSTOP : packet.DOSTOP);
    }
    this.feed();
  }

  flushInput(): void {
    this.discipline.flushInput();
    this.#pending.clear();
    this.#tell(packet.FLUSHREAD, 0);
    this.masterWaiters.wake();
  }

  flushOutput(): void {
    this.output.clear();
    this.#tell(packet.FLUSHWRITE, 0);
    this.masterWaiters.wake();
    this.waiters.wake();
  }

  #tell(set: number, clear: number): void {
    if (!this.packetMode) return;
    this.packetStatus = (this.packetStatus & ~clear) | set;
    this.masterWaiters.wake();
  }

  #outputChanged(): void {
    if (this.output.length > 0) this.masterWaiters.wake();
    if (!this.discipline.stopped && this.output.room > 0) this.waiters.wake();
  }

  #signalForeground(signal: number): void {
    if (this.foregroundGroup !== 0) this.#kernel.signalGroup(this.foregroundGroup, signal);
  }

  /** What opening /dev/tty gives. */
  openControlling(flags: number): OpenFile | number {
    return TerminalFile.open(this, new TerminalInode(this.rdev), flags, null);
  }

  /** The leader of its session ended: everyone on it loses it. */
  sessionEnded(): void {
    this.hangUp();
  }

  // Job control (man 7 credentials, man 4 tty_ioctl)

  /**
   * May the caller read (SIGTTIN), or change (SIGTTOU), this terminal? 0, -EIO, or `restartSignal` after its group was
   * sent the signal: the call then ends as one that a signal interrupted.
   */
  checkForeground(caller: IoctlCaller, signal: number): number {
    if (caller.controllingTerminal !== this) return 0;
    if (this.foregroundGroup === 0 || caller.processGroup === this.foregroundGroup) return 0;
    if (caller.isSignalIgnored(signal)) return signal === jobSignal.ttyInput ? -errno.EIO : 0;
    if (caller.isGroupOrphaned()) return -errno.EIO;
    caller.signalGroup(caller.processGroup, signal);
    return restartSignal;
  }

  /** open(2) without O_NOCTTY by a session leader that has no terminal. */
  acquireOnOpen(caller: IoctlCaller): void {
    if (caller.isSessionLeader && caller.controllingTerminal === null && this.session === 0) this.#attach(caller);
  }

  /** TIOCSCTTY; `steal` is its argument. */
  becomeControlling(caller: IoctlCaller, steal: boolean): number {
    if (caller.isSessionLeader && caller.controllingTerminal === this && this.session === caller.session) return 0;
    if (!caller.isSessionLeader || caller.controllingTerminal !== null) return -errno.EPERM;
    if (this.session !== 0) {
      if (!steal || !caller.isPrivileged) return -errno.EPERM;
      caller.clearSessionTerminal(this.session);
    }
    return this.#attach(caller);
  }

  #attach(caller: IoctlCaller): number {
    const result = caller.setControllingTerminal(this);
    if (result < 0) return result;
    this.session = caller.session;
    this.foregroundGroup = caller.processGroup;
    return 0;
  }

  /** TIOCNOTTY. */
  giveUp(caller: IoctlCaller): number {
    if (caller.controllingTerminal !== this) return -errno.ENOTTY;
    if (!caller.isSessionLeader) {
      caller.clearControllingTerminal();
      return 0;
    }
    const { session, foregroundGroup } = this;
    this.session = this.foregroundGroup = 0;
    caller.clearSessionTerminal(session);
    if (foregroundGroup !== 0) {
      caller.signalGroup(foregroundGroup, jobSignal.hangup);
      caller.signalGroup(foregroundGroup, jobSignal.continue);
    }
    return 0;
  }

  /** TIOCSPGRP. */
  setForegroundGroup(caller: IoctlCaller, group: number): number {
    const allowed = this.checkForeground(caller, jobSignal.ttyOutput);
    if (allowed !== 0) return allowed;
    if (caller.controllingTerminal !== this || this.session !== caller.session) return -errno.ENOTTY;
    if (group < 0) return -errno.EINVAL;
    const session = caller.sessionOfGroup(group);
    if (session === null) return -errno.ESRCH;
    if (session !== caller.session) return -errno.EPERM;
    this.foregroundGroup = group;
    return 0;
  }
}

/** Packet mode tells the other side whether ^S and ^Q are the flow control characters. */
function stops(termios: Termios): boolean {
  const { input, characters } = termios;
  return (input & iflag.IXON) !== 0 && characters[cc.VSTOP] === 0x13 && characters[cc.VSTART] === 0x11;
}

/** -ERESTARTSYS: the kernel's own result for "a signal came; restart if its action says so" (never seen by guests). */
const restartSignal = -512;
