/**
 * Sockets whose two ends are in this container: the machinery that Unix sockets and loopback connections share. How
 * ends are named and found is the family's (`unix-names.ts`, `inet-ports.ts`).
 *
 *     stream      bytes in one queue; rights (SCM_RIGHTS) sit at the byte they were sent with
 *     seqpacket   messages, connected
 *     datagram    messages, each with the address of its sender
 */
import { errno } from "../abi/errno.ts";
import { O_RDWR } from "../abi/fcntl.ts";
import { ioctls } from "../abi/ioctl.ts";
import { AF, SHUT, SO, SOCK, SOL_SOCKET } from "../abi/socket.ts";
import { S_IFSOCK, makeDevice } from "../abi/stat.ts";
import { ByteQueue } from "../base/byte-queue.ts";
import { limits } from "../base/limits.ts";
import { WaitQueue } from "../base/wait-queue.ts";
import { unnamedDentry } from "../vfs/dentry.ts";
import { NamelessFileSystem, SpecialFile, SpecialInode } from "../vfs/special-file.ts";
import type { IoctlCaller, OpenFile, UserMemory } from "../vfs/types.ts";
import { poll } from "../vfs/types.ts";

/** SOCKFS_MAGIC (linux/magic.h). */
const sockfs = new NamelessFileSystem("sockfs", makeDevice(0, 8), 0x534f434b);

class SocketInode extends SpecialInode {}

/** Who is at an end: SO_PEERCRED, SCM_CREDENTIALS. */
export interface PeerCredentials {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

export interface Sent {
  /** Files passed along; the message owns a reference of each. */
  readonly rights?: readonly OpenFile[];
  readonly credentials: PeerCredentials;
}

/** What came with the bytes of a receive. */
export interface Received {
  readonly count: number;
  /** The message's whole length: more than `count` when it was cut. */
  readonly length: number;
  /** Address of a datagram's sender; null for streams. */
  readonly address: Uint8Array | null;
  readonly rights: readonly OpenFile[];
  readonly credentials: PeerCredentials | null;
}

export interface ReceiveOptions {
  readonly peek?: boolean;
}

/** How a family names its sockets. Whom an address names is asked before: sockets get each other, not names. */
export interface SocketFamily {
  readonly number: number;
  /** Gives `socket` an address: 0 or -errno. */
  bind(socket: Socket, address: Uint8Array): number;
  /** A bound socket gives its name back when it closes. */
  unbind(socket: Socket): void;
  /** An address of the family's choice for a socket that is about to listen or send without one: 0 or -errno. */
  autobind(socket: Socket): number;
  /** An address of another family as this one shows it (IPv4 on an IPv6 socket). */
  convert(address: Uint8Array): Uint8Array;
  /** What getsockname(2) says of a socket without a name. */
  readonly noAddress: Uint8Array;
}

interface Message {
  readonly bytes: Uint8Array;
  /** Null from a sender without a name. */
  readonly address: Uint8Array | null;
  readonly rights: readonly OpenFile[];
  readonly credentials: PeerCredentials;
}

/** Rights, or a sender to be known, of bytes `at` to `end` of a stream, counted from its first. */
interface Mark {
  readonly at: number;
  end: number;
  rights: readonly OpenFile[];
  readonly credentials: PeerCredentials;
}

/** Datagrams that wait at one socket: Linux's net.unix.max_dgram_qlen is 10; UDP counts bytes only. */
const messagesMax = 512;
/** A stream is worth writing to again, and its writer worth waking, with this much room. */
const sendRoomBytes = 4096;
/** What fits into an IPv4 packet. */
const udpBytesMax = 65507;

export class Socket extends SpecialFile {
  readonly family: SocketFamily;
  readonly type: number;
  readonly protocol: number;
  readonly #waiters = new WaitQueue();
  readonly owner: PeerCredentials;

  address: Uint8Array | null = null;
  isClosed = false;
  /** The other end of a connection, or where a connected datagram socket sends to. */
  #peer: Socket | null = null;
  #connectedAddress: Uint8Array | null = null;
  peerCredentials: PeerCredentials | null = null;
  #state: "new" | "listening" | "connected" | "disconnected" = "new";
  /** Listening: connections that wait for accept(2). */
  readonly #pending: Socket[] = [];
  #backlog = 0;
  /** Made by connect(2) of a client: its address is its listener's. */
  #isAccepted = false;
  /** The queue of a listener or receiver that had no room. */
  #busy: WaitQueue | null = null;

