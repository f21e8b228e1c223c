/**
 * Runs a command on a new pseudo-terminal of the host. The OCI runtime, in the foreground on it, makes the container's
 * own terminal (`terminal: true`) and copies between the two; a new size of ours reaches it as SIGWINCH.
 *
 * Two ways: @lydell/node-pty where it is installed, else script(1) of util-linux, with stty(1) for the size. The
 * runtime's console socket is no way here, because Node cannot receive a file descriptor over a socket.
 */
import { execFile, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { WherryError } from "../../base/errors.ts";
import { findProgram } from "./host.ts";

export interface TerminalProcess {
  onData(callback: (bytes: Uint8Array) => void): void;
  onExit(callback: (code: number) => void): void;
  write(bytes: Uint8Array): void;
  pause(): void;
  resume(): void;
  resize(columns: number, rows: number): void;
  kill(): void;
}

export interface TerminalOptions {
  readonly command: readonly string[];
  readonly folder: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly columns: number;
  readonly rows: number;
  /** A file the command may use for itself. */
  readonly scratch: string;
}

export async function openTerminal(options: TerminalOptions): Promise<TerminalProcess> {
  // Tests choose the second way with this variable.
  if (process.env["WHERRY_PTY"] !== "script") {
    const nodePty = await import("@lydell/node-pty").catch(() => null);
    if (nodePty !== null) return withNodePty(nodePty, options);
  }
  return withScript(options);
}

function withNodePty(nodePty: typeof import("@lydell/node-pty"), options: TerminalOptions): TerminalProcess {
  const pty = nodePty.spawn(options.command[0]!, options.command.slice(1), {
    name: "xterm",
    cols: options.columns,
    rows: options.rows,
    cwd: options.folder,
    env: { ...options.environment },
    encoding: null,
  });
  return {
    // With `encoding: null` the data are buffers, whatever the types say.
    onData: (callback) => void pty.onData((data) => callback(data as unknown as Uint8Array)),
    onExit: (callback) => void pty.onExit(({ exitCode, signal }) => callback(signal ? 128 + signal : exitCode)),
    write: (bytes) => pty.write(Buffer.from(bytes) as unknown as string),
    pause: () => pty.pause(),
    resume: () => pty.resume(),
    resize: (columns, rows) => {
      try {
        pty.resize(Math.max(1, columns), Math.max(1, rows));
      } catch {
        // The terminal is gone already.
      }
    },
    kill: () => pty.kill("SIGKILL"),
  };
}

const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

function withScript(options: TerminalOptions): TerminalProcess {
  const script = findProgram("script");
  const stty = findProgram("stty");
  if (script === null || stty === null)
    throw new WherryError(
      "unsupported",
      "a terminal needs the optional package @lydell/node-pty, or the programs script (util-linux) and stty (coreutils)",
    );
  // The command leaves its terminal's name, so that stty can reach it. Raw at once: nothing typed early is echoed.
  const size = `stty raw -echo cols ${options.columns} rows ${options.rows}`;
  const line = `tty > ${quote(options.scratch)}; ${size}; exec ${options.command.map(quote).join(" ")}`;
  const child = spawn(script, ["--quiet", "--return", "--command", line, "/dev/null"], {
    cwd: options.folder,
    env: { ...options.environment, SHELL: "/bin/sh" },
    stdio: ["pipe", "pipe", "ignore"],
    detached: true,
  });
  child.stdin.on("error", () => {});
  return {
    onData: (callback) => void child.stdout.on("data", callback),
    onExit: (callback) => {
      child.on("close", (code, signal) => callback(code ?? (signal === null ? 255 : 137)));
      child.on("error", () => callback(255));
    },
    write: (bytes) => void child.stdin.write(bytes),
    pause: () => void child.stdout.pause(),
    resume: () => void child.stdout.resume(),
    resize: (columns, rows) => {
      let terminal = "";
      try {
        terminal = readFileSync(options.scratch, "utf8").trim();
      } catch {
        return;
      }
      execFile(stty, ["-F", terminal, "cols", String(columns), "rows", String(rows)], () => {});
    },
    kill: () => void child.kill("SIGKILL"),
  };
}
