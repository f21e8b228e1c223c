/** Sockets: man 2 socket, bind, listen, accept, connect, send, recv and their like. */
import { errno } from "../abi/errno.ts";
import { O_CLOEXEC, O_NONBLOCK } from "../abi/fcntl.ts";
import { AF, IPPROTO, MSG, SOCK, addressBytesMax, mmsghdrLayout, msghdrLayout } from "../abi/socket.ts";
import { member } from "../abi/struct.ts";
import { limits } from "../base/limits.ts";
import type { Maybe } from "../base/maybe.ts";
import { isPromise, mapMaybe } from "../base/maybe.ts";
import { blockUntil } from "../kernel/blocking.ts";
import { restart } from "../kernel/faults.ts";
import type { Task } from "../kernel/task.ts";
import { Socket } from "../net/socket.ts";
import type { Received } from "../net/socket.ts";
import type { OpenFile } from "../vfs/types.ts";
import { readControl, writeControl } from "./control-messages.ts";
import { bindSocket, credentialsOf, familyOf, findSocket } from "./network.ts";
import { partial, row } from "./row.ts";
import { Segments } from "./segments.ts";
import { getOption, setOption } from "./socket-options.ts";
import { raiseBrokenPipe, writeFile } from "./transfer.ts";
import type { SyscallRow } from "./types.ts";
import { deadlineAfter, timeoutAt } from "./wait-times.ts";

/** The socket at `fd`, or -errno. */
function socketAt(task: Task, fd: number): Socket | number {
  const file = task.file(fd);
  if (file === null) return -errno.EBADF;
  return file instanceof Socket ? file : -errno.ENOTSOCK;
}

function onSocket(task: Task, fd: number, use: (socket: Socket) => Maybe<number>): Maybe<number> {
  const socket = socketAt(task, fd);
  return typeof socket === "number" ? socket : use(socket);
}

// ---- making --------------------------------------------------------------------------------------------------------

interface Kind {
  readonly type: number;
  readonly protocol: number;
  readonly flags: number;
  readonly closeOnExec: boolean;
}

/** What socket(2)'s arguments ask for, or -errno. */
function kindOf(family: number, typeAndFlags: number, protocol: number): Kind | number {
  const type = typeAndFlags & SOCK.TYPE_MASK;
  if ((typeAndFlags & ~(SOCK.TYPE_MASK | SOCK.NONBLOCK | SOCK.CLOEXEC)) !== 0) return -errno.EINVAL;
  const flags = typeAndFlags & O_NONBLOCK;
  const closeOnExec = (typeAndFlags & O_CLOEXEC) !== 0;
  if (family === AF.UNIX) {
    if (protocol !== 0 && protocol !== AF.UNIX) return -errno.EPROTONOSUPPORT;
    // Linux makes a datagram socket of a raw one.
    const kept = type === SOCK.RAW ? SOCK.DGRAM : type;
    if (kept !== SOCK.STREAM && kept !== SOCK.DGRAM && kept !== SOCK.SEQPACKET) return -errno.ESOCKTNOSUPPORT;
    return { type: kept, protocol: 0, flags, closeOnExec };
  }
  if (family === AF.INET || family === AF.INET6) {
    if (type === SOCK.STREAM && (protocol === 0 || protocol === IPPROTO.TCP))
      return { type, protocol: IPPROTO.TCP, flags, closeOnExec };
    if (type === SOCK.DGRAM && (protocol === 0 || protocol === IPPROTO.UDP))
      return { type, protocol: IPPROTO.UDP, flags, closeOnExec };
    if (type === SOCK.RAW) return -errno.EPERM;
    return type === SOCK.STREAM || type === SOCK.DGRAM ? -errno.EPROTONOSUPPORT : -errno.ESOCKTNOSUPPORT;
  }
  return -errno.EAFNOSUPPORT;
}

function socket(task: Task, domain: number, type: number, protocol: number): number {
  const kind = kindOf(domain, type, protocol);
  if (typeof kind === "number") return kind;
  const made = new Socket(familyOf(task, domain)!, kind.type, kind.protocol, kind.flags, credentialsOf(task));
  return task.allocateFd(made, kind.closeOnExec);
}

