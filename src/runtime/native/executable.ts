/**
 * Looks at the program before the OCI runtime does. What execve(2) itself refuses (a file that is no program, a script
 * whose interpreter is missing) the runtime tells only on the container's own output, with exit code 1; users are told
 * here, with docker's exit codes. When in doubt, the runtime decides.
 */
import { WherryError } from "../../base/errors.ts";
import type { ProcessSpec } from "../types.ts";
import type { UnmountedFiles } from "./unmounted-files.ts";

/** Size of an ELF header, and machines a 64-bit x86 kernel runs (elf(5)). */
const elfHeaderBytes = 64;
const machines = new Set([62, 3]);

export function checkExecutable(files: UnmountedFiles, process: ProcessSpec): void {
  const command = process.arguments[0] ?? "";
  const path = findProgram(files, process, command);
  if (path === null) return;
  const start = files.readStart(path, 256);
  if (start === null) return;
  const script = interpreterOf(start);
  if (script !== null) {
    if (script.startsWith("/") && isMissing(files, script))
      throw new WherryError("command-not-found", `exec: "${command}": no such file or directory`, {
        data: { command },
      });
    return;
  }
  if (!isElf(start))
    throw new WherryError("invalid-executable", `exec: "${command}": exec format error`, {
      exitCode: 126,
      data: { command },
    });
}

function findProgram(files: UnmountedFiles, process: ProcessSpec, command: string): string | null {
  const isProgram = (path: string): boolean => {
    const found = files.find(path);
    return found !== null && found.stat.isFile() && (found.stat.mode & 0o111) !== 0;
  };
  if (command.includes("/")) {
    const path = command.startsWith("/") ? command : `${process.workingDirectory}/${command}`;
    return isProgram(path) ? path : null;
  }
  const search = process.environment.find((variable) => variable.startsWith("PATH="))?.slice("PATH=".length) ?? "";
  for (const folder of search.split(":")) {
    if (!folder.startsWith("/")) continue;
    if (isProgram(`${folder}/${command}`)) return `${folder}/${command}`;
  }
  return null;
}

/** "#!/bin/sh -e" gives "/bin/sh"; null for anything that is no script (execve(2), "Interpreter scripts"). */
function interpreterOf(start: Uint8Array): string | null {
  if (start[0] !== 0x23 || start[1] !== 0x21) return null;
  const line = new TextDecoder().decode(start.subarray(2)).split("\n", 1)[0]!;
  return line.trim().split(/[ \t]/, 1)[0] ?? "";
}

/** Surely missing: its folder is there, and not on a mount. */
function isMissing(files: UnmountedFiles, path: string): boolean {
  const parent = path.slice(0, path.lastIndexOf("/")) || "/";
  return files.find(path) === null && (parent === "/" || files.find(parent)?.stat.isDirectory() === true);
}

function isElf(start: Uint8Array): boolean {
  if (start.length < elfHeaderBytes || new TextDecoder("latin1").decode(start.subarray(0, 4)) !== "\u007fELF")
    return false;
  return machines.has(start[18]! | (start[19]! << 8));
}
