/**
 * Who a process runs as: "user", "user:group", "uid", "uid:gid" or "" (root) against the texts of the container's
 * /etc/passwd and /etc/group, as docker resolves them. Used by the native runtime and by the emulator.
 *
 * A number that no line knows is taken as it is, with the root group and "/" for a home; a name that no line knows is
 * an error.
 */
import { WherryError } from "../base/errors.ts";

export interface ResolvedUser {
  readonly uid: number;
  readonly gid: number;
  /** Supplementary groups: those whose member list names the user. Only when no group was asked for. */
  readonly groups: readonly number[];
  readonly home: string;
}

interface PasswdLine {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

interface GroupLine {
  readonly name: string;
  readonly gid: number;
  readonly members: readonly string[];
}

function passwdLines(text: string): PasswdLine[] {
  const lines: PasswdLine[] = [];
  for (const line of text.split("\n")) {
    const [name, , uid, gid, , home] = line.split(":");
    if (name === undefined || name === "" || name.startsWith("#") || uid === undefined || !isNumber(uid)) continue;
    lines.push({ name, uid: Number(uid), gid: isNumber(gid ?? "") ? Number(gid) : 0, home: home ?? "" });
  }
  return lines;
}

function groupLines(text: string): GroupLine[] {
  const lines: GroupLine[] = [];
  for (const line of text.split("\n")) {
    const [name, , gid, members] = line.split(":");
    if (name === undefined || name === "" || name.startsWith("#") || gid === undefined || !isNumber(gid)) continue;
    lines.push({ name, gid: Number(gid), members: (members ?? "").split(",").filter((member) => member !== "") });
  }
  return lines;
}

const isNumber = (text: string): boolean => /^\d+$/.test(text.trim());

/** Ids above this are refused by the kernel ((uid_t) -1 means "no change"). */
const idMax = 0x7fffffff;

/** `passwd` and `group` are the files' texts, "" when there is none. */
export function resolveUser(user: string, passwd: string, group: string): ResolvedUser {
  const colon = user.indexOf(":");
  const userPart = (colon < 0 ? user : user.slice(0, colon)) || "0";
  const groupPart = colon < 0 ? "" : user.slice(colon + 1);

  const users = passwdLines(passwd);
  const known =
    users.find((line) => line.name === userPart) ??
    (isNumber(userPart) ? users.find((line) => line.uid === Number(userPart)) : undefined);
  if (known === undefined && !isNumber(userPart))
    throw new WherryError("usage", `unable to find user ${userPart}: no matching entries in passwd file`, {
      exitCode: 125,
    });
  const uid = known?.uid ?? Number(userPart);
  const home = known?.home || "/";

  const groups = groupLines(group);
  let gid = known?.gid ?? 0;
  if (groupPart !== "") {
    const knownGroup = groups.find((line) => line.name === groupPart);
    if (knownGroup === undefined && !isNumber(groupPart))
      throw new WherryError("usage", `unable to find group ${groupPart}: no matching entries in group file`, {
        exitCode: 125,
      });
    gid = knownGroup?.gid ?? Number(groupPart);
  }
  if (uid > idMax || gid > idMax)
    throw new WherryError("usage", `uids and gids must be in range 0-${idMax}`, { exitCode: 125 });
  const supplementary =
    groupPart === "" && known !== undefined
      ? groups.filter((line) => line.members.includes(known.name)).map((line) => line.gid)
      : [];
  return { uid, gid, groups: supplementary, home };
}

/** Adds HOME unless it is set: docker takes it from the user's line in /etc/passwd. */
export function withHome(environment: readonly string[], home: string): readonly string[] {
  return environment.some((variable) => variable.startsWith("HOME=")) ? environment : [...environment, `HOME=${home}`];
}
