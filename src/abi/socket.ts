/** sys/socket.h, sys/un.h, netinet/in.h and their kin. */
import { struct } from "./struct.ts";

export const AF = { UNSPEC: 0, UNIX: 1, INET: 2, INET6: 10, NETLINK: 16, PACKET: 17 } as const;
export const SOCK = {
  STREAM: 1,
  DGRAM: 2,
  RAW: 3,
  SEQPACKET: 5,
  TYPE_MASK: 0xf,
  NONBLOCK: 0o4000,
  CLOEXEC: 0o2000000,
} as const;
export const IPPROTO = { IP: 0, ICMP: 1, TCP: 6, UDP: 17, IPV6: 41 } as const;
export const SHUT = { RD: 0, WR: 1, RDWR: 2 } as const;

export const MSG = {
  OOB: 1,
  PEEK: 2,
  DONTROUTE: 4,
  CTRUNC: 8,
  TRUNC: 0x20,
  DONTWAIT: 0x40,
  EOR: 0x80,
  WAITALL: 0x100,
  ERRQUEUE: 0x2000,
  NOSIGNAL: 0x4000,
  MORE: 0x8000,
  WAITFORONE: 0x10000,
  CMSG_CLOEXEC: 0x4000_0000,
} as const;

export const SOL_SOCKET = 1;
export const SO = {
  REUSEADDR: 2,
  TYPE: 3,
  ERROR: 4,
  DONTROUTE: 5,
  BROADCAST: 6,
  SNDBUF: 7,
  RCVBUF: 8,
  KEEPALIVE: 9,
  OOBINLINE: 10,
  PRIORITY: 12,
  LINGER: 13,
  REUSEPORT: 15,
  PASSCRED: 16,
  PEERCRED: 17,
  RCVLOWAT: 18,
  SNDLOWAT: 19,
  RCVTIMEO: 20,
  SNDTIMEO: 21,
  TIMESTAMP: 29,
  ACCEPTCONN: 30,
  SNDBUFFORCE: 32,
  RCVBUFFORCE: 33,
  PROTOCOL: 38,
  DOMAIN: 39,
} as const;

/** Types of control messages of SOL_SOCKET. */
export const SCM = { RIGHTS: 1, CREDENTIALS: 2 } as const;

export const msghdrLayout = struct({
  name: "struct msghdr",
  headers: ["sys/socket.h"],
  size: 56,
  members: {
    msg_name: [0, "u64"],
    msg_namelen: [8, "u32"],
    msg_iov: [16, "u64"],
    msg_iovlen: [24, "u64"],
    msg_control: [32, "u64"],
    msg_controllen: [40, "u64"],
    msg_flags: [48, "s32"],
  },
});

export const mmsghdrLayout = struct({
  name: "struct mmsghdr",
  headers: ["sys/socket.h"],
  size: 64,
  members: { msg_len: [56, "u32"] },
});

export const cmsghdrLayout = struct({
  name: "struct cmsghdr",
  headers: ["sys/socket.h"],
  size: 16,
  members: { cmsg_len: [0, "u64"], cmsg_level: [8, "s32"], cmsg_type: [12, "s32"] },
});

export const ucredLayout = struct({
  name: "struct ucred",
  headers: ["sys/socket.h"],
  size: 12,
  members: { pid: [0, "s32"], uid: [4, "u32"], gid: [8, "u32"] },
});

export const sockaddrUnLayout = struct({
  name: "struct sockaddr_un",
  headers: ["sys/un.h"],
  size: 110,
  members: { sun_family: [0, "u16"], sun_path: [2, "bytes"] },
});

export const sockaddrInLayout = struct({
  name: "struct sockaddr_in",
  headers: ["netinet/in.h"],
  size: 16,
  members: { sin_family: [0, "u16"], sin_port: [2, "u16"], sin_addr: [4, "u32"] },
});

export const sockaddrIn6Layout = struct({
  name: "struct sockaddr_in6",
  headers: ["netinet/in.h"],
  size: 28,
  members: {
    sin6_family: [0, "u16"],
    sin6_port: [2, "u16"],
    sin6_flowinfo: [4, "u32"],
    sin6_addr: [8, "bytes"],
    sin6_scope_id: [24, "u32"],
  },
});

/** struct sockaddr_storage: the longest address. */
export const addressBytesMax = 128;
