/** What this host allows: user, subordinate ids, control groups, capabilities. Read from files; nothing is started. */
import { existsSync, readFileSync } from "node:fs";
import { userInfo } from "node:os";
import { delimiter, join } from "node:path";
import { accessSync, constants } from "node:fs";
import type { HostAbilities } from "./config.ts";

export interface IdRange {
  readonly start: number;
  readonly count: number;
}

export interface Host extends HostAbilities {
  readonly uid: number;
  readonly gid: number;
  readonly subordinateUids: IdRange | null;
  readonly subordinateGids: IdRange | null;
}

export function findProgram(name: string): string | null {
  const folders = (process.env["PATH"] ?? "").split(delimiter).filter((folder) => folder !== "");
  // Users' paths often lack the folders of system programs.
  for (const folder of [...folders, "/usr/local/sbin", "/usr/sbin", "/sbin"]) {
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not in this folder.
    }
  }
  return null;
}

const read = (path: string): string => {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
};

/** The first range of `user` in /etc/subuid or /etc/subgid (man 5 subuid): by name or by number. */
export function subordinateRange(text: string, name: string, uid: number): IdRange | null {
  for (const line of text.split("\n")) {
    const [user, start, count] = line.trim().split(":");
    if ((user === name || user === String(uid)) && Number(count) > 0)
      return { start: Number(start), count: Number(count) };
  }
  return null;
}

export function inspectHost(): Host {
  const uid = process.getuid?.() ?? 0;
  const gid = process.getgid?.() ?? 0;
  const rootless = uid !== 0;
  let name = "";
  try {
    name = userInfo().username;
  } catch {
    // A user without a line in /etc/passwd.
  }
  const mapper = rootless && findProgram("newuidmap") !== null && findProgram("newgidmap") !== null;
  const uids = mapper ? subordinateRange(read("/etc/subuid"), name, uid) : null;
  const gids = mapper ? subordinateRange(read("/etc/subgid"), name, uid) : null;
  const both = uids !== null && gids !== null;
  const bounding = /^CapBnd:\s*([0-9a-f]+)/m.exec(read("/proc/self/status"))?.[1] ?? "0";
  return {
    uid,
    gid,
    rootless,
    subordinateUids: both ? uids : null,
    subordinateGids: both ? gids : null,
    subordinateIds: both ? Math.min(uids.count, gids.count) : 0,
    cgroups: existsSync("/sys/fs/cgroup/cgroup.controllers") ? "v2" : "v1",
    // A new user namespace starts with every capability the bounding set leaves.
    capabilities: BigInt(`0x${bounding}`),
  };
}
