/**
 * epoll(7). Each watched file has an item; a wake-up of the file makes its item a candidate, and only candidates are
 * asked for their events, so that a wait costs what is ready rather than what is watched.
 *
 *     level-triggered    an item stays a candidate as long as it has events
 *     edge-triggered     it is one until it is reported, and again at the next wake-up
 *     one-shot           after a report it has no events until EPOLL_CTL_MOD
 */
import { errno } from "../abi/errno.ts";
import { O_CLOEXEC, O_RDWR } from "../abi/fcntl.ts";
import { EPOLL, epollEventLayout } from "../abi/poll.ts";
import type { Maybe } from "../base/maybe.ts";
import { WaitQueue } from "../base/wait-queue.ts";
import type { Task } from "../kernel/task.ts";
import { SpecialFile } from "../vfs/special-file.ts";
import { poll } from "../vfs/types.ts";
import type { OpenFile } from "../vfs/types.ts";
import { anonymousDentry } from "./anonymous.ts";
import { row } from "./row.ts";
import type { SyscallRow } from "./types.ts";
import { deadlineAfter, deadlineAfterMs, maskDuringCall, timeoutAt } from "./wait-times.ts";

/** Nesting Linux allows (EP_MAX_NESTS). */
const nestingMax = 5;

interface Item {
  readonly file: OpenFile;
  readonly fd: number;
  events: number;
  data: bigint;
  readonly forget: () => void;
}

class EpollFile extends SpecialFile {
  /** By descriptor number and file, as Linux has it: the number may be used again for another file. */
  readonly #items = new Map<OpenFile, Map<number, Item>>();
  readonly #candidates = new Set<Item>();
  readonly #waiters = new WaitQueue();

  constructor() {
    const dentry = anonymousDentry("[eventpoll]");
    super(dentry.inode, O_RDWR, dentry);
  }

  override get waiters(): WaitQueue {
    return this.#waiters;
  }