  readonly #stream: ByteQueue;
  #marks: Mark[] = [];
  #streamRead = 0;
  #streamWritten = 0;
  #messages: Message[] = [];
  #messageBytes = 0;
  #readShut = false;
  #writeShut = false;
  /** SO_ERROR: reported once. */
  #error = 0;
  /** setsockopt(2) values by "level:name". */
  readonly options = new Map<string, number>();
  receiveTimeoutNs: bigint | null = null;
  sendTimeoutNs: bigint | null = null;

  constructor(family: SocketFamily, type: number, protocol: number, flags: number, owner: PeerCredentials) {
    const inode = new SocketInode(sockfs, sockfs.nextIno(), S_IFSOCK | 0o777, owner, 0n);
    super(inode, O_RDWR | flags, unnamedDentry(`socket:[${inode.ino}]`, inode));
    this.family = family;
    this.type = type;
    this.protocol = protocol;
    this.owner = owner;
    this.#stream = new ByteQueue(limits.socketBytesMax);
  }

  /** socketpair(2). */
  static pair(
    family: SocketFamily,
    type: number,
    protocol: number,
    flags: number,
    owner: PeerCredentials,
  ): [Socket, Socket] {
    const first = new Socket(family, type, protocol, flags, owner);
    const second = new Socket(family, type, protocol, flags, owner);
    first.#join(second);
    second.#join(first);
    return [first, second];
  }

  get isStream(): boolean {
    return this.type === SOCK.STREAM;
  }
  /** A write is one message, and must be taken whole. */
  get isMessage(): boolean {
    return !this.isStream;
  }
  get #isConnectionless(): boolean {
    return this.type === SOCK.DGRAM;
  }
  get isListening(): boolean {
    return this.#state === "listening";
  }
  get peer(): Socket | null {
    return this.#peer;
  }
  override get waiters(): WaitQueue {
    return this.#waiters;
  }

