/**
 * Named pipes for a process's streams. Node's own "pipe" is a socket pair, which a program cannot open again through
 * /dev/stdout or /proc/self/fd/1 (ENXIO): scripts that write to /dev/stderr would fail.
 */
import { execFile } from "node:child_process";
import { closeSync, constants, openSync, unlinkSync } from "node:fs";
import { Socket } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

const { O_NONBLOCK, O_RDONLY, O_RDWR, O_WRONLY } = constants;

export interface ProcessPipes {
  /** For the child's redirections; null: no input. */
  readonly paths: { readonly stdin: string | null; readonly stdout: string; readonly stderr: string };
  readonly stdin: Socket | null;
  readonly stdout: Socket;
  readonly stderr: Socket;
  /** The child has them open: the names go, and input that nobody reads any more is an error (EPIPE). */
  opened(): void;
  /** The child is gone: what it wrote is still delivered, then the streams end. */
  ended(): void;
  destroy(): void;
}

export async function makePipes(folder: string, name: string, withInput: boolean): Promise<ProcessPipes> {
  const path = (kind: string): string => join(folder, `${name}.${kind}`);
  const kinds = withInput ? ["in", "out", "err"] : ["out", "err"];
  const names = kinds.map(path);
  for (const old of names) unlinkQuietly(old);
  await run("mkfifo", ["-m", "600", ...names]);

  // A pipe that has had no writer yet reads as ended, so one is held until the child is gone.
  const reader = (kind: string): { socket: Socket; writer: number } => {
    const descriptor = openSync(path(kind), O_RDONLY | O_NONBLOCK);
    const writer = openSync(path(kind), O_WRONLY | O_NONBLOCK);
    return { socket: new Socket({ fd: descriptor, readable: true, writable: false }), writer };
  };
  const output = reader("out");
  const errors = reader("err");
  let input: { socket: Socket; reader: number } | null = null;
  if (withInput) {
    const both = openSync(path("in"), O_RDWR | O_NONBLOCK);
    const descriptor = openSync(path("in"), O_WRONLY | O_NONBLOCK);
    input = { socket: new Socket({ fd: descriptor, readable: false, writable: true }), reader: both };
    input.socket.on("error", () => {});
  }
  const held = new Set<number>([output.writer, errors.writer, ...(input === null ? [] : [input.reader])]);
  const release = (descriptor: number): void => {
    if (held.delete(descriptor)) closeSync(descriptor);
  };
  const unlinkAll = (): void => names.forEach(unlinkQuietly);
  const ended = (): void => {
    unlinkAll();
    for (const descriptor of held) release(descriptor);
    input?.socket.destroy();
  };
  return {
    paths: { stdin: withInput ? path("in") : null, stdout: path("out"), stderr: path("err") },
    stdin: input?.socket ?? null,
    stdout: output.socket,
    stderr: errors.socket,
    opened() {
      if (input !== null) release(input.reader);
      unlinkAll();
    },
    ended,
    destroy() {
      ended();
      output.socket.destroy();
      errors.socket.destroy();
    },
  };
}

function unlinkQuietly(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // It was not there.
  }
}
