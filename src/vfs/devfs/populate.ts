/**
 * /dev as docker gives it to a container: a tmpfs with the devices every program expects, links into /proc/self/fd,
 * devpts on /dev/pts and another tmpfs on /dev/shm.
 */
import { S_IFCHR, makeDevice } from "../../abi/stat.ts";
import { assert } from "../../base/assert.ts";
import type { Namespace } from "../namespace.ts";
import { lookup, mkdir, mknod, symlink } from "../operations.ts";
import type { FileSystem } from "../types.ts";
import { memoryMajor, memoryMinor } from "./memory-devices.ts";

export interface DevFileSystems {
  /** An empty tmpfs, mode 0755. */
  readonly dev: FileSystem;
  /** An empty tmpfs, mode 1777. */
  readonly shm: FileSystem;
  /** A devpts (`tty/devpts.ts`). */
  readonly pts: FileSystem;
}

const devices: readonly (readonly [name: string, major: number, minor: number])[] = [
  ["null", memoryMajor, memoryMinor.null],
  ["zero", memoryMajor, memoryMinor.zero],
  ["full", memoryMajor, memoryMinor.full],
  ["random", memoryMajor, memoryMinor.random],
  ["urandom", memoryMajor, memoryMinor.urandom],
  ["tty", 5, 0],
];

const links: readonly (readonly [name: string, target: string])[] = [
  ["fd", "/proc/self/fd"],
  ["stdin", "/proc/self/fd/0"],
  ["stdout", "/proc/self/fd/1"],
  ["stderr", "/proc/self/fd/2"],
  ["ptmx", "pts/ptmx"],
  ["core", "/proc/kcore"],
];

/** Mounts it all at /dev, which must exist. With `console` there is a /dev/console that is the container's terminal. */
export function populateDev(namespace: Namespace, fileSystems: DevFileSystems, console: boolean): void {
  const caller = namespace.caller();
  const place = (path: string) => {
    const found = lookup(caller, caller.root, path);
    assert(typeof found !== "number", `${path} was just made, or the container's set-up made it`);
    return found;
  };
  const done = (result: number, what: string): void => assert(result === 0, `an empty tmpfs takes ${what}`);

  namespace.mount(place("/dev"), fileSystems.dev, "tmpfs", "rw,nosuid,size=65536k,mode=755");
  for (const [name, major, minor] of devices)
    done(mknod(caller, caller.root, `/dev/${name}`, S_IFCHR | 0o666, makeDevice(major, minor)), name);
  if (console) done(mknod(caller, caller.root, "/dev/console", S_IFCHR | 0o620, makeDevice(5, 1)), "console");
  for (const [name, target] of links) done(symlink(caller, target, caller.root, `/dev/${name}`), name);
  done(mkdir(caller, caller.root, "/dev/pts", 0o755), "pts");
  done(mkdir(caller, caller.root, "/dev/shm", 0o1777), "shm");
  namespace.mount(
    place("/dev/pts"),
    fileSystems.pts,
    "devpts",
    "rw,nosuid,noexec,relatime,gid=5,mode=620,ptmxmode=666",
  );
  namespace.mount(place("/dev/shm"), fileSystems.shm, "shm", "rw,nosuid,nodev,noexec,relatime,size=65536k");
}