function socketpair(task: Task, domain: number, type: number, protocol: number, address: number): number {
  const kind = kindOf(domain, type, protocol);
  if (typeof kind === "number") return kind;
  if (domain !== AF.UNIX) return -errno.EOPNOTSUPP;
  task.user.prepareWrite(address, 8);
  const pair = Socket.pair(familyOf(task, domain)!, kind.type, kind.protocol, kind.flags, credentialsOf(task));
  const first = task.allocateFd(pair[0], kind.closeOnExec);
  if (first < 0) {
    pair[1].release();
    return first;
  }
  const second = task.allocateFd(pair[1], kind.closeOnExec);
  if (second < 0) {
    task.files.close(first);
    return second;
  }
  task.user.writeI32(address, first);
  task.user.writeI32(address + 4, second);
  return 0;
}

// ---- addresses -----------------------------------------------------------------------------------------------------

function readAddress(task: Task, address: number, length: number): Uint8Array | number {
  if (length < 0 || length > addressBytesMax) return -errno.EINVAL;
  return task.user.read(address, length);
}

/** As much as there is room for; the length says how much there was. */
function writeAddress(task: Task, value: Uint8Array | null, address: number, lengthAddress: number): void {
  if (address === 0 || lengthAddress === 0) return;
  const room = task.user.readI32(lengthAddress);
  if (value !== null) task.user.write(address, value.subarray(0, Math.max(0, room)));
  task.user.writeI32(lengthAddress, value?.length ?? 0);
}

/** Checks what `writeAddress` will do, before anything has an effect: 0 or -EINVAL. */
function prepareAddress(task: Task, address: number, lengthAddress: number): number {
  if (address === 0 || lengthAddress === 0) return 0;
  const room = task.user.readI32(lengthAddress);
  if (room < 0) return -errno.EINVAL;
  task.user.prepareWrite(lengthAddress, 4);
  task.user.prepareWrite(address, Math.min(room, addressBytesMax));
  return 0;
}

const bind = (task: Task, fd: number, address: number, length: number): Maybe<number> =>
  onSocket(task, fd, (found) => {
    const bytes = readAddress(task, address, length);
    return typeof bytes === "number" ? bytes : bindSocket(task, found, bytes);
  });

const listen = (task: Task, fd: number, backlog: number): Maybe<number> =>
  onSocket(task, fd, (found) => found.listen(backlog));

const getsockname = (task: Task, fd: number, address: number, lengthAddress: number): Maybe<number> =>
  onSocket(task, fd, (found) => {
    const failed = prepareAddress(task, address, lengthAddress);
    if (failed < 0) return failed;
    writeAddress(task, found.localAddress, address, lengthAddress);
    return 0;
  });

const getpeername = (task: Task, fd: number, address: number, lengthAddress: number): Maybe<number> =>
  onSocket(task, fd, (found) => {
    const failed = prepareAddress(task, address, lengthAddress);
    if (failed < 0) return failed;
    const peer = found.peerAddress;
    if (typeof peer === "number") return peer;
    writeAddress(task, peer, address, lengthAddress);
    return 0;
  });

// ---- connecting ----------------------------------------------------------------------------------------------------

/** Tries until there is room at the other side, whose queue may be another one each time. */
async function untilRoom(task: Task, found: Socket, attempt: () => number, deadlineNs: bigint | null): Promise<number> {
  for (;;) {
    const ended = await task.wait([found.sendQueue], { deadlineNs });
    if (ended === "interrupted") return -restart.ERESTARTSYS;
    if (ended === "timeout") return -errno.EAGAIN;
    const result = attempt();
    if (result !== -errno.EAGAIN) return result;
  }
}

function connect(task: Task, fd: number, address: number, length: number): Maybe<number> {
  return onSocket(task, fd, (found) => {
    const bytes = readAddress(task, address, length);
    if (typeof bytes === "number") return bytes;
    if (bytes.length < 2) return -errno.EINVAL;
    const dissolve = bytes[0] === AF.UNSPEC && bytes[1] === 0;
    const attempt = (): number => found.connect(dissolve ? 0 : findSocket(task, found, bytes), bytes);
    const first = attempt();
    if (first !== -errno.EAGAIN || (found.flags & O_NONBLOCK) !== 0) return first;
    return untilRoom(task, found, attempt, deadlineAfter(task, found.sendTimeoutNs));
  });
}

