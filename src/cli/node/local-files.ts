/** Files of the machine the command runs on. What packs and unpacks them is loaded only for `cp`. */
import { lstatSync, statSync } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { resolve } from "node:path";
import { Readable } from "node:stream";
import type { TarSource } from "../../codec/tar/writer.ts";
import type { LocalFiles } from "../command.ts";

export const localFiles: LocalFiles = {
  readText: (path) => readFile(path, "utf8"),
  resolve: (path) => resolve(path.startsWith("~/") ? homedir() + path.slice(1) : path),
  pack: (path, name) => Readable.toWeb(Readable.from(packed(resolve(path), name))) as ReadableStream<Uint8Array>,
  async unpack(tar, folder, rename) {
    const { fromReadable } = await import("../../codec/stream.ts");
    const { unpackInto } = await import("../../runtime/native/copy-files.ts");
    await mkdir(folder, { recursive: true });
    await unpackInto(resolve(folder), "/", fromReadable(tar), { rename, keepOwner: false });
  },
  async kind(path) {
    const stat = statSync(path, { throwIfNoEntry: false }) ?? lstatSync(path, { throwIfNoEntry: false });
    return stat === undefined ? null : stat.isDirectory() ? "directory" : "file";
  },
};

async function* packed(place: string, name: string): AsyncGenerator<Uint8Array> {
  const { writeTar } = await import("../../codec/tar/writer.ts");
  const { tarSources } = await import("../../runtime/native/copy-files.ts");
  yield* writeTar(ownedByRoot(tarSources(place, name, lstatSync(place))));
}

/** Docker: files copied into a container belong to its root. */
function* ownedByRoot(sources: Iterable<TarSource>): Generator<TarSource> {
  for (const source of sources) yield { ...source, header: { ...source.header, uid: 0, gid: 0 } };
}
