/** getsockopt(2) and setsockopt(2) (man 7 socket, tcp, ip, ipv6). */
import { errno } from "../abi/errno.ts";
import { IPPROTO, SO, SOL_SOCKET, ucredLayout } from "../abi/socket.ts";
import { encodeStruct } from "../abi/struct.ts";
import { limits } from "../base/limits.ts";
import type { Task } from "../kernel/task.ts";
import type { Socket } from "../net/socket.ts";
import { encodeTimeval, readTimeval } from "./time-structures.ts";

/** Options that are a number and change nothing here, or are looked up where they act; with what they are at first. */
const numbers = new Map<string, number>([
  ...[
    SO.REUSEADDR,
    SO.REUSEPORT,
    SO.KEEPALIVE,
    SO.BROADCAST,
    SO.DONTROUTE,
    SO.OOBINLINE,
    SO.PRIORITY,
    SO.PASSCRED,
    SO.TIMESTAMP,
  ].map((name): [string, number] => [`${SOL_SOCKET}:${name}`, 0]),
  [`${SOL_SOCKET}:${SO.RCVLOWAT}`, 1],
  [`${SOL_SOCKET}:${SO.SNDLOWAT}`, 1],
  [`${SOL_SOCKET}:${SO.SNDBUF}`, limits.socketBytesMax],
  [`${SOL_SOCKET}:${SO.RCVBUF}`, limits.socketBytesMax],
  // TCP: NODELAY, CORK, KEEPIDLE, KEEPINTVL, KEEPCNT, SYNCNT, DEFER_ACCEPT, QUICKACK, USER_TIMEOUT, FASTOPEN.
  ...(
    [
      [1, 0],
      [3, 0],
      [4, 7200],
      [5, 75],
      [6, 9],
      [7, 6],
      [9, 0],
      [12, 1],
      [18, 0],
      [23, 0],
    ] as const
  ).map(([name, value]): [string, number] => [`${IPPROTO.TCP}:${name}`, value]),
  // IP: TOS, TTL, MTU_DISCOVER, RECVERR, multicast TTL and loop, BIND_ADDRESS_NO_PORT.
  ...(
    [
      [1, 0],
      [2, 64],
      [10, 1],
      [11, 0],
      [33, 1],
      [34, 1],
      [24, 0],
    ] as const
  ).map(([name, value]): [string, number] => [`${IPPROTO.IP}:${name}`, value]),
  // IPV6: UNICAST_HOPS, V6ONLY, RECVERR, TCLASS.
  ...(
    [
      [16, 64],
      [26, 0],
      [25, 0],
      [67, 0],
    ] as const
  ).map(([name, value]): [string, number] => [`${IPPROTO.IPV6}:${name}`, value]),
]);

export function setOption(
  task: Task,
  socket: Socket,
  level: number,
  name: number,
  address: number,
  length: number,
): number {
  if (length < 0) return -errno.EINVAL;
  if (level === SOL_SOCKET) {
    switch (name) {
      case SO.RCVTIMEO:
      case SO.SNDTIMEO: {
        if (length < 16) return -errno.EINVAL;
        const ns = readTimeval(task, address);
        if (ns < 0n) return -errno.EDOM;
        const timeout = ns === 0n ? null : ns;
        if (name === SO.RCVTIMEO) socket.receiveTimeoutNs = timeout;
        else socket.sendTimeoutNs = timeout;
        return 0;
      }
      case SO.LINGER:
        if (length < 8) return -errno.EINVAL;
        socket.options.set("linger:on", task.user.readI32(address));
        socket.options.set("linger:seconds", task.user.readI32(address + 4));
        return 0;
      case SO.SNDBUFFORCE:
      case SO.RCVBUFFORCE:
        return -errno.EPERM;
      case SO.TYPE:
      case SO.PROTOCOL:
      case SO.DOMAIN:
      case SO.ERROR:
      case SO.ACCEPTCONN:
      case SO.PEERCRED:
        return -errno.ENOPROTOOPT;
    }
  }
  const key = `${level}:${name}`;
  if (!numbers.has(key)) return -errno.ENOPROTOOPT;
  if (length < 4) return -errno.EINVAL;
  let value = task.user.readI32(address);
  // Linux doubles what is asked for, for its own bookkeeping (man 7 socket).
  if (level === SOL_SOCKET && (name === SO.SNDBUF || name === SO.RCVBUF))
    value = Math.max(2048, Math.min(value, limits.socketBytesMax) * 2);
  socket.options.set(key, value);
  return 0;
}

export function getOption(
  task: Task,
  socket: Socket,
  level: number,
  name: number,
  address: number,
  lengthAddress: number,
): number {
  const room = task.user.readI32(lengthAddress);
  if (room < 0) return -errno.EINVAL;
  const answer = (bytes: Uint8Array): number => {
    const part = bytes.subarray(0, room);
    task.user.prepareWrite(lengthAddress, 4);
    task.user.write(address, part);
    task.user.writeI32(lengthAddress, part.length);
    return 0;
  };
  const int = (value: number): number => answer(new Uint8Array(Int32Array.of(value).buffer));
  if (level === SOL_SOCKET) {
    switch (name) {
      case SO.TYPE:
        return int(socket.type);
      case SO.DOMAIN:
        return int(socket.family.number);
      case SO.PROTOCOL:
        return int(socket.protocol);
      case SO.ERROR:
        return int(socket.takeError());
      case SO.ACCEPTCONN:
        return int(socket.isListening ? 1 : 0);
      case SO.PEERCRED: {
        const peer = socket.peerCredentials ?? { pid: 0, uid: -1, gid: -1 };
        return answer(encodeStruct(ucredLayout, { pid: peer.pid, uid: peer.uid, gid: peer.gid }));
      }
      case SO.LINGER:
        return answer(
          new Uint8Array(
            Int32Array.of(socket.options.get("linger:on") ?? 0, socket.options.get("linger:seconds") ?? 0).buffer,
          ),
        );
      case SO.RCVTIMEO:
      case SO.SNDTIMEO:
        return answer(encodeTimeval((name === SO.RCVTIMEO ? socket.receiveTimeoutNs : socket.sendTimeoutNs) ?? 0n));
    }
  }
  const key = `${level}:${name}`;
  const initial = numbers.get(key);
  return initial === undefined ? -errno.ENOPROTOOPT : int(socket.options.get(key) ?? initial);
}