function accept4(task: Task, fd: number, address: number, lengthAddress: number, flags: number): Maybe<number> {
  if ((flags & ~(SOCK.NONBLOCK | SOCK.CLOEXEC)) !== 0) return -errno.EINVAL;
  return onSocket(task, fd, (found) => {
    const failed = prepareAddress(task, address, lengthAddress);
    if (failed < 0) return failed;
    let accepted: Socket | null = null;
    const attempt = (): number => {
      const next = found.accept();
      if (typeof next === "number") return next;
      accepted = next;
      return 0;
    };
    const done = blockUntil(task, [found.waiters], attempt, {
      nonblocking: (found.flags & O_NONBLOCK) !== 0,
      deadlineNs: deadlineAfter(task, found.receiveTimeoutNs),
    });
    return mapMaybe(done, (result) => {
      if (result < 0) return result;
      const connection = accepted!;
      connection.flags |= flags & O_NONBLOCK;
      const peer = connection.peerAddress;
      const newFd = task.allocateFd(connection, (flags & O_CLOEXEC) !== 0);
      if (newFd < 0) return newFd;
      // A client that is gone already has no address any more.
      writeAddress(task, typeof peer === "number" ? connection.family.noAddress : peer, address, lengthAddress);
      return newFd;
    });
  });
}

const shutdown = (task: Task, fd: number, how: number): Maybe<number> =>
  onSocket(task, fd, (found) => found.shutdown(how));

// ---- sending -------------------------------------------------------------------------------------------------------

interface Outgoing {
  readonly segments: Segments;
  readonly address: Uint8Array | null;
  readonly rights: readonly OpenFile[];
  readonly credentials: { readonly pid: number; readonly uid: number; readonly gid: number };
  readonly flags: number;
}

function send(task: Task, found: Socket, outgoing: Outgoing): Maybe<number> {
  const { segments, address, rights, flags } = outgoing;
  if ((flags & MSG.OOB) !== 0) return -errno.EOPNOTSUPP;
  const nonblocking = (flags & MSG.DONTWAIT) !== 0 || (found.flags & O_NONBLOCK) !== 0;
  const noSignal = (flags & MSG.NOSIGNAL) !== 0;
  const deadlineNs = deadlineAfter(task, found.sendTimeoutNs);
  if (found.isStream && address === null && rights.length === 0)
    return writeFile(task, found, segments, null, { nonblocking, noSignal, deadlineNs });
  if (found.isMessage && segments.total > limits.socketBytesMax) return -errno.EMSGSIZE;
  // Whole, and with its rights at the first byte.
  const message = new Uint8Array(Math.min(segments.total, limits.socketBytesMax));
  segments.gather(task.user, 0, message);
  const to = address === null ? null : findSocket(task, found, address);
  for (const file of rights) file.retain();
  const attempt = (): number => found.send(message, to, { rights, credentials: outgoing.credentials });
  const finish = (result: number): number => {
    if (result >= 0) return result;
    for (const file of rights) file.release();
    if (result === -errno.EPIPE && !noSignal && found.isStream) raiseBrokenPipe(task);
    return result;
  };
  const first = attempt();
  if (first !== -errno.EAGAIN || nonblocking) return finish(first);
  return untilRoom(task, found, attempt, deadlineNs).then(finish);
}

function sendto(
  task: Task,
  fd: number,
  buffer: number,
  length: number,
  flags: number,
  address: number,
  addressLength: number,
): Maybe<number> {
  return onSocket(task, fd, (found) => {
    const to = address === 0 ? null : readAddress(task, address, addressLength);
    if (typeof to === "number") return to;
    return send(task, found, {
      segments: Segments.single(buffer, length),
      address: to,
      rights: [],
      credentials: credentialsOf(task),
      flags,
    });
  });
}

interface Header {
  readonly name: number;
  readonly nameLength: number;
  readonly segments: Segments;
  readonly control: number;
  readonly controlLength: number;
}

/** A struct msghdr, or -errno. */
function readHeader(task: Task, address: number): Header | number {
  const bytes = task.user.read(address, msghdrLayout.size);
  const segments = Segments.vector(
    task.user,
    member(msghdrLayout, bytes, "msg_iov"),
    member(msghdrLayout, bytes, "msg_iovlen"),
  );
  if (typeof segments === "number") return segments === -errno.EINVAL ? -errno.EMSGSIZE : segments;
  return {
    name: member(msghdrLayout, bytes, "msg_name"),
    nameLength: member(msghdrLayout, bytes, "msg_namelen"),
    segments,
    control: member(msghdrLayout, bytes, "msg_control"),
    controlLength: member(msghdrLayout, bytes, "msg_controllen"),
  };
}

function sendmsg(task: Task, fd: number, address: number, flags: number): Maybe<number> {
  return onSocket(task, fd, (found) => {
    const header = readHeader(task, address);
    if (typeof header === "number") return header;
    const to = header.name === 0 || header.nameLength === 0 ? null : readAddress(task, header.name, header.nameLength);
    if (typeof to === "number") return to;
    let rights: readonly OpenFile[] = [];
    let credentials = credentialsOf(task);
    if (header.control !== 0 && header.controlLength > 0) {
      const control = readControl(task, header.control, header.controlLength);
      if (typeof control === "number") return control;
      if (found.family.number === AF.UNIX) {
        rights = control.rights;
        credentials = control.credentials ?? credentials;
      } else if (control.rights.length > 0) return -errno.EINVAL;
    }
    return send(task, found, { segments: header.segments, address: to, rights, credentials, flags });
  });
}

