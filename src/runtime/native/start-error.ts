/** What an OCI runtime says when it cannot start a process, turned into our errors with docker's exit codes. */
import { readFileSync } from "node:fs";
import { WherryError } from "../../base/errors.ts";

interface Failure {
  readonly process: { readonly arguments: readonly string[]; readonly workingDirectory: string };
  readonly logFile: string;
  readonly mountLog?: string;
}

/** Exit code of the mount script when no overlay could be mounted. */
export const mountFailedCode = 121;

const read = (path: string | undefined): string => {
  try {
    return path === undefined ? "" : readFileSync(path, "utf8");
  } catch {
    return "";
  }
};

/** The last error in a log of JSON lines, as runc and crun write them with --log-format json. */
export function lastError(log: string): string {
  let last = "";
  for (const line of log.split("\n")) {
    if (line === "") continue;
    try {
      const entry = JSON.parse(line) as { level?: string; msg?: string };
      if ((entry.level === "error" || entry.level === undefined) && entry.msg !== undefined) last = entry.msg;
    } catch {
      last = line;
    }
  }
  return last;
}

export function startError(failure: Failure, code: number, words: string): WherryError {
  if (code === mountFailedCode) {
    const reason = read(failure.mountLog).trim().split("\n").join("; ");
    return new WherryError("unsupported", `the container's file system cannot be mounted: ${reason}`, {
      exitCode: 125,
    });
  }
  const message = lastError(read(failure.logFile)) || words.trim() || `the OCI runtime ended with code ${code}`;
  return classify(message, failure.process.arguments[0] ?? "", failure.process.workingDirectory);
}

/** Docker's 127 and 126 by the words runc and crun use; anything else is 125. */
export function classify(message: string, command: string, workingDirectory: string): WherryError {
  const data = { command };
  const lower = message.toLowerCase();
  if (lower.includes("chdir to cwd") || lower.includes("mkdir cwd"))
    return new WherryError("usage", `cannot use the working directory '${workingDirectory}': ${message}`, {
      exitCode: lower.includes("permission denied") ? 126 : 127,
      data,
    });
  const exec = lower.includes("exec") || lower.includes("executable file");
  if (exec && (lower.includes("executable file not found") || lower.includes("executable file `")))
    return new WherryError("command-not-found", `exec: "${command}": executable file not found in $PATH`, { data });
  if (exec && lower.includes("no such file or directory"))
    return new WherryError("command-not-found", `exec: "${command}": no such file or directory`, {
      data,
    });
  if (exec && lower.includes("permission denied"))
    return new WherryError("not-executable", `exec: "${command}": permission denied`, { data });
  if (exec && lower.includes("is a directory"))
    return new WherryError("not-executable", `exec: "${command}": is a directory`, { data });
  if (lower.includes("exec format error"))
    return new WherryError("invalid-executable", `exec ${command}: exec format error`, { data, exitCode: 126 });
  return new WherryError("internal", message, { exitCode: 125, data });
}