  #find(file: OpenFile, fd: number): Item | undefined {
    return this.#items.get(file)?.get(fd);
  }

  add(file: OpenFile, fd: number, events: number, data: bigint): number {
    if (this.#find(file, fd) !== undefined) return -errno.EEXIST;
    // Files that are always ready (regular ones) cannot be waited for.
    if (file.waiters === null) return -errno.EPERM;
    const leave = file.waiters.add(() => this.#woken(item));
    const unlisten = file instanceof SpecialFile ? file.onClose(() => this.#drop(item)) : () => {};
    const item: Item = {
      file,
      fd,
      events,
      data,
      forget: () => {
        leave();
        unlisten();
      },
    };
    let byFd = this.#items.get(file);
    if (byFd === undefined) this.#items.set(file, (byFd = new Map()));
    byFd.set(fd, item);
    this.#woken(item);
    return 0;
  }

  modify(file: OpenFile, fd: number, events: number, data: bigint): number {
    const item = this.#find(file, fd);
    if (item === undefined) return -errno.ENOENT;
    item.events = events;
    item.data = data;
    this.#woken(item);
    return 0;
  }

  remove(file: OpenFile, fd: number): number {
    const item = this.#find(file, fd);
    if (item === undefined) return -errno.ENOENT;
    this.#drop(item);
    return 0;
  }

  #drop(item: Item): void {
    item.forget();
    this.#candidates.delete(item);
    const byFd = this.#items.get(item.file);
    byFd?.delete(item.fd);
    if (byFd?.size === 0) this.#items.delete(item.file);
  }

  #woken(item: Item): void {
    this.#candidates.add(item);
    if (this.#waiters.size > 0 && this.#eventsOf(item) !== 0) this.#waiters.wake();
  }

  #eventsOf(item: Item): number {
    // After a one-shot report only the flags are left.
    if ((item.events & 0xffff) === 0) return 0;
    return item.file.poll() & ((item.events & 0xffff) | poll.error | poll.hangup);
  }

  /** The next events, at most `count`: reported items that stay ready go to the end of the line. */
  collect(count: number): { events: number; data: bigint }[] {
    const found: { events: number; data: bigint }[] = [];
    const line = Array.from(this.#candidates);
    for (const item of line) {
      if (found.length === count) break;
      this.#candidates.delete(item);
      const events = this.#eventsOf(item);
      if (events === 0) continue;
      found.push({ events, data: item.data });
      if ((item.events & EPOLL.ONESHOT) !== 0) item.events &= ~0xffff;
      else if ((item.events & EPOLL.ET) === 0) this.#candidates.add(item);
    }
    return found;
  }

  override poll(): number {
    for (const item of this.#candidates) {
      if (this.#eventsOf(item) !== 0) return poll.in | poll.readNormal;
      this.#candidates.delete(item);
    }
    return 0;
  }

  /** Whether it watches `file`, itself or through others: a loop would wake itself for ever. */
  reaches(file: OpenFile): boolean {
    for (const watched of this.#items.keys())
      if (watched === file || (watched instanceof EpollFile && watched.reaches(file))) return true;
    return false;
  }

  get depth(): number {
    let below = 0;
    for (const watched of this.#items.keys()) if (watched instanceof EpollFile) below = Math.max(below, watched.depth);
    return below + 1;
  }

  protected override closed(): void {
    for (const byFd of this.#items.values()) for (const item of byFd.values()) item.forget();
    this.#items.clear();
    this.#candidates.clear();
  }
}

function epollCreate1(task: Task, flags: number): number {
  if ((flags & ~EPOLL.CLOEXEC) !== 0) return -errno.EINVAL;
  return task.allocateFd(new EpollFile(), (flags & O_CLOEXEC) !== 0);
}

function epollCtl(task: Task, epfd: number, operation: number, fd: number, address: number): number {
  let events = 0;
  let data = 0n;
  if (operation !== EPOLL.CTL_DEL) {
    events = task.user.readU32(address);
    data = task.user.readU64(address + 4);
  }
  const epoll = task.file(epfd);
  const file = task.file(fd);
  if (epoll === null || file === null) return -errno.EBADF;
  if (!(epoll instanceof EpollFile) || epoll === file) return -errno.EINVAL;
  switch (operation) {
    case EPOLL.CTL_ADD:
      if (file instanceof EpollFile) {
        if ((events & EPOLL.EXCLUSIVE) !== 0) return -errno.EINVAL;
        if (file.reaches(epoll) || file.depth >= nestingMax) return -errno.ELOOP;
      }
      return epoll.add(file, fd, events, data);
    case EPOLL.CTL_MOD:
      return (events & EPOLL.EXCLUSIVE) !== 0 ? -errno.EINVAL : epoll.modify(file, fd, events, data);
    case EPOLL.CTL_DEL:
      return epoll.remove(file, fd);
    default:
      return -errno.EINVAL;
  }
}

function waitUntil(task: Task, epfd: number, address: number, count: number, deadlineNs: bigint | null): Maybe<number> {
  const epoll = task.file(epfd);
  if (epoll === null) return -errno.EBADF;
  if (!(epoll instanceof EpollFile) || count <= 0) return -errno.EINVAL;
  const most = Math.min(count, 1024);
  task.user.prepareWrite(address, most * epollEventLayout.size);
  const deliver = (): number => {
    const found = epoll.collect(most);
    if (found.length === 0) return 0;
    const bytes = new Uint8Array(found.length * epollEventLayout.size);
    const view = new DataView(bytes.buffer);
    for (let index = 0; index < found.length; index++) {
      view.setUint32(index * epollEventLayout.size, found[index]!.events, true);
      view.setBigUint64(index * epollEventLayout.size + 4, found[index]!.data, true);
    }
    task.user.write(address, bytes);
    return found.length;
  };
  const found = deliver();
  if (found !== 0 || (deadlineNs !== null && deadlineNs <= task.kernel.clock.monotonicNs())) return found;
  return sleep(task, epoll, deliver, deadlineNs);
}

async function sleep(task: Task, epoll: EpollFile, deliver: () => number, deadlineNs: bigint | null): Promise<number> {
  epoll.retain();
  try {
    for (;;) {
      const ended = await task.wait([epoll.waiters], { deadlineNs });
      const found = deliver();
      if (found !== 0) return found;
      if (ended === "timeout") return 0;
      if (ended === "interrupted") return -errno.EINTR;
    }
  } finally {
    epoll.release();
  }
}

const epollWait = (task: Task, epfd: number, address: number, count: number, timeoutMs: number): Maybe<number> =>
  waitUntil(task, epfd, address, count, deadlineAfterMs(task, timeoutMs));

function epollPwait(
  task: Task,
  epfd: number,
  address: number,
  count: number,
  timeoutMs: number,
  mask: number,
  maskSize: number,
): Maybe<number> {
  if (count > 0) task.user.prepareWrite(address, Math.min(count, 1024) * epollEventLayout.size);
  const failed = maskDuringCall(task, mask, maskSize);
  if (failed < 0) return failed;
  return waitUntil(task, epfd, address, count, deadlineAfterMs(task, timeoutMs));
}

function epollPwait2(
  task: Task,
  epfd: number,
  address: number,
  count: number,
  timeout: number,
  mask: number,
  maskSize: number,
): Maybe<number> {
  const ns = timeoutAt(task, timeout);
  if (typeof ns === "number") return ns;
  if (count > 0) task.user.prepareWrite(address, Math.min(count, 1024) * epollEventLayout.size);
  const failed = maskDuringCall(task, mask, maskSize);
  if (failed < 0) return failed;
  return waitUntil(task, epfd, address, count, deadlineAfter(task, ns));
}

export const epollRows: readonly SyscallRow[] = [
  row("epoll_create", (task: Task, size: number) => (size <= 0 ? -errno.EINVAL : epollCreate1(task, 0)), ["int"]),
  row("epoll_create1", epollCreate1, ["int"]),
  row("epoll_ctl", epollCtl, ["fd", "int", "fd", "address"]),
  row("epoll_wait", epollWait, ["fd", "address", "int", "int"]),
  row("epoll_pwait", epollPwait, ["fd", "address", "int", "int", "address", "address"]),
  row("epoll_pwait2", epollPwait2, ["fd", "address", "int", "address", "address", "address"]),
];
