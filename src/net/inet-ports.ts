/**
 * Internet sockets within a container: its loopback addresses, and who is bound to which port. There is no other network
 * here: addresses outside are unreachable.
 */
import { errno } from "../abi/errno.ts";
import { AF } from "../abi/socket.ts";
import type { Socket, SocketFamily } from "./socket.ts";

/** Linux's net.ipv4.ip_local_port_range. */
const ephemeral = { first: 32768, last: 60999 } as const;

export interface InetAddress {
  readonly port: number;
  /** 4 or 16 bytes; IPv4 in IPv6 (::ffff:a.b.c.d) is given as 4. */
  readonly bytes: Uint8Array;
}

const isAny = ({ bytes }: InetAddress): boolean => bytes.every((byte) => byte === 0);

function isLoopback({ bytes }: InetAddress): boolean {
  if (bytes.length === 4) return bytes[0] === 127;
  return bytes.subarray(0, 15).every((byte) => byte === 0) && bytes[15] === 1;
}

const mappedPrefix = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff);

/** A struct sockaddr_in or sockaddr_in6, or -errno. */
export function decodeInet(address: Uint8Array, family: number): InetAddress | number {
  const length = family === AF.INET ? 16 : 28;
  const given = (address[0] ?? 0) | ((address[1] ?? 0) << 8);
  if (given !== family) return -errno.EAFNOSUPPORT;
  // The scope of an IPv6 address may be left out.
  if (address.length < (family === AF.INET ? length : 24)) return -errno.EINVAL;
  const port = (address[2]! << 8) | address[3]!;
  if (family === AF.INET) return { port, bytes: address.slice(4, 8) };
  const bytes = address.slice(8, 24);
  const mapped = mappedPrefix.every((byte, index) => bytes[index] === byte);
  return { port, bytes: mapped ? bytes.slice(12) : bytes };
}

export function encodeInet({ port, bytes }: InetAddress, family: number): Uint8Array {
  const address = new Uint8Array(family === AF.INET ? 16 : 28);
  address[0] = family;
  address[2] = port >> 8;
  address[3] = port & 0xff;
  if (family === AF.INET) address.set(bytes.subarray(0, 4), 4);
  else if (bytes.length === 16) address.set(bytes, 8);
  else {
    address.set(mappedPrefix, 8);
    address.set(bytes, 20);
  }
  return address;
}

interface Binding {
  readonly socket: Socket;
  readonly address: InetAddress;
  readonly v6: boolean;
}

/** The ports of one container, for IPv4 and IPv6 together. */
export class InetPorts {
  /** By type and port. */
  readonly #bound = new Map<string, Binding[]>();
  readonly v4: SocketFamily = new InetFamily(this, AF.INET);
  readonly v6: SocketFamily = new InetFamily(this, AF.INET6);
  #nextPort: number = ephemeral.first;

  /** 0, -EADDRINUSE or -EADDRNOTAVAIL. */
  bind(socket: Socket, address: InetAddress, v6: boolean, reuse: boolean): number {
    if (!isAny(address) && !isLoopback(address)) return -errno.EADDRNOTAVAIL;
    let { port } = address;
    if (port === 0) {
      port = this.#freePort(socket.type);
      if (port === 0) return -errno.EADDRINUSE;
    }
    const key = `${socket.type}:${port}`;
    const list = this.#bound.get(key) ?? [];
    for (const other of list) {
      const overlap = isAny(other.address) || isAny(address) || sameBytes(other.address.bytes, address.bytes);
      // SO_REUSEADDR shares a port with everything but a listener (man 7 socket).
      if (overlap && !(reuse && !other.socket.isListening)) return -errno.EADDRINUSE;
    }
    const taken = { port, bytes: address.bytes };
    list.push({ socket, address: taken, v6 });
    this.#bound.set(key, list);
    socket.address = encodeInet(taken, socket.family.number);
    return 0;
  }

  unbind(socket: Socket): void {
    const key = `${socket.type}:${(socket.address![2]! << 8) | socket.address![3]!}`;
    const list = this.#bound.get(key)?.filter((binding) => binding.socket !== socket);
    if (list === undefined) return;
    if (list.length === 0) this.#bound.delete(key);
    else this.#bound.set(key, list);
  }

  #freePort(type: number): number {
    for (let tries = ephemeral.last - ephemeral.first; tries >= 0; tries--) {
      const port = this.#nextPort;
      this.#nextPort = port === ephemeral.last ? ephemeral.first : port + 1;
      if (!this.#bound.has(`${type}:${port}`)) return port;
    }
    return 0;
  }

  /** Who takes what is sent to `address`: -ECONNREFUSED when nobody, -ENETUNREACH outside the container. */
  find(type: number, address: InetAddress): Socket | number {
    if (!isAny(address) && !isLoopback(address)) return -errno.ENETUNREACH;
    const list = this.#bound.get(`${type}:${address.port}`) ?? [];
    const v6 = address.bytes.length === 16;
    let found: Socket | null = null;
    for (const binding of list) {
      const exact = sameBytes(binding.address.bytes, address.bytes) && !isAny(binding.address);
      // "Any" of IPv6 hears IPv4 too.
      const any = isAny(binding.address) && (binding.v6 || !v6);
      if (exact || (isAny(address) && !any && binding.v6 === v6)) return binding.socket;
      if (any && (found === null || !found.isListening)) found = binding.socket;
    }
    return found ?? -errno.ECONNREFUSED;
  }
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}

/** SO_REUSEADDR and SO_REUSEPORT as setsockopt(2) keeps them. */
const reuseOptions = ["1:2", "1:15"];

class InetFamily implements SocketFamily {
  readonly number: number;
  readonly noAddress: Uint8Array;
  readonly #ports: InetPorts;

  constructor(ports: InetPorts, number: number) {
    this.#ports = ports;
    this.number = number;
    this.noAddress = new Uint8Array(number === AF.INET ? 16 : 28);
    this.noAddress[0] = number;
  }

  bind(socket: Socket, address: Uint8Array): number {
    const decoded = decodeInet(address, this.number);
    if (typeof decoded === "number") return decoded;
    const reuse = reuseOptions.some((name) => (socket.options.get(name) ?? 0) !== 0);
    return this.#ports.bind(socket, decoded, this.number === AF.INET6 && decoded.bytes.length === 16, reuse);
  }

  unbind(socket: Socket): void {
    this.#ports.unbind(socket);
  }

  autobind(socket: Socket): number {
    // A client's own end is at the loopback address, a listener's everywhere.
    const bytes = this.number === AF.INET ? Uint8Array.of(127, 0, 0, 1) : new Uint8Array(16);
    if (this.number === AF.INET6) bytes[15] = 1;
    return this.#ports.bind(socket, { port: 0, bytes }, this.number === AF.INET6, false);
  }

  convert(address: Uint8Array): Uint8Array {
    const family = address[0]!;
    if (family === this.number || (family !== AF.INET && family !== AF.INET6)) return address.slice();
    const decoded = decodeInet(address, family);
    return typeof decoded === "number" ? address.slice() : encodeInet(decoded, this.number);
  }
}
