/** eventfd(2): a 64-bit counter that can be waited for. */
import { errno } from "../abi/errno.ts";
import { O_NONBLOCK, O_RDWR } from "../abi/fcntl.ts";
import { EFD } from "../abi/poll.ts";
import { WaitQueue } from "../base/wait-queue.ts";
import type { Task } from "../kernel/task.ts";
import { SpecialFile } from "../vfs/special-file.ts";
import { poll } from "../vfs/types.ts";
import { anonymousDentry } from "./anonymous.ts";
import { row } from "./row.ts";
import type { SyscallRow } from "./types.ts";

const most = 0xffff_ffff_ffff_fffen;

class EventFile extends SpecialFile {
  #count: bigint;
  readonly #semaphore: boolean;
  readonly #waiters = new WaitQueue();

  constructor(initial: number, semaphore: boolean, flags: number) {
    const dentry = anonymousDentry("[eventfd]");
    super(dentry.inode, O_RDWR | flags, dentry);
    this.#count = BigInt(initial);
    this.#semaphore = semaphore;
  }

  override get waiters(): WaitQueue {
    return this.#waiters;
  }

  override read(target: Uint8Array, _position: number | null): number {
    if (target.length < 8) return -errno.EINVAL;
    if (this.#count === 0n) return -errno.EAGAIN;
    const value = this.#semaphore ? 1n : this.#count;
    this.#count -= value;
    new DataView(target.buffer, target.byteOffset).setBigUint64(0, value, true);
    this.#waiters.wake();
    return 8;
  }

  override write(source: Uint8Array, _position: number | null): number {
    if (source.length < 8) return -errno.EINVAL;
    const value = new DataView(source.buffer, source.byteOffset).getBigUint64(0, true);
    if (value > most) return -errno.EINVAL;
    if (this.#count + value > most) return -errno.EAGAIN;
    this.#count += value;
    if (value > 0n) this.#waiters.wake();
    return 8;
  }

  override poll(): number {
    let events = 0;
    if (this.#count > 0n) events |= poll.in | poll.readNormal;
    if (this.#count < most) events |= poll.out | poll.writeNormal;
    return events;
  }
}

function eventfd2(task: Task, initial: number, flags: number): number {
  if ((flags & ~(EFD.SEMAPHORE | EFD.CLOEXEC | EFD.NONBLOCK)) !== 0) return -errno.EINVAL;
  const file = new EventFile(initial, (flags & EFD.SEMAPHORE) !== 0, flags & O_NONBLOCK);
  return task.allocateFd(file, (flags & EFD.CLOEXEC) !== 0);
}

export const eventfdRows: readonly SyscallRow[] = [
  row("eventfd", (task: Task, initial: number) => eventfd2(task, initial, 0), ["uint"]),
  row("eventfd2", eventfd2, ["uint", "int"]),
];
