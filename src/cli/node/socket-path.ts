/**
 * Where a container's supervising process listens: `run/<first 12 digits of the id>.sock` in the store's folder. The
 * address of a Unix socket holds 107 bytes (man 7 unix); for a longer path the folder is named through an open file
 * descriptor instead.
 */
import { constants, openSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";

const pathBytesMax = 107;
const folders = new Map<string, number>();

export async function socketPath(storePath: string, id: string): Promise<string> {
  const folder = join(storePath, "run");
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const name = `${id.slice(0, 12)}.sock`;
  const path = join(folder, name);
  if (Buffer.byteLength(path) <= pathBytesMax) return path;
  let descriptor = folders.get(folder);
  if (descriptor === undefined) {
    descriptor = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY);
    folders.set(folder, descriptor);
  }
  return `/proc/self/fd/${descriptor}/${name}`;
}
