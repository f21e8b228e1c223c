/** User and group ids, groups and capabilities (man 7 credentials, man 7 capabilities). */
import { errno } from "../abi/errno.ts";
import { capability } from "../kernel/credentials.ts";
import type { TaskCredentials } from "../kernel/credentials.ts";
import type { Task } from "../kernel/task.ts";
import { row } from "./row.ts";

const unchanged = -1;
/** Linux's NGROUPS_MAX. */
const groupsMax = 65536;

/** Capabilities follow the user ids: leaving root drops them, coming back to it regains the effective ones. */
function afterUidChange(before: TaskCredentials, after: TaskCredentials): TaskCredentials {
  const wasRoot = before.ruid === 0 || before.euid === 0 || before.suid === 0;
  const isRoot = after.ruid === 0 || after.euid === 0 || after.suid === 0;
  let { effective, permitted, ambient } = after.capabilities;
  if (wasRoot && !isRoot && !after.keepCapabilities) {
    permitted = effective = ambient = 0n;
  }
  if (before.euid === 0 && after.euid !== 0) effective = 0n;
  if (before.euid !== 0 && after.euid === 0) effective = permitted;
  return { ...after, capabilities: { ...after.capabilities, effective, permitted, ambient } };
}

function changeUid(task: Task, change: Partial<TaskCredentials>): number {
  const before = task.credentials;
  task.credentials = afterUidChange(before, { ...before, ...change });
  if (before.euid !== task.credentials.euid) task.process.dumpable = 0;
  return 0;
}

function changeGid(task: Task, change: Partial<TaskCredentials>): number {
  task.credentials = { ...task.credentials, ...change };
  return 0;
}

function setuid(task: Task, uid: number): number {
  const { ruid, suid } = task.credentials;
  if (uid === unchanged) return -errno.EINVAL;
  if (task.hasCapability(capability.setuid)) return changeUid(task, { ruid: uid, euid: uid, suid: uid, fsuid: uid });
  if (uid !== ruid && uid !== suid) return -errno.EPERM;
  return changeUid(task, { euid: uid, fsuid: uid });
}

function setgid(task: Task, gid: number): number {
  const { rgid, sgid } = task.credentials;
  if (gid === unchanged) return -errno.EINVAL;
  if (task.hasCapability(capability.setgid)) return changeGid(task, { rgid: gid, egid: gid, sgid: gid, fsgid: gid });
  if (gid !== rgid && gid !== sgid) return -errno.EPERM;
  return changeGid(task, { egid: gid, fsgid: gid });
}

function setreuid(task: Task, ruid: number, euid: number): number {
  const old = task.credentials;
  if (!task.hasCapability(capability.setuid)) {
    if (ruid !== unchanged && ruid !== old.ruid && ruid !== old.euid) return -errno.EPERM;
    if (euid !== unchanged && euid !== old.ruid && euid !== old.euid && euid !== old.suid) return -errno.EPERM;
  }
  const newEuid = euid === unchanged ? old.euid : euid;
  const suid = ruid !== unchanged || (euid !== unchanged && euid !== old.ruid) ? newEuid : old.suid;
  return changeUid(task, { ruid: ruid === unchanged ? old.ruid : ruid, euid: newEuid, suid, fsuid: newEuid });
}

function setregid(task: Task, rgid: number, egid: number): number {
  const old = task.credentials;
  if (!task.hasCapability(capability.setgid)) {
    if (rgid !== unchanged && rgid !== old.rgid && rgid !== old.egid) return -errno.EPERM;
    if (egid !== unchanged && egid !== old.rgid && egid !== old.egid && egid !== old.sgid) return -errno.EPERM;
  }
  const newEgid = egid === unchanged ? old.egid : egid;
  const sgid = rgid !== unchanged || (egid !== unchanged && egid !== old.rgid) ? newEgid : old.sgid;
  return changeGid(task, { rgid: rgid === unchanged ? old.rgid : rgid, egid: newEgid, sgid, fsgid: newEgid });
}

function setresuid(task: Task, ruid: number, euid: number, suid: number): number {
  const old = task.credentials;
  const held = [old.ruid, old.euid, old.suid, unchanged];
  if (!task.hasCapability(capability.setuid) && ![ruid, euid, suid].every((id) => held.includes(id))) {
    return -errno.EPERM;
  }
  const newEuid = euid === unchanged ? old.euid : euid;
  return changeUid(task, {
    ruid: ruid === unchanged ? old.ruid : ruid,
    euid: newEuid,
    suid: suid === unchanged ? old.suid : suid,
    fsuid: newEuid,
  });
}

function setresgid(task: Task, rgid: number, egid: number, sgid: number): number {
  const old = task.credentials;
  const held = [old.rgid, old.egid, old.sgid, unchanged];
  if (!task.hasCapability(capability.setgid) && ![rgid, egid, sgid].every((id) => held.includes(id))) {
    return -errno.EPERM;
  }
  const newEgid = egid === unchanged ? old.egid : egid;
  return changeGid(task, {
    rgid: rgid === unchanged ? old.rgid : rgid,
    egid: newEgid,
    sgid: sgid === unchanged ? old.sgid : sgid,
    fsgid: newEgid,
  });
}

function writeIds(task: Task, addresses: readonly number[], ids: readonly number[]): number {
  for (const address of addresses) task.user.prepareWrite(address, 4);
  for (const [index, address] of addresses.entries()) task.user.writeU32(address, ids[index]!);
  return 0;
}

function getresuid(task: Task, real: number, effective: number, saved: number): number {
  const { ruid, euid, suid } = task.credentials;
  return writeIds(task, [real, effective, saved], [ruid, euid, suid]);
}

