/** Files of the machine the command runs on. */
import { lstatSync, statSync } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { resolve } from "node:path";
import { Readable } from "node:stream";
import { fromReadable } from "../../codec/stream.ts";
import { writeTar } from "../../codec/tar/writer.ts";
import { tarSources, unpackInto } from "../../runtime/native/copy-files.ts";
import type { LocalFiles } from "../command.ts";

export const localFiles: LocalFiles = {
  readText: (path) => readFile(path, "utf8"),
  resolve: (path) => resolve(path.startsWith("~/") ? homedir() + path.slice(1) : path),
  pack(path, name) {
    const place = resolve(path);
    const bytes = writeTar(ownedByRoot(tarSources(place, name, lstatSync(place))));
    return Readable.toWeb(Readable.from(bytes)) as ReadableStream<Uint8Array>;
  },
  async unpack(tar, folder, rename) {
    await mkdir(folder, { recursive: true });
    await unpackInto(resolve(folder), "/", fromReadable(tar), { rename, keepOwner: false });
  },
  async kind(path) {
    const stat = statSync(path, { throwIfNoEntry: false }) ?? lstatSync(path, { throwIfNoEntry: false });
    return stat === undefined ? null : stat.isDirectory() ? "directory" : "file";
  },
};

/** Docker: files copied into a container belong to its root. */
function* ownedByRoot(sources: ReturnType<typeof tarSources>): ReturnType<typeof tarSources> {
  for (const source of sources) yield { ...source, header: { ...source.header, uid: 0, gid: 0 } };
}
