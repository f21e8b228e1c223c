// Runs a program and shows its output; the few lines that every script here shares.
import { spawn, spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The checkout's root folder. */
export const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");

/** Runs a command to its end in the checkout; returns its exit code (127 when there is no such program). */
export function run(command, args, options = {}) {
  const result = spawnSync(command, args, { cwd: root, stdio: "inherit", ...options });
  if (result.error) return 127;
  return result.status ?? 1;
}

/** How many characters of its output runKeeping() keeps. */
const tailMax = 8192;

/** Runs a command to its end, shows its output, and keeps the last of it. */
export function runKeeping(command, args, environment = {}) {
  let tail = "";
  const colour = process.stdout.isTTY ? { FORCE_COLOR: "1" } : {};
  const env = { ...colour, ...process.env, ...environment };
  const child = spawn(command, args, { cwd: root, stdio: ["inherit", "pipe", "pipe"], env });
  const show = (from, to) => {
    from.setEncoding("utf8");
    from.on("data", (text) => {
      to.write(text);
      tail = (tail + text).slice(-tailMax);
    });
  };
  show(child.stdout, process.stdout);
  show(child.stderr, process.stderr);
  return new Promise((resolve) => {
    child.on("error", (error) => resolve({ code: 127, tail: error.message }));
    const ended = (code, signal) => resolve({ code: code ?? 1, tail: signal === null ? tail : `${tail}\n${signal}` });
    child.on("close", ended);
    // Something left in the background may hold the output open.
    child.on("exit", (code, signal) => setTimeout(ended, 2000, code, signal).unref());
  });
}

/** The same, but ends the script with one clear line when it fails. */
export function must(command, args, options = {}) {
  const code = run(command, args, options);
  if (code !== 0) fail(`${[command, ...args].join(" ")} ended with ${code}`);
}

/** What a command prints, or null when it fails. */
export function capture(command, args, options = {}) {
  const result = spawnSync(command, args, { cwd: root, encoding: "utf8", maxBuffer: 1 << 28, ...options });
  return result.status === 0 ? result.stdout : null;
}

export function has(command) {
  return capture("sh", ["-c", `command -v ${command}`]) !== null;
}

export function fail(message) {
  console.error(message);
  process.exit(1);
}
