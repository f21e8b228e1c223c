/** "#!" lines (man 2 execve, "Interpreter scripts"). */
import { errno } from "../abi/errno.ts";

export interface Script {
  readonly interpreter: Uint8Array;
  /** All that follows the interpreter's path, as one argument. */
  readonly argument: Uint8Array | null;
}

/** How much of a file is looked at: Linux's BINPRM_BUF_SIZE. */
export const scriptLineBytes = 256;
const newline = 0x0a;

function isBlank(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x09;
}

/** What the first bytes of a file say: null when it is no script, -ENOEXEC when its line is no use. */
export function parseScript(head: Uint8Array): Script | number | null {
  if (head[0] !== 0x23 || head[1] !== 0x21) return null;
  let end = head.indexOf(newline);
  const cut = end < 0;
  if (cut) {
    const nul = head.indexOf(0);
    end = nul < 0 ? head.length : nul;
  }
  let start = 2;
  while (start < end && isBlank(head[start])) start++;
  while (end > start && isBlank(head[end - 1])) end--;
  if (start === end) return -errno.ENOEXEC;
  let pathEnd = start;
  while (pathEnd < end && !isBlank(head[pathEnd]) && head[pathEnd] !== 0) pathEnd++;
  // The line may go on past what was read: then the interpreter's path is cut off, and running it would be wrong.
  if (cut && pathEnd === head.length && head.length >= scriptLineBytes) return -errno.ENOEXEC;
  const interpreter = head.slice(start, pathEnd);
  let argumentStart = pathEnd;
  while (argumentStart < end && isBlank(head[argumentStart])) argumentStart++;
  const argument = head.slice(argumentStart, end);
  const nul = argument.indexOf(0);
  const text = nul < 0 ? argument : argument.slice(0, nul);
  return { interpreter, argument: text.length === 0 ? null : text };
}
