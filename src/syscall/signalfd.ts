/** signalfd(2): signals that are read. */
import { errno } from "../abi/errno.ts";
import { O_CLOEXEC, O_NONBLOCK, O_RDWR } from "../abi/fcntl.ts";
import type { WaitQueue } from "../base/wait-queue.ts";
import type { Process } from "../kernel/process.ts";
import { unblockable } from "../kernel/signal-state.ts";
import type { SignalInfo, SignalSet } from "../kernel/signal-state.ts";
import type { Task } from "../kernel/task.ts";
import { SpecialFile } from "../vfs/special-file.ts";
import { poll } from "../vfs/types.ts";
import { anonymousDentry } from "./anonymous.ts";
import { partial } from "./row.ts";

/** struct signalfd_siginfo. */
const infoBytes = 128;

class SignalFile extends SpecialFile {
  set: SignalSet;
  readonly #process: Process;

  constructor(process: Process, set: SignalSet, flags: number) {
    const dentry = anonymousDentry("[signalfd]");
    super(dentry.inode, O_RDWR | flags, dentry);
    this.#process = process;
    this.set = set;
  }

  override get waiters(): WaitQueue {
    return this.#process.signalWaiters;
  }

  override read(target: Uint8Array): number {
    const room = Math.floor(target.length / infoBytes);
    if (room === 0) return -errno.EINVAL;
    let count = 0;
    while (count < room) {
      const info = this.#take();
      if (info === null) break;
      encode(info, new DataView(target.buffer, target.byteOffset + count * infoBytes, infoBytes));
      count++;
    }
    return count === 0 ? -errno.EAGAIN : count * infoBytes;
  }

  override poll(): number {
    let pending = this.#process.pending.set;
    for (const task of this.#process.tasks) pending |= task.pending.set;
    return (pending & this.set) !== 0n ? poll.in | poll.readNormal : 0;
  }

  #take(): SignalInfo | null {
    for (const task of this.#process.tasks) {
      const own = task.pending.take(this.set);
      if (own !== null) {
        task.kernel.signals.update(task);
        return own;
      }
    }
    return this.#process.pending.take(this.set);
  }
}

function encode(info: SignalInfo, view: DataView): void {
  view.setUint32(0, info.signal, true);
  view.setInt32(4, info.errno ?? 0, true);
  view.setInt32(8, info.code, true);
  view.setUint32(12, info.pid ?? 0, true);
  view.setUint32(16, info.uid ?? 0, true);
  view.setInt32(20, info.fd ?? 0, true);
  view.setUint32(24, info.timerId ?? 0, true);
  view.setUint32(28, info.band ?? 0, true);
  view.setUint32(32, info.overrun ?? 0, true);
  view.setInt32(40, info.status ?? 0, true);
  view.setInt32(44, Number(BigInt.asIntN(32, info.value ?? 0n)), true);
  view.setBigUint64(48, BigInt.asUintN(64, info.value ?? 0n), true);
  view.setBigUint64(56, BigInt(info.userTicks ?? 0), true);
  view.setBigUint64(64, BigInt(info.systemTicks ?? 0), true);
  view.setBigUint64(72, BigInt.asUintN(64, BigInt(info.address ?? 0)), true);
}

function signalfd4(task: Task, fd: number, setAddress: number, size: number, flags: number): number {
  if (size !== 8 || (flags & ~(O_CLOEXEC | O_NONBLOCK)) !== 0) return -errno.EINVAL;
  const set = task.user.readU64(setAddress) & ~unblockable;
  if (fd === -1) {
    return task.allocateFd(new SignalFile(task.process, set, flags & O_NONBLOCK), (flags & O_CLOEXEC) !== 0);
  }
  const file = task.file(fd);
  if (file === null) return -errno.EBADF;
  if (!(file instanceof SignalFile)) return -errno.EINVAL;
  file.set = set;
  return fd;
}

const note = "reads the signals of the process that made it, also after fork";

export const signalfdRows = [
  partial(
    "signalfd",
    (task: Task, fd: number, set: number, size: number) => signalfd4(task, fd, set, size, 0),
    ["fd", "buffer", "address"],
    note,
  ),
  partial("signalfd4", signalfd4, ["fd", "buffer", "address", "flags:open"], note),
];
