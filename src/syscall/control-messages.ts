/** Control messages of sendmsg(2) and recvmsg(2): files and credentials passed along (man 3 cmsg, man 7 unix). */
import { errno } from "../abi/errno.ts";
import { MSG, SCM, SOL_SOCKET, cmsghdrLayout, ucredLayout } from "../abi/socket.ts";
import { encodeStruct, member } from "../abi/struct.ts";
import { limits } from "../base/limits.ts";
import type { Task } from "../kernel/task.ts";
import type { PeerCredentials, Received } from "../net/socket.ts";
import type { OpenFile } from "../vfs/types.ts";

const headerBytes = cmsghdrLayout.size;
const align = (length: number): number => Math.ceil(length / 8) * 8;

export interface ControlToSend {
  readonly rights: readonly OpenFile[];
  readonly credentials: PeerCredentials | null;
}

/** Reads the messages at `address`; the files are not retained yet. */
export function readControl(task: Task, address: number, length: number): ControlToSend | number {
  const rights: OpenFile[] = [];
  let credentials: PeerCredentials | null = null;
  if (length > 65536) return -errno.ENOBUFS;
  const bytes = task.user.read(address, length);
  for (let at = 0; at + headerBytes <= length;) {
    const header = bytes.subarray(at, at + headerBytes);
    const size = member(cmsghdrLayout, header, "cmsg_len");
    if (size < headerBytes || at + size > length) return -errno.EINVAL;
    const data = bytes.subarray(at + headerBytes, at + size);
    if (member(cmsghdrLayout, header, "cmsg_level") === SOL_SOCKET) {
      switch (member(cmsghdrLayout, header, "cmsg_type")) {
        case SCM.RIGHTS: {
          const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
          for (let index = 0; index + 4 <= data.length; index += 4) {
            const file = task.file(view.getInt32(index, true));
            if (file === null) return -errno.EBADF;
            rights.push(file);
          }
          if (rights.length > limits.rightsMax) return -errno.EINVAL;
          break;
        }
        case SCM.CREDENTIALS: {
          if (data.length !== ucredLayout.size) return -errno.EINVAL;
          const said = {
            pid: member(ucredLayout, data, "pid"),
            uid: member(ucredLayout, data, "uid"),
            gid: member(ucredLayout, data, "gid"),
          };
          const { ruid, euid, suid, rgid, egid, sgid } = task.credentials;
          const own =
            said.pid === task.pid && [ruid, euid, suid].includes(said.uid) && [rgid, egid, sgid].includes(said.gid);
          if (!own && euid !== 0) return -errno.EPERM;
          credentials = said;
          break;
        }
        default:
          return -errno.EINVAL;
      }
    }
    at += align(size);
  }
  return { rights, credentials };
}

/**
 * What goes into a receiver's control buffer of `room` bytes: the bytes, and MSG_CTRUNC when something had no room.
 * Files become descriptors of the task, or are dropped.
 */
export function writeControl(
  task: Task,
  received: Received,
  wantsCredentials: boolean,
  room: number,
  closeOnExec: boolean,
): { bytes: Uint8Array; flags: number } {
  const bytes = new Uint8Array(room);
  let used = 0;
  let flags = 0;
  const put = (type: number, data: Uint8Array): void => {
    bytes.set(
      encodeStruct(cmsghdrLayout, {
        cmsg_len: headerBytes + data.length,
        cmsg_level: SOL_SOCKET,
        cmsg_type: type,
      }),
      used,
    );
    bytes.set(data, used + headerBytes);
    used = Math.min(room, used + align(headerBytes + data.length));
  };
  if (wantsCredentials) {
    const who = received.credentials ?? { pid: 0, uid: 65534, gid: 65534 };
    const data = encodeStruct(ucredLayout, { pid: who.pid, uid: who.uid, gid: who.gid });
    if (used + headerBytes + data.length <= room) put(SCM.CREDENTIALS, data);
    else flags |= MSG.CTRUNC;
  }
  const files = received.rights;
  if (files.length > 0) {
    const fits = Math.min(files.length, Math.max(0, Math.floor((room - used - headerBytes) / 4)));
    const fds: number[] = [];
    for (const [index, file] of files.entries()) {
      if (index >= fits) {
        file.release();
        flags |= MSG.CTRUNC;
        continue;
      }
      const fd = task.allocateFd(file, closeOnExec);
      if (fd >= 0) fds.push(fd);
      else flags |= MSG.CTRUNC;
    }
    if (fds.length > 0) put(SCM.RIGHTS, new Uint8Array(Int32Array.from(fds).buffer));
  }
  return { bytes: bytes.subarray(0, used), flags };
}
