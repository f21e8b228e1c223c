/** Runs the built command line in tests: to its end, or on a terminal. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { spawn as spawnPty } from "@lydell/node-pty";

export const program = join(import.meta.dirname, "../../dist/node/wherry.js");

export interface ProgramResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Runner {
  (words: readonly string[], input?: string): Promise<ProgramResult>;
  /** On a terminal of its own. */
  terminal(words: readonly string[]): Terminal;
}

export interface RunnerOptions {
  readonly store: string;
  /** Runs the program as another user. */
  readonly prefix?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

export function makeRunner({ store, prefix = [], environment = {} }: RunnerOptions): Runner {
  const line = (words: readonly string[]): [string, string[]] => {
    const [first, ...rest] = [...prefix, process.execPath, program, ...words];
    return [first!, rest];
  };
  const env = { PATH: process.env["PATH"]!, HOME: "/nonexistent", WHERRY_HOME: store, TERM: "xterm", ...environment };
  const run = (words: readonly string[], input?: string): Promise<ProgramResult> =>
    new Promise((resolve, reject) => {
      const child = spawn(...line(words), { env, stdio: ["pipe", "pipe", "pipe"], cwd: "/" });
      let [stdout, stderr] = ["", ""];
      child.stdout.on("data", (bytes) => (stdout += bytes));
      child.stderr.on("data", (bytes) => (stderr += bytes));
      child.stdin.on("error", () => {});
      child.stdin.end(input ?? "");
      child.on("error", reject);
      child.on("close", (code) => resolve({ code: code ?? -1, stdout, stderr }));
    });
  const terminal = (words: readonly string[]): Terminal => {
    const [file, rest] = line(words);
    return new Terminal(spawnPty(file, rest, { name: "xterm", cols: 80, rows: 24, env, cwd: "/" }));
  };
  return Object.assign(run, { terminal });
}

export class Terminal {
  text = "";
  readonly exited: Promise<number>;
  readonly #pty: ReturnType<typeof spawnPty>;

  constructor(pty: ReturnType<typeof spawnPty>) {
    this.#pty = pty;
    pty.onData((data) => (this.text += data));
    this.exited = new Promise((resolve) => pty.onExit(({ exitCode }) => resolve(exitCode)));
  }

  type(keys: string): void {
    this.#pty.write(keys);
  }

  resize(columns: number, rows: number): void {
    this.#pty.resize(columns, rows);
  }

  /** Waits until the pattern shows up after what was waited for before. */
  async expect(pattern: RegExp, timeoutMs = 60_000): Promise<RegExpExecArray> {
    const end = Date.now() + timeoutMs;
    for (;;) {
      const found = pattern.exec(this.text);
      if (found !== null) {
        this.text = this.text.slice(found.index + found[0].length);
        return found;
      }
      if (Date.now() > end) throw new Error(`${pattern} did not appear in:\n${this.text}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
