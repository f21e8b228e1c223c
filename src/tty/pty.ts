/** Pty pairs (man 7 pty): the terminals of one container beyond its console, numbered as /dev/pts shows them. */
import { errno } from "../abi/errno.ts";
import { makeDevice } from "../abi/stat.ts";
import { limits } from "../base/limits.ts";
import { Terminal, type TerminalKernel } from "./terminal.ts";

/** UNIX98_PTY_SLAVE_MAJOR (linux/major.h). */
export const slaveMajor = 136;

export class Pty {
  readonly index: number;
  readonly terminal: Terminal;
  /** User id of who opened the master. */
  owner = 0;
  /** Until unlockpt(3). */
  locked = true;
  readonly #closed: () => void;

  constructor(index: number, kernel: TerminalKernel, closed: () => void) {
    this.index = index;
    this.terminal = new Terminal(`pts/${index}`, makeDevice(slaveMajor, index), kernel);
    this.#closed = closed;
  }

  /** The master is closed. */
  close(): void {
    this.#closed();
    this.terminal.disconnect();
  }
}

export class PtyTable {
  readonly #kernel: TerminalKernel;
  readonly #ptys: (Pty | undefined)[] = [];

  constructor(kernel: TerminalKernel) {
    this.#kernel = kernel;
  }

  /** A new pair with the lowest free number, or -ENOSPC. */
  create(): Pty | number {
    let index = 0;
    while (this.#ptys[index] !== undefined) index++;
    if (index >= limits.ptysMax) return -errno.ENOSPC;
    const pty = new Pty(index, this.#kernel, () => {
      this.#ptys[index] = undefined;
    });
    this.#ptys[index] = pty;
    return pty;
  }

  get(index: number): Pty | null {
    return this.#ptys[index] ?? null;
  }

  *[Symbol.iterator](): IterableIterator<Pty> {
    for (const pty of this.#ptys) if (pty !== undefined) yield pty;
  }
}
