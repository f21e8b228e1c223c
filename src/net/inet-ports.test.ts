import { expect, test } from "vitest";
import { errno } from "../abi/errno.ts";
import { AF, SHUT, SOCK } from "../abi/socket.ts";
import { poll } from "../vfs/types.ts";
import { InetPorts, decodeInet, encodeInet } from "./inet-ports.ts";
import type { InetAddress } from "./inet-ports.ts";
import { Socket } from "./socket.ts";

const owner = { pid: 1, uid: 0, gid: 0 };
const v4 = (port: number, ...bytes: number[]): InetAddress => ({ port, bytes: Uint8Array.from(bytes) });
const any6: InetAddress = { port: 80, bytes: new Uint8Array(16) };
const loopback = (port: number): InetAddress => v4(port, 127, 0, 0, 1);

function stream(ports: InetPorts, family: number = AF.INET): Socket {
  return new Socket(family === AF.INET ? ports.v4 : ports.v6, SOCK.STREAM, 6, 0, owner);
}

test("addresses survive encoding, and IPv4 in IPv6 is IPv4", () => {
  expect(decodeInet(encodeInet(loopback(8080), AF.INET), AF.INET)).toEqual(loopback(8080));
  expect(decodeInet(encodeInet(loopback(8080), AF.INET6), AF.INET6)).toEqual(loopback(8080));
  expect(decodeInet(encodeInet(any6, AF.INET6), AF.INET6)).toEqual(any6);
  expect(decodeInet(encodeInet(loopback(1), AF.INET), AF.INET6)).toBe(-errno.EAFNOSUPPORT);
});

test("ports belong to one listener, are chosen when asked for 0, and come free", () => {
  const ports = new InetPorts();
  const first = stream(ports);
  expect(first.bind(encodeInet(loopback(0), AF.INET))).toBe(0);
  const { port } = decodeInet(first.localAddress, AF.INET) as InetAddress;
  expect(port).toBeGreaterThan(32767);
  expect(first.listen(1)).toBe(0);
  const second = stream(ports);
  expect(second.bind(encodeInet(v4(port, 0, 0, 0, 0), AF.INET))).toBe(-errno.EADDRINUSE);
  expect(second.bind(encodeInet(v4(80, 8, 8, 8, 8), AF.INET))).toBe(-errno.EADDRNOTAVAIL);
  first.release();
  expect(second.bind(encodeInet(v4(port, 0, 0, 0, 0), AF.INET))).toBe(0);
});

test("nobody listening is refused, outside the container is unreachable", () => {
  const ports = new InetPorts();
  expect(ports.find(SOCK.STREAM, loopback(80))).toBe(-errno.ECONNREFUSED);
  expect(ports.find(SOCK.STREAM, v4(80, 1, 1, 1, 1))).toBe(-errno.ENETUNREACH);
});

test("an IPv4 client reaches an IPv6 listener on all addresses, and bytes, ends and resets arrive", () => {
  const ports = new InetPorts();
  const listener = stream(ports, AF.INET6);
  expect(listener.bind(encodeInet(any6, AF.INET6))).toBe(0);
  expect(listener.listen(5)).toBe(0);
  const client = stream(ports);
  const asked = encodeInet(loopback(80), AF.INET);
  expect(client.connect(ports.find(SOCK.STREAM, loopback(80)), asked)).toBe(0);
  expect(listener.poll()).toBe(poll.in | poll.readNormal);
  const server = listener.accept() as Socket;
  // Both ends see the other's address in their own family.
  expect(decodeInet(server.peerAddress as Uint8Array, AF.INET6)).toEqual(decodeInet(client.localAddress, AF.INET));
  expect(decodeInet(server.localAddress, AF.INET6)).toEqual(loopback(80));
  expect(client.write(Uint8Array.of(1, 2, 3), null)).toBe(3);
  client.shutdown(SHUT.WR);
  const target = new Uint8Array(10);
  expect(server.read(target, null)).toBe(3);
  expect(server.read(target, null)).toBe(0);
  expect(server.write(Uint8Array.of(4), null)).toBe(1);
  client.release();
  // The client left a byte unread.
  expect(server.read(target, null)).toBe(-errno.ECONNRESET);
});
