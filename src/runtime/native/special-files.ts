/**
 * What Node cannot make: device nodes, named pipes, extended attributes. The host's tar can: it is handed a small
 * archive with just these, and unpacks it over the rest.
 *
 * Each member is a POSIX ustar header (pax(1), "ustar Interchange Format"), preceded by a PAX header for long names and
 * for attributes ("SCHILY.xattr.", the record names GNU tar and star use).
 */
import { spawn } from "node:child_process";
import { lstatSync, readFileSync } from "node:fs";
import { concat, encodeName, encodeUtf8 } from "../../base/bytes.ts";
import { WherryError } from "../../base/errors.ts";
import type { LayerEntry } from "../../layer/types.ts";
import { findProgram } from "./host.ts";

export type SpecialFile =
  | { readonly kind: "whiteout" | "opaque"; readonly path: string }
  | { readonly kind: "node" | "xattrs"; readonly path: string; readonly entry: LayerEntry };

interface Member {
  readonly path: string;
  readonly type: "0" | "3" | "4" | "5" | "6";
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtimeSeconds: number;
  readonly major: number;
  readonly minor: number;
  readonly content: Uint8Array;
  readonly xattrs: Readonly<Record<string, Uint8Array>>;
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
  child.stdin.end(archive(members));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("close", resolve);
    child.once("error", reject);
  });
  if (code !== 0) throw new WherryError("internal", `unpacking a layer's special files failed: ${complaint.trim()}`);
}

function memberOf(file: SpecialFile, options: { readonly target: string; readonly rootless: boolean }): Member {
  const plain = { mode: 0, uid: 0, gid: 0, mtimeSeconds: 0, major: 0, minor: 0, content: new Uint8Array(), xattrs: {} };
  const { path } = file;
  switch (file.kind) {
    case "whiteout":
      return { ...plain, path, type: "3" };
    case "opaque": {
      const stat = lstatSync(`${options.target}/${path}`);
      const name = options.rootless ? "user.overlay.opaque" : "trusted.overlay.opaque";
      return {
        ...plain,
        path,
        type: "5",
        mode: stat.mode & 0o7777,
        uid: stat.uid,
        gid: stat.gid,
        mtimeSeconds: Math.floor(stat.mtimeMs / 1000),
        xattrs: { [name]: encodeUtf8("y") },
      };
    }
    case "node": {
      const { entry } = file;
      return {
        ...entryFields(entry),
        type: entry.type === "fifo" ? "6" : entry.type === "block" ? "4" : "3",
        major: entry.deviceMajor ?? 0,
        minor: entry.deviceMinor ?? 0,
        content: new Uint8Array(),
        xattrs: entry.xattrs ?? {},
      };
    }
    case "xattrs": {
      const content = readFileSync(Buffer.from(encodeName(`${options.target}/${path}`)));
      return { ...entryFields(file.entry), type: "0", major: 0, minor: 0, content, xattrs: file.entry.xattrs ?? {} };
    }
  }
}

function entryFields({ path, mode, uid, gid, mtimeSeconds }: LayerEntry) {
  return { path, mode: mode & 0o7777, uid, gid, mtimeSeconds };
}

const blockBytes = 512;

function archive(members: readonly Member[]): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const member of members) {
    const records = [paxRecord("path", encodeName(member.path))];
    for (const [name, value] of Object.entries(member.xattrs)) records.push(paxRecord(`SCHILY.xattr.${name}`, value));
    const pax = concat(records);
    parts.push(header({ ...member, path: "PaxHeaders/0", xattrs: {} }, "x", pax.length), ...padded(pax));
    // The PAX header has the real name.
    parts.push(header({ ...member, path: "member" }, member.type, member.content.length), ...padded(member.content));
  }
  parts.push(new Uint8Array(2 * blockBytes));
  return concat(parts);
}

/** "length name=value\n", where the length counts itself. */
function paxRecord(name: string, value: Uint8Array): Uint8Array {
  const rest = concat([encodeUtf8(` ${name}=`), value, encodeUtf8("\n")]);
  let length = rest.length + 1;
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
  return concat([encodeUtf8(String(length)), rest]);
}

function padded(content: Uint8Array): Uint8Array[] {
  return [content, new Uint8Array((blockBytes - (content.length % blockBytes)) % blockBytes)];
}

function header(member: Member, type: string, sizeBytes: number): Uint8Array {
  const block = new Uint8Array(blockBytes);
  const text = (at: number, value: string): void => block.set(encodeUtf8(value), at);
  const octal = (at: number, digits: number, value: number): void =>
    text(at, value.toString(8).padStart(digits, "0").slice(-digits));
  text(0, member.path);
  octal(100, 7, member.mode);
  octal(108, 7, member.uid);
  octal(116, 7, member.gid);
  octal(124, 11, sizeBytes);
  octal(136, 11, Math.max(0, member.mtimeSeconds));
  text(148, "        ");
  text(156, type);
  text(257, "ustar\u000000");
  octal(329, 7, member.major);
  octal(337, 7, member.minor);
  let sum = 0;
  for (const byte of block) sum += byte;
  octal(148, 6, sum);
  block[154] = 0;
  block[155] = 0x20;
  return block;
}