/** One call for several messages: how many were sent, or the first one's error. */
function sendmmsg(task: Task, fd: number, vector: number, count: number, flags: number): Maybe<number> {
  return eachMessage(
    task,
    vector,
    count,
    (address) => sendmsg(task, fd, address, flags),
    () => false,
  );
}

function eachMessage(
  task: Task,
  vector: number,
  count: number,
  transfer: (address: number, index: number) => Maybe<number>,
  enough: (done: number) => boolean,
): Maybe<number> {
  const most = Math.min(count, limits.ioVectorsMax);
  let done = 0;
  const landed = (result: number): number | null => {
    if (result < 0) return done > 0 ? done : result;
    task.user.writeU32(vector + done * mmsghdrLayout.size + mmsghdrLayout.members.msg_len[0], result);
    done++;
    return done >= most || enough(done) ? done : null;
  };
  const goOn = async (pending: Promise<number>): Promise<number> => {
    let outcome = landed(await pending);
    while (outcome === null) outcome = landed(await transfer(vector + done * mmsghdrLayout.size, done));
    return outcome;
  };
  if (most === 0) return 0;
  task.user.prepareWrite(vector, most * mmsghdrLayout.size);
  for (;;) {
    const result = transfer(vector + done * mmsghdrLayout.size, done);
    if (isPromise(result)) return goOn(result);
    const outcome = landed(result);
    if (outcome !== null) return outcome;
  }
}

// ---- receiving -----------------------------------------------------------------------------------------------------

/** The longest receive in one piece. */
const receiveBytesMax = 1 << 20;

/** Receives into `segments`; `deliver` puts the rest where the caller wants it and gives the call's result. */
function receive(
  task: Task,
  found: Socket,
  segments: Segments,
  flags: number,
  deliver: (received: Received) => number,
): Maybe<number> {
  if ((flags & (MSG.OOB | MSG.ERRQUEUE)) !== 0) return (flags & MSG.OOB) !== 0 ? -errno.EINVAL : -errno.EAGAIN;
  const target = new Uint8Array(Math.min(segments.total, receiveBytesMax));
  segments.prepareWrite(task.user, 0, Math.min(target.length, 65536));
  const peek = (flags & MSG.PEEK) !== 0;
  const waitAll = (flags & MSG.WAITALL) !== 0 && found.isStream && !peek;
  let filled = 0;
  let last: Received | null = null;
  const attempt = (): number => {
    for (;;) {
      const received = found.receive(filled === 0 ? target : target.subarray(filled), { peek });
      if (typeof received === "number") return received;
      const ended = received.count === 0;
      if (last === null || !ended) last = last === null ? received : { ...last, count: 0 };
      filled += received.count;
      if (!waitAll || ended || filled >= target.length || received.rights.length > 0) return 0;
    }
  };
  const done = blockUntil(task, [found.waiters], attempt, {
    nonblocking: (flags & MSG.DONTWAIT) !== 0 || (found.flags & O_NONBLOCK) !== 0,
    deadlineNs: deadlineAfter(task, found.receiveTimeoutNs),
  });
  return mapMaybe(done, (result) => {
    // MSG_WAITALL keeps what came before the error, the signal or the timeout.
    if (result < 0 && filled === 0) return result;
    const put = segments.scatterLater(task.user, 0, target.subarray(0, filled));
    return mapMaybe(put, (failed) => (failed < 0 ? failed : deliver({ ...last!, count: filled })));
  });
}

/** MSG_TRUNC asks for a message's real length. */
function lengthOf(received: Received, found: Socket, flags: number): number {
  return (flags & MSG.TRUNC) !== 0 && found.isMessage ? received.length : received.count;
}

function recvfrom(
  task: Task,
  fd: number,
  buffer: number,
  length: number,
  flags: number,
  address: number,
  lengthAddress: number,
): Maybe<number> {
  return onSocket(task, fd, (found) => {
    const failed = prepareAddress(task, address, lengthAddress);
    if (failed < 0) return failed;
    return receive(task, found, Segments.single(buffer, length), flags, (received) => {
      for (const file of received.rights) file.release();
      writeAddress(task, received.address, address, lengthAddress);
      return lengthOf(received, found, flags);
    });
  });
}

