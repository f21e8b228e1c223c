/** What execve(2) makes of a task's credentials: set-user-ID and set-group-ID bits, capabilities (man 7 capabilities). */
import { S_ISGID, S_ISUID, S_IXGRP } from "../abi/stat.ts";
import type { OpenFile } from "../vfs/types.ts";
import type { TaskCredentials } from "./credentials.ts";
import type { Task } from "./task.ts";

export interface ExecCredentials {
  readonly after: TaskCredentials;
  /** AT_SECURE: the C library then distrusts the environment. */
  readonly secure: boolean;
}

export function credentialsAfterExec(task: Task, file: OpenFile): ExecCredentials {
  const before = task.credentials;
  const raises = raisesPrivileges(task, file);
  const euid = raises.uid ? file.inode.uid : before.euid;
  const egid = raises.gid ? file.inode.gid : before.egid;
  const { bounding, inheritable } = before.capabilities;
  const ambient = raises.uid || raises.gid ? 0n : before.capabilities.ambient;
  const isRoot = euid === 0 || before.ruid === 0;
  const permitted = isRoot ? inheritable | bounding : ambient;
  return {
    after: {
      ...before,
      euid,
      suid: euid,
      fsuid: euid,
      egid,
      sgid: egid,
      fsgid: egid,
      capabilities: {
        permitted,
        effective: euid === 0 ? permitted : ambient,
        inheritable,
        bounding,
        ambient,
      },
      keepCapabilities: false,
    },
    secure: euid !== before.ruid || egid !== before.rgid,
  };
}

/** Set-user-ID and set-group-ID bits count only where the mount and PR_SET_NO_NEW_PRIVS let them. */
function raisesPrivileges(task: Task, file: OpenFile): { uid: boolean; gid: boolean } {
  const allowed = !task.noNewPrivileges && file.dentry !== null && !file.dentry.mount.noSuid;
  const { mode } = file.inode;
  return {
    uid: allowed && (mode & S_ISUID) !== 0,
    gid: allowed && (mode & (S_ISGID | S_IXGRP)) === (S_ISGID | S_IXGRP),
  };
}
