/**
 * Names of Unix sockets (man 7 unix): paths, which are inodes of type socket, and abstract names, which belong to the
 * container. An address is the bytes of struct sockaddr_un as far as they are given.
 */
import { errno } from "../abi/errno.ts";
import { AF } from "../abi/socket.ts";
import type { Inode } from "../vfs/types.ts";
import type { Socket, SocketFamily } from "./socket.ts";

const boundInodes = new WeakMap<Inode, Socket>();

export class UnixNames implements SocketFamily {
  readonly number = AF.UNIX;
  readonly noAddress = Uint8Array.of(AF.UNIX, 0);
  readonly #abstract = new Map<string, Socket>();
  #nextAutomatic = 0;

  /** Abstract names and automatic ones; paths are bound by `bindPath` once their inode is made. */
  bind(socket: Socket, address: Uint8Array): number {
    if (address.length === 2) return this.autobind(socket);
    const key = keyOf(address);
    if (this.#abstract.has(key)) return -errno.EADDRINUSE;
    this.#abstract.set(key, socket);
    socket.address = address.slice();
    return 0;
  }

  bindPath(socket: Socket, address: Uint8Array, inode: Inode): void {
    boundInodes.set(inode, socket);
    socket.address = address.slice();
  }

  unbind(socket: Socket): void {
    const key = keyOf(socket.address!);
    // An inode whose socket closed stays, and refuses connections.
    if (this.#abstract.get(key) === socket) this.#abstract.delete(key);
  }

  /** Five hexadecimal digits, as Linux chooses them. */
  autobind(socket: Socket): number {
    for (let tries = 0; tries < 0x100000; tries++) {
      const name = (this.#nextAutomatic++ & 0xfffff).toString(16).padStart(5, "0");
      const address = Uint8Array.from(
        [AF.UNIX, 0, 0, ...name].map((c) => (typeof c === "string" ? c.charCodeAt(0) : c)),
      );
      if (this.#abstract.has(keyOf(address))) continue;
      this.#abstract.set(keyOf(address), socket);
      socket.address = address;
      return 0;
    }
    return -errno.ENOSPC;
  }

  convert(address: Uint8Array): Uint8Array {
    return address;
  }

  /** The socket with this abstract name, or -ECONNREFUSED. */
  find(address: Uint8Array): Socket | number {
    return this.#abstract.get(keyOf(address)) ?? -errno.ECONNREFUSED;
  }

  findInode(inode: Inode): Socket | number {
    const socket = boundInodes.get(inode);
    return socket === undefined || socket.isClosed ? -errno.ECONNREFUSED : socket;
  }
}

/** Abstract when the path begins with NUL: all bytes count. */
function keyOf(address: Uint8Array): string {
  return String.fromCharCode(...address.subarray(2));
}
