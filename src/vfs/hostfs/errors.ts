/** What the host's errors are for the guest. */
import { errno } from "../../abi/errno.ts";
import type { ErrnoName } from "../../abi/errno.ts";

/** The negative error number of an exception of node:fs; other exceptions go on. */
export function errnoOf(error: unknown): number {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === undefined) throw error;
  return code in errno ? -errno[code as ErrnoName] : -errno.EIO;
}

/** Runs `f`; an exception of node:fs becomes -errno. */
export function attempt<T>(f: () => T): T | number {
  try {
    return f();
  } catch (error) {
    return errnoOf(error);
  }
}
