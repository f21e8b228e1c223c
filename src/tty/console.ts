/**
 * A terminal whose other side the host holds (the page's terminal, or the command line's): the container's console, or
 * that of a program run in it later. It is a pty like others, so programs find themselves on /dev/pts/N. Output goes
 * to the host piece by piece; while the host is busy with one the queue fills, and writers wait.
 *
 *     const console = new Console(ptys, { write: (bytes) => port.send(bytes) });
 *     console.resize(80, 24);
 *     console.input(bytes);
 *     open(caller, caller.root, console.path, O_RDWR, 0)      // descriptors 0, 1 and 2 of its first program
 */
import { assert } from "../base/assert.ts";
import type { Maybe } from "../base/maybe.ts";
import type { Pty, PtyTable } from "./pty.ts";
import type { Terminal } from "./terminal.ts";

export interface ConsoleHost {
  /** Shows bytes; a promise holds further output back. The array is the host's to keep. */
  write(bytes: Uint8Array): Maybe<void>;
}

export class Console {
  readonly #pty: Pty;
  readonly #host: ConsoleHost;
  #scheduled = false;
  #writing = false;
  #idle: (() => void)[] = [];
  /** Typed before the terminal had room for it. */
  #typed: Uint8Array[] = [];
  #typing = false;

  constructor(ptys: PtyTable, host: ConsoleHost) {
    const pty = ptys.create();
    assert(typeof pty !== "number", "a container opens its console before programs can open too many ptys");
    pty.locked = false;
    this.#pty = pty;
    this.#host = host;
    this.terminal.masterWaiters.add(() => this.#changed());
  }

  get terminal(): Terminal {
    return this.#pty.terminal;
  }

  /** Where programs find it. */
  get path(): string {
    return `/dev/${this.terminal.name}`;
  }

  /** Bytes the user typed or pasted. All are kept; `waiting` says whether the program has yet to take some. */
  input(bytes: Uint8Array): void {
    this.#typed.push(bytes);
    this.#type();
  }

  /** Typed bytes wait for the program: the host should not read more from its user. */
  get waiting(): boolean {
    return this.#typed.length > 0;
  }

  resize(columns: number, rows: number): void {
    this.terminal.resize({ columns, rows, widthPixels: 0, heightPixels: 0 });
  }

  /** The host is gone (its window was closed): programs get SIGHUP and end of file. */
  hangUp(): void {
    this.#pty.close();
  }

  /** Resolves once everything written so far was given to the host and taken by it. */
  async drained(): Promise<void> {
    if (!this.#scheduled && !this.#writing && this.terminal.output.length === 0) return;
    await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  #changed(): void {
    this.#type();
    if (this.#scheduled || this.#writing || this.terminal.output.length === 0) return;
    // Many small writes make one message: the host sees them when the running program's slice ends.
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      void this.#pump();
    });
  }

  async #pump(): Promise<void> {
    if (this.#writing) return;
    this.#writing = true;
    try {
      while (this.terminal.output.length > 0) {
        const bytes = new Uint8Array(this.terminal.output.length);
        this.terminal.output.pull(bytes);
        this.terminal.outputTaken();
        const taken = this.#host.write(bytes);
        if (taken instanceof Promise) await taken;
      }
    } finally {
      this.#writing = false;
      const idle = this.#idle;
      this.#idle = [];
      for (const resolve of idle) resolve();
    }
  }

  #type(): void {
    // Typing echoes, and an echo tells us that something changed: not again from within.
    if (this.#typing) return;
    this.#typing = true;
    while (this.#typed.length > 0) {
      const bytes = this.#typed[0]!;
      const taken = this.terminal.type(bytes);
      if (taken < bytes.length) {
        this.#typed[0] = bytes.subarray(taken);
        break;
      }
      this.#typed.shift();
    }
    this.#typing = false;
  }
}