function recvmsg(task: Task, fd: number, address: number, flags: number): Maybe<number> {
  return onSocket(task, fd, (found) => {
    const header = readHeader(task, address);
    if (typeof header === "number") return header;
    const { members } = msghdrLayout;
    task.user.prepareWrite(address, msghdrLayout.size);
    const nameRoom = header.name === 0 ? 0 : Math.min(header.nameLength, addressBytesMax);
    const controlRoom = header.control === 0 ? 0 : Math.min(header.controlLength, 65536);
    if (nameRoom > 0) task.user.prepareWrite(header.name, nameRoom);
    if (controlRoom > 0) task.user.prepareWrite(header.control, controlRoom);
    return receive(task, found, header.segments, flags, (received) => {
      const control = writeControl(
        task,
        received,
        found.passesCredentials,
        controlRoom,
        (flags & MSG.CMSG_CLOEXEC) !== 0,
      );
      if (control.bytes.length > 0) task.user.write(header.control, control.bytes);
      if (nameRoom > 0 && received.address !== null)
        task.user.write(header.name, received.address.subarray(0, nameRoom));
      if (header.name !== 0) task.user.writeU32(address + members.msg_namelen[0], received.address?.length ?? 0);
      task.user.writeNumber(address + members.msg_controllen[0], control.bytes.length);
      const truncated = found.isMessage && received.length > received.count ? MSG.TRUNC : 0;
      task.user.writeI32(address + members.msg_flags[0], control.flags | truncated | (flags & MSG.CMSG_CLOEXEC));
      return lengthOf(received, found, flags);
    });
  });
}

function recvmmsg(
  task: Task,
  fd: number,
  vector: number,
  count: number,
  flags: number,
  timeout: number,
): Maybe<number> {
  const ns = timeoutAt(task, timeout);
  if (typeof ns === "number") return ns;
  const deadlineNs = deadlineAfter(task, ns);
  const waitForOne = (flags & MSG.WAITFORONE) !== 0;
  return eachMessage(
    task,
    vector,
    count,
    (address, index) => recvmsg(task, fd, address, waitForOne && index > 0 ? flags | MSG.DONTWAIT : flags),
    // Looked at between messages only, as in Linux.
    () => deadlineNs !== null && task.kernel.clock.monotonicNs() >= deadlineNs,
  );
}

export const socketRows: readonly SyscallRow[] = [
  partial("socket", socket, ["int", "int", "int"], "AF_UNIX; AF_INET and AF_INET6 reach the container's loopback only"),
  row("socketpair", socketpair, ["int", "int", "int", "address"]),
  row("bind", bind, ["fd", "address", "int"]),
  row("listen", listen, ["fd", "int"]),
  row("accept", (task: Task, fd: number, address: number, length: number) => accept4(task, fd, address, length, 0), [
    "fd",
    "address",
    "address",
  ]),
  row("accept4", accept4, ["fd", "address", "address", "int"]),
  row("connect", connect, ["fd", "address", "int"]),
  row("shutdown", shutdown, ["fd", "int"]),
  row("getsockname", getsockname, ["fd", "address", "address"]),
  row("getpeername", getpeername, ["fd", "address", "address"]),
  row("sendto", sendto, ["fd", "buffer", "address", "int", "address", "int"]),
  row("recvfrom", recvfrom, ["fd", "buffer", "address", "int", "address", "address"]),
  partial("sendmsg", sendmsg, ["fd", "address", "int"], "no out-of-band data; SCM_RIGHTS and SCM_CREDENTIALS only"),
  partial("recvmsg", recvmsg, ["fd", "address", "int"], "no out-of-band data; SCM_RIGHTS and SCM_CREDENTIALS only"),
  row("sendmmsg", sendmmsg, ["fd", "address", "uint", "int"]),
  row("recvmmsg", recvmmsg, ["fd", "address", "uint", "int", "address"]),
  partial(
    "setsockopt",
    (task: Task, fd: number, level: number, name: number, address: number, length: number) =>
      onSocket(task, fd, (found) => setOption(task, found, level, name, address, length)),
    ["fd", "int", "int", "address", "int"],
    "options that tune a real network are kept and change nothing",
  ),
  partial(
    "getsockopt",
    (task: Task, fd: number, level: number, name: number, address: number, length: number) =>
      onSocket(task, fd, (found) => getOption(task, found, level, name, address, length)),
    ["fd", "int", "int", "address", "address"],
    "options that tune a real network are kept and change nothing",
  ),
];
