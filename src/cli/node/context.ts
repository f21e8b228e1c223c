/** A command's surroundings on Node: the process's own streams, terminal, signals and files. */
import { spawnSync } from "node:child_process";
import type { Engine } from "../../engine/types.ts";
import type { Context, Output } from "../command.ts";
import { localFiles } from "./local-files.ts";

/** Signals a command passes on to its container; SIGUSR1 is Node's own. */
const proxied = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR2"] as const;

export function nodeContext(openEngine: () => Promise<Engine>): Context {
  let engine: Promise<Engine> | null = null;
  return {
    engine: () => (engine ??= openEngine()),
    stdin: {
      isTerminal: process.stdin.isTTY === true,
      open: openInput,
      setRaw,
    },
    stdout: output(process.stdout),
    stderr: output(process.stderr),
    environment: process.env,
    size: () => ({ columns: process.stdout.columns || 80, rows: process.stdout.rows || 24 }),
    onResize(callback) {
      process.stdout.on("resize", callback);
      return () => void process.stdout.off("resize", callback);
    },
    onSignal(callback) {
      const listeners = proxied.map((name) => [name, () => callback(name)] as const);
      for (const [name, listener] of listeners) process.on(name, listener);
      return () => {
        for (const [name, listener] of listeners) process.off(name, listener);
      };
    },
    files: localFiles,
    nowMs: () => Date.now(),
  };
}

/**
 * Node's raw mode still turns each line feed into carriage return and line feed. The container's terminal has done that
 * already where it is wanted, and a full-screen program uses a bare line feed to go straight down.
 */
function setRaw(raw: boolean): void {
  if (!process.stdin.isTTY) return;
  process.stdin.setRawMode(raw);
  if (raw) spawnSync("stty", ["-opost"], { stdio: ["inherit", "ignore", "ignore"] });
}

function output(stream: NodeJS.WriteStream): Output {
  let failure: Error | null = null;
  stream.on("error", (error) => {
    failure = error;
  });
  return {
    isTerminal: stream.isTTY === true,
    write(data) {
      if (failure !== null) return Promise.reject(failure);
      return new Promise((resolve, reject) => {
        stream.write(data, (error) => (error ? reject(error) : resolve()));
      });
    },
  };
}

function openInput(): ReadableStream<Uint8Array> {
  const { stdin } = process;
  let forget = (): void => {};
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        const onData = (bytes: Buffer): void => {
          controller.enqueue(bytes);
          if ((controller.desiredSize ?? 0) <= 0) stdin.pause();
        };
        const onEnd = (): void => {
          forget();
          controller.close();
        };
        forget = () => {
          stdin.off("data", onData).off("end", onEnd).off("error", onEnd);
          stdin.pause();
        };
        // A closed or unreadable stdin (EIO, EBADF) is at its end.
        stdin.on("data", onData).on("end", onEnd).on("error", onEnd);
      },
      pull: () => void stdin.resume(),
      cancel: () => forget(),
    },
    { highWaterMark: 256 * 1024, size: (bytes) => bytes.byteLength },
  );
}
