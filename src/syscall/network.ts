/** What the sockets of one container share: names of Unix sockets and ports. */
import { errno } from "../abi/errno.ts";
import { AT_FDCWD } from "../abi/fcntl.ts";
import { AF } from "../abi/socket.ts";
import { S_IFMT, S_IFSOCK } from "../abi/stat.ts";
import { decodeName } from "../base/bytes.ts";
import type { Kernel } from "../kernel/kernel.ts";
import type { Task } from "../kernel/task.ts";
import { InetPorts, decodeInet } from "../net/inet-ports.ts";
import type { PeerCredentials, Socket, SocketFamily } from "../net/socket.ts";
import { UnixNames } from "../net/unix-names.ts";
import { MAY_WRITE, mknod, permission, unlink } from "../vfs/operations.ts";
import { dentryAt } from "./paths.ts";

class Network {
  readonly unix = new UnixNames();
  readonly ports = new InetPorts();
}

const networks = new WeakMap<Kernel, Network>();

function networkOf(task: Task): Network {
  let network = networks.get(task.kernel);
  if (network === undefined) {
    network = new Network();
    networks.set(task.kernel, network);
  }
  return network;
}

export function familyOf(task: Task, number: number): SocketFamily | null {
  const network = networkOf(task);
  switch (number) {
    case AF.UNIX:
      return network.unix;
    case AF.INET:
      return network.ports.v4;
    case AF.INET6:
      return network.ports.v6;
    default:
      return null;
  }
}

export function credentialsOf(task: Task): PeerCredentials {
  return { pid: task.pid, uid: task.credentials.euid, gid: task.credentials.egid };
}

/** The path of a Unix address; null for the empty one and abstract names. */
function unixPath(address: Uint8Array): string | null {
  if (address.length <= 2 || address[2] === 0) return null;
  const nul = address.indexOf(0, 2);
  return decodeName(address.subarray(2, nul < 0 ? address.length : nul));
}

function checkUnix(address: Uint8Array): number {
  if (address.length < 2 || address.length > 110) return -errno.EINVAL;
  return address[0] === AF.UNIX && address[1] === 0 ? 0 : -errno.EINVAL;
}

/** bind(2): a path becomes a file of type socket. */
export function bindSocket(task: Task, socket: Socket, address: Uint8Array): number {
  if (socket.family.number !== AF.UNIX) {
    const port = ((address[2] ?? 0) << 8) | (address[3] ?? 0);
    // CAP_NET_BIND_SERVICE
    if (port > 0 && port < 1024 && !task.hasCapability(10)) return -errno.EACCES;
    return socket.bind(address);
  }
  const failed = checkUnix(address);
  if (failed < 0) return failed;
  const path = unixPath(address);
  if (path === null) return socket.bind(address);
  const made = mknod(task.caller, task.caller.cwd, path, S_IFSOCK | 0o777, 0);
  if (made < 0) return made === -errno.EEXIST ? -errno.EADDRINUSE : made;
  if (socket.address !== null) {
    unlink(task.caller, task.caller.cwd, path);
    return -errno.EINVAL;
  }
  const dentry = dentryAt(task, AT_FDCWD, path, false);
  if (typeof dentry === "number") return dentry;
  // The address as getsockname(2) gives it: the path and one NUL.
  const nul = address.indexOf(0, 2);
  const kept = new Uint8Array((nul < 0 ? address.length : nul) + 1);
  kept.set(address.subarray(0, kept.length - 1));
  networkOf(task).unix.bindPath(socket, kept, dentry.inode);
  return 0;
}

/** Whom `address` names for `socket`: the socket there, or -errno. */
export function findSocket(task: Task, socket: Socket, address: Uint8Array): Socket | number {
  const network = networkOf(task);
  if (socket.family.number !== AF.UNIX) {
    const decoded = decodeInet(address, socket.family.number);
    return typeof decoded === "number" ? decoded : network.ports.find(socket.type, decoded);
  }
  const failed = checkUnix(address);
  if (failed < 0) return failed;
  const path = unixPath(address);
  if (path === null) return address.length === 2 ? -errno.ECONNREFUSED : network.unix.find(address);
  const dentry = dentryAt(task, AT_FDCWD, path, true);
  if (typeof dentry === "number") return dentry;
  const denied = permission(task.fileCredentials, dentry.inode, MAY_WRITE);
  if (denied < 0) return denied;
  if ((dentry.inode.mode & S_IFMT) !== S_IFSOCK) return -errno.ECONNREFUSED;
  return network.unix.findInode(dentry.inode);
}