  #join(peer: Socket): void {
    this.#peer = peer;
    this.#state = "connected";
    this.peerCredentials = peer.owner;
  }

  // Naming and connecting

  bind(address: Uint8Array): number {
    if (this.address !== null) return -errno.EINVAL;
    return this.family.bind(this, address);
  }

  listen(backlog: number): number {
    if (this.#isConnectionless) return -errno.EOPNOTSUPP;
    if (this.#state !== "new" && this.#state !== "listening") return -errno.EINVAL;
    if (this.address === null) {
      const failed = this.#isUnix ? -errno.EINVAL : this.family.autobind(this);
      if (failed < 0) return failed;
    }
    this.#state = "listening";
    this.#backlog = Math.min(backlog < 0 ? limits.socketBacklogMax : backlog, limits.socketBacklogMax);
    return 0;
  }

  /** Connects to `found`, which `address` names: 0 or -errno; -EAGAIN while its backlog is full (`sendQueue`). */
  connect(found: Socket | number, address: Uint8Array): number {
    if (this.#isConnectionless) return this.#connectDatagram(found, address);
    if (this.#state === "connected") return -errno.EISCONN;
    if (this.#state === "listening" || (this.#state === "disconnected" && this.#isUnix)) return -errno.EINVAL;
    if (typeof found === "number") return found;
    if (found.type !== this.type) return -errno.EPROTOTYPE;
    if (!found.isListening || found.#readShut) return -errno.ECONNREFUSED;
    if (found.#pending.length > found.#backlog) {
      this.#busy = found.waiters;
      return -errno.EAGAIN;
    }
    const failed = this.#nameBeforeSending();
    if (failed < 0) return failed;
    const server = new Socket(found.family, this.type, this.protocol, 0, found.owner);
    // A listener on all addresses has connections at the one that was asked for.
    server.address = this.#isUnix ? found.address : found.family.convert(address);
    server.#isAccepted = true;
    server.#join(this);
    this.#join(server);
    for (const [name, value] of found.options) server.options.set(name, value);
    found.#pending.push(server);
    found.#waiters.wake();
    return 0;
  }

  get #isUnix(): boolean {
    return this.family.number === AF.UNIX;
  }

  /** Internet sockets always have an address to be answered at; Unix sockets may stay without. */
  #nameBeforeSending(): number {
    return this.address === null && !this.#isUnix ? this.family.autobind(this) : 0;
  }

  #connectDatagram(found: Socket | number, address: Uint8Array): number {
    // AF_UNSPEC takes the peer away.
    if (address[0] === 0 && address[1] === 0) {
      this.#peer = null;
      this.#connectedAddress = null;
      this.#state = "new";
      return 0;
    }
    // UDP may be connected to where nobody listens yet.
    if (typeof found === "number" && (this.#isUnix || found !== -errno.ECONNREFUSED)) return found;
    if (typeof found !== "number" && found.type !== this.type) return -errno.EPROTOTYPE;
    const failed = this.#nameBeforeSending();
    if (failed < 0) return failed;
    this.#peer = typeof found === "number" ? null : found;
    this.#connectedAddress = address.slice();
    this.#state = "connected";
    return 0;
  }

  /** The next connection, or -EAGAIN. */
  accept(): Socket | number {
    if (this.#isConnectionless) return -errno.EOPNOTSUPP;
    if (this.#state !== "listening") return -errno.EINVAL;
    const next = this.#pending.shift();
    if (next === undefined) return this.#readShut ? -errno.EINVAL : -errno.EAGAIN;
    // Whoever waits for room in the backlog.
    this.#waiters.wake();
    return next;
  }

  get localAddress(): Uint8Array {
    return this.address ?? this.family.noAddress;
  }

  get peerAddress(): Uint8Array | number {
    if (this.#connectedAddress !== null) return this.#connectedAddress;
    if (this.#state !== "connected" || this.#peer === null) return -errno.ENOTCONN;
    return this.family.convert(this.#peer.localAddress);
  }

  // Sending

  override write(source: Uint8Array, position: number | null): number {
    if (position !== null) return -errno.ESPIPE;
    return this.send(source, null, { credentials: this.owner });
  }

  /**
   * Sends to the peer, or to `to` where an address was given (its socket, or why there is none). Bytes sent or -errno:
   * -EAGAIN while there is no room (wait on `sendQueue`). Rights are taken over on success.
   */
  send(source: Uint8Array, to: Socket | number | null, sent: Sent): number {
    if (this.#error !== 0) return -this.takeError();
    if (this.#writeShut) return -errno.EPIPE;
    return this.isStream ? this.#sendStream(source, to, sent) : this.#sendMessage(source, to, sent);
  }

  #sendStream(source: Uint8Array, to: Socket | number | null, sent: Sent): number {
    if (to !== null && this.#isUnix) return this.#state === "connected" ? -errno.EISCONN : -errno.EOPNOTSUPP;
    const peer = this.#peer;
    if (peer === null) return this.#state === "new" && this.#isUnix ? -errno.ENOTCONN : -errno.EPIPE;
    if (peer.#readShut) return -errno.EPIPE;
    if (source.length === 0) return 0;
    if (peer.#stream.room === 0) return -errno.EAGAIN;
    const at = peer.#streamWritten;
    const count = peer.#stream.push(source);
    peer.#streamWritten += count;
    const rights = sent.rights ?? [];
    if (rights.length > 0 || peer.passesCredentials) {
      const last = peer.#marks.at(-1);
      if (rights.length === 0 && last?.rights.length === 0 && sameSender(last.credentials, sent.credentials))
        last.end = at + count;
      else peer.#marks.push({ at, end: at + count, rights, credentials: sent.credentials });
    }
    peer.#waiters.wake();
    return count;
  }

  #sendMessage(source: Uint8Array, to: Socket | number | null, sent: Sent): number {
    let target = this.#peer;
    if (to !== null && this.#isConnectionless) {
      if (typeof to === "number") return this.#unreachable(to, source.length);
      if (to.type !== this.type) return -errno.EPROTOTYPE;
      target = to;
    } else if (target === null) {
      if (this.#state === "disconnected") return this.#isConnectionless ? -errno.ECONNREFUSED : -errno.EPIPE;
      if (this.#connectedAddress !== null) return this.#unreachable(-errno.ECONNREFUSED, source.length);
      return this.#isConnectionless ? (this.#isUnix ? -errno.ENOTCONN : -errno.EDESTADDRREQ) : -errno.ENOTCONN;
    }
    if (source.length > limits.socketBytesMax) return -errno.EMSGSIZE;
    if (!this.#isUnix && source.length > udpBytesMax) return -errno.EMSGSIZE;
    if (target.#readShut) return -errno.EPIPE;
    const failed = this.#nameBeforeSending();
    if (failed < 0) return failed;
    // A datagram socket connected to somebody else takes nothing from us.
    if (this.#isConnectionless && target.#peer !== null && target.#peer !== this) return -errno.EPERM;
    if (target.#messages.length >= messagesMax || target.#messageBytes + source.length > limits.socketBytesMax) {
      // UDP loses what does not fit; Unix sockets wait.
      if (!this.#isUnix) return source.length;
      this.#busy = target.waiters;
      return -errno.EAGAIN;
    }
    target.#messages.push({
      bytes: source.slice(),
      address: this.address,
      rights: sent.rights ?? [],
      credentials: sent.credentials,
    });
    target.#messageBytes += source.length;
    target.#waiters.wake();
    return source.length;
  }

  /** UDP learns later that nobody listens (ICMP port unreachable), and only when connected. */
  #unreachable(failure: number, length: number): number {
    if (this.#isUnix || failure !== -errno.ECONNREFUSED) return failure;
    if (this.#connectedAddress !== null) this.#fail(errno.ECONNREFUSED);
    return length;
  }

  /** Where a sender waits: at the receiver's queue. */
  get sendQueue(): WaitQueue {
    return this.#busy ?? this.#peer?.waiters ?? this.#waiters;
  }

  // Receiving

  override read(target: Uint8Array, position: number | null): number {
    if (position !== null) return -errno.ESPIPE;
    const received = this.receive(target, {});
    if (typeof received === "number") return received;
    // read(2) has no place for them.
    for (const file of received.rights) file.release();
    return received.count;
  }

  /** What came, or -errno: -EAGAIN when nothing has yet. A count of 0 is the end of a stream. */
  receive(target: Uint8Array, options: ReceiveOptions): Received | number {
    return this.isStream ? this.#receiveStream(target, options) : this.#receiveMessage(target, options);
  }

  #receiveStream(target: Uint8Array, options: ReceiveOptions): Received | number {
    if (this.#state === "new" || this.#state === "listening") return this.#isUnix ? -errno.EINVAL : -errno.ENOTCONN;
    if (this.#stream.length === 0) {
      if (this.#error !== 0) return -this.takeError();
      if (this.#readShut || this.#peer === null) return nothing;
      return -errno.EAGAIN;
    }
    if (target.length === 0) return nothing;
    // One read takes the rights of one message, and ends with it; it never mixes senders whose names are asked for.
    let limit = target.length;
    let giving: Mark | null = null;
    let credentials: PeerCredentials | null = null;
    for (const mark of this.#marks) {
      if (mark.at >= this.#streamRead + limit) break;
      if (credentials !== null && this.passesCredentials && !sameSender(credentials, mark.credentials)) {
        limit = mark.at - this.#streamRead;
        break;
      }
      credentials = mark.credentials;
      if (mark.rights.length === 0) continue;
      giving = mark;
      limit = Math.min(limit, mark.end - this.#streamRead);
      break;
    }
    const count = this.#stream.peek(limit === target.length ? target : target.subarray(0, limit));
    const rights = giving?.rights ?? [];
    const received = { count, length: count, address: null, credentials };
    if (options.peek === true) return { ...received, rights: retained(rights) };
    this.#stream.drop(count);
    this.#streamRead += count;
    if (giving !== null) giving.rights = [];
    if (this.#marks.length > 0) this.#marks = this.#marks.filter((mark) => mark.end > this.#streamRead);
    if (this.#stream.room >= sendRoomBytes) this.#peer?.waiters.wake();
    return { ...received, rights };
  }

  #receiveMessage(target: Uint8Array, options: ReceiveOptions): Received | number {
    if (!this.#isConnectionless && this.#state === "new") return -errno.ENOTCONN;
    const message = this.#messages[0];
    if (message === undefined) {
      if (this.#error !== 0) return -this.takeError();
      if (this.#readShut || (this.#state === "disconnected" && !this.#isConnectionless)) return nothing;
      return -errno.EAGAIN;
    }
    const part = message.bytes.subarray(0, target.length);
    target.set(part);
    const { rights, credentials, address } = message;
    const received = {
      count: part.length,
      length: message.bytes.length,
      address: this.#isConnectionless && address !== null ? this.family.convert(address) : null,
      credentials,
    };
    if (options.peek === true) return { ...received, rights: retained(rights) };
    this.#messages.shift();
    this.#messageBytes -= message.bytes.length;
    // Senders without a connection wait here, connected ones at their own queue.
    this.#waiters.wake();
    this.#peer?.waiters.wake();
    return { ...received, rights };
  }

  get passesCredentials(): boolean {
    return (this.options.get(`${SOL_SOCKET}:${SO.PASSCRED}`) ?? 0) !== 0;
  }

  /** FIONREAD: bytes of the stream, or of the next message. */
  get readableBytes(): number {
    return this.isStream ? this.#stream.length : (this.#messages[0]?.bytes.length ?? 0);
  }

  // Ending

  shutdown(how: number): number {
    if (how !== SHUT.RD && how !== SHUT.WR && how !== SHUT.RDWR) return -errno.EINVAL;
    if (this.#state === "listening") {
      if (how === SHUT.WR) return 0;
      this.#readShut = true;
      this.#waiters.wake();
      return 0;
    }
    if (this.#state !== "connected") return -errno.ENOTCONN;
    const peer = this.#isConnectionless ? null : this.#peer;
    if (how !== SHUT.WR) this.#readShut = true;
    if (how !== SHUT.RD) {
      this.#writeShut = true;
      // The other end reads what is queued, then the end.
      if (peer !== null) peer.#readShut = true;
    }
    // TCP does not tell the other side that nobody reads; a Unix socket does.
    if (how !== SHUT.WR && peer !== null && this.#isUnix) peer.#writeShut = true;
    this.#waiters.wake();
    peer?.waiters.wake();
    return 0;
  }

  takeError(): number {
    const error = this.#error;
    this.#error = 0;
    return error;
  }

  #fail(error: number): void {
    this.#error = error;
    this.#waiters.wake();
  }

  override poll(): number {
    let events = 0;
    if (this.#error !== 0) events |= poll.error;
    if (this.#state === "listening") {
      if (this.#pending.length > 0 || this.#readShut) events |= poll.in | poll.readNormal;
      return events;
    }
    const gone = !this.#isConnectionless && this.#state === "disconnected";
    if ((this.#readShut && this.#writeShut) || gone) events |= poll.hangup;
    if (this.#readShut || gone) events |= poll.readHangup | poll.in | poll.readNormal;
    if (this.#stream.length > 0 || this.#messages.length > 0) events |= poll.in | poll.readNormal;
    if (!this.#isConnectionless && this.#state === "new") events |= poll.hangup;
    if (this.#canSend) events |= poll.out | poll.writeNormal;
    return events;
  }

  get #canSend(): boolean {
    const peer = this.#peer;
    if (peer === null) return true;
    if (this.isStream) return peer.#stream.room >= sendRoomBytes;
    return !this.#isUnix || peer.#messages.length < messagesMax;
  }

  override ioctl(request: number, argument: number, memory: UserMemory, _caller: IoctlCaller): number {
    const answer = (value: number): number => {
      const bytes = new Uint8Array(4);
      new DataView(bytes.buffer).setInt32(0, value, true);
      memory.write(argument, bytes);
      return 0;
    };
    switch (request) {
      case ioctls.FIONREAD:
        return this.#state === "listening" ? -errno.EINVAL : answer(this.readableBytes);
      case ioctls.TIOCOUTQ:
        return answer(this.isStream ? (this.#peer?.readableBytes ?? 0) : 0);
      case ioctls.SIOCATMARK:
        return this.isStream ? answer(0) : -errno.ENOTTY;
      default:
        return -errno.ENOTTY;
    }
  }

  protected override closed(): void {
    if (this.address !== null && !this.#isAccepted) this.family.unbind(this);
    this.isClosed = true;
    for (const waiting of this.#pending) waiting.release();
    this.#pending.length = 0;
    const unread = this.#stream.length > 0 || (!this.#isConnectionless && this.#messages.length > 0);
    this.#dropRights();
    const peer = this.#peer;
    this.#peer = null;
    if (peer !== null && peer.#peer === this) {
      peer.#peer = null;
      peer.#state = "disconnected";
      if (!this.#isConnectionless) {
        peer.#readShut = true;
        peer.#writeShut = true;
        if (unread) peer.#error = errno.ECONNRESET;
      }
    }
    peer?.waiters.wake();
    this.#waiters.wake();
  }

  /** Files in messages that nobody will receive. */
  #dropRights(): void {
    for (const mark of this.#marks) for (const file of mark.rights) file.release();
    for (const message of this.#messages) for (const file of message.rights) file.release();
    this.#marks = [];
    this.#messages = [];
    this.#stream.clear();
  }
}

const nothing: Received = { count: 0, length: 0, address: null, rights: [], credentials: null };

function sameSender(a: PeerCredentials, b: PeerCredentials): boolean {
  return a.pid === b.pid && a.uid === b.uid && a.gid === b.gid;
}

function retained(files: readonly OpenFile[]): readonly OpenFile[] {
  for (const file of files) file.retain();
  return files;
}
