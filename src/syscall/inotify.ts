/** inotify(7): watching files and directories for changes. */
import { errno } from "../abi/errno.ts";
import { AT_FDCWD, O_NONBLOCK, O_RDONLY } from "../abi/fcntl.ts";
import { IN, inotifyEventLayout } from "../abi/inotify.ts";
import { ioctls } from "../abi/ioctl.ts";
import { S_IFDIR, S_IFMT } from "../abi/stat.ts";
import { encodeStruct } from "../abi/struct.ts";
import { encodeName } from "../base/bytes.ts";
import { limits } from "../base/limits.ts";
import { WaitQueue } from "../base/wait-queue.ts";
import type { Task } from "../kernel/task.ts";
import { watchInode } from "../vfs/notify.ts";
import { MAY_READ, permission } from "../vfs/operations.ts";
import { SpecialFile } from "../vfs/special-file.ts";
import type { Inode, IoctlCaller, UserMemory } from "../vfs/types.ts";
import { poll } from "../vfs/types.ts";
import { anonymousDentry } from "./anonymous.ts";
import { dentryAt } from "./paths.ts";
import { partial, row } from "./row.ts";
import type { SyscallRow } from "./types.ts";

interface Watch {
  readonly descriptor: number;
  readonly inode: Inode;
  mask: number;
  stop: () => void;
}

interface Event {
  readonly descriptor: number;
  readonly mask: number;
  readonly cookie: number;
  readonly name: string;
}

class InotifyFile extends SpecialFile {
  readonly #waiters = new WaitQueue();
  readonly #watches = new Map<number, Watch>();
  readonly #byInode = new Map<Inode, Watch>();
  #events: Event[] = [];
  #lastDescriptor = 0;

  constructor(flags: number) {
    const dentry = anonymousDentry("inotify");
    super(dentry.inode, O_RDONLY | flags, dentry);
  }

  override get waiters(): WaitQueue {
    return this.#waiters;
  }

