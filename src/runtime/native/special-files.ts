/**
 * What Node cannot make: device nodes, named pipes, extended attributes. The host's tar can: it is handed a small
 * archive with just these, and unpacks it over the rest.
 */
import { spawn } from "node:child_process";
import { lstatSync, readFileSync } from "node:fs";
import { encodeName, encodeUtf8 } from "../../base/bytes.ts";
import { WherryError } from "../../base/errors.ts";
import { paddingOf } from "../../codec/tar/entry.ts";
import { encodeTarHeader, tarEnd } from "../../codec/tar/writer.ts";
import type { TarMemberHeader } from "../../codec/tar/writer.ts";
import type { LayerEntry } from "../../oci/layer-index.ts";
import { findProgram } from "./host.ts";

export type SpecialFile =
  | { readonly kind: "whiteout" | "opaque"; readonly path: string }
  | { readonly kind: "node" | "xattrs"; readonly path: string; readonly entry: LayerEntry };

interface Member {
  readonly header: TarMemberHeader;
  readonly content: Uint8Array;
}

export async function unpackSpecialFiles(
  files: readonly SpecialFile[],
  options: { readonly target: string; readonly rootless: boolean },
): Promise<void> {
  if (files.length === 0) return;
  const members = files.map((file) => memberOf(file, options));
  const tar = findProgram("tar");
  if (tar === null) throw new WherryError("unsupported", "unpacking this image's layers needs the program tar");
  const child = spawn(
    tar,
    ["-x", "-p", "-f", "-", "--numeric-owner", "--xattrs", "--xattrs-include=*", "-C", options.target],
    { stdio: ["pipe", "ignore", "pipe"] },
  );
  let complaint = "";
  child.stderr.on("data", (bytes: Buffer) => (complaint += bytes.toString()));
  child.stdin.on("error", () => {});
  for (const { header, content } of members) {
    child.stdin.write(encodeTarHeader(header));
    child.stdin.write(content);
    child.stdin.write(new Uint8Array(paddingOf(content.length)));
  }
  child.stdin.end(tarEnd());
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("close", resolve);
    child.once("error", reject);
  });
  if (code !== 0) throw new WherryError("internal", `unpacking a layer's special files failed: ${complaint.trim()}`);
}

const none = new Uint8Array();

function memberOf(file: SpecialFile, options: { readonly target: string; readonly rootless: boolean }): Member {
  const { path } = file;
  switch (file.kind) {
    case "whiteout": {
      const header = { name: path, mode: 0, uid: 0, gid: 0, size: 0, mtimeSeconds: 0, deviceMajor: 0, deviceMinor: 0 };
      return { header: { ...header, type: "character" }, content: none };
    }
    case "opaque": {
      const stat = lstatSync(Buffer.from(encodeName(`${options.target}/${path}`)));
      const mark = options.rootless ? "user.overlay.opaque" : "trusted.overlay.opaque";
      return {
        header: {
          name: path === "" ? "." : path,
          type: "directory",
          mode: stat.mode & 0o7777,
          uid: stat.uid,
          gid: stat.gid,
          size: 0,
          mtimeSeconds: Math.floor(stat.mtimeMs / 1000),
          xattrs: { [mark]: encodeUtf8("y") },
        },
        content: none,
      };
    }
    case "node":
      return { header: headerOf(file.entry, path, file.entry.type as TarMemberHeader["type"], 0), content: none };
    case "xattrs": {
      const content = readFileSync(Buffer.from(encodeName(`${options.target}/${path}`)));
      return { header: headerOf(file.entry, path, "file", content.length), content };
    }
  }
}

function headerOf(entry: LayerEntry, name: string, type: TarMemberHeader["type"], size: number): TarMemberHeader {
  const { mode, uid, gid, mtimeSeconds, mtimeNanoseconds, deviceMajor, deviceMinor, xattrs } = entry;
  return {
    name,
    type,
    mode,
    uid,
    gid,
    size,
    mtimeSeconds,
    mtimeNanoseconds,
    ...(deviceMajor === undefined || deviceMinor === undefined ? {} : { deviceMajor, deviceMinor }),
    ...(xattrs === undefined ? {} : { xattrs }),
  };
}
