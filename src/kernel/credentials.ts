/** User and group ids and capabilities of a task (man 7 credentials, man 7 capabilities). Immutable: changes replace it. */
import type { Credentials } from "../vfs/types.ts";

/** What docker gives the root user of a container: see "Runtime privilege and Linux capabilities" in its manual. */
export const dockerCapabilities =
  (1n << 0n) | // CAP_CHOWN
  (1n << 1n) | // CAP_DAC_OVERRIDE
  (1n << 3n) | // CAP_FOWNER
  (1n << 4n) | // CAP_FSETID
  (1n << 5n) | // CAP_KILL
  (1n << 6n) | // CAP_SETGID
  (1n << 7n) | // CAP_SETUID
  (1n << 8n) | // CAP_SETPCAP
  (1n << 10n) | // CAP_NET_BIND_SERVICE
  (1n << 13n) | // CAP_NET_RAW
  (1n << 18n) | // CAP_SYS_CHROOT
  (1n << 27n) | // CAP_MKNOD
  (1n << 29n) | // CAP_AUDIT_WRITE
  (1n << 31n); // CAP_SETFCAP

export const capability = {
  chown: 0,
  dacOverride: 1,
  dacReadSearch: 2,
  fowner: 3,
  fsetid: 4,
  kill: 5,
  setgid: 6,
  setuid: 7,
  setpcap: 8,
  sysChroot: 18,
  sysPtrace: 19,
  sysAdmin: 21,
  sysNice: 23,
  sysResource: 24,
  sysTime: 25,
  sysTtyConfig: 26,
  mknod: 27,
} as const;

export interface CapabilitySets {
  readonly effective: bigint;
  readonly permitted: bigint;
  readonly inheritable: bigint;
  readonly bounding: bigint;
  readonly ambient: bigint;
}

export interface TaskCredentials {
  readonly ruid: number;
  readonly euid: number;
  readonly suid: number;
  readonly fsuid: number;
  readonly rgid: number;
  readonly egid: number;
  readonly sgid: number;
  readonly fsgid: number;
  readonly groups: readonly number[];
  readonly capabilities: CapabilitySets;
  /** PR_SET_KEEPCAPS, and the securebits of prctl(2). */
  readonly keepCapabilities: boolean;
}

/** Credentials of a process started from outside the container: root gets docker's set, others an empty one. */
export function initialCredentials(uid: number, gid: number, groups: readonly number[]): TaskCredentials {
  const held = uid === 0 ? dockerCapabilities : 0n;
  return {
    ruid: uid,
    euid: uid,
    suid: uid,
    fsuid: uid,
    rgid: gid,
    egid: gid,
    sgid: gid,
    fsgid: gid,
    groups,
    capabilities: {
      effective: held,
      permitted: held,
      inheritable: 0n,
      bounding: dockerCapabilities,
      ambient: 0n,
    },
    keepCapabilities: false,
  };
}

export function hasCapability(credentials: TaskCredentials, number: number): boolean {
  return ((credentials.capabilities.effective >> BigInt(number)) & 1n) === 1n;
}

/** What the file systems ask: the ids that file access is checked with. */
export function fileCredentials(credentials: TaskCredentials): Credentials {
  return { uid: credentials.fsuid, gid: credentials.fsgid, groups: credentials.groups };
}