  watch(inode: Inode, mask: number): number {
    const present = this.#byInode.get(inode);
    if (present !== undefined) {
      if ((mask & IN.MASK_CREATE) !== 0) return -errno.EEXIST;
      present.mask = (mask & IN.MASK_ADD) !== 0 ? present.mask | mask : mask;
      return present.descriptor;
    }
    if (this.#watches.size >= limits.inotifyWatchesMax) return -errno.ENOSPC;
    const watch: Watch = { descriptor: ++this.#lastDescriptor, inode, mask, stop: () => {} };
    watch.stop = watchInode(inode, { event: (happened, name, cookie) => this.#hear(watch, happened, name, cookie) });
    this.#watches.set(watch.descriptor, watch);
    this.#byInode.set(inode, watch);
    return watch.descriptor;
  }

  unwatch(descriptor: number): number {
    const watch = this.#watches.get(descriptor);
    if (watch === undefined) return -errno.EINVAL;
    this.#end(watch);
    return 0;
  }

  #end(watch: Watch): void {
    watch.stop();
    this.#watches.delete(watch.descriptor);
    this.#byInode.delete(watch.inode);
    this.#queue({ descriptor: watch.descriptor, mask: IN.IGNORED, cookie: 0, name: "" });
  }

  #hear(watch: Watch, happened: number, name: string, cookie: number): void {
    if ((happened & watch.mask & IN.ALL_EVENTS) !== 0) {
      this.#queue({ descriptor: watch.descriptor, mask: happened, cookie, name });
      if ((watch.mask & IN.ONESHOT) !== 0) {
        this.#end(watch);
        return;
      }
    }
    if ((happened & IN.DELETE_SELF) !== 0) this.#end(watch);
  }

  #queue(event: Event): void {
    const last = this.#events.at(-1);
    // The same again while nobody has read it is not said twice.
    if (
      last !== undefined &&
      last.descriptor === event.descriptor &&
      last.mask === event.mask &&
      last.cookie === event.cookie &&
      last.name === event.name
    )
      return;
    if (this.#events.length > limits.inotifyEventsMax) return;
    if (this.#events.length === limits.inotifyEventsMax)
      this.#events.push({ descriptor: -1, mask: IN.Q_OVERFLOW, cookie: 0, name: "" });
    else this.#events.push(event);
    this.#waiters.wake();
  }

  override read(target: Uint8Array, _position: number | null): number {
    if (this.#events.length === 0) return -errno.EAGAIN;
    let used = 0;
    while (this.#events.length > 0) {
      const bytes = encode(this.#events[0]!);
      if (used + bytes.length > target.length) break;
      target.set(bytes, used);
      used += bytes.length;
      this.#events.shift();
    }
    return used === 0 ? -errno.EINVAL : used;
  }

  override poll(): number {
    return this.#events.length > 0 ? poll.in | poll.readNormal : 0;
  }

  override ioctl(request: number, argument: number, memory: UserMemory, _caller: IoctlCaller): number {
    if (request !== ioctls.FIONREAD) return -errno.ENOTTY;
    let bytes = 0;
    for (const event of this.#events) bytes += encode(event).length;
    memory.write(argument, new Uint8Array(Int32Array.of(bytes).buffer));
    return 0;
  }

  protected override closed(): void {
    for (const watch of this.#watches.values()) watch.stop();
    this.#watches.clear();
    this.#byInode.clear();
  }
}

/** Names are padded to a multiple of the header's size, one NUL at least. */
function encode(event: Event): Uint8Array {
  const { size } = inotifyEventLayout;
  const name = encodeName(event.name);
  const length = name.length === 0 ? 0 : Math.ceil((name.length + 1) / size) * size;
  const bytes = new Uint8Array(size + length);
  bytes.set(
    encodeStruct(inotifyEventLayout, {
      wd: event.descriptor,
      mask: event.mask,
      cookie: event.cookie,
      len: length,
    }),
  );
  bytes.set(name, size);
  return bytes;
}

function inotifyInit1(task: Task, flags: number): number {
  if ((flags & ~(IN.CLOEXEC | IN.NONBLOCK)) !== 0) return -errno.EINVAL;
  return task.allocateFd(new InotifyFile(flags & O_NONBLOCK), (flags & IN.CLOEXEC) !== 0);
}

function addWatch(task: Task, fd: number, path: string, mask: number): number {
  const file = task.file(fd);
  if (file === null) return -errno.EBADF;
  if ((mask & IN.ALL_EVENTS) === 0) return -errno.EINVAL;
  if ((mask & IN.MASK_ADD) !== 0 && (mask & IN.MASK_CREATE) !== 0) return -errno.EINVAL;
  if (!(file instanceof InotifyFile)) return -errno.EINVAL;
  const dentry = dentryAt(task, AT_FDCWD, path, (mask & IN.DONT_FOLLOW) === 0);
  if (typeof dentry === "number") return dentry;
  if ((mask & IN.ONLYDIR) !== 0 && (dentry.inode.mode & S_IFMT) !== S_IFDIR) return -errno.ENOTDIR;
  const denied = permission(task.fileCredentials, dentry.inode, MAY_READ);
  return denied < 0 ? denied : file.watch(dentry.inode, mask);
}

function removeWatch(task: Task, fd: number, descriptor: number): number {
  const file = task.file(fd);
  if (file === null) return -errno.EBADF;
  return file instanceof InotifyFile ? file.unwatch(descriptor) : -errno.EINVAL;
}

const note = "changes through shared mappings and by the host are not seen";

export const inotifyRows: readonly SyscallRow[] = [
  row("inotify_init", (task: Task) => inotifyInit1(task, 0), []),
  row("inotify_init1", inotifyInit1, ["int"]),
  partial("inotify_add_watch", addWatch, ["fd", "path", "uint"], note),
  row("inotify_rm_watch", removeWatch, ["fd", "int"]),
];