function getresgid(task: Task, real: number, effective: number, saved: number): number {
  const { rgid, egid, sgid } = task.credentials;
  return writeIds(task, [real, effective, saved], [rgid, egid, sgid]);
}

/** Returns the old id, whether or not the change was allowed. */
function setfsuid(task: Task, uid: number): number {
  const old = task.credentials;
  const held = [old.ruid, old.euid, old.suid, old.fsuid].includes(uid);
  if (uid !== unchanged && (held || task.hasCapability(capability.setuid))) task.credentials = { ...old, fsuid: uid };
  return old.fsuid;
}

function setfsgid(task: Task, gid: number): number {
  const old = task.credentials;
  const held = [old.rgid, old.egid, old.sgid, old.fsgid].includes(gid);
  if (gid !== unchanged && (held || task.hasCapability(capability.setgid))) task.credentials = { ...old, fsgid: gid };
  return old.fsgid;
}

function getgroups(task: Task, size: number, address: number): number {
  const { groups } = task.credentials;
  if (size < 0) return -errno.EINVAL;
  if (size === 0) return groups.length;
  if (size < groups.length) return -errno.EINVAL;
  task.user.prepareWrite(address, groups.length * 4);
  for (const [index, gid] of groups.entries()) task.user.writeU32(address + index * 4, gid);
  return groups.length;
}

function setgroups(task: Task, size: number, address: number): number {
  if (!task.hasCapability(capability.setgid)) return -errno.EPERM;
  if (size < 0 || size > groupsMax) return -errno.EINVAL;
  const groups: number[] = [];
  for (let index = 0; index < size; index++) groups.push(task.user.readU32(address + index * 4));
  task.credentials = { ...task.credentials, groups };
  return 0;
}

// ---- capabilities --------------------------------------------------------------------------------------------------

const capabilityVersion1 = 0x19980330;
const capabilityVersion2 = 0x20071026;
const capabilityVersion3 = 0x20080522;

/** Words of 32 capabilities in each set, by the header's version; 0 for an unknown one. */
function capabilityWords(task: Task, header: number): number {
  const version = task.user.readU32(header);
  if (version === capabilityVersion1) return 1;
  if (version === capabilityVersion2 || version === capabilityVersion3) return 2;
  task.user.writeU32(header, capabilityVersion3);
  return 0;
}

function capget(task: Task, header: number, data: number): number {
  const words = capabilityWords(task, header);
  if (words === 0) return data === 0 ? 0 : -errno.EINVAL;
  const pid = task.user.readI32(header + 4);
  if (pid < 0) return -errno.EINVAL;
  const of = pid === 0 ? task : task.kernel.task(pid);
  if (of === null) return -errno.ESRCH;
  if (data === 0) return 0;
  const { effective, permitted, inheritable } = of.credentials.capabilities;
  task.user.prepareWrite(data, words * 12);
  for (let word = 0; word < words; word++) {
    for (const [index, set] of [effective, permitted, inheritable].entries()) {
      task.user.writeU32(data + word * 12 + index * 4, Number((set >> BigInt(32 * word)) & 0xffff_ffffn));
    }
  }
  return 0;
}

function capset(task: Task, header: number, data: number): number {
  const words = capabilityWords(task, header);
  if (words === 0) return -errno.EINVAL;
  const pid = task.user.readI32(header + 4);
  if (pid !== 0 && pid !== task.tid) return -errno.EPERM;
  const sets = [0n, 0n, 0n];
  for (let word = 0; word < words; word++) {
    for (let index = 0; index < 3; index++) {
      sets[index]! |= BigInt(task.user.readU32(data + word * 12 + index * 4)) << BigInt(32 * word);
    }
  }
  const [effective, permitted, inheritable] = sets as [bigint, bigint, bigint];
  const old = task.credentials.capabilities;
  const within = (set: bigint, of: bigint) => (set & ~of) === 0n;
  const mayAdd = old.bounding | old.inheritable;
  if (!within(permitted, old.permitted) || !within(effective, permitted)) return -errno.EPERM;
  if (!within(inheritable, old.inheritable | old.permitted) && !task.hasCapability(capability.setpcap)) {
    return -errno.EPERM;
  }
  if (!within(inheritable, mayAdd)) return -errno.EPERM;
  task.credentials = {
    ...task.credentials,
    capabilities: { ...old, effective, permitted, inheritable, ambient: old.ambient & permitted & inheritable },
  };
  return 0;
}

export const identityRows = [
  row("getuid", (task: Task) => task.credentials.ruid, []),
  row("geteuid", (task: Task) => task.credentials.euid, []),
  row("getgid", (task: Task) => task.credentials.rgid, []),
  row("getegid", (task: Task) => task.credentials.egid, []),
  row("setuid", setuid, ["int"]),
  row("setgid", setgid, ["int"]),
  row("setreuid", setreuid, ["int", "int"]),
  row("setregid", setregid, ["int", "int"]),
  row("setresuid", setresuid, ["int", "int", "int"]),
  row("setresgid", setresgid, ["int", "int", "int"]),
  row("getresuid", getresuid, ["buffer", "buffer", "buffer"]),
  row("getresgid", getresgid, ["buffer", "buffer", "buffer"]),
  row("setfsuid", setfsuid, ["int"]),
  row("setfsgid", setfsgid, ["int"]),
  row("getgroups", getgroups, ["int", "buffer"]),
  row("setgroups", setgroups, ["int", "buffer"]),
  row("capget", capget, ["buffer", "buffer"]),
  row("capset", capset, ["buffer", "buffer"]),
];
