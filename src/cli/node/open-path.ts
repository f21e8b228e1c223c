/** Archives and OCI layout folders of the file system, for `load -i`. */
import { createReadStream } from "node:fs";
import { open, stat } from "node:fs/promises";
import { join } from "node:path";
import { WherryError } from "../../base/errors.ts";
import type { OpenedPath } from "../../engine/images/host.ts";

/** Large reads: an archive is read once, from end to end. */
const readBytes = 1 << 20;

export async function openPath(path: string): Promise<OpenedPath> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    throw openError(path, error);
  });
  if (found.isDirectory()) return { kind: "folder", folder: { open: (name) => openFile(join(path, name)) } };
  const opened = await openFile(path);
  if (opened === null) throw new WherryError("not-found", `open ${path}: no such file or directory`);
  return { kind: "file", ...opened };
}

async function openFile(path: string): Promise<{ stream: AsyncIterable<Uint8Array>; sizeBytes: number | null } | null> {
  let handle;
  try {
    handle = await open(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw openError(path, error as NodeJS.ErrnoException);
  }
  const info = await handle.stat();
  const stream = createReadStream(path, { fd: handle, highWaterMark: readBytes });
  return { stream: stream as AsyncIterable<Uint8Array>, sizeBytes: info.isFile() ? info.size : null };
}

function openError(path: string, error: NodeJS.ErrnoException): WherryError {
  const reasons: Record<string, string> = {
    ENOENT: "no such file or directory",
    EACCES: "permission denied",
    EPERM: "operation not permitted",
    ENOTDIR: "not a directory",
  };
  return new WherryError("not-found", `open ${path}: ${reasons[error.code ?? ""] ?? error.message}`, { cause: error });
}
